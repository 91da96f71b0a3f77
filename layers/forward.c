#include "layers/forward.h"

#include <stdlib.h>

#include "core/kernels/matmul.h"
#include "core/kernels/packed.h"
#include "layers/layers.h"

enum { SLACK = 1 << 16 };   /* alignment of each piece of scratch */

float *evk_pass_floats(evk_pass *p, size_t rows, size_t cols, evoke_error *err)
{
    size_t n = 0;
    float *x = evk_mul(rows, cols, &n) ? evk_arena_floats(&p->scratch, n) : NULL;
    if (!x)
        evk_fail(err, EVOKE_ENOMEM, "run model: scratch of %zu bytes is too small for %zu tokens", p->scratch.capacity,
                 p->n_token);
    return x;
}

/* Bytes for the widest activations as digits; 0: no weights are packed. */
static size_t digit_bytes(const evoke_model *m, size_t n_token)
{
    const evk_config *c = &m->config;
    const size_t widths[] = { c->d_model, c->n_head * c->d_value, c->q_rank, c->kv_rank };
    size_t most = 0, slice = n_token < EVK_MLP_SLICE ? n_token : EVK_MLP_SLICE;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        most = widths[i] > most ? widths[i] : most;
    const size_t attention = evk_packed_scratch(m->n_thread, n_token, most, m->n_digit);
    const size_t mlp = evk_packed_scratch(m->n_thread, slice, c->d_ff, m->n_digit);
    return m->info.n_repacked_bytes == 0 ? 0 : attention > mlp ? attention : mlp;
}

size_t evk_forward_scratch(const evoke_model *m, size_t n_token)
{
    const evk_config *c = &m->config;
    const size_t d = c->d_model, q = c->n_head * c->d_head, k = c->n_kv_head * c->d_head, v = c->n_kv_head * c->d_value;
    const size_t slice = n_token < EVK_MLP_SLICE ? n_token : EVK_MLP_SLICE;
    const size_t stream = n_token * (4 * d + c->n_rope * c->d_rope + 2);    /* residual, normed (twice), out, angles, rows */
    const size_t latent = c->kv_rank ? c->q_rank + c->kv_rank + c->d_rope + k + v : 0;
    const size_t attention = n_token * (q + c->n_head * c->d_value + k + v + latent + 12) +
                             m->n_thread * evk_attention_scratch(c);
    const size_t mlp = 2 * slice * c->d_ff;
    return (d + c->d_rope + stream + (attention > mlp ? attention : mlp) + evk_matmul_scratch(m->n_thread)) * sizeof(float) +
           digit_bytes(m, n_token) + SLACK;
}

void evk_linear_several(const evk_pass *p, size_t layer, const evk_linear_of *of, size_t n_of, const float *x, size_t n)
{
    const evoke_model *m = p->model;
    evk_product packed[EVK_MOST_TOGETHER];
    size_t n_packed = 0, cols = 0;
    for (size_t i = 0; i < n_of; i++) {
        const evk_weight *w = evk_model_weight(m, layer, of[i].matrix);
        const float *bias = of[i].bias == EVK_N_SLOT ? NULL : evk_model_vector(m, layer, of[i].bias);
        cols = w->matrix.cols;
        if (evk_takes_packed(m, w))
            packed[n_packed++] = (evk_product){ &w->packed, bias, of[i].out, w->matrix.rows };
        else
            evk_matmul(&m->kernels, m->n_thread, &w->matrix, bias, x, cols, n, of[i].out, w->matrix.rows, p->panels);
    }
    if (n_packed)
        evk_matmul_packed(&m->kernels, m->n_thread, packed, n_packed, m->n_digit, x, cols, n, p->digits);
}

void evk_linear(const evk_pass *p, size_t layer, evk_slot matrix, evk_slot bias, const float *x, size_t n, float *out)
{
    evk_linear_several(p, layer, &(evk_linear_of){ matrix, bias, out }, 1, x, n);
}

evoke_status evk_at_hook(const evk_pass *p, evoke_site site, size_t layer, float *x, size_t width, evoke_error *err)
{
    size_t first = 0;
    for (size_t r = 0; r < p->n_run; first += p->runs[r].n, r++) {
        const evk_edit *edit = p->runs[r].edit;
        if (edit && edit->sites & 1u << site)
            edit->apply(edit, site, layer, &p->runs[r], x + first * width, width);
    }
    if (p->capture && p->capture->sites & 1u << site)
        return p->capture->take(p->capture->user, site, layer, x, width, err);
    return EVOKE_OK;
}

/* Checks the batch and takes room for it in the cache. */
static evoke_status admit(evk_pass *p, evoke_error *err)
{
    const size_t n_ctx = p->model->config.n_ctx;
    for (size_t r = 0; r < p->n_run; r++) {
        const evk_run *run = &p->runs[r];
        const evk_sequence *s = &p->cache->sequences[run->sequence];
        if (run->n == 0 || run->n > s->capacity - s->n)
            return evk_fail(err, EVOKE_ENOMEM, "run model: %zu tokens do not fit a context of %zu, %zu of them used",
                            run->n, s->position + s->capacity, s->position + s->n);
        if (evk_model_matrix(p->model, 0, EVK_W_POSITION) && s->position + s->n + run->n > n_ctx)
            return evk_fail(err, EVOKE_EARG, "run model: the model has %zu positions, and %zu are wanted", n_ctx,
                            s->position + s->n + run->n);
        EVK_TRY(evk_model_check_ids(p->model, "run model", run->ids, run->n, err));
        p->n_token += run->n;
    }
    return EVOKE_OK;
}

/* Rotary angles of n tokens of the batch from `first` on. length: of their sequence, as far as it is known. */
static void turn(const evk_pass *p, size_t first, size_t n, size_t position, size_t length, double *room)
{
    const evk_config *c = &p->model->config;
    const size_t half = c->d_rope / 2;
    for (size_t i = 0; i < c->n_rope; i++) {
        const double *frequency = p->model->rope_frequency[i];
        if (evk_rope_is_beyond(&c->rope[i], length)) {
            evk_model_frequencies(p->model, i, length, room);
            frequency = room;
        }
        for (size_t t = 0; t < n; t++)
            evk_rope_angles(frequency, half, c->rope[i].amplitude, position + t, p->cosine[i] + (first + t) * half,
                            p->sine[i] + (first + t) * half);
    }
}

/* Where each token's keys go, its rotary angles, and its embedding. room: D floats, or d_rope / 2 doubles. */
static void place(evk_pass *p, float *room)
{
    size_t first = 0;
    for (size_t r = 0; r < p->n_run; first += p->runs[r].n, r++) {
        const evk_run *run = &p->runs[r];
        evk_sequence *s = &p->cache->sequences[run->sequence];
        const size_t position = s->position + s->n, end = position + run->n;
        for (size_t t = 0; t < run->n; t++)
            p->row[first + t] = s->start + s->n + t;
        turn(p, first, run->n, position, run->length > end ? run->length : end, (double *)(void *)room);
        evk_embed(p, run, position, room, p->residual + first * p->model->config.d_model);
        s->n += run->n;
    }
}

/* A failed pass leaves the sequences as they were. */
static void take_back(evk_pass *p)
{
    for (size_t r = 0; r < p->n_run; r++)
        p->cache->sequences[p->runs[r].sequence].n -= p->runs[r].n;
}

static evoke_status run_blocks(evk_pass *p, float *logits, evoke_error *err)
{
    EVK_TRY(evk_at_hook(p, EVOKE_EMBED, 0, p->residual, p->model->config.d_model, err));
    for (size_t layer = 0; layer < p->model->config.n_layer; layer++)
        EVK_TRY(evk_block(p, layer, err));
    return evk_head(p, logits, err);
}

evoke_status evk_forward(const evoke_model *m, evk_kv_cache *cache, const evk_run *runs, size_t n_run,
                         const evk_capture *capture, float *logits, evk_arena *scratch, evoke_error *err)
{
    evk_pass p = { .model = m, .cache = cache, .runs = runs, .n_run = n_run, .capture = capture, .scratch = *scratch };
    const size_t half = m->config.d_rope / 2;
    EVK_TRY(admit(&p, err));
    p.row = (size_t *)(void *)evk_pass_floats(&p, p.n_token, sizeof(size_t) / sizeof(float), err);
    for (size_t i = 0; i < m->config.n_rope; i++) {
        p.cosine[i] = evk_pass_floats(&p, p.n_token, half, err);
        p.sine[i] = evk_pass_floats(&p, p.n_token, half, err);
        if (!p.cosine[i] || !p.sine[i])
            return EVOKE_ENOMEM;
    }
    p.residual = evk_pass_floats(&p, p.n_token, m->config.d_model, err);
    p.panels = evk_pass_floats(&p, 1, evk_matmul_scratch(m->n_thread), err);
    p.digits = evk_pass_floats(&p, 1, digit_bytes(m, p.n_token) / sizeof(float) + 1, err);
    float *room = evk_pass_floats(&p, 1, m->config.d_model + m->config.d_rope, err);
    if (!p.row || !p.residual || !p.panels || !p.digits || !room)
        return EVOKE_ENOMEM;
    place(&p, room);
    const evoke_status st = run_blocks(&p, logits, err);
    if (st != EVOKE_OK)
        take_back(&p);
    return st;
}
