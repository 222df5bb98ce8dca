#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vng.sh - the kselftests in a guest that virtme-ng starts: it has this machine's file tree, read-only, and this machine's
# programs, instead of an initramfs with busybox. Slower than run.sh, which is the default; good for looking around ("vng"
# alone gives a shell). Environment: KERNEL (6.1; stock, of this machine's architecture), SMP (2), T as in kselftest.sh.
# TAP on stdout. Must never take vng's own word for success: the guest writes its verdict, too.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

command -v vng >/dev/null || die "no virtme-ng here: selftests/vm/setup.sh vng"
kernel=${KERNEL:-6.1} smp=${SMP:-2}
kernel_row "$kernel"
if [ "$K_KIND" != stock ] || [ -n "$(cross_prefix "$K_ARCH")" ]; then
	die "$kernel is not a stock kernel of this machine's architecture"
fi
dir=$("$VM_DIR/kernel.sh" "$kernel")
image=$("$VM_DIR/kernel.sh" image "$kernel")
stage=$LMAP_TOP/build/vng
rm -rf "$stage"
mkdir -p "$stage"
STAGE=$stage KERNEL=$kernel "$VM_DIR/kselftest.sh"
cp -r "$dir/modules" "$stage/modules"
cp "$("$VM_DIR/kmod.sh" "$kernel")" "$("$VM_DIR/kmod.sh" "$kernel" selftests/takelocks)" "$stage/modules/"
cp "$VM_DIR/guest/kselftest.guest" "$VM_DIR/guest/dmesg-bad" "$VM_DIR/guest/vng.guest" "$stage/"

# The guest writes here; without a running udev vng's own way to pass output and status on does not work.
mkdir "$stage/out"
: >"$stage/out/tap"
echo "# kselftests on $kernel with $smp CPU, under virtme-ng"
# (without --disable-kvm it takes a KVM that can be opened for one that works, and hangs)
timeout $((3600 * K_SLOW)) vng --run "$image/boot/vmlinuz-$(cat "$dir/release")" --disable-kvm --force-9p --cpus "$smp" \
	--memory "${K_MEM}M" --append "$K_PARAMS" --user root --rwdir "$stage/out" \
	--exec "sh $stage/vng.guest $stage >$stage/out/tap 2>&1" \
	</dev/null >"$stage/vng.log" 2>&1 &
vng=$!
trap 'kill "$vng" 2>/dev/null || true' EXIT
tail -n +1 -f "$stage/out/tap" --pid=$vng
wait $vng || true		# its status is not that of the guest
rc=$(sed -n 's/^# verdict \([0-9]*\).*/\1/p' "$stage/out/tap" | tail -n 1)
if [ -z "$rc" ]; then
	tail -n 40 "$stage/vng.log" >&2
	die "the guest gave no verdict"
fi
SMP=$smp K_SLOW=$K_SLOW "$VM_DIR/skips.sh" "$dir/config" "$stage/out/tap" || [ "$rc" != 0 ] || rc=1
exit "$rc"
