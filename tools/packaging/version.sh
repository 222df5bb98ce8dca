#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# version.sh [release|epoch] - the version of a package that is built from this tree: the one in module/version.h if the
# changelog has a date for it, otherwise one that sorts before it. With "release": the one in module/version.h, as every
# Makefile has it from here. With "epoch": the time of the last commit, which files in packages get, so that two builds are
# the same. Must never look at the clock.
set -eu
cd "$(dirname "$(readlink -f "$0")")/../.."

epoch() { echo "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}"; }

release=$(sed -n 's/^.define LMAP_RELEASE "\([0-9.]*\)"$/\1/p' module/version.h)
[ -n "$release" ] || { echo "version.sh: no version in module/version.h" >&2; exit 1; }
case ${1-} in
release) echo "$release" ;;
epoch) epoch ;;
*)
	if grep -q "^## \[$release\] - [0-9]" CHANGELOG.md; then
		echo "$release"
	else
		echo "$release~git$(date -u -d "@$(epoch)" +%Y%m%d)"
	fi
	;;
esac
