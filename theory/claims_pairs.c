/* theory/claims_pairs.c: two EVs added at once against the sum of what each does alone, on neutral prompts held out of all
 * emotions, read along the discriminant of each of the two. */
#include <math.h>
#include <stdlib.h>

#include "layers/model.h"
#include "theory/claims.h"

enum { QUERIES = 4 };                   /* of each emotion */
static const char *const what = "claims";

typedef struct pairing {
    evoke_claims *c;
    size_t n, n_steering;               /* queries; none, E emotions, E (E - 1) / 2 pairs */
    evoke_steering **steerings;
    float *rows;                        /* [n_steering, D] */
    double *scores;                     /* [E, n_steering, n] */
    double *pair, *sum, *residual;      /* [n] */
} pairing;

/* Place of the pair (e, f) among the steerings. */
static size_t pair_place(const pairing *p, size_t e, size_t f)
{
    const size_t low = e < f ? e : f, high = e < f ? f : e, n = p->c->n_emotion;
    return 1 + n + low * n - low * (low + 1) / 2 + high - low - 1;
}

static evoke_status make_steerings(pairing *p, evoke_error *err)
{
    const evoke_claims *c = p->c;
    for (size_t e = 0; e < c->n_emotion; e++) {
        const evoke_strength one = { evoke_store_emotion(c->store, e), 1 };
        EVK_TRY(evk_claims_steer(c, EVK_ARM_EV, &one, 1, &p->steerings[1 + e], err));
        for (size_t f = e + 1; f < c->n_emotion; f++) {
            const evoke_strength both[] = { one, { evoke_store_emotion(c->store, f), 1 } };
            EVK_TRY(evk_claims_steer(c, EVK_ARM_EV, both, 2, &p->steerings[pair_place(p, e, f)], err));
        }
    }
    return EVOKE_OK;
}

static evoke_status observe(pairing *p, size_t q, size_t place, evoke_error *err)
{
    evoke_claims *c = p->c;
    evk_store_prompt prompt = {0};
    evoke_status st = evk_claims_prompt(c, place, &prompt, err);
    if (st == EVOKE_OK) {
        const evoke_observed text = { .ids = prompt.ids, .n_ids = prompt.n, .n_prompt = prompt.n, .site = c->options.score_site,
                                      .layer = c->options.score_layer, .first = prompt.first, .last = prompt.last };
        st = evoke_observe(c->model, &text, (const evoke_steering *const *)p->steerings, p->n_steering, p->rows, NULL, NULL, err);
    }
    for (size_t e = 0; st == EVOKE_OK && e < c->n_emotion; e++)
        evk_claims_score(c, e, p->rows, p->n_steering, p->n, p->scores + e * p->n_steering * p->n + q);
    free(prompt.ids);
    return st;
}

/* Score of emotion e, with emotion f's vector added to its own. */
static void put_pair(pairing *p, evk_resampling *r, size_t e, size_t f)
{
    const evk_figures *all = &p->c->figures;
    const double *score = p->scores + e * p->n_steering * p->n;
    const double *both = score + pair_place(p, e, f) * p->n, *own = score + (1 + e) * p->n, *other = score + (1 + f) * p->n;
    double off = 0, whole = 0;
    for (size_t q = 0; q < p->n; q++) {
        p->pair[q] = both[q] - score[q];
        p->sum[q] = own[q] - score[q] + other[q] - score[q];
        p->residual[q] = p->pair[q] - p->sum[q];
        off += p->residual[q] * p->residual[q];
        whole += p->sum[q] * p->sum[q];
    }
    const struct { evk_claim_id id; const double *x; } means[] = {
        { EVK_C_PAIR, p->pair }, { EVK_C_PAIR_SUM, p->sum }, { EVK_C_PAIR_RESIDUAL, p->residual },
    };
    for (size_t i = 0; i < sizeof means / sizeof *means; i++)
        *evk_claim_at(all, means[i].id, e, f, 0) = evk_resample(r, evk_statistic_mean, means[i].x, EVK_SCALE_PLAIN,
                                                                evk_claim_at(all, (evk_claim_id)(means[i].id + 1), e, f, 0));
    *evk_claim_at(all, EVK_C_PAIR_ERROR, e, f, 0) = sqrt(off / whole);
}

static evoke_status allocate(pairing *p, evoke_error *err)
{
    const size_t n_emotion = p->c->n_emotion;
    for (size_t e = 0; e < n_emotion; e++)
        p->n += p->c->n_held[e] < QUERIES ? p->c->n_held[e] : QUERIES;
    p->n_steering = 1 + n_emotion + n_emotion * (n_emotion - 1) / 2;
    EVK_TRY(evk_alloc(&p->steerings, p->n_steering, sizeof *p->steerings, what, err));
    EVK_TRY(evk_alloc(&p->rows, p->n_steering, p->c->d * sizeof *p->rows, what, err));
    EVK_TRY(evk_alloc(&p->scores, n_emotion * p->n_steering, p->n * sizeof *p->scores, what, err));
    EVK_TRY(evk_alloc(&p->pair, p->n, sizeof *p->pair, what, err));
    EVK_TRY(evk_alloc(&p->sum, p->n, sizeof *p->sum, what, err));
    return evk_alloc(&p->residual, p->n, sizeof *p->residual, what, err);
}

static evoke_status run(pairing *p, evk_resampling *r, evoke_error *err)
{
    const evoke_claims *c = p->c;
    size_t q = 0;
    EVK_TRY(allocate(p, err));
    EVK_TRY(evk_resampling_new(p->n, c->options.n_bootstrap, c->options.seed, c->n_emotion, r, err));
    EVK_TRY(make_steerings(p, err));
    for (size_t e = 0; e < c->n_emotion; e++)
        for (size_t j = 0; j < c->n_held[e] && j < QUERIES; j++)
            EVK_TRY(observe(p, q++, c->held[e][j], err));
    for (size_t e = 0; e < c->n_emotion; e++)
        for (size_t f = 0; f < c->n_emotion; f++)
            if (e != f)
                put_pair(p, r, e, f);
    return EVOKE_OK;
}

evoke_status evk_claims_pairs(evoke_claims *c, evoke_error *err)
{
    pairing p = { .c = c };
    evk_resampling r = {0};
    const evoke_status st = run(&p, &r, err);
    for (size_t i = 0; p.steerings && i < p.n_steering; i++)
        evoke_steering_free(p.steerings[i]);
    evk_resampling_free(&r);
    free(p.steerings);
    free(p.rows);
    free(p.scores);
    free(p.pair);
    free(p.sum);
    free(p.residual);
    return st;
}
