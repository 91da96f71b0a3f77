/* theory/analysis_emotion.h: what is at hand of one emotion at one layer. */
#ifndef EVK_ANALYSIS_EMOTION_H
#define EVK_ANALYSIS_EMOTION_H

#include "theory/analysis.h"
#include "theory/bootstrap.h"

typedef struct evk_emotion_work {
    evoke_theory *t;
    size_t i, e, n;                     /* layer, emotion, queries */
    evk_pairs pairs;
    evk_pairs_fit fit;                  /* of all queries */
    double s_two, s_offset;
    double *count;                      /* [2n] ones */
    double *component, *component_scores, *vector_scores;      /* [D], [2n], [2n] */
    double *scratch;                    /* [2n + D] */
    evk_line vector, along_pc;
    evk_replication replication;
    double estimate[EVK_R_COUNT];
    evoke_fisher_row *row;
} evk_emotion_work;

static inline double *evk_at(const evk_emotion_work *w, evk_figure_id id)
{
    return evk_figure_at(&w->t->figures, id, w->i, w->e);
}

/* Figures out of sample. */
evoke_status evk_analyse_held_out(evk_emotion_work *w, evoke_error *err);

#endif
