/* core/kernels/lanes_packed.h: products of packed.h written once over vectors of P_LANES rows (16 or 8).
 *
 * Where registers allow, two vectors of rows are computed together, so that a quad of a token's digits, which is the same for
 * all rows, is fetched once for both. The sums of a block are exact: only the order of the blocks matters, and it is that of
 * packed_ref.c.
 *
 * Needs: P_LANES; P_VECTORS (of rows that are computed together: 1 or 2); p_ints, p_floats; p_load (P_LANES quads of codes),
 * p_low, p_high (four bits of each byte), p_quad (one quad in all lanes); p_sum, with p_start(from), p_step(s, code, x, wide)
 * (wide: codes of more than four bits), p_total(s, wide); p_add, p_set, p_shift8; f_zero, f_set, f_of, f_fma, f_mul, f_load,
 * f_load_half, f_store; p_most, p_round. */
#include "core/kernels/packed.h"

/* Unrolled many times over, with the undefined-behaviour sanitizer this takes the compiler minutes; packed_ref.c has the same
 * arithmetic with it. */
#define P_INLINE static inline __attribute__((always_inline, no_sanitize("undefined")))
enum { P_MOST = 8 };            /* vectors of sums: two of rows, four tokens */

/* What is computed: rows from `group` and `lane` on, tokens from t on of a tile. */
typedef struct p_place {
    const evk_packed *w;
    const evk_digits *x;
    size_t group, lane, tile, t;
} p_place;

/* Of vector v: its group and its first row there. */
P_INLINE size_t p_group_of(const p_place *p, size_t v) { return p->group + (p->lane + v * P_LANES) / EVK_PACKED_ROWS; }
P_INLINE size_t p_lane_of(const p_place *p, size_t v) { return (p->lane + v * P_LANES) % EVK_PACKED_ROWS; }

/* The scales, or the minima, of group g of block b for vector v. */
P_INLINE p_floats p_scale(const p_place *p, const void *scales, size_t b, size_t g, size_t v, bool sixteen)
{
    const evk_packed *w = p->w;
    const size_t at = ((p_group_of(p, v) * w->n_block + b) * (sixteen ? 2 : 1) + g) * EVK_PACKED_ROWS + p_lane_of(p, v);
    return w->half_scales ? f_load_half((const uint16_t *)scales + at) : f_load((const float *)scales + at);
}

/* One quad of digits of n tokens with the codes of n_vec vectors. */
P_INLINE void p_quad_steps(const int8_t *x, const p_ints *code, size_t n_vec, size_t n, bool wide, p_sum *sum)
{
#pragma GCC unroll 8
    for (size_t t = 0; t < n; t++) {
        const p_ints quad = p_quad(x + t * 4);
#pragma GCC unroll 2
        for (size_t v = 0; v < n_vec; v++)
            p_step(&sum[v * n + t], code[v], quad, wide);
    }
}

/* The sum of a token's digits over group g. */
P_INLINE int32_t p_digit_sum(const p_place *p, size_t b, size_t g, size_t d, size_t t, bool sixteen)
{
    const int32_t *s = evk_tile_sum(p->x, p->tile, d, b, sixteen ? g : 0) + p->t + t;
    return sixteen ? s[0] : s[0] + s[EVK_PACKED_TILE];
}

/* s[v n + t] = sum (code - offset) digit over group g of block b, for one digit. */
P_INLINE void p_dots(const p_place *p, size_t b, size_t g, size_t d, bool four, bool sixteen, size_t n_vec, size_t n, p_ints *s)
{
    const int8_t *x = evk_tile_digit(p->x, p->tile, d, b) + p->t * 4;
    const uint8_t *at[2];
    p_sum sum[P_MOST];
    p_ints code[2], high[2];
#pragma GCC unroll 2
    for (size_t v = 0; v < n_vec; v++)
        at[v] = p->w->codes + (p_group_of(p, v) * p->w->n_block + b) * (four ? 256u : 512u) + p_lane_of(p, v) * 4;
#pragma GCC unroll 8
    for (size_t t = 0; t < n; t++) {
        const p_ints from = p_set(-p->w->offset * p_digit_sum(p, b, g, d, t, sixteen));
#pragma GCC unroll 2
        for (size_t v = 0; v < n_vec; v++)
            sum[v * n + t] = p_start(from);
    }
    const size_t begin = sixteen && !four ? 4 * g : 0, end = four ? 4 : sixteen ? 4 * g + 4 : 8;
#pragma GCC unroll 2        /* more, and the compiler keeps sums in memory */
    for (size_t j = begin; j < end; j++) {
#pragma GCC unroll 2
        for (size_t v = 0; v < n_vec; v++) {
            const p_ints raw = p_load(at[v] + j * 64);
            code[v] = four ? p_low(raw) : raw;
            high[v] = four ? p_high(raw) : raw;
        }
        if (!(four && sixteen && g == 1))
            p_quad_steps(x + j * 16, code, n_vec, n, !four, sum);
        if (four && !(sixteen && g == 0))
            p_quad_steps(x + (j + 4) * 16, high, n_vec, n, false, sum);
    }
#pragma GCC unroll 16
    for (size_t e = 0; e < n_vec * n; e++)
        s[e] = p_total(sum[e], !four);
}

/* A number from its digits, `apart` vectors from one to the next. */
P_INLINE p_floats p_number(const p_ints *s, size_t apart, size_t n_digit)
{
    return n_digit == 1 ? f_of(s[0]) : f_fma(f_of(s[2 * apart]), f_set(65536), f_of(p_add(p_shift8(s[apart]), s[0])));
}

/* min unit sum n  of one group into y. */
P_INLINE void p_add_mins(const p_place *p, size_t b, size_t g, bool sixteen, size_t n_digit, size_t n_vec, size_t n, p_floats *y)
{
    const float *unit = evk_tile_unit(p->x, p->tile, b) + p->t;
#pragma GCC unroll 2
    for (size_t v = 0; v < n_vec; v++) {
        const p_floats min = p_scale(p, p->w->mins, b, g, v, sixteen);
#pragma GCC unroll 8
        for (size_t t = 0; t < n; t++) {
            int32_t s[EVK_MAX_DIGIT] = { 0 };
#pragma GCC unroll 3
            for (size_t d = 0; d < n_digit; d++)
                s[d] = p_digit_sum(p, b, g, d, t, sixteen);
            y[v * n + t] = f_fma(f_mul(min, f_set(unit[t])), f_set(evk_number(s, n_digit)), y[v * n + t]);
        }
    }
}

/* scale unit sum (code - offset) n + min unit sum n  of one group into y. */
P_INLINE void p_add_group(const p_place *p, size_t b, size_t g, bool four, bool sixteen, size_t n_digit, size_t n_vec, size_t n,
                          p_floats *y)
{
    p_ints s[EVK_MAX_DIGIT * P_MOST];
#pragma GCC unroll 3
    for (size_t d = 0; d < n_digit; d++)
        p_dots(p, b, g, d, four, sixteen, n_vec, n, s + d * n_vec * n);
    const float *unit = evk_tile_unit(p->x, p->tile, b) + p->t;
#pragma GCC unroll 2
    for (size_t v = 0; v < n_vec; v++) {
        const p_floats scale = p_scale(p, p->w->scales, b, g, v, sixteen);
#pragma GCC unroll 8
        for (size_t t = 0; t < n; t++) {
            const size_t e = v * n + t;
            y[e] = f_fma(f_mul(scale, f_set(unit[t])), p_number(s + e, n_vec * n, n_digit), y[e]);
        }
    }
    if (p->w->mins)
        p_add_mins(p, b, g, sixteen, n_digit, n_vec, n, y);
}

/* n tokens, n_vec vectors of rows; n, n_vec, n_digit and the form are constants where it is called. */
P_INLINE void p_rows(const p_place *p, bool four, bool sixteen, size_t n_digit, size_t n_vec, size_t n, float *y, size_t ldy)
{
    p_floats sum[P_MOST];
#pragma GCC unroll 16
    for (size_t e = 0; e < n_vec * n; e++)
        sum[e] = f_zero();
    for (size_t b = 0; b < p->w->n_block; b++) {
        p_add_group(p, b, 0, four, sixteen, n_digit, n_vec, n, sum);
        if (sixteen)
            p_add_group(p, b, 1, four, sixteen, n_digit, n_vec, n, sum);
    }
#pragma GCC unroll 16
    for (size_t e = 0; e < n_vec * n; e++)
        f_store(y + (p->t + e % n) * ldy + p->lane + e / n * P_LANES, sum[e]);
}

typedef void p_function(const p_place *p, float *y, size_t ldy);
#define P_ROWS(form, four, sixteen, n_digit, n_vec, n)                                                                  \
    static __attribute__((noinline, no_sanitize("undefined")))                                                          \
    void p_##form##_##n_digit##_##n_vec##_##n(const p_place *p, float *y, size_t ldy)                                   \
    {                                                                                                                   \
        p_rows(p, four, sixteen, n_digit, n_vec, n, y, ldy);                                                            \
    }
#define P_WIDTH(form, four, sixteen, n_vec)                                                                             \
    P_ROWS(form, four, sixteen, 1, n_vec, 4) P_ROWS(form, four, sixteen, 1, n_vec, 1)                                   \
    P_ROWS(form, four, sixteen, 3, n_vec, 2) P_ROWS(form, four, sixteen, 3, n_vec, 1)
#define P_FORM(n_vec) P_WIDTH(narrow, true, false, n_vec) P_WIDTH(narrow16, true, true, n_vec)                          \
    P_WIDTH(wide, false, false, n_vec) P_WIDTH(wide16, false, true, n_vec)
/* By form and digits; then for several tokens, P_MANY or P_MANY_BY_THREE, and for one. */
#define P_ENTRY(form, n_vec)                                                                                            \
    { { p_##form##_1_##n_vec##_4, p_##form##_1_##n_vec##_1 }, { p_##form##_3_##n_vec##_2, p_##form##_3_##n_vec##_1 } }
#define P_TABLE(n_vec) { P_ENTRY(wide, n_vec), P_ENTRY(wide16, n_vec), P_ENTRY(narrow, n_vec), P_ENTRY(narrow16, n_vec) }
enum { P_MANY = 4, P_MANY_BY_THREE = 2 };

/* The last rows of a matrix may be those of one vector. */
P_FORM(1)
#if P_VECTORS == 2
P_FORM(2)
static p_function *const p_table[P_VECTORS][4][2][2] = { P_TABLE(1), P_TABLE(2) };
#else
static p_function *const p_table[P_VECTORS][4][2][2] = { P_TABLE(1) };
#endif

static void simd_multiply_packed(const evk_packed *w, size_t group, size_t n_group, const evk_digits *x, size_t tile, float *y,
                                 size_t ldy)
{
    const bool three = x->n_digit == EVK_MAX_DIGIT;
    const size_t n_row = n_group * EVK_PACKED_ROWS, many = three ? P_MANY_BY_THREE : P_MANY, nt = evk_tile_tokens(x, tile);
    const size_t n_vec = P_VECTORS * P_LANES <= n_row ? P_VECTORS : 1;
    p_function *const *by_size = p_table[n_vec - 1][2 * w->four_bits + w->groups_of_16][three];
    p_place p = { w, x, group, 0, tile, 0 };
    for (size_t n; p.t < nt; p.t += n) {
        n = nt - p.t >= many ? many : 1;
        for (p.lane = 0; p.lane < n_row; p.lane += n_vec * P_LANES)
            by_size[n == 1](&p, y, ldy);
    }
}

/* ---- activations as digits ---- */

/* Digits of a block's 32 numbers, one token, into its places; *sum by half. */
P_INLINE void p_put(const int32_t number[EVK_PACKED_BLOCK], size_t n_digit, int8_t *const out[EVK_MAX_DIGIT],
                    int32_t sum[EVK_MAX_DIGIT][2])
{
    int32_t rest[EVK_PACKED_BLOCK];
    memcpy(rest, number, sizeof rest);
    for (size_t d = 0; d < n_digit; d++) {
        int8_t digit[EVK_PACKED_BLOCK];
        for (size_t i = 0; i < EVK_PACKED_BLOCK; i++) {
            digit[i] = (int8_t)rest[i];
            rest[i] = (rest[i] - digit[i]) >> 8;
        }
        for (size_t h = 0; h < 2; h++) {
            sum[d][h] = 0;
            for (size_t i = 0; i < 16; i++)
                sum[d][h] += digit[16 * h + i];
        }
        for (size_t j = 0; j < 8; j++)
            memcpy(out[d] + j * 16, digit + 4 * j, 4);
    }
}

static void simd_take_digits(const evk_digits *d, size_t tile, const float *x, size_t ldx)
{
    const size_t nt = evk_tile_tokens(d, tile);
    for (size_t t = 0; t < nt; t++)
        for (size_t b = 0; b < d->n_block; b++) {
            const float *from = x + t * ldx + b * EVK_PACKED_BLOCK;
            int32_t number[EVK_PACKED_BLOCK], sum[EVK_MAX_DIGIT][2];
            int8_t *out[EVK_MAX_DIGIT];
            float check, inverse;
            const float most = p_most(from, &check);
            evk_tile_unit(d, tile, b)[t] = evk_unit(most, check, d->n_digit, &inverse);
            p_round(from, inverse, number);
            for (size_t p = 0; p < d->n_digit; p++)
                out[p] = evk_tile_digit(d, tile, p, b) + t * 4;
            p_put(number, d->n_digit, out, sum);
            for (size_t p = 0; p < d->n_digit; p++)
                for (size_t h = 0; h < 2; h++)
                    evk_tile_sum(d, tile, p, b, h)[t] = sum[p][h];
        }
}

static inline void add_packed(evk_kernels *k, bool fast_digits)
{
    k->take_digits = simd_take_digits;
    k->multiply_packed = simd_multiply_packed;
    k->fast_digits = fast_digits;
}
