/* core/arena.h: scratch memory of one pass, taken in order and given back by rewinding. Not thread safe. */
#ifndef EVK_ARENA_H
#define EVK_ARENA_H

#include "core/status.h"

typedef struct evk_arena { char *base; size_t used, capacity, most; } evk_arena;

evoke_status evk_arena_init(evk_arena *a, size_t capacity, const char *what, evoke_error *err);
void evk_arena_free(evk_arena *a);
/* n floats, 64-byte aligned, not cleared; NULL where the arena is full. */
float *evk_arena_floats(evk_arena *a, size_t n);
static inline size_t evk_arena_used(const evk_arena *a) { return a->used; }
static inline void evk_arena_rewind(evk_arena *a, size_t mark) { a->used = mark; }

#endif
