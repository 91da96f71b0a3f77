/* theory/compare.h: an emotion vector against w = Sw(s)^-1 (mu_1 - mu_0), for one emotion at one layer of a store (scatter.h,
 * fisher.h, alignment.h, separation.h). */
#ifndef EVK_COMPARE_H
#define EVK_COMPARE_H

#include "theory/samples.h"
#include "theory/scatter.h"

enum { EVK_FOLDS = 10 };                /* where nothing else is said */

typedef struct evk_compared {
    evk_scatter sc;
    double *v, *w;                      /* [D] the vector that is judged, Fisher's direction as it is */
} evk_compared;

evoke_status evk_compared_new(size_t d, evk_compared *out, evoke_error *err);
void evk_compared_free(evk_compared *c);
/* *choice becomes a number, or a rule that evk_compare_vector knows: shrinkage by likelihood is found here. */
evoke_status evk_compare_choose(const evk_samples *s, size_t e, double *choice, evoke_error *err);
/* Layer i of the samples, which was read; choice: a number, LW or OAS. Errors: what evoke_fisher says, without the place. */
evoke_status evk_compare_vector(const evk_samples *s, size_t i, size_t e, double choice, evk_compared *c, evoke_fisher_row *row,
                         evoke_error *err);
/* w [D] to float32, at v's length, or as it is where options->raw; zeros stay zeros. */
evoke_status evk_compared_put(const evk_samples *s, const evk_compared *c, const double *w, float *out, evoke_error *err);
/* why's text with the emotion and the layer. */
evoke_status evk_name_place(const evk_samples *s, size_t i, size_t e, evoke_status st, const evoke_error *why,
                            evoke_error *err);
/* Rows of zeros and vectors of zeros. */
evoke_status evk_fisher_result_new(const evk_samples *s, evoke_fisher_result *out, evoke_error *err);

#endif
