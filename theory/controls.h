/* theory/controls.h: what directions that mean nothing reach, beside the EV's figures.
 *
 * random     a direction drawn evenly from the sphere; figures do not depend on its length
 * permuted   the mean offset after half of the queries, drawn at random, have swapped their two settings, mean_q (+-1) d_q: an
 *            EV of the same data with labels that mean nothing. (Half exactly: with a coin for each query what is left over of
 *            the signs leaves as much of the EV itself, which then is most of the control.)
 *
 * of each: |cosine| with w, efficiency, Fisher ratio (pooled.h), AUC of the true labels (the larger of AUC and 1 - AUC, since no
 * control has a sign). A permuted EV is fitted to the rows that it is measured on, as the EV in sample is; a random one to
 * none. All are measured against the true labels, along which the EV is the longest by construction: that it beats them all
 * proves nothing (on data without effect too). The test is p: each query swaps its settings by a coin, and the EV of these labels has
 * the J of these labels. Without effect all signs are as likely, so p is exact (Fisher 1935; Phipson and Smyth 2010). */
#ifndef EVK_CONTROLS_H
#define EVK_CONTROLS_H

#include "theory/pairs.h"

typedef struct evk_control_summary {    /* mean and 95 % point */
    double cosine[2], efficiency[2], fisher_ratio[2], auc[2];
} evk_control_summary;
typedef struct evk_controls {
    evk_control_summary random, permuted;
    double p;                           /* (1 + permutations whose EV has at least this J) / (1 + all) */
} evk_controls;

/* out [n, D] unit vectors; vector i from [seed, 5, 0, i]. */
void evk_random_directions(uint64_t seed, size_t n, size_t d, double *out);
/* fit: of all queries; directions [n, D]; permuted EV i from [seed, 6, of, i], permutation i of p from [seed, 11, of, i]. */
evoke_status evk_control(const evk_pairs_fit *fit, const double *directions, size_t n, uint64_t seed, uint64_t of,
                         size_t n_thread, evk_controls *out, evoke_error *err);

#endif
