#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# secureboot-typist.sh CONSOLE KEYBOARD - what Documentation/install.rst tells a user to do with MokManager, which shim starts
# after "mokutil --import": enroll all keys that wait, give the password. CONSOLE: the file that the screen is written to;
# KEYBOARD: a pipe; KEYS and PASSWORD: how many and which. Waits for what is on the screen, and types only then. Must
# never press a key that it was not asked for.
set -eu -o pipefail
console=$1 keyboard=$2
down=$'\e[B' enter=$'\r' seen=0

# wait_for WORDS: after what was already answered
wait_for() {
	until tail -c +$((seen + 1)) "$console" | tr -d '\0' | grep -aF -- "$1" >/dev/null; do sleep 0.1; done
	sleep 0.5		# the rest of the screen
	seen=$(stat -c %s "$console")
	echo "# on the screen: $1"
}

press() { printf %s "$1" >"$keyboard"; }

# choose N: the entry that is N below the first. Keys that come too early wait in the firmware, in order; but not many.
choose() {
	local i
	for ((i = 0; i < $1; i++)); do
		press "$down"
		until [ "$(stat -c %s "$console")" -gt "$seen" ]; do sleep 0.1; done
		sleep 0.3
		seen=$(stat -c %s "$console")
	done
	press "$enter"
}

wait_for "Press any key to perform MOK management"
press "$enter"
wait_for "Enroll MOK"
choose 1
wait_for "View key $((KEYS - 1))"
choose "$KEYS"
wait_for "Enroll the key(s)?"
choose 1
wait_for "Password:"
press "$PASSWORD$enter"
wait_for "Reboot"
press "$enter"
