/* theory/analysis.h: all of theory/ over a store's layers and emotions; what its files share. Layer by layer:
 *
 *   analysis_emotion.c   each emotion's two settings: the EV against w, wd, the principal component; intervals, controls
 *   analysis_held_out.c  the same out of sample
 *   analysis_layer.c     all emotions of a layer: one against the others, discriminants, geometry
 *   analysis_without.c   what the EVs are without some of the queries, and intervals from it
 *   analysis.c           all layers; what is said of depth; the file */
#ifndef EVK_ANALYSIS_H
#define EVK_ANALYSIS_H

#include "theory/compare.h"
#include "theory/figures.h"
#include "theory/held_scores.h"
#include "theory/interval.h"
#include "theory/layer_similarity.h"
#include "theory/replicates.h"

struct evoke_theory {
    evoke_theory_options options;
    evk_figures figures;
    evoke_fisher_result fisher;
    evoke_vectors *directions[EVOKE_N_DIRECTION];       /* FISHER is fisher.directions; NULL where there is none */
    /* only while it runs */
    evk_samples samples;
    evk_compared compared;
    double *random;                     /* [n_control, D] unit */
    double *ev;                         /* [L, E, D] mean differences */
    double *ev_without;                 /* [EVK_MOST_WITHOUT, L, E, D] without each group of queries; NULL: no intervals, or too large */
    evk_layer_similarity *similarity;   /* [E + 1] of each emotion's offsets; of all rows of the emotion setting */
    size_t n_thread, n_emotion, d;
    evk_replicates replicates;          /* those given, or a shard's that are made: then nothing else is */
    bool only_replicates;
};

/* A stream's number for an emotion: the same at every layer. */
evoke_status evk_analyse_emotion(evoke_theory *t, size_t i, size_t e, evoke_error *err);
/* After all emotions of layer i. */
evoke_status evk_analyse_layer(evoke_theory *t, size_t i, evoke_error *err);

/* Does each of the groups that intervals leave out have a query of emotion e? */
static inline bool evk_has_groups(const evoke_theory *t, size_t e)
{
    return t->samples.starts[e + 1] - t->samples.starts[e] >= EVK_MOST_WITHOUT;
}

/* analysis_without.c. EVs of layer i and emotion e without each group of its queries, from its offsets. */
void evk_put_ev_without(evoke_theory *t, size_t i, size_t e, const evk_row_space *offsets);
/* Where the one of a group begins. */
static inline double *evk_ev_without(const evoke_theory *t, size_t group, size_t i, size_t e)
{
    return t->ev_without + ((group * t->samples.n_layer + i) * t->n_emotion + e) * t->d;
}
/* Intervals of an emotion's EV at two layers, after all layers; of its cosine with the emotion's mean less that of all others (rows
 * [n] of the emotion setting), at layer i. */
void evk_put_layer_cosine_intervals(evoke_theory *t);
evoke_status evk_put_rest_cosine_interval(evoke_theory *t, size_t i, size_t e, evoke_error *err);

/* Three figures of scores out of sample with their intervals, of layer i and emotion e, from `first` on. The caller frees
 * *others, also after a failure. */
evoke_status evk_put_held(evoke_theory *t, evk_figure_id first, size_t i, size_t e, const evk_held *h, evk_held_others *others,
                          evoke_error *err);

/* Failures of the data leave NaN; those of memory and machine are passed on. */
static inline bool evk_grave(evoke_status st)
{
    return st != EVOKE_OK && st != EVOKE_EDATA && st != EVOKE_ESINGULAR;
}

#endif
