/* core/kernels/packed.h: quantised weights as small unsigned integers, and products by integer dot products.
 *
 *     w = scale (code - offset)   or   w = scale code + min,     code a whole number in [0, 255], scale and min by group
 *     x = d (n0 + 2^8 n1 + 2^16 n2),                             n a signed byte, d by block of 32
 *     y = sum over blocks  scale d sum (code - offset) n  +  min d sum n
 *
 * The sums of a block are exact in 32-bit integers; a block's result is rounded to float32 and added to the others in order.
 * So y depends on w and x alone, bit for bit, on every instruction set.
 *
 * One digit n0 (d = max |x| / 127) is the fast product: x is off by up to max |x| / 254. Three digits are as good as float32:
 * with d = max |x| / (127 * 2^16) the rounding of x is at most 2^-23 of the block's largest |x| (float32's own is 2^-24 of each x),
 * once a term, and the additions round once a block of 32, where a float32 dot product rounds every term. Integer units take
 * four times as many terms as float32 units, so three digits may still be faster than float32.
 *
 * Weights are laid out by 16 rows, so that a vector's lanes are rows and nothing is ever summed across lanes:
 *
 *     codes   [rows / 16][blocks of 32][quad j < 8][16 rows][4]   codes 4 j .. 4 j + 3 of the block, a byte each; or
 *             [rows / 16][blocks of 32][quad j < 4][16 rows][4]   quad j in the low four bits, quad j + 4 in the high ones
 *     scales, mins [rows / 16][blocks of 32][1 group of 32 or 2 of 16][16 rows]   float16 where that is exact, else float32 */
#ifndef EVK_PACKED_H
#define EVK_PACKED_H

#include <float.h>

#include "core/kernels/kernels.h"

enum { EVK_PACKED_ROWS = 16, EVK_PACKED_BLOCK = 32, EVK_MAX_DIGIT = 3 };

struct evk_packed {
    size_t rows, cols, n_block;     /* as of the tensor; blocks of a row */
    bool four_bits, groups_of_16, half_scales;
    int offset;
    uint8_t *codes;                 /* 64-byte aligned, owned, like scales and mins */
    void *scales, *mins;            /* mins NULL: all 0 */
};

/* Activations as digits, by tiles of four tokens, of which the last may be fewer: what lies in the others' places is not read.
 * Of a tile:   digit  [n_digit][n_block][8][4][4]      unit [n_block][4]      sum [n_digit][n_block][2][4] */
struct evk_digits {
    size_t n_token, n_block, n_digit;
    int8_t *digit;
    float *unit;                    /* d */
    int32_t *sum;                   /* of each digit over each half of the block */
};

static inline size_t evk_tile_tokens(const evk_digits *x, size_t tile)
{
    const size_t left = x->n_token - tile * EVK_PACKED_TILE;
    return left < EVK_PACKED_TILE ? left : EVK_PACKED_TILE;
}
/* Of a tile: where digit p of block b begins, its units, and the sums of half h. */
static inline int8_t *evk_tile_digit(const evk_digits *x, size_t tile, size_t p, size_t b)
{
    return x->digit + ((tile * x->n_digit + p) * x->n_block + b) * (EVK_PACKED_BLOCK * EVK_PACKED_TILE);
}
static inline float *evk_tile_unit(const evk_digits *x, size_t tile, size_t b)
{
    return x->unit + (tile * x->n_block + b) * EVK_PACKED_TILE;
}
static inline int32_t *evk_tile_sum(const evk_digits *x, size_t tile, size_t p, size_t b, size_t h)
{
    return x->sum + (((tile * x->n_digit + p) * x->n_block + b) * 2 + h) * EVK_PACKED_TILE;
}

/* A number from its digits: digits beyond n_digit do not count. */
static inline float evk_number(const int32_t digit[EVK_MAX_DIGIT], size_t n_digit)
{
    return n_digit == 1 ? (float)digit[0] : __builtin_fmaf((float)digit[2], 65536, (float)(digit[1] * 256 + digit[0]));
}
/* d of a block whose largest |x| is `most`, and by what x is multiplied to have it in units of d. `check` is 0 where all are
 * finite; d is NaN where they are not, and both are 0 for a block of zeros, or one so small that float32 cannot hold 1 / d. */
static inline float evk_unit(float most, float check, size_t n_digit, float *inverse)
{
    const float most_number = n_digit == 1 ? 127 : 127 << 16;
    *inverse = most > 0 && check == 0 ? most_number / most : 0;
    if (*inverse > FLT_MAX) {
        *inverse = 0;
        return 0;
    }
    return check == 0 ? most / most_number : __builtin_nanf("");
}

/* Whether a type's values are such integers. */
bool evk_packs(evk_type type);
/* Of a matrix whose type packs and whose cols are a multiple of 32. Free with evk_packed_free, also on failure. */
evoke_status evk_pack(const evk_tensor *w, size_t n_thread, evk_packed *out, evoke_error *err);
void evk_packed_free(evk_packed *p);
size_t evk_packed_bytes(const evk_packed *p);

/* Bytes of scratch for n_token rows of x [cols] as digits. */
size_t evk_digits_bytes(size_t n_token, size_t cols, size_t n_digit);
/* y [T, rows] = x [T, cols] w + bias, by n_digit digits. scratch: evk_digits_bytes of it, 64-byte aligned. */
void evk_matmul_packed(const evk_kernels *kernels, size_t n_thread, const evk_packed *w, size_t n_digit, const float *bias,
                       const float *x, size_t ldx, size_t n_token, float *y, size_t ldy, void *scratch);

/* Portable C, for ref.c. */
void evk_packed_add_ref(evk_kernels *k);

#endif
