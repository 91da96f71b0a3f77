/* core/kernels/digits_avx2.h: activations as digits, in AVX2, for every table of x86. */
#include <immintrin.h>

#include "core/kernels/packed.h"

#define P_DIGITS static inline __attribute__((always_inline))

/* The largest |x| of 32; infinite or NaN where one of them is: as whole numbers, the bits of |x| stand in the order of |x|,
 * those of NaN above all. */
P_DIGITS float p_most(const float *x)
{
    __m256i most = _mm256_setzero_si256();
    for (size_t i = 0; i < EVK_PACKED_BLOCK; i += 8) {
        const __m256i bits = _mm256_castps_si256(_mm256_loadu_ps(x + i));
        most = _mm256_max_epi32(most, _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff)));
    }
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(m));
}

/* The low bytes of 32 whole numbers, in order. */
P_DIGITS __m256i p_bytes(const __m256i n[4])
{
    const __m256i mask = _mm256_set1_epi32(255);
    const __m256i a = _mm256_packus_epi32(_mm256_and_si256(n[0], mask), _mm256_and_si256(n[1], mask));
    const __m256i b = _mm256_packus_epi32(_mm256_and_si256(n[2], mask), _mm256_and_si256(n[3], mask));
    return _mm256_permutevar8x32_epi32(_mm256_packus_epi16(a, b), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* The sum of the first 16 signed bytes, and of the last. */
P_DIGITS void p_half_sums(__m256i digit, int32_t half[2])
{
    const __m256i biased = _mm256_xor_si256(digit, _mm256_set1_epi8((char)0x80));
    const __m256i eights = _mm256_sad_epu8(biased, _mm256_setzero_si256());
    const __m256i sums = _mm256_add_epi64(eights, _mm256_bsrli_epi128(eights, 8));
    half[0] = _mm256_extract_epi32(sums, 0) - 16 * 128;
    half[1] = _mm256_extract_epi32(sums, 4) - 16 * 128;
}

/* Token t's digits of x times inverse, and their sums. */
P_DIGITS void p_digits(const float *x, float inverse, size_t n_digit, size_t t,
                       int8_t digit[EVK_MAX_DIGIT][EVK_PACKED_TILE][EVK_PACKED_BLOCK], int32_t half[EVK_MAX_DIGIT][2])
{
    __m256i n[4];
    for (size_t i = 0; i < 4; i++) {
        const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), _mm256_set1_ps(inverse));
        n[i] = inverse > 0 ? _mm256_cvtps_epi32(scaled) : _mm256_setzero_si256();
    }
    for (size_t d = 0; d < n_digit; d++) {
        const __m256i bytes = p_bytes(n);
        _mm256_storeu_si256((__m256i *)(void *)digit[d][t], bytes);
        p_half_sums(bytes, half[d]);
        for (size_t i = 0; i < 4; i++)      /* what the signed byte leaves, over 256 */
            n[i] = _mm256_srai_epi32(_mm256_add_epi32(n[i], _mm256_set1_epi32(128)), 8);
    }
}

/* Four tokens' digits by quads: [4][32] to [8][4][4]. */
P_DIGITS void p_transpose(int8_t digit[EVK_PACKED_TILE][EVK_PACKED_BLOCK], int8_t *out)
{
    __m256i row[4], two[4], quads[4];
    for (size_t t = 0; t < 4; t++)
        row[t] = _mm256_loadu_si256((const __m256i *)(const void *)digit[t]);
    for (size_t i = 0; i < 2; i++) {
        two[2 * i] = _mm256_unpacklo_epi32(row[2 * i], row[2 * i + 1]);
        two[2 * i + 1] = _mm256_unpackhi_epi32(row[2 * i], row[2 * i + 1]);
    }
    for (size_t i = 0; i < 2; i++) {
        quads[2 * i] = _mm256_unpacklo_epi64(two[i], two[i + 2]);
        quads[2 * i + 1] = _mm256_unpackhi_epi64(two[i], two[i + 2]);
    }
    for (size_t j = 0; j < 4; j++) {        /* quad j in the low half, quad j + 4 in the high one */
        _mm_storeu_si128((__m128i *)(void *)(out + 16 * j), _mm256_castsi256_si128(quads[j]));
        _mm_storeu_si128((__m128i *)(void *)(out + 16 * (j + 4)), _mm256_extracti128_si256(quads[j], 1));
    }
}
