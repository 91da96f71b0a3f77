/* core/kernels/lanes_packed.h: products of packed.h written once over vectors of P_LANES rows (16 or 8).
 *
 * A block's codes are loaded once for a few tokens; each quad of codes meets the quad of each token's digits, which is the same
 * for all rows. The sums of a block are exact, so only the order of the blocks matters, and it is that of packed_ref.c.
 *
 * Needs: P_LANES; p_ints, p_floats; p_load (P_LANES quads of codes), p_low, p_high (four bits of each byte), p_quad (one quad of
 * digits in all lanes); p_sum, with p_start, p_step(s, code, x, wide) (wide: codes of more than four bits), p_total(s, wide);
 * p_add, p_set, p_shift8; f_zero, f_set, f_of, f_fma, f_mul, f_load, f_load_half, f_store. */
#include "core/kernels/packed.h"

#define P_INLINE static inline __attribute__((always_inline))

/* What the tiles of one group of rows share. */
typedef struct p_place {
    const evk_packed *w;
    const evk_digits *x;
    size_t group, tile, nt, t, lane;    /* tokens of the tile, the first of them and the first row that are computed */
} p_place;

P_INLINE p_floats p_scale(const evk_packed *w, const void *scales, size_t at)
{
    return w->half_scales ? f_load_half((const uint16_t *)scales + at) : f_load((const float *)scales + at);
}

/* The eight quads of codes of a block. */
P_INLINE void p_codes(const p_place *p, size_t b, bool four, p_ints code[8])
{
    const uint8_t *at = p->w->codes + (p->group * p->w->n_block + b) * (four ? 256u : 512u) + p->lane * 4;
    if (four)
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++) {
            code[j] = p_low(p_load(at + j * 64));
            code[j + 4] = p_high(p_load(at + j * 64));
        }
    else
#pragma GCC unroll 8
        for (size_t j = 0; j < 8; j++)
            code[j] = p_load(at + j * 64);
}

/* s[d * n + t] = sum (code - offset) digit of quads [from, to). */
P_INLINE void p_dots(const p_place *p, const p_ints code[8], size_t b, size_t from, size_t to, bool four, size_t n_digit, size_t n,
                     p_ints s[12])
{
#pragma GCC unroll 3
    for (size_t d = 0; d < n_digit; d++) {
        const int8_t *x = evk_tile_digit(p->x, p->tile, p->nt, d, b) + p->t * 4;
        p_sum sum[8];
#pragma GCC unroll 8
        for (size_t t = 0; t < n; t++)
            sum[t] = p_start();
#pragma GCC unroll 8
        for (size_t j = from; j < to; j++)
#pragma GCC unroll 8
            for (size_t t = 0; t < n; t++)
                p_step(&sum[t], code[j], p_quad(x + (j * p->nt + t) * 4), !four);
#pragma GCC unroll 8
        for (size_t t = 0; t < n; t++)
            s[d * n + t] = p_total(sum[t], !four);
    }
}

P_INLINE p_floats p_number(const p_ints *s, size_t n_digit, size_t n)
{
    return n_digit == 1 ? f_of(s[0]) : f_fma(f_of(s[2 * n]), f_set(65536), f_of(p_add(p_shift8(s[n]), s[0])));
}

/* The sum of a token's digits over the halves [h, end), as a number of units. */
P_INLINE float p_digit_sum(const p_place *p, size_t b, size_t t, size_t h, size_t end, size_t n_digit)
{
    int32_t s[EVK_MAX_DIGIT] = { 0 };
#pragma GCC unroll 3
    for (size_t d = 0; d < n_digit; d++)
        for (size_t i = h; i < end; i++)
            s[d] += evk_tile_sum(p->x, p->tile, p->nt, d, b, i)[p->t + t];
    return n_digit == 1 ? (float)s[0] : __builtin_fmaf((float)s[2], 65536, (float)(s[1] * 256 + s[0]));
}

/* One group of 16 or 32 codes of block b. */
P_INLINE void p_group(const p_place *p, const p_ints code[8], size_t b, size_t g, bool four, bool sixteen, size_t n_digit, size_t n,
                      p_floats y[8])
{
    const size_t n_group = sixteen ? 2 : 1, h = sixteen ? g : 0, end = sixteen ? g + 1 : 2;
    const size_t at = ((p->group * p->w->n_block + b) * n_group + g) * EVK_PACKED_ROWS + p->lane;
    const float *unit = evk_tile_unit(p->x, p->tile, p->nt, b) + p->t;
    const p_floats scale = p_scale(p->w, p->w->scales, at);
    p_ints s[12];
    p_dots(p, code, b, h * 4, end * 4, four, n_digit, n, s);
    if (p->w->offset)
#pragma GCC unroll 3
        for (size_t d = 0; d < n_digit; d++)
#pragma GCC unroll 8
            for (size_t t = 0; t < n; t++) {
                int32_t sum = 0;
                for (size_t i = h; i < end; i++)
                    sum += evk_tile_sum(p->x, p->tile, p->nt, d, b, i)[p->t + t];
                s[d * n + t] = p_add(s[d * n + t], p_set(-p->w->offset * sum));
            }
#pragma GCC unroll 8
    for (size_t t = 0; t < n; t++)
        y[t] = f_fma(f_mul(scale, f_set(unit[t])), p_number(s + t, n_digit, n), y[t]);
    if (p->w->mins) {
        const p_floats min = p_scale(p->w, p->w->mins, at);
#pragma GCC unroll 8
        for (size_t t = 0; t < n; t++)
            y[t] = f_fma(f_mul(min, f_set(unit[t])), f_set(p_digit_sum(p, b, t, h, end, n_digit)), y[t]);
    }
}

/* n tokens of a tile, P_LANES rows; n, n_digit and the form are constants where it is called. */
P_INLINE void p_rows(const p_place *p, bool four, bool sixteen, size_t n_digit, size_t n, float *y, size_t ldy)
{
    p_floats sum[8];
#pragma GCC unroll 8
    for (size_t t = 0; t < n; t++)
        sum[t] = f_zero();
    for (size_t b = 0; b < p->w->n_block; b++) {
        p_ints code[8];
        p_codes(p, b, four, code);
        p_group(p, code, b, 0, four, sixteen, n_digit, n, sum);
        if (sixteen)
            p_group(p, code, b, 1, four, sixteen, n_digit, n, sum);
    }
#pragma GCC unroll 8
    for (size_t t = 0; t < n; t++)
        f_store(y + (p->t + t) * ldy + p->lane, sum[t]);
}

typedef void p_function(const p_place *p, float *y, size_t ldy);
#define P_ROWS(form, four, sixteen, n_digit, n)                                                                     \
    static __attribute__((noinline)) void p_##form##_##n_digit##_##n(const p_place *p, float *y, size_t ldy)        \
    {                                                                                                               \
        p_rows(p, four, sixteen, n_digit, n, y, ldy);                                                               \
    }
#define P_FORM(form, four, sixteen)                                                                                 \
    P_ROWS(form, four, sixteen, 1, 1) P_ROWS(form, four, sixteen, 1, 2) P_ROWS(form, four, sixteen, 1, 4)           \
    P_ROWS(form, four, sixteen, 1, 8) P_ROWS(form, four, sixteen, 3, 1) P_ROWS(form, four, sixteen, 3, 2)           \
    P_ROWS(form, four, sixteen, 3, 4)
P_FORM(narrow, true, false) P_FORM(narrow16, true, true) P_FORM(wide, false, false) P_FORM(wide16, false, true)

/* By form, then for n tokens: 8, 4, 2, 1. */
#define P_ENTRY(form)                                                                            \
    { { p_##form##_1_8, p_##form##_1_4, p_##form##_1_2, p_##form##_1_1 },                        \
      { NULL, p_##form##_3_4, p_##form##_3_2, p_##form##_3_1 } }
static p_function *const p_table[4][2][4] = { P_ENTRY(wide), P_ENTRY(wide16), P_ENTRY(narrow), P_ENTRY(narrow16) };

static void simd_multiply_packed(const evk_packed *w, size_t group, const evk_digits *x, size_t tile, float *y, size_t ldy)
{
    p_function *const *by_size = p_table[2 * w->four_bits + w->groups_of_16][x->n_digit == EVK_MAX_DIGIT];
    p_place p = { w, x, group, tile, evk_tile_tokens(x, tile), 0, 0 };
    const size_t most = x->n_digit == 1 ? P_TOKENS : P_TOKENS / 2;
    for (size_t n, size = 0; p.t < p.nt; p.t += n) {
        for (size = 0; (n = (size_t)8 >> size) > most || n > p.nt - p.t; size++)
            ;
        for (p.lane = 0; p.lane < EVK_PACKED_ROWS; p.lane += P_LANES)
            by_size[size](&p, y, ldy);
    }
}

/* ---- activations as digits ---- */

/* Digits of a block's 32 numbers, one token, into quads nt apart; *sum by half. */
P_INLINE void p_put(const int32_t number[EVK_PACKED_BLOCK], size_t n_digit, int8_t *const out[EVK_MAX_DIGIT], size_t nt,
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
            memcpy(out[d] + j * nt * 4, digit + 4 * j, 4);
    }
}

static void simd_take_digits(const evk_digits *d, size_t tile, const float *x, size_t ldx)
{
    const size_t nt = evk_tile_tokens(d, tile);
    const float most_number = d->n_digit == 1 ? 127 : 8323072;
    for (size_t t = 0; t < nt; t++)
        for (size_t b = 0; b < d->n_block; b++) {
            const float *from = x + t * ldx + b * EVK_PACKED_BLOCK;
            int32_t number[EVK_PACKED_BLOCK], sum[EVK_MAX_DIGIT][2];
            int8_t *out[EVK_MAX_DIGIT];
            float check, most = p_most(from, &check), inverse = most > 0 && check == 0 ? most_number / most : 0;
            const bool usable = inverse < __builtin_inff();
            inverse = usable ? inverse : 0;
            evk_tile_unit(d, tile, nt, b)[t] = !usable ? 0 : check == 0 ? most / most_number : __builtin_nanf("");
            p_round(from, inverse, number);
            for (size_t p = 0; p < d->n_digit; p++)
                out[p] = evk_tile_digit(d, tile, nt, p, b) + t * 4;
            p_put(number, d->n_digit, out, nt, sum);
            for (size_t p = 0; p < d->n_digit; p++)
                for (size_t h = 0; h < 2; h++)
                    evk_tile_sum(d, tile, nt, p, b, h)[t] = sum[p][h];
        }
}

static inline void add_packed(evk_kernels *k, bool fast_digits)
{
    k->take_digits = simd_take_digits;
    k->multiply_packed = simd_multiply_packed;
    k->packed_tile = P_TOKENS;
    k->fast_digits = fast_digits;
}
