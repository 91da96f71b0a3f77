/* theory/claims.h: the paper's four claims on the running model: what evoke_claims_run holds.
 *
 * Of each emotion every n_fold-th query is held out. On the others directions are fitted: where the model is steered (Fisher,
 * offset, principal component and controls, scaled layer by layer to the length of the EV that is judged), and further down
 * a two-class discriminant w, along which the held-out queries' neutral prompts are read while they are steered:
 *
 *     score(x) = w.(x - mu_0) / w.(mu_1 - mu_0)           0: neutral, 1: as emotional as the emotion's prompts make it        */
#ifndef EVK_CLAIMS_H
#define EVK_CLAIMS_H

#include "layers/store.h"
#include "theory/claims_figures.h"
#include "theory/resampling.h"
#include "theory/samples.h"

typedef enum evk_arm {                  /* directions compared */
    EVK_ARM_EV, EVK_ARM_FISHER, EVK_ARM_OFFSET, EVK_ARM_COMPONENT, EVK_ARM_RANDOM, EVK_ARM_PERMUTED, EVK_N_ARM
} evk_arm;

struct evoke_claims {
    evoke_claims_options options;       /* with what was chosen put in; pointers are borrowed while the run lasts */
    const evoke_model *model;
    evoke_store *store;
    const evoke_store_info *info;
    size_t n_emotion, n_alpha, n_layer, d, zero;        /* zero: place of alpha 0 */
    double *alphas;                     /* [A] */
    int32_t *layers;                    /* [L] steered, rising */
    evk_samples score;                  /* of the layer read, all queries */
    double *w;                          /* [E, D] discriminants, scaled so that score = w.x - w0 */
    double *w0;                         /* [E] */
    size_t **held, *n_held;             /* [E] queries held out, as places in `score`; their number */
    evoke_vectors *arms[EVK_N_ARM];     /* at the site steered; the EV's is options.vectors */
    evk_figures figures;
    char text[320];
};

/* Is query j of an emotion's to be held out? */
static inline bool evk_is_held(const evoke_claims *c, size_t j) { return j % c->options.n_fold == 0; }

/* What one emotion's held-out queries gave: [arm, alpha, query]; and at alpha +-EVK_SMALL_ALPHA along the EV, [query]. */
typedef struct evk_doses {
    size_t n;                           /* queries */
    double *score, *nll, *kl;
    double *up, *down;
} evk_doses;
#define EVK_SMALL_ALPHA 0.02
static inline size_t evk_dose(const evoke_claims *c, size_t n, evk_arm arm, size_t alpha)
{
    return (arm * c->n_alpha + alpha) * n;
}

/* claims_directions.c: w, w0, and all arms; the topics at each layer on the way. */
evoke_status evk_claims_fit(evoke_claims *c, evoke_error *err);
/* claims.c: the neutral prompt of a held-out query; p->ids is the caller's. */
evoke_status evk_claims_prompt(evoke_claims *c, size_t place, evk_store_prompt *p, evoke_error *err);
/* One direction at some strengths, as the options say where. The caller's. */
evoke_status evk_claims_steer(const evoke_claims *c, evk_arm arm, const evoke_strength *strengths, size_t n,
                              evoke_steering **out, evoke_error *err);
/* Responses of n_predict tokens, drawn greedily, to each of n prompts under its steering; responses [n], zeroed. */
evoke_status evk_claims_respond(const evoke_claims *c, const evk_store_prompt *const *prompts, const evoke_steering *const *steerings,
                                size_t n, evoke_response *responses, evoke_error *err);
/* Rows [n, D] that the steerings give, to scores for emotion e, [n], `stride` apart. */
void evk_claims_score(const evoke_claims *c, size_t e, const float *rows, size_t n, size_t stride, double *out);
/* claims_doses.c: emotion e over the grid of alphas along all arms, and what follows from it. */
evoke_status evk_claims_doses(evoke_claims *c, size_t e, const evoke_progress *progress, evoke_error *err);
/* claims_dose_figures.c: gain, preservation, linearity and near-optimality of it. */
evoke_status evk_claims_dose_figures(evoke_claims *c, size_t e, const evk_doses *d, evoke_error *err);
/* claims_pairs.c: two emotions added at once. */
evoke_status evk_claims_pairs(evoke_claims *c, evoke_error *err);
/* claims_topic.c: the EVs' share in the space that topics span, at the l-th layer steered: layer i of the samples, as read. */
evoke_status evk_claims_topic(evoke_claims *c, const evk_samples *samples, size_t i, size_t l, evoke_error *err);
/* claims_responses.c: responses of emotion e's queries over the grid, judged and embedded. */
evoke_status evk_claims_responses(evoke_claims *c, size_t e, evoke_error *err);

#endif
