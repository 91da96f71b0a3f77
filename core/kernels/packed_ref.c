/* core/kernels/packed_ref.c: products by integer digits in portable C; the meaning of packed.h. */
#include <math.h>

#include "core/kernels/packed.h"
#include "core/kernels/quants.h"

static float scale_at(const evk_packed *w, const void *scales, size_t at)
{
    return w->half_scales ? evk_f16(((const uint16_t *)scales)[at]) : ((const float *)scales)[at];
}

static int code_at(const evk_packed *w, size_t block, size_t r, size_t i)
{
    const size_t j = i / 4, at = r * 4 + i % 4;
    if (!w->four_bits)
        return w->codes[block * 512 + j * 64 + at];
    return w->codes[block * 256 + j % 4 * 64 + at] >> (j < 4 ? 0 : 4) & 15;
}

/* sum (code - offset) n over [from, to) of a block, for one digit. */
static int32_t dot(const evk_packed *w, size_t block, size_t r, const int8_t *digit, size_t from, size_t to)
{
    int32_t s = 0;
    for (size_t i = from; i < to; i++)
        s += (code_at(w, block, r, i) - w->offset) * digit[i / 4 * 16 + i % 4];
    return s;
}

static float row_dot(const evk_packed *w, size_t group, size_t r, const evk_digits *x, size_t tile, size_t t)
{
    const size_t n_group = w->groups_of_16 ? 2 : 1, width = EVK_PACKED_BLOCK / n_group;
    float y = 0;
    for (size_t b = 0; b < w->n_block; b++)
        for (size_t g = 0; g < n_group; g++) {
            const size_t block = group * w->n_block + b, at = (block * n_group + g) * EVK_PACKED_ROWS + r;
            const float unit = evk_tile_unit(x, tile, b)[t];
            int32_t s[EVK_MAX_DIGIT] = { 0 }, n[EVK_MAX_DIGIT] = { 0 };
            for (size_t p = 0; p < x->n_digit; p++) {
                s[p] = dot(w, block, r, evk_tile_digit(x, tile, p, b) + t * 4, g * width, (g + 1) * width);
                for (size_t h = g; h < g + 2 / n_group; h++)
                    n[p] += evk_tile_sum(x, tile, p, b, h)[t];
            }
            y = fmaf(scale_at(w, w->scales, at) * unit, evk_number(s, x->n_digit), y);
            if (w->mins)
                y = fmaf(scale_at(w, w->mins, at) * unit, evk_number(n, x->n_digit), y);
        }
    return y;
}

static void multiply_packed(const evk_packed *w, size_t group, size_t n_group, const evk_digits *x, size_t tile, float *y,
                            size_t ldy)
{
    const size_t nt = evk_tile_tokens(x, tile);
    for (size_t t = 0; t < nt; t++)
        for (size_t r = 0; r < n_group * EVK_PACKED_ROWS; r++)
            y[t * ldy + r] = row_dot(w, group + r / EVK_PACKED_ROWS, r % EVK_PACKED_ROWS, x, tile, t);
}

static float block_unit(const float *x, size_t n_digit, float *inverse)
{
    float most = 0, check = 0;
    for (size_t i = 0; i < EVK_PACKED_BLOCK; i++) {
        most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
        check += x[i] * 0.0f;
    }
    return evk_unit(most, check, n_digit, inverse);
}

static void take_digits(const evk_digits *d, size_t tile, const float *x, size_t ldx)
{
    const size_t nt = evk_tile_tokens(d, tile);
    for (size_t b = 0; b < d->n_block; b++)
        for (size_t t = 0; t < nt; t++) {
            const float *from = x + t * ldx + b * EVK_PACKED_BLOCK;
            int32_t sum[EVK_MAX_DIGIT][2] = { { 0 } };
            float inverse;
            evk_tile_unit(d, tile, b)[t] = block_unit(from, d->n_digit, &inverse);
            for (size_t i = 0; i < EVK_PACKED_BLOCK; i++) {
                int32_t number = inverse > 0 ? (int32_t)nearbyintf(from[i] * inverse) : 0;
                for (size_t p = 0; p < d->n_digit; p++) {
                    const int8_t digit = (int8_t)(uint8_t)(number & 255);
                    evk_tile_digit(d, tile, p, b)[i / 4 * 16 + t * 4 + i % 4] = digit;
                    sum[p][i / 16] += digit;
                    number = (number - digit) / 256;
                }
            }
            for (size_t p = 0; p < d->n_digit; p++)
                for (size_t h = 0; h < 2; h++)
                    evk_tile_sum(d, tile, p, b, h)[t] = sum[p][h];
        }
}

void evk_packed_add_ref(evk_kernels *k)
{
    k->take_digits = take_digits;
    k->multiply_packed = multiply_packed;
    k->fast_digits = false;
}
