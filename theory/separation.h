/* theory/separation.h: how well one direction tells two classes apart, from the rows' projections on it.
 *
 *     score  s_ci = (x_ci - c).v        for any fixed centre c; both figures below are free of c and of v's length
 *     d'     (m_1 - m_0) / sqrt((var_1 + var_0) / 2), m_c and var_c of the scores, variances over n_c - 1
 *            (Green and Swets 1966)
 *     AUC    P(s_1 > s_0) + P(s_1 = s_0) / 2 over all pairs: the Mann-Whitney statistic over n_1 n_0 (Hanley and McNeil 1982) */
#ifndef EVK_SEPARATION_H
#define EVK_SEPARATION_H

#include "theory/scatter.h"

/* scores, out [c.n]. Equal rows get equal scores, to the bit. */
void evk_project(evk_class c, const double *centre, const double *v, size_t d, double *scores);

/* Scores of class 1 [n1] and class 0 [n0]. Errors: EVOKE_EDATA fewer than two of a class, or no variance. */
evoke_status evk_dprime(const double *one, size_t n1, const double *zero, size_t n0, double *out, evoke_error *err);
/* Both arrays are sorted in place. Errors: EVOKE_EDATA an empty class or a score that is not finite. */
evoke_status evk_auc(double *one, size_t n1, double *zero, size_t n0, double *out, evoke_error *err);

typedef struct evk_separation { double dprime, auc; } evk_separation;
/* Both, of two classes along v [D]; centre [D] near the data (a class's mean) keeps digits. */
evoke_status evk_separate(evk_class one, evk_class zero, const double *centre, const double *v, size_t d,
                          evk_separation *out, evoke_error *err);

#endif
