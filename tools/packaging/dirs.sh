#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# dirs.sh make DESTDIR PREFIX DIR... - make directories below DESTDIR, and note those that were not there.
# dirs.sh remove DESTDIR PREFIX      - remove those of them that are empty now, and the note.
# So "make uninstall" leaves a tree as "make install" found it. Must never remove a directory that was there before.
set -eu
umask 022

verb=$1 dest=$2 prefix=$3
shift 3
note=$dest$prefix/share/lmap/made-by-install

# missing DIR: it and those above it that don't exist, one a line
missing() {
	while [ "$1" != / ] && [ "$1" != . ] && [ ! -d "$dest$1" ]; do
		echo "$1"
		set -- "$(dirname "$1")"
	done
}

# The list is complete before anything is made: whoever dies here has noted too much, never too little.
note_and_make() {
	new=$(missing "$1")
	mkdir -p "$(dirname "$note")"
	[ -z "$new" ] || echo "$new" >>"$note"
	mkdir -p "$dest$1"
}

case $verb in
make)
	[ -z "$dest" ] || mkdir -p "$dest"
	for dir in "$prefix/share/lmap" "$@"; do note_and_make "$dir"; done
	;;
remove)
	[ -f "$note" ] || exit 0
	made=$(sort -ru "$note")
	rm -f "$note"
	echo "$made" | while IFS= read -r dir; do
		[ ! -d "$dest$dir" ] || rmdir --ignore-fail-on-non-empty "$dest$dir"
	done
	;;
*)
	echo "usage: dirs.sh make|remove DESTDIR PREFIX [DIR...]" >&2
	exit 2
	;;
esac
