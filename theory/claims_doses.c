/* theory/claims_doses.c: the held-out queries of an emotion under every direction and strength.
 *
 * Each query's neutral prompt, with the unsteered model's own greedy response after it, is run under all steerings together
 * (evoke_observe): the score is read from the prompt, likelihood and divergence from the response. */
#include <stdlib.h>
#include <string.h>

#include "layers/model.h"
#include "theory/claims.h"

static const char *const what = "claims";

typedef struct dosing {
    evoke_claims *c;
    size_t e, n;                        /* emotion; its queries held out */
    evoke_steering **steerings;         /* [n_steering] none, then EVK_SMALL_ALPHA up and down, then arm by arm all but alpha 0 */
    size_t n_steering;
    evk_store_prompt *prompts;          /* [n] */
    evoke_response *responses;          /* [n] unsteered */
    float *rows;                        /* [n_steering, D] */
    double *nll, *kl, *score;           /* [n_steering] */
    evk_doses doses;
} dosing;

static evoke_status allocate(dosing *g, evoke_error *err)
{
    const evoke_claims *c = g->c;
    const size_t cells = EVK_N_ARM * c->n_alpha * g->n;
    g->n_steering = 3 + EVK_N_ARM * (c->n_alpha - 1);
    EVK_TRY(evk_alloc(&g->steerings, g->n_steering, sizeof *g->steerings, what, err));
    EVK_TRY(evk_alloc(&g->prompts, g->n, sizeof *g->prompts, what, err));
    EVK_TRY(evk_alloc(&g->responses, g->n, sizeof *g->responses, what, err));
    EVK_TRY(evk_alloc(&g->rows, g->n_steering, c->d * sizeof *g->rows, what, err));
    EVK_TRY(evk_alloc(&g->nll, g->n_steering, sizeof *g->nll, what, err));
    EVK_TRY(evk_alloc(&g->kl, g->n_steering, sizeof *g->kl, what, err));
    EVK_TRY(evk_alloc(&g->score, g->n_steering, sizeof *g->score, what, err));
    g->doses.n = g->n;
    EVK_TRY(evk_alloc(&g->doses.score, cells, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&g->doses.nll, cells, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&g->doses.kl, cells, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&g->doses.up, g->n, sizeof(double), what, err));
    return evk_alloc(&g->doses.down, g->n, sizeof(double), what, err);
}

static void release(dosing *g)
{
    for (size_t i = 0; g->steerings && i < g->n_steering; i++)
        evoke_steering_free(g->steerings[i]);
    for (size_t q = 0; g->prompts && q < g->n; q++)
        free(g->prompts[q].ids);
    evoke_responses_free(g->responses, g->n);
    free(g->steerings);
    free(g->prompts);
    free(g->responses);
    free(g->rows);
    free(g->nll);
    free(g->kl);
    free(g->score);
    free(g->doses.score);
    free(g->doses.nll);
    free(g->doses.kl);
    free(g->doses.up);
    free(g->doses.down);
}

static evoke_status steer(dosing *g, size_t i, evk_arm arm, double alpha, evoke_error *err)
{
    const evoke_strength one = { evoke_store_emotion(g->c->store, g->e), alpha };
    return evk_claims_steer(g->c, arm, &one, 1, &g->steerings[i], err);
}

static evoke_status make_steerings(dosing *g, evoke_error *err)
{
    size_t i = 1;
    EVK_TRY(steer(g, i++, EVK_ARM_EV, EVK_SMALL_ALPHA, err));
    EVK_TRY(steer(g, i++, EVK_ARM_EV, -EVK_SMALL_ALPHA, err));
    for (evk_arm arm = 0; arm < EVK_N_ARM; arm++)
        for (size_t a = 0; a < g->c->n_alpha; a++)
            if (a != g->c->zero)
                EVK_TRY(steer(g, i++, arm, g->c->alphas[a], err));
    return EVOKE_OK;
}

static evoke_status make_prompts(dosing *g, evoke_error *err)
{
    const evk_store_prompt **prompts = NULL;
    const evoke_steering **none = NULL;
    evoke_status st = evk_alloc(&prompts, g->n, sizeof *prompts, what, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&none, g->n, sizeof *none, what, err);
    for (size_t q = 0; st == EVOKE_OK && q < g->n; q++) {
        st = evk_claims_prompt(g->c, g->c->held[g->e][q], &g->prompts[q], err);
        prompts[q] = &g->prompts[q];
    }
    if (st == EVOKE_OK)
        st = evk_claims_respond(g->c, prompts, none, g->n, g->responses, err);
    free(none);
    free(prompts);
    return st;
}

/* What query q gave, from the order of the steerings to that of the doses. */
static void keep(dosing *g, size_t q)
{
    const evoke_claims *c = g->c;
    size_t i = 1;
    g->doses.up[q] = g->score[i++];
    g->doses.down[q] = g->score[i++];
    for (evk_arm arm = 0; arm < EVK_N_ARM; arm++)
        for (size_t a = 0; a < c->n_alpha; a++) {
            const size_t from = a == c->zero ? 0 : i++, to = evk_dose(c, g->n, arm, a) + q;
            g->doses.score[to] = g->score[from];
            g->doses.nll[to] = g->nll[from];
            g->doses.kl[to] = g->kl[from];
        }
}

static evoke_status observe(dosing *g, size_t q, evoke_error *err)
{
    const evoke_claims *c = g->c;
    const evk_store_prompt *p = &g->prompts[q];
    const evoke_response *r = &g->responses[q];
    int32_t *ids = NULL;
    EVK_TRY(evk_alloc(&ids, p->n + r->n, sizeof *ids, what, err));
    memcpy(ids, p->ids, p->n * sizeof *ids);
    memcpy(ids + p->n, r->ids, r->n * sizeof *ids);
    const evoke_observed text = { .ids = ids, .n_ids = p->n + r->n, .n_prompt = p->n, .site = c->options.score_site,
                                  .layer = c->options.score_layer, .first = p->first, .last = p->last };
    const evoke_status st = evoke_observe(c->model, &text, (const evoke_steering *const *)g->steerings, g->n_steering, g->rows,
                                          g->nll, g->kl, err);
    free(ids);
    if (st == EVOKE_OK) {
        evk_claims_score(c, g->e, g->rows, g->n_steering, 1, g->score);
        keep(g, q);
    }
    return st;
}

static evoke_status run(dosing *g, const evoke_progress *progress, evoke_error *err)
{
    size_t before = 0, all = 0;
    for (size_t e = 0; e < g->c->n_emotion; e++) {
        before += e < g->e ? g->c->n_held[e] : 0;
        all += g->c->n_held[e];
    }
    EVK_TRY(allocate(g, err));
    EVK_TRY(make_steerings(g, err));
    EVK_TRY(make_prompts(g, err));
    for (size_t q = 0; q < g->n; q++) {
        EVK_TRY(observe(g, q, err));
        EVK_TRY(evk_report(progress, what, before + q + 1, all, err));
    }
    return evk_claims_dose_figures(g->c, g->e, &g->doses, err);
}

evoke_status evk_claims_doses(evoke_claims *c, size_t e, const evoke_progress *progress, evoke_error *err)
{
    dosing g = { .c = c, .e = e, .n = c->n_held[e] };
    const evoke_status st = run(&g, progress, err);
    release(&g);
    return st;
}
