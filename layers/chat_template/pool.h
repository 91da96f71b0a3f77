/* layers/chat_template/pool.h: memory that grows by blocks and is freed all at once, with a limit.
 *
 * A template's tree lives in one, the values of a render in another: no value has an owner of its own, and a hostile
 * template ends at the limit. */
#ifndef EVK_POOL_H
#define EVK_POOL_H

#include <stddef.h>

struct evk_pool_block;
typedef struct evk_pool { struct evk_pool_block *last; size_t taken, limit; } evk_pool;

/* n * size bytes, cleared, aligned for any type; NULL past the limit or where there is no memory. */
void *evk_pool_take(evk_pool *p, size_t n, size_t size);
void evk_pool_free(evk_pool *p);

#endif
