/* core/kernels/quants.c: reference dequantisers, one loop a type. quants.h draws the blocks and gives the equations. */
#include "core/kernels/quants.h"

static void dequantise_f32(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i++)
        out[i] = evk_float_of_bits(evk_read_u32(b + 4 * i));
}

static void dequantise_f16(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i++)
        out[i] = evk_read_f16(b + 2 * i);
}

static void dequantise_bf16(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i++)
        out[i] = evk_float_of_bits((uint32_t)evk_read_u16(b + 2 * i) << 16);
}

/* Plain integers and doubles, rounded to the nearest float. */
static void dequantise_i8(const void *blocks, float *out, size_t n)
{
    const int8_t *b = blocks;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)b[i];
}

static void dequantise_i16(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(int16_t)evk_read_u16(b + 2 * i);
}

static void dequantise_i32(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(int32_t)evk_read_u32(b + 4 * i);
}

static uint64_t read_u64(const uint8_t *p)
{
    return (uint64_t)evk_read_u32(p) | (uint64_t)evk_read_u32(p + 4) << 32;
}

static void dequantise_i64(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(int64_t)read_u64(b + 8 * i);
}

static void dequantise_f64(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i++) {
        const uint64_t bits = read_u64(b + 8 * i);
        double d;
        memcpy(&d, &bits, sizeof d);
        out[i] = (float)d;
    }
}

static void dequantise_q4_0(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i += 32, b += EVK_Q4_0_BYTES) {
        const float d = evk_read_f16(b);
        for (size_t j = 0; j < 16; j++) {
            out[i + j] = d * (float)((b[2 + j] & 15) - 8);
            out[i + j + 16] = d * (float)((b[2 + j] >> 4) - 8);
        }
    }
}

static void dequantise_q4_1(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i += 32, b += EVK_Q4_1_BYTES) {
        const float d = evk_read_f16(b), m = evk_read_f16(b + 2);
        for (size_t j = 0; j < 16; j++) {
            out[i + j] = d * (float)(b[4 + j] & 15) + m;
            out[i + j + 16] = d * (float)(b[4 + j] >> 4) + m;
        }
    }
}

/* q + 16 h_j of value j = 0..31 of a Q5_0 or Q5_1 block. */
static int five_bits(const uint8_t *nibbles, uint32_t high, size_t j)
{
    return (nibbles[j % 16] >> 4 * (j / 16) & 15) | (int)(high >> j & 1) << 4;
}

static void dequantise_q5_0(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i += 32, b += EVK_Q5_0_BYTES) {
        const float d = evk_read_f16(b);
        const uint32_t high = evk_read_u32(b + 2);
        for (size_t j = 0; j < 32; j++)
            out[i + j] = d * (float)(five_bits(b + 6, high, j) - 16);
    }
}

static void dequantise_q5_1(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i += 32, b += EVK_Q5_1_BYTES) {
        const float d = evk_read_f16(b), m = evk_read_f16(b + 2);
        const uint32_t high = evk_read_u32(b + 4);
        for (size_t j = 0; j < 32; j++)
            out[i + j] = d * (float)five_bits(b + 8, high, j) + m;
    }
}

static void dequantise_q8_0(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (size_t i = 0; i < n; i += 32, b += EVK_Q8_0_BYTES) {
        const float d = evk_read_f16(b);
        for (size_t j = 0; j < 32; j++)
            out[i + j] = d * (float)(int8_t)b[2 + j];
    }
}

/* Two-bit q of value i of a Q2_K or Q3_K block; of Q6_K's high bits. */
static int two_bits(const uint8_t *q, size_t i)
{
    return q[32 * (i / 128) + i % 32] >> 2 * (i / 32 % 4) & 3;
}

static void dequantise_q2_k(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, out += 256, b += EVK_Q2_K_BYTES) {
        const float d = evk_read_f16(b + 80), dmin = evk_read_f16(b + 82);
        for (size_t i = 0; i < 256; i++) {
            const float scale = d * (float)(b[i / 16] & 15), min = dmin * (float)(b[i / 16] >> 4);
            out[i] = scale * (float)two_bits(b + 16, i) - min;
        }
    }
}

static void dequantise_q3_k(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, out += 256, b += EVK_Q3_K_BYTES) {
        const float d = evk_read_f16(b + 108);
        for (size_t i = 0; i < 256; i++) {
            const float scale = d * (float)evk_q3_k_scale(b + 96, i / 16);
            const int high = b[i % 32] >> i / 32 & 1;
            out[i] = scale * (float)(two_bits(b + 32, i) + 4 * high - 4);
        }
    }
}

static void dequantise_q4_k(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, out += 256, b += EVK_Q4_K_BYTES) {
        const float d = evk_read_f16(b), dmin = evk_read_f16(b + 2);
        for (size_t g = 0; g < 8; g++) {
            uint8_t scale, min;
            evk_k_scale_min(b + 4, g, &scale, &min);
            const float dg = d * (float)scale, mg = dmin * (float)min;
            const uint8_t *q = b + 16 + 32 * (g / 2);
            for (size_t l = 0; l < 32; l++)
                out[32 * g + l] = dg * (float)(q[l] >> 4 * (g % 2) & 15) - mg;
        }
    }
}

static void dequantise_q5_k(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, out += 256, b += EVK_Q5_K_BYTES) {
        const float d = evk_read_f16(b), dmin = evk_read_f16(b + 2);
        const uint8_t *high = b + 16;
        for (size_t g = 0; g < 8; g++) {
            uint8_t scale, min;
            evk_k_scale_min(b + 4, g, &scale, &min);
            const float dg = d * (float)scale, mg = dmin * (float)min;
            const uint8_t *q = b + 48 + 32 * (g / 2);
            for (size_t l = 0; l < 32; l++)
                out[32 * g + l] = dg * (float)((q[l] >> 4 * (g % 2) & 15) | (high[l] >> g & 1) << 4) - mg;
        }
    }
}

static void dequantise_q6_k(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, out += 256, b += EVK_Q6_K_BYTES) {
        const float d = evk_read_f16(b + 208);
        for (size_t i = 0; i < 256; i++) {
            const size_t half = i / 128, j = i / 32 % 4, l = i % 32;
            const int low = b[64 * half + 32 * (j % 2) + l] >> 4 * (j / 2) & 15;
            const float scale = d * (float)(int8_t)b[192 + i / 16];
            out[i] = scale * (float)((low | two_bits(b + 128, i) << 4) - 32);
        }
    }
}

/* 16 bytes of two nibbles each, as levels times d. */
static void put_levels(const float levels[16], float d, const uint8_t q[16], float out[32])
{
    for (size_t j = 0; j < 16; j++) {
        out[j] = d * levels[q[j] & 15];
        out[j + 16] = d * levels[q[j] >> 4];
    }
}

static void dequantise_iq4_nl(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 32; n -= 32, out += 32, b += EVK_IQ4_NL_BYTES)
        put_levels(evk_iq4_levels, evk_read_f16(b), b + 2, out);
}

static void dequantise_iq4_xs(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, b += EVK_IQ4_XS_BYTES)
        for (size_t g = 0; g < 8; g++, out += 32)
            put_levels(evk_iq4_levels, evk_read_f16(b) * (float)evk_iq4_xs_scale(b, g), b + 8 + 16 * g, out);
}

static void dequantise_mxfp4(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 32; n -= 32, out += 32, b += EVK_MXFP4_BYTES)
        put_levels(evk_float4_levels, evk_mxfp4_scale(b[0]), b + 1, out);
}

/* Digits 0 .. n_digit - 1 of n bytes, less 1, times d. */
static void put_ternary(float d, const uint8_t *b, size_t n, size_t n_digit, float *out)
{
    for (unsigned digit = 0, power = 1; digit < n_digit; digit++, power *= 3)
        for (size_t l = 0; l < n; l++)
            *out++ = d * (float)((int)(3 * (b[l] * power & 255) >> 8) - 1);
}

static void dequantise_tq1_0(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, out += 256, b += EVK_TQ1_0_BYTES) {
        const float d = evk_read_f16(b + 52);
        put_ternary(d, b, 32, 5, out);
        put_ternary(d, b + 32, 16, 5, out + 160);
        put_ternary(d, b + 48, 4, 4, out + 240);
    }
}

static void dequantise_tq2_0(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, out += 256, b += EVK_TQ2_0_BYTES) {
        const float d = evk_read_f16(b + 64);
        for (size_t i = 0; i < 256; i++)
            out[i] = d * (float)(two_bits(b, i) - 1);
    }
}

void evk_quants_add_ref(evk_kernels *k)
{
    static void (*const all[EVK_N_TYPE])(const void *, float *, size_t) = {
        [EVK_F32] = dequantise_f32,   [EVK_F16] = dequantise_f16,   [EVK_BF16] = dequantise_bf16,
        [EVK_Q4_0] = dequantise_q4_0, [EVK_Q4_1] = dequantise_q4_1, [EVK_Q5_0] = dequantise_q5_0,
        [EVK_Q5_1] = dequantise_q5_1, [EVK_Q8_0] = dequantise_q8_0, [EVK_Q2_K] = dequantise_q2_k,
        [EVK_Q3_K] = dequantise_q3_k, [EVK_Q4_K] = dequantise_q4_k, [EVK_Q5_K] = dequantise_q5_k,
        [EVK_Q6_K] = dequantise_q6_k, [EVK_I8] = dequantise_i8,     [EVK_I16] = dequantise_i16,
        [EVK_I32] = dequantise_i32,   [EVK_I64] = dequantise_i64,   [EVK_F64] = dequantise_f64,
        [EVK_IQ4_NL] = dequantise_iq4_nl, [EVK_IQ4_XS] = dequantise_iq4_xs, [EVK_MXFP4] = dequantise_mxfp4,
        [EVK_TQ1_0] = dequantise_tq1_0,   [EVK_TQ2_0] = dequantise_tq2_0,
    };
    memcpy(k->dequantise, all, sizeof all);
    evk_quants_add_grid_ref(k);
}
