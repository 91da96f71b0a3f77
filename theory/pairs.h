/* theory/pairs.h: one emotion's queries, each in two settings, and what is fitted to some of them.
 *
 * Query q gives the rows x_1q (emotion) and x_0q (neutral) and the offset d_q = x_1q - x_0q: each query is its own control.
 * Given how often each query counts (0: left out), two fits are made, in the space of the rows (pooled.h):
 *
 *   two-class   w  = Sw(s)^-1 ev    of both settings' rows; ev = mu_1 - mu_0 = mean d_q
 *   offset      wd = Sd(s)^-1 ev    Sd = 1/n sum_q (d_q - ev)(d_q - ev)^T: what is common to a query's two rows cancels, so
 *                                   this is Fisher's direction for paired rows (the discriminant of Hotelling's one-sample
 *                                   T^2 = (n - 1) ev^T Sd^-1 ev; Hotelling 1931; Rencher 2002, ch. 5.7)
 *
 * A query is drawn, left out or kept in both settings, for its two rows share its topic. */
#ifndef EVK_PAIRS_H
#define EVK_PAIRS_H

#include "theory/folds.h"
#include "theory/pooled.h"

typedef struct evk_pairs {
    size_t n, d;                    /* queries */
    evk_row_space rows;             /* [2n] x_1q, then x_0q, less their mean */
    evk_row_space offsets;          /* [n] */
} evk_pairs;

/* one, zero [n] rows of [D]. The caller frees *out, also after a failure. */
evoke_status evk_pairs_new(const float *const *one, const float *const *zero, size_t n, size_t d, size_t n_thread,
                           evk_pairs *out, evoke_error *err);
void evk_pairs_free(evk_pairs *p);

/* One fit of both, with its memory; a thread's own. */
typedef struct evk_pairs_fit {
    const evk_pairs *pairs;
    evk_sample rows, offsets;               /* the queries that count */
    size_t *row, *label, *query;            /* [2n], [2n], [n] */
    size_t *one_class;                      /* [n] zeros */
    double *row_count, *query_count;        /* [2n], [n] */
    evk_pooled two, single;
    evk_discriminant fisher, offset;        /* uu and u_scores of both are of ev */
    bool offset_fits;                       /* Sd(s) has an inverse */
} evk_pairs_fit;

evoke_status evk_pairs_fit_new(const evk_pairs *p, evk_pairs_fit *out, evoke_error *err);
void evk_pairs_fit_free(evk_pairs_fit *f);

/* count [n], at least two of them above 0; shrinkage of either scatter, as in evk_pooled_fit, and its errors for the
 * two-class fit; of the offset's, offset_fits tells. */
evoke_status evk_pairs_refit(evk_pairs_fit *f, const double *count, double s_two, double s_offset);

/* The rows of both settings of the queries that count, for evk_pooled_scatter of f->two. */
const evk_sample *evk_pairs_keep(evk_pairs_fit *f, const double *count);

typedef enum evk_fitted { EVK_FITTED_EV, EVK_FITTED_W, EVK_FITTED_OFFSET } evk_fitted;
/* scores [2n] of all rows (less their mean) along a fitted direction, and its squared length; NaN where there is none. */
void evk_pairs_scores(const evk_pairs_fit *f, evk_fitted which, double *scores, double *vv);

/* Shrinkage of both scatters of all queries that count; choice may also be EVOKE_SHRINK_CV, over k folds of them. Not in a
 * parallel region where it is. */
evoke_status evk_pairs_shrinkage(const evk_pairs *p, const double *count, double choice, size_t k, double *s_two,
                                 double *s_offset, evoke_error *err);

#endif
