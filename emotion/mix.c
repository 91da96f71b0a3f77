/* emotion/mix.c: how far a text moves the model towards each emotion: the projection of what it computes on the EVs.
 *
 *     m[l]       mean over the text's tokens at a site, the model not steered
 *     d_e[l]     = EV_e[l] - EVbase[l]   (a file of one vector: EV_e)        what is this emotion's own, and not of all of them
 *     n[l]       the neutral class's mean there
 *
 *     mix_e = sum_l (m[l] - n[l]) . d_e[l]  /  sum_l |d_e[l]|^2
 *
 * 0 is where neutral answers lie and 1 where the emotion's own do: adding EV_e to the activations adds about 1. Of n only its
 * components along the EVs are known (evoke_vectors_neutral, c); as d_e is made of EVs, they are enough:
 *     n . d_e = c_e |EV_e| - c_base |EVbase| */
#include <stdlib.h>

#include "core/vector_norm.h"
#include "emotion/span_means.h"
#include "layers/forward.h"
#include "layers/vectors.h"

enum { CHUNK = 512 };
static const char *const what = "read the emotions";

typedef struct reader {
    const evoke_model *model;
    const evoke_mix_options *o;
    evk_span_layout layout;
    ptrdiff_t *held;            /* [layers of the model] row of the vectors, -1: not read */
    evk_span_means means;
    float *mean;                /* [layers held, D] */
    evk_kv_cache cache;
    evk_arena scratch;
} reader;

/* ---- which layers ---- */
static evoke_status choose_layers(reader *r, evoke_error *err)
{
    const evoke_mix_options *o = r->o;
    const size_t n_layer = r->model->config.n_layer, n_held = evoke_vectors_describe(o->vectors)->n_layer;
    const size_t n = o->layers ? o->n_layers : n_held;
    for (size_t l = 0; l < n_layer; l++)
        r->held[l] = -1;
    for (size_t i = 0; i < n; i++) {
        const int32_t layer = o->layers ? o->layers[i] : evoke_vectors_layer(o->vectors, i);
        const size_t row = evk_vectors_find_layer(o->vectors, layer);
        if (layer < 0 || (size_t)layer >= n_layer || row == n_held)
            return evk_fail(err, EVOKE_EDATA, "%s: the model and the vectors do not both hold layer %d", what, (int)layer);
        r->held[layer] = (ptrdiff_t)row;
    }
    return EVOKE_OK;
}

static evoke_status check(const reader *r, evoke_error *err)
{
    const evoke_mix_options *o = r->o;
    const evoke_vectors_info *v = evoke_vectors_describe(o->vectors);
    if (o->first >= o->last || o->last > o->n_ids || o->n_ids > r->model->config.n_ctx)
        return evk_fail(err, EVOKE_EARG, "%s: tokens %zu to %zu of %zu; the model's context is %zu", what, o->first, o->last,
                        o->n_ids, r->model->config.n_ctx);
    if (v->d_model != r->model->config.d_model)
        return evk_fail(err, EVOKE_EDATA, "%s: the vectors are %zu wide, the model %zu", what, v->d_model,
                        r->model->config.d_model);
    const bool base = v->n_emotion > 1 && evoke_vectors_get(o->vectors, o->site, v->n_emotion);
    if (!evoke_vectors_get(o->vectors, o->site, 0) || !evoke_vectors_neutral(o->vectors, o->site, 0) ||
        (base && !evoke_vectors_neutral(o->vectors, o->site, v->n_emotion)))
        return evk_fail(err, EVOKE_EDATA, "%s: the vectors do not say where neutral lies at %s (evoke ev writes files that do)",
                        what, evoke_site_name(o->site));
    return EVOKE_OK;
}

/* ---- the mean ---- */
static evoke_status take(void *user, evoke_site site, size_t layer, const float *x, size_t width, evoke_error *err)
{
    reader *r = user;
    const size_t left = r->o->n_ids - r->means.n_token;
    (void)site;
    (void)width;
    (void)err;
    evk_span_means_take(&r->means, &r->layout, 0, layer, x, left < CHUNK ? left : CHUNK);
    return EVOKE_OK;
}

static evoke_status read_text(reader *r, evoke_error *err)
{
    const evk_capture capture = { 1u << r->o->site, take, r };
    for (size_t begin = 0, n; begin < r->o->n_ids; begin += n) {
        n = r->o->n_ids - begin < CHUNK ? r->o->n_ids - begin : CHUNK;
        const evk_run run = { .ids = r->o->ids + begin, .n = n, .phase = EVK_PROMPT, .length = r->o->n_ids };
        EVK_TRY(evk_forward(r->model, &r->cache, &run, 1, &capture, NULL, &r->scratch, err));
        r->means.n_token += n;
    }
    evk_span_means_get(&r->means, &r->layout, 0, 0, r->mean);
    return EVOKE_OK;
}

static evoke_status make(reader *r, evoke_error *err)
{
    static const evoke_span span = EVOKE_SPAN_QUERY;    /* any tokens of the text, by first and last */
    const evoke_mix_options *o = r->o;
    const evk_config *c = &r->model->config;
    const size_t n_held = evoke_vectors_describe(o->vectors)->n_layer;
    size_t sequence;
    r->layout = (evk_span_layout){ &o->site, 1, &span, 1, r->held, n_held, c->d_model, false };
    EVK_TRY(evk_span_means_init(&r->means, &r->layout, NULL, o->n_ids, o->n_ids, o->first, o->last, err));
    EVK_TRY(evk_alloc(&r->mean, n_held * c->d_model, sizeof *r->mean, what, err));
    EVK_TRY(evk_kv_init(&r->cache, r->model, o->n_ids, 1, err));
    EVK_TRY(evk_kv_open(&r->cache, EVK_NO_PARENT, o->n_ids, &sequence, err));
    return evk_arena_init(&r->scratch, evk_forward_scratch(r->model, o->n_ids < CHUNK ? o->n_ids : CHUNK), what, err);
}

/* ---- the projection ---- */
static double mix_of(const reader *r, size_t e)
{
    const evoke_vectors *v = r->o->vectors;
    const evoke_site site = r->o->site;
    const size_t d = r->model->config.d_model, n_emotion = evoke_vectors_describe(v)->n_emotion;
    const float *ev = evoke_vectors_get(v, site, e), *neutral = evoke_vectors_neutral(v, site, e);
    const float *base = evoke_vectors_get(v, site, n_emotion), *base_neutral = evoke_vectors_neutral(v, site, n_emotion);
    const bool less = n_emotion > 1 && base;
    double along = 0, square = 0;
    for (size_t layer = 0; layer < r->model->config.n_layer; layer++) {
        if (r->held[layer] < 0)
            continue;
        const size_t l = (size_t)r->held[layer];
        for (size_t i = l * d; i < (l + 1) * d; i++) {
            const double own = (double)ev[i] - (less ? (double)base[i] : 0);
            along += (double)r->mean[i] * own;
            square += own * own;
        }
        along -= (double)neutral[l] * evk_norm(ev + l * d, d);
        along += less ? (double)base_neutral[l] * evk_norm(base + l * d, d) : 0;
    }
    return square > 0 ? along / square : 0;
}

evoke_status evoke_emotion_mix(const evoke_model *m, const evoke_mix_options *options, double *mix, evoke_error *err)
{
    reader r = { .model = m, .o = options };
    EVK_TRY(check(&r, err));
    evoke_status st = evk_alloc(&r.held, m->config.n_layer, sizeof *r.held, what, err);
    if (st == EVOKE_OK)
        st = choose_layers(&r, err);
    if (st == EVOKE_OK)
        st = make(&r, err);
    if (st == EVOKE_OK)
        st = read_text(&r, err);
    for (size_t e = 0; st == EVOKE_OK && e < evoke_vectors_describe(options->vectors)->n_emotion; e++)
        mix[e] = mix_of(&r, e);
    evk_span_means_free(&r.means);
    evk_kv_free(&r.cache);
    evk_arena_free(&r.scratch);
    free(r.mean);
    free(r.held);
    return st;
}
