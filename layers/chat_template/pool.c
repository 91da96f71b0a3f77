#include "layers/chat_template/pool.h"

#include <stdlib.h>

#include "core/status.h"

enum { BLOCK_BYTES = 1 << 16, ALIGNMENT = 16 };

typedef struct evk_pool_block {
    struct evk_pool_block *before;
    size_t used, size;
    _Alignas(ALIGNMENT) char bytes[];
} evk_pool_block;

static evk_pool_block *new_block(evk_pool *p, size_t size)
{
    size_t taken = 0;
    if (!evk_sum(size, sizeof(evk_pool_block), &size) || !evk_sum(p->taken, size, &taken) || taken > p->limit)
        return NULL;
    evk_pool_block *b = calloc(1, size);
    if (!b)
        return NULL;
    b->size = size - sizeof *b;
    p->taken = taken;
    return b;
}

/* A large piece gets a block of its own behind the current one, whose rest stays in use. */
static void *take_alone(evk_pool *p, size_t bytes)
{
    evk_pool_block *b = new_block(p, bytes);
    if (!b)
        return NULL;
    b->used = bytes;
    b->before = p->last ? p->last->before : NULL;
    if (p->last)
        p->last->before = b;
    else
        p->last = b;
    return b->bytes;
}

void *evk_pool_take(evk_pool *p, size_t n, size_t size)
{
    size_t bytes = 0;
    if (!evk_mul(n, size, &bytes) || !evk_sum(bytes, ALIGNMENT - 1, &bytes))
        return NULL;
    bytes = bytes ? bytes / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    if (bytes > BLOCK_BYTES / 4)
        return take_alone(p, bytes);
    if (!p->last || p->last->size - p->last->used < bytes) {
        evk_pool_block *b = new_block(p, BLOCK_BYTES);
        if (!b)
            return NULL;
        b->before = p->last;
        p->last = b;
    }
    void *out = p->last->bytes + p->last->used;
    p->last->used += bytes;
    return out;
}

void evk_pool_free(evk_pool *p)
{
    while (p->last) {
        evk_pool_block *before = p->last->before;
        free(p->last);
        p->last = before;
    }
    p->taken = 0;
}
