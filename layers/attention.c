/* layers/attention.c: causal attention with grouped key-value heads (Ainslie and others 2023, arXiv 2305.13245).
 *
 *     a[t, h] = sum_j softmax_j( f(scale * q[t, h] . k[j, h / group]) - slope_h (t - j) ) v[j, h / group]
 *
 * over j <= t, and t - j < window where the layer has one; f(x) is x, or cap tanh(x / cap); the slopes are ALiBi's (Press and
 * others 2021, arXiv 2108.12409), or 0.
 *
 * Work is cut into items of one key-value head and up to EVK_ATTENTION_BLOCK tokens of one run; an item's scores are
 * [block, keys], so no T x T matrix is ever in memory. Keys are taken in order of their position, across a shared prefix and
 * the sequence's own, so the result does not depend on which of them were cached, or shared. */
#include "layers/layers.h"

#include <math.h>
#include <omp.h>
#include <string.h>

typedef struct item {
    const evk_run *run;
    size_t first, n;            /* tokens, counted in the batch */
    size_t position;            /* of the first of them in the sequence */
    size_t begin;               /* the first key that any of them sees */
} item;

/* ---- one item ---- */

/* Keys that any of the item's tokens sees: columns of its scores. */
static size_t n_keys(const item *it)
{
    return it->position + it->n - it->begin;
}

/* Scores of n rows of q, ldq apart, against the keys from it->begin to the last of the item's tokens: out [n, ldo]. */
static void scores(const evk_pass *p, const item *it, size_t layer, size_t kv_head, const float *q, size_t ldq, size_t n,
                   float *out, size_t ldo)
{
    const evk_config *c = &p->model->config;
    evk_segment segments[EVK_MAX_ANCESTORS];
    const size_t n_segment = evk_kv_segments(p->cache, it->run->sequence, segments), end = it->position + it->n;
    size_t at = 0;                                      /* position of the segment's first key */
    for (size_t s = 0; s < n_segment && at < end; at += segments[s].n, s++) {
        const size_t from = at > it->begin ? at : it->begin, to = at + segments[s].n < end ? at + segments[s].n : end;
        if (from >= to)
            continue;
        const float *k = evk_kv_key(p->cache, layer, kv_head, segments[s].start + from - at);
        p->model->kernels.matmul(q, ldq, k, c->d_head, out + from - it->begin, ldo, n, to - from, c->d_head);
    }
}

/* out [n, d_value] += sum_j weight[j] v[j], keys [from, to) in order; weight [n, keys of the item] begins at it->begin. */
static void mix_keys(const evk_pass *p, const item *it, size_t layer, size_t kv_head, const float *weight, size_t n, size_t from,
                     size_t to, float *out, size_t ldo)
{
    if (from >= to)
        return;
    const size_t d = p->model->config.d_value;
    evk_segment segments[EVK_MAX_ANCESTORS];
    const size_t n_segment = evk_kv_segments(p->cache, it->run->sequence, segments);
    size_t at = 0;
    for (size_t s = 0; s < n_segment && at < to; at += segments[s].n, s++) {
        const size_t begin = at > from ? at : from, end = at + segments[s].n < to ? at + segments[s].n : to;
        if (begin >= end)
            continue;
        const float *v = evk_kv_value(p->cache, layer, kv_head, segments[s].start + begin - at);
        p->model->kernels.axpy_rows(weight + begin - it->begin, n_keys(it), v, d, end - begin, out, ldo, n, d);
    }
}

/* The first key that the token at `position` sees. */
static size_t first_key(size_t window, size_t position)
{
    return window && position + 1 > window ? position + 1 - window : 0;
}

/* out [n, d_value] of n <= EVK_MIX_TILE tokens from `position` on: the keys that all of them see at once, those before and
 * after token by token. */
static void mix_tile(const evk_pass *p, const item *it, size_t layer, size_t kv_head, const float *weight, size_t position,
                     size_t n, float *out, size_t ldo)
{
    const size_t window = p->model->config.layer[layer].window, n_key = n_keys(it);
    const size_t last = first_key(window, position + n - 1), end = position + 1, begin = last < end ? last : end;
    for (size_t t = 0; t < n; t++)
        mix_keys(p, it, layer, kv_head, weight + t * n_key, 1, first_key(window, position + t), begin, out + t * ldo, ldo);
    mix_keys(p, it, layer, kv_head, weight, n, begin, end, out, ldo);
    for (size_t t = 1; t < n; t++) {
        const size_t first = first_key(window, position + t);
        mix_keys(p, it, layer, kv_head, weight + t * n_key, 1, first > end ? first : end, position + t + 1, out + t * ldo, ldo);
    }
}

/* ALiBi's slope of a head: powers of 2^(-8 / n), n the largest power of two up to n_head; the heads beyond n take every
 * other power of 2^(-4 / n). */
static float slope(size_t head, size_t n_head)
{
    size_t n = 1;
    while (2 * n <= n_head)
        n *= 2;
    const double exponent = head < n ? -8.0 / (double)n * (double)(head + 1) : -4.0 / (double)n * (double)(2 * (head - n) + 1);
    return (float)exp2(exponent);
}

/* Scores of n keys, the last of which is the token itself, to weights that are not yet divided by their sum, which is
 * returned. */
static double weigh(const evk_pass *p, size_t layer, size_t head, float *x, size_t n)
{
    const evk_config *c = &p->model->config;
    const evk_kernels *k = &p->model->kernels;
    float most = k->scale_max(x, c->layer[layer].attention_scale, n);
    if (c->attention_cap > 0)
        k->softcap(x, c->attention_cap, n);
    if (c->alibi) {
        const float down = slope(head, c->n_head);
        for (size_t j = 0; j < n; j++)
            x[j] -= down * (float)(n - 1 - j);
    }
    if (c->attention_cap > 0 || c->alibi)
        most = k->scale_max(x, 1, n);
    return k->exp_sum(x, most, n);
}

/* weigh of the token at `position` among the item's keys; returns one over the sum. */
static float weigh_token(const evk_pass *p, const item *it, size_t layer, size_t head, size_t position, float *row)
{
    const size_t first = first_key(p->model->config.layer[layer].window, position);
    return (float)(1.0 / weigh(p, layer, head, row + first - it->begin, position + 1 - first));
}

static void scale_rows(const float *scale, float *out, size_t ldo, size_t n, size_t d)
{
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < d; i++)
            out[t * ldo + i] *= scale[t];
}

static void clear_rows(float *out, size_t ldo, size_t n, size_t d)
{
    for (size_t t = 0; t < n; t++)
        memset(out + t * ldo, 0, d * sizeof *out);
}

/* A single token: the heads that share one key-value head lie side by side in q and are the rows of one multiply. */
static void attend_group(const evk_pass *p, const item *it, size_t layer, size_t kv_head, const float *q, float *out, float *room)
{
    const evk_config *c = &p->model->config;
    const size_t group = c->n_head / c->n_kv_head, n_key = n_keys(it), d = c->d_value;
    float over[EVK_ATTENTION_BLOCK];
    scores(p, it, layer, kv_head, q, c->d_head, group, room, n_key);
    for (size_t g = 0; g < group; g++)
        over[g] = weigh_token(p, it, layer, kv_head * group + g, it->position, room + g * n_key);
    clear_rows(out, d, group, d);
    mix_keys(p, it, layer, kv_head, room, group, it->begin, it->position + 1, out, d);
    scale_rows(over, out, d, group, d);
}

static void attend_head(const evk_pass *p, const item *it, size_t layer, size_t head, const float *q, float *out, float *room)
{
    const evk_config *c = &p->model->config;
    const size_t kv_head = head / (c->n_head / c->n_kv_head), ldo = c->n_head * c->d_value;
    const size_t n_key = n_keys(it);
    float over[EVK_ATTENTION_BLOCK];
    scores(p, it, layer, kv_head, q, c->n_head * c->d_head, it->n, room, n_key);
    for (size_t t = 0; t < it->n; t++)
        over[t] = weigh_token(p, it, layer, head, it->position + t, room + t * n_key);
    clear_rows(out, ldo, it->n, c->d_value);
    for (size_t t = 0; t < it->n; t += EVK_MIX_TILE)
        mix_tile(p, it, layer, kv_head, room + t * n_key, it->position + t,
                 it->n - t < EVK_MIX_TILE ? it->n - t : EVK_MIX_TILE, out + t * ldo, ldo);
    scale_rows(over, out, ldo, it->n, c->d_value);
}

static void attend(const evk_pass *p, const item *it, size_t layer, size_t kv_head, const float *q, float *out, float *room)
{
    const evk_config *c = &p->model->config;
    const size_t group = c->n_head / c->n_kv_head, head = kv_head * group;
    q += (it->first * c->n_head + head) * c->d_head;
    out += (it->first * c->n_head + head) * c->d_value;
    if (it->n == 1 && group <= EVK_ATTENTION_BLOCK) {
        attend_group(p, it, layer, kv_head, q, out, room);
        return;
    }
    for (size_t g = 0; g < group; g++)
        attend_head(p, it, layer, head + g, q + g * c->d_head, out + g * c->d_value, room);
}

/* ---- all items ---- */

/* Cuts the batch into items; returns their number. out may be NULL, to count. */
static size_t cut(const evk_pass *p, size_t window, item *out)
{
    size_t n = 0, first = 0;
    for (size_t r = 0; r < p->n_run; first += p->runs[r].n, r++) {
        const size_t end = evk_kv_position(p->cache, p->runs[r].sequence);      /* the run is in the cache already */
        for (size_t t = 0; t < p->runs[r].n; t += EVK_ATTENTION_BLOCK, n++)
            if (out) {
                const size_t left = p->runs[r].n - t, position = end - left;
                out[n] = (item){ &p->runs[r], first + t, left < EVK_ATTENTION_BLOCK ? left : EVK_ATTENTION_BLOCK, position,
                                 first_key(window, position) };
            }
    }
    return n;
}

static size_t longest(const evk_pass *p)
{
    size_t most = 0;
    for (size_t r = 0; r < p->n_run; r++) {
        const size_t n = evk_kv_position(p->cache, p->runs[r].sequence);
        most = n > most ? n : most;
    }
    return most;
}

static evoke_status attend_all(evk_pass *p, size_t layer, const float *q, float *out, evoke_error *err)
{
    const evoke_model *m = p->model;
    const size_t window = m->config.layer[layer].window, n_item = cut(p, window, NULL), n_kv = m->config.n_kv_head;
    const size_t room = EVK_ATTENTION_BLOCK * longest(p);
    item *items = (item *)(void *)evk_pass_floats(p, n_item, (sizeof *items + 3) / 4, err);
    float *rooms = evk_pass_floats(p, m->n_thread, room, err);
    if (!items || !rooms)
        return EVOKE_ENOMEM;
    cut(p, window, items);
#pragma omp parallel for schedule(dynamic) num_threads((int)m->n_thread)
    for (size_t i = 0; i < n_item * n_kv; i++)
        attend(p, &items[i / n_kv], layer, i % n_kv, q, out, rooms + room * (size_t)omp_get_thread_num());
    return EVOKE_OK;
}

/* ---- queries, keys and values ---- */

/* Norm of n heads of x [T, n d_head]: one by one, or all together. */
static void norm_heads(const evk_pass *p, size_t layer, evk_slot slot, float *x, size_t n)
{
    const evk_config *c = &p->model->config;
    const size_t each = c->qk_norm_whole ? n * c->d_head : c->d_head;
    const evk_norm w = { evk_model_vector(p->model, layer, slot), NULL, each, c->norm_eps };
    if (w.weight)
        evk_norm_rows(p->model, &w, x, each, x, each, p->n_token * n * c->d_head / each);
}

/* Rotates queries and keys; puts keys and values into the cache. */
static void rotate_and_store(const evk_pass *p, size_t layer, float *q, float *k, const float *v)
{
    const evk_config *c = &p->model->config;
    const size_t half = c->d_rope / 2, ldq = c->n_head * c->d_head, ldk = c->n_kv_head * c->d_head, ldv = c->n_kv_head * c->d_value;
    const int rope = c->layer[layer].rope;
#pragma omp parallel for schedule(static) num_threads((int)p->model->n_thread) if (p->n_token > 8)
    for (size_t t = 0; t < p->n_token; t++) {
        if (rope >= 0) {
            const float *cosine = p->cosine[rope] + t * half, *sine = p->sine[rope] + t * half;
            evk_rope_turn(q + t * ldq + c->rope_first, c->n_head, c->d_head, half, c->rope_pairing, cosine, sine);
            evk_rope_turn(k + t * ldk + c->rope_first, c->n_kv_head, c->d_head, half, c->rope_pairing, cosine, sine);
        }
        for (size_t h = 0; h < c->n_kv_head; h++) {
            memcpy(evk_kv_key(p->cache, layer, h, p->row[t]), k + t * ldk + h * c->d_head, c->d_head * sizeof *k);
            memcpy(evk_kv_value(p->cache, layer, h, p->row[t]), v + t * ldv + h * c->d_value, c->d_value * sizeof *v);
        }
    }
}

static evoke_status project(evk_pass *p, size_t layer, const float *normed, float *q, float *k, float *v, evoke_error *err)
{
    if (p->model->config.kv_rank)
        return evk_latent_qkv(p, layer, normed, q, k, v, err);
    const evk_linear_of qkv[] = { { EVK_W_ATTN_Q, EVK_W_ATTN_Q_BIAS, q }, { EVK_W_ATTN_K, EVK_W_ATTN_K_BIAS, k },
                                  { EVK_W_ATTN_V, EVK_W_ATTN_V_BIAS, v } };
    evk_linear_several(p, layer, qkv, 3, normed, p->n_token);
    norm_heads(p, layer, EVK_W_ATTN_Q_NORM, q, p->model->config.n_head);
    norm_heads(p, layer, EVK_W_ATTN_K_NORM, k, p->model->config.n_kv_head);
    return EVOKE_OK;
}

evoke_status evk_attention(evk_pass *p, size_t layer, const float *normed, float *out, evoke_error *err)
{
    const evk_config *c = &p->model->config;
    const size_t mark = evk_arena_used(&p->scratch);
    float *q = evk_pass_floats(p, p->n_token, c->n_head * c->d_head, err);
    float *mixed = evk_pass_floats(p, p->n_token, c->n_head * c->d_value, err);
    float *k = evk_pass_floats(p, p->n_token, c->n_kv_head * c->d_head, err);
    float *v = evk_pass_floats(p, p->n_token, c->n_kv_head * c->d_value, err);
    if (!q || !mixed || !k || !v)
        return EVOKE_ENOMEM;
    EVK_TRY(project(p, layer, normed, q, k, v, err));
    rotate_and_store(p, layer, q, k, v);
    EVK_TRY(attend_all(p, layer, q, mixed, err));
    evk_linear(p, layer, EVK_W_ATTN_OUT, EVK_W_ATTN_OUT_BIAS, mixed, p->n_token, out);
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}
