/* theory/claims_topic.c: how much of an EV lies in the space that topics span.
 *
 * What differs between queries in the neutral setting is what they are about: the principal axes u_j of the neutral rows' scatter
 * that together hold TOPIC_SHARE of it. share = sum_j (u_j.ev)^2 / |ev|^2; k axes of D hold k / D of a direction drawn evenly. */
#include <stdlib.h>

#include "layers/model.h"
#include "theory/claims.h"
#include "theory/controls.h"
#include "theory/linear.h"
#include "theory/row_space.h"

enum { N_RANDOM = 200 };
static const double TOPIC_SHARE = 0.9;
static const char *const what = "claims";

typedef struct topic {
    evoke_claims *c;
    const evk_samples *samples;         /* the layer's rows are read */
    size_t i, l;                        /* the layer's place in the samples and among those steered */
    evk_row_space rows;                 /* [N] neutral */
    size_t n, k;                        /* rows; axes kept */
    double *axes, *values, *scores;     /* [N, N] unit eigenvectors of the Gram matrix, rising; [N]; [N] */
    double *random, *shares, *v;        /* [N_RANDOM, D], [N_RANDOM], [D] */
} topic;

static evoke_status find_axes(topic *t, evoke_error *err)
{
    const size_t n = t->n;
    double all = 0, kept = 0;
    EVK_TRY(evk_row_space_fit(t->samples->rows0, n, t->c->d, true, t->c->model->n_thread, &t->rows, err));
    for (size_t i = 0; i < n * n; i++)
        t->axes[i] = t->rows.gram[i];
    EVK_TRY(evk_eigen(t->axes, n, true, t->values, err));
    for (size_t i = 0; i < n; i++)
        all += t->values[i] > 0 ? t->values[i] : 0;
    if (!(all > 0))
        return evk_fail(err, EVOKE_EDATA, "claims: the neutral rows do not vary");
    for (t->k = 0; t->k < n && kept < TOPIC_SHARE * all; t->k++)
        kept += t->values[n - 1 - t->k];
    return EVOKE_OK;
}

/* Share of v [D] within the axes: u_j = X^T a_j / sqrt(value_j). */
static double share_of(topic *t, const double *v)
{
    double sum = 0;
    evk_row_space_project(&t->rows, v, t->scores);
    for (size_t j = t->n - t->k; j < t->n; j++) {
        const double along = evk_dot(t->axes + j * t->n, t->scores, t->n);
        sum += along * along / t->values[j];
    }
    return sum / evk_dot(v, v, t->c->d);
}

static evoke_status put_layer(topic *t, evoke_error *err)
{
    evoke_claims *c = t->c;
    double mean = 0, ends[2];
    EVK_TRY(find_axes(t, err));
    for (size_t i = 0; i < N_RANDOM; i++) {
        t->shares[i] = share_of(t, t->random + i * c->d);
        mean += t->shares[i] / N_RANDOM;
    }
    evk_percentiles(t->shares, N_RANDOM, ends);         /* sorts */
    for (size_t e = 0; e < c->n_emotion; e++) {
        EVK_TRY(evk_samples_vector(t->samples, t->i, e, t->v, err));
        *evk_claim_at(&c->figures, EVK_C_TOPIC_RANK, e, t->l, 0) = (double)t->k;
        *evk_claim_at(&c->figures, EVK_C_TOPIC, e, t->l, 0) = share_of(t, t->v);
        *evk_claim_at(&c->figures, EVK_C_TOPIC_CHANCE, e, t->l, 0) = (double)t->k / (double)c->d;
        evk_claim_at(&c->figures, EVK_C_TOPIC_RANDOM, e, t->l, 0)[0] = mean;
        evk_claim_at(&c->figures, EVK_C_TOPIC_RANDOM, e, t->l, 0)[1] = evk_quantile(t->shares, N_RANDOM, 0.95);
    }
    return EVOKE_OK;
}

static evoke_status allocate(topic *t, evoke_error *err)
{
    const size_t d = t->c->d;
    t->n = t->samples->starts[t->c->n_emotion];
    EVK_TRY(evk_alloc(&t->axes, t->n * t->n, sizeof *t->axes, what, err));
    EVK_TRY(evk_alloc(&t->values, t->n, sizeof *t->values, what, err));
    EVK_TRY(evk_alloc(&t->scores, t->n, sizeof *t->scores, what, err));
    EVK_TRY(evk_alloc(&t->random, N_RANDOM * d, sizeof *t->random, what, err));
    EVK_TRY(evk_alloc(&t->shares, N_RANDOM, sizeof *t->shares, what, err));
    EVK_TRY(evk_alloc(&t->v, d, sizeof *t->v, what, err));
    evk_random_directions(t->c->options.seed, N_RANDOM, d, t->random);
    return EVOKE_OK;
}

evoke_status evk_claims_topic(evoke_claims *c, const evk_samples *samples, size_t i, size_t l, evoke_error *err)
{
    topic t = { .c = c, .samples = samples, .i = i, .l = l };
    evoke_status st = allocate(&t, err);
    if (st == EVOKE_OK)
        st = put_layer(&t, err);
    evk_row_space_free(&t.rows);
    free(t.axes);
    free(t.values);
    free(t.scores);
    free(t.random);
    free(t.shares);
    free(t.v);
    return st;
}
