/* theory/geometry_intervals.h: 95 % intervals of the figures of geometry.h.
 *
 * Replicate b draws the queries of each emotion with replacement, emotion e by PCG64 seeded with [seed, 1, e, b], the same
 * draws as everywhere (bootstrap.h). With c_e the counts and G the offsets' products, EV_e . EV_f = c_e^T G c_f / (n_e n_f), so
 * a replicate costs O(N^2), nothing in D. Noise makes EVs longer and cosines between them smaller, in a replicate once more: the
 * interval takes that bias off by the jackknife, emotion by emotion of those that the figure rests on: one for a length, two for a
 * cosine, all for the rest (interval.h). */
#ifndef EVK_GEOMETRY_INTERVALS_H
#define EVK_GEOMETRY_INTERVALS_H

#include "theory/row_space.h"

typedef struct evk_geometry_ends {      /* low and high of each */
    double *cosines;                    /* [E, E, 2] */
    double *base_share, *norm;          /* [E, 2] */
    double *plane_share;                /* [2, 2] */
    double *plane;                      /* [E, 2, 2] coordinates, on the axes that all queries give */
} evk_geometry_ends;

/* offsets: rows d_q of all emotions' queries, emotion e's from starts[e] to starts[e + 1]. NaN where an emotion that the
 * figure rests on has fewer than three queries. Errors: EVOKE_ENOMEM, EVOKE_ECOMPUTE. Not in a parallel region. */
evoke_status evk_geometry_intervals(const evk_row_space *offsets, const size_t *starts, size_t n_emotion, uint64_t seed,
                                    size_t n_replicate, size_t n_thread, const evk_geometry_ends *out, evoke_error *err);

/* Sampling intervals (interval.h) of a learning curve [EVK_LEARNING_SIZES] and the split-half cosine of n queries, ends
 * [EVK_LEARNING_SIZES, 2] and [2]. A replicate would put one query into both sets, so they are the jackknife's alone, around the
 * figure. The spread is that of the closed form
 *     r_m = 1 / (1 + V / (m P)),   P = mean_{i != j} d_i . d_j,   V = mean_i d_i . d_i - P,   m queries in each set
 * on the scale log(r / (1 - r)) = log(m P / V), where it is the same for every m; of offsets that differ much in length r_m itself is
 * below the mean cosine. NaN where P or the figure is not positive, or n < 3. Errors: EVOKE_ENOMEM. */
evoke_status evk_learning_intervals(const evk_row_space *offsets, const double *curve, double split_half, double *curve_ends,
                                    double split_ends[2], evoke_error *err);

#endif
