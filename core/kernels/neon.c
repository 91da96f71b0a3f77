/* core/kernels/neon.c: vectors of 4 floats for 64-bit ARM, where NEON is part of every CPU.
 *
 * A tile of 4 tokens x 4 rows: 16 sums, 4 rows of w, 1 of x; 8 loads for 16 multiply-adds. Larger ones fit the 32
 * registers, but not as compilers share them out. */
#include <arm_neon.h>
#include <string.h>

#include "core/kernels/kernels.h"

enum { LANES = 4 };
#define TILE_T 4
#define TILE_R 4

typedef float32x4_t vec;
typedef uint32x4_t ints;
typedef struct pair { float64x2_t lo, hi; } pair;
#define OP static inline __attribute__((always_inline))

OP vec v_zero(void) { return vdupq_n_f32(0); }
OP vec v_set(float a) { return vdupq_n_f32(a); }
OP vec v_load(const float *p) { return vld1q_f32(p); }
OP void v_store(float *p, vec a) { vst1q_f32(p, a); }
OP vec v_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
OP vec v_add(vec a, vec b) { return vaddq_f32(a, b); }
OP vec v_sub(vec a, vec b) { return vsubq_f32(a, b); }
OP vec v_mul(vec a, vec b) { return vmulq_f32(a, b); }
OP vec v_div(vec a, vec b) { return vdivq_f32(a, b); }
OP vec v_min(vec a, vec b) { return vminq_f32(a, b); }
OP vec v_max(vec a, vec b) { return vmaxq_f32(a, b); }
OP vec v_round(vec a) { return vrndnq_f32(a); }

OP vec v_choose(vec x, vec a, vec b) { return vbslq_f32(vcltzq_f32(x), a, b); }

OP vec v_load_part(const float *p, size_t n)
{
    float four[4] = { 0 };
    for (size_t i = 0; i < n; i++)
        four[i] = p[i];
    return vld1q_f32(four);
}
OP void v_store_part(float *p, vec a, size_t n)
{
    float four[4];
    vst1q_f32(four, a);
    for (size_t i = 0; i < n; i++)
        p[i] = four[i];
}
OP vec v_part(vec a, size_t n, float rest)
{
    const uint32_t lane[4] = { 0, 1, 2, 3 };
    return vbslq_f32(vcltq_u32(vld1q_u32(lane), vdupq_n_u32((uint32_t)n)), a, vdupq_n_f32(rest));
}
OP float v_most(vec a) { return vmaxvq_f32(a); }

/* 2^n from its bits, n = -126..127. */
OP vec power_of_two(int32x4_t n)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}

/* In two steps, so that results beyond the range of normal numbers round once, to subnormals or infinity. */
OP vec v_scale(vec p, vec n)
{
    const int32x4_t all = vcvtnq_s32_f32(n), half = vshrq_n_s32(all, 1);
    return v_mul(v_mul(p, power_of_two(half)), power_of_two(vsubq_s32(all, half)));
}

/* (l0 + l1) + (l2 + l3) of each. */
OP void v_sum4(vec a, vec b, vec c, vec d, float out[4])
{
    vst1q_f32(out, vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)));
}

OP pair pair_zero(void) { return (pair){ vdupq_n_f64(0), vdupq_n_f64(0) }; }
OP pair widen(vec a) { return (pair){ vcvt_f64_f32(vget_low_f32(a)), vcvt_high_f64_f32(a) }; }
OP pair pair_add(pair s, vec a)
{
    const pair w = widen(a);
    return (pair){ vaddq_f64(s.lo, w.lo), vaddq_f64(s.hi, w.hi) };
}
OP pair pair_add_square(pair s, vec a)
{
    const pair w = widen(a);
    return (pair){ vfmaq_f64(s.lo, w.lo, w.lo), vfmaq_f64(s.hi, w.hi, w.hi) };
}
OP pair pair_add_square_from(pair s, vec a, double mean)
{
    const pair w = widen(a);
    const float64x2_t lo = vsubq_f64(w.lo, vdupq_n_f64(mean)), hi = vsubq_f64(w.hi, vdupq_n_f64(mean));
    return (pair){ vfmaq_f64(s.lo, lo, lo), vfmaq_f64(s.hi, hi, hi) };
}
OP double pair_sum(pair s)
{
    return vaddvq_f64(vaddq_f64(s.lo, s.hi));
}

OP uint8x8_t four_bytes(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return vcreate_u8(word);
}
OP ints i_bytes(const uint8_t *p) { return vmovl_u16(vget_low_u16(vmovl_u8(four_bytes(p)))); }
OP ints i_signed_bytes(const uint8_t *p)
{
    return vreinterpretq_u32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u8(four_bytes(p))))));
}
OP ints i_halves(const uint8_t *p) { return vmovl_u16(vreinterpret_u16_u8(vld1_u8(p))); }
OP ints i_set(int a) { return vdupq_n_u32((uint32_t)a); }
OP ints i_and(ints a, ints b) { return vandq_u32(a, b); }
OP ints i_or(ints a, ints b) { return vorrq_u32(a, b); }
OP ints i_sub(ints a, ints b) { return vsubq_u32(a, b); }
OP ints i_left(ints a, size_t n) { return vshlq_u32(a, vdupq_n_s32((int)n)); }
OP ints i_right(ints a, size_t n) { return vshlq_u32(a, vdupq_n_s32(-(int)n)); }
OP ints i_bit(uint32_t word, size_t j)
{
    static const int32_t lane[4] = { 0, -1, -2, -3 };
    return i_and(vshlq_u32(vdupq_n_u32(word >> j), vld1q_s32(lane)), i_set(1));
}
OP ints i_twos(uint32_t word, size_t j)
{
    static const int32_t at[4] = { 0, -2, -4, -6 };
    return i_and(vshlq_u32(vdupq_n_u32(word >> 2 * j), vld1q_s32(at)), i_set(3));
}
OP ints i_threes(uint64_t word, size_t j)
{
    static const int32_t at[4] = { 0, -3, -6, -9 };
    return i_and(vshlq_u32(vdupq_n_u32((uint32_t)(word >> 3 * j)), vld1q_s32(at)), i_set(7));
}
/* The table as 64 bytes, entry q at bytes 4 q .. 4 q + 3. */
OP vec v_level(const float table[16], ints q)
{
    const uint8_t *bytes = (const uint8_t *)(const void *)table;
    const uint8x16x4_t all = { { vld1q_u8(bytes), vld1q_u8(bytes + 16), vld1q_u8(bytes + 32), vld1q_u8(bytes + 48) } };
    const ints at = vmlaq_n_u32(vdupq_n_u32(0x03020100), q, 0x04040404);
    return vreinterpretq_f32_u8(vqtbl4q_u8(all, vreinterpretq_u8_u32(at)));
}
OP vec v_of(ints a) { return vcvtq_f32_s32(vreinterpretq_s32_u32(a)); }
OP vec v_of_bits(ints a) { return vreinterpretq_f32_u32(a); }
OP void v_store_f16(uint16_t *p, vec v) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v))); }
OP vec v_of_f16(const uint8_t *p) { return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p))); }
OP float f16_value(const uint8_t *p)
{
    const uint16x4_t h = vdup_n_u16((uint16_t)(p[0] | p[1] << 8));
    return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(h)), 0);
}

#include "core/kernels/lanes.h"
#include "core/kernels/lanes_half.h"
#include "core/kernels/lanes_activate.h"
#include "core/kernels/lanes_quants.h"
#include "core/kernels/lanes_grid.h"
#include "core/kernels/packed_neon.h"

void evk_kernels_add_neon(evk_kernels *k)
{
    add_arithmetic(k, "neon");
    add_matvecs(k);
    add_activations(k);
    add_dequantisers(k);
    add_grid_dequantisers(k);
    add_packed(k, false);
}
