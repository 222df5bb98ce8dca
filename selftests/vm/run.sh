#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh [options] -- COMMAND... - boot a kernel, insert lmap.ko, run a command in the guest; exit with its status.
#   --kernel NAME        of the table `kernels`, default 6.1
#   --smp N --mem MiB    processors (2), memory (the kernel's)
#   --append "PARAMS"    kernel parameters
#   --timeout SECONDS    default 300, stretched for slow kernels
#   --add FILE[:PATH]    file or directory to put into the guest, default place /t/
#   --module FILE        another module, inserted before lmap.ko
#   --no-module          without lmap.ko
#   --icount             the guest's clock counts instructions: times that don't depend on the machine, one processor
#   --console FILE       keep the kernel's console
#   --efi DIR            through firmware with Secure Boot (amd64): DIR/code.fd, DIR/vars.fd, which is written, and the disk
#                        DIR/esp, whose boot loader finds /vmlinuz, /initrd and /EFI/debian/grub.cfg
#   --typist COMMAND     run it while the guest boots: with the console's file and a pipe that is its keyboard; resets are let
#                        through, as it is the firmware that is typed at
# The output of the command goes to stdout as it comes. 124 = time is up, 125 = the guest died without a verdict,
# 96 = the kernel complained while it booted, 97 = insmod failed, 98 = rmmod failed, 99 = it complained later. Must
# never touch the machine's own kernel.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=6.1 smp=2 mem='' append='' timeout=300 module=1 icount=0 console='' efi='' typist='' adds=() others=()
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift ;;
	--smp) smp=$2; shift ;;
	--mem) mem=$2; shift ;;
	--append) append=$2; shift ;;
	--timeout) timeout=$2; shift ;;
	--add) adds+=("$2"); shift ;;
	--console) console=$2; shift ;;
	--efi) efi=$2; shift ;;
	--typist) typist=$2; shift ;;
	--module) others+=("$2"); shift ;;
	--no-module) module=0 ;;
	--icount) icount=1 smp=1 ;;
	--) shift; break ;;
	*) die "unknown option $1" ;;
	esac
	shift
done
[ $# -gt 0 ] || die "usage: run.sh [options] -- COMMAND..."

dir=$("$VM_DIR/kernel.sh" "$kernel")
kernel_row "$kernel"
work=$(mktemp -d)
console=${console:-$work/console}
qemu='' follow='' typing=()
# shellcheck disable=SC2317 # called by trap
cleanup() {
	[ -z "$follow" ] || kill "$follow" 2>/dev/null || true
	[ ${#typing[@]} = 0 ] || kill "${typing[@]}" 2>/dev/null || true
	[ -z "$qemu" ] || kill -9 "$qemu" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 143' INT TERM

busybox_for() {
	if [ -z "$(cross_prefix "$1")" ]; then command -v busybox; else echo "$("$VM_DIR/cross.sh" "$1")/bin/busybox"; fi
}

# A root-free initramfs: busybox, the guest's scripts, modules, what was added.
make_initramfs() {
	local root=$work/root spec file place
	mkdir -p "$root"/{bin,proc,sys,dev,tmp,t,modules}
	cp "$(busybox_for "$K_ARCH")" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	ln -s busybox "$root/bin/mount"
	install -m 755 "$VM_DIR/guest/init" "$root/init"
	install -m 755 "$VM_DIR/guest/dmesg-bad" "$VM_DIR/guest/kselftest.guest" "$root/t/"
	cp "$dir"/modules/* "$root/modules/"
	[ $module = 0 ] || cp "$("$VM_DIR/kmod.sh" "$kernel")" "$root/modules/lmap.ko"
	for file in "${others[@]}"; do
		cp "$file" "$root/modules/"
		basename "$file" .ko >>"$root/modules/order"
	done
	for spec in "${adds[@]}"; do
		file=${spec%%:*} place=/t/$(basename "${spec%%:*}")
		[ "$file" = "$spec" ] || place=${spec#*:}
		mkdir -p "$root$(dirname "$place")"
		cp -aL "$file" "$root$place"
	done
	printf '%q ' "$@" >"$root/t/cmd"
	(cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc -R 0:0) | gzip -1 >"$work/initrd"
}

# What differs between architectures: the program, the machine, where console and results go. The machine of arm64 has one
# port; the other is a PCI device, whose driver is built into every kernel that Debian makes.
set_machine() {
	case $K_ARCH in
	amd64)
		# Without la57: an interrupt while the boot CPU is identified makes KASAN report and lockdep give up.
		program=qemu-system-x86_64 machine=q35 cpu=max,la57=off
		results=(-serial chardev:out) params="console=ttyS0 no_timer_check lmap.out=ttyS1"
		;;
	arm64)
		# signing pointers the way the architecture describes it costs more than all the rest
		program=qemu-system-aarch64 machine=virt cpu=max,pauth-impdef=on
		results=(-device "pci-serial,chardev=out") params="console=ttyAMA0 lmap.out=ttyS0"
		;;
	*) die "no machine for $K_ARCH" ;;
	esac
}

# What leads to the kernel: QEMU itself, or firmware, a boot loader and their disk.
set_boot() {
	params="$params panic=-1 oops=panic loglevel=7 lmap.module=$module $append"
	boot=(-kernel "$dir/vmlinuz" -initrd "$work/initrd" -append "$params")
	[ -n "$efi" ] || return 0
	cp "$dir/vmlinuz" "$work/initrd" "$efi/esp/"
	mkdir -p "$efi/esp/EFI/debian"
	printf '%s\n' "linux /vmlinuz $params" "initrd /initrd" boot >"$efi/esp/EFI/debian/grub.cfg"
	# only code in system management mode may write to the flash, as it is on real machines
	machine+=,smm=on
	boot=(-global "driver=cfi.pflash01,property=secure,value=on"
		-drive "if=pflash,unit=0,format=raw,readonly=on,file=$efi/code.fd"
		-drive "if=pflash,unit=1,format=raw,file=$efi/vars.fd"
		-drive "if=none,id=esp,format=raw,readonly=on,file=fat:$efi/esp" -device "virtio-blk-pci,drive=esp")
}

# The console as two pipes, from which a file comes.
start_typist() {
	[ -p "$work/con.in" ] || mkfifo "$work/con.in" "$work/con.out"
	: >"$console"
	con="pipe,id=con,path=$work/con" reset=()
	[ ${#typing[@]} = 0 ] || kill "${typing[@]}" 2>/dev/null || true
	cat "$work/con.out" >"$console" &
	typing=($!)
	"$typist" "$console" "$work/con.in" >&2 &
	typing+=($!)
}

start_qemu() {
	local accel=$1 program machine cpu results params clock=() boot con=file,id=con,path=$console reset=(-no-reboot)
	set_machine
	set_boot
	case $accel in
	kvm) cpu=host ;;
	tcg) accel=tcg,thread=multi ;;
	icount)
		# An instruction is a nanosecond, also of the TSC; waiting takes no time. What is random comes from a seed.
		accel=tcg,thread=single
		clock=(-icount "shift=0,sleep=off,align=off" -rtc "base=2023-01-01,clock=vm" -seed 1)
		params="nokaslr $params"
		# Without erms: each step of a string instruction counts, so copy 8 bytes at a time, not 1.
		[ "$K_ARCH" != amd64 ] || cpu=$cpu,erms=off params="clocksource=tsc tsc=reliable $params"
		;;
	esac
	: >"$work/out"
	[ -z "$typist" ] || start_typist
	"$program" -machine "$machine" -accel "$accel" -cpu "$cpu" "${clock[@]}" -nodefaults -display none "${reset[@]}" \
		-m "${mem:-$K_MEM}" -smp "$smp" "${boot[@]}" \
		-chardev "$con" -serial chardev:con \
		-chardev "file,id=out,path=$work/out" "${results[@]}" \
		</dev/null >"$work/qemu.log" 2>&1 &
	qemu=$!
	disown $qemu		# its death is expected: no message of the shell
}

stop_qemu() {
	while kill -9 "$qemu" 2>/dev/null; do sleep 0.1; done
	qemu=''
}

# On a machine that is busy with other things a guest can hang before its first process: nothing of ours ran then.
booted() {
	local tries=600
	[ -z "$efi" ] || tries=2400
	for _ in $(seq $((tries * K_SLOW))); do
		! grep -q '# guest:' "$work/out" || return 0
		kill -0 "$qemu" 2>/dev/null || return 1
		sleep 0.2
	done
	return 1
}

# wait_qemu SECONDS: true when the guest has gone by itself
wait_qemu() {
	local left=$(($1 * 10))
	while [ $left -gt 0 ] && kill -0 "$qemu" 2>/dev/null; do sleep 0.1; left=$((left - 1)); done
	! kill -0 "$qemu" 2>/dev/null
}

# An openable /dev/kvm proves nothing: boot under it, with a time limit; remember until the next boot.
kvm_works() {
	local memo
	[ -z "$(cross_prefix "$K_ARCH")" ] || return 1
	[ -r /dev/kvm ] && [ -w /dev/kvm ] || return 1
	memo=$LMAP_CACHE/kvm-$(cat /proc/sys/kernel/random/boot_id)
	if [ ! -e "$memo" ]; then
		start_qemu kvm
		for _ in $(seq 15); do
			sleep 1
			! grep -q '# guest:' "$work/out" || break
			kill -0 "$qemu" 2>/dev/null || break
		done
		grep -q '# guest:' "$work/out" && echo yes >"$memo" || echo no >"$memo"
		stop_qemu
	fi
	[ "$(cat "$memo")" = yes ]
}

make_initramfs "$@"
accel=tcg
if [ $icount = 1 ]; then accel=icount; elif kvm_works; then accel=kvm; fi
start_qemu $accel
if ! booted; then
	say "the guest did not boot; once more"
	tail -n 5 "$console" >&2 || true
	stop_qemu
	start_qemu $accel
fi
# what comes before is of the firmware
tail -n +1 -f "$work/out" --pid=$qemu 2>/dev/null | sed -u '0,/# guest:/ { /# guest:/!d; s/.*# guest:/# guest:/ }; /^LMAP-EXIT/d' &
follow=$!
gone=1
wait_qemu $((timeout * K_SLOW)) || gone=0
stop_qemu
wait "$follow" 2>/dev/null || true
follow=
status=$(sed -n 's/^LMAP-EXIT \([0-9]*\).*/\1/p' "$work/out" | tail -n 1)
if [ $gone = 0 ]; then status=124; fi
if [ "${status:-125}" = 124 ] || [ "${status:-125}" = 125 ]; then
	say "the guest gave no verdict (status ${status:-125}); the end of its console:"
	cat "$work/qemu.log" >&2
	tail -n 60 "$console" >&2 || true
fi
exit "${status:-125}"
