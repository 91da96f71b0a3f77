/* layers/verify.h: what a model computes, held against float64 (reference.h), against itself run otherwise, and kernel by
 * kernel. */
#ifndef EVK_VERIFY_H
#define EVK_VERIFY_H

#include "core/arena.h"
#include "layers/reference.h"

/* The float64 pass of a prompt, and how far each token's row of a hook point may be from it: bound [T, rows]. */
typedef struct evk_truth { const int32_t *ids; size_t n; evk_reference exact; double *bound[EVOKE_N_SITE]; } evk_truth;

/* ids are borrowed. Free with evk_truth_free, also on failure. */
evoke_status evk_truth_make(const evoke_model *m, const int32_t *ids, size_t n, evk_truth *out, evoke_error *err);
void evk_truth_free(evk_truth *t);
/* The model's own pass against it. m may have other kernels than the model that the truth was made of. */
evoke_status evk_verify_points(const evoke_model *m, const evk_truth *truth, evoke_verify_point out[EVOKE_N_SITE],
                               evoke_error *err);
/* The pass run otherwise, held against the prompt run alone, on one thread, in one pass: bit for bit. */
evoke_status evk_verify_same(const evoke_model *m, const int32_t *ids, size_t n, evoke_verify_same out[EVOKE_N_VERIFY_SAME],
                             evoke_error *err);
/* One table's kernels on a matrix of the model's, in out[EVOKE_N_VERIFY_PRODUCT]; returns how many there are: fewer where the
 * type is not packed. */
evoke_status evk_verify_products(const evk_kernels *k, const evk_tensor *matrix, evoke_verify_product *out, size_t *n,
                                 evoke_error *err);

#endif
