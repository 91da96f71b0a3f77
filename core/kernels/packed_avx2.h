/* core/kernels/packed_avx2.h: lanes_packed.h over 8 rows, for AVX2: with integer dot products (AVX-VNNI) where P_VNNI is set,
 * or by pairs of products in 16 bits, as many as cannot overflow them: of codes of four bits a block's, 8 * 2 * 15 * 128 = 30720. */
#include <string.h>

#include "core/kernels/packed.h"

enum { P_LANES = 8, P_LESS = 0, P_WIDTH = EVK_PACKED_TILE, P_TOKEN_STRIDE = 4, P_QUAD_STRIDE = 4 * P_WIDTH };
#include "core/kernels/digits_avx2.h"
typedef __m256i p_ints;
typedef __m256 p_floats;
#define P_OP static inline __attribute__((always_inline))

P_OP p_ints p_load(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
P_OP void p_store(uint8_t *p, p_ints a) { _mm256_storeu_si256((__m256i *)(void *)p, a); }
P_OP p_ints p_low(p_ints a) { return _mm256_and_si256(a, _mm256_set1_epi8(15)); }
P_OP p_ints p_high(p_ints a) { return p_low(_mm256_srli_epi16(a, 4)); }
P_OP p_ints p_add(p_ints a, p_ints b) { return _mm256_add_epi32(a, b); }
P_OP p_ints p_set(int32_t a) { return _mm256_set1_epi32(a); }
P_OP p_ints p_shift8(p_ints a) { return _mm256_slli_epi32(a, 8); }

#ifdef P_VNNI
P_OP size_t p_vectors(int bits, size_t n_token) { (void)bits; (void)n_token; return 2; }
P_OP size_t p_parts(int bits) { (void)bits; return 1; }
P_OP size_t p_run(int bits) { (void)bits; return 8; }
P_OP size_t p_unroll(int bits) { (void)bits; return 8; }
typedef p_ints p_sum;
P_OP p_ints p_code(p_ints raw, size_t part) { (void)part; return raw; }
P_OP p_sum p_start(p_ints s) { return s; }
P_OP void p_step(p_sum *sum, p_ints code, p_ints x) { *sum = _mm256_dpbusd_avx_epi32(*sum, code, x); }
P_OP p_ints p_total(p_sum sum, p_ints s, size_t part) { (void)s; (void)part; return sum; }
#else
#define P_BY_BITS
P_OP size_t p_parts(int bits) { return bits == 8 ? 2 : 1; }         /* of four bits each */
P_OP size_t p_vectors(int bits, size_t n_token) { return n_token == 1 ? 2 : 2 / p_parts(bits); }
/* 4 n (2^bits - 1) 128 / 2 stays within 16 bits */
P_OP size_t p_run(int bits) { return bits == 5 ? 4 : bits == 6 ? 2 : 8; }
P_OP size_t p_unroll(int bits) { (void)bits; return 8; }
typedef p_ints p_sum;           /* 16 bits */
P_OP p_ints p_code(p_ints raw, size_t part) { return part ? p_high(raw) : p_low(raw); }
P_OP p_sum p_start(p_ints s) { (void)s; return _mm256_setzero_si256(); }
/* The sum is kept from being reordered: a tree of products would need more registers than there are. */
P_OP void p_step(p_sum *sum, p_ints code, p_ints x)
{
    *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(code, x));
    __asm__("" : "+x"(*sum));
}
P_OP p_ints p_total(p_sum sum, p_ints s, size_t part)
{
    return p_add(s, _mm256_madd_epi16(sum, _mm256_set1_epi16(part ? 16 : 1)));
}
#endif

P_OP p_floats f_zero(void) { return _mm256_setzero_ps(); }
P_OP p_floats f_set(float a) { return _mm256_set1_ps(a); }
P_OP p_floats f_of(p_ints a) { return _mm256_cvtepi32_ps(a); }
P_OP p_floats f_fma(p_floats a, p_floats b, p_floats c) { return _mm256_fmadd_ps(a, b, c); }
P_OP p_floats f_mul(p_floats a, p_floats b) { return _mm256_mul_ps(a, b); }
P_OP p_floats f_load(const float *p) { return _mm256_loadu_ps(p); }
P_OP p_floats f_load_half(const uint16_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p)); }
P_OP void f_store(float *p, p_floats a) { _mm256_storeu_ps(p, a); }

#include "core/kernels/lanes_packed.h"
