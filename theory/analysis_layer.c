/* theory/analysis_layer.c: all emotions of one layer: each against the others, their discriminants, their geometry. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers/vectors.h"
#include "theory/analysis.h"
#include "theory/classes.h"
#include "theory/geometry.h"
#include "theory/geometry_intervals.h"
#include "theory/interval.h"
#include "theory/linear.h"
#include "theory/rest.h"
#include "theory/shrinkage_cv.h"

typedef struct layer_work {
    evoke_theory *t;
    size_t i, n;                        /* layer, queries */
    evk_row_space space;                /* [n] their rows in the emotion setting, emotion by emotion */
    size_t *emotion, *label, *fold, *row;
    size_t *group;                      /* [n] the emotion at hand's queries first */
    double *count;                      /* [n] ones */
    double *u, *w;                      /* [D] */
    double *u_scores, *w_scores;        /* [layers, n] as in folds.h */
    double *vectors;                    /* [E, D] */
    evk_rest *without;                  /* [folds] one emotion against the others, without each fold */
} layer_work;

static double *at(const layer_work *w, evk_figure_id id, size_t e)
{
    return evk_figure_at(&w->t->figures, id, w->i, e);
}

static size_t folds_of(const layer_work *w)
{
    return w->t->options.n_fold < w->n ? w->t->options.n_fold : w->n;
}

static evoke_status allocate(layer_work *w, evoke_error *err)
{
    const char *what = "theory";
    const size_t d = w->t->d, n_score = (1 + evk_groups(folds_of(w))) * w->n;
    EVK_TRY(evk_alloc(&w->emotion, w->n, sizeof(size_t), what, err));
    EVK_TRY(evk_alloc(&w->label, w->n, sizeof(size_t), what, err));
    EVK_TRY(evk_alloc(&w->fold, w->n, sizeof(size_t), what, err));
    EVK_TRY(evk_alloc(&w->row, w->n, sizeof(size_t), what, err));
    EVK_TRY(evk_alloc(&w->group, w->n, sizeof(size_t), what, err));
    EVK_TRY(evk_alloc(&w->count, w->n, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&w->u, d, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&w->w, d, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&w->u_scores, n_score, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&w->w_scores, n_score, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&w->vectors, w->t->n_emotion * d, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&w->without, folds_of(w), sizeof *w->without, what, err));
    for (size_t e = 0; e < w->t->n_emotion; e++)
        for (size_t q = w->t->samples.starts[e]; q < w->t->samples.starts[e + 1]; q++)
            w->emotion[q] = e;
    for (size_t q = 0; q < w->n; q++) {
        w->row[q] = q;
        w->count[q] = 1;
        w->fold[q] = evk_fold(q, EVK_FOLDS);
    }
    return evk_row_space_fit(w->t->samples.rows1, w->n, d, true, w->t->n_thread, &w->space, err);
}

static void release(layer_work *w)
{
    void *const held[] = { w->emotion, w->label, w->fold, w->row, w->group, w->count, w->u, w->w, w->u_scores,
                           w->w_scores, w->vectors, w->without };
    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        free(held[i]);
    evk_row_space_free(&w->space);
}

/* ---- one emotion against the others ---- */

static evoke_status put_rest(layer_work *w, size_t e, evoke_error *err)
{
    evoke_theory *t = w->t;
    evk_rest rest;
    const double *ev = t->ev + (w->i * t->n_emotion + e) * t->d;
    EVK_TRY(evk_rest_fit(&w->space, w->label, t->options.fisher.shrinkage, EVK_FOLDS, &rest, w->u, w->w, err));
    *at(w, EVK_F_REST_SHRINKAGE, e) = rest.shrinkage;
    *at(w, EVK_F_REST_COSINE, e) = rest.u.cosine;
    *at(w, EVK_F_REST_EFFICIENCY, e) = rest.u.efficiency;
    *at(w, EVK_F_REST_COSINE_EV, e) = evk_dot(w->u, ev, t->d) / (evk_length(w->u, t->d) * evk_length(ev, t->d));
    const double scale = t->options.fisher.raw ? 1 : evk_length(ev, t->d) / evk_length(w->w, t->d);
    return evk_put_direction(w->w, t->d, scale, evk_vectors_ev(t->directions[EVOKE_DIRECTION_REST], 0, e) + w->i * t->d, err);
}

static evoke_status put_held(layer_work *w, const evk_held *h, size_t e, evk_figure_id first, evoke_error *err)
{
    evk_held_others others = {0};
    const evoke_status st = evk_put_held(w->t, first, w->i, e, h, &others, err);
    evk_held_others_free(&others);
    return st;
}

/* Of the figures in sample, from the folds' own fits. */
static void put_rest_intervals(layer_work *w, size_t e, size_t k)
{
    enum { STRIDE = sizeof(evk_rest) / sizeof(double) };
    evk_sampling_interval(*at(w, EVK_F_REST_COSINE, e), &w->without->u.cosine, k, STRIDE, EVK_SCALE_PLAIN,
                          at(w, EVK_F_REST_COSINE_INTERVAL, e));
    evk_sampling_interval(*at(w, EVK_F_REST_EFFICIENCY, e), &w->without->u.efficiency, k, STRIDE, EVK_SCALE_LOG,
                          at(w, EVK_F_REST_EFFICIENCY_INTERVAL, e));
    for (int end = 0; end < 2; end++) {
        double *cosine = &at(w, EVK_F_REST_COSINE_INTERVAL, e)[end], *efficiency = &at(w, EVK_F_REST_EFFICIENCY_INTERVAL, e)[end];
        *cosine = isnan(*cosine) ? NAN : fmin(fmax(*cosine, 0), 1);
        *efficiency = isnan(*efficiency) ? NAN : fmin(*efficiency, 1);
    }
}

static evoke_status put_rest_held_out(layer_work *w, size_t e, evoke_error *err)
{
    const size_t *starts = w->t->samples.starts, n = starts[e + 1] - starts[e];
    const size_t k = folds_of(w);
    if (w->t->options.n_fold < 2 || w->n < 3)
        return EVOKE_OK;
    for (size_t q = 0; q < w->n; q++)
        w->group[q] = q < starts[e] ? n + q : q < starts[e + 1] ? q - starts[e] : q;
    EVK_TRY(evk_rest_held_out(&w->space, w->label, w->t->options.fisher.shrinkage, k, w->t->options.n_bootstrap > 0,
                              w->t->n_thread, w->u_scores, w->w_scores, w->without, err));
    if (w->t->options.n_bootstrap > 0)
        put_rest_intervals(w, e, k);
    const evk_held u = { w->u_scores, w->label, w->group, w->n, w->n, n, w->row, k };
    const evk_held v = { w->w_scores, w->label, w->group, w->n, w->n, n, w->row, k };
    EVK_TRY(put_held(w, &u, e, EVK_F_REST_DPRIME_EV, err));
    return put_held(w, &v, e, EVK_F_REST_DPRIME_W, err);
}

static evoke_status against_others(layer_work *w, evoke_error *err)
{
    for (size_t e = 0; e < w->t->n_emotion; e++) {
        for (size_t q = 0; q < w->n; q++)
            w->label[q] = w->emotion[q] == e;
        evoke_status st = put_rest(w, e, err);
        if (st == EVOKE_OK)
            st = put_rest_held_out(w, e, err);
        if (st == EVOKE_OK)
            st = evk_put_rest_cosine_interval(w->t, w->i, e, err);
        if (evk_grave(st))
            return st;
    }
    return EVOKE_OK;
}

/* ---- all at once ---- */

/* Every emotion has a query in each group. */
static bool all_have_groups(const layer_work *w)
{
    for (size_t e = 0; e < w->t->n_emotion; e++)
        if (!evk_has_groups(w->t, e))
            return false;
    return true;
}

/* values [E - 1], and behind them their shares. */
static void put_shares(double *values, size_t n)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += values[j];
    for (size_t j = 0; j < n; j++)
        values[n + j] = values[j] / sum;
}

/* Intervals of the eigenvalues and their shares, s held; none where a group leaves a class without two rows. */
static evoke_status put_discriminant_intervals(layer_work *w, double s, evoke_error *err)
{
    evoke_theory *t = w->t;
    const size_t n = t->n_emotion - 1;
    double *without = NULL, used;
    evoke_status st = evk_alloc(&without, EVK_MOST_WITHOUT * 2 * n, sizeof *without, "theory", err);
    for (size_t g = 0; g < EVK_MOST_WITHOUT && st == EVOKE_OK; g++) {
        evk_sample sample = { w->row, w->label, w->count, 0, t->n_emotion };
        for (size_t q = 0; q < w->n; q++)
            if ((q - t->samples.starts[w->emotion[q]]) % EVK_MOST_WITHOUT != g) {
                w->row[sample.n] = q;
                w->label[sample.n++] = w->emotion[q];
            }
        st = evk_classes_fit(&w->space, &sample, s, &used, without + g * 2 * n, w->vectors, err);
        put_shares(without + g * 2 * n, n);
    }
    for (size_t j = 0; j < n && st == EVOKE_OK; j++) {
        const size_t at_j = w->i * n + j;
        double **values = t->figures.values;
        evk_sampling_interval(values[EVK_F_DISCRIMINANTS][at_j], without + j, EVK_MOST_WITHOUT, 2 * n, EVK_SCALE_LOG,
                              values[EVK_F_DISCRIMINANTS_INTERVAL] + 2 * at_j);
        evk_sampling_interval(values[EVK_F_DISCRIMINANT_SHARE][at_j], without + n + j, EVK_MOST_WITHOUT, 2 * n, EVK_SCALE_SHARE,
                              values[EVK_F_DISCRIMINANT_SHARE_INTERVAL] + 2 * at_j);
    }
    free(without);
    return st;
}

static evoke_status put_discriminants(layer_work *w, evoke_error *err)
{
    evoke_theory *t = w->t;
    const size_t n = t->n_emotion - 1;
    const evk_sample sample = { w->row, w->emotion, w->count, w->n, t->n_emotion };
    double *values = t->figures.values[EVK_F_DISCRIMINANTS] + w->i * n, sum = 0, length = 0;
    double s = t->options.fisher.shrinkage;
    if (s == EVOKE_SHRINK_CV)
        EVK_TRY(evk_shrinkage_cv(&w->space, &sample, w->fold, EVK_FOLDS, &s, err));
    EVK_TRY(evk_classes_fit(&w->space, &sample, s, t->figures.values[EVK_F_DISCRIMINANT_SHRINKAGE] + w->i, values, w->vectors,
                            err));
    for (size_t j = 0; j < n; j++)
        sum += values[j];
    for (size_t e = 0; e < t->n_emotion; e++)
        length += *at(w, EVK_F_EV_NORM, e) / (double)t->n_emotion;
    for (size_t j = 0; j < n; j++) {
        const double *v = w->vectors + j * t->d, own = evk_length(v, t->d);
        float *out = evk_vectors_ev(t->directions[EVOKE_DIRECTION_DISCRIMINANTS], 0, j) + w->i * t->d;
        t->figures.values[EVK_F_DISCRIMINANT_SHARE][w->i * n + j] = values[j] / sum;
        EVK_TRY(evk_put_direction(v, t->d, t->options.fisher.raw || !(own > 0) ? 1 : length / own, out, err));
    }
    if (t->options.n_bootstrap == 0 || !all_have_groups(w))
        return EVOKE_OK;
    return put_discriminant_intervals(w, t->figures.values[EVK_F_DISCRIMINANT_SHRINKAGE][w->i], err);
}

static evoke_status put_geometry_intervals(layer_work *w, evoke_error *err)
{
    evoke_theory *t = w->t;
    const evk_samples *s = &t->samples;
    evk_row_space offsets = {0};
    const evk_geometry_ends ends = { at(w, EVK_F_EV_COSINE_INTERVAL, 0), at(w, EVK_F_BASE_SHARE_INTERVAL, 0),
                                     at(w, EVK_F_EV_NORM_INTERVAL, 0), t->figures.values[EVK_F_PLANE_SHARE_INTERVAL] + 4 * w->i,
                                     at(w, EVK_F_PLANE_INTERVAL, 0) };
    evoke_status st = evk_row_space_fit_offsets(s->rows1, s->rows0, w->n, t->d, t->n_thread, &offsets, err);
    if (st == EVOKE_OK)
        st = evk_geometry_intervals(&offsets, s->starts, t->n_emotion, t->options.seed, t->options.n_bootstrap, t->n_thread,
                                    &ends, err);
    evk_row_space_free(&offsets);
    return st;
}

static evoke_status run(layer_work *w, evoke_error *err)
{
    evoke_theory *t = w->t;
    EVK_TRY(evk_geometry(t->ev + w->i * t->n_emotion * t->d, t->n_emotion, t->d, at(w, EVK_F_EV_COSINE, 0),
                         at(w, EVK_F_BASE_SHARE, 0), at(w, EVK_F_PLANE, 0),
                         t->figures.values[EVK_F_PLANE_SHARE] + 2 * w->i, err));
    if (t->options.n_bootstrap > 0)
        EVK_TRY(put_geometry_intervals(w, err));
    if (t->n_emotion < 2)
        return EVOKE_OK;
    EVK_TRY(allocate(w, err));
    evk_layer_similarity_add(&t->similarity[t->n_emotion], w->i, w->space.gram);
    EVK_TRY(against_others(w, err));
    const evoke_status st = put_discriminants(w, err);
    return evk_grave(st) ? st : EVOKE_OK;
}

evoke_status evk_analyse_layer(evoke_theory *t, size_t i, evoke_error *err)
{
    layer_work w = { .t = t, .i = i, .n = t->samples.starts[t->n_emotion] };
    const evoke_status st = run(&w, err);
    release(&w);
    return st;
}
