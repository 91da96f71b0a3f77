#!/bin/sh
# Runs test_kernels.c for 64-bit ARM under QEMU's user emulation, where a cross compiler and QEMU are installed.
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
"$compiler" -std=gnu17 -O2 -Wall -Wextra -Wshadow -Wconversion -ffp-contract=off -I. -static -o "$dir/test" \
    tests/core/test_kernels.c core/kernels/ref.c core/kernels/packed_ref.c core/kernels/quants.c \
    core/kernels/quants_grid.c core/kernels/grids.c core/kernels/neon.c core/kernels/dispatch.c \
    core/status.c -lm
"$emulator" "$dir/test"
