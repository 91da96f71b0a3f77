/* core/kernels/digits_avx512.h: digits_avx2.h's for eight tokens at a time, a whole tile of records by quads, in AVX-512 with its
 * integer dot products: the same digits, units, sums and totals, bit for bit.
 *
 * A number's bytes are its digits once 2^7 (1 + 2^8 + 2^16) is added, each more by 2^7: nothing is carried. Unsigned digits are the bytes
 * of a number plus 2^23. A number that a float could not become is -2^31 (Intel's manual, CVTPS2DQ), whose digits are those of 0, as they
 * must be where the unit is NaN. */
#include <immintrin.h>

#include "core/kernels/packed.h"

enum { P_EIGHT = 8 };
#define P_DIGITS8 static inline __attribute__((always_inline, no_sanitize("undefined")))

P_DIGITS8 __m512i p_sixteen_most(const float *x)
{
    const __m512i mask = _mm512_set1_epi32(0x7fffffff);
    return _mm512_max_epi32(_mm512_and_si512(_mm512_loadu_si512(x), mask), _mm512_and_si512(_mm512_loadu_si512(x + 16), mask));
}

/* Halves: the larger of a's two halves, of b's. */
P_DIGITS8 __m512i p_halves_most(__m512i a, __m512i b)
{
    return _mm512_max_epi32(_mm512_shuffle_i32x4(a, b, 0x44), _mm512_shuffle_i32x4(a, b, 0xee));
}

P_DIGITS8 __m512i p_neighbours_most(__m512i a, __m512i b)
{
    return _mm512_max_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
}

/* The largest |x| of eight tokens. */
P_DIGITS8 __m256 p_eight_tokens_most(const float *x, size_t ldx)
{
    __m512i two[4];                         /* tokens 2 i and 2 i + 1, by halves */
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        two[i] = p_halves_most(p_sixteen_most(x + 2 * i * ldx), p_sixteen_most(x + (2 * i + 1) * ldx));
    const __m512i a = p_neighbours_most(two[0], two[1]), b = p_neighbours_most(two[2], two[3]);
    const __m512i c = _mm512_max_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    const __m512i most = _mm512_max_epi32(c, _mm512_shuffle_i32x4(c, c, 0xb1));     /* tokens 0 2 4 6 twice, 1 3 5 7 twice */
    const __m512i order = _mm512_setr_epi32(0, 8, 1, 9, 2, 10, 3, 11, 0, 8, 1, 9, 2, 10, 3, 11);
    return _mm256_castsi256_ps(_mm512_castsi512_si256(_mm512_permutexvar_epi32(order, most)));
}

/* evk_unit of eight tokens. */
P_DIGITS8 __m256 p_eight_units(__m256 most, size_t n_digit, float inverse[P_EIGHT])
{
    const __m256 number = _mm256_set1_ps(n_digit == 1 ? 127 : 127 << 16), largest = _mm256_set1_ps(FLT_MAX);
    const __mmask8 finite = _mm256_cmp_ps_mask(most, largest, _CMP_LE_OQ);
    const __m256 over = _mm256_div_ps(number, most);
    const __mmask8 usable = finite & _mm256_cmp_ps_mask(over, largest, _CMP_LE_OQ);     /* 1 / 0 is not */
    _mm256_storeu_ps(inverse, _mm256_maskz_mov_ps(usable, over));
    const __m256 unit = _mm256_maskz_mov_ps(usable, _mm256_div_ps(most, number));
    return _mm256_mask_mov_ps(_mm256_set1_ps(__builtin_nanf("")), finite, unit);
}

/* 16 floats times inverse, and `more`, as bytes: of each quad in its 128 bits, those of 2^0, of 2^8, of 2^16. */
P_DIGITS8 __m512i p_split_sixteen(const float *x, float inverse, int more)
{
    const __m512i n = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), _mm512_set1_ps(inverse)));
    const __m512i by_digit = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    return _mm512_shuffle_epi8(more ? _mm512_add_epi32(n, _mm512_set1_epi32(more)) : n, by_digit);
}

/* Four tokens' digits of four quads, by p_split_sixteen, to each digit's four quads of four tokens. */
P_DIGITS8 void p_turn_four(const __m512i token[4], size_t n_digit, __m512i digit[EVK_MAX_DIGIT])
{
    const __m512i a = _mm512_unpacklo_epi32(token[0], token[1]), b = _mm512_unpacklo_epi32(token[2], token[3]);
    digit[0] = _mm512_unpacklo_epi64(a, b);
    if (n_digit == 1)
        return;
    digit[1] = _mm512_unpackhi_epi64(a, b);
    digit[2] = _mm512_unpacklo_epi64(_mm512_unpackhi_epi32(token[0], token[1]), _mm512_unpackhi_epi32(token[2], token[3]));
}

/* Sums of eight tokens' digits over four quads, of which each vector has two, and `from` for each quad. */
P_DIGITS8 __m256i p_sum_quads(__m512i a, __m512i b, bool is_unsigned, int from)
{
    const __m512i ones = _mm512_set1_epi8(1), both = _mm512_set1_epi32(2 * from);
    const __m512i sum = is_unsigned ? _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(both, a, ones), b, ones)
                                    : _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(both, ones, a), ones, b);
    return _mm256_add_epi32(_mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64(sum, 1));
}

/* One half of a block, 16 terms: digits to their places, and their sums, those of numbers that are not 2^23 more. */
P_DIGITS8 void p_take_half(char *record, size_t n_digit, bool is_unsigned, size_t half, const float *x, size_t ldx,
                           const float inverse[P_EIGHT], __m256i sum[EVK_MAX_DIGIT])
{
    const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    const int more = n_digit == 1 ? 0 : is_unsigned ? 0x800000 : 0x808080;
    const __m512i less = n_digit == 1 || is_unsigned ? _mm512_setzero_si512() : _mm512_set1_epi8((char)0x80);
    __m512i token[P_EIGHT], first[EVK_MAX_DIGIT], last[EVK_MAX_DIGIT];
#pragma GCC unroll 8
    for (size_t t = 0; t < P_EIGHT; t++)
        token[t] = p_split_sixteen(x + t * ldx + half * 16, inverse[t], more);
    p_turn_four(token, n_digit, first);
    p_turn_four(token + 4, n_digit, last);
#pragma GCC unroll 3
    for (size_t d = 0; d < n_digit; d++) {
        const __m512i a = _mm512_xor_si512(_mm512_permutex2var_epi64(first[d], low, last[d]), less);
        const __m512i b = _mm512_xor_si512(_mm512_permutex2var_epi64(first[d], high, last[d]), less);
        int8_t *out = evk_record_digit(record, P_WIDTH, d) + half * 4 * P_QUAD_STRIDE;
        _mm512_storeu_si512(out, a);
        _mm512_storeu_si512(out + 2 * P_QUAD_STRIDE, b);
        sum[d] = p_sum_quads(a, b, is_unsigned, is_unsigned && d == 2 ? -4 * 128 : 0);
    }
}

/* evk_number of eight tokens. */
P_DIGITS8 __m256 p_eight_numbers(const __m256i sum[EVK_MAX_DIGIT], size_t n_digit)
{
    if (n_digit == 1)
        return _mm256_cvtepi32_ps(sum[0]);
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[2]), _mm256_set1_ps(65536),
                           _mm256_cvtepi32_ps(_mm256_add_epi32(_mm256_slli_epi32(sum[1], 8), sum[0])));
}

P_DIGITS8 void p_put_eight_sums(char *record, size_t n_digit, __m256 unit, evk_digit_part part, const __m256i sum[EVK_MAX_DIGIT])
{
#pragma GCC unroll 3
    for (size_t d = 0; d < n_digit; d++)
        _mm256_storeu_si256((__m256i *)(void *)evk_record_sum(record, P_WIDTH, n_digit, d, part), sum[d]);
    _mm256_storeu_ps(evk_record_total(record, P_WIDTH, n_digit, part), _mm256_mul_ps(unit, p_eight_numbers(sum, n_digit)));
}

/* A block of eight tokens, rows of x ldx apart: its digits, and the units and sums that belong to them; returns the units. */
P_DIGITS8 __m256 p_take_halves(char *record, size_t n_digit, bool is_unsigned, const float *x, size_t ldx,
                               __m256i sum[EVK_N_DIGIT_PART][EVK_MAX_DIGIT])
{
    float inverse[P_EIGHT];
    const __m256 unit = p_eight_units(p_eight_tokens_most(x, ldx), n_digit, inverse);
    p_take_half(record, n_digit, is_unsigned, 0, x, ldx, inverse, sum[EVK_DIGITS_FIRST]);
    p_take_half(record, n_digit, is_unsigned, 1, x, ldx, inverse, sum[EVK_DIGITS_LAST]);
#pragma GCC unroll 3
    for (size_t d = 0; d < n_digit; d++)
        sum[EVK_DIGITS_ALL][d] = _mm256_add_epi32(sum[EVK_DIGITS_FIRST][d], sum[EVK_DIGITS_LAST][d]);
    return unit;
}

P_DIGITS8 void p_take_eight(char *record, size_t n_digit, const float *x, size_t ldx)
{
    __m256i sum[EVK_N_DIGIT_PART][EVK_MAX_DIGIT];
    const __m256 unit = p_take_halves(record, n_digit, false, x, ldx, sum);
    _mm256_storeu_ps(evk_record_unit(record, P_WIDTH, n_digit), unit);
#pragma GCC unroll 3
    for (size_t part = 0; part < EVK_N_DIGIT_PART; part++)
        p_put_eight_sums(record, n_digit, unit, (evk_digit_part)part, sum[part]);
    const __m256i *all = sum[EVK_DIGITS_ALL];
    __m256i number = all[0];
    if (n_digit > 1)
        number = _mm256_add_epi32(_mm256_slli_epi32(_mm256_add_epi32(_mm256_slli_epi32(all[2], 8), all[1]), 8), all[0]);
    _mm256_storeu_si256((__m256i *)(void *)evk_record_centre(record, P_WIDTH, n_digit),
                        _mm256_mullo_epi32(number, _mm256_set1_epi32(-EVK_CENTRE)));
}
