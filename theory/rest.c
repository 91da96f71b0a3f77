#include "theory/rest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/pairs.h"
#include "theory/scatter.h"
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

/* All rows but those of a fold (k: none). */
static evoke_status fit(rest_work *w, const size_t *label, double choice, size_t k, size_t left_out, evoke_error *err)
{
    const evk_row_space *space = w->pooled.space;
    size_t kept = 0, of[2] = {0};
    double s = choice;
    for (size_t i = 0; i < space->n; i++) {
        if (evk_fold(i, k) == left_out)
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
        st = fit(&w, label, choice, k, k, err);
    if (st == EVOKE_OK) {
        measure(&w, out);
        evk_pooled_vector(&w.pooled, &w.f, w_out);
        evk_pooled_u_vector(&w.pooled, &w.f, u_out);
    }
    work_free(&w);
    return st;
}

/* The rows of a fold along u and w, less the threshold half way between the fit's means, per unit of length. */
static void score_fold(const rest_work *w, const size_t *label, size_t k, size_t fold, double *const out[2])
{
    const evk_pooled *p = &w->pooled;
    for (int which = 0; which < 2; which++) {
        const double length = sqrt(which ? w->f.ww : w->f.uu);
        double mean[2] = {0};
        for (size_t i = 0; i < p->space->n; i++) {
            out[which][i] = which ? evk_pooled_w_score(p, &w->f, i) : evk_pooled_u_score(p, &w->f, i);
            if (evk_fold(i, k) != fold)
                mean[label[i]] += out[which][i] / p->of[label[i]];
        }
        for (size_t i = 0; i < p->space->n; i++)
            out[which][i] = (out[which][i] - (mean[0] + mean[1]) / 2) / length;
    }
}

/* One fold: its rows' scores into u and w. */
static evoke_status run_fold(const evk_row_space *space, const size_t *label, double choice, size_t k, size_t fold,
                             double *u, double *w_out, evoke_error *err)
{
    rest_work w;
    double *scores = NULL;
    evoke_status st = work_new(space, &w, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&scores, 2 * space->n, sizeof *scores, what, err);
    const bool room = st == EVOKE_OK;
    if (room)
        st = fit(&w, label, choice, k, fold, err);
    if (st == EVOKE_OK)
        score_fold(&w, label, k, fold, (double *const[2]){ scores, scores + space->n });
    for (size_t i = fold; i < space->n && room; i += k) {
        u[i] = st == EVOKE_OK ? scores[i] : NAN;
        w_out[i] = st == EVOKE_OK ? scores[space->n + i] : NAN;
    }
    free(scores);
    work_free(&w);
    return room ? EVOKE_OK : st;            /* a fold that cannot be fitted has no scores */
}

evoke_status evk_rest_held_out(const evk_row_space *space, const size_t *label, double choice, size_t k, size_t n_thread,
                               double *u, double *w, evoke_error *err)
{
    const int threads = choice == EVOKE_SHRINK_CV || n_thread < 2 ? 1 : (int)n_thread;
    bool failed = false;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (size_t fold = 0; fold < k; fold++)
        if (run_fold(space, label, choice, k, fold, u, w, NULL) != EVOKE_OK) {
#pragma omp atomic write
            failed = true;
        }
    return failed ? evk_fail(err, EVOKE_ENOMEM, "%s: no memory for a fold", what) : EVOKE_OK;
}
