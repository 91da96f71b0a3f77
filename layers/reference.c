/* layers/reference.c: the float64 pass: embedding, blocks (block.c has their equations), final norm, head. */
#include "layers/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double U = EVK_UNIT_ROUNDING;

size_t evk_site_rows(const evoke_model *m, evoke_site site)
{
    return site == EVOKE_EMBED || site == EVOKE_FINAL_NORM || site == EVOKE_LOGITS ? 1 : m->config.n_layer;
}

size_t evk_site_width(const evoke_model *m, evoke_site site)
{
    return site == EVOKE_LOGITS ? m->config.n_vocab : m->config.d_model;
}

void evk_reference_free(evk_reference *r)
{
    for (size_t i = 0; i < EVOKE_N_SITE; i++)
        free(r->site[i]);
    *r = (evk_reference){ 0 };
}

/* ---- room ---- */

static evoke_status take_room(evk_reference_pass *p, evoke_error *err)
{
    const evk_config *c = &p->m->config;
    const size_t kv = c->kv_rank + c->d_rope, up = c->n_head * (c->d_head + c->d_value);
    struct { double **at; size_t width; } rooms[] = {
        { &p->x, c->d_model }, { &p->normed, c->d_model }, { &p->y, c->d_model }, { &p->q, c->n_head * c->d_head },
        { &p->k, c->n_kv_head * c->d_head }, { &p->v, c->n_kv_head * c->d_value }, { &p->mixed, c->n_head * c->d_value },
        { &p->low, c->q_rank > kv ? c->q_rank : kv }, { &p->latent, c->kv_rank + 1 }, { &p->up, up > c->d_ff ? up : c->d_ff },
        { &p->gate, c->d_ff },
    };
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        EVK_TRY(evk_alloc(rooms[i].at, p->n * (rooms[i].width + 1), sizeof(double), "compute in float64", err));
    for (size_t i = 0; i < c->n_rope; i++) {
        EVK_TRY(evk_alloc(&p->cosine[i], p->n * c->d_rope, sizeof(double), "compute in float64", err));
        EVK_TRY(evk_alloc(&p->sine[i], p->n * c->d_rope, sizeof(double), "compute in float64", err));
    }
    return EVOKE_OK;
}

static void give_back(evk_reference_pass *p)
{
    double *all[] = { p->x, p->normed, p->y, p->q, p->k, p->v, p->mixed, p->low, p->latent, p->up, p->gate };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    for (size_t i = 0; i < EVK_MAX_ROPE; i++) {
        free(p->cosine[i]);
        free(p->sine[i]);
    }
}

/* ---- steps ---- */

static evoke_status find_angles(evk_reference_pass *p, evoke_error *err)
{
    const evk_config *c = &p->m->config;
    const size_t half = c->d_rope / 2;
    double *frequency = NULL;
    EVK_TRY(evk_alloc(&frequency, half + 1, sizeof *frequency, "compute in float64", err));
    for (size_t i = 0; i < c->n_rope; i++) {
        evk_model_frequencies(p->m, i, p->n, frequency);
        for (size_t j = 0; j < p->n * half; j++) {
            const double angle = (double)(j / half) * frequency[j % half];
            p->cosine[i][j] = c->rope[i].amplitude * cos(angle);
            p->sine[i][j] = c->rope[i].amplitude * sin(angle);
        }
    }
    free(frequency);
    return EVOKE_OK;
}

static evoke_status embed(evk_reference_pass *p, evoke_error *err)
{
    const evk_config *c = &p->m->config;
    const evk_tensor *e = evk_model_matrix(p->m, 0, EVK_W_EMBED), *learned = evk_model_matrix(p->m, 0, EVK_W_POSITION);
    float *row = NULL;
    EVK_TRY(evk_alloc(&row, 2 * c->d_model, sizeof *row, "compute in float64", err));
    p->step++;
    for (size_t t = 0; t < p->n; t++) {
        evk_reference_row(p, e, (size_t)p->ids[t], row);
        if (learned)
            evk_reference_row(p, learned, t, row + c->d_model);
        for (size_t i = 0; i < c->d_model; i++) {
            const double x = (double)c->embed_scale * (double)row[i] + (learned ? (double)row[c->d_model + i] : 0);
            p->x[t * c->d_model + i] = x + evk_reference_error(p, t * c->d_model + i, U * fabs(x));
        }
    }
    free(row);
    return EVOKE_OK;
}

/* Keeps rows x [T, width] as a hook point's. */
static void keep(const evk_reference_pass *p, const evk_reference *r, evoke_site site, const double *x)
{
    const size_t width = evk_site_width(p->m, site), rows = evk_site_rows(p->m, site), row = rows == 1 ? 0 : p->layer;
    for (size_t t = 0; t < p->n; t++)
        memcpy(r->site[site] + (t * rows + row) * width, x + t * width, width * sizeof *x);
}

/* What a half reads: the stream through its norm, or as it is. */
static void read_stream(evk_reference_pass *p, evk_slot norm, evk_slot bias, double *out)
{
    const evk_config *c = &p->m->config;
    const float *weight = evk_model_vector(p->m, p->layer, norm);
    if (weight)
        evk_reference_norm(p, weight, bias == EVK_N_SLOT ? NULL : evk_model_vector(p->m, p->layer, bias), c->d_model,
                           c->norm_eps, p->x, c->d_model, out, c->d_model, p->n);
    else
        memcpy(out, p->x, p->n * c->d_model * sizeof *out);
}

/* From a layer's projection p->y to what is added to the stream, and the sum. */
static void finish_half(evk_reference_pass *p, const evk_reference *r, evk_slot post, evoke_site proj, evoke_site out,
                        evoke_site after)
{
    const evk_config *c = &p->m->config;
    const float *weight = evk_model_vector(p->m, p->layer, post);
    keep(p, r, proj, p->y);
    if (weight)
        evk_reference_norm(p, weight, NULL, c->d_model, c->norm_eps, p->y, c->d_model, p->y, c->d_model, p->n);
    for (size_t i = 0; i < p->n * c->d_model; i++)
        p->y[i] *= (double)c->residual_scale;
    keep(p, r, out, p->y);
    p->step++;
    for (size_t i = 0; i < p->n * c->d_model; i++) {
        p->x[i] += p->y[i];
        p->x[i] += evk_reference_error(p, i, U * fabs(p->x[i]));
    }
    keep(p, r, after, p->x);
}

static evoke_status block(evk_reference_pass *p, const evk_reference *r, double *beside, evoke_error *err)
{
    keep(p, r, EVOKE_RESID_PRE, p->x);
    read_stream(p, EVK_W_ATTN_NORM, EVK_W_ATTN_NORM_BIAS, p->normed);
    if (p->m->config.parallel)
        read_stream(p, EVK_W_MLP_NORM, EVK_W_MLP_NORM_BIAS, beside);
    EVK_TRY(evk_reference_attention(p, p->normed, p->y, err));
    finish_half(p, r, EVK_W_ATTN_POST_NORM, EVOKE_ATTN_PROJ, EVOKE_ATTN_OUT, EVOKE_RESID_MID);
    if (!p->m->config.parallel)
        read_stream(p, EVK_W_MLP_NORM, EVK_W_MLP_NORM_BIAS, beside);
    EVK_TRY(evk_reference_mlp(p, beside, p->y, err));
    finish_half(p, r, EVK_W_MLP_POST_NORM, EVOKE_MLP_PROJ, EVOKE_MLP_OUT, EVOKE_RESID_POST);
    return EVOKE_OK;
}

/* 1 / length of each row of the head, where the model counts them as of length 1. */
static evoke_status unit_rows(const evk_reference_pass *p, const evk_tensor *w, double *logits, evoke_error *err)
{
    float *row = NULL;
    EVK_TRY(evk_alloc(&row, w->cols, sizeof *row, "compute in float64", err));
    for (size_t r = 0; r < w->rows; r++) {
        double square = 0;
        evk_reference_row(p, w, r, row);
        for (size_t i = 0; i < w->cols; i++)
            square += (double)row[i] * (double)row[i];
        for (size_t t = 0; t < p->n; t++)
            logits[t * w->rows + r] /= fmax(sqrt(square), 1e-12);
    }
    free(row);
    return EVOKE_OK;
}

static evoke_status head(evk_reference_pass *p, const evk_reference *r, evoke_error *err)
{
    const evk_config *c = &p->m->config;
    double *logits = r->site[EVOKE_LOGITS];
    p->layer = 0;
    read_stream(p, EVK_W_FINAL_NORM, EVK_W_FINAL_NORM_BIAS, p->normed);
    keep(p, r, EVOKE_FINAL_NORM, p->normed);
    for (size_t i = 0; i < p->n * c->d_model; i++)
        p->normed[i] *= (double)c->logit_scale;
    EVK_TRY(evk_reference_linear(p, EVK_W_HEAD, EVK_N_SLOT, p->normed, logits, err));
    if (c->unit_head)
        EVK_TRY(unit_rows(p, evk_model_matrix(p->m, 0, EVK_W_HEAD), logits, err));
    for (size_t i = 0; c->logit_cap > 0 && i < p->n * c->n_vocab; i++)
        logits[i] = (double)c->logit_cap * tanh(logits[i] / (double)c->logit_cap);
    return EVOKE_OK;
}

static evoke_status run(evk_reference_pass *p, const evk_reference *r, evoke_error *err)
{
    double *beside = NULL;
    EVK_TRY(find_angles(p, err));
    EVK_TRY(embed(p, err));
    EVK_TRY(evk_alloc(&beside, p->n * p->m->config.d_model, sizeof *beside, "compute in float64", err));
    keep(p, r, EVOKE_EMBED, p->x);
    evoke_status st = EVOKE_OK;
    for (size_t layer = 0; st == EVOKE_OK && layer < p->m->config.n_layer; layer++) {
        p->layer = layer;
        st = block(p, r, beside, err);
    }
    free(beside);
    return st == EVOKE_OK ? head(p, r, err) : st;
}

evoke_status evk_reference_run(const evoke_model *m, const int32_t *ids, size_t n, uint64_t draw, evk_reference *out,
                               evoke_error *err)
{
    evk_reference_pass p = { .m = m, .ids = ids, .n = n, .draw = draw };
    *out = (evk_reference){ .n_token = n };
    evk_kernels_add_ref(&p.portable);
    EVK_TRY(evk_model_check_ids(m, "run model", ids, n, err));
    for (evoke_site s = 0; s < EVOKE_N_SITE; s++)
        EVK_TRY(evk_alloc(&out->site[s], n * evk_site_rows(m, s), evk_site_width(m, s) * sizeof(double), "compute in float64",
                          err));
    evoke_status st = take_room(&p, err);
    if (st == EVOKE_OK)
        st = run(&p, out, err);
    give_back(&p);
    return st;
}
