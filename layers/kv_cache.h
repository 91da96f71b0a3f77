/* layers/kv_cache.h: keys and values of the tokens that a pass has seen.
 *
 *     k [L, n_kv_head, capacity, d_head], v [L, n_kv_head, capacity, d_value] float32, keys after rotary embedding
 *
 * A head's keys lie one after the other, as attention reads them: a stream that the CPU fetches ahead of time.
 *
 * A sequence owns a stretch of positions and may continue another one, whose keys it shares (a prompt's common prefix is
 * computed once). Its first own token stands at the position after its parent's last. A parent must not grow while it
 * has children. */
#ifndef EVK_KV_CACHE_H
#define EVK_KV_CACHE_H

#include "layers/family.h"

enum { EVK_MAX_ANCESTORS = 4, EVK_NO_PARENT = -1 };

typedef struct evk_sequence {
    size_t start, capacity, n;      /* own stretch of the cache, tokens in it */
    size_t position;                /* of the first own token */
    ptrdiff_t parent;
} evk_sequence;

typedef struct evk_kv_cache {
    size_t n_layer, n_head, d_key, d_value, capacity, used;     /* heads of keys */
    float *k, *v;
    evk_sequence *sequences;
    size_t n_sequence, max_sequence;
} evk_kv_cache;

typedef struct evk_segment { size_t start, n; } evk_segment;

/* Room for `capacity` tokens in at most max_sequence sequences. */
evoke_status evk_kv_init(evk_kv_cache *c, const evk_config *config, size_t capacity, size_t max_sequence, evoke_error *err);
/* Bytes that a token takes. */
size_t evk_kv_token_bytes(const evk_config *config);
void evk_kv_free(evk_kv_cache *c);
/* A new sequence of at most `capacity` own tokens. Errors: EVOKE_ENOMEM the cache is full. */
evoke_status evk_kv_open(evk_kv_cache *c, ptrdiff_t parent, size_t capacity, size_t *sequence, evoke_error *err);
/* Forgets the sequences from number n on, which were opened last, and gives their room back. */
void evk_kv_rewind(evk_kv_cache *c, size_t n_sequence);
/* Forgets a sequence's tokens; its room stays its own. */
void evk_kv_clear(evk_kv_cache *c, size_t sequence);
/* Forgets a sequence's tokens; what comes next goes on from `parent`. Errors: EVOKE_EARG too many stand on one another. */
evoke_status evk_kv_restart(evk_kv_cache *c, size_t sequence, ptrdiff_t parent, evoke_error *err);
/* Forgets a sequence's own tokens from the n-th on. */
void evk_kv_keep(evk_kv_cache *c, size_t sequence, size_t n);
/* The stretches that hold the tokens before and in a sequence, oldest first; returns their number. */
size_t evk_kv_segments(const evk_kv_cache *c, size_t sequence, evk_segment out[EVK_MAX_ANCESTORS]);
static inline size_t evk_kv_position(const evk_kv_cache *c, size_t s)   /* of the sequence's next token */
{
    return c->sequences[s].position + c->sequences[s].n;
}
static inline float *evk_kv_key(const evk_kv_cache *c, size_t layer, size_t head, size_t row)
{
    return c->k + ((layer * c->n_head + head) * c->capacity + row) * c->d_key;
}
static inline float *evk_kv_value(const evk_kv_cache *c, size_t layer, size_t head, size_t row)
{
    return c->v + ((layer * c->n_head + head) * c->capacity + row) * c->d_value;
}

#endif
