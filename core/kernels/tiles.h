/* core/kernels/tiles.h: AMX's tiles of bytes (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18).
 *
 * Written as instructions with a clobber of memory, not as the compiler's intrinsics: gcc 12's say neither that all 64 bytes of a
 * configuration are read nor that a tile is loaded from memory, so it leaves out or moves the stores before them, and the
 * processor then faults on what it finds. A tile's number is part of the instruction: a literal. */
#ifndef EVK_TILES_H
#define EVK_TILES_H

#include <stddef.h>
#include <stdint.h>

/* Of 8 tiles: rows, and bytes of a row. */
typedef struct evk_tile_shape {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} evk_tile_shape;
_Static_assert(sizeof(evk_tile_shape) == 64, "as LDTILECFG reads it");

#ifndef TILE_CONFIGURE          /* a test may bring its own */
#define TILE_CONFIGURE(shape) __asm__ volatile("ldtilecfg %0" : : "m"(*(shape)) : "memory")
#define TILE_RELEASE() __asm__ volatile("tilerelease" : : : "memory")
#define TILE_ZERO(n) __asm__ volatile("tilezero %%tmm" #n : : : "memory")
/* Rows `stride` bytes apart. */
#define TILE_LOAD(n, p, stride) \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #n : : "r"(p), "r"((size_t)(stride)) : "memory")
#define TILE_STORE(n, p, stride) \
    __asm__ volatile("tilestored %%tmm" #n ", (%0,%1,1)" : : "r"(p), "r"((size_t)(stride)) : "memory")
/* c[m, n] += sum_k of a's signed bytes [m, 4 k ..] times b's unsigned bytes [k, 4 n ..] */
#define TILE_DOT(c, a, b) __asm__ volatile("tdpbsud %%tmm" #b ", %%tmm" #a ", %%tmm" #c : : : "memory")
#endif

#endif
