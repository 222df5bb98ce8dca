#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# host.sh MODULE COMMAND... - the same as run.sh on this machine itself: insert the module, run, remove it. Needs root.
# Must leave the machine as it was, also when the command fails.
set -eu
[ "$(id -u)" = 0 ] || { echo "${0##*/}: inserting a module needs root" >&2; exit 1; }
module=$1
shift
[ ! -d /sys/module/lmap ] || { echo "${0##*/}: lmap is loaded already" >&2; exit 1; }
built=$(modinfo -F vermagic "$module" | cut -d ' ' -f 1)
[ "$built" = "$(uname -r)" ] || {
	echo "${0##*/}: $module was built for Linux $built, and this is $(uname -r): make module KDIR=its headers" >&2
	exit 1
}
insmod "$module"
trap 'rmmod lmap' EXIT
"$@"
