/* emotion/steer.c: steering: activations at a site moved along emotion vectors while the model runs.
 *
 *     add       h <- h + sum_e alpha_e EV_e                                            (arXiv 2502.04075)
 *     relative  the same with each EV_e scaled, layer by layer, to the typical norm at that site
 *     renorm    add, then restore the norm that h had:  h' |h| / |h'|
 *     ablate    h <- h - (h . u) u,  u = EV_e / |EV_e|,  one emotion after the other; alpha only has to differ from 0
 *     clamp     h <- h + (c - h . u) u,  c = n + alpha_e (m - n),  one emotion after the other: the component along u is set
 *               to where the classes' means have it: n the neutral class's (alpha 0), m = n + |EV_e| the emotion's (alpha 1)
 *
 * A positive alpha moves towards the emotion, a negative one away from it. Which tokens: `all`; `prompt`, those of the
 * prompt; `response`, the last prompt token (from which the first new one is drawn) and every generated one; `last`, the
 * last token of every forward pass, as the authors' code does: the same, where each pass over the response is of one token, as
 * in generation; several run at once (a text that is scored) are steered as if they had come one by one.
 *
 * alpha may change, with step t: 0 at every prompt token, k at the k-th generated one.
 *     over layers   from A in the first layer edited to B in the last, linear in the layer's number; B where there is one
 *     over tokens   A + (B - A) min(t / T, 1)
 *     decay         times 2^(-t / half_life), on top of either
 * ablate takes neither: it removes the component whatever alpha is. */
#include "emotion/steer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- while the model runs ---- */
double evk_steer_risen(const evk_steer_edit *e, size_t t)
{
    return e->ramp == 0 || t >= e->ramp ? 1 : (double)t / (double)e->ramp;
}

double evk_steer_left(const evk_steer_edit *e, size_t t)
{
    return e->half_life > 0 ? exp2(-(double)t / e->half_life) : 1;
}

/* x += what the edit adds at this layer and step. */
static void shift(const evk_kernels *k, const evk_steer_edit *e, size_t offset, size_t t, float *x, size_t d)
{
    const double left = evk_steer_left(e, t), risen = evk_steer_risen(e, t);
    if (risen > 0)
        k->axpy((float)(left * risen), e->vector + offset, x, d);
    if (risen < 1)
        k->axpy((float)(left * (1 - risen)), e->start + offset, x, d);
}

static void shift_and_renorm(const evk_kernels *k, const evk_steer_edit *e, size_t offset, size_t t, float *x, size_t d)
{
    const double before = sqrt(k->sum_squares(x, d));
    shift(k, e, offset, t, x, d);
    const double after = sqrt(k->sum_squares(x, d));
    const float scale = after > 0 ? (float)(before / after) : 1.0f;
    for (size_t i = 0; i < d; i++)
        x[i] *= scale;
}

/* In double, by LANES sums side by side, which compilers turn into vectors: in one sum each addition waits for the one before. */
static double dot(const float *a, const float *b, size_t d)
{
    enum { LANES = 8 };
    double sums[LANES] = { 0 }, sum = 0;
    size_t i = 0;
    for (; i + LANES <= d; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            sums[j] += (double)a[i + j] * (double)b[i + j];
    for (size_t j = 0; j < LANES; j++)
        sum += sums[j];
    for (; i < d; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Sets the component of x along a unit direction. */
static void set_component(const evk_kernels *k, const float *unit, double target, float *x, size_t d)
{
    k->axpy((float)(target - dot(x, unit, d)), unit, x, d);
}

static double clamp_target(const evk_steer_edit *e, size_t layer, size_t t)
{
    const double risen = evk_steer_risen(e, t);
    return e->neutral[layer] + evk_steer_left(e, t) * ((1 - risen) * e->lift_start[layer] + risen * e->lift[layer]);
}

static void edit_token(const evk_kernels *k, const evk_steer_edit *e, size_t layer, size_t t, float *x, size_t d)
{
    if (e->mode == EVOKE_STEER_RENORM)
        shift_and_renorm(k, e, layer * d, t, x, d);
    else if (e->mode == EVOKE_STEER_ABLATE)
        set_component(k, e->vector + layer * d, 0, x, d);
    else if (e->mode == EVOKE_STEER_CLAMP)
        set_component(k, e->vector + layer * d, clamp_target(e, layer, t), x, d);
    else
        shift(k, e, layer * d, t, x, d);
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

static void apply(const evk_edit *self, evoke_site site, size_t layer, const evk_run *run, float *x, size_t width)
{
    const evk_steering *s = (const evk_steering *)(const void *)self;
    for (size_t i = 0; i < s->n; i++) {
        const evk_steer_edit *e = &s->edits[i];
        if (e->site != site || !e->at[layer])
            continue;
        for (size_t t = first_covered(e->positions, run->phase, run->n); t < run->n; t++)
            edit_token(&s->model->kernels, e, layer, run->phase == EVK_RESPONSE ? run->step + t : 0, x + t * width, width);
    }
}

/* ---- one of them ---- */
evoke_status evoke_steering_new(const evoke_model *m, evoke_steering **out, evoke_error *err)
{
    evk_steering *s = NULL;
    *out = NULL;
    EVK_TRY(evk_alloc(&s, 1, sizeof *s, "make steering", err));
    s->model = m;
    s->base.edit = (evk_edit){ 0, apply };
    *out = &s->base;
    return EVOKE_OK;
}

void evk_steer_edit_free(evk_steer_edit *e)
{
    free(e->at);
    free(e->vector);
    free(e->start);
    free(e->neutral);
    free(e->lift);
    free(e->lift_start);
}

void evoke_steering_free(evoke_steering *base)
{
    evk_steering *s = (evk_steering *)(void *)base;
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        evk_steer_edit_free(&s->edits[i]);
    free(s->edits);
    evk_buffer_free(&s->text);
    evk_buffer_free(&s->idle);
    free(s);
}

const char *evoke_steering_text(const evoke_steering *base)
{
    const evk_steering *s = (const evk_steering *)(const void *)base;
    return s->text.n ? s->text.data : "";
}

const char *evoke_steering_idle(const evoke_steering *base)
{
    const evk_steering *s = (const evk_steering *)(const void *)base;
    return s->idle.n ? s->idle.data : "";
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
