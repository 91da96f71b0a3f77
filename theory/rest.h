/* theory/rest.h: one emotion against all others, of the rows of the emotion setting alone (what tells joy from the other four,
 * where the two-class contrast tells joy from nothing).
 *
 * Class 1: the rows of one emotion; class 0: all other rows, as one class, so that what separates the others is scatter too.
 *
 *     u = mu_1 - mu_0,   w = Sw(s)^-1 u                  pooled.h; the same as LinearDiscriminantAnalysis of label == emotion */
#ifndef EVK_REST_H
#define EVK_REST_H

#include "theory/folds.h"
#include "theory/pooled.h"

typedef struct evk_rest {
    double shrinkage;
    evk_along u, w;                 /* u against w; of w only the Fisher ratio says anything */
} evk_rest;

/* label [n] 1 or 0 of each row of the space; choice as in evk_pairs_shrinkage, CV over k folds. w_out [D].
 * Errors: EVOKE_EDATA a class without two rows, or no scatter; EVOKE_ESINGULAR. Not in a parallel region. */
evoke_status evk_rest_fit(const evk_row_space *space, const size_t *label, double choice, size_t k, evk_rest *out,
                          double *u_out, double *w_out, evoke_error *err);
/* Scores of held_out.h along u and w, row i taken for query i; u and w [layers, n] out. Fits run on n_thread threads.
 * without [k], unless NULL: the figures of the fit without each fold; NaN where it cannot be fitted. */
evoke_status evk_rest_held_out(const evk_row_space *space, const size_t *label, double choice, size_t k, bool jackknife,
                               size_t n_thread, double *u, double *w, evk_rest *without, evoke_error *err);

#endif
