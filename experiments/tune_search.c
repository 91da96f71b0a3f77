/* experiments/tune_search.c: coarse to fine: every way of steering on two prompts, the better ones on more.
 *
 * Perplexity rises with alpha, by log(ppl / ppl_0) ~ c alpha^2 while the steering is weak; and what loops has fewer distinct pairs of
 * words, while its perplexity falls. Each round moves a setting's alpha to where all that may be lost of the one or of the other is
 * lost, so that settings are compared at the same cost; then half or fewer go on (successive halving, Jamieson and Talwalkar 2016). The
 * last round tries each finalist at several alphas on all prompts for tuning. The unsteered texts of all prompts are measured once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/tune.h"

enum { MOST = 256, N_ALPHAS = 4 };
static const double around[N_ALPHAS] = { 0.75, 0.88, 1, 1.14 };

typedef struct contestant { tune_setting setting; double value; } contestant;

double tune_spent(const tuner *t, const tune_figures *f, const tune_figures *unsteered)
{
    return (f->log_ppl - unsteered->log_ppl) / log1p(t->max_loss);
}

bool tune_within(const tuner *t, const tune_figures *f, const tune_figures *unsteered)
{
    return f->n > 0 && tune_spent(t, f, unsteered) <= 1 && f->distinct2 >= t->least_distinct * unsteered->distinct2;
}

/* Rank of a trial: emotion, its own over the others', less what goes beyond the limits. */
static double value(const tuner *t, const tune_figures *f, const tune_figures *unsteered)
{
    const double floor = t->least_distinct * unsteered->distinct2;
    return f->n == 0 ? -HUGE_VAL
                     : f->own - f->other - fmax(0, tune_spent(t, f, unsteered) - 1) - 2 * fmax(0, (floor - f->distinct2) / floor);
}

/* Where the nearer limit is, from what was spent at the alpha tried: of perplexity, and of distinct pairs of words. */
static double next_alpha(const tuner *t, double alpha, const tune_figures *f, const tune_figures *unsteered)
{
    const double distinct = unsteered->distinct2 > 0 ? (1 - f->distinct2 / unsteered->distinct2) / (1 - t->least_distinct) : 0;
    const double spent = f->n == 0 ? HUGE_VAL : fmax(tune_spent(t, f, unsteered), distinct);
    return alpha * fmin(fmax(spent > 0 ? sqrt(1 / spent) : 2.5, 0.35), 2.5);
}

/* A first guess. What is added in every layer sums up; the constants are those that 135M to 7B models take, by site. */
static double first_alpha(const tuner *t, const tune_setting *s)
{
    const evoke_vectors_info *info = evoke_vectors_describe(t->vectors);
    const float *ev = evoke_vectors_get(t->vectors, s->site, 0), *base = evoke_vectors_get(t->vectors, s->site, info->n_emotion);
    const size_t size = info->n_layer * info->d_model;
    double whole = 0, left = 0;
    for (size_t i = 0; i < t->n_emotions * size; i++) {
        const double x = (double)ev[t->emotions[i / size] * size + i % size], b = base ? (double)base[i % size] : 0;
        whole += x * x;
        left += (x - s->base_share * b) * (x - s->base_share * b);
    }
    const bool stream = s->site == EVOKE_RESID_PRE || s->site == EVOKE_RESID_MID || s->site == EVOKE_RESID_POST;
    const double share = (double)evoke_model_describe(t->model)->n_layer / (double)(s->last - s->first + 1);
    return (stream ? 0.12 : 1) * share * (left > 0 ? sqrt(whole / left) : 1);
}

static size_t make_contestants(const tuner *t, const tune_space *p, contestant c[MOST])
{
    size_t n = 0;
    for (size_t s = 0; s < p->n_sites; s++)
        for (size_t r = 0; r < p->n_ranges; r++)
            for (size_t a = 0; a < p->n_positions; a++)
                for (size_t b = 0; b < p->n_shares && n < MOST; b++) {
                    c[n].setting = (tune_setting){ .site = p->sites[s], .first = p->ranges[r][0], .last = p->ranges[r][1],
                                                   .positions = p->positions[a], .mode = EVOKE_STEER_ADD,
                                                   .base_share = p->shares[b] };
                    c[n].setting.alpha = first_alpha(t, &c[n].setting);
                    n++;
                }
    return n;
}

static int by_value(const void *a, const void *b)
{
    const contestant *x = a, *y = b;
    return (x->value < y->value) - (x->value > y->value);
}

/* One round: all n on the same prompts, then sorted, the best first. */
static evoke_status run_round(tuner *t, contestant *c, size_t n, size_t first, size_t n_prompts, const char *stage,
                              evoke_error *err)
{
    tune_setting settings[MOST];
    tune_trial *trials;
    const tune_figures unsteered = tune_plain(t, first, n_prompts);
    for (size_t i = 0; i < n; i++)
        settings[i] = c[i].setting;
    const evoke_status st = tune_measure(t, settings, n, first, n_prompts, stage, &trials, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        c[i].value = value(t, &trials[i].figures, &unsteered);
        c[i].setting.alpha = next_alpha(t, c[i].setting.alpha, &trials[i].figures, &unsteered);
    }
    if (st == EVOKE_OK)
        qsort(c, n, sizeof *c, by_value);
    return st;
}

/* The finalists at several alphas, on all prompts for tuning. */
static evoke_status run_final(tuner *t, const contestant *c, size_t n, size_t n_prompts, tune_trial *best, bool *within,
                              evoke_error *err)
{
    tune_setting settings[MOST];
    tune_trial *trials;
    const tune_figures unsteered = tune_plain(t, 0, n_prompts);
    size_t n_settings = 0;
    double most = -HUGE_VAL;
    for (size_t i = 0; i < n; i++)
        for (size_t a = 0; a < N_ALPHAS; a++) {
            settings[n_settings] = c[i].setting;
            settings[n_settings++].alpha *= around[a];
        }
    const evoke_status st = tune_measure(t, settings, n_settings, 0, n_prompts, "tune, last round", &trials, err);
    *within = false;
    for (size_t i = 0; st == EVOKE_OK && i < n_settings; i++) {
        const bool good = tune_within(t, &trials[i].figures, &unsteered);
        const double own = value(t, &trials[i].figures, &unsteered);
        if ((good && !*within) || (good == *within && own > most)) {
            *best = trials[i];
            most = own;
            *within = good;
        }
    }
    return st;
}

evoke_status tune_search(tuner *t, const tune_space *space, tune_trial *best, bool *within, evoke_error *err)
{
    contestant c[MOST];
    const size_t n_prompts = t->prompts->n - t->n_validation, n = make_contestants(t, space, c);
    const struct { size_t keep, prompts; const char *stage; } rounds[] = {
        { n, 2, "tune, round 1 of 5" }, { n, 2, "tune, round 2 of 5" }, { (n + 2) / 3, 4, "tune, round 3 of 5" },
        { 4, 8, "tune, round 4 of 5" },
    };
    size_t first = 0, left = n;
    evoke_status st = tune_measure_plain(t, err);
    for (size_t r = 0; st == EVOKE_OK && r < sizeof rounds / sizeof *rounds; r++) {
        const size_t wanted = rounds[r].prompts < n_prompts ? rounds[r].prompts : n_prompts;
        left = rounds[r].keep < left ? rounds[r].keep : left;
        first = first + wanted <= n_prompts ? first : 0;
        st = run_round(t, c, left, first, wanted, rounds[r].stage, err);
        first += wanted;
    }
    return st == EVOKE_OK ? run_final(t, c, left < 2 ? left : 2, n_prompts, best, within, err) : st;
}
