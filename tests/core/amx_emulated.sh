#!/bin/sh
# Runs test_packed.c with amx.c, its tiles emulated by tiles_emulated.h, on CPUs with AVX-512 VNNI, and looks whether the
# instructions of the real ones are those that the compiler knows, and whether dispatch.c offers them only where nothing is missing.
# Usage: tests/core/amx_emulated.sh [ROOT]; prints `N passed, N failed, N skipped`.
set -eu
cd "${1:-$(dirname "$0")/../..}"

skip() {
    echo "skip AMX by emulation: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}
[ "$(uname -m)" = x86_64 ] || skip "not an x86-64"
grep -q avx512_vnni /proc/cpuinfo || skip "this CPU lacks AVX-512 VNNI"
cc=${CC:-cc}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
flags="-std=gnu17 -O2 -ffp-contract=off -I."
wide="-mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mf16c"
$cc $flags $wide -mavx512vnni -include tests/core/tiles_emulated.h -c -o "$dir/amx.o" core/kernels/amx.c
$cc $flags $wide -mavx512vnni -c -o "$dir/avx512vnni.o" core/kernels/avx512vnni.c
$cc $flags $wide -c -o "$dir/avx512.o" core/kernels/avx512.c
$cc $flags -mavx2 -mfma -mf16c -c -o "$dir/avx2.o" core/kernels/avx2.c
$cc $flags -mavx2 -mfma -mf16c -mavxvnni -c -o "$dir/avxvnni.o" core/kernels/avxvnni.c
$cc $flags -include tests/core/amx_cpu.h -c -o "$dir/dispatch.o" core/kernels/dispatch.c
$cc $flags -fopenmp -DEMULATED -o "$dir/test_packed" tests/core/test_packed.c core/kernels/ref.c \
    core/kernels/quants.c core/kernels/quants_grid.c core/kernels/grids.c core/kernels/matmul.c core/kernels/packed.c \
    core/kernels/packed_matmul.c core/kernels/packed_ref.c core/kernels/panels.c core/status.c core/tensor.c "$dir"/*.o -lm

# The same instructions by tiles.h and by the compiler's own intrinsics, byte for byte.
cat >"$dir/ours.c" <<'END'
#include "core/kernels/tiles.h"
void f(const evk_tile_shape *s, char *p)
{
    TILE_CONFIGURE(s);
    TILE_ZERO(3);
    TILE_LOAD(2, p, 64L);
    TILE_DOT(3, 2, 1);
    TILE_STORE(3, p, 64L);
    TILE_RELEASE();
}
END
cat >"$dir/theirs.c" <<'END'
#include <immintrin.h>
void f(const void *s, char *p)
{
    _tile_loadconfig(s);
    _tile_zero(3);
    _tile_loadd(2, p, 64L);
    _tile_dpbsud(3, 2, 1);
    _tile_stored(3, p, 64L);
    _tile_release();
}
END
for who in ours theirs; do
    $cc -O2 -I. -mamx-tile -mamx-int8 -c -o "$dir/$who.o" "$dir/$who.c"
    objdump -d --no-show-raw-insn "$dir/$who.o" | grep -o -E '(ldtilecfg|tile[a-z]+|tdp[a-z]+) .*|tilerelease' |
        sed 's/%r[a-z0-9]*/%r/g; s/ *$//' >"$dir/$who.txt"
done
cmp "$dir/ours.txt" "$dir/theirs.txt" || { cat "$dir/ours.txt" "$dir/theirs.txt"; echo "not ok the instructions of tiles.h"; exit 1; }
[ "$(wc -l <"$dir/ours.txt")" = 6 ] || { echo "not ok six instructions"; exit 1; }

cat >"$dir/list.c" <<'END'
#include <stdio.h>
#include "core/evoke.h"
int main(void)
{
    for (size_t i = 0; evoke_isa_name(i); i++)
        printf("%s\n", evoke_isa_name(i));
}
END
$cc $flags -fopenmp -o "$dir/list" "$dir/list.c" core/kernels/ref.c core/kernels/quants.c core/kernels/quants_grid.c \
    core/kernels/grids.c core/kernels/packed_ref.c core/status.c "$dir"/dispatch.o "$dir"/a*.o -lm
"$dir/list" | grep -qx amx || { echo "not ok amx is not offered"; exit 1; }
for what in cpu tile_state permission palette; do
    ! NO_AMX=$what "$dir/list" | grep -qx amx || { echo "not ok amx is offered without its $what"; exit 1; }
done
"$dir/test_packed"
