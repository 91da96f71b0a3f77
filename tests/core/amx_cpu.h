/* tests/core/amx_cpu.h: a CPU with AMX and a kernel that lets it be used, for dispatch.c (cc -include), but for what the
 * environment's NO_AMX names: cpu, tile_state, permission, palette. */
#ifndef AMX_CPU_H
#define AMX_CPU_H

#include <cpuid.h>
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int lacks(const char *what)
{
    const char *named = getenv("NO_AMX");
    return named && strcmp(named, what) == 0;
}

/* This CPU's own answers, but for what tells of tiles. */
static inline int amx_cpuid(unsigned leaf, unsigned sub, unsigned *a, unsigned *b, unsigned *c, unsigned *d)
{
    const unsigned tiles = 3u << 24;
    *a = *b = *c = *d = 0;
    const int known = __get_cpuid_count(leaf, sub, a, b, c, d);
    if (leaf == 1)
        *c |= bit_OSXSAVE;
    if (leaf == 7 && sub == 0)
        *d = lacks("cpu") ? *d & ~tiles : *d | tiles;
    if (leaf != 0x1d || sub != 1)
        return known;
    *a = 1024u << 16 | 8192;
    *b = 8u << 16 | 64;
    *c = lacks("palette") ? 8 : 16;
    return 1;
}

static inline long amx_system_call(long number, long code, long state)
{
    return number == SYS_arch_prctl && code == 0x1023 && state == 18 && !lacks("permission") ? 0 : -1;
}

#define __get_cpuid(leaf, a, b, c, d) amx_cpuid(leaf, 0, a, b, c, d)
#define __get_cpuid_count(leaf, sub, a, b, c, d) amx_cpuid(leaf, sub, a, b, c, d)
#define syscall(number, code, state) amx_system_call(number, code, state)
#undef _xgetbv
#define _xgetbv(n) (lacks("tile_state") ? 0xe7ull : 0x600e7ull)

#endif
