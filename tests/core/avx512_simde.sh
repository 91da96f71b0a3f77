#!/bin/sh
# Runs test_kernels.c and test_packed.c with avx512.c, avx512vnni.c and amx.c on CPUs without AVX-512: SIMDe (libsimde-dev) translates
# their intrinsics to what is there, tiles_emulated.h stands for tiles, and dispatch.c is told that the CPU has them.
# Usage: tests/core/avx512_simde.sh [ROOT]; prints `N passed, N failed, N skipped`.
set -eu
cd "${1:-$(dirname "$0")/../..}"

skip() {
    echo "skip AVX-512 by SIMDe: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}
[ "$(uname -m)" = x86_64 ] || skip "not an x86-64"
grep -q avx2 /proc/cpuinfo || skip "this CPU lacks AVX2"
cc=${CC:-cc}
echo '#include <simde/x86/avx512.h>' | $cc -E - >/dev/null 2>&1 || skip "SIMDe is not installed"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat > "$dir/immintrin.h" <<'END'
#ifndef TRANSLATED
#define TRANSLATED
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>
#include <simde/x86/f16c.h>
#include <math.h>
#include <string.h>
/* What SIMDe 0.7 lacks, one lane at a time. */
#define EACH(name, from, n, to, made, type, value)                                   \
    static inline to name(from a)                                                    \
    {                                                                                \
        struct { type e[n]; } in;                                                    \
        made out[n];                                                                 \
        to result;                                                                   \
        memcpy(&in, &a, sizeof in);                                                  \
        for (int i = 0; i < n; i++)                                                  \
            out[i] = value;                                                          \
        memcpy(&result, out, sizeof result);                                         \
        return result;                                                               \
    }
EACH(lanes_of_i32, __m512i, 16, __m512, float, int, (float)in.e[i])
EACH(lanes_of_i8, __m128i, 16, __m512i, int, signed char, in.e[i])
EACH(lanes_of_u8, __m128i, 16, __m512i, int, unsigned char, in.e[i])
EACH(lanes_of_u16, __m256i, 16, __m512i, int, unsigned short, in.e[i])
EACH(lanes_of_f16, __m256i, 16, __m512, float, unsigned short, _cvtsh_ss(in.e[i]))
EACH(lanes_of_f32, __m256, 8, __m512d, double, float, in.e[i])
EACH(halves_of_f32, __m512, 16, __m256i, unsigned short, float, _cvtss_sh(in.e[i], 0))
#define _mm512_cvtepi32_ps lanes_of_i32
#define _mm512_cvtepi8_epi32 lanes_of_i8
#define _mm512_cvtepu8_epi32 lanes_of_u8
#define _mm512_cvtepu16_epi32 lanes_of_u16
#define _mm512_cvtph_ps lanes_of_f16
#define _mm512_cvtps_ph(a, rounding) halves_of_f32(a)
#define _mm512_cvtps_pd lanes_of_f32
static inline __m256 half(__m512 a, int which)
{
    __m256 h;
    memcpy(&h, (char *)&a + 32 * which, sizeof h);
    return h;
}
/* Two quarters of a, then two of b. */
static inline __m512 quarters(__m512 a, __m512 b, int which)
{
    float e[32], f[16];
    _mm512_storeu_ps(e, a);
    _mm512_storeu_ps(e + 16, b);
    for (int q = 0; q < 4; q++)
        memcpy(f + 4 * q, e + q / 2 * 16 + (which >> 2 * q & 3) * 4, 16);
    return _mm512_loadu_ps(f);
}
static inline __m512 load_some(unsigned mask, const float *p)
{
    float e[16] = { 0 };
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            e[i] = p[i];
    return _mm512_loadu_ps(e);
}
static inline void store_some(float *p, unsigned mask, __m512 a)
{
    float e[16];
    _mm512_storeu_ps(e, a);
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            p[i] = e[i];
}
/* SIMDe's own goes by way of 2^n, which overflows where the product does not. */
static inline __m512 scale_lanes(__m512 p, __m512 n)
{
    float e[16], f[16];
    _mm512_storeu_ps(e, p);
    _mm512_storeu_ps(f, n);
    for (int i = 0; i < 16; i++)
        e[i] = scalbnf(e[i], f[i] == f[i] ? (int)f[i] : 0);
    return _mm512_loadu_ps(e);
}
/* s + four products of unsigned and signed bytes. */
static inline __m512i dot_bytes(__m512i s, __m512i a, __m512i b)
{
    int sum[16];
    unsigned char u[64];
    signed char i[64];
    memcpy(sum, &s, 64), memcpy(u, &a, 64), memcpy(i, &b, 64);
    for (int k = 0; k < 64; k++)
        sum[k / 4] += u[k] * i[k];
    memcpy(&s, sum, 64);
    return s;
}
static inline __m512i nearest(__m512 a)
{
    float f[16];
    int e[16];
    __m512i out;
    _mm512_storeu_ps(f, a);
    for (int i = 0; i < 16; i++)
        e[i] = (int)nearbyintf(f[i]);
    memcpy(&out, e, 64);
    return out;
}
static inline float fold(__m512 a, int most)
{
    float f[16], s;
    _mm512_storeu_ps(f, a);
    s = f[0];
    for (int i = 1; i < 16; i++)
        s = most ? (f[i] > s ? f[i] : s) : s + f[i];
    return s;
}
#undef _mm512_dpbusd_epi32
#undef _mm512_cvtps_epi32
#undef _mm512_reduce_add_ps
#undef _mm512_reduce_max_ps
#define _mm512_dpbusd_epi32 dot_bytes
#define _mm512_cvtps_epi32 nearest
#define _mm512_reduce_add_ps(a) fold(a, 0)
#define _mm512_reduce_max_ps(a) fold(a, 1)
#undef _mm512_scalef_ps
#define _mm512_scalef_ps scale_lanes
#define _mm512_extractf32x8_ps half
#undef _mm512_shuffle_f32x4
#define _mm512_shuffle_f32x4 quarters
#define _mm512_maskz_loadu_ps load_some
#define _mm512_mask_storeu_ps store_some
#else
#include_next <immintrin.h>
#endif
END
flags="-std=gnu17 -O2 -ffp-contract=off -I."
$cc $flags -mavx2 -mfma -mf16c -w -Wno-psabi -I"$dir" -c -o "$dir/avx512.o" core/kernels/avx512.c
$cc $flags -mavx2 -mfma -mf16c -w -Wno-psabi -I"$dir" -c -o "$dir/avx512vnni.o" core/kernels/avx512vnni.c
$cc $flags -mavx2 -mfma -mf16c -c -o "$dir/avx2.o" core/kernels/avx2.c
$cc $flags -mavx2 -mfma -mf16c -mavxvnni -c -o "$dir/avxvnni.o" core/kernels/avxvnni.c
$cc $flags -mavx2 -mfma -mf16c -w -Wno-psabi -I"$dir" -include tests/core/tiles_emulated.h -c -o "$dir/amx.o" core/kernels/amx.c
$cc $flags "-D__builtin_cpu_supports(feature)=1" -include tests/core/amx_cpu.h -c -o "$dir/dispatch.o" core/kernels/dispatch.c
for test in kernels packed; do
    $cc $flags -fopenmp -o "$dir/test_$test" "tests/core/test_$test.c" core/kernels/ref.c core/kernels/quants.c \
        core/kernels/quants_grid.c core/kernels/grids.c core/kernels/matmul.c core/kernels/packed.c \
        core/kernels/packed_matmul.c core/kernels/packed_ref.c core/kernels/panels.c core/status.c core/tensor.c \
        "$dir/avx512.o" "$dir/avx512vnni.o" "$dir/amx.o" "$dir/avx2.o" "$dir/avxvnni.o" "$dir/dispatch.o" -lm
done
"$dir/test_packed" >"$dir/log" || { cat "$dir/log"; exit 1; }
"$dir/test_kernels"
