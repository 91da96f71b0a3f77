/* core/kernels/quants.h: the blocks in which GGUF files store weights, and the values that they stand for.
 *
 * A row is cut into blocks of 32 values, or 256 for the K types; a block holds a float16 scale d (and, in types with a
 * minimum, m or dmin) and one small integer q a value. Values are float32, computed in the order written here, each
 * multiplication and addition rounded (no fused multiply-add), as ggml's reference and gguf-py do. All numbers are
 * little-endian; blocks may lie at any address. Bytes are drawn in order; `q[j] lo | q[j+16] hi` is one byte whose low
 * four bits belong to value j and whose high four bits belong to value j + 16.
 *
 *   F32, F16, BF16, F64, I8, I16, I32, I64: plain numbers, blocks of one value.
 *
 *   Q4_0  18 bytes  | d f16 | 16 x (q[j] lo | q[j+16] hi) |                          w = d * (q - 8)
 *   Q4_1  20 bytes  | d f16 | m f16 | 16 x (q[j] lo | q[j+16] hi) |                  w = d * q + m
 *   Q5_0  22 bytes  | d f16 | h u32 | 16 x (q[j] lo | q[j+16] hi) |                  w = d * (q + 16 h_j - 16)
 *   Q5_1  24 bytes  | d f16 | m f16 | h u32 | 16 x (q[j] lo | q[j+16] hi) |          w = d * (q + 16 h_j) + m
 *                   h_j is bit j of h, the fifth bit of value j = 0..31
 *   Q8_0  34 bytes  | d f16 | 32 x q int8 |                                          w = d * q
 *
 * K types: 256 values in 8 or 16 groups with their own small scale. In the two-bit arrays value i = 128 n + 32 j + l
 * (n < 2, j < 4, l < 32) is bits 2j, 2j+1 of byte 32 n + l; its group of 16 is i / 16.
 *
 *   Q2_K  84 bytes  | 16 x (scale lo | min hi) | 64 x 2-bit q | d f16 | dmin f16 |   w = (d scale) * q - dmin min
 *   Q3_K 110 bytes  | 32 x h | 64 x 2-bit q | 12 x scales | d f16 |                  w = (d (scale - 32)) * (q + 4 h - 4)
 *                   h of value i is bit 4 n + j of byte l. Scale s = 0..15 has six bits: the low four are nibble s / 8 of
 *                   byte s % 8, the high two are bits 2 (s / 4), 2 (s / 4) + 1 of byte 8 + s % 4
 *   Q4_K 144 bytes  | d f16 | dmin f16 | 12 x scales | 128 x (q[64c+l] lo | q[64c+32+l] hi), l < 32, c < 4 |
 *                                                                                    w = (d scale) * q - dmin min
 *   Q5_K 176 bytes  | d f16 | dmin f16 | 12 x scales | 32 x h | 128 x nibbles as Q4_K |
 *                                                                                    w = (d scale) * (q + 16 h) - dmin min
 *                   h of the 32 values of group g is bit g of byte l. Group g = 0..7 of 32 has a scale and a min of six
 *                   bits, packed so (bytes a = 0..3, b = 4..7, c = 8..11 of `scales`; g' = g - 4):
 *                     g < 4:  scale = a[g] & 63                            min = b[g] & 63
 *                     g > 3:  scale = (c[g'] & 15) | (a[g'] >> 6) << 4     min = (c[g'] >> 4) | (b[g'] >> 6) << 4
 *   Q6_K 210 bytes  | 128 x low four bits | 64 x high two bits | 16 x scale int8 | d f16 |
 *                                                                                    w = (d scale) * (q - 32)
 *                   low four bits of value 128 n + 32 j + l: nibble j / 2 of byte 64 n + 32 (j % 2) + l
 *
 * Types of uneven levels: q, four bits, numbers one of 16 levels (evk_iq4_levels, evk_float4_levels).
 *
 *   IQ4_NL 18 bytes | d f16 | 16 x (q[j] lo | q[j+16] hi) |                          w = d * level(q)
 *   IQ4_XS 136 bytes| d f16 | h u16 | 4 x (scale lo | scale hi) | 8 groups of 32 as in IQ4_NL |
 *                                                                                    w = (d (scale - 32)) * level(q)
 *                   bits 2g, 2g+1 of h are the high two of group g's six-bit scale, nibble g of `scales` the low four
 *   MXFP4  17 bytes | e u8 | 16 x (q[j] lo | q[j+16] hi) |                           w = 2^(e - 128) * level(q)
 *                   OCP microscaling, float4 e2m1; the levels are twice its values (hence 128), so that they are whole
 *
 * Ternary types: q = 0, 1, 2 of 256 values.
 *
 *   TQ1_0  54 bytes | 48 x 5 digits | 4 x 4 digits | d f16 |                         w = d * (q - 1)
 *                   a byte p holds digits in base 3 as a fraction, p / 256 = 0.d0 d1 ..: d_n = 3 (3^n p mod 256) / 256.
 *                   Value 32 n + l, l < 32, n < 5, is digit n of byte l; value 160 + 16 n + l, l < 16, of byte 32 + l;
 *                   value 240 + 4 n + l, l < 4, n < 4, of byte 48 + l
 *   TQ2_0  66 bytes | 64 x 2-bit q as in Q2_K | d f16 |                              w = d * (q - 1)
 *
 * Codebook types: 256 values; a number q picks eight values (IQ3: four) from a list, the points G of grids.h. Of a byte of
 * signs, bit j set makes value j negative; where there are but seven, the eighth makes their number even.
 *
 *   IQ2_XXS 66 bytes| d f16 | 8 groups of 32: 4 x q u8, u32: 4 x 7 signs, scale: bits 28..31 |
 *                                                                          w = (d (0.5 + scale) 0.25) * G[q] * sign
 *   IQ2_XS 74 bytes | d f16 | 32 x u16: q, bits 0..8, 7 signs | 8 x (scale lo | scale hi), a scale for 16 values |
 *                                                                          w = (d (0.5 + scale) 0.25) * G[q] * sign
 *   IQ2_S  82 bytes | d f16 | 32 x low byte of q | 32 x 8 signs | 8 x (4 x 2 high bits of q) | scales as in IQ2_XS |
 *                                                                          w = (d (0.5 + scale) 0.25) * G[q] * sign
 *   IQ3_XXS 98 bytes| d f16 | 64 x q u8 | 8 x u32 as in IQ2_XXS |          w = (d (0.5 + scale) 0.5) * G[q] * sign
 *   IQ3_S 110 bytes | d f16 | 64 x low byte of q | 8 x (8 x high bit of q) | 32 x 8 signs | 4 x (scale lo | scale hi),
 *                   a scale for 32 values |                                w = (d (1 + 2 scale)) * G[q] * sign
 *   IQ1_S  50 bytes | d f16 | 32 x low byte of q | 8 x u16: 4 x 3 high bits of q, 3 bits scale, 1 bit s: 32 values |
 *                                                                w = (d (2 scale + 1)) * (G[q] + (s ? -1/8 : 1/8))
 *   IQ1_M  56 bytes | 32 x low byte of q | 16 x 2 nibbles: 3 high bits of q, 1 bit s | 4 x u16: 4 x 3-bit scale of 16
 *                   values, 4 bits of d (first the lowest) |     w as IQ1_S */
#ifndef EVK_QUANTS_H
#define EVK_QUANTS_H

#include <string.h>

#include "core/kernels/kernels.h"

enum {
    EVK_Q4_0_BYTES = 18, EVK_Q4_1_BYTES = 20, EVK_Q5_0_BYTES = 22, EVK_Q5_1_BYTES = 24, EVK_Q8_0_BYTES = 34,
    EVK_Q2_K_BYTES = 84, EVK_Q3_K_BYTES = 110, EVK_Q4_K_BYTES = 144, EVK_Q5_K_BYTES = 176, EVK_Q6_K_BYTES = 210,
    EVK_IQ4_NL_BYTES = 18, EVK_IQ4_XS_BYTES = 136, EVK_MXFP4_BYTES = 17, EVK_TQ1_0_BYTES = 54, EVK_TQ2_0_BYTES = 66,
    EVK_IQ2_XXS_BYTES = 66, EVK_IQ2_XS_BYTES = 74, EVK_IQ2_S_BYTES = 82, EVK_IQ3_XXS_BYTES = 98, EVK_IQ3_S_BYTES = 110,
    EVK_IQ1_S_BYTES = 50, EVK_IQ1_M_BYTES = 56
};

/* Fills the dequantise slots with portable C; the second, called by the first, those of the codebook types. */
void evk_quants_add_ref(evk_kernels *k);
void evk_quants_add_grid_ref(evk_kernels *k);

static const float evk_iq4_levels[16] = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
};
static const float evk_float4_levels[16] = { 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12 };

static inline uint16_t evk_read_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t evk_read_u32(const uint8_t *p)
{
    return (uint32_t)evk_read_u16(p) | (uint32_t)evk_read_u16(p + 2) << 16;
}

static inline float evk_float_of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* The value of a float16: 1 sign, 5 exponent, 10 fraction bits. Exact; a NaN comes out quiet, its payload kept. */
static inline float evk_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023;
    if (exponent == 0) {                                            /* zero, subnormal: fraction * 2^-24 */
        const float size = (float)fraction * 0x1p-24f;
        return sign ? -size : size;
    }
    if (exponent == 31)
        return evk_float_of_bits(sign | 0x7f800000 | fraction << 13 | (fraction ? 0x400000u : 0u));
    return evk_float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* Whether the nearest float16 is finite, or x is no number anyway. */
static inline bool evk_fits_f16(float x)
{
    return !(x >= 65520.0f || x <= -65520.0f);
}

#define EVK_F16_MOST 65504.0f       /* the largest */

/* The nearest float16, ties to even; infinity beyond 65,520. */
static inline uint16_t evk_to_f16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000)
        return (uint16_t)(sign | 0x7e00);                           /* not a number */
    if (bits >= 0x477ff000)
        return (uint16_t)(sign | 0x7c00);
    if (bits < 0x33000000)                                          /* under half of the least: 2^-25 */
        return sign;
    const uint32_t exponent = bits >> 23;
    const uint32_t drop = exponent >= 113 ? 13 : 126 - exponent;    /* a subnormal keeps fewer bits */
    const uint32_t value = exponent >= 113 ? bits - (112u << 23) : (bits & 0x7fffff) | 0x800000;
    const uint32_t even = value >> drop & 1, round = (1u << (drop - 1)) - 1 + even;
    return (uint16_t)(sign | ((value + round) >> drop));
}

static inline float evk_read_f16(const uint8_t *p)
{
    return evk_f16(evk_read_u16(p));
}

/* Scale and minimum of group g = 0..7 of a Q4_K or Q5_K block. */
static inline void evk_k_scale_min(const uint8_t scales[12], size_t g, uint8_t *scale, uint8_t *min)
{
    if (g < 4) {
        *scale = scales[g] & 63;
        *min = scales[g + 4] & 63;
    } else {
        *scale = (uint8_t)((scales[g + 4] & 15) | scales[g - 4] >> 6 << 4);
        *min = (uint8_t)(scales[g + 4] >> 4 | scales[g] >> 6 << 4);
    }
}

/* Scale of group s = 0..15 of a Q3_K block, -32..31. */
static inline int evk_q3_k_scale(const uint8_t scales[12], size_t s)
{
    const int low = scales[s % 8] >> 4 * (s / 8) & 15;
    const int high = scales[8 + s % 4] >> 2 * (s / 4) & 3;
    return (low | high << 4) - 32;
}

/* Nibble i: the low ones of a byte come first. */
static inline int evk_nibble(const uint8_t *b, size_t i)
{
    return b[i / 2] >> 4 * (i % 2) & 15;
}

/* Six-bit scale of group g = 0..7 of an IQ4_XS block, -32..31. */
static inline int evk_iq4_xs_scale(const uint8_t *b, size_t g)
{
    return (evk_nibble(b + 4, g) | (evk_read_u16(b + 2) >> 2 * g & 3) << 4) - 32;
}

/* 2^(e - 128), subnormal for e < 2. */
static inline float evk_mxfp4_scale(uint8_t e)
{
    return evk_float_of_bits(e < 2 ? 0x200000u << e : (uint32_t)(e - 1) << 23);
}

/* The eight signs whose first seven are the low bits of s. */
static inline unsigned evk_even_signs(uint32_t s)
{
    const unsigned seven = s & 127;
    return seven | (unsigned)__builtin_parity(seven) << 7;
}

/* The float16 d of an IQ1_M block from its four words of scales. */
static inline uint16_t evk_iq1_m_scale(const uint8_t scales[8])
{
    return (uint16_t)(scales[1] >> 4 | (scales[3] & 0xf0) | (scales[5] >> 4) << 8 | (scales[7] >> 4) << 12);
}

#endif
