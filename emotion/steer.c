/* emotion/steer.c: steering: activations at a site moved along emotion vectors while the model runs.
 *
 *     add       h <- h + sum_e alpha_e EV_e                                            (arXiv 2502.04075)
 *     relative  the same with each EV_e scaled, layer by layer, to the typical norm at that site
 *     renorm    add, then restore the norm that h had:  h' |h| / |h'|
 *     ablate    h <- h - (h . u) u,  u = EV_e / |EV_e|,  one emotion after the other; alpha only has to differ from 0
 *
 * A positive alpha moves towards the emotion, a negative one away from it. Which tokens: `all`; `prompt`, those of the
 * prompt; `response`, the last prompt token (from which the first new one is drawn) and every generated one; `last`, the
 * last token of every forward pass, as the authors' code does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "layers/forward.h"

typedef struct edit {
    evoke_site site;
    evoke_positions positions;
    evoke_steer_mode mode;
    bool *at;               /* [L] layers that it edits */
    float *vector;          /* [L, D] what is added; for ablate the unit direction */
} edit;

typedef struct steering {
    struct evoke_steering base;     /* first: an evoke_steering points here */
    const evoke_model *model;
    edit *edits;
    size_t n;
    evk_buffer text;
} steering;

/* ---- while the model runs ---- */

static void shift(const evk_kernels *k, const float *v, float *x, size_t d)
{
    k->axpy(1.0f, v, x, d);
}

static void shift_and_renorm(const evk_kernels *k, const float *v, float *x, size_t d)
{
    const double before = sqrt(k->sum_squares(x, d));
    k->axpy(1.0f, v, x, d);
    const double after = sqrt(k->sum_squares(x, d));
    const float scale = after > 0 ? (float)(before / after) : 1.0f;
    for (size_t i = 0; i < d; i++)
        x[i] *= scale;
}

static void ablate(const evk_kernels *k, const float *unit, float *x, size_t d)
{
    double along = 0;
    for (size_t i = 0; i < d; i++)
        along += (double)x[i] * (double)unit[i];
    k->axpy((float)-along, unit, x, d);
}

static void edit_token(const evk_kernels *k, const edit *e, const float *v, float *x, size_t d)
{
    if (e->mode == EVOKE_STEER_RENORM)
        shift_and_renorm(k, v, x, d);
    else if (e->mode == EVOKE_STEER_ABLATE)
        ablate(k, v, x, d);
    else
        shift(k, v, x, d);
}

/* The first of a run's n tokens that the rule covers; the rest of the run is covered too. */
static size_t first_covered(evoke_positions positions, evk_phase phase, size_t n)
{
    switch (positions) {
    case EVOKE_AT_ALL:
        return 0;
    case EVOKE_AT_PROMPT:
        return phase == EVK_RESPONSE ? n : 0;
    default:                                    /* response, last: the end of the prompt, then every token */
        return phase == EVK_RESPONSE ? 0 : phase == EVK_PROMPT_END ? n - 1 : n;
    }
}

static void apply(const evk_edit *self, evoke_site site, size_t layer, evk_phase phase, float *x, size_t n, size_t width)
{
    const steering *s = (const steering *)(const void *)self;
    for (size_t i = 0; i < s->n; i++) {
        const edit *e = &s->edits[i];
        if (e->site != site || !e->at[layer])
            continue;
        for (size_t t = first_covered(e->positions, phase, n); t < n; t++)
            edit_token(&s->model->kernels, e, e->vector + layer * width, x + t * width, width);
    }
}

/* ---- making one ---- */

evoke_status evoke_steering_new(const evoke_model *m, evoke_steering **out, evoke_error *err)
{
    steering *s = NULL;
    *out = NULL;
    EVK_TRY(evk_alloc(&s, 1, sizeof *s, "make steering", err));
    s->model = m;
    s->base.edit = (evk_edit){ 0, apply };
    *out = &s->base;
    return EVOKE_OK;
}

void evoke_steering_free(evoke_steering *base)
{
    steering *s = (steering *)(void *)base;
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        free(s->edits[i].at);
        free(s->edits[i].vector);
    }
    free(s->edits);
    evk_buffer_free(&s->text);
    free(s);
}

const char *evoke_steering_text(const evoke_steering *base)
{
    const steering *s = (const steering *)(const void *)base;
    return s->text.n ? s->text.data : "";
}

/* Index of an emotion by name, n_emotion for "base"; a file of one vector may leave the name out. */
static evoke_status find_emotion(const evoke_vectors *v, const char *name, size_t *out, evoke_error *err)
{
    const size_t n = evoke_vectors_describe(v)->n_emotion;
    char known[256] = "";
    if (!name && n == 1) {
        *out = 0;
        return EVOKE_OK;
    }
    if (!name)
        return evk_fail(err, EVOKE_EARG, "steer: the vectors hold %zu emotions: name one, as in joy=1", n);
    for (size_t e = 0; e < n; e++) {
        const char *own = evoke_vectors_emotion(v, e);
        const size_t used = strlen(known);
        if (strcmp(own, name) == 0) {
            *out = e;
            return EVOKE_OK;
        }
        snprintf(known + used, sizeof known - used, "%s%.32s", used ? ", " : "", own);
    }
    *out = n;
    return strcmp(name, "base") == 0
               ? EVOKE_OK
               : evk_fail(err, EVOKE_EDATA, "steer: the vectors hold no emotion '%.64s'; they hold %s", name, known);
}

/* Marks the layers; *held[l] becomes the index of layer l in the vectors file. */
static evoke_status choose_layers(const steering *s, const evoke_steer_options *o, bool *at, size_t *held, evoke_error *err)
{
    const size_t n_layer = s->model->config.n_layer, n_held = evoke_vectors_describe(o->vectors)->n_layer;
    const size_t n = o->layers ? o->n_layers : n_held;
    for (size_t i = 0; i < n; i++) {
        const int32_t layer = o->layers ? o->layers[i] : evoke_vectors_layer(o->vectors, i);
        size_t index = 0;
        if (layer < 0 || (size_t)layer >= n_layer)
            return evk_fail(err, EVOKE_EDATA, "steer: layer %d is out of range: the model has 0 to %zu", (int)layer, n_layer - 1);
        while (index < n_held && evoke_vectors_layer(o->vectors, index) != layer)
            index++;
        if (index == n_held)
            return evk_fail(err, EVOKE_EDATA, "steer: the vectors hold nothing for layer %d", (int)layer);
        at[layer] = true;
        held[layer] = index;
    }
    return EVOKE_OK;
}

/* One layer of one emotion's vector as the mode wants it, in double: out [D]. */
static evoke_status direction(const steering *s, const evoke_steer_options *o, size_t e, size_t index, double *out,
                              evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(o->vectors);
    const float *ev = evoke_vectors_get(o->vectors, o->site, e), *base = evoke_vectors_get(o->vectors, o->site, info->n_emotion);
    const float *norms = evoke_vectors_residual_norm(o->vectors, o->site);
    const size_t d = s->model->config.d_model;
    double square = 0;
    for (size_t i = 0; i < d; i++) {
        out[i] = (double)ev[index * d + i] - (o->less_base && base && e < info->n_emotion ? (double)base[index * d + i] : 0);
        square += out[i] * out[i];
    }
    const bool scaled = o->mode == EVOKE_STEER_RELATIVE || o->mode == EVOKE_STEER_ABLATE;
    if (o->mode == EVOKE_STEER_RELATIVE && (!norms || !(norms[index] > 0)))
        return evk_fail(err, EVOKE_EDATA, "steer: mode relative needs typical norms, and the vectors hold none for this site");
    if (!scaled || square == 0)
        return EVOKE_OK;
    const double scale = (o->mode == EVOKE_STEER_RELATIVE ? (double)norms[index] : 1.0) / sqrt(square);
    for (size_t i = 0; i < d; i++)
        out[i] *= scale;
    return EVOKE_OK;
}

/* Adds one strength's direction (times alpha; ablate: once) to sum [L, D] in the layers edited. one [D] is scratch. */
static evoke_status add_direction(const steering *s, const evoke_steer_options *o, const evoke_strength *strength,
                                  const edit *e, const size_t *held, double *one, double *sum, evoke_error *err)
{
    const size_t d = s->model->config.d_model;
    const double alpha = o->mode == EVOKE_STEER_ABLATE ? 1.0 : strength->alpha;
    size_t emotion = 0;
    EVK_TRY(find_emotion(o->vectors, strength->emotion, &emotion, err));
    for (size_t layer = 0; layer < s->model->config.n_layer; layer++) {
        if (!e->at[layer])
            continue;
        EVK_TRY(direction(s, o, emotion, held[layer], one, err));
        for (size_t j = 0; j < d; j++)
            sum[layer * d + j] += alpha * one[j];
    }
    return EVOKE_OK;
}

/* e->vector [L, D] = the sum of n strengths' directions, made in double. */
static evoke_status combine(const steering *s, const evoke_steer_options *o, const evoke_strength *strengths, size_t n,
                            const edit *e, const size_t *held, evoke_error *err)
{
    const size_t d = s->model->config.d_model, size = s->model->config.n_layer * d;
    double *one = NULL, *sum = NULL;
    evoke_status st = evk_alloc(&one, d, sizeof *one, "make steering", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&sum, size, sizeof *sum, "make steering", err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        st = add_direction(s, o, &strengths[i], e, held, one, sum, err);
    for (size_t i = 0; st == EVOKE_OK && i < size; i++)
        e->vector[i] = (float)sum[i];
    free(one);
    free(sum);
    return st;
}

static evoke_status append(steering *s, const evoke_steer_options *o, const evoke_strength *strengths, size_t n,
                           evoke_error *err)
{
    const evk_config *c = &s->model->config;
    edit e = { o->site, o->positions, o->mode, NULL, NULL };
    size_t *held = NULL;
    evoke_status st = evk_alloc(&e.at, c->n_layer, sizeof *e.at, "make steering", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&e.vector, c->n_layer * c->d_model, sizeof *e.vector, "make steering", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&held, c->n_layer, sizeof *held, "make steering", err);
    if (st == EVOKE_OK)
        st = choose_layers(s, o, e.at, held, err);
    if (st == EVOKE_OK)
        st = combine(s, o, strengths, n, &e, held, err);
    edit *more = st == EVOKE_OK ? realloc(s->edits, (s->n + 1) * sizeof *more) : NULL;
    free(held);
    if (!more) {
        free(e.at);
        free(e.vector);
        return st == EVOKE_OK ? evk_fail(err, EVOKE_ENOMEM, "make steering: no memory") : st;
    }
    s->edits = more;
    s->edits[s->n++] = e;
    s->base.edit.sites |= 1u << o->site;
    return EVOKE_OK;
}

static evoke_status describe(steering *s, const evoke_steer_options *o, evoke_error *err)
{
    EVK_TRY(evk_buffer_format(&s->text, err, "%s%s", s->text.n ? "; " : "", evoke_steer_mode_name(o->mode)));
    for (size_t i = 0; i < o->n_strengths; i++)
        EVK_TRY(evk_buffer_format(&s->text, err, "%s%s=%g", i ? "," : " ",
                                  o->strengths[i].emotion ? o->strengths[i].emotion : "vector", o->strengths[i].alpha));
    EVK_TRY(evk_buffer_format(&s->text, err, "%s at %s, positions %s, layers", o->less_base ? " less base" : "",
                              evoke_site_name(o->site), evoke_positions_name(o->positions)));
    for (size_t i = 0; o->layers && i < o->n_layers; i++)
        EVK_TRY(evk_buffer_format(&s->text, err, "%s%d", i ? "," : " ", (int)o->layers[i]));
    return o->layers ? EVOKE_OK : evk_buffer_format(&s->text, err, " all");
}

static evoke_status check(const steering *s, const evoke_steer_options *o, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(o->vectors);
    size_t e = 0;
    if (info->d_model != s->model->config.d_model)
        return evk_fail(err, EVOKE_EDATA, "steer: the vectors are %zu wide, the model's residual stream %zu", info->d_model,
                        s->model->config.d_model);
    if (o->site != EVOKE_RESID_POST && o->site != EVOKE_RESID_MID && o->site != EVOKE_ATTN_OUT && o->site != EVOKE_MLP_OUT)
        return evk_fail(err, EVOKE_EARG, "steer: site %s cannot be steered; resid_post, resid_mid, attn_out and mlp_out can",
                        evoke_site_name(o->site));
    if (!evoke_vectors_get(o->vectors, o->site, 0))
        return evk_fail(err, EVOKE_EDATA, "steer: the vectors hold nothing for site %s", evoke_site_name(o->site));
    if (o->mode == EVOKE_STEER_CLAMP)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "steer: mode clamp is not in this version");
    for (size_t i = 0; i < o->n_strengths; i++) {
        EVK_TRY(find_emotion(o->vectors, o->strengths[i].emotion, &e, err));
        if (!isfinite(o->strengths[i].alpha))
            return evk_fail(err, EVOKE_EARG, "steer: alpha is not a finite number");
        if (!evoke_vectors_get(o->vectors, o->site, e))
            return evk_fail(err, EVOKE_EDATA, "steer: the vectors hold no base vector for site %s", evoke_site_name(o->site));
    }
    return EVOKE_OK;
}

evoke_status evoke_steering_add(evoke_steering *base, const evoke_steer_options *o, evoke_error *err)
{
    steering *s = (steering *)(void *)base;
    bool any = false;
    EVK_TRY(check(s, o, err));
    EVK_TRY(describe(s, o, err));
    for (size_t i = 0; i < o->n_strengths; i++)
        any = any || o->strengths[i].alpha != 0;
    if (!any)                                           /* alpha 0 everywhere: nothing to do, exactly */
        return EVOKE_OK;
    if (o->mode != EVOKE_STEER_ABLATE)
        return append(s, o, o->strengths, o->n_strengths, err);
    for (size_t i = 0; i < o->n_strengths; i++)
        if (o->strengths[i].alpha != 0)
            EVK_TRY(append(s, o, &o->strengths[i], 1, err));
    return EVOKE_OK;
}

/* ---- names ---- */

static const char *const mode_names[EVOKE_N_STEER_MODE] = { "add", "relative", "renorm", "ablate", "clamp" };
static const char *const position_names[EVOKE_N_POSITIONS] = { "all", "prompt", "response", "last" };

static bool find(const char *const *names, size_t n, const char *name, size_t *out)
{
    for (*out = 0; *out < n; ++*out)
        if (strcmp(names[*out], name) == 0)
            return true;
    return false;
}

const char *evoke_steer_mode_name(evoke_steer_mode mode) { return mode_names[mode]; }
const char *evoke_positions_name(evoke_positions positions) { return position_names[positions]; }

bool evoke_steer_mode_find(const char *name, evoke_steer_mode *mode)
{
    size_t i;
    if (!find(mode_names, EVOKE_N_STEER_MODE, name, &i))
        return false;
    *mode = (evoke_steer_mode)i;
    return true;
}

bool evoke_positions_find(const char *name, evoke_positions *positions)
{
    size_t i;
    if (!find(position_names, EVOKE_N_POSITIONS, name, &i))
        return false;
    *positions = (evoke_positions)i;
    return true;
}
