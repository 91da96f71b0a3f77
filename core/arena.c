#include "core/arena.h"

#include <stdlib.h>

enum { ALIGNMENT = 64 };

evoke_status evk_arena_init(evk_arena *a, size_t capacity, const char *what, evoke_error *err)
{
    size_t rounded = 0;
    *a = (evk_arena){0};
    if (evk_sum(capacity, ALIGNMENT - 1, &rounded))
        a->base = aligned_alloc(ALIGNMENT, rounded / ALIGNMENT * ALIGNMENT + ALIGNMENT);
    if (!a->base)
        return evk_fail(err, EVOKE_ENOMEM, "%s: no memory for %zu bytes of scratch", what, capacity);
    a->capacity = rounded / ALIGNMENT * ALIGNMENT + ALIGNMENT;
    return EVOKE_OK;
}

void evk_arena_free(evk_arena *a)
{
    free(a->base);
    *a = (evk_arena){0};
}

float *evk_arena_floats(evk_arena *a, size_t n)
{
    size_t bytes = 0, end = 0;
    if (!evk_mul(n, sizeof(float), &bytes) || !evk_sum(bytes, ALIGNMENT - 1, &bytes))
        return NULL;
    bytes = bytes / ALIGNMENT * ALIGNMENT;
    if (!evk_sum(a->used, bytes, &end) || end > a->capacity)
        return NULL;
    float *p = (float *)(void *)(a->base + a->used);
    a->used = end;
    if (end > a->most)
        a->most = end;
    return p;
}
