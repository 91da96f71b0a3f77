/* theory/geometry_intervals.h: 95 % intervals of the figures of geometry.h.
 *
 * Replicate b draws the queries of each emotion with replacement, emotion e by PCG64 seeded with [seed, 1, e, b], the same
 * draws as everywhere (bootstrap.h). With c_e the counts and G the offsets' products, EV_e . EV_f = c_e^T G c_f / (n_e n_f), so
 * a replicate costs O(N^2), nothing in D. Noise makes EVs longer and cosines between them smaller, in a replicate once more: the
 * interval takes that bias off by the jackknife (interval.h). */
#ifndef EVK_GEOMETRY_INTERVALS_H
#define EVK_GEOMETRY_INTERVALS_H

#include "theory/row_space.h"

typedef struct evk_geometry_ends {      /* low and high of each */
    double *cosines;                    /* [E, E, 2] */
    double *base_share, *norm;          /* [E, 2] */
    double *plane_share;                /* [2, 2] */
    double *plane;                      /* [E, 2, 2] coordinates, on the axes that all queries give */
} evk_geometry_ends;

/* offsets: rows d_q of all emotions' queries, emotion e's from starts[e] to starts[e + 1].
 * Errors: EVOKE_ENOMEM, EVOKE_ECOMPUTE. Not in a parallel region. */
evoke_status evk_geometry_intervals(const evk_row_space *offsets, const size_t *starts, size_t n_emotion, uint64_t seed,
                                    size_t n_replicate, size_t n_thread, const evk_geometry_ends *out, evoke_error *err);

/* The intervals of a learning curve [EVK_LEARNING_SIZES, 2] and of the split-half cosine of n queries. A replicate would put one
 * query into both sets, so they are the jackknife's alone, of the closed form
 *     r_m = 1 / (1 + V / (m P)),   P = mean_{i != j} d_i . d_j,   V = mean_i d_i . d_i - P,   m queries in each set
 * on the scale log(m P / V), where m only moves both ends. NaN where P is not positive or n < 3, and of sizes that the curve has
 * not. Errors: EVOKE_ENOMEM. */
evoke_status evk_learning_intervals(const evk_row_space *offsets, double *curve, double split_half[2], evoke_error *err);

#endif
