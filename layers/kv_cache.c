#include "layers/kv_cache.h"

#include <stdlib.h>
#include <string.h>

size_t evk_kv_token_bytes(const evk_config *config)
{
    return config->n_layer * config->n_kv_head * (config->d_head + config->d_value) * sizeof(float);
}

evoke_status evk_kv_init(evk_kv_cache *c, const evk_config *config, size_t capacity, size_t max_sequence, evoke_error *err)
{
    size_t rows = 0;
    *c = (evk_kv_cache){ .n_layer = config->n_layer, .n_head = config->n_kv_head, .d_key = config->d_head,
                         .d_value = config->d_value, .capacity = capacity, .max_sequence = max_sequence };
    if (!evk_mul(c->n_layer * c->n_head, capacity, &rows))
        return evk_fail(err, EVOKE_ENOMEM, "make KV cache: %zu tokens are too many", capacity);
    evoke_status st = evk_alloc(&c->k, rows, c->d_key * sizeof(float), "make KV cache", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&c->v, rows, c->d_value * sizeof(float), "make KV cache", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&c->sequences, max_sequence, sizeof *c->sequences, "make KV cache", err);
    if (st != EVOKE_OK)
        evk_kv_free(c);
    return st;
}

void evk_kv_free(evk_kv_cache *c)
{
    free(c->k);
    free(c->v);
    free(c->sequences);
    *c = (evk_kv_cache){0};
}

static size_t ancestors(const evk_kv_cache *c, ptrdiff_t sequence)
{
    size_t n = 0;
    for (; sequence != EVK_NO_PARENT; sequence = c->sequences[sequence].parent)
        n++;
    return n;
}

evoke_status evk_kv_open(evk_kv_cache *c, ptrdiff_t parent, size_t capacity, size_t *sequence, evoke_error *err)
{
    if (c->n_sequence == c->max_sequence || capacity > c->capacity - c->used)
        return evk_fail(err, EVOKE_ENOMEM, "open sequence: the KV cache of %zu tokens is full (%zu more wanted)",
                        c->capacity, capacity);
    c->sequences[c->n_sequence] = (evk_sequence){ .start = c->used, .capacity = capacity };
    EVK_TRY(evk_kv_restart(c, c->n_sequence, parent, err));
    c->used += capacity;
    *sequence = c->n_sequence++;
    return EVOKE_OK;
}

evoke_status evk_kv_restart(evk_kv_cache *c, size_t sequence, ptrdiff_t parent, evoke_error *err)
{
    if (ancestors(c, parent) + 1 > EVK_MAX_ANCESTORS)
        return evk_fail(err, EVOKE_EARG, "open sequence: more than %d prefixes on one another", EVK_MAX_ANCESTORS);
    c->sequences[sequence].n = 0;
    c->sequences[sequence].parent = parent;
    c->sequences[sequence].position = parent == EVK_NO_PARENT ? 0 : evk_kv_position(c, (size_t)parent);
    return EVOKE_OK;
}

void evk_kv_rewind(evk_kv_cache *c, size_t n_sequence)
{
    if (n_sequence < c->n_sequence) {
        c->used = c->sequences[n_sequence].start;
        c->n_sequence = n_sequence;
    }
}

void evk_kv_clear(evk_kv_cache *c, size_t sequence)
{
    evk_kv_keep(c, sequence, 0);
}

void evk_kv_keep(evk_kv_cache *c, size_t sequence, size_t n)
{
    if (n < c->sequences[sequence].n)
        c->sequences[sequence].n = n;
}

size_t evk_kv_segments(const evk_kv_cache *c, size_t sequence, evk_segment out[EVK_MAX_ANCESTORS])
{
    const size_t n = ancestors(c, (ptrdiff_t)sequence);
    ptrdiff_t s = (ptrdiff_t)sequence;
    for (size_t i = n; i-- > 0; s = c->sequences[s].parent)
        out[i] = (evk_segment){ c->sequences[s].start, c->sequences[s].n };
    return n;
}
