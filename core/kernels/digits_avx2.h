/* core/kernels/digits_avx2.h: activations as digits, in AVX2, for every table of x86. What belongs to a token stands in a lane:
 * the units, sums and totals of four tokens are computed together. Needs P_WIDTH, P_TOKEN_STRIDE;
 * P_TOKEN_ROWS where a record keeps a token's 32 digits together. */
#include <immintrin.h>

#include "core/kernels/packed.h"

#define P_DIGITS static inline __attribute__((always_inline))

/* The largest |x| of eights of 32, as bits: as whole numbers these stand in the order of |x|, those of NaN above all. */
P_DIGITS __m256i p_eight_most(const float *x)
{
    __m256i most = _mm256_setzero_si256();
    for (size_t i = 0; i < EVK_PACKED_BLOCK; i += 8) {
        const __m256i bits = _mm256_castps_si256(_mm256_loadu_ps(x + i));
        most = _mm256_max_epi32(most, _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff)));
    }
    return most;
}

P_DIGITS __m256i p_max_across(__m256i a, __m256i b)
{
    return _mm256_max_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
}

/* The largest |x| of four tokens. */
P_DIGITS __m128 p_most(const __m256i eight[EVK_PACKED_TILE])
{
    const __m256i a = p_max_across(eight[0], eight[1]), b = p_max_across(eight[2], eight[3]);
    const __m256i c = _mm256_max_epi32(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    return _mm_castsi128_ps(_mm_max_epi32(_mm256_castsi256_si128(c), _mm256_extracti128_si256(c, 1)));
}

/* evk_unit of four tokens. */
P_DIGITS __m128 p_units(__m128 most, size_t n_digit, float inverse[EVK_PACKED_TILE])
{
    const __m128 number = _mm_set1_ps(n_digit == 1 ? 127 : 127 << 16), largest = _mm_set1_ps(FLT_MAX);
    const __m128 finite = _mm_cmple_ps(most, largest), over = _mm_div_ps(number, most);
    const __m128 usable = _mm_and_ps(finite, _mm_cmple_ps(over, largest));      /* 1 / 0 is not */
    _mm_storeu_ps(inverse, _mm_and_ps(usable, over));
    return _mm_or_ps(_mm_and_ps(usable, _mm_div_ps(most, number)), _mm_andnot_ps(finite, _mm_set1_ps(__builtin_nanf(""))));
}

/* The low bytes of 32 whole numbers, in order. */
P_DIGITS __m256i p_bytes(const __m256i n[4])
{
    const __m256i mask = _mm256_set1_epi32(255);
    const __m256i a = _mm256_packus_epi32(_mm256_and_si256(n[0], mask), _mm256_and_si256(n[1], mask));
    const __m256i b = _mm256_packus_epi32(_mm256_and_si256(n[2], mask), _mm256_and_si256(n[3], mask));
    return _mm256_permutevar8x32_epi32(_mm256_packus_epi16(a, b), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* Digits of 32 floats times inverse. */
P_DIGITS void p_split(const float *x, float inverse, size_t n_digit, __m256i digit[EVK_MAX_DIGIT])
{
    __m256i n[4];
    for (size_t i = 0; i < 4; i++) {
        const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), _mm256_set1_ps(inverse));
        n[i] = inverse > 0 ? _mm256_cvtps_epi32(scaled) : _mm256_setzero_si256();
    }
    for (size_t d = 0; d < n_digit; d++) {
        digit[d] = p_bytes(n);
        for (size_t i = 0; i < 4; i++)      /* what the signed byte leaves, over 256 */
            n[i] = _mm256_srai_epi32(_mm256_add_epi32(n[i], _mm256_set1_epi32(128)), 8);
    }
}

#ifdef P_TOKEN_ROWS
P_DIGITS void p_put_digits(const __m256i row[EVK_PACKED_TILE], int8_t *out)
{
    for (size_t t = 0; t < EVK_PACKED_TILE; t++)
        _mm256_storeu_si256((__m256i *)(void *)(out + t * EVK_PACKED_BLOCK), row[t]);
}
#else
/* Four tokens' digits by quads: [4][32] to [8][4][4], P_QUAD_STRIDE from a quad to the next. */
P_DIGITS void p_put_digits(const __m256i row[EVK_PACKED_TILE], int8_t *out)
{
    __m256i two[4], quads[4];
    for (size_t i = 0; i < 2; i++) {
        two[2 * i] = _mm256_unpacklo_epi32(row[2 * i], row[2 * i + 1]);
        two[2 * i + 1] = _mm256_unpackhi_epi32(row[2 * i], row[2 * i + 1]);
    }
    for (size_t i = 0; i < 2; i++) {
        quads[2 * i] = _mm256_unpacklo_epi64(two[i], two[i + 2]);
        quads[2 * i + 1] = _mm256_unpackhi_epi64(two[i], two[i + 2]);
    }
    for (size_t j = 0; j < 4; j++) {        /* quad j in the low half, quad j + 4 in the high one */
        _mm_storeu_si128((__m128i *)(void *)(out + P_QUAD_STRIDE * j), _mm256_castsi256_si128(quads[j]));
        _mm_storeu_si128((__m128i *)(void *)(out + P_QUAD_STRIDE * (j + 4)), _mm256_extracti128_si256(quads[j], 1));
    }
}
#endif

/* Sums of four rows of 32 signed bytes: over the first halves in the low lanes, over the last in the high ones. */
P_DIGITS __m256i p_half_sums(const __m256i row[EVK_PACKED_TILE])
{
    __m256 eights[EVK_PACKED_TILE];         /* four sums of 64 bits, all of them small */
    for (size_t t = 0; t < EVK_PACKED_TILE; t++) {
        const __m256i biased = _mm256_xor_si256(row[t], _mm256_set1_epi8((char)0x80));
        eights[t] = _mm256_castsi256_ps(_mm256_sad_epu8(biased, _mm256_setzero_si256()));
    }
    const __m256i a = _mm256_castps_si256(_mm256_shuffle_ps(eights[0], eights[1], 0x88));
    const __m256i b = _mm256_castps_si256(_mm256_shuffle_ps(eights[2], eights[3], 0x88));
    return _mm256_sub_epi32(_mm256_hadd_epi32(a, b), _mm256_set1_epi32(16 * 128));
}

/* Of the four tokens from t on. */
P_DIGITS void p_put_sums(char *record, size_t n_digit, size_t t, __m128 unit, evk_digit_part part, const __m128i sum[EVK_MAX_DIGIT])
{
    for (size_t d = 0; d < n_digit; d++)
        _mm_storeu_si128((__m128i *)(void *)(evk_record_sum(record, P_WIDTH, n_digit, d, part) + t), sum[d]);
    __m128 number = _mm_cvtepi32_ps(sum[0]);
    if (n_digit > 1)
        number = _mm_fmadd_ps(_mm_cvtepi32_ps(sum[2]), _mm_set1_ps(65536),
                              _mm_cvtepi32_ps(_mm_add_epi32(_mm_slli_epi32(sum[1], 8), sum[0])));
    _mm_storeu_ps(evk_record_total(record, P_WIDTH, n_digit, part) + t, _mm_mul_ps(unit, number));
}

/* Of a wide record, of digits of 16 bits: the units. */
P_DIGITS float *p_wide_units(char *record) { return (float *)(void *)(record + 2 * EVK_PACKED_BLOCK * EVK_PACKED_TILE); }

/* For wide records: nt tokens of one block, up to four; x [nt] rows ldx apart. */
P_DIGITS void p_take_wide_block(char *record, size_t nt, const float *x, size_t ldx)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i eight[EVK_PACKED_TILE] = { zero, zero, zero, zero }, row[EVK_PACKED_TILE] = { zero, zero, zero, zero };
    float inverse[EVK_PACKED_TILE];
    int8_t bytes[EVK_PACKED_TILE * EVK_PACKED_BLOCK];
    for (size_t t = 0; t < nt; t++)
        eight[t] = p_eight_most(x + t * ldx);
    _mm_storeu_ps(p_wide_units(record), p_units(p_most(eight), 1, inverse));
    for (size_t t = 0; t < nt; t++)
        p_split(x + t * ldx, inverse[t], 1, &row[t]);
    p_put_digits(row, bytes);
    for (size_t i = 0; i < sizeof bytes; i += 16)
        _mm256_storeu_si256((__m256i *)(void *)(record + 2 * i),
                            _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(bytes + i))));
}

/* nt tokens of one block, up to four, the first of them the record's `first`; x [nt] rows ldx apart. */
P_DIGITS void p_take_block(char *record, size_t n_digit, size_t first, size_t nt, const float *x, size_t ldx)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i eight[EVK_PACKED_TILE] = { zero, zero, zero, zero }, digit[EVK_MAX_DIGIT][EVK_PACKED_TILE];
    __m128i sum[EVK_N_DIGIT_PART][EVK_MAX_DIGIT];
    float inverse[EVK_PACKED_TILE];
    for (size_t t = 0; t < nt; t++)
        eight[t] = p_eight_most(x + t * ldx);
    const __m128 unit = p_units(p_most(eight), n_digit, inverse);
    _mm_storeu_ps(evk_record_unit(record, P_WIDTH, n_digit) + first, unit);
    for (size_t t = 0; t < EVK_PACKED_TILE; t++) {
        __m256i own[EVK_MAX_DIGIT] = { zero, zero, zero };
        if (t < nt)
            p_split(x + t * ldx, inverse[t], n_digit, own);
        for (size_t d = 0; d < n_digit; d++)
            digit[d][t] = own[d];
    }
    for (size_t d = 0; d < n_digit; d++) {
        p_put_digits(digit[d], evk_record_digit(record, P_WIDTH, d) + first * P_TOKEN_STRIDE);
        const __m256i halves = p_half_sums(digit[d]);
        sum[EVK_DIGITS_FIRST][d] = _mm256_castsi256_si128(halves);
        sum[EVK_DIGITS_LAST][d] = _mm256_extracti128_si256(halves, 1);
        sum[EVK_DIGITS_ALL][d] = _mm_add_epi32(sum[EVK_DIGITS_FIRST][d], sum[EVK_DIGITS_LAST][d]);
    }
    for (size_t part = 0; part < EVK_N_DIGIT_PART; part++)
        p_put_sums(record, n_digit, first, unit, (evk_digit_part)part, sum[part]);
    const __m128i *all = sum[EVK_DIGITS_ALL];
    __m128i number = all[0];
    if (n_digit > 1)
        number = _mm_add_epi32(_mm_slli_epi32(_mm_add_epi32(_mm_slli_epi32(all[2], 8), all[1]), 8), all[0]);
    _mm_storeu_si128((__m128i *)(void *)(evk_record_centre(record, P_WIDTH, n_digit) + first),
                     _mm_mullo_epi32(number, _mm_set1_epi32(-EVK_CENTRE)));
}
