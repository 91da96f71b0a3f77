/* core/kernels/dispatch.c: which table of kernels this CPU runs.
 *
 * Rows in rising order; each file has its own compiler flags, and only the table crosses. */
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif
#include <string.h>
#include <unistd.h>

#include "core/kernels/kernels.h"

static bool any_cpu(void)
{
    return true;
}

#if defined(__x86_64__)
static bool cpu_avx2(void)
{
    unsigned a, b, features = 0, d;
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __get_cpuid(1, &a, &b, &features, &d) && (features & bit_F16C);
}

static bool cpu_avx512(void)
{
    return cpu_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

static bool cpu_avx512vnni(void)
{
    return cpu_avx512() && __builtin_cpu_supports("avx512vnni");
}

/* Tiles are state that the system must save (XCR0 bits 17 and 18), and Linux gives a process their use only when asked: without
 * leave the first instruction would end the program. */
static __attribute__((target("xsave"))) bool cpu_amx(void)
{
#if defined(__linux__)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18, OSXSAVE = 1 << 27 };
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!cpu_avx512vnni() || !__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE))
        return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d >> 24 & 3) != 3)         /* AMX-TILE, AMX-INT8 */
        return false;
    if (!__get_cpuid_count(0x1d, 1, &a, &b, &c, &d) || b >> 16 < 8 || (b & 0xffff) < 64 || (c & 0xffff) < 16)
        return false;                       /* palette 1: 8 tiles of 16 rows of 64 bytes */
    return (_xgetbv(0) >> 17 & 3) == 3 && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0;
#else
    return false;
#endif
}

/* Leaf 7, subleaf 1, EAX bit 4: newer than the compiler's names for it. */
static bool cpu_avxvnni(void)
{
    unsigned a = 0, b, c, d;
    return cpu_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
#elif defined(__aarch64__)
static bool cpu_neondot(void)
{
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
    return false;
#endif
}
#endif

static const struct { const char *name; bool (*runs_here)(void); void (*add)(evk_kernels *); } isas[] = {
    { "ref",    any_cpu,    evk_kernels_add_ref },      /* portable C: fills every slot */
#if defined(__x86_64__)
    { "avx2",   cpu_avx2,   evk_kernels_add_avx2 },     /* AVX2, FMA, F16C: replaces the slots it does better */
    { "avxvnni", cpu_avxvnni, evk_kernels_add_avxvnni },            /* AVX2 and integer dot products */
    { "avx512", cpu_avx512, evk_kernels_add_avx512 },   /* AVX-512 F, BW, VL, DQ */
    { "avx512vnni", cpu_avx512vnni, evk_kernels_add_avx512vnni },   /* and integer dot products */
    { "amx",    cpu_amx,    evk_kernels_add_amx },      /* and tiles of them */
#elif defined(__aarch64__)
    { "neon",   any_cpu,    evk_kernels_add_neon },     /* part of every 64-bit ARM */
    { "neondot", cpu_neondot, evk_kernels_add_neondot },            /* and integer dot products */
#endif
};
enum { N_ISA = sizeof isas / sizeof *isas };

static size_t second_cache(void)
{
#if defined(_SC_LEVEL2_CACHE_SIZE)
    const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return bytes > 0 ? (size_t)bytes : 0;
#else
    return 0;
#endif
}

evoke_status evk_kernels_select(const char *upto, evk_kernels *out, evoke_error *err)
{
    size_t last = N_ISA - 1;
    while (upto && last > 0 && strcmp(isas[last].name, upto) != 0)
        last--;
    if (upto && strcmp(isas[last].name, upto) != 0)
        return evk_fail(err, EVOKE_EARG, "choose kernels: there are none named '%s' in this build", upto);
    if (upto && !isas[last].runs_here())
        return evk_fail(err, EVOKE_EUNSUPPORTED, "choose kernels: this CPU does not run '%s'", upto);
    for (size_t i = 0; i <= last; i++)
        if (isas[i].runs_here())
            isas[i].add(out);
    out->second_cache = second_cache();
    return EVOKE_OK;
}

const char *evoke_isa_name(size_t n)
{
    for (size_t i = 0; i < N_ISA; i++)
        if (isas[i].runs_here() && n-- == 0)
            return isas[i].name;
    return NULL;
}
