/* theory/geometry.h: how the emotions' vectors lie to each other, and how well a number of queries fixes one.
 *
 *   cosines          EV_e . EV_f / (|EV_e| |EV_f|)
 *   base share       cos^2(EV_e, EVbase), EVbase the mean over emotions: of |EV_e|^2, what every emotion has in common
 *   principal plane  the EVs less EVbase on their first two principal axes, and those axes' share of the EVs' variance
 *   layer cosine     of an emotion's EV at two layers
 *   learning curve   cosine between the EVs of two sets of m queries that share none, mean over draws; split-half: m = n / 2.
 *                    With r the split-half cosine, that of two EVs of n queries each is about 2 r / (1 + r) (Spearman 1910,
 *                    Brown 1910) */
#ifndef EVK_GEOMETRY_H
#define EVK_GEOMETRY_H

#include "theory/row_space.h"

enum { EVK_LEARNING_SIZES = 12 };       /* m = 1, 2, 4, ..., 2048 */

/* ev [E, D] of one layer. cosines [E, E], base_share [E], plane [E, 2], plane_share [2]. An axis points where its largest
 * coordinate (by size) is positive. Errors: EVOKE_ENOMEM, EVOKE_ECOMPUTE. Not in a parallel region. */
evoke_status evk_geometry(const double *ev, size_t n_emotion, size_t d, double *cosines, double *base_share, double *plane,
                          double *plane_share, evoke_error *err);
/* The same from the EVs' products [E, E], which are used up. */
evoke_status evk_geometry_of(double *products, size_t n_emotion, double *cosines, double *base_share, double *plane,
                             double *plane_share, evoke_error *err);
/* Axes of a plane may turn, change places or point the other way from one sample to the next. Turns plane [E, 2] (and mirrors
 * it) to lie as near as it can to reference [E, 2] (Procrustes; Schoenemann 1966). */
void evk_plane_turn(const double *reference, size_t n_emotion, double *plane);
/* offsets: rows d_q. curve [EVK_LEARNING_SIZES] (NaN above n / 2), *split_half (NaN: n < 2); draw i of n_draw from
 * [seed, 7, of, i]. */
evoke_status evk_learning_curve(const evk_row_space *offsets, uint64_t seed, uint64_t of, size_t n_draw, double *curve,
                                double *split_half, evoke_error *err);

#endif
