#include "core/arena.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

static void ask_for_huge_pages(void *p, size_t n)
{
#ifdef MADV_HUGEPAGE
    madvise(p, n, MADV_HUGEPAGE);       /* advice: that it is not taken is no error */
#else
    (void)p, (void)n;
#endif
}

evoke_status evk_arena_init(evk_arena *a, size_t capacity, const char *what, evoke_error *err)
{
    const size_t alignment = capacity < 2 * HUGE_PAGE ? ALIGNMENT : HUGE_PAGE;
    size_t rounded = 0;
    *a = (evk_arena){0};
    if (evk_sum(capacity, alignment, &rounded))
        a->base = aligned_alloc(alignment, rounded / alignment * alignment);
    if (!a->base)
        return evk_fail(err, EVOKE_ENOMEM, "%s: no memory for %zu bytes", what, capacity);
    a->capacity = rounded / alignment * alignment;
    if (alignment == HUGE_PAGE)
        ask_for_huge_pages(a->base, a->capacity);
    return EVOKE_OK;
}

void evk_arena_free(evk_arena *a)
{
    free(a->base);
    *a = (evk_arena){0};
}

void *evk_arena_bytes(evk_arena *a, size_t n)
{
    size_t bytes = 0, end = 0;
    if (!evk_sum(n, ALIGNMENT - 1, &bytes))
        return NULL;
    bytes = bytes / ALIGNMENT * ALIGNMENT;
    if (!evk_sum(a->used, bytes, &end) || end > a->capacity)
        return NULL;
    char *p = a->base + a->used;
    a->used = end;
    if (end > a->most)
        a->most = end;
    return p;
}

float *evk_arena_floats(evk_arena *a, size_t n)
{
    size_t bytes = 0;
    return evk_mul(n, sizeof(float), &bytes) ? evk_arena_bytes(a, bytes) : NULL;
}
