#include "theory/rest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/linear.h"
#include "theory/pairs.h"
#include "theory/shrinkage_cv.h"

static const char *const what = "one emotion against the others";

typedef struct rest_work {          /* one fit to some of the rows */
    evk_pooled pooled;
    evk_discriminant f;
    size_t *row, *label, *fold;
    double *count;
    evk_sample sample;
} rest_work;

static evoke_status work_new(const evk_row_space *space, rest_work *w, evoke_error *err)
{
    *w = (rest_work){0};
    EVK_TRY(evk_alloc(&w->row, space->n, sizeof(size_t), what, err));
    EVK_TRY(evk_alloc(&w->label, space->n, sizeof(size_t), what, err));
    EVK_TRY(evk_alloc(&w->fold, space->n, sizeof(size_t), what, err));
    EVK_TRY(evk_alloc(&w->count, space->n, sizeof(double), what, err));
    EVK_TRY(evk_pooled_new(space, space->n, 2, &w->pooled, err));
    return evk_discriminant_new(&w->pooled, &w->f, err);
}

static void work_free(rest_work *w)
{
    evk_pooled_free(&w->pooled);
    evk_discriminant_free(&w->f);
    free(w->row);
    free(w->label);
    free(w->fold);
    free(w->count);
}

/* All rows but those that are left out (NULL: none). */
static evoke_status fit(rest_work *w, const size_t *label, double choice, size_t k, const evk_leaving *l, evoke_error *err)
{
    const evk_row_space *space = w->pooled.space;
    size_t kept = 0, of[2] = {0};
    double s = choice;
    for (size_t i = 0; i < space->n; i++) {
        if (l && evk_leaves(l, i))
            continue;
        w->row[kept] = i;
        w->label[kept] = label[i];
        w->fold[kept] = evk_fold(kept, k);
        w->count[kept++] = 1;
        of[label[i]]++;
    }
    if (of[0] < 2 || of[1] < 2)
        return evk_fail(err, EVOKE_EDATA, "%s: %zu and %zu rows; two of each are the least", what, of[1], of[0]);
    w->sample = (evk_sample){ w->row, w->label, w->count, kept, 2 };
    if (choice == EVOKE_SHRINK_CV)
        EVK_TRY(evk_shrinkage_cv(space, &w->sample, w->fold, k, &s, err));
    const evoke_status st = evk_pooled_fit(&w->pooled, &w->sample, s);
    if (st != EVOKE_OK)
        return evk_fail(err, st, "%s: the scatter of %zu rows in %zu dimensions cannot be inverted at shrinkage %g", what,
                        kept, space->d, s);
    evk_pooled_solve(&w->pooled, (const double[]){ -1, 1 }, &w->f);
    return EVOKE_OK;
}

static void measure(const rest_work *w, evk_rest *out)
{
    const double *y = w->f.w_scores;
    out->shrinkage = w->pooled.s;
    evk_pooled_along_u(&w->pooled, &w->f, &out->u);
    out->w = (evk_along){ 1, 1, 1, w->f.uw * w->f.uw / (evk_dot(y, y, w->sample.n) / w->pooled.total) };
}

evoke_status evk_rest_fit(const evk_row_space *space, const size_t *label, double choice, size_t k, evk_rest *out,
                          double *u_out, double *w_out, evoke_error *err)
{
    rest_work w;
    evoke_status st = work_new(space, &w, err);
    if (st == EVOKE_OK)
        st = fit(&w, label, choice, k, NULL, err);
    if (st == EVOKE_OK) {
        measure(&w, out);
        evk_pooled_vector(&w.pooled, &w.f, w_out);
        evk_pooled_u_vector(&w.pooled, &w.f, u_out);
    }
    work_free(&w);
    return st;
}

/* What was left out along u and w, less the threshold half way between the fit's means, per unit of length. */
static void score(const rest_work *w, const size_t *label, const evk_leaving *l, double *const out[2], double *scores)
{
    const evk_pooled *p = &w->pooled;
    const size_t n = p->space->n;
    for (int which = 0; which < 2; which++) {
        const double length = sqrt(which ? w->f.ww : w->f.uu);
        double mean[2] = {0};
        for (size_t i = 0; i < n; i++) {
            scores[i] = which ? evk_pooled_w_score(p, &w->f, i) : evk_pooled_u_score(p, &w->f, i);
            if (!evk_leaves(l, i))
                mean[label[i]] += scores[i] / p->of[label[i]];
        }
        for (size_t i = 0; i < n; i++)
            if (evk_leaves(l, i) && evk_layer_of_score(l, i) != SIZE_MAX)
                out[which][evk_layer_of_score(l, i) * n + i] = (scores[i] - (mean[0] + mean[1]) / 2) / length;
    }
}

typedef struct rest_job {               /* what all fits share */
    const evk_row_space *space;
    const size_t *label;
    double choice;
    size_t k;
    double *out[2];                     /* [layers, n] along u and w */
    double *shrinkage;                  /* [k] of each fold's own fit */
    evk_rest *without;                  /* [k] its figures; NULL: not asked for */
} rest_job;

/* A fold that cannot be fitted has no scores. Shrinkage by likelihood is as in evk_held_out. */
static evoke_status leave_out(const rest_job *j, const evk_leaving *l)
{
    rest_work w;
    double *scores = NULL;
    const size_t n = j->space->n;
    const bool own = l->group == evk_groups(l->k);
    evoke_status st = work_new(j->space, &w, NULL);
    if (st == EVOKE_OK)
        st = evk_alloc(&scores, n, sizeof *scores, what, NULL);
    const bool room = st == EVOKE_OK;
    if (room)
        st = fit(&w, j->label, own || j->choice != EVOKE_SHRINK_CV ? j->choice : j->shrinkage[l->fold], j->k, l, NULL);
    if (own)
        j->shrinkage[l->fold] = st == EVOKE_OK ? w.pooled.s : NAN;
    if (own && j->without) {
        j->without[l->fold] = (evk_rest){ NAN, { NAN, NAN, NAN, NAN }, { NAN, NAN, NAN, NAN } };
        if (st == EVOKE_OK)
            measure(&w, &j->without[l->fold]);
    }
    if (st == EVOKE_OK)
        score(&w, j->label, l, j->out, scores);
    for (size_t i = 0; i < n && room && st != EVOKE_OK; i++)
        if (evk_leaves(l, i) && evk_layer_of_score(l, i) != SIZE_MAX)
            j->out[0][evk_layer_of_score(l, i) * n + i] = j->out[1][evk_layer_of_score(l, i) * n + i] = NAN;
    free(scores);
    work_free(&w);
    return room ? EVOKE_OK : st;
}

static evoke_status run(const rest_job *j, const evk_leaving *leavings, size_t n, size_t n_thread, evoke_error *err)
{
    bool failed = false;
#pragma omp parallel for schedule(dynamic) num_threads((int)n_thread) if (n_thread > 1)
    for (size_t i = 0; i < n; i++)
        if (leave_out(j, &leavings[i]) != EVOKE_OK) {
#pragma omp atomic write
            failed = true;
        }
    return failed ? evk_fail(err, EVOKE_ENOMEM, "%s: no memory for a fold", what) : EVOKE_OK;
}

evoke_status evk_rest_held_out(const evk_row_space *space, const size_t *label, double choice, size_t k, bool jackknife,
                               size_t n_thread, double *u, double *w, evk_rest *without, evoke_error *err)
{
    rest_job j = { space, label, choice, k, { u, w }, NULL, without };
    evk_leaving *leavings = NULL;
    size_t n = 0;
    evoke_status st = evk_leavings(k, jackknife, &leavings, &n, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&j.shrinkage, k, sizeof(double), what, err);
    if (st == EVOKE_OK)                             /* chosen by likelihood it has threads of its own */
        st = run(&j, leavings, k, choice == EVOKE_SHRINK_CV ? 1 : n_thread, err);
    if (st == EVOKE_OK)
        st = run(&j, leavings + k, n - k, n_thread, err);
    free(leavings);
    free(j.shrinkage);
    return st;
}
