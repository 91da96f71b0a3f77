/* layers/kv_cache.h: keys and values of the tokens that a pass has seen.
 *
 *     k [L, n_kv_head, capacity, d_head], v [L, n_kv_head, capacity, d_value], keys after rotary embedding
 *
 * A head's keys lie one after the other, as attention reads them: a stream that the CPU fetches ahead of time. They are float32; or
 * float16 where they come of activations in 8 bits (EVOKE_FAST, quantised weights), which are off by up to 1 / 254 of a block's
 * largest, float16 by 1 / 2,048 of each that it holds, up to 65,504: what attention reads from memory, and what a context takes, is half
 * as much.
 *
 * A sequence owns a stretch of positions and may continue another one, whose keys it shares (a prompt's common prefix is
 * computed once). Its first own token stands at the position after its parent's last. A parent must not grow while it
 * has children. */
#ifndef EVK_KV_CACHE_H
#define EVK_KV_CACHE_H

#include "layers/model.h"

enum { EVK_MAX_ANCESTORS = 4, EVK_NO_PARENT = -1 };

typedef struct evk_sequence {
    size_t start, capacity, n;      /* own stretch of the cache, tokens in it */
    size_t position;                /* of the first own token */
    ptrdiff_t parent;
} evk_sequence;

typedef struct evk_kv_cache {
    const evk_kernels *kernels;
    size_t n_layer, n_head, d_key, d_value, capacity, used;     /* heads of keys */
    bool half;                      /* float16 */
    char *k, *v;
    evk_sequence *sequences;
    size_t n_sequence, max_sequence;
} evk_kv_cache;

typedef struct evk_segment { size_t start, n; } evk_segment;

/* Room for `capacity` tokens in at most max_sequence sequences of a model, which must outlive it. */
evoke_status evk_kv_init(evk_kv_cache *c, const evoke_model *m, size_t capacity, size_t max_sequence, evoke_error *err);
/* Bytes that a token takes. */
size_t evk_kv_token_bytes(const evoke_model *m);
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
/* A token's key [d_head] and value [d_value] of a layer's head into its row. False: some of it is beyond what the cache holds. */
bool evk_kv_put(const evk_kv_cache *c, size_t layer, size_t head, size_t row, const float *key, const float *value);
/* n rows of keys [n, d_head], or values [n, d_value], from a row on: as they lie, or as floats in `room`. */
const float *evk_kv_keys(const evk_kv_cache *c, size_t layer, size_t head, size_t row, size_t n, float *room);
const float *evk_kv_values(const evk_kv_cache *c, size_t layer, size_t head, size_t row, size_t n, float *room);
/* Asks the processor for n rows of both in advance. */
void evk_kv_ask_for(const evk_kv_cache *c, size_t layer, size_t head, size_t row, size_t n);

#endif
