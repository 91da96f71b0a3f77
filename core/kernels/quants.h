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
 *                   low four bits of value 128 n + 32 j + l: nibble j / 2 of byte 64 n + 32 (j % 2) + l */
#ifndef EVK_QUANTS_H
#define EVK_QUANTS_H

#include <string.h>

#include "core/kernels/kernels.h"

enum {
    EVK_Q4_0_BYTES = 18, EVK_Q4_1_BYTES = 20, EVK_Q5_0_BYTES = 22, EVK_Q5_1_BYTES = 24, EVK_Q8_0_BYTES = 34,
    EVK_Q2_K_BYTES = 84, EVK_Q3_K_BYTES = 110, EVK_Q4_K_BYTES = 144, EVK_Q5_K_BYTES = 176, EVK_Q6_K_BYTES = 210
};

/* Fills the dequantise slots with portable C. */
void evk_quants_add_ref(evk_kernels *k);

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

#endif
