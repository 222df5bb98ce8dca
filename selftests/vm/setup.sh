#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# setup.sh [vng] - install what building, testing and linting lmap takes, on Debian 12; with "vng" virtme-ng, too, which
# Debian 12 does not have: a newer suite's package of scripts, whose dependencies Debian 12 has. The only script that changes
# the machine; says beforehand what it installs; does nothing when everything is there.
set -eu -o pipefail

# command, header or library behind each line, for the reader who wants to drop one
PACKAGES=(
	build-essential pkg-config			# module, library, tools
	libnl-3-dev libnl-genl-3-dev			# library: events
	libjson-c-dev					# lmapctl
	graphviz python3				# testing what lmapctl writes
	python3-yaml python3-jsonschema			# lint: the netlink family
	linux-headers-amd64				# make without the cache: the stock module
	bc bison flex libelf-dev libssl-dev rsync	# the debug kernels
	xz-utils cpio kmod				# unpacking kernels, packing the guest
	busybox-static qemu-system-x86			# the guest
	qemu-system-arm					# the guest of arm64
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross	# what runs in it; make abi: is the interface the same there?
	clang libclang-rt-14-dev				# lint, fuzzing the mapping database
	spin						# models of the protocols
	cppcheck sparse shellcheck groff-base perl	# lint
	debian-archive-keyring ca-certificates		# fetching kernels
	dpkg-dev debhelper dh-dkms			# make deb
	lintian dkms man-db				# make check-install
)

missing() {
	local p
	for p in "${PACKAGES[@]}"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
	done
}

# apt on a fresh container has no package lists, or lists whose files are gone from the mirror.
install_packages() {
	local run=(env DEBIAN_FRONTEND=noninteractive)
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || {
			echo "setup.sh: not root and no sudo; run as root:" >&2
			echo "  apt-get update && apt-get install --no-install-recommends $*" >&2
			exit 1
		}
		run=(sudo "${run[@]}")
	fi
	"${run[@]}" apt-get update -q
	"${run[@]}" apt-get install -y -q --no-install-recommends "$@"
}

mapfile -t todo < <(missing)
if [ ${#todo[@]} -gt 0 ]; then
	echo "setup.sh: installing ${todo[*]}"
	install_packages "${todo[@]}"
	mapfile -t todo < <(missing)
	[ ${#todo[@]} -eq 0 ] || { echo "setup.sh: still missing: ${todo[*]}" >&2; exit 1; }
fi
if [ "${1-}" = vng ] && ! command -v vng >/dev/null; then
	deb=$("$(dirname "$(readlink -f "$0")")/cross.sh" deb virtme-ng sid)
	echo "setup.sh: installing $(basename "$deb")"
	install_packages "$deb"
fi
