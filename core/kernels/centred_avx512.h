/* core/kernels/centred_avx512.h: products of codes of four bits by three digits, for AVX-512 with its integer dot products.
 *
 * Codes from their middle are signed, so the digits are the unsigned ones, the bytes of a number plus 2^23, and a block's sum over
 * whole numbers is one 32-bit integer (packed.h). It is made digit by digit, the highest first, each time 2^8 as much; what 2^23 adds,
 * 2^23 sum (code - 8), is 2^16 times that of the highest digit alone, and is taken off beforehand. So the end of a block is two shifts, a
 * conversion, the units and the minima, for 24 dot products; by digits apart (lanes_packed.h) it is a third more, and takes more registers.
 *
 *     codes   [2 groups][n_block][8 quads][16 rows][4]  code - 8;  then [n_block][2 groups][16 rows]  -2^7 sum (code - 8), int32
 *     record  [3 digits][8 quads][8 tokens][4] unsigned bytes, [8] units, [8] totals, float32 */
#include <immintrin.h>
#include <string.h>

#include "core/kernels/packed.h"

enum { C_TOKENS = P_WIDTH, C_QUADS = EVK_PACKED_BLOCK / 4, C_CODES = EVK_PACKED_BLOCK * EVK_PACKED_ROWS };
enum { C_DIGIT = EVK_PACKED_BLOCK * C_TOKENS, C_BYTES = EVK_MAX_DIGIT * EVK_PACKED_BLOCK + 8 };
#define C_OP static inline __attribute__((always_inline, no_sanitize("undefined")))

C_OP float *c_units(char *record) { return (float *)(void *)(record + EVK_MAX_DIGIT * C_DIGIT); }
C_OP float *c_totals(char *record) { return c_units(record) + C_TOKENS; }
C_OP size_t c_block_of(const evk_packed *w, size_t pair, size_t group, size_t b) { return (2 * pair + group) * w->n_block + b; }
C_OP size_t c_code_bytes(const evk_packed *w) { return 2 * w->n_block * C_CODES; }       /* what sums lie behind */

static bool avx512_centres(const evk_packed *w, size_t n_digit)
{
    return evk_packed_whole(w, n_digit);
}

/* A block of a group; returns the sums of its rows. */
C_OP __m512i c_centre_block(const uint8_t *two, int8_t *codes)
{
    const __m512i centre = _mm512_set1_epi8(EVK_CENTRE), ones = _mm512_set1_epi8(1);
    __m512i sum = _mm512_setzero_si512();
#pragma GCC unroll 4
    for (size_t j = 0; j < C_QUADS / 2; j++) {
        const __m512i raw = _mm512_loadu_si512(two + j * 64);
        const __m512i low = _mm512_sub_epi8(p_low(raw), centre), high = _mm512_sub_epi8(p_high(raw), centre);
        _mm512_storeu_si512(codes + j * 64, low);
        _mm512_storeu_si512(codes + (j + C_QUADS / 2) * 64, high);
        sum = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(sum, ones, low), ones, high);
    }
    return sum;
}

static void avx512_centre_codes(const evk_packed *w, size_t pair, void *codes)
{
    int8_t *out = codes;
    int32_t *sums = (int32_t *)(void *)(out + c_code_bytes(w));
    for (size_t g = 0; g < 2; g++)
        for (size_t b = 0; b < w->n_block; b++, out += C_CODES) {
            const __m512i sum = c_centre_block(w->codes + c_block_of(w, pair, g, b) * (C_CODES / 2), out);
            _mm512_storeu_si512(sums + (b * 2 + g) * EVK_PACKED_ROWS, _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(sum, 7)));
        }
}

/* A block of eight tokens. */
C_OP void c_take_block(char *record, const float *x, size_t ldx)
{
    __m256i sum[EVK_N_DIGIT_PART][EVK_MAX_DIGIT];
    const __m256 unit = p_take_halves(record, EVK_MAX_DIGIT, true, x, ldx, sum);
    _mm256_storeu_ps(c_units(record), unit);
    _mm256_storeu_ps(c_totals(record), _mm256_mul_ps(unit, p_eight_numbers(sum[EVK_DIGITS_ALL], EVK_MAX_DIGIT)));
}

static __attribute__((no_sanitize("undefined")))
void avx512_take_centred(const evk_digits *d, size_t tile, const float *x, size_t ldx)
{
    const size_t nt = evk_tile_tokens(d, tile);
    for (size_t b = 0; b < d->n_block; b++, x += EVK_PACKED_BLOCK) {
        float whole[C_TOKENS * EVK_PACKED_BLOCK] = { 0 };       /* what there is of the last tile, among zeros */
        for (size_t t = 0; nt < C_TOKENS && t < nt; t++)
            memcpy(whole + t * EVK_PACKED_BLOCK, x + t * ldx, EVK_PACKED_BLOCK * sizeof *x);
        if (nt < C_TOKENS)
            c_take_block(evk_record(d, tile, b), whole, EVK_PACKED_BLOCK);
        else
            c_take_block(evk_record(d, tile, b), x, ldx);
    }
}

/* s[v n + t] += the sum of a block's codes of two groups of rows times one digit of n tokens. */
C_OP void c_digit(const int8_t *const codes[2], const char *digits, size_t n, __m512i *s)
{
#pragma GCC unroll 8
    for (size_t j = 0; j < C_QUADS; j++) {
        const __m512i first = _mm512_loadu_si512(codes[0] + j * 64), last = _mm512_loadu_si512(codes[1] + j * 64);
#pragma GCC unroll 8
        for (size_t t = 0; t < n; t++) {
            int32_t quad;
            memcpy(&quad, digits + (j * C_TOKENS + t) * 4, sizeof quad);
            const __m512i x = _mm512_set1_epi32(quad);
            s[t] = _mm512_dpbusd_epi32(s[t], x, first);
            s[n + t] = _mm512_dpbusd_epi32(s[n + t], x, last);
        }
    }
}

C_OP void c_shift(size_t n, __m512i *s)
{
#pragma GCC unroll 16
    for (size_t e = 0; e < 2 * n; e++)
        s[e] = _mm512_slli_epi32(s[e], 8);
}

/* The same of all digits, from what their highest is to begin with. */
C_OP void c_dots(const int8_t *const codes[2], const __m512i from[2], const char *record, size_t n, __m512i *s)
{
#pragma GCC unroll 16
    for (size_t e = 0; e < 2 * n; e++)
        s[e] = from[e / n];
    c_digit(codes, record + 2 * C_DIGIT, n, s);
    c_shift(n, s);
    c_digit(codes, record + C_DIGIT, n, s);
    c_shift(n, s);
    c_digit(codes, record, n, s);
}

/* n tokens of a tile; n is a constant where it is called. */
C_OP void c_rows(const evk_packed *w, size_t pair, const int8_t *codes, const evk_digits *x, size_t tile, size_t n, __m512 *y)
{
    const int32_t *sums = (const int32_t *)(const void *)(codes + c_code_bytes(w));
    const __m512 centre = _mm512_set1_ps(EVK_CENTRE);
    for (size_t e = 0; e < 2 * n; e++)
        y[e] = _mm512_setzero_ps();
    for (size_t b = 0; b < w->n_block; b++, sums += EVK_PACKED_PAIR) {
        char *record = evk_record(x, tile, b);
        const int8_t *const own[2] = { codes + b * C_CODES, codes + (w->n_block + b) * C_CODES };
        const __m512i from[2] = { _mm512_loadu_si512(sums), _mm512_loadu_si512(sums + EVK_PACKED_ROWS) };
        __m512i s[2 * C_TOKENS];
        c_dots(own, from, record, n, s);
#pragma GCC unroll 2
        for (size_t v = 0; v < 2; v++) {
            const size_t at = c_block_of(w, pair, v, b) * EVK_PACKED_ROWS;
            const __m512 scale = p_scales_at(w, w->scales, at);
            const __m512 min = w->mins ? _mm512_fmadd_ps(centre, scale, p_scales_at(w, w->mins, at)) : _mm512_setzero_ps();
#pragma GCC unroll 8
            for (size_t t = 0; t < n; t++) {
                const __m512 unit = _mm512_mul_ps(scale, _mm512_set1_ps(c_units(record)[t]));
                y[v * n + t] = _mm512_fmadd_ps(unit, _mm512_cvtepi32_ps(s[v * n + t]), y[v * n + t]);
                if (w->mins)
                    y[v * n + t] = _mm512_fmadd_ps(min, _mm512_set1_ps(c_totals(record)[t]), y[v * n + t]);
            }
        }
    }
}

#define C_ROWS(n)                                                                                                                      \
    static __attribute__((noinline, no_sanitize("undefined")))                                                                         \
    void c_rows_##n(const evk_packed *w, size_t pair, const int8_t *codes, const evk_digits *x, size_t tile, float *y, size_t ldy)     \
    {                                                                                                                                  \
        __m512 sum[2 * (n)];                                                                                                           \
        const size_t nt = evk_tile_tokens(x, tile);                                                                                    \
        c_rows(w, pair, codes, x, tile, n, sum);                                                                                       \
        for (size_t t = 0; t < nt; t++)                                                                                                \
            for (size_t v = 0; v < 2; v++)                                                                                             \
                _mm512_storeu_ps(y + t * ldy + v * EVK_PACKED_ROWS, sum[v * (n) + t]);                                                 \
    }
C_ROWS(8)
C_ROWS(4)

static void avx512_multiply_centred(const evk_packed *w, size_t pair, const void *codes, const evk_digits *x, size_t tile, float *y,
                                    size_t ldy)
{
    (evk_tile_tokens(x, tile) > 4 ? c_rows_8 : c_rows_4)(w, pair, codes, x, tile, y, ldy);
}

static inline void add_centred(evk_kernels *k)
{
    k->prepares = avx512_centres;
    k->prepared_rows = EVK_PACKED_PAIR;
    k->prepared_bytes = C_BYTES;
    k->prepare_codes = avx512_centre_codes;
    k->take_prepared = avx512_take_centred;
    k->multiply_prepared = avx512_multiply_centred;
}
