/* theory/labelled.h: emotion vectors and Fisher directions, fitted to the project's own queries, on texts that other people
 * wrote and labelled; and how those labels' own emotion vectors lie. Layer by layer:
 *
 *   labelled_directions.c   EV, w, the difference of means and w of one emotion against the others, of the queries
 *   judged.c                the texts' scores along them against the labels
 *   labelled_geometry.c     EVs of the labels, their principal plane, its axes against ratings of valence and arousal
 *   labelled.c              all layers; the file is labelled_file.c
 *
 * Axes of the figures: L layer, A direction, X pair of directions, E emotion that both have, F that again, C label that has an
 * EV (one place, all NaN and without a name, where none has), B that again, P axis of the plane, I ends of an interval. */
#ifndef EVK_LABELLED_H
#define EVK_LABELLED_H

#include "theory/compare.h"
#include "theory/figures.h"
#include "theory/judged.h"
#include "theory/text_labels.h"

enum { EVK_MOST_DIRECTIONS = 4 };       /* EV, w; difference of means, w against the other emotions */

/* Those of evk_judged_layout first, in its order, each with its interval. */
#define EVK_LABELLED_FIGURES(ONE, WITH_INTERVAL) \
    WITH_INTERVAL(AUC, "auc", "LAE") \
    WITH_INTERVAL(AUC_GAIN, "auc_gain", "LXE") \
    WITH_INTERVAL(F1, "f1", "LAE") \
    WITH_INTERVAL(MEAN_AUC, "mean_auc", "LA") \
    WITH_INTERVAL(MEAN_AUC_GAIN, "mean_auc_gain", "LX") \
    WITH_INTERVAL(MACRO_F1, "macro_f1", "LA") \
    WITH_INTERVAL(MACRO_F1_GAIN, "macro_f1_gain", "LX") \
    ONE(CONFUSION, "confusion", "LAEF") \
    ONE(CHANCE, "macro_f1_chance", "LA") \
    ONE(N_EMOTION, "n_emotion", "E") \
    ONE(N_LABEL, "n_label", "C") \
    ONE(VALENCE, "valence", "C") \
    ONE(AROUSAL, "arousal", "C") \
    ONE(NORM, "label_norm", "LC") \
    ONE(LABEL_COSINE, "label_cosine", "LCB") \
    ONE(LABEL_BASE, "label_base_share", "LC") \
    ONE(LABEL_PLANE, "label_plane", "LCP") \
    ONE(LABEL_PLANE_SHARE, "label_plane_share", "LP") \
    WITH_INTERVAL(VALENCE_R, "valence_pearson", "LP") \
    WITH_INTERVAL(VALENCE_RHO, "valence_spearman", "LP") \
    WITH_INTERVAL(AROUSAL_R, "arousal_pearson", "LP") \
    WITH_INTERVAL(AROUSAL_RHO, "arousal_spearman", "LP")

#define EVK_ONE_LABELLED(id, name, axes) EVK_T_##id,
#define EVK_TWO_LABELLED(id, name, axes) EVK_T_##id, EVK_T_##id##_INTERVAL,
typedef enum evk_labelled_id {
    EVK_LABELLED_FIGURES(EVK_ONE_LABELLED, EVK_TWO_LABELLED) EVK_N_LABELLED
} evk_labelled_id;

struct evoke_labelled {
    evoke_labelled_options options;
    evk_figures figures;
    evoke_labelled_info info;
    char *model_name, *model_sha256, *architecture;
    char **emotions, **labels;          /* [E], [C] */
    int32_t *layers;                    /* [L] */
    size_t n_emotion, n_label;
    /* only while it runs */
    evk_samples samples;                /* of the queries */
    evk_compared compared;
    evoke_store *texts;
    const evoke_labels *said;
    size_t *emotion_of, *said_of;       /* [E] its index among the queries' emotions, among the texts' labels */
    size_t *label_of;                   /* [C] its index among the texts' labels */
    size_t *text;                       /* [n] texts that are done, by their place in the store */
    uint8_t *has;                       /* [E, n] */
    float *read;                        /* [N, 1, D] the layer at hand */
    const float **rows;                 /* [n] */
    double *directions, *scores;        /* [A, E, D], [A, E, n] */
    double *values, *intervals;         /* of evk_judged_layout */
    double *label_vectors;              /* [C, D] */
    size_t n, n_direction, n_thread, d;
};

/* Where a figure's values of layer i begin. */
double *evk_labelled_at(evoke_labelled *t, evk_labelled_id id, size_t i);
/* Fits directions to the queries of layer i, which were read. */
evoke_status evk_labelled_directions(evoke_labelled *t, size_t i, evoke_error *err);
/* From the rows of layer i. */
evoke_status evk_labelled_geometry(evoke_labelled *t, size_t i, evoke_error *err);
/* counts and ratings, once. */
void evk_labelled_describe(evoke_labelled *t);

#endif
