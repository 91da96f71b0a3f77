/* emotion/observe.c: one text under many steerings.
 *
 *     row = 1 / (last - first)  sum_{t = first}^{last - 1} x[t]          at one site and layer, sums in double
 *     nll = -1 / n  sum_t log p_s(id_t)                                  over the n tokens that follow the prompt
 *     kl  =  1 / n  sum_t sum_i p_0(i) (log p_0(i) - log p_s(i))         p_0 unsteered, p_s steered, both given the same text
 *
 * The prompt is run as a prompt and what follows it as a response, so that each rule of positions holds as in generation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers/forward.h"
#include "layers/sampler.h"

enum { MOST_TOGETHER = 64, LOGIT_BYTES = 96 << 20 };
static const char *const what = "observe";

typedef struct observer {
    const evoke_model *model;
    const evoke_observed *text;
    const evoke_steering *const *steerings;
    size_t n_follow, batch, n;      /* tokens that follow; sequences of a pass, of the pass at hand */
    size_t first;                   /* steering of the pass's first sequence */
    evk_kv_cache cache;
    evk_arena scratch;
    evk_run runs[MOST_TOGETHER];
    float *prompt_logits, *logits;  /* [batch, V], [batch, n_follow - 1, V] */
    float *own;                     /* [n_follow, V] log p_0 */
    float *rows;                    /* [N, D] */
} observer;

static evoke_status check(const observer *o, evoke_error *err)
{
    const evoke_observed *t = o->text;
    const evk_config *c = &o->model->config;
    if (t->n_prompt == 0 || t->n_prompt > t->n_ids || t->n_ids > c->n_ctx)
        return evk_fail(err, EVOKE_EARG, "observe: a prompt of %zu of %zu tokens; the model's context is %zu", t->n_prompt, t->n_ids,
                        c->n_ctx);
    if (o->rows && (t->first >= t->last || t->last > t->n_prompt || t->layer < 0 || (size_t)t->layer >= c->n_layer))
        return evk_fail(err, EVOKE_EARG, "observe: tokens %zu to %zu of a prompt of %zu, layer %d of %zu", t->first, t->last,
                        t->n_prompt, (int)t->layer, c->n_layer);
    return evk_model_check_ids(o->model, "observe", t->ids + t->n_prompt, t->n_ids - t->n_prompt, err);
}

static evoke_status make(observer *o, size_t n, evoke_error *err)
{
    const evk_config *c = &o->model->config;
    const size_t n_ids = o->text->n_ids, v = c->n_vocab;
    const size_t fit = LOGIT_BYTES / ((o->n_follow + 1) * v * sizeof(float)) + 1;
    o->batch = n < fit ? n : fit;
    o->batch = o->batch < MOST_TOGETHER ? o->batch : MOST_TOGETHER;
    EVK_TRY(evk_kv_init(&o->cache, o->model, o->batch * n_ids, o->batch, err));
    for (size_t i = 0; i < o->batch; i++) {
        size_t sequence;
        EVK_TRY(evk_kv_open(&o->cache, EVK_NO_PARENT, n_ids, &sequence, err));
    }
    EVK_TRY(evk_alloc(&o->prompt_logits, o->batch, v * sizeof(float), what, err));
    EVK_TRY(evk_alloc(&o->logits, o->batch * o->n_follow, v * sizeof(float), what, err));
    EVK_TRY(evk_alloc(&o->own, o->n_follow, v * sizeof(float), what, err));
    return evk_arena_init(&o->scratch, evk_forward_scratch(o->model, o->batch * n_ids), what, err);
}

static void destroy(observer *o)
{
    evk_kv_free(&o->cache);
    evk_arena_free(&o->scratch);
    free(o->prompt_logits);
    free(o->logits);
    free(o->own);
}

/* ---- a pass ---- */

static evoke_status take(void *user, evoke_site site, size_t layer, const float *x, size_t width, evoke_error *err)
{
    observer *o = user;
    const evoke_observed *t = o->text;
    (void)site;
    (void)err;
    if (layer != (size_t)t->layer)
        return EVOKE_OK;
    for (size_t r = 0; r < o->n; r++)
        for (size_t j = 0; j < width; j++) {
            double sum = 0;
            for (size_t i = t->first; i < t->last; i++)
                sum += (double)x[(r * t->n_prompt + i) * width + j];
            o->rows[(o->first + r) * width + j] = (float)(sum / (double)(t->last - t->first));
        }
    return EVOKE_OK;
}

/* Runs tokens [begin, end) of every sequence of the pass. */
static evoke_status run(observer *o, size_t begin, size_t end, evk_phase phase, evk_want want, float *logits, evoke_error *err)
{
    const evk_capture capture = { 1u << o->text->site, take, o };
    for (size_t r = 0; r < o->n; r++) {
        const evoke_steering *s = o->steerings[o->first + r];
        o->runs[r] = (evk_run){ r, o->text->ids + begin, end - begin, phase, want, s ? &s->edit : NULL, o->text->n_prompt,
                                phase == EVK_RESPONSE ? begin - o->text->n_prompt + 1 : 0 };
    }
    return evk_forward(o->model, &o->cache, o->runs, o->n, phase == EVK_PROMPT_END && o->rows ? &capture : NULL, logits,
                       &o->scratch, err);
}

/* Logits of the token at place t of what follows, for sequence r of the pass. */
static float *logits_at(const observer *o, size_t r, size_t t)
{
    const size_t v = o->model->config.n_vocab;
    return t == 0 ? o->prompt_logits + r * v : o->logits + (r * (o->n_follow - 1) + t - 1) * v;
}

/* log sum_i exp(logits_i); room [V] */
static double log_sum(const observer *o, const float *logits, float *room)
{
    const size_t v = o->model->config.n_vocab;
    memcpy(room, logits, v * sizeof *room);
    return evk_log_sum_exp(&o->model->kernels, room, v);
}

/* What follows under sequence r: nll, and kl against o->own. room [V] */
static void compare(const observer *o, size_t r, float *room, double *nll, double *kl)
{
    const size_t v = o->model->config.n_vocab;
    *nll = *kl = 0;
    for (size_t t = 0; t < o->n_follow; t++) {
        const float *steered = logits_at(o, r, t), *own = o->own + t * v;
        const double norm = log_sum(o, steered, room);
        double sum = 0;
        memcpy(room, own, v * sizeof *room);
        o->model->kernels.exp_sum(room, 1, 0, v);       /* room: p_0 */
        for (size_t i = 0; i < v; i++)
            sum += (double)room[i] * ((double)own[i] - (double)steered[i] + norm);
        *kl += sum / (double)o->n_follow;
        *nll += (norm - (double)steered[o->text->ids[o->text->n_prompt + t]]) / (double)o->n_follow;
    }
}

static void keep_own(const observer *o, float *room)
{
    const size_t v = o->model->config.n_vocab;
    for (size_t t = 0; t < o->n_follow; t++) {
        const float *logits = logits_at(o, 0, t);
        const double norm = log_sum(o, logits, room);
        for (size_t i = 0; i < v; i++)
            o->own[t * v + i] = (float)((double)logits[i] - norm);
    }
}

static evoke_status forward(observer *o, evoke_error *err)
{
    const evoke_observed *t = o->text;
    for (size_t r = 0; r < o->n; r++)
        evk_kv_clear(&o->cache, r);
    EVK_TRY(run(o, 0, t->n_prompt, EVK_PROMPT_END, o->n_follow ? EVK_WANT_LAST : EVK_WANT_NONE, o->prompt_logits, err));
    return o->n_follow < 2 ? EVOKE_OK : run(o, t->n_prompt, t->n_ids - 1, EVK_RESPONSE, EVK_WANT_ALL, o->logits, err);
}

/* log p_0, by a pass of its own. room [V] */
static evoke_status measure_unsteered(observer *o, float *room, evoke_error *err)
{
    static const evoke_steering *const none = NULL;
    const evoke_steering *const *steerings = o->steerings;
    float *rows = o->rows;
    o->steerings = &none;
    o->rows = NULL;
    o->n = 1;
    const evoke_status st = forward(o, err);
    if (st == EVOKE_OK)
        keep_own(o, room);
    o->steerings = steerings;
    o->rows = rows;
    return st;
}

static evoke_status measure(observer *o, size_t n, double *nll, double *kl, evoke_error *err)
{
    float *room = NULL;
    const size_t v = o->model->config.n_vocab, n_thread = o->model->n_thread;
    evoke_status st = evk_alloc(&room, n_thread, v * sizeof *room, what, err);
    if (st == EVOKE_OK && o->n_follow > 0)
        st = measure_unsteered(o, room, err);
    for (o->first = 0; st == EVOKE_OK && o->first < n; o->first += o->n) {
        o->n = n - o->first < o->batch ? n - o->first : o->batch;
        st = forward(o, err);
        if (st != EVOKE_OK || o->n_follow == 0)
            continue;
#pragma omp parallel for schedule(static) num_threads((int)n_thread)
        for (size_t part = 0; part < n_thread; part++)
            for (size_t r = part; r < o->n; r += n_thread)
                compare(o, r, room + part * v, &nll[o->first + r], &kl[o->first + r]);
    }
    free(room);
    return st;
}

evoke_status evoke_observe(const evoke_model *m, const evoke_observed *text, const evoke_steering *const *steerings, size_t n,
                           float *rows, double *nll, double *kl, evoke_error *err)
{
    observer o = { .model = m, .text = text, .steerings = steerings, .n_follow = text->n_ids - text->n_prompt, .rows = rows };
    EVK_TRY(check(&o, err));
    evoke_status st = n > 0 ? make(&o, n, err) : EVOKE_OK;
    if (st == EVOKE_OK && n > 0)
        st = measure(&o, n, nll, kl, err);
    destroy(&o);
    return st;
}
