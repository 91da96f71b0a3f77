/* core/arena.h: memory taken in order and given back by rewinding, or all at once. Not thread safe. */
#ifndef EVK_ARENA_H
#define EVK_ARENA_H

#include "core/status.h"

typedef struct evk_arena { char *base; size_t used, capacity, most; } evk_arena;

/* Large ones lie in huge pages where the system has them: hundreds of megabytes then take 2 MB at a fault, not 4 KB. */
evoke_status evk_arena_init(evk_arena *a, size_t capacity, const char *what, evoke_error *err);
void evk_arena_free(evk_arena *a);
/* n bytes, or floats, 64-byte aligned, not cleared; NULL where the arena is full. */
void *evk_arena_bytes(evk_arena *a, size_t n);
float *evk_arena_floats(evk_arena *a, size_t n);
static inline size_t evk_arena_used(const evk_arena *a) { return a->used; }
static inline void evk_arena_rewind(evk_arena *a, size_t mark) { a->used = mark; }

#endif
