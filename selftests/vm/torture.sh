#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# torture.sh - run selftests/torture in a guest, with a module that has race points. Environment: KERNEL (6.1), SMP (2),
# TORTURE_SECONDS (60, of each mode), SEED (a new one), MODE (all), MEM (MiB, the kernel's), ARGS (more options). TAP on
# stdout, then how often each race point was passed. Fails if anything is found.
set -eu -o pipefail
# shellcheck source=selftests/vm/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

kernel=${KERNEL:-6.1} smp=${SMP:-2} seconds=${TORTURE_SECONDS:-60} mem=${MEM-}
kernel_row "$kernel"
out=$(build_dir "$K_ARCH")/torture
make_for "$K_ARCH" -C "$LMAP_TOP/selftests/torture" OUT="$out" >&2

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cat >"$stage/env" <<E
ARGS='--seconds $seconds ${SEED:+--seed $SEED} ${MODE:+--mode $MODE} ${ARGS-}'
export LMAP_SLOW=$K_SLOW
E
echo "# torture on $kernel with $smp CPU"
export RACE=${RACE-1}
"$VM_DIR/run.sh" --kernel "$kernel" --smp "$smp" ${mem:+--mem "$mem"} --timeout $((seconds * 3 + 300)) --append "$K_PARAMS" \
	--add "$out/torture:/t/torture" --add "$stage/env:/t/env" --add "$VM_DIR/guest/torture.guest:/t/torture.guest" \
	-- sh /t/torture.guest
