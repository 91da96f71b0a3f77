/* core/kernels/lanes_quants.h: dequantisers written once over vectors of LANES values; quants.h draws the blocks.
 *
 * The same operations in the same order as quants.c, so the values are the same bit for bit: small integers are put
 * together from bit fields, converted, multiplied and added, with no fused multiply-add.
 *
 * Needs, beside lanes.h's: ints (LANES 32-bit integers); i_bytes i_signed_bytes i_halves (LANES of them from memory,
 * widened), i_set, i_and i_or i_sub, i_left i_right (by one number), i_bit(word, j) (lane l: bit j + l of word),
 * v_of (conversion), v_of_bits, v_of_f16 (LANES float16 from memory), v_store_f16 (to memory, ties to even), f16_value (one, from
 * memory). */

INLINE ints low_four(ints b) { return i_and(b, i_set(15)); }
INLINE ints high_four(ints b) { return i_right(b, 4); }         /* of a byte: nothing is above */
INLINE vec times(float d, ints q) { return v_mul(v_set(d), v_of(q)); }
INLINE vec times_plus(float d, ints q, float m) { return v_add(v_mul(v_set(d), v_of(q)), v_set(m)); }
INLINE vec times_minus(float d, ints q, float m) { return v_sub(v_mul(v_set(d), v_of(q)), v_set(m)); }

static void simd_f32(const void *blocks, float *out, size_t n)
{
    memcpy(out, blocks, n * sizeof *out);
}

/* n may be anything: the last vector of a row that is no whole number of vectors is left to the reference's code. */
static void simd_f16(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        v_store(out + i, v_of_f16(b + 2 * i));
    for (; i < n; i++)
        out[i] = evk_read_f16(b + 2 * i);
}

/* x as float16; *beyond: by lanes, 1 where one was too large. A NaN is not. */
INLINE void put_f16(uint16_t *y, vec x, vec *beyond)
{
    const vec left = v_sub(v_set(EVK_F16_MOST), v_max(x, v_sub(v_zero(), x)));
    v_store_f16(y, v_max(v_set(-EVK_F16_MOST), v_min(v_set(EVK_F16_MOST), x)));
    *beyond = v_max(v_choose(left, v_set(1), v_zero()), *beyond);
}

static bool simd_to_f16(const float *x, uint16_t *y, size_t n)
{
    uint16_t part[LANES];
    vec beyond = v_zero();
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        put_f16(y + i, v_load(x + i), &beyond);
    if (i < n) {
        put_f16(part, v_load_part(x + i, n - i), &beyond);
        memcpy(y + i, part, (n - i) * sizeof *y);
    }
    return v_most(beyond) <= 0;
}

static void simd_bf16(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        v_store(out + i, v_of_bits(i_left(i_halves(b + 2 * i), 16)));
    for (; i < n; i++)
        out[i] = evk_float_of_bits((uint32_t)evk_read_u16(b + 2 * i) << 16);
}

static void simd_q4_0(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 32; n -= 32, out += 32, b += EVK_Q4_0_BYTES) {
        const float d = f16_value(b);
        for (size_t j = 0; j < 16; j += LANES) {
            const ints q = i_bytes(b + 2 + j);
            v_store(out + j, times(d, i_sub(low_four(q), i_set(8))));
            v_store(out + j + 16, times(d, i_sub(high_four(q), i_set(8))));
        }
    }
}

static void simd_q4_1(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 32; n -= 32, out += 32, b += EVK_Q4_1_BYTES) {
        const float d = f16_value(b), m = f16_value(b + 2);
        for (size_t j = 0; j < 16; j += LANES) {
            const ints q = i_bytes(b + 4 + j);
            v_store(out + j, times_plus(d, low_four(q), m));
            v_store(out + j + 16, times_plus(d, high_four(q), m));
        }
    }
}

/* Five-bit values: a nibble and bits j.. of h. */
INLINE ints with_fifth(ints nibble, uint32_t h, size_t j)
{
    return i_or(nibble, i_left(i_bit(h, j), 4));
}

static void simd_q5_0(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 32; n -= 32, out += 32, b += EVK_Q5_0_BYTES) {
        const float d = f16_value(b);
        const uint32_t h = evk_read_u32(b + 2);
        for (size_t j = 0; j < 16; j += LANES) {
            const ints q = i_bytes(b + 6 + j);
            v_store(out + j, times(d, i_sub(with_fifth(low_four(q), h, j), i_set(16))));
            v_store(out + j + 16, times(d, i_sub(with_fifth(high_four(q), h, j + 16), i_set(16))));
        }
    }
}

static void simd_q5_1(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 32; n -= 32, out += 32, b += EVK_Q5_1_BYTES) {
        const float d = f16_value(b), m = f16_value(b + 2);
        const uint32_t h = evk_read_u32(b + 4);
        for (size_t j = 0; j < 16; j += LANES) {
            const ints q = i_bytes(b + 8 + j);
            v_store(out + j, times_plus(d, with_fifth(low_four(q), h, j), m));
            v_store(out + j + 16, times_plus(d, with_fifth(high_four(q), h, j + 16), m));
        }
    }
}

static void simd_q8_0(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 32; n -= 32, out += 32, b += EVK_Q8_0_BYTES) {
        const float d = f16_value(b);
        for (size_t j = 0; j < 32; j += LANES)
            v_store(out + j, times(d, i_signed_bytes(b + 2 + j)));
    }
}

static void simd_q2_k(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, out += 256, b += EVK_Q2_K_BYTES) {
        const float d = f16_value(b + 80), dmin = f16_value(b + 82);
        for (size_t g = 0; g < 16; g++) {                       /* group g: 16 values, i = 16 g + l */
            const float scale = d * (float)(b[g] & 15), min = dmin * (float)(b[g] >> 4);
            const uint8_t *q = b + 16 + 32 * (g / 8) + 16 * (g % 2);
            for (size_t l = 0; l < 16; l += LANES) {
                const ints two = i_and(i_right(i_bytes(q + l), 2 * (g / 2 % 4)), i_set(3));
                v_store(out + 16 * g + l, times_minus(scale, two, min));
            }
        }
    }
}

static void simd_q3_k(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, out += 256, b += EVK_Q3_K_BYTES) {
        const float d = f16_value(b + 108);
        for (size_t g = 0; g < 16; g++) {
            const float scale = d * (float)evk_q3_k_scale(b + 96, g);
            const uint8_t *q = b + 32 + 32 * (g / 8) + 16 * (g % 2), *high = b + 16 * (g % 2);
            for (size_t l = 0; l < 16; l += LANES) {
                const ints two = i_and(i_right(i_bytes(q + l), 2 * (g / 2 % 4)), i_set(3));
                const ints third = i_left(i_and(i_right(i_bytes(high + l), g / 2), i_set(1)), 2);
                v_store(out + 16 * g + l, times(scale, i_sub(i_or(two, third), i_set(4))));
            }
        }
    }
}

static void simd_q4_k(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, out += 256, b += EVK_Q4_K_BYTES) {
        const float d = f16_value(b), dmin = f16_value(b + 2);
        for (size_t g = 0; g < 8; g += 2) {
            uint8_t s[2], m[2];
            evk_k_scale_min(b + 4, g, &s[0], &m[0]);
            evk_k_scale_min(b + 4, g + 1, &s[1], &m[1]);
            const float d0 = d * (float)s[0], m0 = dmin * (float)m[0], d1 = d * (float)s[1], m1 = dmin * (float)m[1];
            for (size_t l = 0; l < 32; l += LANES) {
                const ints q = i_bytes(b + 16 + 16 * g + l);
                v_store(out + 32 * g + l, times_minus(d0, low_four(q), m0));
                v_store(out + 32 * g + 32 + l, times_minus(d1, high_four(q), m1));
            }
        }
    }
}

static void simd_q5_k(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, out += 256, b += EVK_Q5_K_BYTES) {
        const float d = f16_value(b), dmin = f16_value(b + 2);
        for (size_t g = 0; g < 8; g++) {
            uint8_t s, m;
            evk_k_scale_min(b + 4, g, &s, &m);
            const float dg = d * (float)s, mg = dmin * (float)m;
            for (size_t l = 0; l < 32; l += LANES) {
                const ints four = i_and(i_right(i_bytes(b + 48 + 32 * (g / 2) + l), 4 * (g % 2)), i_set(15));
                const ints fifth = i_and(i_right(i_bytes(b + 16 + l), g), i_set(1));
                v_store(out + 32 * g + l, times_minus(dg, i_or(four, i_left(fifth, 4)), mg));
            }
        }
    }
}

static void simd_q6_k(const void *blocks, float *out, size_t n)
{
    const uint8_t *b = blocks;
    for (; n >= 256; n -= 256, out += 256, b += EVK_Q6_K_BYTES) {
        const float d = f16_value(b + 208);
        for (size_t g = 0; g < 16; g++) {                       /* g = 8 half + 2 j + l / 16, as in quants.h */
            const size_t half = g / 8, j = g / 2 % 4, l0 = 16 * (g % 2);
            const float scale = d * (float)(int8_t)b[192 + g];
            for (size_t l = l0; l < l0 + 16; l += LANES) {
                const ints low = i_and(i_right(i_bytes(b + 64 * half + 32 * (j % 2) + l), 4 * (j / 2)), i_set(15));
                const ints high = i_and(i_right(i_bytes(b + 128 + 32 * half + l), 2 * j), i_set(3));
                v_store(out + 16 * g + l - l0, times(scale, i_sub(i_or(low, i_left(high, 4)), i_set(32))));
            }
        }
    }
}

static inline void add_dequantisers(evk_kernels *k)
{
    k->to_f16 = simd_to_f16;
    k->dequantise[EVK_F32] = simd_f32;
    k->dequantise[EVK_F16] = simd_f16;
    k->dequantise[EVK_BF16] = simd_bf16;
    k->dequantise[EVK_Q4_0] = simd_q4_0;
    k->dequantise[EVK_Q4_1] = simd_q4_1;
    k->dequantise[EVK_Q5_0] = simd_q5_0;
    k->dequantise[EVK_Q5_1] = simd_q5_1;
    k->dequantise[EVK_Q8_0] = simd_q8_0;
    k->dequantise[EVK_Q2_K] = simd_q2_k;
    k->dequantise[EVK_Q3_K] = simd_q3_k;
    k->dequantise[EVK_Q4_K] = simd_q4_k;
    k->dequantise[EVK_Q5_K] = simd_q5_k;
    k->dequantise[EVK_Q6_K] = simd_q6_k;
}
