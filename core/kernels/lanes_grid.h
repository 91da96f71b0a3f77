/* core/kernels/lanes_grid.h: dequantisers of uneven levels, ternary digits and codebooks, written once over vectors of LANES
 * values; quants.h draws the blocks, grids.h the codebooks. The operations and their order are those of quants.c and
 * quants_grid.c, so the values are the same bit for bit.
 *
 * Needs, beside lanes_quants.h's: v_level(table, q), the entries q = 0..15 of 16 floats; i_twos(word, j), lane l: bits
 * 2 (j + l), 2 (j + l) + 1 of word; i_threes(word, j), lane l: the three bits of a 64-bit word from 3 (j + l). */
#include "core/kernels/grids.h"

static const float iq2_levels[16] = { 8, 25, 43 };
static const float iq3_xxs_levels[16] = { 4, 12, 20, 28, 36, 44, 52, 62 };
static const float iq3_s_levels[16] = { 1, 3, 5, 7, 9, 11, 13, 15 };

INLINE void put_levels(const float levels[16], float d, const uint8_t q[16], float out[32])
{
    for (size_t j = 0; j < 16; j += LANES) {
        const ints b = i_bytes(q + j);
        v_store(out + j, v_mul(v_set(d), v_level(levels, low_four(b))));
        v_store(out + j + 16, v_mul(v_set(d), v_level(levels, high_four(b))));
    }
}

static void simd_iq4_nl(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 32; n -= 32, out += 32, b += EVK_IQ4_NL_BYTES)
        put_levels(evk_iq4_levels, f16_value(b), b + 2, out);
}

static void simd_iq4_xs(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ4_XS_BYTES)
        for (size_t g = 0; g < 8; g++, out += 32)
            put_levels(evk_iq4_levels, f16_value(b) * (float)evk_iq4_xs_scale(b, g), b + 8 + 16 * g, out);
}

static void simd_mxfp4(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 32; n -= 32, out += 32, b += EVK_MXFP4_BYTES)
        put_levels(evk_float4_levels, evk_mxfp4_scale(b[0]), b + 1, out);
}

static void simd_tq2_0(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, out += 256, b += EVK_TQ2_0_BYTES) {
        const float d = f16_value(b + 64);
        for (size_t g = 0; g < 8; g++)
            for (size_t l = 0; l < 32; l += LANES) {
                const ints two = i_and(i_right(i_bytes(b + 32 * (g / 4) + l), 2 * (g % 4)), i_set(3));
                v_store(out + 32 * g + l, times(d, i_sub(two, i_set(1))));
            }
    }
}

/* Lane l: 1.0, or -1.0 where bit j + l of signs is set. */
INLINE vec signs_at(uint32_t signs, size_t j)
{
    return v_of(i_sub(i_set(1), i_left(i_bit(signs, j), 1)));
}

/* Sixteen values of two IQ2 points, the first in the low bits. */
INLINE void put_iq2(float scale, uint32_t points, uint32_t signs, float out[16])
{
    for (size_t j = 0; j < 16; j += LANES)
        v_store(out + j, v_mul(v_mul(v_set(scale), v_level(iq2_levels, i_twos(points, j))), signs_at(signs, j)));
}

/* Sixteen values of four IQ3 points. */
INLINE void put_iq3(const float levels[16], float scale, uint64_t points, uint32_t signs, float out[16])
{
    for (size_t j = 0; j < 16; j += LANES)
        v_store(out + j, v_mul(v_mul(v_set(scale), v_level(levels, i_threes(points, j))), signs_at(signs, j)));
}

/* Sixteen values scale * (G + delta) of two IQ1 points; bit j of down set: delta of value j is -1/8, otherwise 1/8. */
INLINE void put_iq1(float scale, uint32_t points, uint32_t down, float out[16])
{
    for (size_t j = 0; j < 16; j += LANES) {
        const ints level = i_sub(i_left(i_twos(points, j), 3), i_set(7));       /* 8 (c - 1) + 1 eighths */
        const ints eighths = i_sub(level, i_left(i_bit(down, j), 1));
        v_store(out + j, v_mul(v_set(scale), v_mul(v_of(eighths), v_set(0.125f))));
    }
}

static void simd_iq2_xxs(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ2_XXS_BYTES)
        for (size_t i = 0; i < 32; i += 2, out += 16) {
            const uint8_t *q = b + 2 + 8 * (i / 4) + i % 4;
            const uint32_t rest = evk_read_u32(b + 6 + 8 * (i / 4)), some = rest >> 7 * (i % 4);
            const float scale = f16_value(b) * (0.5f + (float)(rest >> 28)) * 0.25f;
            put_iq2(scale, evk_grid_iq2_xxs[q[0]] | (uint32_t)evk_grid_iq2_xxs[q[1]] << 16,
                    evk_even_signs(some) | evk_even_signs(some >> 7) << 8, out);
        }
}

static void simd_iq2_xs(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ2_XS_BYTES)
        for (size_t i = 0; i < 32; i += 2, out += 16) {
            const uint32_t q = evk_read_u32(b + 2 + 2 * i);
            const float scale = f16_value(b) * (0.5f + (float)evk_nibble(b + 66, i / 2)) * 0.25f;
            put_iq2(scale, evk_grid_iq2_xs[q & 511] | (uint32_t)evk_grid_iq2_xs[q >> 16 & 511] << 16,
                    evk_even_signs(q >> 9) | evk_even_signs(q >> 25) << 8, out);
        }
}

static void simd_iq2_s(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ2_S_BYTES)
        for (size_t i = 0; i < 32; i += 2, out += 16) {
            const unsigned high = (unsigned)b[66 + i / 4] >> 2 * (i % 4);
            const unsigned q0 = b[2 + i] | (high & 3) << 8, q1 = b[3 + i] | (high >> 2 & 3) << 8;
            const float scale = f16_value(b) * (0.5f + (float)evk_nibble(b + 74, i / 2)) * 0.25f;
            put_iq2(scale, evk_grid_iq2_s[q0] | (uint32_t)evk_grid_iq2_s[q1] << 16, evk_read_u16(b + 34 + i), out);
        }
}

/* Four points of twelve bits each. */
INLINE uint64_t four_points(const uint16_t *grid, unsigned q0, unsigned q1, unsigned q2, unsigned q3)
{
    return (uint64_t)(grid[q0] | (uint32_t)grid[q1] << 12) | (uint64_t)(grid[q2] | (uint32_t)grid[q3] << 12) << 24;
}

static void simd_iq3_xxs(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ3_XXS_BYTES)
        for (size_t i = 0; i < 64; i += 4, out += 16) {
            const uint8_t *q = b + 2 + i;
            const uint32_t rest = evk_read_u32(b + 66 + 4 * (i / 8)), some = rest >> 7 * (i % 8 / 2);
            const float scale = f16_value(b) * (0.5f + (float)(rest >> 28)) * 0.5f;
            put_iq3(iq3_xxs_levels, scale, four_points(evk_grid_iq3_xxs, q[0], q[1], q[2], q[3]),
                    evk_even_signs(some) | evk_even_signs(some >> 7) << 8, out);
        }
}

static void simd_iq3_s(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ3_S_BYTES)
        for (size_t i = 0; i < 64; i += 4, out += 16) {
            const uint8_t *q = b + 2 + i;
            const unsigned h = (unsigned)b[66 + i / 8] >> i % 8;
            const float scale = f16_value(b) * (float)(1 + 2 * evk_nibble(b + 106, i / 8));
            const uint64_t points = four_points(evk_grid_iq3_s, q[0] | (h & 1) << 8, q[1] | (h & 2) << 7,
                                                q[2] | (h & 4) << 6, q[3] | (h & 8) << 5);
            put_iq3(iq3_s_levels, scale, points, evk_read_u16(b + 74 + i / 2), out);
        }
}

static void simd_iq1_s(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ1_S_BYTES)
        for (size_t i = 0; i < 32; i += 2, out += 16) {
            const unsigned rest = evk_read_u16(b + 34 + 2 * (i / 4)), high = rest >> 3 * (i % 4);
            const unsigned q0 = b[2 + i] | (high & 7) << 8, q1 = b[3 + i] | (high >> 3 & 7) << 8;
            const float scale = f16_value(b) * (float)(2 * (rest >> 12 & 7) + 1);
            put_iq1(scale, evk_grid_iq1[q0] | (uint32_t)evk_grid_iq1[q1] << 16, rest >> 15 ? 0xffff : 0, out);
        }
}

static void simd_iq1_m(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ1_M_BYTES) {
        const float d = evk_f16(evk_iq1_m_scale(b + 48));
        for (size_t i = 0; i < 32; i += 2, out += 16) {
            const unsigned high = b[32 + i / 2], scales = evk_read_u16(b + 48 + 2 * (i / 8));
            const unsigned q0 = b[i] | (high & 7) << 8, q1 = b[i + 1] | (high >> 4 & 7) << 8;
            const float scale = d * (float)(2 * (scales >> 3 * (i / 2 % 4) & 7) + 1);
            put_iq1(scale, evk_grid_iq1[q0] | (uint32_t)evk_grid_iq1[q1] << 16,
                    (high & 8 ? 0xffu : 0) | (high & 128 ? 0xff00u : 0), out);
        }
    }
}

static inline void add_grid_dequantisers(evk_kernels *k)
{
    k->dequantise[EVK_IQ4_NL] = simd_iq4_nl;
    k->dequantise[EVK_IQ4_XS] = simd_iq4_xs;
    k->dequantise[EVK_MXFP4] = simd_mxfp4;
    k->dequantise[EVK_TQ2_0] = simd_tq2_0;
    k->dequantise[EVK_IQ2_XXS] = simd_iq2_xxs;
    k->dequantise[EVK_IQ2_XS] = simd_iq2_xs;
    k->dequantise[EVK_IQ2_S] = simd_iq2_s;
    k->dequantise[EVK_IQ3_XXS] = simd_iq3_xxs;
    k->dequantise[EVK_IQ3_S] = simd_iq3_s;
    k->dequantise[EVK_IQ1_S] = simd_iq1_s;
    k->dequantise[EVK_IQ1_M] = simd_iq1_m;
}
