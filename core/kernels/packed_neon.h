/* core/kernels/packed_neon.h: lanes_packed.h over 4 rows, for NEON: with dot products where P_DOT is set, or by products in 16 bits
 * that are added by pairs into 32. Both multiply signed bytes alone, so codes of more than four bits are taken less 128. */
#include <arm_neon.h>
#include <string.h>

#include "core/kernels/packed.h"

enum { P_LANES = 4, P_LESS = 128, P_WIDTH = EVK_PACKED_TILE, P_TOKEN_STRIDE = 4, P_QUAD_STRIDE = 4 * P_WIDTH };
#define P_FEWER                 /* not less 128 */
typedef int32x4_t p_ints;
typedef float32x4_t p_floats;
#define P_OP static inline __attribute__((always_inline))

P_OP size_t p_vectors(int bits, size_t n_token) { (void)bits; (void)n_token; return 2; }
P_OP size_t p_parts(int bits) { (void)bits; return 1; }
P_OP size_t p_run(int bits) { (void)bits; return 8; }
P_OP size_t p_unroll(int bits) { (void)bits; return 2; }
P_OP p_ints p_of_bytes(uint8x16_t a) { return vreinterpretq_s32_u8(a); }
P_OP uint8x16_t p_to_bytes(p_ints a) { return vreinterpretq_u8_s32(a); }
P_OP p_ints p_load(const uint8_t *p) { return p_of_bytes(vld1q_u8(p)); }
P_OP void p_store(uint8_t *p, p_ints a) { vst1q_u8(p, p_to_bytes(a)); }
P_OP p_ints p_low(p_ints a) { return p_of_bytes(vandq_u8(p_to_bytes(a), vdupq_n_u8(15))); }
P_OP p_ints p_high(p_ints a) { return p_of_bytes(vshrq_n_u8(p_to_bytes(a), 4)); }
P_OP p_ints p_code(p_ints raw, size_t part)
{
    (void)part;
    return p_of_bytes(veorq_u8(p_to_bytes(raw), vdupq_n_u8(0x80)));
}
P_OP p_ints p_add(p_ints a, p_ints b) { return vaddq_s32(a, b); }
P_OP p_ints p_set(int32_t a) { return vdupq_n_s32(a); }
P_OP p_ints p_shift8(p_ints a) { return vshlq_n_s32(a, 8); }

#ifdef P_DOT
typedef p_ints p_sum;
P_OP p_sum p_start(p_ints s) { return s; }
P_OP p_ints p_total(p_sum sum, p_ints s, size_t part) { (void)s; (void)part; return sum; }

/* The quads of n tokens (1, 2 or 4) are fetched together, and a token's taken by its lane. */
#define P_OWN_STEPS
P_OP void p_quad_steps(const int8_t *x, const p_ints *code, size_t n_code, size_t n, p_sum *sum)
{
    int32_t quad;
    memcpy(&quad, x, 4);
    const int8x16_t all = n == 1 ? vreinterpretq_s8_s32(vdupq_n_s32(quad)) : n == 2 ? vcombine_s8(vld1_s8(x), vdup_n_s8(0)) : vld1q_s8(x);
#pragma GCC unroll 2
    for (size_t c = 0; c < n_code; c++) {
        const int8x16_t codes = vreinterpretq_s8_s32(code[c]);
        p_sum *s = sum + c * n;
        s[0] = vdotq_laneq_s32(s[0], codes, all, 0);
        if (n > 1)
            s[1] = vdotq_laneq_s32(s[1], codes, all, 1);
        if (n > 2) {
            s[2] = vdotq_laneq_s32(s[2], codes, all, 2);
            s[3] = vdotq_laneq_s32(s[3], codes, all, 3);
        }
    }
}
#else
typedef struct p_sum { int32x4_t low, high; } p_sum;        /* two sums for each of rows 0 and 1, and of rows 2 and 3 */
P_OP p_sum p_start(p_ints s) { (void)s; return (p_sum){ vdupq_n_s32(0), vdupq_n_s32(0) }; }
P_OP void p_step(p_sum *sum, p_ints code, p_ints x)
{
    const int8x16_t a = vreinterpretq_s8_s32(code), b = vreinterpretq_s8_s32(x);
    sum->low = vpadalq_s16(sum->low, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
    sum->high = vpadalq_s16(sum->high, vmull_high_s8(a, b));
}
P_OP p_ints p_total(p_sum sum, p_ints s, size_t part) { (void)part; return vaddq_s32(s, vpaddq_s32(sum.low, sum.high)); }
#endif

P_OP p_floats f_zero(void) { return vdupq_n_f32(0); }
P_OP p_floats f_set(float a) { return vdupq_n_f32(a); }
P_OP p_floats f_of(p_ints a) { return vcvtq_f32_s32(a); }
P_OP p_floats f_fma(p_floats a, p_floats b, p_floats c) { return vfmaq_f32(c, a, b); }
P_OP p_floats f_mul(p_floats a, p_floats b) { return vmulq_f32(a, b); }
P_OP p_floats f_load(const float *p) { return vld1q_f32(p); }
P_OP p_floats f_load_half(const uint16_t *p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
P_OP void f_store(float *p, p_floats a) { vst1q_f32(p, a); }

/* ---- activations as digits ---- */

/* The largest |x| of 32, by its bits: as whole numbers these stand in the order of |x|, those of NaN above all. */
P_OP float p_most(const float *x)
{
    uint32x4_t most = vdupq_n_u32(0);
    for (size_t i = 0; i < EVK_PACKED_BLOCK; i += 4)
        most = vmaxq_u32(most, vreinterpretq_u32_f32(vabsq_f32(vld1q_f32(x + i))));
    const uint32_t bits = vmaxvq_u32(most);
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

/* The low bytes of 16 whole numbers, in order. */
P_OP int8x16_t p_bytes(const int32x4_t n[4])
{
    const int16x8_t a = vuzp1q_s16(vreinterpretq_s16_s32(n[0]), vreinterpretq_s16_s32(n[1]));
    const int16x8_t b = vuzp1q_s16(vreinterpretq_s16_s32(n[2]), vreinterpretq_s16_s32(n[3]));
    return vuzp1q_s8(vreinterpretq_s8_s16(a), vreinterpretq_s8_s16(b));
}

/* Digits of 16 floats times inverse. */
P_OP void p_split(const float *x, float inverse, size_t n_digit, int8x16_t digit[EVK_MAX_DIGIT])
{
    int32x4_t n[4];
    for (size_t i = 0; i < 4; i++)
        n[i] = inverse > 0 ? vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 4 * i), inverse)) : vdupq_n_s32(0);
    for (size_t d = 0; d < n_digit; d++) {
        digit[d] = p_bytes(n);
        for (size_t i = 0; i < 4; i++)      /* what the signed byte leaves, over 256 */
            n[i] = vrshrq_n_s32(n[i], 8);
    }
}

/* nt tokens of one block, up to four, the first of them the record's `first`; x [nt] rows ldx apart. */
P_OP void p_take_block(char *record, size_t n_digit, size_t first, size_t nt, const float *x, size_t ldx)
{
    int8x16_t row[2][EVK_PACKED_TILE][EVK_MAX_DIGIT];
    memset(row, 0, sizeof row);
    for (size_t t = 0; t < nt; t++) {
        int32_t half[EVK_MAX_DIGIT][2];
        float inverse;
        evk_record_unit(record, P_WIDTH, n_digit)[first + t] = evk_unit(p_most(x + t * ldx), n_digit, &inverse);
        for (size_t h = 0; h < 2; h++) {
            p_split(x + t * ldx + 16 * h, inverse, n_digit, row[h][t]);
            for (size_t d = 0; d < n_digit; d++)
                half[d][h] = vaddlvq_s8(row[h][t][d]);
        }
        evk_record_sums(record, P_WIDTH, n_digit, first + t, half);
    }
    for (size_t d = 0; d < n_digit; d++)
        for (size_t h = 0; h < 2; h++) {        /* a quad of each token in turn */
            uint32x4x4_t quads;
            for (size_t t = 0; t < EVK_PACKED_TILE; t++)
                quads.val[t] = vreinterpretq_u32_s8(row[h][t][d]);
            vst4q_u32((uint32_t *)(void *)(evk_record_digit(record, P_WIDTH, d) + first * P_TOKEN_STRIDE + 64 * h), quads);
        }
}

#include "core/kernels/lanes_packed.h"
