/* core/kernels/peak.c: the loops of peak.h, and how fast they run.
 *
 * Twelve independent sums hide the latency of a multiply-add on any CPU and leave room for its operands in 16 registers.
 * Each function says itself for which instruction set it is compiled, so that all stand side by side; the sanitizers leave
 * them alone. */
#include "core/kernels/peak.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "core/kernels/tiles.h"
#define REGISTER "+v"
#elif defined(__aarch64__)
#include <arm_neon.h>
#define REGISTER "+w"
#else
#define REGISTER "+m"
#endif
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/evoke.h"
#include "core/threads.h"

enum { N_RUN = 10 };
static const double RUN_SECONDS = 0.003;

/* As if a had changed: a product of operands that stay the same would be taken out of the loop. */
#define CHANGED(a) __asm__ volatile("" : REGISTER(a))

#define LOOP static __attribute__((no_sanitize("address", "undefined")))
#define EACH_OF_12 _Pragma("GCC unroll 12") for (size_t j = 0; j < 12; j++)
#define EACH_OF_8 _Pragma("GCC unroll 8") for (size_t j = 0; j < 8; j++)

/* NAME of vectors VEC, whose elements are numbers of TYPE: STEP makes a new s of s, a and b. */
#define COMPUTE(name, isa, vec, type, step)                                     \
    LOOP isa double name(size_t n, int x)                                     \
    {                                                                           \
        vec sum[12], a, b;                                                      \
        memset(&a, x, sizeof a);                                                \
        b = a;                                                                  \
        EACH_OF_12                                                              \
            sum[j] = a;                                                         \
        for (size_t i = 0; i < n; i++)                                          \
            EACH_OF_12 {                                                        \
                const vec s = sum[j];                                           \
                CHANGED(a);                                                     \
                sum[j] = step;                                                  \
            }                                                                   \
        EACH_OF_12                                                              \
            a += sum[j];                                                        \
        type first;                                                             \
        memcpy(&first, &a, sizeof first);                                       \
        return (double)first;                                                   \
    }

/* Eight vectors at a time. Loads are joined by exclusive or, which takes them from memory as an operand. */
#define MEMORY(suffix, isa, vec)                                                \
    LOOP isa double read_##suffix(void *p, size_t n, int x)                     \
    {                                                                           \
        const vec *v = p;                                                       \
        vec sum[8], all;                                                        \
        memset(&all, x, sizeof all);                                            \
        EACH_OF_8                                                               \
            sum[j] = all;                                                       \
        for (size_t i = 0; i < n / sizeof *v; i += 8)                           \
            EACH_OF_8                                                           \
                sum[j] ^= v[i + j];                                             \
        EACH_OF_8                                                               \
            all ^= sum[j];                                                      \
        return (double)all[0];                                                  \
    }                                                                           \
    LOOP isa double write_##suffix(void *p, size_t n, int x)                    \
    {                                                                           \
        vec *v = p, value = (vec){ 0 } + x;     /* memset would keep it in memory */ \
        for (size_t i = 0; i < n / sizeof *v; i += 8)                           \
            EACH_OF_8 {                                                         \
                CHANGED(value);             /* or all would become one memset */ \
                v[i + j] = value;                                               \
            }                                                                   \
        return (double)v[0][0];                                                 \
    }

/* Portable C has no fused multiply-add, and multiplies small integers in 16 bits. */
typedef float floats_16 __attribute__((vector_size(16)));
typedef int16_t shorts_16 __attribute__((vector_size(16)));
typedef int64_t longs_16 __attribute__((vector_size(16), may_alias));
COMPUTE(floats_portable, , floats_16, float, s + a * b)
COMPUTE(integers_portable, , shorts_16, int16_t, s + a * b)
MEMORY(portable, , longs_16)

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,fma")))
#define AVXVNNI __attribute__((target("avx2,avxvnni")))
#define AVX512 __attribute__((target("avx512f")))
#define AVX512VNNI __attribute__((target("avx512f,avx512vnni")))
typedef int64_t longs_32 __attribute__((vector_size(32), may_alias));
typedef int64_t longs_64 __attribute__((vector_size(64), may_alias));
COMPUTE(floats_avx2, AVX2, __m256, float, _mm256_fmadd_ps(a, b, s))
COMPUTE(integers_avx2, AVX2, __m256i, int32_t, _mm256_add_epi16(s, _mm256_maddubs_epi16(a, b)))
MEMORY(avx2, AVX2, longs_32)
COMPUTE(integers_avxvnni, AVXVNNI, __m256i, int32_t, _mm256_dpbusd_avx_epi32(s, a, b))
COMPUTE(floats_avx512, AVX512, __m512, float, _mm512_fmadd_ps(a, b, s))
MEMORY(avx512, AVX512, longs_64)
COMPUTE(integers_avx512vnni, AVX512VNNI, __m512i, int32_t, _mm512_dpbusd_epi32(s, a, b))

/* Four tiles of sums by turns. */
static double __attribute__((target("amx-tile,amx-int8"))) integers_amx(size_t n, int x)
{
    evk_tile_shape s = { .palette = 1 };
    int32_t out[16][16];
    for (size_t i = 0; i < 6; i++) {
        s.rows[i] = 16;
        s.row_bytes[i] = 64;
    }
    TILE_CONFIGURE(&s);
    for (size_t i = 0; i < n; i++) {
        TILE_DOT(0, 4, 5);
        TILE_DOT(1, 4, 5);
        TILE_DOT(2, 4, 5);
        TILE_DOT(3, 4, 5);
    }
    TILE_STORE(0, out, sizeof *out);
    TILE_RELEASE();
    return out[0][0] + x;
}
#elif defined(__aarch64__)
COMPUTE(floats_neon, , float32x4_t, float, vfmaq_f32(s, a, b))
#if defined(__clang__) && __clang_major__ < 16      /* knows the intrinsic only where all of a file is for such CPUs */
#define integers_neondot NULL
#else
#define NEONDOT __attribute__((target("arch=armv8.2-a+dotprod")))
COMPUTE(integers_neondot, NEONDOT, int32x4_t, int32_t,
        vdotq_s32(s, vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(b)))
#endif
#endif

/* Two operations a product; NULL and 0: as the row above that this CPU runs. */
static const evk_peak peaks[] = {
    { "ref", floats_portable, integers_portable, 12 * 8, 12 * 16, read_portable, write_portable },
#if defined(__x86_64__)
    { "avx2", floats_avx2, integers_avx2, 12 * 16, 12 * 64, read_avx2, write_avx2 },
    { "avxvnni", NULL, integers_avxvnni, 0, 12 * 64, NULL, NULL },
    { "avx512", floats_avx512, NULL, 12 * 32, 0, read_avx512, write_avx512 },
    { "avx512vnni", NULL, integers_avx512vnni, 0, 12 * 128, NULL, NULL },
    { "amx", NULL, integers_amx, 0, 4.0 * 2 * 16 * 16 * 64, NULL, NULL },
#elif defined(__aarch64__)
    { "neon", floats_neon, NULL, 12 * 8, 0, NULL, NULL },
    { "neondot", NULL, integers_neondot, 0, 12 * 32, NULL, NULL },
#endif
};

static void improve(evk_peak *p, const evk_peak *by)
{
    p->isa = by->isa;
    if (by->floats) {
        p->floats = by->floats;
        p->flop = by->flop;
    }
    if (by->integers) {
        p->integers = by->integers;
        p->op = by->op;
    }
    if (by->read) {
        p->read = by->read;
        p->write = by->write;
    }
}

evk_peak evk_peak_of(const char *isa)
{
    evk_peak p = peaks[0];
    const char *name;
    for (size_t i = 0; (name = evoke_isa_name(i)) && !(i > 0 && isa && strcmp(p.isa, isa) == 0); i++)
        for (size_t k = 0; k < sizeof peaks / sizeof *peaks; k++)
            if (strcmp(peaks[k].isa, name) == 0)
                improve(&p, &peaks[k]);
    return p;
}

/* Best of several short runs: one that nothing disturbed is enough. */
static double rate(evk_compute_loop *loop, double work)
{
    enum { STEPS = 4096 };
    volatile double sink = 0;
    double best = 0;
    for (int run = 0; run < N_RUN; run++) {
        const double begin = evk_seconds();
        size_t n = 0;
        for (; n == 0 || evk_seconds() - begin < RUN_SECONDS; n++)
            sink = loop(STEPS, 0);
        best = fmax(best, work * STEPS * (double)n / (evk_seconds() - begin));
    }
    (void)sink;
    return 1e-9 * best;
}

double evk_peak_floats(const evk_peak *p) { return rate(p->floats, p->flop); }
double evk_peak_integers(const evk_peak *p) { return rate(p->integers, p->op); }
