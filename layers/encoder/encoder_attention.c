/* layers/encoder/encoder_attention.c: attention over a whole text, and with relative positions kept apart from content.
 *
 *     s[i, j] = scale ( q[i] . k[j]  +  q[i] . rk[d(i - j)]  +  k[j] . rq[d(i - j)] )         a[i] = sum_j softmax_j(s) v[j]
 *
 * The second and third term are there where the model has them (He and others 2020, arXiv 2006.03654); rk and rq are
 * projections of a table with a row for each distance up to a limit, or, with buckets, for each of a few ranges that grow
 * like the logarithm of the distance. Causal: j <= i. Work is cut into items of one head of one text. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "layers/encoder/encoder_forward.h"

/* Distances up to half the buckets have one each; the rest share them by their logarithm, in float32 as the model was
 * trained. */
static ptrdiff_t bucket(const evk_encoder_config *c, ptrdiff_t distance)
{
    const ptrdiff_t middle = (ptrdiff_t)(c->n_bucket / 2), size = distance < 0 ? -distance : distance;
    if (size <= middle)
        return distance;
    const float over = logf((float)size / (float)middle);
    const float all = logf((float)((double)(c->max_relative - 1) / (double)middle));
    const float row = ceilf(over / all * (float)(middle - 1)) + (float)middle;
    const ptrdiff_t limit = (ptrdiff_t)1 << 24, found = row < (float)limit ? (ptrdiff_t)row : limit;
    return distance < 0 ? -found : found;
}

size_t evk_relative_row(const evk_encoder_config *c, ptrdiff_t distance)
{
    const ptrdiff_t span = (ptrdiff_t)c->relative_span, row = (c->n_bucket ? bucket(c, distance) : distance) + span;
    return (size_t)(row < 0 ? 0 : row > 2 * span - 1 ? 2 * span - 1 : row);
}

/* Scratch of one thread: scores [block, keys]; with relative terms also a row number for each distance, and the products of
 * the block's queries, and of all keys, with the rows at hand. */
typedef struct room {
    float *scores, *c2p, *p2c;
    size_t *row;
} room;

static size_t rows_at_hand(const evk_encoder_config *c, size_t longest)
{
    if (!c->relative_span || longest == 0)
        return 0;
    const ptrdiff_t most = (ptrdiff_t)longest - 1;
    return evk_relative_row(c, most) - evk_relative_row(c, -most) + 1;
}

size_t evk_encoder_room(const evoke_encoder *e, size_t longest)
{
    const size_t rows = rows_at_hand(&e->config, longest);
    return EVK_ENCODER_BLOCK * longest + (rows ? (EVK_ENCODER_BLOCK + longest) * rows + 2 * (2 * longest + 16) : 0) + 64;
}

static room furnish(float *base, size_t longest, size_t rows)
{
    room r = { .scores = base };
    base += EVK_ENCODER_BLOCK * longest;
    r.c2p = base;
    r.p2c = base + EVK_ENCODER_BLOCK * rows;
    base = r.p2c + longest * rows;
    base += (8 - ((uintptr_t)base / sizeof *base) % 8) % 8;
    r.row = (size_t *)(void *)base;
    return r;
}

/* Adds the relative terms to the scores of queries [first, first + n) of a text of n_key tokens. */
static void add_relative(const evk_kernels *k, const evk_attending *a, const room *r, size_t head, const float *q, size_t first,
                         size_t n, size_t n_key)
{
    const evk_relative *rel = a->relative;
    const size_t ld = a->n_head * a->d_head;
    if (rel->k)
        k->matmul(q, ld, rel->k + head * a->d_head, ld, r->c2p, rel->n, n, rel->n, a->d_head);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n_key; j++) {
            const size_t row = r->row[first + i + n_key - 1 - j];
            if (rel->k)
                r->scores[i * n_key + j] += r->c2p[i * rel->n + row];
            if (rel->q)
                r->scores[i * n_key + j] += r->p2c[j * rel->n + row];
        }
}

/* Softmax of n <= EVK_MIX_TILE rows of scores [n, n_key] and their mixes of values; the first sees `seen` keys, and where
 * attention is causal each one more than the last. */
static void mix(const evk_kernels *k, const evk_attending *a, float *scores, size_t n, size_t n_key, size_t seen, const float *v,
                float *out)
{
    const size_t ld = a->n_head * a->d_head;
    float over[EVK_MIX_TILE];
    for (size_t i = 0; i < n; i++) {
        const size_t sees = a->causal ? seen + i : seen;
        const float most = k->scaled_max(scores + i * n_key, a->scale, sees);
        over[i] = (float)(1.0 / k->exp_sum(scores + i * n_key, a->scale, most, sees));
        memset(out + i * ld, 0, a->d_head * sizeof *out);
    }
    k->axpy_rows(scores, n_key, v, ld, seen, out, ld, n, a->d_head);
    for (size_t i = 1; i < n && a->causal; i++)
        k->axpy_rows(scores + i * n_key + seen, n_key, v + seen * ld, ld, i, out + i * ld, ld, 1, a->d_head);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < a->d_head; c++)
            out[i * ld + c] *= over[i];
}

static void attend(const evk_encoder_pass *p, const evk_attending *a, const evk_text_run *run, size_t head, float *out, float *base)
{
    const evk_kernels *k = &p->encoder->kernels;
    const size_t ld = a->n_head * a->d_head, at = run->first * ld + head * a->d_head, n = run->n;
    const evk_relative *rel = a->relative;
    const room r = furnish(base, p->longest, rel ? rel->n : 0);
    for (size_t i = 0; rel && i < 2 * n - 1; i++)
        r.row[i] = evk_relative_row(&p->encoder->config, (ptrdiff_t)i - (ptrdiff_t)(n - 1)) - rel->first;
    if (rel && rel->q)
        k->matmul(a->k + at, ld, rel->q + head * a->d_head, ld, r.p2c, rel->n, n, rel->n, a->d_head);
    for (size_t t = 0; t < n; t += EVK_ENCODER_BLOCK) {
        const size_t block = n - t < EVK_ENCODER_BLOCK ? n - t : EVK_ENCODER_BLOCK;
        k->matmul(a->q + at + t * ld, ld, a->k + at, ld, r.scores, n, block, n, a->d_head);
        if (rel)
            add_relative(k, a, &r, head, a->q + at + t * ld, t, block, n);
        for (size_t i = 0; i < block; i += EVK_MIX_TILE)
            mix(k, a, r.scores + i * n, block - i < EVK_MIX_TILE ? block - i : EVK_MIX_TILE, n, a->causal ? t + i + 1 : n, a->v + at,
                out + at + (t + i) * ld);
    }
}

evoke_status evk_encoder_attend(evk_encoder_pass *p, const evk_attending *a, float *out, evoke_error *err)
{
    const size_t mark = evk_arena_used(&p->scratch), size = evk_encoder_room(p->encoder, p->longest);
    float *rooms = evk_encoder_floats(p, p->encoder->n_thread, size, err);
    if (!rooms)
        return EVOKE_ENOMEM;
#pragma omp parallel for schedule(dynamic) num_threads((int)p->encoder->n_thread)
    for (size_t i = 0; i < p->n_run * a->n_head; i++)
        attend(p, a, &p->runs[i / a->n_head], i % a->n_head, out, rooms + size * (size_t)omp_get_thread_num());
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}
