/* theory/claims_directions.c: what is fitted to the queries that are not held out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "core/vector_norm.h"
#include "layers/model.h"
#include "layers/vectors.h"
#include "theory/claims.h"
#include "theory/compare.h"
#include "theory/component.h"
#include "theory/linear.h"
#include "theory/pairs.h"

static const char *const what = "claims";

/* The rows of one emotion and layer that directions are fitted to, and the fit. */
typedef struct training {
    const float **one, **zero;          /* [n] */
    size_t n;
    evk_pairs pairs;
    evk_pairs_fit fit;
    double *ones, *scores, *v;          /* [2n], [2n], [D] */
} training;

static void release(training *t)
{
    evk_pairs_fit_free(&t->fit);
    evk_pairs_free(&t->pairs);
    free(t->one);
    free(t->zero);
    free(t->ones);
    free(t->scores);
    free(t->v);
}

/* s: the samples of one layer. */
static evoke_status fit_training(const evoke_claims *c, const evk_samples *s, int32_t layer, size_t e, training *t, evoke_error *err)
{
    const size_t first = s->starts[e], n = s->starts[e + 1] - first;
    double s_two = 0, s_offset = 0;
    *t = (training){0};
    EVK_TRY(evk_alloc(&t->one, n, sizeof *t->one, what, err));
    EVK_TRY(evk_alloc(&t->zero, n, sizeof *t->zero, what, err));
    EVK_TRY(evk_alloc(&t->ones, 2 * n, sizeof *t->ones, what, err));
    EVK_TRY(evk_alloc(&t->scores, 2 * n, sizeof *t->scores, what, err));
    EVK_TRY(evk_alloc(&t->v, c->d, sizeof *t->v, what, err));
    for (size_t j = 0; j < n; j++)
        if (!evk_is_held(c, j)) {
            t->one[t->n] = s->rows1[first + j];
            t->zero[t->n++] = s->rows0[first + j];
        }
    for (size_t i = 0; i < 2 * n; i++)
        t->ones[i] = 1;
    EVK_TRY(evk_pairs_new(t->one, t->zero, t->n, c->d, c->model->n_thread, &t->pairs, err));
    EVK_TRY(evk_pairs_shrinkage(&t->pairs, t->ones, c->options.shrinkage, EVK_FOLDS, &s_two, &s_offset, err));
    EVK_TRY(evk_pairs_fit_new(&t->pairs, &t->fit, err));
    if (evk_pairs_refit(&t->fit, t->ones, s_two, s_offset) != EVOKE_OK || !t->fit.offset_fits)
        return evk_fail(err, EVOKE_ESINGULAR, "claims: no Fisher or offset direction can be fitted to '%s' at layer %d (shrinkage %g)",
                        evoke_store_emotion(c->store, e), (int)layer, c->options.shrinkage);
    return EVOKE_OK;
}

/* ---- where emotion is read ---- */
static double along(const double *w, const float *x, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += w[j] * (double)x[j];
    return sum;
}

static evoke_status fit_discriminant(evoke_claims *c, size_t e, evoke_error *err)
{
    training t;
    double *w = c->w + e * c->d, means[2] = {0};
    const evoke_status st = fit_training(c, &c->score, evk_samples_layer(&c->score, 0), e, &t, err);
    if (st == EVOKE_OK) {
        evk_pooled_vector(&t.fit.two, &t.fit.fisher, w);
        for (size_t i = 0; i < t.n; i++) {
            means[1] += along(w, t.one[i], c->d) / (double)t.n;
            means[0] += along(w, t.zero[i], c->d) / (double)t.n;
        }
        for (size_t j = 0; j < c->d; j++)
            w[j] /= means[1] - means[0];
        c->w0[e] = means[0] / (means[1] - means[0]);
    }
    release(&t);
    return st;
}

void evk_claims_score(const evoke_claims *c, size_t e, const float *rows, size_t n, size_t stride, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i * stride] = along(c->w + e * c->d, rows + i * c->d, c->d) - c->w0[e];
}

/* ---- where the model is steered ---- */

/* Layer `index` of the EV judged, in its file. */
static const float *ev_at(const evoke_claims *c, size_t e, int32_t layer)
{
    const evoke_vectors *v = c->options.vectors;
    const float *ev = evoke_vectors_get(v, c->options.site, evk_vectors_find(v, evoke_store_emotion(c->store, e)));
    return ev + evk_vectors_find_layer(v, layer) * c->d;
}

/* v [D] as arm `arm` of emotion e at the l-th layer steered: at the EV's length, turned towards it where `turned`. */
static evoke_status put(evoke_claims *c, evk_arm arm, size_t e, size_t l, const double *v, bool turned, evoke_error *err)
{
    const float *ev = ev_at(c, e, c->layers[l]);
    const double length = evk_length(v, c->d), sign = turned && along(v, ev, c->d) < 0 ? -1 : 1;
    if (!(length > 0))
        return evk_fail(err, EVOKE_EDATA, "claims: a direction of '%s' at layer %d has no length", evoke_store_emotion(c->store, e),
                        (int)c->layers[l]);
    return evk_put_direction(v, c->d, sign * evk_norm(ev, c->d) / length, evk_vectors_ev(c->arms[arm], 0, e) + l * c->d, err);
}

/* The mean offset after half of the queries have swapped their settings: the same ones at all layers, from [seed, 10, e]. */
static evoke_status permute(const evoke_claims *c, size_t e, const training *t, double *v, evoke_error *err)
{
    size_t *order = NULL;
    evk_random r;
    EVK_TRY(evk_alloc(&order, t->n, sizeof *order, what, err));
    evk_random_seed(&r, (const uint64_t[]){ c->options.seed, 10, e }, 3);
    for (size_t i = 0; i < t->n; i++) {
        const size_t j = evk_random_below(&r, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (size_t j = 0; j < c->d; j++)
        v[j] = 0;
    for (size_t i = 0; i < t->n; i++)
        for (size_t j = 0; j < c->d; j++)
            v[j] += (i < t->n / 2 ? -1 : 1) * ((double)t->one[order[i]][j] - (double)t->zero[order[i]][j]);
    free(order);
    return EVOKE_OK;
}

static evoke_status fit_arms(evoke_claims *c, const evk_samples *s, size_t e, size_t l, evoke_error *err)
{
    training t;
    double share = 0;
    evoke_status st = fit_training(c, s, c->layers[l], e, &t, err);
    if (st == EVOKE_OK) {
        evk_pooled_vector(&t.fit.two, &t.fit.fisher, t.v);
        st = put(c, EVK_ARM_FISHER, e, l, t.v, false, err);
    }
    if (st == EVOKE_OK) {
        evk_pooled_vector(&t.fit.single, &t.fit.offset, t.v);
        st = put(c, EVK_ARM_OFFSET, e, l, t.v, false, err);
    }
    if (st == EVOKE_OK)
        st = evk_component(&t.pairs.rows, t.ones, 1e-12, t.scores, t.v, &share, err);
    if (st == EVOKE_OK)
        st = put(c, EVK_ARM_COMPONENT, e, l, t.v, true, err);
    if (st == EVOKE_OK)
        st = permute(c, e, &t, t.v, err);
    if (st == EVOKE_OK)
        st = put(c, EVK_ARM_PERMUTED, e, l, t.v, false, err);
    release(&t);
    return st;
}

static evoke_status new_arm(evoke_claims *c, evk_arm arm, evoke_error *err)
{
    const char **names = NULL;
    EVK_TRY(evk_alloc(&names, c->n_emotion, sizeof *names, what, err));
    for (size_t e = 0; e < c->n_emotion; e++)
        names[e] = evoke_store_emotion(c->store, e);
    const evk_vectors_spec spec = {
        .n_emotion = c->n_emotion, .n_layer = c->n_layer, .d_model = c->d, .n_site = 1, .emotions = names, .layers = c->layers,
        .sites = &c->options.site, .method = evoke_claims_direction(arm), .span = "", .model_name = c->info->model_name,
        .model_sha256 = c->info->model_sha256, .architecture = "", .n_layer_model = c->model->config.n_layer,
    };
    const evoke_status st = evk_vectors_new(&spec, &c->arms[arm], err);
    free(names);
    return st;
}

/* The mean over layers of the cosine of each arm and the EV. */
static void put_cosines(evoke_claims *c, size_t e)
{
    for (evk_arm arm = 0; arm < EVK_N_ARM; arm++) {
        double sum = 0;
        for (size_t l = 0; l < c->n_layer; l++) {
            const float *ev = ev_at(c, e, c->layers[l]);
            const float *v = arm == EVK_ARM_EV ? ev : evoke_vectors_get(c->arms[arm], c->options.site, e) + l * c->d;
            sum += evk_cosine(ev, v, c->d);
        }
        *evk_claim_at(&c->figures, EVK_C_COSINE, e, arm, 0) = sum / (double)c->n_layer;
    }
}

/* Random directions at the length of the EVs, in the form of an arm. */
static evoke_status fit_random(evoke_claims *c, evoke_error *err)
{
    evoke_vectors *random = NULL;
    EVK_TRY(new_arm(c, EVK_ARM_RANDOM, err));
    for (size_t e = 0; e < c->n_emotion; e++)
        for (size_t l = 0; l < c->n_layer; l++) {
            const float *ev = ev_at(c, e, c->layers[l]);
            float *own = evk_vectors_ev(c->arms[EVK_ARM_RANDOM], 0, e) + l * c->d;
            for (size_t j = 0; j < c->d; j++)
                own[j] = ev[j];
        }
    EVK_TRY(evoke_vectors_random(c->arms[EVK_ARM_RANDOM], c->options.seed, &random, err));
    evoke_vectors_free(c->arms[EVK_ARM_RANDOM]);
    c->arms[EVK_ARM_RANDOM] = random;
    return EVOKE_OK;
}

/* All that is fitted at the l-th layer steered. The samples have their layers as the store lists them, in any order. */
static evoke_status fit_layer(evoke_claims *c, evk_samples *s, size_t l, evoke_error *err)
{
    size_t i = 0;
    while (i < s->n_layer && evk_samples_layer(s, i) != c->layers[l])
        i++;
    if (i == s->n_layer)
        return evk_fail(err, EVOKE_EDATA, "claims: the store does not hold layer %d", (int)c->layers[l]);
    EVK_TRY(evk_samples_read(s, i, err));
    for (size_t e = 0; e < c->n_emotion; e++)
        EVK_TRY(fit_arms(c, s, e, l, err));
    return evk_claims_topic(c, s, i, l, err);
}

evoke_status evk_claims_fit(evoke_claims *c, evoke_error *err)
{
    const evoke_fisher_options how = { .site = c->options.site, .span = c->score.span, .first_layer = c->layers[0],
                                       .last_layer = c->layers[c->n_layer - 1], .shrinkage = c->options.shrinkage,
                                       .vectors = c->options.vectors };
    evk_samples s = {0};
    for (size_t e = 0; e < c->n_emotion; e++)
        EVK_TRY(fit_discriminant(c, e, err));
    for (evk_arm arm = EVK_ARM_FISHER; arm < EVK_N_ARM; arm++)
        if (arm != EVK_ARM_RANDOM)
            EVK_TRY(new_arm(c, arm, err));
    EVK_TRY(fit_random(c, err));
    evoke_status st = evk_samples_open(c->store, &how, &s, err);
    for (size_t l = 0; st == EVOKE_OK && l < c->n_layer; l++)
        st = fit_layer(c, &s, l, err);
    evk_samples_close(&s);
    for (size_t e = 0; st == EVOKE_OK && e < c->n_emotion; e++)
        put_cosines(c, e);
    return st;
}
