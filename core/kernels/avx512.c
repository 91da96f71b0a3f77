/* core/kernels/avx512.c: vectors of 16 floats for CPUs with AVX-512 F, BW, VL and DQ (Intel Skylake-SP, AMD Zen 4).
 *
 * 32 registers hold a tile of 6 tokens x 4 rows: 24 sums, 4 rows of w, 1 of x; 10 loads for 24 multiply-adds. */
#include <immintrin.h>
#include <string.h>

#include "core/kernels/kernels.h"

enum { LANES = 16 };
#define TILE_T 6
#define TILE_R 4
#define ENDS_BY_FOURS

typedef __m512 vec;
typedef __m512i ints;
typedef struct pair { __m512d lo, hi; } pair;
#define OP static inline __attribute__((always_inline))

OP vec v_zero(void) { return _mm512_setzero_ps(); }
OP vec v_set(float a) { return _mm512_set1_ps(a); }
OP vec v_load(const float *p) { return _mm512_loadu_ps(p); }
OP void v_store(float *p, vec a) { _mm512_storeu_ps(p, a); }
OP vec v_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
OP vec v_add(vec a, vec b) { return _mm512_add_ps(a, b); }
OP vec v_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
OP vec v_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
OP vec v_div(vec a, vec b) { return _mm512_div_ps(a, b); }
OP vec v_min(vec a, vec b) { return _mm512_min_ps(a, b); }
OP vec v_max(vec a, vec b) { return _mm512_max_ps(a, b); }
OP vec v_round(vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT); }
OP vec v_scale(vec p, vec n) { return _mm512_scalef_ps(p, n); }

OP vec v_choose(vec x, vec a, vec b)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, v_zero(), _CMP_LT_OQ), b, a);
}

/* Lanes 0..n-1 selected. */
OP __mmask16 first(size_t n) { return (__mmask16)((1u << n) - 1); }
OP vec v_load_part(const float *p, size_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
OP void v_store_part(float *p, vec a, size_t n) { _mm512_mask_storeu_ps(p, first(n), a); }
OP vec v_part(vec a, size_t n, float rest) { return _mm512_mask_mov_ps(v_set(rest), first(n), a); }

OP float v_most(vec a)
{
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* Lane l plus lane l + 8, then pairs of neighbours. */
OP __m256 halve(vec a) { return _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1)); }
OP void v_sum4(vec a, vec b, vec c, vec d, float out[4])
{
    const __m256 s = _mm256_hadd_ps(_mm256_hadd_ps(halve(a), halve(b)), _mm256_hadd_ps(halve(c), halve(d)));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1)));
}

/* The same of n <= 4 tokens' four sums each, out[t * ldo + r] (+)=, by the same additions: two vectors' halves, then pairs of
 * neighbours of two, at a time. */
OP vec halve_two(vec a, vec b) { return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee)); }
OP vec pair_two(vec a, vec b) { return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xdd)); }
/* Quarters: sums 0 and 2 of lanes 0 to 3, of lanes 4 to 7, sums 1 and 3 of the same. */
OP vec v_begin_sum4(const vec s[4]) { return pair_two(halve_two(s[0], s[1]), halve_two(s[2], s[3])); }
OP void v_end_sum4(const vec begun[4], size_t n, bool add, float *out, size_t ldo)
{
    const vec a = pair_two(begun[0], begun[1]), b = pair_two(begun[2], begun[3]);
    const vec sums = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
    const ints order = _mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
    const vec by_token = _mm512_permutexvar_ps(order, sums);
    const __m128 token[4] = { _mm512_castps512_ps128(by_token), _mm512_extractf32x4_ps(by_token, 1), _mm512_extractf32x4_ps(by_token, 2),
                              _mm512_extractf32x4_ps(by_token, 3) };
#pragma GCC unroll 4
    for (size_t t = 0; t < n; t++)
        _mm_storeu_ps(out + t * ldo, add ? _mm_add_ps(token[t], _mm_loadu_ps(out + t * ldo)) : token[t]);
}

OP pair pair_zero(void) { return (pair){ _mm512_setzero_pd(), _mm512_setzero_pd() }; }
OP pair widen(vec a)
{
    return (pair){ _mm512_cvtps_pd(_mm512_castps512_ps256(a)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)) };
}
OP pair pair_add(pair s, vec a)
{
    const pair w = widen(a);
    return (pair){ _mm512_add_pd(s.lo, w.lo), _mm512_add_pd(s.hi, w.hi) };
}
OP pair pair_add_square(pair s, vec a)
{
    const pair w = widen(a);
    return (pair){ _mm512_fmadd_pd(w.lo, w.lo, s.lo), _mm512_fmadd_pd(w.hi, w.hi, s.hi) };
}
OP pair pair_add_square_from(pair s, vec a, double mean)
{
    const pair w = widen(a);
    const __m512d m = _mm512_set1_pd(mean), lo = _mm512_sub_pd(w.lo, m), hi = _mm512_sub_pd(w.hi, m);
    return (pair){ _mm512_fmadd_pd(lo, lo, s.lo), _mm512_fmadd_pd(hi, hi, s.hi) };
}
OP double pair_sum(pair s)
{
    double e[8];
    _mm512_storeu_pd(e, _mm512_add_pd(s.lo, s.hi));
    return ((e[0] + e[1]) + (e[2] + e[3])) + ((e[4] + e[5]) + (e[6] + e[7]));
}

OP ints i_bytes(const uint8_t *p) { return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)); }
OP ints i_signed_bytes(const uint8_t *p)
{
    return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}
OP ints i_halves(const uint8_t *p)
{
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
OP ints i_set(int a) { return _mm512_set1_epi32(a); }
OP ints i_and(ints a, ints b) { return _mm512_and_si512(a, b); }
OP ints i_or(ints a, ints b) { return _mm512_or_si512(a, b); }
OP ints i_sub(ints a, ints b) { return _mm512_sub_epi32(a, b); }
OP ints i_left(ints a, size_t n) { return _mm512_sllv_epi32(a, i_set((int)n)); }
OP ints i_right(ints a, size_t n) { return _mm512_srlv_epi32(a, i_set((int)n)); }
OP ints i_bit(uint32_t word, size_t j)
{
    const ints lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return i_and(_mm512_srlv_epi32(i_set((int)(word >> j)), lane), i_set(1));
}
OP ints i_twos(uint32_t word, size_t j)
{
    const ints at = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return i_and(_mm512_srlv_epi32(i_set((int)(word >> 2 * j)), at), i_set(3));
}
/* Eight lanes have the low 24 bits, eight the next. */
OP ints i_threes(uint64_t word, size_t j)
{
    const ints at = _mm512_setr_epi32(0, 3, 6, 9, 12, 15, 18, 21, 0, 3, 6, 9, 12, 15, 18, 21);
    const int low = (int)(uint32_t)(word >> 3 * j), high = (int)(uint32_t)(word >> (3 * j + 24));
    const ints both = _mm512_setr_epi32(low, low, low, low, low, low, low, low,
                                        high, high, high, high, high, high, high, high);
    return i_and(_mm512_srlv_epi32(both, at), i_set(7));
}
OP vec v_level(const float table[16], ints q) { return _mm512_permutexvar_ps(q, v_load(table)); }
OP vec v_of(ints a) { return _mm512_cvtepi32_ps(a); }
OP vec v_of_bits(ints a) { return _mm512_castsi512_ps(a); }
OP void v_store_f16(uint16_t *p, vec v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
OP vec v_of_f16(const uint8_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p)); }
OP float f16_value(const uint8_t *p)
{
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(p[0] | p[1] << 8)));
}

#include "core/kernels/lanes.h"
#include "core/kernels/lanes_half.h"
#include "core/kernels/lanes_activate.h"
#include "core/kernels/lanes_quants.h"
#include "core/kernels/lanes_grid.h"

void evk_kernels_add_avx512(evk_kernels *k)
{
    add_arithmetic(k, "avx512");
    add_matvecs(k);
    add_activations(k);
    add_dequantisers(k);
    add_grid_dequantisers(k);
}
