/* experiments/tune_measure.c: what a steering does to the texts of some prompts, many settings in one batch. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/tune.h"

typedef struct measuring {
    tuner *t;
    tune_trial *trials;             /* [N]; NULL: the unsteered texts are measured */
    evoke_steering **steerings;     /* [N, E] */
    size_t n_each;                  /* texts of a prompt and setting: E, one for each emotion; unsteered: 1, judged for all */
    size_t n, first, n_prompts;
    evoke_scorer *scorer;
} measuring;

/* Response i is of prompt i / (N E), setting i / E mod N, emotion i mod E (N settings, E emotions): those of a prompt come together,
 * as a scorer likes them. */
static size_t trial_of(const measuring *m, size_t i) { return i / m->n_each % m->n; }
static size_t prompt_of(const measuring *m, size_t i) { return m->first + i / (m->n * m->n_each); }
static size_t emotion_of(const measuring *m, size_t i) { return i % m->n_each; }

static void ask(void *user, size_t i, evoke_request *r)
{
    const measuring *m = user;
    const evoke_ids *ids = &m->t->prompts->lines[prompt_of(m, i)].ids;
    r->ids = ids->ids;
    r->n_ids = ids->n;
    r->steering = m->trials ? m->steerings[trial_of(m, i) * m->n_each + emotion_of(m, i)] : NULL;
    r->sampling.stream = prompt_of(m, i);
}

/* Adds the judge's word on a text for one emotion; weight: of the texts that are averaged for it. */
static evoke_status add_judged(const tuner *t, const char *text, size_t e, double share, double weight, tune_figures *f,
                               evoke_error *err)
{
    double own = 0, other = 0;
    const evoke_status st = t->judge(t->judge_user, text, e, &own, &other, err);
    f->own += share * own;
    f->other += share * other;
    f->own_of[e] += weight * own;
    return st;
}

static evoke_status take(void *user, size_t i, const evoke_response *r, const evoke_text *text, bool stopped, evoke_error *err)
{
    measuring *m = user;
    tune_figures *f = m->trials ? &m->trials[trial_of(m, i)].figures : &m->t->plain[prompt_of(m, i)];
    const size_t n_emotions = m->t->n_emotions;
    double nll = 0;
    (void)stopped;
    if (r->n == 0 || text->n == 0)
        return EVOKE_OK;
    evoke_status st = score_after(m->scorer, &m->t->prompts->lines[prompt_of(m, i)].ids, r->ids, r->n, &nll, err);
    if (st == EVOKE_OK && m->trials)
        st = add_judged(m->t, text->data, emotion_of(m, i), 1, 1 / (double)m->n_prompts, f, err);
    for (size_t e = 0; st == EVOKE_OK && !m->trials && e < n_emotions; e++)
        st = add_judged(m->t, text->data, e, 1 / (double)n_emotions, 1, f, err);
    f->n++;
    f->log_ppl += nll;
    f->distinct2 += evoke_distinct_n(text->data, 2);
    return st;
}

static void divide(tune_figures *f)
{
    const double n = f->n ? (double)f->n : 1;
    f->own /= n;
    f->other /= n;
    f->log_ppl /= n;
    f->distinct2 /= n;
}

static evoke_status respond(measuring *m, const char *stage, evoke_error *err)
{
    responder *r = &m->t->responder;
    r->ask = ask;
    r->take = take;
    r->user = m;
    r->what = stage;
    evoke_status st = evoke_scorer_new(m->t->model, 0, &m->scorer, err);
    if (st == EVOKE_OK)
        st = responder_run(r, 0, m->n * m->n_prompts * m->n_each, err);
    evoke_scorer_free(m->scorer);
    return st;
}

evoke_status tune_measure_plain(tuner *t, evoke_error *err)
{
    measuring m = { .t = t, .n = 1, .n_each = 1, .n_prompts = t->prompts->n };
    return respond(&m, "tune, unsteered", err);
}

tune_figures tune_plain(const tuner *t, size_t first, size_t n)
{
    tune_figures f = { 0 };
    for (size_t i = first; i < first + n; i++) {
        const tune_figures *one = &t->plain[i];
        f.n += one->n;
        f.own += one->own;
        f.other += one->other;
        f.log_ppl += one->log_ppl;
        f.distinct2 += one->distinct2;
        for (size_t e = 0; e < t->n_emotions; e++)
            f.own_of[e] += one->own_of[e] / (double)n;
    }
    divide(&f);
    return f;
}

size_t tune_layers(const tuner *t, const tune_setting *s, int32_t layers[TUNE_MOST_LAYERS])
{
    size_t n = 0;
    for (size_t l = 0; l < evoke_vectors_describe(t->vectors)->n_layer && n < TUNE_MOST_LAYERS; l++) {
        const int32_t layer = evoke_vectors_layer(t->vectors, l);
        if ((size_t)layer >= s->first && (size_t)layer <= s->last)
            layers[n++] = layer;
    }
    return n;
}

/* x of an emotion: x (EV - share EVbase) in the setting's layers. */
static evoke_status make_steering(const tuner *t, const tune_setting *s, size_t e, evoke_steering **out, evoke_error *err)
{
    const evoke_strength both[] = { { evoke_vectors_emotion(t->vectors, t->emotions[e]), s->alpha },
                                    { "base", -s->alpha * s->base_share } };
    int32_t layers[TUNE_MOST_LAYERS];
    const size_t n = tune_layers(t, s, layers);
    const evoke_steer_options o = {
        .vectors = t->vectors, .strengths = both, .n_strengths = s->base_share != 0 ? 2 : 1, .site = s->site,
        .positions = s->positions, .mode = s->mode, .layers = layers, .n_layers = n,
    };
    evoke_status st = evoke_steering_new(t->model, out, err);
    return st == EVOKE_OK ? evoke_steering_add(*out, &o, err) : st;
}

static evoke_status add_trials(tuner *t, const tune_setting *settings, size_t n, size_t first, size_t n_prompts,
                               const char *stage, evoke_error *err)
{
    tune_trial *grown = realloc(t->trials, (t->n_trials + n) * sizeof *grown);
    if (!grown)
        return fail(err, EVOKE_ENOMEM, "tune: no memory");
    t->trials = grown;
    for (size_t i = 0; i < n; i++)
        grown[t->n_trials + i] = (tune_trial){ .setting = settings[i], .first = first, .n_prompts = n_prompts, .stage = stage };
    t->n_trials += n;
    return EVOKE_OK;
}

evoke_status tune_measure(tuner *t, const tune_setting *settings, size_t n, size_t first, size_t n_prompts, const char *stage,
                          tune_trial **out, evoke_error *err)
{
    measuring m = { .t = t, .n = n, .n_each = t->n_emotions, .first = first, .n_prompts = n_prompts };
    evoke_status st = add_trials(t, settings, n, first, n_prompts, stage, err);
    if (st == EVOKE_OK)
        st = allocate(&m.steerings, n * t->n_emotions, sizeof *m.steerings, err);
    m.trials = st == EVOKE_OK ? t->trials + t->n_trials - n : NULL;
    for (size_t i = 0; st == EVOKE_OK && i < n * t->n_emotions; i++)
        st = make_steering(t, &settings[i / t->n_emotions], i % t->n_emotions, &m.steerings[i], err);
    if (st == EVOKE_OK)
        st = respond(&m, stage, err);
    for (size_t i = 0; m.trials && i < n; i++)
        divide(&m.trials[i].figures);
    for (size_t i = 0; m.steerings && i < n * t->n_emotions; i++)
        evoke_steering_free(m.steerings[i]);
    free(m.steerings);
    *out = m.trials;
    return st;
}
