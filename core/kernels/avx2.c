/* core/kernels/avx2.c: vectors of 8 floats for CPUs with AVX2, FMA and F16C (Intel since 2013, AMD since 2015).
 *
 * 16 registers hold a tile of 4 tokens x 3 rows: 12 sums, 3 rows of w, 1 of x; 7 loads for 12 multiply-adds. */
#include <immintrin.h>
#include <string.h>

#include "core/kernels/kernels.h"

enum { LANES = 8 };
#define TILE_T 4
#define TILE_R 3

typedef __m256 vec;
typedef __m256i ints;
typedef struct pair { __m256d lo, hi; } pair;
#define OP static inline __attribute__((always_inline))

OP vec v_zero(void) { return _mm256_setzero_ps(); }
OP vec v_set(float a) { return _mm256_set1_ps(a); }
OP vec v_load(const float *p) { return _mm256_loadu_ps(p); }
OP void v_store(float *p, vec a) { _mm256_storeu_ps(p, a); }
OP vec v_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
OP vec v_add(vec a, vec b) { return _mm256_add_ps(a, b); }
OP vec v_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
OP vec v_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
OP vec v_div(vec a, vec b) { return _mm256_div_ps(a, b); }
OP vec v_min(vec a, vec b) { return _mm256_min_ps(a, b); }
OP vec v_max(vec a, vec b) { return _mm256_max_ps(a, b); }
OP vec v_round(vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

OP vec v_choose(vec x, vec a, vec b) { return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, v_zero(), _CMP_LT_OQ)); }

/* Lanes 0..n-1 selected. */
OP ints first(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
OP vec v_load_part(const float *p, size_t n) { return _mm256_maskload_ps(p, first(n)); }
OP void v_store_part(float *p, vec a, size_t n) { _mm256_maskstore_ps(p, first(n), a); }
OP vec v_part(vec a, size_t n, float rest) { return _mm256_blendv_ps(v_set(rest), a, _mm256_castsi256_ps(first(n))); }

OP float v_most(vec a)
{
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* 2^n from its bits, n = -126..127. */
OP vec power_of_two(ints n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

/* In two steps, so that results beyond the range of normal numbers round once, to subnormals or infinity. */
OP vec v_scale(vec p, vec n)
{
    const ints all = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(all, 1);
    return v_mul(v_mul(p, power_of_two(half)), power_of_two(_mm256_sub_epi32(all, half)));
}

/* ((l0 + l1) + (l2 + l3)) + ((l4 + l5) + (l6 + l7)) of each. */
OP void v_sum4(vec a, vec b, vec c, vec d, float out[4])
{
    const vec s = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1)));
}

OP pair pair_zero(void) { return (pair){ _mm256_setzero_pd(), _mm256_setzero_pd() }; }
OP pair widen(vec a)
{
    return (pair){ _mm256_cvtps_pd(_mm256_castps256_ps128(a)), _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)) };
}
OP pair pair_add(pair s, vec a)
{
    const pair w = widen(a);
    return (pair){ _mm256_add_pd(s.lo, w.lo), _mm256_add_pd(s.hi, w.hi) };
}
OP pair pair_add_square(pair s, vec a)
{
    const pair w = widen(a);
    return (pair){ _mm256_fmadd_pd(w.lo, w.lo, s.lo), _mm256_fmadd_pd(w.hi, w.hi, s.hi) };
}
OP pair pair_add_square_from(pair s, vec a, double mean)
{
    const pair w = widen(a);
    const __m256d m = _mm256_set1_pd(mean), lo = _mm256_sub_pd(w.lo, m), hi = _mm256_sub_pd(w.hi, m);
    return (pair){ _mm256_fmadd_pd(lo, lo, s.lo), _mm256_fmadd_pd(hi, hi, s.hi) };
}
OP double pair_sum(pair s)
{
    double four[4];
    _mm256_storeu_pd(four, _mm256_add_pd(s.lo, s.hi));
    return (four[0] + four[1]) + (four[2] + four[3]);
}

OP ints i_bytes(const uint8_t *p) { return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)); }
OP ints i_signed_bytes(const uint8_t *p)
{
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
}
OP ints i_halves(const uint8_t *p) { return _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)); }
OP ints i_set(int a) { return _mm256_set1_epi32(a); }
OP ints i_and(ints a, ints b) { return _mm256_and_si256(a, b); }
OP ints i_or(ints a, ints b) { return _mm256_or_si256(a, b); }
OP ints i_sub(ints a, ints b) { return _mm256_sub_epi32(a, b); }
OP ints i_left(ints a, size_t n) { return _mm256_slli_epi32(a, (int)n); }
OP ints i_right(ints a, size_t n) { return _mm256_srli_epi32(a, (int)n); }
OP ints i_bit(uint32_t word, size_t j)
{
    const ints lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return i_and(_mm256_srlv_epi32(i_set((int)(word >> j)), lane), i_set(1));
}
OP ints i_twos(uint32_t word, size_t j)
{
    const ints at = _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14);
    return i_and(_mm256_srlv_epi32(i_set((int)(word >> 2 * j)), at), i_set(3));
}
OP ints i_threes(uint64_t word, size_t j)
{
    const ints at = _mm256_setr_epi32(0, 3, 6, 9, 12, 15, 18, 21);
    return i_and(_mm256_srlv_epi32(i_set((int)(uint32_t)(word >> 3 * j)), at), i_set(7));
}
/* The two halves of the table, chosen by bit 3 of q. */
OP vec v_level(const float table[16], ints q)
{
    const vec low = _mm256_permutevar8x32_ps(v_load(table), q), high = _mm256_permutevar8x32_ps(v_load(table + 8), q);
    return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(i_left(q, 28)));
}
OP vec v_of(ints a) { return _mm256_cvtepi32_ps(a); }
OP vec v_of_bits(ints a) { return _mm256_castsi256_ps(a); }
OP void v_store_f16(uint16_t *p, vec v)
{
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
OP vec v_of_f16(const uint8_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p)); }
OP float f16_value(const uint8_t *p)
{
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(p[0] | p[1] << 8)));
}

#include "core/kernels/lanes.h"
#include "core/kernels/lanes_activate.h"
#include "core/kernels/lanes_quants.h"
#include "core/kernels/lanes_grid.h"
#include "core/kernels/packed_avx2.h"
#include "core/kernels/wide_avx2.h"
#include "core/kernels/panels_avx2.h"

void evk_kernels_add_avx2(evk_kernels *k)
{
    add_arithmetic(k, "avx2");
    add_activations(k);
    add_dequantisers(k);
    add_grid_dequantisers(k);
    add_packed(k, false);
    add_wide(k);
    add_panels(k);
}
