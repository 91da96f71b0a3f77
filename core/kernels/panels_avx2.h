/* core/kernels/panels_avx2.h: exact products for AVX2 by panels: 16 rows of weights as [k][16] floats, so that a vector's lanes are
 * rows, an activation is broadcast to all of them, and nothing is summed across lanes.
 *
 * A tile of 6 tokens x 16 rows loads 8 vectors for 12 multiply-adds, as lanes.h's of 4 x 3 loads 7; but lanes.h adds the lanes of 12
 * vectors at a tile's end, and AVX2 is slow at that: here the ends are stores. An element is the sum of its blocks' sums (evk_k_block),
 * each of them by fused multiply-adds in order of k: as good as OpenBLAS's, which goes the same way.
 *
 * Packed weights (packed.h) lie as 16 rows already, and become floats, the same as the type's dequantiser makes, where they stand. */
#include <immintrin.h>
#include <string.h>

#include "core/kernels/packed.h"

enum {
    N_LANE = 8, N_VECTOR = EVK_PACKED_ROWS / 8,     /* of a panel's row */
    N_TOKENS = 6,                   /* of a tile */
    N_TOGETHER = 24,                /* tokens that pass over all panels while they are in the first cache */
    N_FEW_PANELS = 4                /* that one token meets together, so that sums do not wait for each other */
};
/* Without looking for undefined behaviour, which makes unrolled loops too long to compile; for addresses they are looked through. */
#define N_OP static inline __attribute__((always_inline, no_sanitize("undefined")))
#define N_KERNEL static __attribute__((noinline, no_sanitize("undefined")))

/* ---- floats ---- */

/* y of nt tokens with np panels, `apart` floats from each other; nt and np are constants where it is called. */
N_OP void n_tile(const float *x, size_t ldx, const float *panel, size_t apart, float *y, size_t ldy, size_t k, bool add, size_t nt,
                 size_t np)
{
    __m256 sum[N_TOKENS * N_VECTOR];
    const size_t nv = np * N_VECTOR;
#pragma GCC unroll 16
    for (size_t e = 0; e < nt * nv; e++)
        sum[e] = _mm256_setzero_ps();
#pragma GCC unroll 4
    for (size_t i = 0; i < k; i++) {
        __m256 w[N_FEW_PANELS * N_VECTOR];
#pragma GCC unroll 8
        for (size_t v = 0; v < nv; v++)
            w[v] = _mm256_loadu_ps(panel + v / N_VECTOR * apart + i * EVK_PACKED_ROWS + v % N_VECTOR * N_LANE);
#pragma GCC unroll 8
        for (size_t t = 0; t < nt; t++) {
            const __m256 one = _mm256_broadcast_ss(x + t * ldx + i);
#pragma GCC unroll 8
            for (size_t v = 0; v < nv; v++)
                sum[t * nv + v] = _mm256_fmadd_ps(one, w[v], sum[t * nv + v]);
        }
    }
#pragma GCC unroll 16
    for (size_t e = 0; e < nt * nv; e++) {
        float *out = y + e / nv * ldy + e % nv * N_LANE;
        _mm256_storeu_ps(out, add ? _mm256_add_ps(_mm256_loadu_ps(out), sum[e]) : sum[e]);
    }
}

#define N_TILE_OF(nt, np)                                                                                                         \
    N_KERNEL void n_tile_##nt##_##np(const float *x, size_t ldx, const float *panel, size_t apart, float *y, size_t ldy, size_t k, \
                                     bool add)                                                                                    \
    {                                                                                                                             \
        n_tile(x, ldx, panel, apart, y, ldy, k, add, nt, np);                                                                     \
    }
N_TILE_OF(1, 1) N_TILE_OF(1, 4) N_TILE_OF(2, 1) N_TILE_OF(2, 2) N_TILE_OF(3, 1) N_TILE_OF(4, 1) N_TILE_OF(5, 1) N_TILE_OF(6, 1)

typedef void n_tile_function(const float *x, size_t ldx, const float *panel, size_t apart, float *y, size_t ldy, size_t k, bool add);
static const struct { n_tile_function *several, *one; size_t n_panel; } n_tiles[N_TOKENS] = {
    { n_tile_1_4, n_tile_1_1, 4 }, { n_tile_2_2, n_tile_2_1, 2 }, { n_tile_3_1, n_tile_3_1, 1 },
    { n_tile_4_1, n_tile_4_1, 1 }, { n_tile_5_1, n_tile_5_1, 1 }, { n_tile_6_1, n_tile_6_1, 1 },
};

/* The last panel's rows that there are, fewer than 16. */
static void n_last_rows(const float *x, size_t ldx, const float *panel, float *y, size_t ldy, size_t nt, size_t n_row, size_t k, bool add)
{
    float part[N_TOKENS * EVK_PACKED_ROWS];
    n_tiles[nt - 1].one(x, ldx, panel, 0, part, EVK_PACKED_ROWS, k, false);
    for (size_t t = 0; t < nt; t++)
        for (size_t r = 0; r < n_row; r++)
            y[t * ldy + r] = add ? y[t * ldy + r] + part[t * EVK_PACKED_ROWS + r] : part[t * EVK_PACKED_ROWS + r];
}

/* Tokens of the next tile of n: tiles as equal as can be, for few tokens leave the units waiting. */
N_OP size_t n_next(size_t n)
{
    const size_t n_tile = (n + N_TOKENS - 1) / N_TOKENS;
    return (n + n_tile - 1) / n_tile;
}

static void avx2_multiply_panels(const float *x, size_t ldx, const float *panels, float *y, size_t ldy, size_t n_token, size_t n_row,
                                 size_t k, bool add)
{
    const size_t apart = k * EVK_PACKED_ROWS, whole = n_row / EVK_PACKED_ROWS;
    for (size_t first = 0, n; first < n_token; first += n) {
        n = n_token - first < N_TOGETHER ? n_token - first : N_TOGETHER;
        const size_t step = n_tiles[n_next(n) - 1].n_panel;
        for (size_t p = 0, np; p < whole; p += np) {
            np = p + step <= whole ? step : 1;
            for (size_t t = 0, nt; t < n; t += nt) {
                nt = n_next(n - t);
                const float *xt = x + (first + t) * ldx, *panel = panels + p * apart;
                float *out = y + (first + t) * ldy + p * EVK_PACKED_ROWS;
                if (np > 1)
                    n_tiles[nt - 1].several(xt, ldx, panel, apart, out, ldy, k, add);
                else
                    n_tiles[nt - 1].one(xt, ldx, panel, apart, out, ldy, k, add);
            }
        }
        for (size_t t = 0, nt; n_row % EVK_PACKED_ROWS && t < n; t += nt) {
            nt = n_next(n - t);
            n_last_rows(x + (first + t) * ldx, ldx, panels + whole * apart, y + (first + t) * ldy + whole * EVK_PACKED_ROWS, ldy, nt,
                        n_row % EVK_PACKED_ROWS, k, add);
        }
    }
}

/* ---- rows as they lie: float32, float16, bfloat16 ---- */

N_OP float n_value(const char *p, evk_type type)
{
    uint32_t bits = 0;
    float value;
    if (type == EVK_F32)
        memcpy(&bits, p, sizeof bits);
    else
        memcpy((char *)&bits + 2, p, 2);
    memcpy(&value, &bits, sizeof value);
    return type == EVK_F16 ? _cvtsh_ss((uint16_t)(bits >> 16)) : value;
}

/* Four values of one row beside four of another. */
N_OP __m256 n_two_rows(const char *low, const char *high, evk_type type)
{
    if (type == EVK_F32)
        return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps((const float *)(const void *)low)),
                                    _mm_loadu_ps((const float *)(const void *)high), 1);
    const __m128i four = _mm_loadl_epi64((const __m128i *)(const void *)low);
    const __m128i halves = _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(four), (const __m64 *)(const void *)high));
    return type == EVK_F16 ? _mm256_cvtph_ps(halves) : _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

/* Four columns of eight rows. */
N_OP void n_columns(const char *rows, size_t row_bytes, evk_type type, __m256 column[4])
{
    __m256 a[4], two[4];
#pragma GCC unroll 4
    for (size_t r = 0; r < 4; r++)
        a[r] = n_two_rows(rows + r * row_bytes, rows + (r + 4) * row_bytes, type);
#pragma GCC unroll 2
    for (size_t r = 0; r < 4; r += 2) {
        two[r] = _mm256_unpacklo_ps(a[r], a[r + 1]);
        two[r + 1] = _mm256_unpackhi_ps(a[r], a[r + 1]);
    }
    column[0] = _mm256_shuffle_ps(two[0], two[2], 0x44);
    column[1] = _mm256_shuffle_ps(two[0], two[2], 0xee);
    column[2] = _mm256_shuffle_ps(two[1], two[3], 0x44);
    column[3] = _mm256_shuffle_ps(two[1], two[3], 0xee);
}

N_OP size_t n_size(evk_type type) { return type == EVK_F32 ? 4 : 2; }

/* Values of a cache line. Rows whose distance is a large power of two compete for the same few lines of the first cache: a line of 8
 * rows is used up before the next 8 rows' are read. */
N_OP size_t n_line(evk_type type) { return 64 / n_size(type); }

/* n columns, a multiple of 4, of rows [8 v, 8 v + 8). */
N_OP void n_put_columns(evk_type type, const char *rows, size_t row_bytes, size_t v, size_t n, float *panel)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < n; i += 4) {
        __m256 column[4];
        n_columns(rows + v * N_LANE * row_bytes + i * n_size(type), row_bytes, type, column);
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++)
            _mm256_storeu_ps(panel + (i + j) * EVK_PACKED_ROWS + v * N_LANE, column[j]);
    }
}

N_OP void n_make_panel(evk_type type, const char *rows, size_t row_bytes, size_t n_row, size_t k, float *panel)
{
    const size_t line = n_line(type), lines = n_row == EVK_PACKED_ROWS ? k / line * line : 0;
    for (size_t i = 0; i < lines; i += line)
        for (size_t v = 0; v < N_VECTOR; v++)
            n_put_columns(type, rows + i * n_size(type), row_bytes, v, line, panel + i * EVK_PACKED_ROWS);
    for (size_t i = lines; i < k; i++)
        for (size_t r = 0; r < EVK_PACKED_ROWS; r++)
            panel[i * EVK_PACKED_ROWS + r] = r < n_row ? n_value(rows + r * row_bytes + i * n_size(type), type) : 0;
}

static void avx2_make_panel(evk_type type, const void *rows, size_t row_bytes, size_t n_row, size_t k, float *panel)
{
    if (type == EVK_F32)
        n_make_panel(EVK_F32, rows, row_bytes, n_row, k, panel);
    else if (type == EVK_F16)
        n_make_panel(EVK_F16, rows, row_bytes, n_row, k, panel);
    else
        n_make_panel(EVK_BF16, rows, row_bytes, n_row, k, panel);
}

/* sum += n terms, a multiple of 4, of rows [8 v, 8 v + 8) with one token. */
N_OP __m256 n_add_columns(evk_type type, const float *x, const char *rows, size_t row_bytes, size_t v, size_t n, __m256 sum)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < n; i += 4) {
        __m256 column[4];
        n_columns(rows + v * N_LANE * row_bytes + i * n_size(type), row_bytes, type, column);
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++)
            sum = _mm256_fmadd_ps(_mm256_broadcast_ss(x + i + j), column[j], sum);
    }
    return sum;
}

/* y (+)= a block's sums of 16 rows with one token. The next rows' lines are asked for: a row is too short to be followed. */
N_OP void n_rows_block(const float *x, const char *rows, size_t row_bytes, float *y, size_t n, bool add, evk_type type)
{
    __m256 sum[N_VECTOR] = { _mm256_setzero_ps(), _mm256_setzero_ps() };
    float each[EVK_PACKED_ROWS];
    const size_t line = n_line(type);
    size_t i = 0;
    for (; i + line <= n; i += line) {
        const char *at = rows + i * n_size(type);
        for (size_t r = 0; r < EVK_PACKED_ROWS; r++)
            __builtin_prefetch((const void *)((uintptr_t)at + (EVK_PACKED_ROWS + r) * row_bytes), 0, 2);
#pragma GCC unroll 2
        for (size_t v = 0; v < N_VECTOR; v++)
            sum[v] = n_add_columns(type, x + i, at, row_bytes, v, line, sum[v]);
    }
    for (; i + 4 <= n; i += 4)
#pragma GCC unroll 2
        for (size_t v = 0; v < N_VECTOR; v++)
            sum[v] = n_add_columns(type, x + i, rows + i * n_size(type), row_bytes, v, 4, sum[v]);
    for (size_t v = 0; v < N_VECTOR; v++)
        _mm256_storeu_ps(each + v * N_LANE, sum[v]);
    for (; i < n; i++)
        for (size_t r = 0; r < EVK_PACKED_ROWS; r++)
            each[r] = __builtin_fmaf(x[i], n_value(rows + r * row_bytes + i * n_size(type), type), each[r]);
    for (size_t r = 0; r < EVK_PACKED_ROWS; r++)
        y[r] = add ? y[r] + each[r] : each[r];
}

N_OP void n_matvec(const float *x, const char *w, size_t row_bytes, float *y, size_t n_row, size_t k, evk_type type)
{
    const size_t whole = n_row / EVK_PACKED_ROWS * EVK_PACKED_ROWS;
    for (size_t i = 0, n; i < k; i += n) {
        n = evk_k_block(k - i);
        for (size_t r = 0; r < whole; r += EVK_PACKED_ROWS)
            n_rows_block(x + i, w + r * row_bytes + i * n_size(type), row_bytes, y + r, n, i > 0, type);
        for (size_t r = whole; r < n_row; r++) {
            float sum = 0;
            for (size_t j = i; j < i + n; j++)
                sum = __builtin_fmaf(x[j], n_value(w + r * row_bytes + j * n_size(type), type), sum);
            y[r] = i ? y[r] + sum : sum;
        }
    }
}

static void panels_matvec_f16(const float *x, const uint16_t *w, size_t ldw, float *y, size_t n_row, size_t k)
{
    n_matvec(x, (const char *)w, ldw * sizeof *w, y, n_row, k, EVK_F16);
}

static void panels_matvec_bf16(const float *x, const uint16_t *w, size_t ldw, float *y, size_t n_row, size_t k)
{
    n_matvec(x, (const char *)w, ldw * sizeof *w, y, n_row, k, EVK_BF16);
}

/* ---- packed weights ---- */

/* How a group's weights are told: one of these, a constant where it is passed on. */
typedef struct n_form { bool halves, bfloat, four_bits, has_min, any_scale; } n_form;

/* Of 8 rows of a half of a block. A code is taken out of its quad where it stands, 2^n times what it is, and its scale is 2^-n times
 * what it was: nothing needs shifting but a quad's last code, which would be negative. The product of a scale and a code is exact
 * (packed.h), and so is that of a scale and an offset: one rounding gives the dequantiser's weight. */
typedef struct n_scales { __m256 scale[4], min; } n_scales;

/* Bits below code i of the quads of a half. */
N_OP int n_below(size_t half, size_t i, n_form f) { return (int)(8 * i + (f.four_bits ? 4 * half : 0)); }
N_OP bool n_is_top(size_t half, size_t i, n_form f) { return n_below(half, i, f) + (f.four_bits ? 4 : 8) == 32; }

N_OP __m256 n_scale(const evk_packed *w, const void *scales, size_t at)
{
    return w->half_scales ? _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)((const uint16_t *)scales + at)))
                          : _mm256_loadu_ps((const float *)scales + at);
}

/* Of vector v of a group's rows, in a half of its b'th block. */
N_OP n_scales n_scales_of(const evk_packed *w, size_t group, size_t b, size_t half, size_t v, n_form f)
{
    const size_t nth = group * w->n_block + b;
    const size_t at = (w->groups_of_16 ? 2 * nth + half : nth) * EVK_PACKED_ROWS + v * N_LANE;
    const __m256 scale = n_scale(w, w->scales, at);
    n_scales s = { .min = f.has_min ? n_scale(w, w->mins, at) : _mm256_mul_ps(scale, _mm256_set1_ps((float)-w->offset)) };
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        const bool as_it_is = f.any_scale || n_is_top(half, i, f) || n_below(half, i, f) == 0;
        s.scale[i] = as_it_is ? scale : _mm256_mul_ps(scale, _mm256_set1_ps(1 / (float)(1u << n_below(half, i, f))));
    }
    return s;
}

/* Code i of 8 rows' quads, as its weight. */
N_OP __m256 n_weight(__m256i quads, size_t half, size_t i, const n_scales *s, int offset, n_form f)
{
    const int below = n_below(half, i, f), ones = f.four_bits ? 15 : 255;
    if (f.any_scale) {
        const __m256i code = _mm256_and_si256(_mm256_srli_epi32(quads, below), _mm256_set1_epi32(ones));
        return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(code, _mm256_set1_epi32(offset))), s->scale[i]);
    }
    const __m256i code = n_is_top(half, i, f) ? _mm256_srli_epi32(quads, below)
                                              : _mm256_and_si256(quads, _mm256_set1_epi32((int)((unsigned)ones << below)));
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(code), s->scale[i], s->min);
}

N_OP const uint8_t *n_codes(const evk_packed *w, size_t group, size_t b, n_form f)
{
    return w->codes + (group * w->n_block + b) * (f.four_bits ? 16 : 32) * EVK_PACKED_ROWS;
}

/* Where quads j < 4 of a half of a block lie, of all 16 rows; codes: the group's block. Those of four bits hold both halves'. */
N_OP const uint8_t *n_place(const uint8_t *codes, size_t half, size_t j, n_form f)
{
    return codes + (f.four_bits ? j : 4 * half + j) * 4 * EVK_PACKED_ROWS;
}

/* Vector v of them. */
N_OP __m256i n_quads(const uint8_t *codes, size_t half, size_t j, size_t v, n_form f)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)(n_place(codes, half, j, f) + v * 4 * N_LANE));
}

/* Few tokens wait for memory, whose own prefetching starts anew with each page: what a later group has at that place. */
N_OP void n_ask(const evk_packed *w, size_t group, size_t b, size_t half, size_t j, n_form f)
{
    if (!(f.four_bits && half))
        __builtin_prefetch(n_place(n_codes(w, group, b, f), half, j, f), 0, 2);
}

N_OP void n_unpack_half(const evk_packed *w, size_t group, size_t b, size_t half, float *panel, n_form f)
{
    const uint8_t *codes = n_codes(w, group, b, f);
    for (size_t v = 0; v < N_VECTOR; v++) {
        const n_scales s = n_scales_of(w, group, b, half, v, f);
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++) {
            const __m256i quads = n_quads(codes, half, j, v, f);
            float *out = panel + 4 * j * EVK_PACKED_ROWS + v * N_LANE;
#pragma GCC unroll 4
            for (size_t i = 0; i < 4; i++)
                _mm256_storeu_ps(out + i * EVK_PACKED_ROWS, n_weight(quads, half, i, &s, w->offset, f));
        }
    }
}

N_OP void n_unpack(const evk_packed *w, size_t group, size_t first, size_t n, float *panel, n_form f)
{
    for (size_t i = first; i < first + n; i += EVK_PACKED_BLOCK, panel += EVK_PACKED_BLOCK * EVK_PACKED_ROWS) {
        n_unpack_half(w, group, i / EVK_PACKED_BLOCK, 0, panel, f);
        n_unpack_half(w, group, i / EVK_PACKED_BLOCK, 1, panel + EVK_PACKED_BLOCK / 2 * EVK_PACKED_ROWS, f);
    }
}

N_OP __m256 n_of_halves(const uint8_t *p, bool bfloat)
{
    const __m128i halves = _mm_loadu_si128((const __m128i *)(const void *)p);
    return bfloat ? _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16)) : _mm256_cvtph_ps(halves);
}

/* Vector v of a group's rows of 16 bits, term i. */
N_OP __m256 n_half_weight(const evk_packed *w, size_t group, size_t i, size_t v, bool bfloat)
{
    return n_of_halves(w->codes + ((group * w->cols + i) * EVK_PACKED_ROWS + v * N_LANE) * 2, bfloat);
}

N_OP void n_unpack_halves(const evk_packed *w, size_t group, size_t first, size_t n, float *panel, n_form f)
{
    for (size_t i = 0; i < n; i++)
#pragma GCC unroll 2
        for (size_t v = 0; v < N_VECTOR; v++)
            _mm256_storeu_ps(panel + i * EVK_PACKED_ROWS + v * N_LANE, n_half_weight(w, group, first + i, v, f.bfloat));
}

/* sum[t, v] += terms [i, i + n) of 16 bits. */
N_OP void n_few_halves(const evk_packed *w, size_t group, size_t i, size_t n, const float *x, size_t ldx, __m256 *sum, size_t nt, size_t ng,
                       bool bfloat)
{
    const size_t nv = ng * N_VECTOR;
    for (size_t j = i; j < i + n; j++)
#pragma GCC unroll 4
        for (size_t v = 0; v < nv; v++) {
            const __m256 weight = n_half_weight(w, group + v / N_VECTOR, j, v % N_VECTOR, bfloat);
#pragma GCC unroll 4
            for (size_t t = 0; t < nt; t++)
                sum[t * nv + v] = _mm256_fmadd_ps(_mm256_broadcast_ss(x + t * ldx + j), weight, sum[t * nv + v]);
        }
}

/* sum[t, v] += terms of half a block of nt tokens with ng groups of rows. */
N_OP void n_few_half(const evk_packed *w, size_t group, size_t b, size_t half, const float *x, size_t ldx, __m256 *sum, size_t nt, size_t ng,
                     n_form f)
{
    const size_t nv = ng * N_VECTOR;
    n_scales s[2 * N_VECTOR];
#pragma GCC unroll 4
    for (size_t v = 0; v < nv; v++)
        s[v] = n_scales_of(w, group + v / N_VECTOR, b, half, v % N_VECTOR, f);
#pragma GCC unroll 1
    for (size_t j = 0; j < 4; j++, x += 4) {
        __m256i quads[2 * N_VECTOR];
#pragma GCC unroll 4
        for (size_t v = 0; v < nv; v++)
            quads[v] = n_quads(n_codes(w, group + v / N_VECTOR, b, f), half, j, v % N_VECTOR, f);
        for (size_t g = 0; g < ng; g++)
            n_ask(w, group + EVK_PACKED_PAIR / EVK_PACKED_ROWS + g, b, half, j, f);
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++)
#pragma GCC unroll 4
            for (size_t v = 0; v < nv; v++) {
                const __m256 weight = n_weight(quads[v], half, i, &s[v], w->offset, f);
#pragma GCC unroll 4
                for (size_t t = 0; t < nt; t++) {
                    sum[t * nv + v] = _mm256_fmadd_ps(_mm256_broadcast_ss(x + t * ldx + i), weight, sum[t * nv + v]);
                    __asm__("" : "+x"(sum[t * nv + v]));
                }
            }
    }
}

/* y of nt tokens with ng groups of rows; nt, ng and the form are constants where it is called. */
N_OP void n_few(const evk_packed *packed, size_t group, const float *x, size_t ldx, float *y, size_t ldy, size_t nt, size_t ng, n_form f)
{
    const evk_packed own = *packed, *w = &own;      /* which no store to y can change */
    const size_t nv = ng * N_VECTOR;
    for (size_t i = 0, n; i < w->cols; i += n) {
        __m256 sum[EVK_FEW_TOKENS * 2 * N_VECTOR];
        n = evk_k_block(w->cols - i);
#pragma GCC unroll 16
        for (size_t e = 0; e < nt * nv; e++)
            sum[e] = _mm256_setzero_ps();
        if (f.halves)
            n_few_halves(w, group, i, n, x, ldx, sum, nt, ng, f.bfloat);
        for (size_t j = i; !f.halves && j < i + n; j += EVK_PACKED_BLOCK) {
            n_few_half(w, group, j / EVK_PACKED_BLOCK, 0, x + j, ldx, sum, nt, ng, f);
            n_few_half(w, group, j / EVK_PACKED_BLOCK, 1, x + j + EVK_PACKED_BLOCK / 2, ldx, sum, nt, ng, f);
        }
#pragma GCC unroll 16
        for (size_t e = 0; e < nt * nv; e++) {
            float *out = y + e / nv * ldy + e % nv * N_LANE;
            _mm256_storeu_ps(out, i ? _mm256_add_ps(_mm256_loadu_ps(out), sum[e]) : sum[e]);
        }
    }
}

/* One or two tokens take both groups of the pair at once, four one after the other. */
#define N_FORM_OF(name, ...)                                                                                                      \
    N_KERNEL void n_few_##name(const evk_packed *w, size_t group, const float *x, size_t ldx, float *y, size_t ldy, size_t n_token) \
    {                                                                                                                             \
        const n_form form = { __VA_ARGS__ };                                                                                      \
        if (n_token == 1)                                                                                                         \
            n_few(w, group, x, ldx, y, ldy, 1, 2, form);                                                                          \
        else if (n_token == 2)                                                                                                    \
            n_few(w, group, x, ldx, y, ldy, 2, 2, form);                                                                          \
        for (size_t g = 0; n_token == 4 && g < 2; g++)                                                                            \
            n_few(w, group + g, x, ldx, y + g * EVK_PACKED_ROWS, ldy, 4, 1, form);                                                \
    }                                                                                                                             \
    N_KERNEL void n_unpack_##name(const evk_packed *w, size_t group, size_t first, size_t n, float *panel)                        \
    {                                                                                                                             \
        const n_form form = { __VA_ARGS__ };                                                                                      \
        (form.halves ? n_unpack_halves : n_unpack)(w, group, first, n, panel, form);                                              \
    }
N_FORM_OF(fours_min, .four_bits = true, .has_min = true) N_FORM_OF(fours, .four_bits = true)
N_FORM_OF(bytes_min, .has_min = true) N_FORM_OF(bytes, 0) N_FORM_OF(bytes_any_scale, .any_scale = true)
N_FORM_OF(f16, .halves = true) N_FORM_OF(bf16, .halves = true, .bfloat = true)

typedef struct n_form_kernels {
    void (*few)(const evk_packed *w, size_t group, const float *x, size_t ldx, float *y, size_t ldy, size_t n_token);
    void (*unpack)(const evk_packed *w, size_t group, size_t first, size_t n, float *panel);
} n_form_kernels;

static n_form_kernels n_kernels_of(const evk_packed *w)
{
    if (w->bits == 16)
        return w->bfloat ? (n_form_kernels){ n_few_bf16, n_unpack_bf16 } : (n_form_kernels){ n_few_f16, n_unpack_f16 };
    if (w->four_bits)
        return w->mins ? (n_form_kernels){ n_few_fours_min, n_unpack_fours_min } : (n_form_kernels){ n_few_fours, n_unpack_fours };
    if (w->any_scale)
        return (n_form_kernels){ n_few_bytes_any_scale, n_unpack_bytes_any_scale };
    return w->mins ? (n_form_kernels){ n_few_bytes_min, n_unpack_bytes_min } : (n_form_kernels){ n_few_bytes, n_unpack_bytes };
}

static void avx2_unpack_panel(const evk_packed *w, size_t group, size_t first, size_t n, float *panel)
{
    n_kernels_of(w).unpack(w, group, first, n, panel);
}

static void avx2_multiply_unpacked(const evk_packed *w, size_t nth, const float *x, size_t ldx, float *y, size_t ldy, size_t n_token)
{
    const n_form_kernels kernels = n_kernels_of(w);
    if (n_token == 3) {
        kernels.few(w, 2 * nth, x, ldx, y, ldy, 2);
        kernels.few(w, 2 * nth, x + 2 * ldx, ldx, y + 2 * ldy, ldy, 1);
    } else {
        kernels.few(w, 2 * nth, x, ldx, y, ldy, n_token);
    }
}

static inline void add_panels(evk_kernels *k)
{
    k->by_panels = true;
    k->multiply_panels = avx2_multiply_panels;
    k->make_panel = avx2_make_panel;
    k->unpack_panel = avx2_unpack_panel;
    k->multiply_unpacked = avx2_multiply_unpacked;
    k->matvec_f16 = panels_matvec_f16;
    k->matvec_bf16 = panels_matvec_bf16;
}
