/* theory/figures.h: every figure of an analysis by name, each an array over its axes; theory/README.md defines them.
 *
 * Axes: L layer, E emotion, F emotion again, G layer again, I the two ends of a 95 % interval, K eigenvalue, D discriminant,
 * M number of queries, P axis of the plane, S mean and 95 % point of controls. A figure that could not be computed is NaN.
 * EVK_WITH_INTERVAL(ID, ...) makes two: the figure, and NAME_interval with axis I as figure ID + 1. */
#ifndef EVK_FIGURES_H
#define EVK_FIGURES_H

#include "core/files/hdf5.h"

#define EVK_FIGURES(ONE, WITH_INTERVAL) \
    ONE(N, "n", "LE") \
    WITH_INTERVAL(COSINE, "cosine", "LE") \
    WITH_INTERVAL(ANGLE, "angle", "LE") \
    WITH_INTERVAL(WHITENED, "whitened_cosine", "LE") \
    WITH_INTERVAL(EFFICIENCY, "efficiency", "LE") \
    WITH_INTERVAL(RATIO_EV, "fisher_ratio_ev", "LE") \
    WITH_INTERVAL(RATIO_W, "fisher_ratio_w", "LE") \
    WITH_INTERVAL(RATIO_PC, "fisher_ratio_pc", "LE") \
    WITH_INTERVAL(EFFICIENCY_PC, "efficiency_pc", "LE") \
    WITH_INTERVAL(RATIO_OFFSET, "fisher_ratio_offset", "LE") \
    WITH_INTERVAL(EFFICIENCY_OFFSET, "efficiency_offset", "LE") \
    WITH_INTERVAL(COSINE_OFFSET, "cosine_offset", "LE") \
    WITH_INTERVAL(SHARE_PC, "component_share", "LE") \
    ONE(DPRIME_EV, "dprime_ev", "LE") \
    ONE(DPRIME_W, "dprime_w", "LE") \
    ONE(AUC_EV, "auc_ev", "LE") \
    ONE(AUC_W, "auc_w", "LE") \
    ONE(SHRINKAGE, "shrinkage", "LE") \
    ONE(SHRINKAGE_OFFSET, "shrinkage_offset", "LE") \
    ONE(T2, "hotelling_t2", "LE") \
    ONE(T2_P, "hotelling_p", "LE") \
    ONE(T2_SHRINKAGE, "hotelling_shrinkage", "LE") \
    WITH_INTERVAL(HELD_DPRIME_EV, "held_out_dprime_ev", "LE") \
    WITH_INTERVAL(HELD_AUC_EV, "held_out_auc_ev", "LE") \
    WITH_INTERVAL(HELD_ACCURACY_EV, "held_out_accuracy_ev", "LE") \
    WITH_INTERVAL(HELD_DPRIME_W, "held_out_dprime_w", "LE") \
    WITH_INTERVAL(HELD_AUC_W, "held_out_auc_w", "LE") \
    WITH_INTERVAL(HELD_ACCURACY_W, "held_out_accuracy_w", "LE") \
    WITH_INTERVAL(HELD_DPRIME_OFFSET, "held_out_dprime_offset", "LE") \
    WITH_INTERVAL(HELD_AUC_OFFSET, "held_out_auc_offset", "LE") \
    WITH_INTERVAL(HELD_ACCURACY_OFFSET, "held_out_accuracy_offset", "LE") \
    WITH_INTERVAL(HELD_DPRIME_PC, "held_out_dprime_pc", "LE") \
    WITH_INTERVAL(HELD_AUC_PC, "held_out_auc_pc", "LE") \
    WITH_INTERVAL(HELD_ACCURACY_PC, "held_out_accuracy_pc", "LE") \
    WITH_INTERVAL(HELD_DPRIME_GAIN, "held_out_dprime_gain", "LE") \
    WITH_INTERVAL(HELD_EFFICIENCY, "held_out_efficiency", "LE") \
    ONE(RANK, "rank", "LE") \
    WITH_INTERVAL(EFFECTIVE_RANK, "effective_rank", "LE") \
    WITH_INTERVAL(PARTICIPATION, "participation_ratio", "LE") \
    WITH_INTERVAL(CONDITION, "condition", "LE") \
    WITH_INTERVAL(CONDITION_SHRUNK, "condition_shrunk", "LE") \
    WITH_INTERVAL(KANTOROVICH, "kantorovich_bound", "LE") \
    WITH_INTERVAL(ISOTROPIC, "efficiency_isotropic", "LE") \
    WITH_INTERVAL(SPHERICITY, "sphericity", "LE") \
    ONE(SPHERICITY_Z, "sphericity_z", "LE") \
    ONE(SPECTRUM, "spectrum", "LEK") \
    ONE(RANDOM_COSINE, "random_cosine", "LES") \
    ONE(RANDOM_EFFICIENCY, "random_efficiency", "LES") \
    ONE(RANDOM_RATIO, "random_fisher_ratio", "LES") \
    ONE(RANDOM_AUC, "random_auc", "LES") \
    ONE(PERMUTED_COSINE, "permuted_cosine", "LES") \
    ONE(PERMUTED_EFFICIENCY, "permuted_efficiency", "LES") \
    ONE(PERMUTED_RATIO, "permuted_fisher_ratio", "LES") \
    ONE(PERMUTED_AUC, "permuted_auc", "LES") \
    ONE(PERMUTED_P, "permuted_p", "LE") \
    ONE(REST_SHRINKAGE, "rest_shrinkage", "LE") \
    WITH_INTERVAL(REST_COSINE, "rest_cosine", "LE") \
    WITH_INTERVAL(REST_EFFICIENCY, "rest_efficiency", "LE") \
    WITH_INTERVAL(REST_COSINE_EV, "rest_cosine_ev", "LE") \
    WITH_INTERVAL(REST_DPRIME_EV, "rest_held_out_dprime_ev", "LE") \
    WITH_INTERVAL(REST_AUC_EV, "rest_held_out_auc_ev", "LE") \
    WITH_INTERVAL(REST_ACCURACY_EV, "rest_held_out_accuracy_ev", "LE") \
    WITH_INTERVAL(REST_DPRIME_W, "rest_held_out_dprime_w", "LE") \
    WITH_INTERVAL(REST_AUC_W, "rest_held_out_auc_w", "LE") \
    WITH_INTERVAL(REST_ACCURACY_W, "rest_held_out_accuracy_w", "LE") \
    WITH_INTERVAL(DISCRIMINANTS, "discriminant_eigenvalue", "LD") \
    WITH_INTERVAL(DISCRIMINANT_SHARE, "discriminant_share", "LD") \
    ONE(DISCRIMINANT_SHRINKAGE, "discriminant_shrinkage", "L") \
    WITH_INTERVAL(EV_NORM, "ev_norm", "LE") \
    WITH_INTERVAL(EV_COSINE, "ev_cosine", "LEF") \
    WITH_INTERVAL(BASE_SHARE, "base_share", "LE") \
    WITH_INTERVAL(PLANE, "plane", "LEP") \
    WITH_INTERVAL(PLANE_SHARE, "plane_share", "LP") \
    WITH_INTERVAL(LAYER_COSINE, "layer_cosine", "ELG") \
    WITH_INTERVAL(LAYER_CKA, "layer_cka", "ELG") \
    WITH_INTERVAL(LAYER_CKA_DEBIASED, "layer_cka_debiased", "ELG") \
    WITH_INTERVAL(ROWS_CKA, "rows_cka", "LG") \
    WITH_INTERVAL(ROWS_CKA_DEBIASED, "rows_cka_debiased", "LG") \
    WITH_INTERVAL(SPLIT_HALF, "split_half_cosine", "LE") \
    ONE(LEARNING_SIZE, "learning_queries", "M") \
    WITH_INTERVAL(LEARNING_CURVE, "learning_curve", "LEM") \
    ONE(FIRST_LAYER, "first_layer", "E") \
    ONE(BEST_LAYER, "best_layer", "E") \
    ONE(REST_FIRST_LAYER, "rest_first_layer", "E") \
    ONE(REST_BEST_LAYER, "rest_best_layer", "E")

#define EVK_ONE_ID(id, name, axes) EVK_F_##id,
#define EVK_TWO_IDS(id, name, axes) EVK_F_##id, EVK_F_##id##_INTERVAL,
typedef enum evk_figure_id { EVK_FIGURES(EVK_ONE_ID, EVK_TWO_IDS) EVK_N_FIGURE } evk_figure_id;

typedef struct evk_figure_name { const char *name, *axes; } evk_figure_name;
typedef struct evk_figures {
    size_t size[128];                       /* of each axis, by its letter */
    size_t n;
    double **values;                        /* [n] */
    evoke_figure *described;                /* [n] */
} evk_figures;

/* All NaN. Errors: EVOKE_ENOMEM. Free whatever it returns. */
evoke_status evk_figures_new(size_t n_layer, size_t n_emotion, size_t n_value, evk_figures *out, evoke_error *err);
/* The same of any list; the sizes are set. */
evoke_status evk_figures_allocate(evk_figures *f, const evk_figure_name *list, size_t n, evoke_error *err);
void evk_figures_free(evk_figures *f);
/* Where the values of a layer and an emotion begin, in a figure whose first axes are L and E. */
double *evk_figure_at(evk_figures *f, evk_figure_id id, size_t layer, size_t emotion);
/* NULL: there is none of that name. */
const evoke_figure *evk_figures_find(const evk_figures *f, const char *name);
/* All to a file: what `describe` writes of `what` (names, options), then a dataset for each, its axes as the attribute `axes`. */
typedef evoke_status evk_figures_describe(evk_h5 *file, const void *what, evoke_error *err);
evoke_status evk_figures_save(const evk_figures *f, const char *path, const evk_h5_signature *sign,
                              evk_figures_describe *describe, const void *what, evoke_error *err);

#endif
