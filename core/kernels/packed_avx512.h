/* core/kernels/packed_avx512.h: lanes_packed.h over 16 rows, for AVX-512 with its integer dot products. P_TOKEN_ROWS: records are of
 * 16 tokens, whose 32 digits lie together. */
#include <string.h>

#include "core/kernels/packed.h"

enum { P_LANES = 16, P_LESS = 0 };
#ifdef P_TOKEN_ROWS
enum { P_WIDTH = EVK_PACKED_TILE_MOST, P_TOKEN_STRIDE = EVK_PACKED_BLOCK, P_QUAD_STRIDE = 4 };
#else
#define P_MORE_TOKENS
enum { P_WIDTH = 2 * EVK_PACKED_TILE, P_TOKEN_STRIDE = 4, P_QUAD_STRIDE = 4 * P_WIDTH };
#endif
#include "core/kernels/digits_avx2.h"
#ifndef P_TOKEN_ROWS
#define P_TAKE_EIGHT
#include "core/kernels/digits_avx512.h"
#endif
typedef __m512i p_ints;
typedef __m512 p_floats;
#define P_OP static inline __attribute__((always_inline))

P_OP p_ints p_load(const uint8_t *p) { return _mm512_loadu_si512(p); }
P_OP void p_store(uint8_t *p, p_ints a) { _mm512_storeu_si512(p, a); }
P_OP p_ints p_low(p_ints a) { return _mm512_and_si512(a, _mm512_set1_epi8(15)); }
P_OP p_ints p_high(p_ints a) { return p_low(_mm512_srli_epi16(a, 4)); }
P_OP p_ints p_add(p_ints a, p_ints b) { return _mm512_add_epi32(a, b); }
P_OP p_ints p_set(int32_t a) { return _mm512_set1_epi32(a); }
/* From a register the unit of shuffles would do it, which is one of two for products. */
#define P_FROM_MEMORY(number) __asm__("" : "+m"(number))
P_OP p_ints p_shift8(p_ints a) { return _mm512_slli_epi32(a, 8); }

P_OP size_t p_vectors(int bits, size_t n_token) { (void)bits; (void)n_token; return 2; }
P_OP size_t p_parts(int bits) { (void)bits; return 1; }
P_OP size_t p_run(int bits) { (void)bits; return 8; }
P_OP size_t p_unroll(int bits) { (void)bits; return 8; }
typedef p_ints p_sum;
P_OP p_ints p_code(p_ints raw, size_t part) { (void)part; return raw; }
P_OP p_sum p_start(p_ints s) { return s; }
P_OP void p_step(p_sum *sum, p_ints code, p_ints x) { *sum = _mm512_dpbusd_epi32(*sum, code, x); }
P_OP p_ints p_total(p_sum sum, p_ints s, size_t part) { (void)s; (void)part; return sum; }

P_OP p_floats f_zero(void) { return _mm512_setzero_ps(); }
P_OP p_floats f_set(float a) { return _mm512_set1_ps(a); }
P_OP p_floats f_of(p_ints a) { return _mm512_cvtepi32_ps(a); }
P_OP p_floats f_fma(p_floats a, p_floats b, p_floats c) { return _mm512_fmadd_ps(a, b, c); }
P_OP p_floats f_mul(p_floats a, p_floats b) { return _mm512_mul_ps(a, b); }
P_OP p_floats f_load(const float *p) { return _mm512_loadu_ps(p); }
P_OP p_floats f_load_half(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p)); }
P_OP void f_store(float *p, p_floats a) { _mm512_storeu_ps(p, a); }

#include "core/kernels/lanes_packed.h"
