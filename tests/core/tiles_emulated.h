/* tests/core/tiles_emulated.h: AMX's tiles in portable C, as Intel defines them, in place of the instructions of
 * core/kernels/tiles.h (cc -include). What would make the processor fault, or is undefined, ends the program. */
#ifndef TILES_EMULATED_H
#define TILES_EMULATED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TILE_CONFIGURE(shape) amx_configure(shape)
#define TILE_RELEASE() amx_release()
#define TILE_ZERO(n) amx_zero(n)
#define TILE_LOAD(n, p, stride) amx_load(n, p, stride)
#define TILE_STORE(n, p, stride) amx_store(n, p, stride)
#define TILE_DOT(c, a, b) amx_dot(c, a, b)

#include "core/kernels/tiles.h"

static _Thread_local struct {
    int configured;
    evk_tile_shape shape;
    uint8_t tile[8][16][64];
} amx;
static int amx_held;            /* threads with tiles */

static inline void amx_need(int condition, const char *what)
{
    if (!condition) {
        printf("not ok tiles: %s\n", what);
        fflush(stdout);
        _Exit(1);
    }
}

static inline void amx_release(void)
{
    __atomic_fetch_sub(&amx_held, amx.configured, __ATOMIC_SEQ_CST);
    memset(&amx, 0, sizeof amx);
}

static inline __attribute__((destructor)) void amx_end(void)
{
    if (amx_held) {
        printf("not ok tiles: %d threads did not release theirs\n", amx_held);
        fflush(stdout);
        _Exit(1);
    }
}

static inline void amx_configure(const evk_tile_shape *s)
{
    amx_need(s->palette == 1 && s->start_row == 0, "palette 1 from row 0");
    for (size_t i = 0; i < 14; i++)
        amx_need(s->reserved[i] == 0, "reserved bytes are 0");
    for (size_t i = 0; i < 16; i++)
        amx_need(s->rows[i] <= (i < 8 ? 16 : 0) && s->row_bytes[i] <= (i < 8 ? 64 : 0) && !s->rows[i] == !s->row_bytes[i], "a shape");
    amx_release();
    __atomic_fetch_add(&amx_held, 1, __ATOMIC_SEQ_CST);
    amx.shape = *s;
    amx.configured = 1;
}

static inline void amx_use(size_t n)
{
    amx_need(amx.configured && amx.shape.rows[n] > 0, "a tile without a shape is used");
}

static inline void amx_zero(size_t n)
{
    amx_use(n);
    memset(amx.tile[n], 0, sizeof amx.tile[n]);
}

static inline void amx_load(size_t n, const void *p, size_t stride)
{
    amx_zero(n);
    for (size_t r = 0; r < amx.shape.rows[n]; r++)
        memcpy(amx.tile[n][r], (const char *)p + r * stride, amx.shape.row_bytes[n]);
}

static inline void amx_store(size_t n, void *p, size_t stride)
{
    amx_use(n);
    for (size_t r = 0; r < amx.shape.rows[n]; r++)
        memcpy((char *)p + r * stride, amx.tile[n][r], amx.shape.row_bytes[n]);
}

static inline void amx_dot(size_t c, size_t a, size_t b)
{
    const evk_tile_shape *s = &amx.shape;
    amx_use(a), amx_use(b), amx_use(c);
    amx_need(a != b && a != c && b != c, "a product of a tile with itself");
    amx_need(s->row_bytes[a] % 4 == 0 && s->row_bytes[a] / 4 == s->rows[b] && s->rows[c] == s->rows[a] &&
             s->row_bytes[c] == s->row_bytes[b] && s->row_bytes[c] % 4 == 0, "shapes of a product");
    for (size_t m = 0; m < s->rows[c]; m++)
        for (size_t n = 0; n < s->row_bytes[c] / 4u; n++) {
            int32_t sum;
            memcpy(&sum, &amx.tile[c][m][4 * n], 4);
            for (size_t k = 0; k < s->rows[b]; k++)
                for (size_t i = 0; i < 4; i++)
                    sum += (int8_t)amx.tile[a][m][4 * k + i] * amx.tile[b][k][4 * n + i];
            memcpy(&amx.tile[c][m][4 * n], &sum, 4);
        }
}

#endif
