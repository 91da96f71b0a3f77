/* core/kernels/packed_ref.c: products of packed weights, by integer digits and as floats, in portable C; the meaning of packed.h. */
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

/* sum (code - less) n over [from, to) of a block, for one digit. */
static int32_t dot(const evk_packed *w, int less, size_t block, size_t r, const int8_t *digit, size_t from, size_t to)
{
    int32_t s = 0;
    for (size_t i = from; i < to; i++)
        s += (code_at(w, block, r, i) - less) * digit[i / 4 * 16 + i % 4];
    return s;
}

static float row_dot(const evk_packed *w, size_t group, size_t r, const evk_digits *x, size_t tile, size_t t)
{
    const size_t n_group = w->groups_of_16 ? 2 : 1, width = EVK_PACKED_BLOCK / n_group;
    const int less = evk_packed_less(w, x->n_digit);
    float y = 0;
    for (size_t b = 0; b < w->n_block; b++)
        for (size_t g = 0; g < n_group; g++) {
            const size_t block = group * w->n_block + b, at = (block * n_group + g) * EVK_PACKED_ROWS + r;
            char *record = evk_record(x, tile, b);
            int32_t s[EVK_MAX_DIGIT] = { 0 };
            for (size_t p = 0; p < x->n_digit; p++)
                s[p] = dot(w, less, block, r, evk_record_digit(record, x->width, p) + t * 4, g * width, (g + 1) * width);
            const float unit = evk_record_unit(record, x->width, x->n_digit)[t], scale = scale_at(w, w->scales, at);
            y = fmaf(scale * unit, evk_number(s, x->n_digit), y);
            if (w->mins)
                y = fmaf(fmaf((float)less, scale, scale_at(w, w->mins, at)),
                         evk_record_total(record, x->width, x->n_digit, n_group == 1 ? EVK_DIGITS_ALL : (evk_digit_part)g)[t], y);
        }
    return y;
}

static void multiply_packed(const evk_packed *w, size_t pair, const evk_digits *x, size_t tile, float *y, size_t ldy)
{
    const size_t nt = evk_tile_tokens(x, tile);
    for (size_t t = 0; t < nt; t++)
        for (size_t r = 0; r < EVK_PACKED_PAIR; r++)
            y[t * ldy + r] = row_dot(w, 2 * pair + r / EVK_PACKED_ROWS, r % EVK_PACKED_ROWS, x, tile, t);
}

static float weight_at(const evk_packed *w, size_t group, size_t r, size_t i)
{
    if (w->bits == 16) {
        const uint8_t *half = w->codes + ((group * w->cols + i) * EVK_PACKED_ROWS + r) * 2;
        return w->bfloat ? evk_float_of_bits((uint32_t)evk_read_u16(half) << 16) : evk_read_f16(half);
    }
    const size_t n_group = evk_packed_scales(w), block = group * w->n_block + i / EVK_PACKED_BLOCK, within = i % EVK_PACKED_BLOCK;
    const size_t at = (block * n_group + within * n_group / EVK_PACKED_BLOCK) * EVK_PACKED_ROWS + r;
    const float value = (float)(code_at(w, block, r, within) - w->offset) * scale_at(w, w->scales, at);
    return w->mins ? value + scale_at(w, w->mins, at) : value;
}

static void unpack_panel(const evk_packed *w, size_t group, size_t first, size_t n, float *panel)
{
    for (size_t e = 0; e < n * EVK_PACKED_ROWS; e++)
        panel[e] = weight_at(w, group, e % EVK_PACKED_ROWS, first + e / EVK_PACKED_ROWS);
}

static void multiply_unpacked(const evk_packed *w, size_t pair, const float *x, size_t ldx, float *y, size_t ldy, size_t n_token)
{
    for (size_t r = 0; r < EVK_PACKED_PAIR; r++)
        for (size_t i = 0, n; i < w->cols; i += n) {
            float sum[EVK_FEW_TOKENS] = { 0 };
            n = evk_k_block(w->cols - i);
            for (size_t j = i; j < i + n; j++) {
                const float weight = weight_at(w, 2 * pair + r / EVK_PACKED_ROWS, r % EVK_PACKED_ROWS, j);
                for (size_t t = 0; t < n_token; t++)
                    sum[t] = fmaf(x[t * ldx + j], weight, sum[t]);
            }
            for (size_t t = 0; t < n_token; t++)
                y[t * ldy + r] = i ? y[t * ldy + r] + sum[t] : sum[t];
        }
}

static void spread_codes(const uint8_t *two, size_t n, uint8_t *one)
{
    for (size_t i = 0; i < n; i++) {
        one[i / 256 * 512 + i % 256] = two[i] & 15;
        one[i / 256 * 512 + 256 + i % 256] = two[i] >> 4;
    }
}

static float most_of(const float *x)
{
    float most = 0;
    for (size_t i = 0; i < EVK_PACKED_BLOCK; i++)
        most = fabsf(x[i]) > most || isnan(x[i]) ? fabsf(x[i]) : most;
    return most;
}

static void take_block(char *record, size_t n_digit, size_t t, const float *x)
{
    int32_t half[EVK_MAX_DIGIT][2] = { { 0 } };
    float inverse;
    evk_record_unit(record, EVK_PACKED_TILE, n_digit)[t] = evk_unit(most_of(x), n_digit, &inverse);
    for (size_t i = 0; i < EVK_PACKED_BLOCK; i++) {
        int32_t number = inverse > 0 ? (int32_t)nearbyintf(x[i] * inverse) : 0;
        for (size_t p = 0; p < n_digit; p++) {
            const int8_t digit = (int8_t)(uint8_t)(number & 255);
            evk_record_digit(record, EVK_PACKED_TILE, p)[i / 4 * 16 + t * 4 + i % 4] = digit;
            half[p][i / 16] += digit;
            number = (number - digit) / 256;
        }
    }
    evk_record_sums(record, EVK_PACKED_TILE, n_digit, t, half);
}

static void take_digits(const evk_digits *d, size_t tile, const float *x, size_t ldx)
{
    for (size_t b = 0; b < d->n_block; b++)
        for (size_t t = 0; t < evk_tile_tokens(d, tile); t++)
            take_block(evk_record(d, tile, b), d->n_digit, t, x + t * ldx + b * EVK_PACKED_BLOCK);
}

void evk_packed_add_ref(evk_kernels *k)
{
    k->take_digits = take_digits;
    k->multiply_packed = multiply_packed;
    k->spread_codes = spread_codes;
    k->prepares = NULL;
    k->unpack_panel = unpack_panel;
    k->multiply_unpacked = multiply_unpacked;
    k->by_panels = false;
    k->tile_tokens = EVK_PACKED_TILE;
    k->fast_digits = false;
}
