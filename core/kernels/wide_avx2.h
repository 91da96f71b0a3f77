/* core/kernels/wide_avx2.h: products of codes of eight bits as numbers of 16 bits, for AVX2 without integer dot products.
 *
 * Products of bytes are added in pairs to 16 bits, which two of eight bits fill, so such codes are multiplied in two halves of four bits
 * (packed_avx2.h): two multiplies and two additions of vectors for 32 terms, what takes the code apart, and at a block's end the sums of
 * 16 bits to 32. Pairs of 16 bits are added to 32 at once (vpmaddwd): two multiplies and two additions, and nothing else. Codes and digits
 * take twice the room, so both are widened once for many tokens: the codes of 16 rows stay in the first cache or near it, the digits in
 * the second.
 *
 *     codes   [n_block][8 quads][2 halves of a quad][16 rows][2]      code less offset
 *     record  [8 quads][4 tokens][4] digits, then [4] units, float32 */
#include <immintrin.h>
#include <string.h>

#include "core/kernels/packed.h"

enum { W_TOKENS = EVK_PACKED_TILE, W_VECTOR = 8, W_HALF = 2 * EVK_PACKED_ROWS };     /* W_HALF: numbers of a half quad */
enum { W_BYTES = 2 * EVK_PACKED_BLOCK + 4 };    /* of a record, a token's */
#define W_OP static inline __attribute__((always_inline))

/* 8 rows of quads of codes, to their first and their last halves. */
W_OP void w_widen_quads(const uint8_t *quads, __m256i offset, int16_t *first, int16_t *last)
{
    const __m256i raw = _mm256_loadu_si256((const __m256i *)(const void *)quads);
    const __m256 low = _mm256_castsi256_ps(_mm256_sub_epi16(_mm256_cvtepu8_epi16(_mm256_castsi256_si128(raw)), offset));
    const __m256 high = _mm256_castsi256_ps(_mm256_sub_epi16(_mm256_cvtepu8_epi16(_mm256_extracti128_si256(raw, 1)), offset));
    const __m256i evens = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0x88));
    const __m256i odds = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0xdd));
    _mm256_storeu_si256((__m256i *)(void *)first, _mm256_permute4x64_epi64(evens, 0xd8));
    _mm256_storeu_si256((__m256i *)(void *)last, _mm256_permute4x64_epi64(odds, 0xd8));
}

static bool avx2_widens(const evk_packed *w, size_t n_digit)
{
    return n_digit == 1 && w->bits == 8 && !w->groups_of_16 && !w->mins;
}

static void avx2_widen_codes(const evk_packed *w, size_t group, void *room)
{
    int16_t *codes = room;
    const size_t n_quad = w->n_block * (EVK_PACKED_BLOCK / 4);
    const uint8_t *from = w->codes + group * n_quad * 4 * EVK_PACKED_ROWS;
    const __m256i offset = _mm256_set1_epi16((short)w->offset);
    for (size_t j = 0; j < n_quad; j++, from += 4 * EVK_PACKED_ROWS, codes += 2 * W_HALF)
        for (size_t v = 0; v < EVK_PACKED_ROWS / W_VECTOR; v++)
            w_widen_quads(from + v * 4 * W_VECTOR, offset, codes + v * 2 * W_VECTOR, codes + W_HALF + v * 2 * W_VECTOR);
}

static void avx2_take_wide(const evk_digits *d, size_t tile, const float *x, size_t ldx)
{
    const size_t nt = evk_tile_tokens(d, tile);
    for (size_t b = 0; b < d->n_block; b++)
        p_take_wide_block(evk_record(d, tile, b), nt, x + b * EVK_PACKED_BLOCK, ldx);
}

/* sum[v W_TOKENS + t] += a block's products; kept from being reordered, as in packed_avx2.h. */
W_OP void w_block(const int16_t *codes, const int16_t *digits, __m256i sum[2 * W_TOKENS])
{
#pragma GCC unroll 16
    for (size_t h = 0; h < EVK_PACKED_BLOCK / 2; h++) {
        const __m256i *at = (const __m256i *)(const void *)(codes + h * W_HALF);
        const __m256i low = _mm256_loadu_si256(at), high = _mm256_loadu_si256(at + 1);
#pragma GCC unroll 4
        for (size_t t = 0; t < W_TOKENS; t++) {
            int32_t two;
            memcpy(&two, digits + h / 2 * 4 * W_TOKENS + t * 4 + h % 2 * 2, sizeof two);
            const __m256i x = _mm256_set1_epi32(two);
            sum[t] = _mm256_add_epi32(sum[t], _mm256_madd_epi16(low, x));
            __asm__("" : "+x"(sum[t]));
            sum[W_TOKENS + t] = _mm256_add_epi32(sum[W_TOKENS + t], _mm256_madd_epi16(high, x));
            __asm__("" : "+x"(sum[W_TOKENS + t]));
        }
    }
}

W_OP __m256 w_scale(const evk_packed *w, size_t at)
{
    return w->half_scales ? _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)((const uint16_t *)w->scales + at)))
                          : _mm256_loadu_ps((const float *)w->scales + at);
}

static __attribute__((no_sanitize("undefined")))
void avx2_multiply_wide(const evk_packed *w, size_t group, const void *widened, const evk_digits *x, size_t tile, float *y, size_t ldy)
{
    const int16_t *codes = widened;
    const size_t nt = evk_tile_tokens(x, tile);
    __m256 total[2 * W_TOKENS];
    for (size_t t = 0; t < nt; t++) {       /* or the stores of y would hold up those of the sums that no register is left for */
        __builtin_prefetch(y + t * ldy, 1);
        __builtin_prefetch(y + t * ldy + EVK_PACKED_ROWS - 1, 1);
    }
    for (size_t e = 0; e < 2 * W_TOKENS; e++)
        total[e] = _mm256_setzero_ps();
    for (size_t b = 0; b < w->n_block; b++, codes += EVK_PACKED_BLOCK * EVK_PACKED_ROWS) {
        char *record = evk_record(x, tile, b);
        const float *unit = p_wide_units(record);
        __m256i sum[2 * W_TOKENS];
        for (size_t e = 0; e < 2 * W_TOKENS; e++)
            sum[e] = _mm256_setzero_si256();
        w_block(codes, (const int16_t *)(const void *)record, sum);
#pragma GCC unroll 2
        for (size_t v = 0; v < 2; v++) {
            const __m256 scale = w_scale(w, (group * w->n_block + b) * EVK_PACKED_ROWS + v * W_VECTOR);
#pragma GCC unroll 4
            for (size_t t = 0; t < W_TOKENS; t++) {
                __m256 *own = &total[v * W_TOKENS + t];
                *own = _mm256_fmadd_ps(_mm256_mul_ps(scale, _mm256_set1_ps(unit[t])), _mm256_cvtepi32_ps(sum[v * W_TOKENS + t]), *own);
            }
        }
    }
    for (size_t t = 0; t < nt; t++) {
        _mm256_storeu_ps(y + t * ldy, total[t]);
        _mm256_storeu_ps(y + t * ldy + W_VECTOR, total[W_TOKENS + t]);
    }
}

static inline void add_wide(evk_kernels *k)
{
    k->prepares = avx2_widens;
    k->prepared_rows = EVK_PACKED_ROWS;
    k->prepared_bytes = W_BYTES;
    k->prepare_codes = avx2_widen_codes;
    k->take_prepared = avx2_take_wide;
    k->multiply_prepared = avx2_multiply_wide;
}
