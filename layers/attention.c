/* layers/attention.c: causal attention with grouped key-value heads (Ainslie and others 2023, arXiv 2305.13245).
 *
 *     a[t, h] = sum_j softmax_j( f(scale * q[t, h] . k[j, h / group]) - slope_h (t - j) ) v[j, h / group]
 *
 * over j <= t, and t - j < window where the layer has one; f(x) is x, or cap tanh(x / cap); the slopes are ALiBi's (Press and
 * others 2021, arXiv 2108.12409), or 0.
 *
 * Work is cut into items of one key-value head and up to EVK_ATTENTION_BLOCK tokens of one run. The rows of an item are its tokens'
 * queries of several heads, which meet the same keys and values; they take these a block at a time, in order of their position, with
 * a softmax that is corrected as larger scores come (Milakov and Gimelshein 2018, arXiv 1805.02867; Dao and others 2022, arXiv
 * 2205.14135): scratch does not grow with the context. Blocks begin at positions that are multiples of KEYS, across a shared
 * prefix and the sequence's own tokens, so the result does not depend on which of them were cached, or shared. */
#include "layers/layers.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum {
    KEYS = 128,                 /* of a block */
    ROWS = 96,                  /* of queries that pass over a block together, where a token's heads are not more */
    SHARES = 16                 /* a thread's, of a pass's items: of one token each, several make a share, and the next is known */
};

_Static_assert((int)ROWS >= (int)EVK_ATTENTION_BLOCK, "a head of every token");

typedef struct item {
    const evk_run *run;
    size_t first, n;            /* tokens, counted in the batch */
    size_t position;            /* of the first of them in the sequence */
    size_t begin;               /* the first key that any of them sees */
} item;

/* Keys [begin, end) of a sequence, which lie together from a row of the cache on; their values, once they are fetched. */
typedef struct stretch {
    size_t begin, end, row;
    const float *values;
} stretch;

/* Keys [from, to) of an item's sequence and of one head. */
typedef struct block {
    size_t kv_head, from, to, n_stretch;
    stretch stretches[EVK_MAX_ANCESTORS];
} block;

/* Rows of an item: row h n + t is of its token t and the h'th of these heads, which share one key-value head. */
typedef struct rows {
    const item *it;
    size_t layer, head, n_head;
    float *q, *score;           /* [n_head n, d_head], [n_head n, KEYS] */
    float *room;                /* of keys, or values, as floats: [KEYS, the longer of both] */
    float *most;                /* [n_head n]: the largest score yet, and the sum of exp(score - most) */
    double *sum;
    float *out;                 /* of the first token and head: [n, all heads, d_value] */
    const block *after;         /* what the thread meets after their last block, if that is known; or NULL */
} rows;

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* What the h'th head of token t gives. */
static float *out_of(const evk_config *c, const rows *r, size_t h, size_t t)
{
    return r->out + (t * c->n_head + h) * c->d_value;
}

/* ---- one block of keys ---- */

/* The block that begins at `from`; after the item's last key one of none. */
static block find_block(const evk_pass *p, const item *it, size_t kv_head, size_t from)
{
    const size_t to = smaller((from / KEYS + 1) * KEYS, it->position + it->n);
    block b = { .kv_head = kv_head, .from = from, .to = to };
    evk_segment segments[EVK_MAX_ANCESTORS];
    const size_t n_segment = evk_kv_segments(p->cache, it->run->sequence, segments);
    size_t at = 0;                                      /* position of the segment's first key */
    for (size_t s = 0; s < n_segment && at < to; at += segments[s].n, s++) {
        const size_t begin = larger(at, from), end = smaller(at + segments[s].n, to);
        if (begin < end)
            b.stretches[b.n_stretch++] = (stretch){ begin, end, segments[s].start + begin - at, NULL };
    }
    return b;
}

static void score_keys(const evk_pass *p, const rows *r, const block *b)
{
    const size_t d = p->model->config.d_head, n = r->n_head * r->it->n;
    for (const stretch *s = b->stretches; s < b->stretches + b->n_stretch; s++) {
        const float *keys = evk_kv_keys(p->cache, r->layer, b->kv_head, s->row, s->end - s->begin, r->room);
        p->model->kernels.matmul(r->q, d, keys, d, r->score + s->begin - b->from, KEYS, n, s->end - s->begin, d);
    }
}

static void fetch_values(const evk_pass *p, const rows *r, block *b)
{
    for (stretch *s = b->stretches; s < b->stretches + b->n_stretch; s++)
        s->values = evk_kv_values(p->cache, r->layer, b->kv_head, s->row, s->end - s->begin,
                                  r->room + (s->begin - b->from) * p->model->config.d_value);
}

/* out [n, d_value] += sum_j weight[j] v[j], those keys of [from, to) that the block has, in order; weight [n, KEYS]. */
static void mix_keys(const evk_pass *p, const block *b, const float *weight, size_t n, size_t from, size_t to, float *out, size_t ldo)
{
    const size_t d = p->model->config.d_value;
    for (const stretch *s = b->stretches; s < b->stretches + b->n_stretch; s++) {
        const size_t begin = larger(s->begin, from), end = smaller(s->end, to);
        if (begin < end)
            p->model->kernels.axpy_rows(weight + begin - b->from, KEYS, s->values + (begin - s->begin) * d, d, end - begin, out, ldo, n, d);
    }
}

/* The first key that the token at `position` sees. */
static size_t first_key(size_t window, size_t position)
{
    return window && position + 1 > window ? position + 1 - window : 0;
}

/* mix_keys of n <= EVK_MIX_TILE tokens from `position` on: the keys that all of them see at once, those before and after token by
 * token. */
static void mix_tile(const evk_pass *p, const rows *r, const block *b, const float *weight, size_t position, size_t n, float *out,
                     size_t ldo)
{
    const size_t window = p->model->config.layer[r->layer].window;
    const size_t end = position + 1, begin = smaller(first_key(window, position + n - 1), end);
    for (size_t t = 0; t < n; t++)
        mix_keys(p, b, weight + t * KEYS, 1, first_key(window, position + t), begin, out + t * ldo, ldo);
    mix_keys(p, b, weight, n, begin, end, out, ldo);
    for (size_t t = 1; t < n; t++)
        mix_keys(p, b, weight + t * KEYS, 1, larger(first_key(window, position + t), end), position + t + 1, out + t * ldo, ldo);
}

static void mix_rows(const evk_pass *p, const rows *r, const block *b)
{
    const evk_config *c = &p->model->config;
    const item *it = r->it;
    const size_t ldo = c->n_head * c->d_value;
    if (it->n == 1) {                                   /* heads lie side by side, and see the same keys */
        mix_keys(p, b, r->score, r->n_head, b->from, b->to, r->out, c->d_value);
        return;
    }
    for (size_t h = 0; h < r->n_head; h++)
        for (size_t t = 0; t < it->n; t += EVK_MIX_TILE)
            mix_tile(p, r, b, r->score + (h * it->n + t) * KEYS, it->position + t, smaller(it->n - t, EVK_MIX_TILE),
                     out_of(c, r, h, t), ldo);
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

static void scale_row(float *x, float by, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= by;
}

/* n scores of the token at `position` against the keys from `key` on, finished but for a factor, which it returns. */
static float finish_scores(const evk_pass *p, size_t layer, size_t head, size_t position, size_t key, float *x, size_t n)
{
    const evk_config *c = &p->model->config;
    const evk_kernels *k = &p->model->kernels;
    const float scale = c->layer[layer].attention_scale;
    if (c->attention_cap <= 0 && !c->alibi)
        return scale;
    scale_row(x, scale, n);
    if (c->attention_cap > 0)
        k->softcap(x, c->attention_cap, n);
    if (c->alibi) {
        const float down = slope(head, c->n_head);
        for (size_t j = 0; j < n; j++)
            x[j] -= down * (float)(position - key - j);
    }
    return 1;
}

/* A row's scores of n keys, over scale, to weights, exp(score - the largest yet); what it holds already is corrected to that. */
static void weigh(const evk_kernels *k, float scale, float *x, size_t n, float *row_most, double *row_sum, float *out, size_t d)
{
    const float most = k->scaled_max(x, scale, n);
    if (most > *row_most && *row_most > -INFINITY) {
        float factor = *row_most - most;
        *row_sum *= k->exp_sum(&factor, 1, 0, 1);
        scale_row(out, factor, d);
    }
    *row_most = most > *row_most ? most : *row_most;
    *row_sum += k->exp_sum(x, scale, *row_most > -INFINITY ? *row_most : 0, n);
}

/* A block's keys and values, the part'th of n_part parts of them: each is read from memory but once, and would be waited for. */
static void ask_ahead(const evk_pass *p, size_t layer, const block *next, size_t part, size_t n_part)
{
    const size_t n = next->to - next->from, from = next->from + n * part / n_part, to = next->from + n * (part + 1) / n_part;
    for (const stretch *s = next->stretches; s < next->stretches + next->n_stretch; s++) {
        const size_t begin = larger(s->begin, from), end = smaller(s->end, to);
        if (begin < end)
            evk_kv_ask_for(p->cache, layer, next->kv_head, s->row + begin - s->begin, end - begin);
    }
}

static void weigh_rows(const evk_pass *p, const rows *r, const block *b, const block *next)
{
    const evk_config *c = &p->model->config;
    const item *it = r->it;
    for (size_t h = 0; h < r->n_head; h++)
        for (size_t t = 0; t < it->n; t++) {
            const size_t row = h * it->n + t, position = it->position + t;
            const size_t begin = larger(first_key(c->layer[r->layer].window, position), b->from), end = smaller(position + 1, b->to);
            ask_ahead(p, r->layer, next, row, r->n_head * it->n);
            if (begin >= end)
                continue;
            float *x = r->score + row * KEYS + begin - b->from;
            weigh(&p->model->kernels, finish_scores(p, r->layer, r->head + h, position, begin, x, end - begin), x, end - begin,
                  &r->most[row], &r->sum[row], out_of(c, r, h, t), c->d_value);
        }
}

/* ---- one item ---- */

static void start_rows(const evk_pass *p, const rows *r, const float *q)
{
    const evk_config *c = &p->model->config;
    for (size_t h = 0; h < r->n_head; h++)
        for (size_t t = 0; t < r->it->n; t++) {
            const size_t row = h * r->it->n + t;
            memcpy(r->q + row * c->d_head, q + (t * c->n_head + h) * c->d_head, c->d_head * sizeof *q);
            memset(out_of(c, r, h, t), 0, c->d_value * sizeof *r->out);
            r->most[row] = -INFINITY;
            r->sum[row] = 0;
        }
}

static void finish_rows(const evk_pass *p, const rows *r)
{
    const evk_config *c = &p->model->config;
    for (size_t h = 0; h < r->n_head; h++)
        for (size_t t = 0; t < r->it->n; t++)
            scale_row(out_of(c, r, h, t), (float)(1 / r->sum[h * r->it->n + t]), c->d_value);
}

static void attend_rows(const evk_pass *p, const rows *r, const block *first, const float *q)
{
    start_rows(p, r, q);
    for (block b = *first, next; b.from < b.to; b = next) {
        next = find_block(p, r->it, b.kv_head, b.to);
        score_keys(p, r, &b);
        weigh_rows(p, r, &b, next.from == next.to && r->after ? r->after : &next);
        fetch_values(p, r, &b);
        mix_rows(p, r, &b);
    }
    finish_rows(p, r);
}

/* Heads whose rows pass together. */
static size_t heads_at_once(const evk_config *c, size_t n_token)
{
    return smaller(c->n_head / c->n_kv_head, larger(ROWS / n_token, 1));
}

size_t evk_attention_scratch(const evk_config *c)
{
    const size_t a_row = 2 + c->d_head + KEYS + 1;      /* its sum, a double, its query, its scores and the largest */
    return ROWS * a_row + KEYS * larger(c->d_head, c->d_value);
}

/* q and out of all tokens and heads; after: what the thread meets next, or NULL; room: evk_attention_scratch. */
static void attend(const evk_pass *p, const item *it, size_t layer, size_t kv_head, const block *after, const float *q, float *out,
                   float *room)
{
    const evk_config *c = &p->model->config;
    const size_t group = c->n_head / c->n_kv_head, step = heads_at_once(c, it->n);
    const block begin = find_block(p, it, kv_head, it->begin);
    for (size_t h = 0; h < group; h += step) {
        const size_t head = kv_head * group + h, first = it->first * c->n_head + head;
        rows r = { .it = it, .layer = layer, .head = head, .n_head = smaller(group - h, step),
                   .sum = (double *)(void *)room, .out = out + first * c->d_value, .after = h + step < group ? NULL : after };
        r.q = room + 2 * ROWS;
        r.score = r.q + ROWS * c->d_head;
        r.most = r.score + ROWS * KEYS;
        r.room = r.most + ROWS;
        attend_rows(p, &r, &begin, q + first * c->d_head);
    }
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
                out[n] = (item){ &p->runs[r], first + t, smaller(left, EVK_ATTENTION_BLOCK), position, first_key(window, position) };
            }
    }
    return n;
}

static evoke_status attend_all(evk_pass *p, size_t layer, const float *q, float *out, evoke_error *err)
{
    const evoke_model *m = p->model;
    const size_t window = m->config.layer[layer].window, n_item = cut(p, window, NULL), n_kv = m->config.n_kv_head;
    const size_t room = evk_attention_scratch(&m->config);
    item *items = (item *)(void *)evk_pass_floats(p, n_item, (sizeof *items + 3) / 4, err);
    float *rooms = evk_pass_floats(p, m->n_thread, room, err);
    if (!items || !rooms)
        return EVOKE_ENOMEM;
    cut(p, window, items);
    const size_t n = n_item * n_kv, each = larger(n / (m->n_thread * SHARES), 1);
#pragma omp parallel for schedule(dynamic, each) num_threads((int)m->n_thread)
    for (size_t i = 0; i < n; i++) {
        const item *it = &items[i / n_kv], *then = &items[(i + 1) / n_kv];
        const bool goes_on = (i + 1) % each != 0 && i + 1 < n;
        const block after = goes_on ? find_block(p, then, (i + 1) % n_kv, then->begin) : (block){ 0 };
        attend(p, it, layer, i % n_kv, goes_on ? &after : NULL, q, out, rooms + room * (size_t)omp_get_thread_num());
    }
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

/* Rotates queries and keys; puts keys and values into the cache, which may not hold them. */
static evoke_status rotate_and_store(const evk_pass *p, size_t layer, float *q, float *k, const float *v, evoke_error *err)
{
    const evk_config *c = &p->model->config;
    const size_t half = c->d_rope / 2, ldq = c->n_head * c->d_head, ldk = c->n_kv_head * c->d_head, ldv = c->n_kv_head * c->d_value;
    const int rope = c->layer[layer].rope;
    bool held = true;
#pragma omp parallel for schedule(static) num_threads((int)p->model->n_thread) reduction(&& : held) if (p->n_token > 8)
    for (size_t t = 0; t < p->n_token; t++) {
        if (rope >= 0) {
            const float *cosine = p->cosine[rope] + t * half, *sine = p->sine[rope] + t * half;
            evk_rope_turn(q + t * ldq + c->rope_first, c->n_head, c->d_head, half, c->rope_pairing, cosine, sine);
            evk_rope_turn(k + t * ldk + c->rope_first, c->n_kv_head, c->d_head, half, c->rope_pairing, cosine, sine);
        }
        for (size_t h = 0; h < c->n_kv_head; h++)
            held = evk_kv_put(p->cache, layer, h, p->row[t], k + t * ldk + h * c->d_head, v + t * ldv + h * c->d_value) && held;
    }
    return held ? EVOKE_OK : evk_fail(err, EVOKE_EUNSUPPORTED, "attention of layer %zu: a key or a value is beyond 65,504, the largest float16, "
                                      "and fast computation stores them so: compute exactly", layer);
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
    EVK_TRY(rotate_and_store(p, layer, q, k, v, err));
    EVK_TRY(attend_all(p, layer, q, mixed, err));
    evk_linear(p, layer, EVK_W_ATTN_OUT, EVK_W_ATTN_OUT_BIAS, mixed, p->n_token, out);
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}
