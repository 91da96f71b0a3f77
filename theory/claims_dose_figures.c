/* theory/claims_dose_figures.c: from scores, likelihoods and divergences by direction and strength to the figures of the claims. */
#include <math.h>
#include <stdlib.h>

#include "theory/claims.h"

static const double PRICE = 0.1;        /* nats a token: what a gain is compared at */

typedef struct analysis {
    evoke_claims *c;
    size_t e, n;
    const evk_doses *d;
    evk_resampling r;
    double *x, *y;                      /* [n] one value a query */
    double *gain, *loss;                /* [A, n] */
} analysis;

static const double *scores(const analysis *w, evk_arm arm, size_t a) { return w->d->score + evk_dose(w->c, w->n, arm, a); }

/* A figure and, after it, its interval. */
static void put(analysis *w, evk_claim_id id, size_t j, size_t k, evk_statistic f, const void *context, evk_scale scale)
{
    const evk_figures *all = &w->c->figures;
    double *interval = evk_claim_at(all, (evk_claim_id)(id + 1), w->e, j, k);
    *evk_claim_at(all, id, w->e, j, k) = evk_resample(&w->r, f, context, scale, interval);
}

static void put_mean(analysis *w, evk_claim_id id, size_t j, size_t k, const double *x)
{
    put(w, id, j, k, evk_statistic_mean, x, EVK_SCALE_PLAIN);
}

/* x = a - b */
static const double *less(analysis *w, double *x, const double *a, const double *b)
{
    for (size_t q = 0; q < w->n; q++)
        x[q] = a[q] - b[q];
    return x;
}

static double mean_of(const analysis *w, const double *x)
{
    double sum = 0;
    for (size_t q = 0; q < w->n; q++)
        sum += x[q];
    return sum / (double)w->n;
}

/* ---- gain ---- */

/* The first alpha from 0 on after which the mean rises at less than half the slope at 0; NaN: none. */
static double find_saturation(const analysis *w, double slope)
{
    const evoke_claims *c = w->c;
    for (size_t a = c->zero; a + 1 < c->n_alpha; a++) {
        const double rise = mean_of(w, scores(w, EVK_ARM_EV, a + 1)) - mean_of(w, scores(w, EVK_ARM_EV, a));
        if (rise < slope / 2 * (c->alphas[a + 1] - c->alphas[a]))
            return c->alphas[a];
    }
    return NAN;
}

static void put_gain(analysis *w)
{
    const evoke_claims *c = w->c;
    const size_t peak = evk_curves_peak(scores(w, EVK_ARM_EV, 0), c->n_alpha, w->n);
    for (size_t a = 0; a < c->n_alpha; a++) {
        put_mean(w, EVK_C_SCORE, a, 0, scores(w, EVK_ARM_EV, a));
        put_mean(w, EVK_C_RANDOM_SCORE, a, 0, scores(w, EVK_ARM_RANDOM, a));
        put_mean(w, EVK_C_PERMUTED_SCORE, a, 0, scores(w, EVK_ARM_PERMUTED, a));
    }
    for (size_t q = 0; q < w->n; q++)
        w->x[q] = evk_spearman(c->alphas, scores(w, EVK_ARM_EV, 0) + q, w->n, c->n_alpha);
    put_mean(w, EVK_C_SPEARMAN, 0, 0, w->x);
    evk_curves_rising(scores(w, EVK_ARM_EV, 0), w->n, peak, w->x);
    put(w, EVK_C_MONOTONE, 0, 0, evk_statistic_mean, w->x, EVK_SCALE_SHARE);
    *evk_claim_at(&c->figures, EVK_C_PEAK, w->e, 0, 0) = c->alphas[peak];
}

/* The slope at 0 by central difference, and what it foretells. */
static void put_first_order(analysis *w)
{
    const evoke_claims *c = w->c;
    const evk_ratio ratio = { w->x, w->y };
    less(w, w->x, w->d->up, w->d->down);
    for (size_t q = 0; q < w->n; q++)
        w->x[q] /= 2 * EVK_SMALL_ALPHA;
    put_mean(w, EVK_C_SLOPE, 0, 0, w->x);
    *evk_claim_at(&c->figures, EVK_C_SATURATION, w->e, 0, 0) = find_saturation(w, mean_of(w, w->x));
    for (size_t a = 0; a < c->n_alpha; a++) {
        double off = 0, all = 0;
        for (size_t q = 0; q < w->n; q++)
            w->y[q] = c->alphas[a] * (w->d->up[q] - w->d->down[q]) / (2 * EVK_SMALL_ALPHA);
        less(w, w->x, scores(w, EVK_ARM_EV, a), scores(w, EVK_ARM_EV, c->zero));
        put_mean(w, EVK_C_PREDICTED, a, 0, w->y);
        for (size_t q = 0; q < w->n; q++) {
            off += (w->x[q] - w->y[q]) * (w->x[q] - w->y[q]);
            all += w->x[q] * w->x[q];
        }
        if (a == c->zero)
            continue;
        put(w, EVK_C_FIRST_ORDER, a, 0, evk_statistic_ratio, &ratio, EVK_SCALE_PLAIN);
        *evk_claim_at(&c->figures, EVK_C_FIRST_ORDER_ERROR, w->e, a, 0) = sqrt(off / all);
    }
}

/* ---- preservation ---- */
static void put_preservation(analysis *w)
{
    const evoke_claims *c = w->c;
    const evk_doses *d = w->d;
    for (size_t a = 0; a < c->n_alpha; a++) {
        put_mean(w, EVK_C_KL, a, 0, d->kl + evk_dose(c, w->n, EVK_ARM_EV, a));
        put_mean(w, EVK_C_KL_RANDOM, a, 0, d->kl + evk_dose(c, w->n, EVK_ARM_RANDOM, a));
        put_mean(w, EVK_C_KL_PERMUTED, a, 0, d->kl + evk_dose(c, w->n, EVK_ARM_PERMUTED, a));
        put_mean(w, EVK_C_LOSS_EV, a, 0, less(w, w->x, d->nll + evk_dose(c, w->n, EVK_ARM_EV, a),
                                              d->nll + evk_dose(c, w->n, EVK_ARM_EV, c->zero)));
    }
}

/* ---- linearity ---- */
static void put_linearity(analysis *w)
{
    const evoke_claims *c = w->c;
    for (size_t k = 0; k < c->figures.size['R']; k++) {
        const double range = c->figures.values[EVK_C_RANGES][k];
        size_t first = 0, last = c->n_alpha;
        while (first < c->n_alpha && c->alphas[first] < -range)
            first++;
        while (last > first && c->alphas[last - 1] > range)
            last--;
        const evk_curves each = { c->alphas + first, scores(w, EVK_ARM_EV, first), last - first, false };
        const evk_curves mean = { each.x, each.y, each.n_x, true };
        const evk_curves random = { each.x, scores(w, EVK_ARM_RANDOM, first), each.n_x, false };
        put(w, EVK_C_R2, k, 0, evk_statistic_r2, &each, EVK_SCALE_SHARE);
        put(w, EVK_C_R2_MEAN, k, 0, evk_statistic_r2, &mean, EVK_SCALE_SHARE);
        put(w, EVK_C_R2_RANDOM, k, 0, evk_statistic_r2, &random, EVK_SCALE_SHARE);
    }
}

/* ---- near-optimality in use ---- */
static void put_arm(analysis *w, evk_arm arm)
{
    const evoke_claims *c = w->c;
    const size_t n = w->n, after = c->zero + 1;
    for (size_t a = 0; a < c->n_alpha; a++) {
        const evk_ratio ratio = { w->gain + a * n, w->loss + a * n };
        less(w, w->gain + a * n, scores(w, arm, a), scores(w, arm, c->zero));
        less(w, w->loss + a * n, w->d->nll + evk_dose(c, n, arm, a), w->d->nll + evk_dose(c, n, arm, c->zero));
        put_mean(w, EVK_C_GAIN, arm, a, w->gain + a * n);
        put_mean(w, EVK_C_LOSS, arm, a, w->loss + a * n);
        if (a != c->zero)
            put(w, EVK_C_GAIN_PER_LOSS, arm, a, evk_statistic_ratio, &ratio, EVK_SCALE_PLAIN);
    }
    const evk_exchange exchange = { w->gain + after * n, w->loss + after * n, c->n_alpha - after, PRICE };
    put(w, EVK_C_GAIN_AT_LOSS, arm, 0, evk_statistic_exchange, &exchange, EVK_SCALE_PLAIN);
}

evoke_status evk_claims_dose_figures(evoke_claims *c, size_t e, const evk_doses *d, evoke_error *err)
{
    analysis w = { .c = c, .e = e, .n = d->n, .d = d };
    evoke_status st = evk_resampling_new(d->n, c->options.n_bootstrap, c->options.seed, e, &w.r, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&w.x, d->n, sizeof *w.x, "claims", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&w.y, d->n, sizeof *w.y, "claims", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&w.gain, c->n_alpha * d->n, sizeof *w.gain, "claims", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&w.loss, c->n_alpha * d->n, sizeof *w.loss, "claims", err);
    if (st == EVOKE_OK) {
        put_gain(&w);
        put_first_order(&w);
        put_preservation(&w);
        put_linearity(&w);
        for (evk_arm arm = 0; arm < EVK_N_ARM; arm++)
            put_arm(&w, arm);
    }
    evk_resampling_free(&w.r);
    free(w.x);
    free(w.y);
    free(w.gain);
    free(w.loss);
    return st;
}
