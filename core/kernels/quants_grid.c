/* core/kernels/quants_grid.c: reference dequantisers of the types that store points of a codebook (grids.h). quants.h draws
 * the blocks and gives the equations. */
#include "core/kernels/grids.h"
#include "core/kernels/quants.h"

/* Eight values scale * G * sign of an IQ2 point; bit j of signs set: minus. */
static void put_iq2(float scale, unsigned point, unsigned signs, float out[8])
{
    for (unsigned j = 0; j < 8; j++) {
        const int c = point >> 2 * j & 3;
        out[j] = scale * (float)(8 + 17 * c + c / 2) * (signs >> j & 1 ? -1.0f : 1.0f);
    }
}

/* Four values of an IQ3_XXS point and of an IQ3_S point. */
static void put_iq3_xxs(float scale, unsigned point, unsigned signs, float out[4])
{
    for (unsigned j = 0; j < 4; j++) {
        const int c = point >> 3 * j & 7;
        out[j] = scale * (float)(4 + 8 * c + 2 * (c == 7)) * (signs >> j & 1 ? -1.0f : 1.0f);
    }
}

static void put_iq3_s(float scale, unsigned point, unsigned signs, float out[4])
{
    for (unsigned j = 0; j < 4; j++)
        out[j] = scale * (float)(1 + 2 * (point >> 3 * j & 7)) * (signs >> j & 1 ? -1.0f : 1.0f);
}

/* Eight values scale * (G + delta), delta an eighth up or down. */
static void put_iq1(float scale, unsigned point, bool down, float out[8])
{
    for (unsigned j = 0; j < 8; j++)
        out[j] = scale * ((float)((int)(point >> 2 * j & 3) - 1) + (down ? -0.125f : 0.125f));
}

static void dequantise_iq2_xxs(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ2_XXS_BYTES)
        for (size_t g = 0; g < 8; g++) {
            const uint8_t *index = b + 2 + 8 * g;
            const uint32_t rest = evk_read_u32(index + 4);
            const float scale = evk_read_f16(b) * (0.5f + (float)(rest >> 28)) * 0.25f;
            for (size_t i = 0; i < 4; i++, out += 8)
                put_iq2(scale, evk_grid_iq2_xxs[index[i]], evk_even_signs(rest >> 7 * i), out);
        }
}

static void dequantise_iq2_xs(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ2_XS_BYTES)
        for (size_t i = 0; i < 32; i++, out += 8) {
            const unsigned q = evk_read_u16(b + 2 + 2 * i);
            const float scale = evk_read_f16(b) * (0.5f + (float)evk_nibble(b + 66, i / 2)) * 0.25f;
            put_iq2(scale, evk_grid_iq2_xs[q & 511], evk_even_signs(q >> 9), out);
        }
}

static void dequantise_iq2_s(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ2_S_BYTES)
        for (size_t i = 0; i < 32; i++, out += 8) {
            const unsigned index = b[2 + i] | ((unsigned)b[66 + i / 4] >> 2 * (i % 4) & 3u) << 8;
            const float scale = evk_read_f16(b) * (0.5f + (float)evk_nibble(b + 74, i / 2)) * 0.25f;
            put_iq2(scale, evk_grid_iq2_s[index], b[34 + i], out);
        }
}

static void dequantise_iq3_xxs(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ3_XXS_BYTES)
        for (size_t i = 0; i < 32; i++, out += 8) {
            const uint32_t rest = evk_read_u32(b + 66 + 4 * (i / 4));
            const float scale = evk_read_f16(b) * (0.5f + (float)(rest >> 28)) * 0.5f;
            const unsigned signs = evk_even_signs(rest >> 7 * (i % 4));
            put_iq3_xxs(scale, evk_grid_iq3_xxs[b[2 + 2 * i]], signs, out);
            put_iq3_xxs(scale, evk_grid_iq3_xxs[b[3 + 2 * i]], signs >> 4, out + 4);
        }
}

static void dequantise_iq3_s(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ3_S_BYTES)
        for (size_t i = 0; i < 64; i++, out += 4) {
            const unsigned index = b[2 + i] | ((unsigned)b[66 + i / 8] >> i % 8 & 1u) << 8;
            const float scale = evk_read_f16(b) * (float)(1 + 2 * evk_nibble(b + 106, i / 8));
            put_iq3_s(scale, evk_grid_iq3_s[index], (unsigned)b[74 + i / 2] >> 4 * (i % 2), out);
        }
}

static void dequantise_iq1_s(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ1_S_BYTES)
        for (size_t i = 0; i < 32; i++, out += 8) {
            const unsigned high = evk_read_u16(b + 34 + 2 * (i / 4));
            const unsigned index = b[2 + i] | (high >> 3 * (i % 4) & 7) << 8;
            const float scale = evk_read_f16(b) * (float)(2 * (high >> 12 & 7) + 1);
            put_iq1(scale, evk_grid_iq1[index], high >> 15, out);
        }
}

static void dequantise_iq1_m(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ1_M_BYTES)
        for (size_t i = 0; i < 32; i++, out += 8) {
            const unsigned high = (unsigned)evk_nibble(b + 32, i), index = b[i] | (high & 7) << 8;
            const unsigned scales = evk_read_u16(b + 48 + 2 * (i / 8));
            const float scale = evk_f16(evk_iq1_m_scale(b + 48)) * (float)(2 * (scales >> 3 * (i / 2 % 4) & 7) + 1);
            put_iq1(scale, evk_grid_iq1[index], high >> 3, out);
        }
}

void evk_quants_add_grid_ref(evk_kernels *k)
{
    k->dequantise[EVK_IQ2_XXS] = dequantise_iq2_xxs;
    k->dequantise[EVK_IQ2_XS] = dequantise_iq2_xs;
    k->dequantise[EVK_IQ2_S] = dequantise_iq2_s;
    k->dequantise[EVK_IQ3_XXS] = dequantise_iq3_xxs;
    k->dequantise[EVK_IQ3_S] = dequantise_iq3_s;
    k->dequantise[EVK_IQ1_S] = dequantise_iq1_s;
    k->dequantise[EVK_IQ1_M] = dequantise_iq1_m;
}
