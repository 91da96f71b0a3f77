/* core/kernels/lanes_packed.h: products of packed.h written once over vectors of P_LANES rows (16, 8 or 4).
 *
 * A quad of codes is unpacked once for all digits and tokens that are computed together; and where registers allow, two vectors
 * of rows are, so that a quad of a token's digits, which is the same for all rows, is fetched once for both. The sums of a
 * block are exact: only the order of the blocks matters, and it is that of packed_ref.c.
 *
 * Needs: P_LANES; P_VECTORS (of rows that are computed together: 1 or 2); P_UNROLL (quads); P_PASSES over codes that are not
 * small, P_SMALL where these are then slower than others; P_LESS, what p_code takes off a code; how a record's digits lie: P_WIDTH
 * (tokens), P_TOKEN_STRIDE, P_QUAD_STRIDE; p_ints, p_floats; p_load, p_store (P_LANES quads of codes), p_low, p_high (four bits of
 * each byte), p_code(raw, pass); P_OWN_STEPS and p_quad_steps where a quad is better not put into all lanes; sums: p_sum p_start(s),
 * p_step(sum, code, x), p_total(sum, s, pass), the new s; p_add, p_set, p_times (by -2^n, or by 0 for n = 32), p_shift8; f_zero,
 * f_set, f_of, f_fma, f_mul, f_load, f_load_half, f_store; p_take_block (of four tokens). */
#include "core/kernels/packed.h"

/* Unrolled many times over, with the undefined-behaviour sanitizer this takes the compiler minutes; packed_ref.c has the same
 * arithmetic with it. */
#define P_INLINE static inline __attribute__((always_inline, no_sanitize("undefined")))
#define P_PRAGMA(text) _Pragma(#text)
#define P_UNROLL_BY(n) P_PRAGMA(GCC unroll n)
enum { P_MOST = 8 };            /* vectors of results: two of rows, four tokens */

/* What is computed: the rows of a pair from `row` on, tokens from t on of a tile. */
typedef struct p_place {
    const evk_packed *w;
    const evk_digits *x;
    size_t pair, row, tile, t;
    int offset;                 /* as p_times takes it */
} p_place;

/* How codes are kept, and what they need besides their scale; constants where it is called. */
typedef struct p_form {
    bool four;                  /* two codes a byte */
    bool small;                 /* no code is over 15 */
    bool sixteen;               /* groups of 16 */
    bool mins;                  /* minima; else an offset */
} p_form;

/* Of vector v: its group, and its first row there. */
P_INLINE size_t p_group_of(const p_place *p, size_t v) { return 2 * p->pair + (p->row + v * P_LANES) / EVK_PACKED_ROWS; }
P_INLINE size_t p_lane_of(const p_place *p, size_t v) { return (p->row + v * P_LANES) % EVK_PACKED_ROWS; }

/* The scales, or the minima, of group g of block b for vector v. */
P_INLINE p_floats p_scale(const p_place *p, const void *scales, size_t b, size_t g, size_t v, bool sixteen)
{
    const evk_packed *w = p->w;
    const size_t at = ((p_group_of(p, v) * w->n_block + b) * (sixteen ? 2 : 1) + g) * EVK_PACKED_ROWS + p_lane_of(p, v);
    return w->half_scales ? f_load_half((const uint16_t *)scales + at) : f_load((const float *)scales + at);
}

#ifndef P_OWN_STEPS
/* One quad of digits of n tokens with the codes of P_VECTORS vectors. */
P_INLINE void p_quad_steps(const int8_t *x, const p_ints *code, size_t n, p_sum *sum)
{
#pragma GCC unroll 8
    for (size_t t = 0; t < n; t++) {
        int32_t digits;
        memcpy(&digits, x + t * P_TOKEN_STRIDE, sizeof digits);
        const p_ints quad = p_set(digits);
#pragma GCC unroll 2
        for (size_t v = 0; v < P_VECTORS; v++)
            p_step(&sum[v * n + t], code[v], quad);
    }
}
#endif

/* One pass over the quads of group g of block b, for every digit: sum[(d P_VECTORS + v) n + t]. For one token memory is the limit, and
 * its own prefetching starts anew with each page: the codes of the next pair of groups are asked for meanwhile. */
P_INLINE void p_pass(const p_place *p, const int8_t *x, size_t b, size_t g, p_form f, size_t pass, size_t n_digit, size_t n, p_sum *sum)
{
    const uint8_t *at[P_VECTORS];
    p_ints code[P_VECTORS], high[P_VECTORS];
#pragma GCC unroll 2
    for (size_t v = 0; v < P_VECTORS; v++)
        at[v] = p->w->codes + (p_group_of(p, v) * p->w->n_block + b) * (f.four ? 256u : 512u) + p_lane_of(p, v) * 4;
    const size_t next = 2 * p->w->n_block * (f.four ? 256u : 512u);
    const size_t begin = f.sixteen && !f.four ? 4 * g : 0, end = f.four ? 4 : f.sixteen ? 4 * g + 4 : 8;
    P_UNROLL_BY(P_UNROLL)
    for (size_t j = begin; j < end; j++) {
#pragma GCC unroll 2
        for (size_t v = 0; v < P_VECTORS; v++) {
            const p_ints raw = p_load(at[v] + j * 64);
            if (n == 1 && (f.four || (size_t)P_LANES == EVK_PACKED_ROWS || p_lane_of(p, v) == 0))
                __builtin_prefetch(at[v] + j * 64 + next, 0, 2);
            code[v] = f.four ? p_low(raw) : f.small ? raw : p_code(raw, pass);
            high[v] = f.four ? p_high(raw) : raw;
        }
#pragma GCC unroll 3
        for (size_t d = 0; d < n_digit; d++) {
            const int8_t *quads = x + d * (EVK_PACKED_BLOCK * P_WIDTH);
            if (!(f.four && f.sixteen && g == 1))
                p_quad_steps(quads + j * P_QUAD_STRIDE, code, n, sum + d * P_VECTORS * n);
            if (f.four && !(f.sixteen && g == 0))
                p_quad_steps(quads + (j + 4) * P_QUAD_STRIDE, high, n, sum + d * P_VECTORS * n);
        }
    }
}

/* s[(d P_VECTORS + v) n + t] = sum (code - offset) digit over group g of block b, for each digit d. */
P_INLINE void p_dots(const p_place *p, char *record, size_t b, size_t g, p_form f, size_t n_digit, size_t n, p_ints *s)
{
    const int8_t *x = evk_record_digit(record, P_WIDTH, 0) + p->t * P_TOKEN_STRIDE;
    p_sum sum[EVK_MAX_DIGIT * P_MOST];
#pragma GCC unroll 3
    for (size_t d = 0; d < n_digit; d++)
#pragma GCC unroll 8
        for (size_t t = 0; t < n; t++) {
            const evk_digit_part part = f.sixteen ? (evk_digit_part)g : EVK_DIGITS_ALL;
            const int32_t *of = evk_record_sum(record, P_WIDTH, n_digit, d, part) + p->t;
            const p_ints offset = f.mins ? p_set(0) : p_times(p_set(of[t]), p->offset);
            const p_ints from = P_LESS > 0 && !f.small ? p_add(offset, p_set(P_LESS * of[t])) : offset;
#pragma GCC unroll 2
            for (size_t v = 0; v < P_VECTORS; v++)
                s[(d * P_VECTORS + v) * n + t] = from;
        }
    const size_t n_pass = f.small ? 1 : P_PASSES;
#pragma GCC unroll 2
    for (size_t pass = 0; pass < n_pass; pass++) {
#pragma GCC unroll 24
        for (size_t e = 0; e < n_digit * P_VECTORS * n; e++)
            sum[e] = p_start(s[e]);
        p_pass(p, x, b, g, f, pass, n_digit, n, sum);
#pragma GCC unroll 24
        for (size_t e = 0; e < n_digit * P_VECTORS * n; e++)
            s[e] = p_total(sum[e], s[e], pass);
    }
}

/* A number from its digits, `apart` vectors from one to the next. */
P_INLINE p_floats p_number(const p_ints *s, size_t apart, size_t n_digit)
{
    return n_digit == 1 ? f_of(s[0]) : f_fma(f_of(s[2 * apart]), f_set(65536), f_of(p_add(p_shift8(s[apart]), s[0])));
}

/* scale unit sum (code - offset) n + min unit sum n  of one group into y. */
P_INLINE void p_add_group(const p_place *p, size_t b, size_t g, p_form f, size_t n_digit, size_t n, p_floats *y)
{
    p_ints s[EVK_MAX_DIGIT * P_MOST];
    char *record = evk_record(p->x, p->tile, b);
    p_dots(p, record, b, g, f, n_digit, n, s);
    const evk_digit_part part = f.sixteen ? (evk_digit_part)g : EVK_DIGITS_ALL;
    const float *unit = evk_record_unit(record, P_WIDTH, n_digit) + p->t;
    const float *total = evk_record_total(record, P_WIDTH, n_digit, part) + p->t;
#pragma GCC unroll 2
    for (size_t v = 0; v < P_VECTORS; v++) {
        const p_floats scale = p_scale(p, p->w->scales, b, g, v, f.sixteen);
        const p_floats min = f.mins ? p_scale(p, p->w->mins, b, g, v, f.sixteen) : f_zero();
#pragma GCC unroll 8
        for (size_t t = 0; t < n; t++) {
            const size_t e = v * n + t;
            y[e] = f_fma(f_mul(scale, f_set(unit[t])), p_number(s + e, P_VECTORS * n, n_digit), y[e]);
            if (f.mins)
                y[e] = f_fma(min, f_set(total[t]), y[e]);
        }
    }
}

/* n tokens, P_VECTORS vectors of rows; n, n_digit and the form are constants where it is called. */
P_INLINE void p_rows(const p_place *p, p_form f, size_t n_digit, size_t n, float *y, size_t ldy)
{
    p_floats sum[P_MOST];
#pragma GCC unroll 16
    for (size_t e = 0; e < P_VECTORS * n; e++)
        sum[e] = f_zero();
    for (size_t b = 0; b < p->w->n_block; b++) {
        p_add_group(p, b, 0, f, n_digit, n, sum);
        if (f.sixteen)
            p_add_group(p, b, 1, f, n_digit, n, sum);
    }
#pragma GCC unroll 16
    for (size_t e = 0; e < P_VECTORS * n; e++)
        f_store(y + (p->t + e % n) * ldy + p->row + e / n * P_LANES, sum[e]);
}

typedef void p_function(const p_place *p, float *y, size_t ldy);
#define P_ROWS(name, four, small, sixteen, mins, n_digit, n)                                                            \
    static __attribute__((noinline, no_sanitize("undefined")))                                                          \
    void p_##name##_##sixteen##_##mins##_##n_digit##_##n(const p_place *p, float *y, size_t ldy)                        \
    {                                                                                                                   \
        p_rows(p, (p_form){ four, small, sixteen, mins }, n_digit, n, y, ldy);                                          \
    }
/* By the number of digits; for several tokens, P_MANY or P_MANY_BY_THREE, and for one. */
#define P_BOTH(name, four, small, sixteen, mins)                                                                        \
    P_ROWS(name, four, small, sixteen, mins, 1, 4) P_ROWS(name, four, small, sixteen, mins, 1, 1)                       \
    P_ROWS(name, four, small, sixteen, mins, 3, 2) P_ROWS(name, four, small, sixteen, mins, 3, 1)
#define P_FORM(name, four, small)                                                                                       \
    P_BOTH(name, four, small, 0, 0) P_BOTH(name, four, small, 0, 1)                                                     \
    P_BOTH(name, four, small, 1, 0) P_BOTH(name, four, small, 1, 1)
#define P_ENTRY(name, sixteen, mins) {                                                                                  \
    { p_##name##_##sixteen##_##mins##_1_4, p_##name##_##sixteen##_##mins##_1_1 },                                       \
    { p_##name##_##sixteen##_##mins##_3_2, p_##name##_##sixteen##_##mins##_3_1 } }
#define P_ENTRIES(name)                                                                                                 \
    { { P_ENTRY(name, 0, 0), P_ENTRY(name, 0, 1) }, { P_ENTRY(name, 1, 0), P_ENTRY(name, 1, 1) } }
enum { P_MANY = 4, P_MANY_BY_THREE = 2 };

P_FORM(bytes, 0, 0)
P_FORM(fours, 1, 1)
#ifdef P_SMALL                  /* bytes of small codes are quicker than others */
P_FORM(smalls, 0, 1)
#define P_SMALL_ENTRIES P_ENTRIES(smalls)
#else
#define P_SMALL_ENTRIES P_ENTRIES(bytes)
#endif
static p_function *const p_table[3][2][2][2][2] = { P_ENTRIES(bytes), P_SMALL_ENTRIES, P_ENTRIES(fours) };

static void simd_multiply_packed(const evk_packed *w, size_t which, const evk_digits *x, size_t tile, float *y, size_t ldy)
{
    const bool three = x->n_digit == EVK_MAX_DIGIT;
    const size_t many = three ? P_MANY_BY_THREE : P_MANY, nt = evk_tile_tokens(x, tile);
    p_function *const *by_size = p_table[w->four_bits ? 2 : w->small][w->groups_of_16][w->mins != NULL][three];
    p_place p = { w, x, which, 0, tile, 0, w->offset ? __builtin_ctz((unsigned)w->offset) : 32 };
    for (size_t n; p.t < nt; p.t += n) {
        n = nt - p.t >= many ? many : 1;
        for (p.row = 0; p.row < EVK_PACKED_PAIR; p.row += P_VECTORS * P_LANES)
            by_size[n == 1](&p, y, ldy);
    }
}

static void simd_spread_codes(const uint8_t *two, size_t n, uint8_t *one)
{
    for (size_t i = 0; i < n; i += 4 * P_LANES) {
        uint8_t *low = one + i / 256 * 512 + i % 256;
        const p_ints raw = p_load(two + i);
        p_store(low, p_low(raw));
        p_store(low + 256, p_high(raw));
    }
}

/* ---- activations as digits ---- */

P_INLINE void p_take_tile(const evk_digits *d, size_t tile, size_t n_digit, size_t nt, const float *x, size_t ldx)
{
    for (size_t b = 0; b < d->n_block; b++)
        for (size_t t = 0; t < nt; t += EVK_PACKED_TILE)
            p_take_block(evk_record(d, tile, b), n_digit, t, nt - t < EVK_PACKED_TILE ? nt - t : EVK_PACKED_TILE,
                         x + t * ldx + b * EVK_PACKED_BLOCK, ldx);
}

/* The usual cases are compiled apart, and whole tiles from others. */
static __attribute__((no_sanitize("undefined")))
void simd_take_digits(const evk_digits *d, size_t tile, const float *x, size_t ldx)
{
    const size_t nt = evk_tile_tokens(d, tile);
    if (d->n_digit == 1 && nt == P_WIDTH)
        p_take_tile(d, tile, 1, P_WIDTH, x, ldx);
    else if (d->n_digit == 1)
        p_take_tile(d, tile, 1, nt, x, ldx);
    else if (nt == P_WIDTH)
        p_take_tile(d, tile, EVK_MAX_DIGIT, P_WIDTH, x, ldx);
    else
        p_take_tile(d, tile, EVK_MAX_DIGIT, nt, x, ldx);
}

static inline void add_packed(evk_kernels *k, bool fast_digits)
{
    k->take_digits = simd_take_digits;
    k->multiply_packed = simd_multiply_packed;
    k->spread_codes = simd_spread_codes;
    k->tile_tokens = P_WIDTH;
    k->fast_digits = fast_digits;
}
