# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# lmapctl.bash - completion of lmapctl for bash. Must never ask for a password, nor wait: what the caller may not see is
# not completed.

_lmapctl_windows() {
	lmapctl list --json 2>/dev/null | grep -o '"window":[0-9]*' | cut -d : -f 2
}

_lmapctl_processes() {
	local p
	for p in /proc/[0-9]*; do echo "${p##*/}"; done
}

_lmapctl() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} word
	local commands="list tree dot monitor stats info help" words="" given=""
	local options="--mappings --window --pid --timestamps --bytes --json --color --help --version"
	# bash cuts --color=auto into three words
	if [ "$current" = "=" ]; then
		previous="=" current=""
	fi
	case $previous in
	-w | --window) words=$(_lmapctl_windows) ;;
	-p | --pid) words=$(_lmapctl_processes) ;;
	=)
		case ${COMP_WORDS[COMP_CWORD - 2]}${COMP_WORDS[COMP_CWORD - 1]} in
		*color*) words="auto always never" ;;
		*window*) words=$(_lmapctl_windows) ;;
		*pid*) words=$(_lmapctl_processes) ;;
		esac
		;;
	*)
		for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
			case " $commands " in *" $word "*) given=$word ;; esac
		done
		case $current in
		-*) words=$options ;;
		*) [ -n "$given" ] || words=$commands ;;
		esac
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _lmapctl lmapctl
