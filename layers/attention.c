/* layers/attention.c: causal attention with grouped key-value heads (Ainslie and others 2023, arXiv 2305.13245).
 *
 *     a[t, h] = sum_{j <= t} softmax_j( scale * q[t, h] . k[j, h / group] ) v[j, h / group]
 *
 * Work is cut into items of one key-value head and up to EVK_ATTENTION_BLOCK tokens of one run; an item's scores are [block, keys], so
 * no T x T matrix is ever in memory. Keys are taken in order of their position, across a shared prefix and the sequence's
 * own, so the result does not depend on which of them were cached, or shared. */
#include "layers/layers.h"
#include "layers/rope.h"

#include <math.h>
#include <omp.h>
#include <string.h>


typedef struct item {
    const evk_run *run;
    size_t first, n;            /* tokens, counted in the batch */
    size_t position;            /* of the first of them in the sequence */
} item;

/* Scores of n rows of q, ldq apart, against every key up to the last of the item's tokens: out [n, ldo]. */
static void scores(const evk_pass *p, const item *it, size_t layer, size_t kv_head, const float *q, size_t ldq, size_t n,
                   float *out, size_t ldo)
{
    const evk_config *c = &p->model->config;
    evk_segment segments[EVK_MAX_ANCESTORS];
    const size_t n_segment = evk_kv_segments(p->cache, it->run->sequence, segments);
    const size_t n_key = it->position + it->n;
    size_t done = 0;
    for (size_t s = 0; s < n_segment && done < n_key; s++) {
        const size_t count = segments[s].n < n_key - done ? segments[s].n : n_key - done;
        const float *k = evk_kv_row(p->cache->k, p->cache, layer, segments[s].start) + kv_head * c->d_head;
        p->model->kernels.matmul(q, ldq, k, p->cache->width, out + done, ldo, n, count, c->d_head);
        done += count;
    }
}

/* out [d_head] = sum_j weight[j] v[j], keys in order. */
static void mix(const evk_pass *p, const item *it, size_t layer, size_t kv_head, const float *weight, size_t n_key,
                float *out)
{
    const size_t d_head = p->model->config.d_head;
    evk_segment segments[EVK_MAX_ANCESTORS];
    const size_t n_segment = evk_kv_segments(p->cache, it->run->sequence, segments);
    size_t done = 0;
    memset(out, 0, d_head * sizeof *out);
    for (size_t s = 0; s < n_segment && done < n_key; s++) {
        const size_t n = segments[s].n < n_key - done ? segments[s].n : n_key - done;
        const float *v = evk_kv_row(p->cache->v, p->cache, layer, segments[s].start) + kv_head * d_head;
        p->model->kernels.axpy_rows(weight + done, v, p->cache->width, n, out, d_head);
        done += n;
    }
}

/* Softmax over n scores in place, without the division by the sum, which is returned. */
static double softmax(const evk_pass *p, float *x, size_t n)
{
    const float scale = (float)p->model->config.attention_scale;
    float most = -INFINITY;
    for (size_t j = 0; j < n; j++) {
        x[j] *= scale;
        most = x[j] > most ? x[j] : most;
    }
    return p->model->kernels.exp_sum(x, most, n);
}

/* From the scores of one head and token to its mix of values. */
static void attend_token(const evk_pass *p, const item *it, size_t layer, size_t kv_head, float *row, size_t seen, float *out)
{
    const float over = (float)(1.0 / softmax(p, row, seen));
    mix(p, it, layer, kv_head, row, seen, out);
    for (size_t i = 0; i < p->model->config.d_head; i++)
        out[i] *= over;
}

/* The heads that share one key-value head lie side by side in q: for a single token they are the rows of one multiply. */
static void attend(const evk_pass *p, const item *it, size_t layer, size_t kv_head, const float *q, float *out, float *room)
{
    const evk_config *c = &p->model->config;
    const size_t group = c->n_head / c->n_kv_head, ld = c->n_head * c->d_head, n_key = it->position + it->n;
    const size_t first = it->first * ld + kv_head * group * c->d_head;
    if (it->n == 1 && group <= EVK_ATTENTION_BLOCK) {
        scores(p, it, layer, kv_head, q + first, c->d_head, group, room, n_key);
        for (size_t g = 0; g < group; g++)
            attend_token(p, it, layer, kv_head, room + g * n_key, n_key, out + first + g * c->d_head);
        return;
    }
    for (size_t g = 0; g < group; g++) {
        scores(p, it, layer, kv_head, q + first + g * c->d_head, ld, it->n, room, n_key);
        for (size_t t = 0; t < it->n; t++)
            attend_token(p, it, layer, kv_head, room + t * n_key, it->position + t + 1, out + first + t * ld + g * c->d_head);
    }
}

/* Rotates queries and keys; puts keys and values into the cache. */
static void rotate_and_store(const evk_pass *p, size_t layer, float *q, float *k, const float *v)
{
    const evk_config *c = &p->model->config;
    const size_t half = c->d_rope / 2, ldq = c->n_head * c->d_head, width = p->cache->width;
#pragma omp parallel for schedule(static) num_threads((int)p->model->n_thread) if (p->n_token > 8)
    for (size_t t = 0; t < p->n_token; t++) {
        const float *cosine = p->cosine + t * half, *sine = p->sine + t * half;
        evk_rope_turn(q + t * ldq, c->n_head, c->d_head, half, c->rope_pairing, cosine, sine);
        evk_rope_turn(k + t * width, c->n_kv_head, c->d_head, half, c->rope_pairing, cosine, sine);
        memcpy(evk_kv_row(p->cache->k, p->cache, layer, p->row[t]), k + t * width, width * sizeof *k);
        memcpy(evk_kv_row(p->cache->v, p->cache, layer, p->row[t]), v + t * width, width * sizeof *v);
    }
}

/* Cuts the batch into items; returns their number. out may be NULL, to count. */
static size_t cut(const evk_pass *p, item *out)
{
    size_t n = 0, first = 0;
    for (size_t r = 0; r < p->n_run; first += p->runs[r].n, r++) {
        const size_t end = evk_kv_position(p->cache, p->runs[r].sequence);      /* the run is in the cache already */
        for (size_t t = 0; t < p->runs[r].n; t += EVK_ATTENTION_BLOCK, n++)
            if (out) {
                const size_t left = p->runs[r].n - t;
                out[n] = (item){ &p->runs[r], first + t, left < EVK_ATTENTION_BLOCK ? left : EVK_ATTENTION_BLOCK, end - left };
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
    const size_t n_item = cut(p, NULL), n_kv = m->config.n_kv_head, room = EVK_ATTENTION_BLOCK * longest(p);
    item *items = (item *)(void *)evk_pass_floats(p, n_item, (sizeof *items + 3) / 4, err);
    float *rooms = evk_pass_floats(p, m->n_thread, room, err);
    if (!items || !rooms)
        return EVOKE_ENOMEM;
    cut(p, items);
#pragma omp parallel for schedule(dynamic) num_threads((int)m->n_thread)
    for (size_t i = 0; i < n_item * n_kv; i++)
        attend(p, &items[i / n_kv], layer, i % n_kv, q, out, rooms + room * (size_t)omp_get_thread_num());
    return EVOKE_OK;
}

evoke_status evk_attention(evk_pass *p, size_t layer, const float *normed, float *out, evoke_error *err)
{
    const evoke_model *m = p->model;
    const size_t n_q = m->config.n_head * m->config.d_head, n_kv = p->cache->width, mark = evk_arena_used(&p->scratch);
    float *q = evk_pass_floats(p, p->n_token, n_q, err), *mixed = evk_pass_floats(p, p->n_token, n_q, err);
    float *k = evk_pass_floats(p, p->n_token, n_kv, err), *v = evk_pass_floats(p, p->n_token, n_kv, err);
    if (!q || !mixed || !k || !v)
        return EVOKE_ENOMEM;
    evk_linear(p, layer, EVK_W_ATTN_Q, EVK_W_ATTN_Q_BIAS, normed, p->n_token, q);
    evk_linear(p, layer, EVK_W_ATTN_K, EVK_W_ATTN_K_BIAS, normed, p->n_token, k);
    evk_linear(p, layer, EVK_W_ATTN_V, EVK_W_ATTN_V_BIAS, normed, p->n_token, v);
    rotate_and_store(p, layer, q, k, v);
    EVK_TRY(attend_all(p, layer, q, mixed, err));
    evk_linear(p, layer, EVK_W_ATTN_OUT, EVK_W_ATTN_OUT_BIAS, mixed, p->n_token, out);
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}
