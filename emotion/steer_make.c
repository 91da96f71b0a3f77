/* emotion/steer_make.c: from vectors, strengths and details to the edits that steer.c applies; checks, and what does nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emotion/steer.h"
#include "layers/vectors.h"

/* What one call of evoke_steering_add works with. */
typedef struct making {
    evk_steering *s;
    const evoke_steer_options *o;
    const evoke_strength *strengths;    /* [n] of this edit */
    const double *starts;               /* [n] NULL: no ramp */
    size_t n;
    evk_steer_edit *e;
    size_t *held;                       /* [L] index of a layer in the vectors */
    size_t first, last;                 /* layers edited */
    double *one, *sum;                  /* [D], [L, D] scratch */
} making;

static bool one_by_one(evoke_steer_mode mode)
{
    return mode == EVOKE_STEER_ABLATE || mode == EVOKE_STEER_CLAMP;
}

static double start_of(const making *k, size_t i)
{
    return k->starts ? k->starts[i] : k->strengths[i].alpha;
}

static bool is_ramp(const making *k)
{
    for (size_t i = 0; i < k->n; i++)
        if (start_of(k, i) != k->strengths[i].alpha)
            return true;
    return false;
}

/* Strength i in a layer: where a ramp over layers has come to, or where one over tokens ends. */
static double alpha_in(const making *k, size_t i, size_t layer)
{
    const double alpha = k->strengths[i].alpha, start = start_of(k, i);
    if (k->o->ramp_tokens > 0 || k->last == k->first)
        return alpha;
    return start + (alpha - start) * (double)(layer - k->first) / (double)(k->last - k->first);
}

/* ---- which ---- */
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
    *out = evk_vectors_find(v, name);
    if (*out < n || strcmp(name, "base") == 0)
        return EVOKE_OK;
    for (size_t e = 0; e < n; e++) {
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%.32s", used ? ", " : "", evoke_vectors_emotion(v, e));
    }
    return evk_fail(err, EVOKE_EDATA, "steer: the vectors hold no emotion '%.64s'; they hold %s", name, known);
}

/* Marks the layers; held[l] becomes the index of layer l in the vectors file. */
static evoke_status choose_layers(making *k, evoke_error *err)
{
    const evoke_steer_options *o = k->o;
    const size_t n_layer = k->s->model->config.n_layer, n_held = evoke_vectors_describe(o->vectors)->n_layer;
    const size_t n = o->layers ? o->n_layers : n_held;
    k->first = n_layer;
    for (size_t i = 0; i < n; i++) {
        const int32_t layer = o->layers ? o->layers[i] : evoke_vectors_layer(o->vectors, i);
        const size_t index = evk_vectors_find_layer(o->vectors, layer);
        if (layer < 0 || (size_t)layer >= n_layer)
            return evk_fail(err, EVOKE_EDATA, "steer: layer %d is out of range: the model has 0 to %zu", (int)layer, n_layer - 1);
        if (index == n_held)
            return evk_fail(err, EVOKE_EDATA, "steer: the vectors hold nothing for layer %d", (int)layer);
        const size_t l = (size_t)layer;
        k->e->at[l] = true;
        k->held[l] = index;
        k->first = l < k->first ? l : k->first;
        k->last = l > k->last ? l : k->last;
    }
    return EVOKE_OK;
}

/* ---- their values ---- */
/* One layer of one emotion's vector as the mode wants it, in double: one [D]; *length: its norm in the file. */
static evoke_status direction(const making *k, size_t e, size_t index, double *length, evoke_error *err)
{
    const evoke_steer_options *o = k->o;
    const evoke_vectors_info *info = evoke_vectors_describe(o->vectors);
    const float *ev = evoke_vectors_get(o->vectors, o->site, e), *base = evoke_vectors_get(o->vectors, o->site, info->n_emotion);
    const float *norms = evoke_vectors_residual_norm(o->vectors, o->site);
    const size_t d = info->d_model;
    double square = 0;
    for (size_t i = 0; i < d; i++) {
        k->one[i] = (double)ev[index * d + i] - (o->less_base && base && e < info->n_emotion ? (double)base[index * d + i] : 0);
        square += k->one[i] * k->one[i];
    }
    *length = sqrt(square);
    if (o->mode == EVOKE_STEER_RELATIVE && (!norms || !(norms[index] > 0)))
        return evk_fail(err, EVOKE_EDATA, "steer: mode relative needs typical norms, and the vectors hold none for this site");
    if ((o->mode != EVOKE_STEER_RELATIVE && !one_by_one(o->mode)) || square == 0)
        return EVOKE_OK;
    const double scale = (o->mode == EVOKE_STEER_RELATIVE ? (double)norms[index] : 1.0) / *length;
    for (size_t i = 0; i < d; i++)
        k->one[i] *= scale;
    return EVOKE_OK;
}

/* Adds strength i's direction in every layer to sum [L, D]: at the ramp's start over tokens, or at its end. */
static evoke_status add_direction(making *k, size_t i, bool at_start, bool *any, evoke_error *err)
{
    const size_t d = k->s->model->config.d_model;
    size_t emotion = 0;
    EVK_TRY(find_emotion(k->o->vectors, k->strengths[i].emotion, &emotion, err));
    const float *neutral = evoke_vectors_neutral(k->o->vectors, k->o->site, emotion);
    for (size_t layer = k->first; layer <= k->last; layer++) {
        double length = 0;
        if (!k->e->at[layer])
            continue;
        EVK_TRY(direction(k, emotion, k->held[layer], &length, err));
        const double alpha = at_start ? start_of(k, i) : alpha_in(k, i, layer);
        const double weight = one_by_one(k->o->mode) ? 1.0 : alpha;
        for (size_t j = 0; j < d; j++)
            k->sum[layer * d + j] += weight * k->one[j];
        if (k->o->mode == EVOKE_STEER_CLAMP) {
            k->e->neutral[layer] = (double)neutral[k->held[layer]];
            (at_start ? k->e->lift_start : k->e->lift)[layer] = alpha * length;
        }
        *any = *any || length > 0;
    }
    return EVOKE_OK;
}

static evoke_status note_idle(evk_steering *s, const char *name, const char *why, evoke_error *err)
{
    return evk_buffer_format(&s->idle, err, "%s%.64s: %s", s->idle.n ? "; " : "", name ? name : "the vector", why);
}

/* The sum of all strengths' directions into out [L, D], made in double. */
static evoke_status combine(making *k, bool at_start, float *out, evoke_error *err)
{
    const size_t size = k->s->model->config.n_layer * k->s->model->config.d_model;
    memset(k->sum, 0, size * sizeof *k->sum);
    for (size_t i = 0; i < k->n; i++) {
        bool any = false;
        EVK_TRY(add_direction(k, i, at_start, &any, err));
        if (!any && !at_start)
            EVK_TRY(note_idle(k->s, k->strengths[i].emotion, "its vector is 0 in every layer edited", err));
    }
    for (size_t i = 0; i < size; i++)
        out[i] = (float)k->sum[i];
    return EVOKE_OK;
}

static evoke_status allocate_all(making *k, evoke_error *err)
{
    const size_t n_layer = k->s->model->config.n_layer, d = k->s->model->config.d_model;
    evk_steer_edit *e = k->e;
    EVK_TRY(evk_alloc(&e->at, n_layer, sizeof *e->at, "make steering", err));
    EVK_TRY(evk_alloc(&e->vector, n_layer * d, sizeof *e->vector, "make steering", err));
    EVK_TRY(evk_alloc(&k->held, n_layer, sizeof *k->held, "make steering", err));
    EVK_TRY(evk_alloc(&k->one, d, sizeof *k->one, "make steering", err));
    EVK_TRY(evk_alloc(&k->sum, n_layer * d, sizeof *k->sum, "make steering", err));
    if (e->ramp > 0)
        EVK_TRY(evk_alloc(&e->start, n_layer * d, sizeof *e->start, "make steering", err));
    if (e->mode != EVOKE_STEER_CLAMP)
        return EVOKE_OK;
    EVK_TRY(evk_alloc(&e->neutral, n_layer, sizeof *e->neutral, "make steering", err));
    EVK_TRY(evk_alloc(&e->lift, n_layer, sizeof *e->lift, "make steering", err));
    return evk_alloc(&e->lift_start, n_layer, sizeof *e->lift_start, "make steering", err);
}

static evoke_status fill(making *k, evoke_error *err)
{
    EVK_TRY(allocate_all(k, err));
    EVK_TRY(choose_layers(k, err));
    EVK_TRY(combine(k, false, k->e->vector, err));
    return k->e->ramp > 0 ? combine(k, true, k->e->start, err) : EVOKE_OK;
}

/* One edit of n strengths, from `first` of the options' on. */
static evoke_status append(evk_steering *s, const evoke_steer_options *o, size_t first, size_t n, evoke_error *err)
{
    evk_steer_edit e = { .site = o->site, .positions = o->positions, .mode = o->mode, .half_life = o->half_life };
    making k = { .s = s, .o = o, .strengths = o->strengths + first, .n = n, .e = &e };
    k.starts = o->starts ? o->starts + first : NULL;
    e.ramp = is_ramp(&k) ? o->ramp_tokens : 0;
    evoke_status st = fill(&k, err);
    evk_steer_edit *more = st == EVOKE_OK ? realloc(s->edits, (s->n + 1) * sizeof *more) : NULL;
    free(k.held);
    free(k.one);
    free(k.sum);
    if (!more) {
        evk_steer_edit_free(&e);
        return st == EVOKE_OK ? evk_fail(err, EVOKE_ENOMEM, "make steering: no memory") : st;
    }
    s->edits = more;
    s->edits[s->n++] = e;
    s->base.edit.sites |= 1u << o->site;
    return EVOKE_OK;
}

/* ---- the whole ---- */
static evoke_status describe(evk_steering *s, const evoke_steer_options *o, bool ramp, evoke_error *err)
{
    EVK_TRY(evk_buffer_format(&s->text, err, "%s%s", s->text.n ? "; " : "", evoke_steer_mode_name(o->mode)));
    for (size_t i = 0; i < o->n_strengths; i++) {
        EVK_TRY(evk_buffer_format(&s->text, err, "%s%s=", i ? "," : " ",
                                  o->strengths[i].emotion ? o->strengths[i].emotion : "vector"));
        if (o->starts && o->starts[i] != o->strengths[i].alpha)
            EVK_TRY(evk_buffer_format(&s->text, err, "%g:", o->starts[i]));
        EVK_TRY(evk_buffer_format(&s->text, err, "%g", o->strengths[i].alpha));
    }
    if (ramp && o->ramp_tokens)
        EVK_TRY(evk_buffer_format(&s->text, err, " over %zu tokens", o->ramp_tokens));
    else if (ramp)
        EVK_TRY(evk_buffer_format(&s->text, err, " over the layers"));
    if (o->half_life > 0)
        EVK_TRY(evk_buffer_format(&s->text, err, " halved every %g tokens", o->half_life));
    EVK_TRY(evk_buffer_format(&s->text, err, "%s at %s, positions %s, layers", o->less_base ? " less base" : "",
                              evoke_site_name(o->site), evoke_positions_name(o->positions)));
    for (size_t i = 0; o->layers && i < o->n_layers; i++)
        EVK_TRY(evk_buffer_format(&s->text, err, "%s%d", i ? "," : " ", (int)o->layers[i]));
    return o->layers ? EVOKE_OK : evk_buffer_format(&s->text, err, " all");
}

static evoke_status check_strength(const evoke_steer_options *o, size_t i, evoke_error *err)
{
    const double alpha = o->strengths[i].alpha, start = o->starts ? o->starts[i] : alpha;
    size_t e = 0;
    EVK_TRY(find_emotion(o->vectors, o->strengths[i].emotion, &e, err));
    if (!isfinite(alpha) || !isfinite(start))
        return evk_fail(err, EVOKE_EARG, "steer: alpha is not a finite number");
    if (!evoke_vectors_get(o->vectors, o->site, e))
        return evk_fail(err, EVOKE_EDATA, "steer: the vectors hold no base vector for site %s", evoke_site_name(o->site));
    if (o->mode == EVOKE_STEER_ABLATE && (start != alpha || o->half_life > 0))
        return evk_fail(err, EVOKE_EARG, "steer: mode ablate takes out the whole component: no ramp and no decay go with it");
    if (o->mode == EVOKE_STEER_CLAMP && !evoke_vectors_neutral(o->vectors, o->site, e))
        return evk_fail(err, EVOKE_EDATA, "steer: mode clamp needs where the neutral class lies along the vectors, and the file "
                        "does not say it for site %s: average the store again (evoke ev)", evoke_site_name(o->site));
    return EVOKE_OK;
}

/* The names of the sites that the vectors are of. */
static const char *sites_held(const evoke_vectors *v, char text[200])
{
    size_t n = 0;
    text[0] = 0;
    for (int site = 0; site < EVOKE_N_SITE; site++)
        if (evoke_vectors_get(v, (evoke_site)site, 0) && n < 200)
            n += (size_t)snprintf(text + n, 200 - n, "%s%s", n ? ", " : "", evoke_site_name((evoke_site)site));
    return text;
}

static evoke_status check(const evk_steering *s, const evoke_steer_options *o, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(o->vectors);
    if (info->d_model != s->model->config.d_model)
        return evk_fail(err, EVOKE_EDATA, "steer: the vectors are %zu wide, the model's residual stream %zu", info->d_model,
                        s->model->config.d_model);
    if (o->site <= EVOKE_EMBED || o->site >= EVOKE_FINAL_NORM)
        return evk_fail(err, EVOKE_EARG, "steer: site %s cannot be steered; resid_post, resid_mid, resid_pre, attn_out, mlp_out, "
                        "attn_proj and mlp_proj can", evoke_site_name(o->site));
    if (!evoke_vectors_get(o->vectors, o->site, 0)) {
        char held[200];
        return evk_fail(err, EVOKE_EDATA, "steer: the vectors hold nothing for site %s, but for %s", evoke_site_name(o->site),
                        sites_held(o->vectors, held));
    }
    if (!(o->half_life >= 0) || !isfinite(o->half_life))
        return evk_fail(err, EVOKE_EARG, "steer: the half-life is not a positive number of tokens");
    if (o->mode == EVOKE_STEER_CLAMP && o->less_base)
        return evk_fail(err, EVOKE_EARG, "steer: mode clamp knows the classes' means along the vectors as they are, not less "
                        "base");
    if (o->layers && o->n_layers == 0)
        return evk_fail(err, EVOKE_EARG, "steer: the list of layers is empty");
    for (size_t i = 0; i < o->n_strengths; i++)
        EVK_TRY(check_strength(o, i, err));
    return EVOKE_OK;
}

/* Strengths of which one moves something; notes those that do not. */
static evoke_status find_active(evk_steering *s, const evoke_steer_options *o, bool *any, evoke_error *err)
{
    const bool late = o->positions == EVOKE_AT_PROMPT && o->ramp_tokens > 0;    /* no ramp over tokens rises in the prompt */
    for (size_t i = 0; i < o->n_strengths; i++) {
        const char *name = o->strengths[i].emotion;
        const double alpha = o->strengths[i].alpha, start = o->starts ? o->starts[i] : alpha;
        if (o->mode == EVOKE_STEER_CLAMP)
            *any = true;
        else if (start == 0 && alpha == 0)
            EVK_TRY(note_idle(s, name, "alpha is 0", err));
        else if (late && start == 0)
            EVK_TRY(note_idle(s, name, "a ramp over tokens from 0 never rises at positions prompt", err));
        else
            *any = true;
    }
    if (o->half_life > 0 && o->positions == EVOKE_AT_PROMPT)
        EVK_TRY(note_idle(s, "decay", "no generated token is at positions prompt", err));
    return EVOKE_OK;
}

static evoke_status add(evk_steering *s, const evoke_steer_options *o, evoke_error *err)
{
    const making whole = { .s = s, .o = o, .strengths = o->strengths, .starts = o->starts, .n = o->n_strengths };
    bool any = false;
    EVK_TRY(describe(s, o, is_ramp(&whole), err));
    EVK_TRY(find_active(s, o, &any, err));
    if (!any)                                           /* nothing to do, exactly */
        return EVOKE_OK;
    if (!one_by_one(o->mode))
        return append(s, o, 0, o->n_strengths, err);
    for (size_t i = 0; i < o->n_strengths; i++)
        if (o->strengths[i].alpha != 0 || o->mode == EVOKE_STEER_CLAMP)
            EVK_TRY(append(s, o, i, 1, err));
    return EVOKE_OK;
}

/* Back to n edits, and to as much of the texts. */
static void take_back(evk_steering *s, size_t n, size_t n_text, size_t n_idle)
{
    while (s->n > n)
        evk_steer_edit_free(&s->edits[--s->n]);
    s->base.edit.sites = 0;
    for (size_t i = 0; i < n; i++)
        s->base.edit.sites |= 1u << s->edits[i].site;
    evk_buffer_cut(&s->text, n_text);
    evk_buffer_cut(&s->idle, n_idle);
}

evoke_status evoke_steering_add(evoke_steering *base, const evoke_steer_options *o, evoke_error *err)
{
    evk_steering *s = (evk_steering *)(void *)base;
    const size_t n = s->n, n_text = s->text.n, n_idle = s->idle.n;
    EVK_TRY(check(s, o, err));
    const evoke_status st = add(s, o, err);
    if (st != EVOKE_OK)
        take_back(s, n, n_text, n_idle);
    return st;
}
