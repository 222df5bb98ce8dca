# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Sourced after lib.sh: Debian packages of any suite and architecture, downloaded through a private apt root in the
# cache. Must never touch the machine's apt sources, its dpkg database or its list of architectures; the mirrors are the
# ones that the machine's own apt is configured for.

APT_ROOT=$LMAP_CACHE/apt
APT_FRESH_MINUTES=1440

# (the machine's apt.conf.d is read after APT_CONFIG and may switch the binary cache off: 4 s a query instead of 0.02 s)
papt() {
	local cmd=$1
	shift
	APT_CONFIG=$APT_ROOT/apt.conf "apt-$cmd" -o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache=srcpkgcache.bin "$@"
}

# machine_mirror PATTERN: first repository of this machine's apt whose address ends like that
machine_mirror() {
	local uris
	# shellcheck disable=SC2016 # apt's own variables
	uris=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u | grep -E "$1") ||
		die "this machine's apt sources name no Debian mirror (…$1)"
	head -n 1 <<<"$uris"
}

write_apt_root() {
	local main sec suite opt
	main=$(machine_mirror '/debian/?$')
	sec=$(machine_mirror '/debian-security/?$')
	opt="arch=amd64,arm64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg"
	mkdir -p "$APT_ROOT"/{lists/partial,cache/archives/partial,parts,debs}
	for suite in $(awk '!/^#/ && NF { print $4 }' "$VM_DIR/kernels" | sort -u); do
		echo "deb [$opt] $main $suite main"
		# unstable has neither updates nor security
		[ "$suite" = sid ] || printf 'deb [%s] %s %s main\n' "$opt" "$main" "$suite-updates" "$opt" "$sec" "$suite-security"
	done >"$APT_ROOT/sources.list.new"
	# a file that is as old as before keeps apt's binary cache valid, which takes ten seconds to make
	if cmp -s "$APT_ROOT/sources.list.new" "$APT_ROOT/sources.list"; then
		rm "$APT_ROOT/sources.list.new"
	else
		rm -f "$APT_ROOT/stamp"
		mv "$APT_ROOT/sources.list.new" "$APT_ROOT/sources.list"
	fi
	cat >"$APT_ROOT/apt.conf" <<-E
	Dir::Etc::sourcelist "$APT_ROOT/sources.list";
	Dir::Etc::sourceparts "-";
	Dir::Etc::preferences "-";
	Dir::Etc::preferencesparts "$APT_ROOT/parts";
	Dir::State::lists "$APT_ROOT/lists";
	Dir::Cache "$APT_ROOT/cache";
	APT::Architectures { "$(dpkg --print-architecture)"; "amd64"; "arm64"; };
	APT::Sandbox::User "root";
	Acquire::Languages "none";
	Acquire::Check-Valid-Until "false";
	Acquire::Retries "3";
	E
}

# Indexes are refreshed once a day, or when the table of kernels asks for others; without network, yesterday's are good
# enough. Asking the machine's apt where its mirror is takes a second, so that isn't done more often, either.
apt_root() {
	local key
	key=$(cat "$VM_DIR/kernels" "$VM_DIR/apt.sh" | cksum)
	if [ "$(cat "$APT_ROOT/key" 2>/dev/null)" != "$key" ] || ! index_is_fresh; then
		refresh_apt_root
		echo "$key" >"$APT_ROOT/key"
	fi
}

index_is_fresh() { [ -n "$(find "$APT_ROOT/stamp" -mmin -$APT_FRESH_MINUTES 2>/dev/null)" ]; }

refresh_apt_root() {
	write_apt_root
	! index_is_fresh || return 0
	say "refreshing the private package index"
	if papt get -qq update >&2; then
		touch "$APT_ROOT/stamp"
	else
		[ -e "$APT_ROOT/stamp" ] || die "cannot read the package index"
		say "cannot refresh the package index; using the previous one"
	fi
}

# newest_version PACKAGE[:ARCH] SUITE
newest_version() {
	papt cache madison "$1" | awk -F' *[|] *' -v s="$2" '{
		split($3, a, " "); sub("/.*", "", a[2])
		if (a[2] == s || index(a[2], s "-") == 1) print $2 }' | sort -V | tail -n 1
}

# fetch_deb PACKAGE[:ARCH] VERSION: prints the path of the .deb, downloaded unless it is there
fetch_deb() {
	local name=${1%%:*} dir=$APT_ROOT/debs/${1/:/_}_${2//[:\/]/_} deb
	if [ ! -e "$dir/.done" ]; then
		rm -rf "$dir"
		mkdir -p "$dir"
		say "downloading $name $2"
		(cd "$dir" && papt get -qq download "$1=$2" >&2) || die "cannot download $1 $2"
		touch "$dir/.done"
	fi
	deb=$(find "$dir" -name "${name}_*.deb")
	[ -n "$deb" ] || die "no .deb of $1 in $dir"
	echo "$deb"
}

# depends_of PACKAGE[:ARCH] VERSION REGEX: the names it depends on that match as a whole
depends_of() {
	papt cache show "$1=$2" | sed -n 's/^Depends: *//p' | tr ',|' '\n\n' | sed 's/^ *//; s/[ :].*//' | grep -xE -- "$3" | sort -u
}

# forget_debs VERSION: a hundred MB that nobody asks for again once they are unpacked
forget_debs() {
	rm -rf "$APT_ROOT"/debs/*"_${1//[:\/]/_}"
}
