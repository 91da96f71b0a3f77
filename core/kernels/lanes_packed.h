/* core/kernels/lanes_packed.h: products of packed.h written once over vectors of P_LANES rows (16, 8 or 4).
 *
 * A quad of codes is unpacked once for all digits and tokens that are computed together; and where registers allow, two vectors
 * of rows are, so that a quad of a token's digits, which is the same for all rows, is fetched once for both. The sums of a
 * block are exact: only the order of the blocks matters, and it is that of packed_ref.c.
 *
 * Needs: P_LANES; for codes of so many bits p_vectors(bits, tokens) of rows that are computed together, 1 or 2, p_parts(bits) of a
 * code that are multiplied apart, 1 or 2, p_run(bits), the quads whose sum a p_sum holds, and p_unroll(bits), those that are
 * unrolled; P_FROM_MEMORY(number) where a number is better put into all lanes from there; P_MORE_TOKENS where registers allow eight
 * tokens of one digit, and four of three; P_BY_BITS where codes of four, five, six and eight bits are better computed apart, P_FEWER
 * where those of five and six from those of eight; P_LESS, what p_code takes off a code of eight; how a record's digits lie: P_WIDTH
 * (tokens), P_TOKEN_STRIDE, P_QUAD_STRIDE; p_ints, p_floats; p_load, p_store (P_LANES quads of codes), p_low, p_high (four bits of
 * each byte), p_code(raw, part), of eight bits; P_OWN_STEPS and p_quad_steps where a quad is better not put into all lanes; sums:
 * p_sum p_start(s), p_step(sum, code, x), p_total(sum, s, part), the new s; p_add, p_set, p_shift8; f_zero, f_set, f_of, f_fma,
 * f_mul, f_load, f_load_half, f_store; p_take_block (of four tokens), P_TAKE_EIGHT with P_EIGHT and p_take_eight where a tile of
 * eight is taken together. */
#include "core/kernels/packed.h"

/* Unrolled many times over, with the undefined-behaviour sanitizer this takes the compiler minutes; packed_ref.c has the same
 * arithmetic with it. */
#define P_INLINE static inline __attribute__((always_inline, no_sanitize("undefined")))
#ifndef P_FROM_MEMORY
#define P_FROM_MEMORY(number) (void)0
#endif
enum { P_MOST = 16 };           /* sums at most of a digit: of two vectors of rows or parts of a code, eight tokens */

/* What is computed: the rows of a pair from `row` on, tokens from t on of a tile. */
typedef struct p_place {
    const evk_packed *w;
    const evk_digits *x;
    size_t pair, row, tile, t;
} p_place;

/* How codes are kept, and what they need besides their scale; constants where it is called. */
typedef struct p_form {
    bool four;                  /* two codes a byte */
    int bits;                   /* of a code: 4, 5, 6 or 8 */
    bool sixteen;               /* groups of 16 */
    bool mins;                  /* minima; else an offset */
} p_form;

/* Of vector v: its group, and its first row there. */
P_INLINE size_t p_group_of(const p_place *p, size_t v) { return 2 * p->pair + (p->row + v * P_LANES) / EVK_PACKED_ROWS; }
P_INLINE size_t p_lane_of(const p_place *p, size_t v) { return (p->row + v * P_LANES) % EVK_PACKED_ROWS; }

P_INLINE p_floats p_scales_at(const evk_packed *w, const void *scales, size_t at)
{
    return w->half_scales ? f_load_half((const uint16_t *)scales + at) : f_load((const float *)scales + at);
}

/* The scales, or the minima, of group g of block b for vector v. */
P_INLINE p_floats p_scale(const p_place *p, const void *scales, size_t b, size_t g, size_t v, bool sixteen)
{
    const size_t block_of = p_group_of(p, v) * p->w->n_block + b;
    return p_scales_at(p->w, scales, (block_of * (sixteen ? 2 : 1) + g) * EVK_PACKED_ROWS + p_lane_of(p, v));
}

#ifndef P_OWN_STEPS
/* One quad of digits of n tokens with n_code vectors of codes. */
P_INLINE void p_quad_steps(const int8_t *x, const p_ints *code, size_t n_code, size_t n, p_sum *sum)
{
#pragma GCC unroll 8
    for (size_t t = 0; t < n; t++) {
        int32_t digits;
        memcpy(&digits, x + t * P_TOKEN_STRIDE, sizeof digits);
        const p_ints quad = p_set(digits);
#pragma GCC unroll 4
        for (size_t c = 0; c < n_code; c++)
            p_step(&sum[c * n + t], code[c], quad);
    }
}
#endif

/* evk_packed_whole of a form. */
P_INLINE bool p_whole(p_form f, size_t n_digit) { return f.bits == 4 && !f.sixteen && n_digit == EVK_MAX_DIGIT; }

/* Quads of group g: the first, and how many. */
P_INLINE size_t p_first_quad(size_t g, p_form f) { return f.sixteen && !f.four ? 4 * g : 0; }
P_INLINE size_t p_quads(p_form f) { return f.four || f.sixteen ? 4 : 8; }
P_INLINE size_t p_least(size_t a, size_t b) { return a < b ? a : b; }

/* n_quad quads from the first on of group g of block b, for every digit: sum[((d vectors + v) parts + part) n + t]. For one token memory is
 * the limit, and its own prefetching starts anew with each page: the codes of the next pair of groups are asked for meanwhile. */
P_INLINE void p_some_quads(const p_place *p, const int8_t *x, size_t b, size_t g, p_form f, size_t first, size_t n_quad, size_t n_digit,
                           size_t n, p_sum *sum)
{
    const size_t n_vector = p_vectors(f.bits, n), n_part = p_parts(f.bits), n_code = n_vector * n_part;
    const size_t next = 2 * p->w->n_block * (f.four ? 256u : 512u);
    const uint8_t *at[2];
    p_ints code[4], high[2];
#pragma GCC unroll 2
    for (size_t v = 0; v < n_vector; v++)
        at[v] = p->w->codes + (p_group_of(p, v) * p->w->n_block + b) * (f.four ? 256u : 512u) + p_lane_of(p, v) * 4;
#pragma GCC unroll 8
    for (size_t j = first; j < first + n_quad; j++) {
#pragma GCC unroll 2
        for (size_t v = 0; v < n_vector; v++) {
            const p_ints raw = p_load(at[v] + j * 64);
            if (n == 1 && (f.four || (size_t)P_LANES == EVK_PACKED_ROWS || p_lane_of(p, v) == 0))
                __builtin_prefetch(at[v] + j * 64 + next, 0, 2);
#pragma GCC unroll 2
            for (size_t part = 0; part < n_part; part++)
                code[v * n_part + part] = f.four ? p_low(raw) : f.bits < 8 ? raw : p_code(raw, part);
            high[v] = f.four ? p_high(raw) : raw;
        }
#pragma GCC unroll 3
        for (size_t d = 0; d < n_digit; d++) {
            const int8_t *quads = x + d * (EVK_PACKED_BLOCK * P_WIDTH);
            if (!(f.four && f.sixteen && g == 1))
                p_quad_steps(quads + j * P_QUAD_STRIDE, code, n_code, n, sum + d * n_code * n);
            if (f.four && !(f.sixteen && g == 0))
                p_quad_steps(quads + (j + 4) * P_QUAD_STRIDE, high, n_code, n, sum + d * n_code * n);
        }
    }
}

/* s[(d vectors + v) n + t] += sum code digit over group g of block b, for each digit d. */
P_INLINE void p_add_dots(const p_place *p, const int8_t *x, size_t b, size_t g, p_form f, size_t n_digit, size_t n, p_ints *s)
{
    const size_t first = p_first_quad(g, f), end = first + p_quads(f);
    const size_t run = p_least(p_run(f.bits), p_quads(f)), unroll = p_least(p_unroll(f.bits), run);
    const size_t n_part = p_parts(f.bits), n_sum = n_digit * p_vectors(f.bits, n) * n_part * n;
    p_sum sum[EVK_MAX_DIGIT * P_MOST];
#pragma GCC unroll 1
    for (size_t j = first; j < end; j += run) {
#pragma GCC unroll 24
        for (size_t e = 0; e < n_sum; e++)
            sum[e] = p_start(s[e / (n_part * n) * n + e % n]);
#pragma GCC unroll 1
        for (size_t i = j; i < j + run; i += unroll)
            p_some_quads(p, x, b, g, f, i, unroll, n_digit, n, sum);
#pragma GCC unroll 24
        for (size_t e = 0; e < n_sum; e++) {
            p_ints *total = &s[e / (n_part * n) * n + e % n];
            *total = p_total(sum[e], *total, e / n % n_part);
        }
    }
}

/* s[(d vectors + v) n + t] = sum (code - offset) digit over group g of block b, for each digit d; of p_whole, sum code digit, and
 * -8 sum n in the first digit's. */
P_INLINE void p_dots(const p_place *p, char *record, size_t b, size_t g, p_form f, size_t n_digit, size_t n, p_ints *s)
{
    const int8_t *x = evk_record_digit(record, P_WIDTH, 0) + p->t * P_TOKEN_STRIDE;
    const size_t n_vector = p_vectors(f.bits, n);
    const evk_digit_part part = f.sixteen ? (evk_digit_part)g : EVK_DIGITS_ALL;
    const int less = f.bits == 8 ? P_LESS : 0;          /* what the codes that are multiplied are less by already */
    const int32_t offset = less - (f.mins ? 0 : p->w->offset);
    const bool whole = p_whole(f, n_digit);
#pragma GCC unroll 3
    for (size_t d = 0; d < n_digit; d++) {
        const int32_t *of = evk_record_sum(record, P_WIDTH, n_digit, d, part) + p->t;
#pragma GCC unroll 8
        for (size_t t = 0; t < n; t++) {
            int32_t taken_off = !whole ? offset * of[t] : d == 0 ? evk_record_centre(record, P_WIDTH, n_digit)[p->t + t] : 0;
            if (n > 1 && !whole && !f.mins)
                P_FROM_MEMORY(taken_off);
            const p_ints from = p_set(taken_off);
#pragma GCC unroll 2
            for (size_t v = 0; v < n_vector; v++)
                s[(d * n_vector + v) * n + t] = from;
        }
    }
    p_add_dots(p, x, b, g, f, n_digit, n, s);
}

/* A number from its digits, `apart` vectors from one to the next; whole: it is a 32-bit integer. */
P_INLINE p_floats p_number(const p_ints *s, size_t apart, size_t n_digit, bool whole)
{
    if (whole)
        return f_of(p_add(p_shift8(p_add(p_shift8(s[2 * apart]), s[apart])), s[0]));
    return n_digit == 1 ? f_of(s[0]) : f_fma(f_of(s[2 * apart]), f_set(65536), f_of(p_add(p_shift8(s[apart]), s[0])));
}

/* scale unit sum (code - less) n + (min + less scale) unit sum n  of one group into y; less: 0, with no minima the offset, of p_whole 8. */
P_INLINE void p_add_group(const p_place *p, size_t b, size_t g, p_form f, size_t n_digit, size_t n, p_floats *y)
{
    p_ints s[EVK_MAX_DIGIT * P_MOST];
    char *record = evk_record(p->x, p->tile, b);
    p_dots(p, record, b, g, f, n_digit, n, s);
    const evk_digit_part part = f.sixteen ? (evk_digit_part)g : EVK_DIGITS_ALL;
    const float *unit = evk_record_unit(record, P_WIDTH, n_digit) + p->t;
    const float *total = evk_record_total(record, P_WIDTH, n_digit, part) + p->t;
    const size_t n_vector = p_vectors(f.bits, n);
#pragma GCC unroll 2
    for (size_t v = 0; v < n_vector; v++) {
        const p_floats scale = p_scale(p, p->w->scales, b, g, v, f.sixteen);
        const p_floats own = f.mins ? p_scale(p, p->w->mins, b, g, v, f.sixteen) : f_zero();
        const p_floats min = f.mins && p_whole(f, n_digit) ? f_fma(f_set(EVK_CENTRE), scale, own) : own;
#pragma GCC unroll 8
        for (size_t t = 0; t < n; t++) {
            const size_t e = v * n + t;
            y[e] = f_fma(f_mul(scale, f_set(unit[t])), p_number(s + e, n_vector * n, n_digit, p_whole(f, n_digit)), y[e]);
            if (f.mins)
                y[e] = f_fma(min, f_set(total[t]), y[e]);
        }
    }
}

/* n tokens, as many vectors of rows as the form has; n, n_digit and the form are constants where it is called. */
P_INLINE void p_rows(const p_place *p, p_form f, size_t n_digit, size_t n, float *y, size_t ldy)
{
    const size_t n_sum = p_vectors(f.bits, n) * n;
    p_floats sum[P_MOST];
    for (size_t t = 0; n > 1 && t < n; t++)     /* or the stores of y would hold up those of the sums that no register is left for */
        __builtin_prefetch(y + (p->t + t) * ldy + p->row, 1);
#pragma GCC unroll 16
    for (size_t e = 0; e < n_sum; e++)
        sum[e] = f_zero();
    for (size_t b = 0; b < p->w->n_block; b++) {
        p_add_group(p, b, 0, f, n_digit, n, sum);
        if (f.sixteen)
            p_add_group(p, b, 1, f, n_digit, n, sum);
    }
#pragma GCC unroll 16
    for (size_t e = 0; e < n_sum; e++)
        f_store(y + (p->t + e % n) * ldy + p->row + e / n * P_LANES, sum[e]);
}

typedef void p_function(const p_place *p, float *y, size_t ldy);
#define P_ROWS(name, four, bits, sixteen, mins, n_digit, n)                                                            \
    static __attribute__((noinline, no_sanitize("undefined")))                                                          \
    void p_##name##_##sixteen##_##mins##_##n_digit##_##n(const p_place *p, float *y, size_t ldy)                        \
    {                                                                                                                   \
        p_rows(p, (p_form){ four, bits, sixteen, mins }, n_digit, n, y, ldy);                                          \
    }
/* By the number of digits; for many tokens, for some, and for one. */
#ifdef P_MORE_TOKENS
static const size_t p_tokens[2][3] = { { 8, 4, 1 }, { 4, 2, 1 } };
#define P_MANY_ROWS(name, four, bits, sixteen, mins)                                                                   \
    P_ROWS(name, four, bits, sixteen, mins, 1, 8) P_ROWS(name, four, bits, sixteen, mins, 3, 4)
#define P_SIZES(form) { form##_1_8, form##_1_4, form##_1_1 }, { form##_3_4, form##_3_2, form##_3_1 }
#else
static const size_t p_tokens[2][3] = { { 4, 4, 1 }, { 2, 2, 1 } };
#define P_MANY_ROWS(name, four, bits, sixteen, mins)
#define P_SIZES(form) { form##_1_4, form##_1_4, form##_1_1 }, { form##_3_2, form##_3_2, form##_3_1 }
#endif
#define P_BOTH(name, four, bits, sixteen, mins)                                                                        \
    P_MANY_ROWS(name, four, bits, sixteen, mins)                                                                       \
    P_ROWS(name, four, bits, sixteen, mins, 1, 4) P_ROWS(name, four, bits, sixteen, mins, 1, 1)                       \
    P_ROWS(name, four, bits, sixteen, mins, 3, 2) P_ROWS(name, four, bits, sixteen, mins, 3, 1)
#define P_FORM(name, four, bits)                                                                                       \
    P_BOTH(name, four, bits, 0, 0) P_BOTH(name, four, bits, 0, 1)                                                     \
    P_BOTH(name, four, bits, 1, 0) P_BOTH(name, four, bits, 1, 1)
#define P_ENTRY(name, sixteen, mins) { P_SIZES(p_##name##_##sixteen##_##mins) }
#define P_ENTRIES(name)                                                                                                 \
    { { P_ENTRY(name, 0, 0), P_ENTRY(name, 0, 1) }, { P_ENTRY(name, 1, 0), P_ENTRY(name, 1, 1) } }

P_FORM(bytes, 0, 8)
P_FORM(fours, 1, 4)
P_FORM(smalls, 0, 4)
#ifdef P_BY_BITS
P_FORM(sixes, 0, 6)
P_FORM(fives, 0, 5)
#define P_FEWER_ENTRIES P_ENTRIES(sixes), P_ENTRIES(fives)
#elif defined P_FEWER
P_FORM(fewer, 0, 6)
#define P_FEWER_ENTRIES P_ENTRIES(fewer), P_ENTRIES(fewer)
#else
#define P_FEWER_ENTRIES P_ENTRIES(bytes), P_ENTRIES(bytes)
#endif
static p_function *const p_table[5][2][2][2][3] = { P_ENTRIES(bytes), P_FEWER_ENTRIES, P_ENTRIES(smalls), P_ENTRIES(fours) };

/* Where in p_table the forms for a matrix stand. */
static size_t p_codes(const evk_packed *w)
{
    return w->four_bits ? 4 : w->bits == 4 ? 3 : w->bits == 5 ? 2 : w->bits == 6 ? 1 : 0;
}

static void simd_multiply_packed(const evk_packed *w, size_t which, const evk_digits *x, size_t tile, float *y, size_t ldy)
{
    const bool three = x->n_digit == EVK_MAX_DIGIT;
    const size_t *tokens = p_tokens[three], nt = evk_tile_tokens(x, tile);
    p_function *const *by_size = p_table[p_codes(w)][w->groups_of_16][w->mins != NULL][three];
    p_place p = { w, x, which, 0, tile, 0 };
    for (size_t size = 0; p.t < nt; p.t += tokens[size]) {
        while (tokens[size] > nt - p.t)
            size++;
        for (p.row = 0; p.row < EVK_PACKED_PAIR; p.row += p_vectors(w->bits, tokens[size]) * P_LANES)
            by_size[size](&p, y, ldy);
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
    for (size_t b = 0; b < d->n_block; b++) {
#ifdef P_TAKE_EIGHT
        if (nt == P_EIGHT) {
            p_take_eight(evk_record(d, tile, b), n_digit, x + b * EVK_PACKED_BLOCK, ldx);
            continue;
        }
#endif
        for (size_t t = 0; t < nt; t += EVK_PACKED_TILE)
            p_take_block(evk_record(d, tile, b), n_digit, t, nt - t < EVK_PACKED_TILE ? nt - t : EVK_PACKED_TILE,
                         x + t * ldx + b * EVK_PACKED_BLOCK, ldx);
    }
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
    k->prepares = NULL;
    k->tile_tokens = P_WIDTH;
    k->fast_digits = fast_digits;
}
