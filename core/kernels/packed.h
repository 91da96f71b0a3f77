/* core/kernels/packed.h: quantised weights as small unsigned integers, and products by integer dot products.
 *
 *     w = scale (code - offset)   or   w = scale code + min,     code a whole number in [0, 255], scale and min by group
 *     x = d (n0 + 2^8 n1 + 2^16 n2),                             n a signed byte, d by block of 32
 *     y = sum over blocks  scale d sum (code - offset) n  +  min d sum n
 *
 * The sums of a block are exact in 32-bit integers; a group's two terms are rounded to float32 and added to the others in order.
 * So y depends on w and x alone, bit for bit, on every instruction set. For three digits, codes of four bits with a scale and a minimum for
 * each 32 are taken from their middle,
 *
 *     w = scale (code - 8) + (min + 8 scale),     the second rounded to float32 once,
 *
 * so that the sum of a block over whole numbers of three digits, at most 32 * 8 * 127 * 2^16, is a 32-bit integer too.
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
 *     scales, mins [rows / 16][blocks of 32][1 group of 32 or 2 of 16][16 rows]   float16 where that is exact, else float32
 *
 * A scale times a code or the offset is exact in float32, also 2^-24 times as small, unless any_scale.
 *
 * Rows are filled up with zeros to a multiple of 32: two groups of 16 are multiplied together. A type has minima or an offset.
 *
 * Weights of 16 bits, float16 or bfloat16, are no such integers, but may be laid out alike, to be multiplied as floats:
 *
 *     codes   [rows / 16][cols][16 rows]                          as stored, 2 bytes each */
#ifndef EVK_PACKED_H
#define EVK_PACKED_H

#include <float.h>

#include "core/kernels/kernels.h"

enum { EVK_PACKED_ROWS = 16, EVK_PACKED_PAIR = 2 * EVK_PACKED_ROWS, EVK_PACKED_BLOCK = 32, EVK_MAX_DIGIT = 3 };
/* Bytes a column: 16 rows of 16 bits, or 32 rows of 8 bits and a number of 32 bits for each block of theirs. */
enum { EVK_PREPARED_CODES = 36 };
enum { EVK_CENTRE = 8 };            /* of codes of four bits */

struct evk_packed {
    size_t rows, cols, n_block;     /* as of the tensor; blocks of a row */
    bool four_bits;                 /* two codes a byte */
    int bits;                       /* of a code: 4, 5, 6 or 8; 16: a weight as stored */
    bool groups_of_16, half_scales, has_min, bfloat;
    bool any_scale;                 /* of which only code - offset times the scale need be a float32 that is not too large or small */
    int offset;                     /* 0 or a power of two */
    uint8_t *codes;                 /* 64-byte aligned, like scales and mins, which lie behind them */
    void *scales, *mins;            /* mins NULL: all 0 */
};

static inline size_t evk_packed_pairs(const evk_packed *w) { return (w->rows + EVK_PACKED_PAIR - 1) / EVK_PACKED_PAIR; }
/* Whether a block's sum over whole numbers is one 32-bit integer: codes of four bits, of which each type of such blocks has minima or
 * an offset of EVK_CENTRE. */
static inline bool evk_packed_whole(const evk_packed *w, size_t n_digit)
{
    return n_digit == EVK_MAX_DIGIT && w->bits == 4 && !w->groups_of_16;
}
/* What n_digit digits' products take off a code. */
static inline int evk_packed_less(const evk_packed *w, size_t n_digit)
{
    return evk_packed_whole(w, n_digit) ? EVK_CENTRE : w->mins ? 0 : w->offset;
}
/* Scales, or minima, of a row for a block. */
static inline size_t evk_packed_scales(const evk_packed *w) { return w->groups_of_16 ? 2 : 1; }

/* Activations as digits, by tiles of `width` tokens, of which the last may be fewer: what lies in the others' places is not read.
 * A tile holds a record for each block:
 *     digits  [n_digit][32 width]     signed bytes, ordered as the kernel that takes them likes: by quads, [8][width][4], but for AMX
 *     unit    [width]                 d, float32
 *     sums    [n_digit][3][width]     int32: of each digit over the first half of the block, the second, and all of it
 *     totals  [3][width]              float32: d times the number that such sums make, for the minima
 *     centre  [width]                 int32: -8 sum n over the block, what codes of four bits are more than from their middle */
struct evk_digits {
    size_t n_token, n_block, n_digit, width, record;    /* record: bytes, a multiple of 64 */
    bool prepared;
    char *records;
};
typedef enum evk_digit_part { EVK_DIGITS_FIRST, EVK_DIGITS_LAST, EVK_DIGITS_ALL, EVK_N_DIGIT_PART } evk_digit_part;

static inline size_t evk_record_bytes(size_t n_digit, size_t width)
{
    return (width * (n_digit * (EVK_PACKED_BLOCK + 4 * EVK_N_DIGIT_PART) + 4 + 4 * EVK_N_DIGIT_PART + 4) + 63) / 64 * 64;
}
static inline size_t evk_tile_tokens(const evk_digits *x, size_t tile)
{
    const size_t left = x->n_token - tile * x->width;
    return left < x->width ? left : x->width;
}
static inline char *evk_record(const evk_digits *x, size_t tile, size_t b)
{
    return x->records + (tile * x->n_block + b) * x->record;
}
/* Of a record: where its parts begin. */
static inline int8_t *evk_record_digit(char *record, size_t width, size_t digit)
{
    return (int8_t *)record + digit * EVK_PACKED_BLOCK * width;
}
static inline float *evk_record_unit(char *record, size_t width, size_t n_digit)
{
    return (float *)(void *)(record + n_digit * EVK_PACKED_BLOCK * width);
}
static inline int32_t *evk_record_sum(char *record, size_t width, size_t n_digit, size_t digit, evk_digit_part part)
{
    return (int32_t *)(void *)evk_record_unit(record, width, n_digit) + (1 + digit * EVK_N_DIGIT_PART + part) * width;
}
static inline float *evk_record_total(char *record, size_t width, size_t n_digit, evk_digit_part part)
{
    return evk_record_unit(record, width, n_digit) + (1 + n_digit * EVK_N_DIGIT_PART + part) * width;
}
static inline int32_t *evk_record_centre(char *record, size_t width, size_t n_digit)
{
    return (int32_t *)(void *)evk_record_total(record, width, n_digit, EVK_N_DIGIT_PART);
}

/* A number from its digits: digits beyond n_digit do not count. */
static inline float evk_number(const int32_t digit[EVK_MAX_DIGIT], size_t n_digit)
{
    return n_digit == 1 ? (float)digit[0] : __builtin_fmaf((float)digit[2], 65536, (float)(digit[1] * 256 + digit[0]));
}
/* d of a block whose largest |x| is `most`, and by what x is multiplied to have it in units of d. d is NaN where `most` is not
 * finite; both are 0 for a block of zeros, or one so small that float32 cannot hold 1 / d. */
static inline float evk_unit(float most, size_t n_digit, float *inverse)
{
    const float most_number = n_digit == 1 ? 127 : 127 << 16;
    const bool finite = most <= FLT_MAX;
    *inverse = most > 0 && finite ? most_number / most : 0;
    if (*inverse > FLT_MAX) {
        *inverse = 0;
        return 0;
    }
    return finite ? most / most_number : __builtin_nanf("");
}
/* The sums and totals of token t of a record whose unit is there, from the sums of each digit over the halves. */
static inline void evk_record_sums(char *record, size_t width, size_t n_digit, size_t t, int32_t half[EVK_MAX_DIGIT][2])
{
    const float unit = evk_record_unit(record, width, n_digit)[t];
    for (size_t part = 0; part < EVK_N_DIGIT_PART; part++) {
        int32_t sum[EVK_MAX_DIGIT] = { 0 };
        for (size_t d = 0; d < n_digit; d++) {
            sum[d] = part == EVK_DIGITS_ALL ? half[d][0] + half[d][1] : half[d][part];
            evk_record_sum(record, width, n_digit, d, (evk_digit_part)part)[t] = sum[d];
        }
        evk_record_total(record, width, n_digit, (evk_digit_part)part)[t] = unit * evk_number(sum, n_digit);
    }
    int32_t number = 0;
    for (size_t d = n_digit; d-- > 0;)
        number = number * 256 + half[d][0] + half[d][1];
    evk_record_centre(record, width, n_digit)[t] = -EVK_CENTRE * number;
}

/* Whether a type's values are such integers; or of 16 bits. */
bool evk_packs(evk_type type);
static inline bool evk_is_half(evk_type type) { return type == EVK_F16 || type == EVK_BF16; }
/* Whether a matrix can be laid out anew: as codes; as the 16 bits that are stored. */
static inline bool evk_packs_as_codes(const evk_tensor *w) { return evk_packs(w->type) && w->cols % EVK_PACKED_BLOCK == 0; }
static inline bool evk_packs_as_halves(const evk_tensor *w) { return evk_is_half(w->type) && !w->transposed; }
/* How such a matrix is laid out: all of an evk_packed but where it lies. */
evk_packed evk_packed_form(const evk_tensor *w);
/* Bytes of a form: a multiple of 64. */
size_t evk_packed_bytes(const evk_packed *form);
/* Into room [evk_packed_bytes], 64-byte aligned, which stays the caller's. */
evk_packed evk_pack(const evk_tensor *w, size_t n_thread, void *room);

/* Bytes of scratch that a multiply of n_token rows of x [cols] by n_thread threads needs, or one of fewer of any of these, down to
 * no digits. */
size_t evk_packed_scratch(size_t n_thread, size_t n_token, size_t cols, size_t n_digit);

/* y [T, rows] = x [T, cols] w + bias; bias NULL: none. */
typedef struct evk_product {
    const evk_packed *w;
    const float *bias;
    float *y;
    size_t ldy;
} evk_product;
/* n products of the same x, whose matrices have the same cols, by n_digit digits (those of 16 bits as floats), or by none: of floats,
 * as evk_matmul's (matmul.h) bit for bit where it goes by panels (kernels.h). scratch: evk_packed_scratch, 64-byte aligned. */
void evk_matmul_packed(const evk_kernels *kernels, size_t n_thread, const evk_product *products, size_t n, size_t n_digit,
                       const float *x, size_t ldx, size_t n_token, void *scratch);

/* Portable C, for ref.c. */
void evk_packed_add_ref(evk_kernels *k);

#endif
