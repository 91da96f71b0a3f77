#include "layers/kv_cache.h"

#include <stdlib.h>
#include <string.h>

/* Whether keys and values come of activations in 8 bits. */
static bool takes_half(const evoke_model *m)
{
    const evk_weight *w = evk_model_weight(m, 0, m->config.kv_rank ? EVK_W_LATENT_KV : EVK_W_ATTN_V);
    return m->info.compute == EVOKE_FAST && w->packed.codes && w->packed.bits != 16;
}

static size_t bytes_of(bool half) { return half ? sizeof(uint16_t) : sizeof(float); }

size_t evk_kv_token_bytes(const evoke_model *m)
{
    const evk_config *c = &m->config;
    return c->n_layer * c->n_kv_head * (c->d_head + c->d_value) * bytes_of(takes_half(m));
}

evoke_status evk_kv_init(evk_kv_cache *c, const evoke_model *m, size_t capacity, size_t max_sequence, evoke_error *err)
{
    const evk_config *config = &m->config;
    size_t rows = 0;
    *c = (evk_kv_cache){ .kernels = &m->kernels, .n_layer = config->n_layer, .n_head = config->n_kv_head, .d_key = config->d_head,
                         .d_value = config->d_value, .half = takes_half(m), .capacity = capacity, .max_sequence = max_sequence };
    if (!evk_mul(c->n_layer * c->n_head, capacity, &rows))
        return evk_fail(err, EVOKE_ENOMEM, "make KV cache: %zu tokens are too many", capacity);
    evoke_status st = evk_alloc(&c->k, rows, c->d_key * bytes_of(c->half), "make KV cache", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&c->v, rows, c->d_value * bytes_of(c->half), "make KV cache", err);
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

/* ---- rows ---- */

/* Where a row of keys, or values, of d numbers each begins. */
static char *row_of(const evk_kv_cache *c, char *rows, size_t d, size_t layer, size_t head, size_t row)
{
    return rows + ((layer * c->n_head + head) * c->capacity + row) * d * bytes_of(c->half);
}

static bool put(const evk_kv_cache *c, char *row, const float *x, size_t d)
{
    if (c->half)
        return c->kernels->to_f16(x, (uint16_t *)(void *)row, d);
    memcpy(row, x, d * sizeof *x);
    return true;
}

bool evk_kv_put(const evk_kv_cache *c, size_t layer, size_t head, size_t row, const float *key, const float *value)
{
    const bool held = put(c, row_of(c, c->k, c->d_key, layer, head, row), key, c->d_key);
    return put(c, row_of(c, c->v, c->d_value, layer, head, row), value, c->d_value) && held;
}

static const float *as_floats(const evk_kv_cache *c, const char *rows, size_t n, float *room)
{
    if (!c->half)
        return (const float *)(const void *)rows;
    c->kernels->dequantise[EVK_F16](rows, room, n);
    return room;
}

const float *evk_kv_keys(const evk_kv_cache *c, size_t layer, size_t head, size_t row, size_t n, float *room)
{
    return as_floats(c, row_of(c, c->k, c->d_key, layer, head, row), n * c->d_key, room);
}

const float *evk_kv_values(const evk_kv_cache *c, size_t layer, size_t head, size_t row, size_t n, float *room)
{
    return as_floats(c, row_of(c, c->v, c->d_value, layer, head, row), n * c->d_value, room);
}

static void ask_for(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        __builtin_prefetch(bytes + i, 0, 2);
}

void evk_kv_ask_for(const evk_kv_cache *c, size_t layer, size_t head, size_t row, size_t n)
{
    ask_for(row_of(c, c->k, c->d_key, layer, head, row), n * c->d_key * bytes_of(c->half));
    ask_for(row_of(c, c->v, c->d_value, layer, head, row), n * c->d_value * bytes_of(c->half));
}
