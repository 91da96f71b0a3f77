/* theory/pooled.h: Fisher's discriminants in the space of the rows.
 *
 * A sample takes some rows of a row space, row i counted c_i times and of class k_i. With n = sum c_i rows in C classes of
 * n_k rows and means mu_k, and X [rows, D] = sqrt(c_i) (x_i - mu_{k_i}),
 *
 *     Sw(s) = (1 - s) X^T X / n + s m I = a X^T X + t I,   m = tr(X^T X) / (n D)         as in scatter.h; C may be any number
 *     u     = sum_k target_k mu_k                          two classes: mu_1 - mu_0, the EV; one class of offsets: their mean
 *     w     = Sw(s)^-1 u = (u - a X^T y) / t,   y = (t I + a X X^T)^-1 X u               (Woodbury 1950)
 *
 * so that X w = y: the factor of X X^T, whose cells are those of the Gram matrix less means, gives all that is asked:
 *
 *     u.w = (u.u - a y.Xu) / t,     w.w = (u.w - a y.y) / t,     w^T X^T X w / n = y.y / n
 *
 * A fit costs O(rows^3 / 3), whatever D; where D < rows the same is done with X^T X [D, D] (which also allows s = 0). Nothing
 * here is refined as in fisher.h: digits are lost with the condition number of Sw(s), 1e-11 at s = 0.01. */
#ifndef EVK_POOLED_H
#define EVK_POOLED_H

#include "theory/row_space.h"

typedef struct evk_sample {
    const size_t *row;          /* [n] of the row space */
    const size_t *label;        /* [n] 0..C-1; every class has a row */
    const double *count;        /* [n] > 0 */
    size_t n, n_class;
} evk_sample;

typedef struct evk_pooled {     /* one fit, and the memory for the next: room rows and classes at most */
    const evk_row_space *space;
    size_t room, most_classes;
    evk_sample sample;
    double total, *of;          /* n; n_k [C] */
    double m, s, a, t;
    double purity;              /* tr(Sw^2) / tr(Sw)^2, not shrunk */
    bool by_rows;               /* factor is of X X^T */
    double *factor;             /* [k, k] */
    double *means;              /* [C, n] mean product of row i with the rows of a class, or [C, D] the means */
    double *grand;              /* [C, C] mu_k . mu_l */
    double *weight;             /* [n] scratch */
    double *x, *turned;         /* [n, D], [D, n] where D < n */
} evk_pooled;

/* A direction: Fisher's w for u = sum_k target_k mu_k. */
typedef struct evk_discriminant {
    double *u_scores, *w_scores;    /* [n] X u, X w */
    double *u_part, *w_part;        /* by_rows: [n] u = sum_i u_part_i x_i of the sample's rows; otherwise [D] u, w themselves */
    double *target;                 /* [C] */
    double uu, uw, ww;
} evk_discriminant;

evoke_status evk_pooled_new(const evk_row_space *space, size_t room, size_t most_classes, evk_pooled *out, evoke_error *err);
void evk_pooled_free(evk_pooled *p);
evoke_status evk_discriminant_new(const evk_pooled *p, evk_discriminant *out, evoke_error *err);
void evk_discriminant_free(evk_discriminant *f);

/* The side of `factor` whose lower triangle becomes X X^T or X^T X of a sample that outlives it; total, of are set. */
size_t evk_pooled_scatter(evk_pooled *p, const evk_sample *sample);
/* Factors Sw(s) of a sample that outlives the fit; choice: 0..1, or EVOKE_SHRINK_LEDOIT_WOLF, EVOKE_SHRINK_OAS. No text is
 * made, since thousands of replicates may fail: EVOKE_EDATA the rows do not vary; EVOKE_ESINGULAR Sw(s) has no inverse. */
evoke_status evk_pooled_fit(evk_pooled *p, const evk_sample *sample, double choice);
void evk_pooled_solve(const evk_pooled *p, const double *target, evk_discriminant *out);
/* (sum_k target_k mu_k) . w of two solutions: f's u and g's w. */
double evk_pooled_product(const evk_pooled *p, const evk_discriminant *f, const evk_discriminant *g);

/* x_row . u and x_row . w for any row of the space, less its centre. */
double evk_pooled_u_score(const evk_pooled *p, const evk_discriminant *f, size_t row);
double evk_pooled_w_score(const evk_pooled *p, const evk_discriminant *f, size_t row);
/* w and u as they are, out [D]. */
void evk_pooled_vector(const evk_pooled *p, const evk_discriminant *f, double *out);
void evk_pooled_u_vector(const evk_pooled *p, const evk_discriminant *f, double *out);

/* Any direction v against w, from its scores x_i . v of all rows of the space (any centre): */
typedef struct evk_along {
    double cosine, whitened_cosine, efficiency, fisher_ratio;
} evk_along;
/* vv = v.v; vw = v.w where Sw is not shrunk, otherwise not read. */
void evk_pooled_along(const evk_pooled *p, const evk_discriminant *f, const double *scores, double vv, double vw,
                      evk_along *out);
/* The same of u itself. */
void evk_pooled_along_u(const evk_pooled *p, const evk_discriminant *f, evk_along *out);

#endif
