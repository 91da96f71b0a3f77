#!/bin/sh
# Runs test_kernels.c and test_packed.c for 64-bit ARM under QEMU's user emulation, where a cross compiler and QEMU are installed.
# Usage: tests/core/neon_qemu.sh [ROOT]; prints `N passed, N failed, N skipped`.
set -eu
cd "${1:-$(dirname "$0")/../..}"

skip() {
    echo "skip NEON: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}
compiler=${AARCH64_CC:-aarch64-linux-gnu-gcc}
command -v "$compiler" >/dev/null || skip "no $compiler"
emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) || skip "no qemu-aarch64"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
flags="-std=gnu17 -O2 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -ffp-contract=off -DEMULATED -I."
# shellcheck disable=SC2086
{
    "$compiler" $flags -march=armv8.2-a+dotprod -c -o "$dir/neondot.o" core/kernels/neondot.c
    for test in kernels packed; do
        "$compiler" $flags -fopenmp -static -o "$dir/test_$test" "tests/core/test_$test.c" core/kernels/ref.c core/kernels/quants.c \
            core/kernels/quants_grid.c core/kernels/grids.c core/kernels/matmul.c core/kernels/packed.c \
            core/kernels/packed_matmul.c core/kernels/packed_ref.c core/kernels/panels.c core/status.c core/tensor.c core/kernels/neon.c \
            core/kernels/dispatch.c "$dir/neondot.o" -lm
    done
}
"$emulator" -cpu max "$dir/test_packed" >"$dir/log" || { cat "$dir/log"; exit 1; }
# A CPU without dot products is not offered them.
"$emulator" -cpu cortex-a72 "$dir/test_packed" >"$dir/log_old" || { cat "$dir/log_old"; exit 1; }
"$emulator" -cpu max "$dir/test_kernels"
