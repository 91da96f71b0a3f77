/* emotion/mean_difference.c: emotion vectors as mean differences.
 *
 * How far does a layer's output move, on average, when the same query is asked in an emotional rather than a neutral
 * setting? That mean offset is the emotion vector (arXiv 2502.04075):
 *
 *     EV[e,l,:] = 1/N_e  sum over queries i of emotion e  of  ( O[i,emotion,l,:] - O[i,neutral,l,:] )
 *     EVbase[l,:] = 1/E  sum_e EV[e,l,:]
 *
 *     O  [N, S, L, D] float32   span means, streamed from the store one query at a time
 *     EV [E, L, D]    float32   running sums in double
 *
 * Beside them, per emotion and layer, where the neutral class lies along the unit vector u = EV / |EV|: mean O[.,neutral] . u
 * (the emotion class lies at that plus |EV|), which is what clamping a component needs.
 *
 * A query without one of its settings, or with a value that is not finite, is an error, never a zero; asked to go on without
 * such queries, they are left out at every hook point, counted and told. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/store.h"
#include "layers/vectors.h"

typedef struct averaging {
    evoke_store *store;
    const evoke_store_info *info;
    const evoke_progress *progress;
    evoke_span span;
    size_t neutral, emotion;        /* settings */
    evoke_site sites[EVOKE_N_SITE]; /* [n_site] that hold the span */
    size_t n_site;
    bool *bad;                      /* [N] left out */
    size_t *used;                   /* [E] */
    float *query;                   /* [S, L, D] */
    double *sums;                   /* [E, L, D] of the differences */
    double *neutral_sums;           /* [E, L, D] */
} averaging;

/* ---- which queries ---- */
static size_t label_of(const averaging *a, size_t q)
{
    return evk_store_emotion_of(a->store, q);
}

static void mark_unfinished(averaging *a)
{
    for (size_t q = 0; q < a->info->n_query; q++)
        a->bad[q] = label_of(a, q) < SIZE_MAX &&
                    !(evk_store_done(a->store, q, a->neutral) && evk_store_done(a->store, q, a->emotion));
}

static size_t count_bad(const averaging *a, size_t *first)
{
    size_t n = 0;
    for (size_t q = a->info->n_query; q-- > 0;)
        if (a->bad[q]) {
            *first = q;
            n++;
        }
    return n;
}

/* Queries that were not run, or whose activations are not finite: what is wrong with them, and what to do. */
static evoke_status fail_bad(const averaging *a, const char *what, const char *advice, evoke_error *err)
{
    size_t first = 0;
    char number[32];
    const size_t n = count_bad(a, &first);
    const char *id = evk_store_query_id(a->store, first);
    snprintf(number, sizeof number, "%zu", first);
    return evk_fail(err, EVOKE_EDATA, "average emotion vectors: %zu of %zu queries %s, the first is '%.60s': %s (%s)", n,
                    a->info->n_query, what, id ? id : number, advice, evk_store_path(a->store));
}

static evoke_status fail_incomplete(const averaging *a, evoke_error *err)
{
    return fail_bad(a, "are incomplete", "finish the extraction, or take the complete ones alone", err);
}

static evoke_status fail_not_finite(const averaging *a, evoke_error *err)
{
    return fail_bad(a, "hold activations that are not finite", "extract them again, or leave them out", err);
}

/* Every emotion has a query; *n_used: all of them. */
static evoke_status count_used(averaging *a, size_t *n_used, evoke_error *err)
{
    memset(a->used, 0, a->info->n_emotion * sizeof *a->used);
    *n_used = 0;
    for (size_t q = 0; q < a->info->n_query; q++)
        if (label_of(a, q) < SIZE_MAX && !a->bad[q]) {
            a->used[label_of(a, q)]++;
            ++*n_used;
        }
    for (size_t e = 0; e < a->info->n_emotion; e++)
        if (a->used[e] == 0)
            return evk_fail(err, EVOKE_EDATA, "average emotion vectors: no complete query of emotion '%s' (%s)",
                            evoke_store_emotion(a->store, e), evk_store_path(a->store));
    return EVOKE_OK;
}

/* ---- sums ---- */
static bool is_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

/* Sums of the differences at the i'th site; a query that is not finite is marked and not added. */
static evoke_status sum_site(averaging *a, size_t i, evoke_error *err)
{
    const size_t size = a->info->n_layer * a->info->d_model;
    const float *neutral = a->query + a->neutral * size, *emotion = a->query + a->emotion * size;
    memset(a->sums, 0, a->info->n_emotion * size * sizeof *a->sums);
    memset(a->neutral_sums, 0, a->info->n_emotion * size * sizeof *a->neutral_sums);
    for (size_t q = 0; q < a->info->n_query; q++) {
        EVK_TRY(evk_report(a->progress, "average", i * a->info->n_query + q, a->n_site * a->info->n_query, err));
        if (label_of(a, q) == SIZE_MAX || a->bad[q])
            continue;
        EVK_TRY(evk_store_read_query(a->store, a->sites[i], a->span, q, a->query, err));
        a->bad[q] = !is_finite(neutral, size) || !is_finite(emotion, size);
        double *sum = a->sums + label_of(a, q) * size, *neutral_sum = a->neutral_sums + label_of(a, q) * size;
        for (size_t j = 0; j < size && !a->bad[q]; j++) {
            sum[j] += (double)emotion[j] - (double)neutral[j];
            neutral_sum[j] += (double)neutral[j];
        }
    }
    return EVOKE_OK;
}

static void divide_site(const averaging *a, evoke_vectors *v, size_t site)
{
    const size_t size = a->info->n_layer * a->info->d_model;
    for (size_t e = 0; e < a->info->n_emotion; e++) {
        float *ev = evk_vectors_ev(v, site, e);
        for (size_t j = 0; j < size; j++)
            ev[j] = (float)(a->sums[e * size + j] / (double)a->used[e]);
    }
}

/* Component along the unit vector of `ev` [L, D] of a neutral mean: emotion e's, or for e = n_emotion the mean over emotions. */
static void project_neutral(const averaging *a, const float *ev, size_t e, float *out)
{
    const size_t d = a->info->d_model, size = a->info->n_layer * d, n_emotion = a->info->n_emotion;
    const size_t first = e < n_emotion ? e : 0, last = e < n_emotion ? e + 1 : n_emotion;
    for (size_t l = 0; l < a->info->n_layer; l++) {
        double dot = 0, square = 0;
        for (size_t j = l * d; j < (l + 1) * d; j++) {
            double mean = 0;
            for (size_t k = first; k < last; k++)
                mean += a->neutral_sums[k * size + j] / (double)a->used[k];
            dot += mean / (double)(last - first) * (double)ev[j];
            square += (double)ev[j] * (double)ev[j];
        }
        out[l] = square > 0 ? (float)(dot / sqrt(square)) : 0;
    }
}

/* All sites, over the same queries: where a later site has one that is not finite, the earlier ones are summed again. */
static evoke_status average_sites(averaging *a, evoke_vectors *v, bool partial, size_t *n_used, evoke_error *err)
{
    size_t first = 0, n_bad = count_bad(a, &first);
    if (n_bad > 0 && !partial)
        return fail_incomplete(a, err);
    EVK_TRY(count_used(a, n_used, err));
    for (size_t i = 0; i < a->n_site; i++) {
        EVK_TRY(sum_site(a, i, err));
        const size_t n_now = count_bad(a, &first);
        if (n_now > n_bad && !partial)
            return fail_not_finite(a, err);
        if (n_now > n_bad) {
            EVK_TRY(count_used(a, n_used, err));
            n_bad = n_now;
            if (i > 0) {
                i = SIZE_MAX;                   /* from the first site on */
                continue;
            }
        }
        divide_site(a, v, i);
        evk_vectors_set_base(v);
        for (size_t e = 0; e <= a->info->n_emotion; e++)
            project_neutral(a, evoke_vectors_get(v, a->sites[i], e), e, evk_vectors_neutral(v, i, e));
    }
    for (size_t e = 0; e < a->info->n_emotion; e++)
        evk_vectors_set_count(v, e, a->used[e]);
    for (size_t i = 0; i < a->n_site; i++)
        EVK_TRY(evk_store_median_norms(a->store, a->sites[i], a->span, evk_vectors_norm(v, i), err));
    return EVOKE_OK;
}

/* ---- the whole ---- */
static evoke_status prepare(averaging *a, const evoke_ev_options *options, evoke_error *err)
{
    const size_t n_query = a->info->n_query, n_emotion = a->info->n_emotion;
    size_t size = 0, n_sum = 0, n_read = 0;
    a->span = options->span;
    if (options->any_span)
        EVK_TRY(evk_store_default_span(a->store, EVOKE_N_SITE, &a->span, err));
    for (size_t i = 0; i < a->info->n_site; i++)
        if (evoke_store_has(a->store, evoke_store_site(a->store, i), a->span))
            a->sites[a->n_site++] = evoke_store_site(a->store, i);
    if (a->n_site == 0)
        return evk_fail(err, EVOKE_EDATA, "average emotion vectors: the store has no span %s (%s)", evoke_span_name(a->span),
                        evk_store_path(a->store));
    if (n_emotion == 0)
        return evk_fail(err, EVOKE_EDATA, "average emotion vectors: the queries have no emotions (%s)", evk_store_path(a->store));
    if (!evk_store_find_setting(a->store, "neutral", &a->neutral) || !evk_store_find_setting(a->store, "emotion", &a->emotion))
        return evk_fail(err, EVOKE_EDATA, "average emotion vectors: the settings neutral and emotion are not both there (%s)",
                        evk_store_path(a->store));
    if (!evk_mul(a->info->n_layer, a->info->d_model, &size) || !evk_mul(size, n_emotion, &n_sum) ||
        !evk_mul(size, a->info->n_setting, &n_read))
        return evk_fail(err, EVOKE_ENOMEM, "average emotion vectors: sizes overflow (%s)", evk_store_path(a->store));
    EVK_TRY(evk_alloc(&a->bad, n_query, sizeof *a->bad, "average emotion vectors", err));
    EVK_TRY(evk_alloc(&a->used, n_emotion, sizeof *a->used, "average emotion vectors", err));
    EVK_TRY(evk_alloc(&a->query, n_read, sizeof *a->query, "average emotion vectors", err));
    EVK_TRY(evk_alloc(&a->neutral_sums, n_sum, sizeof *a->neutral_sums, "average emotion vectors", err));
    return evk_alloc(&a->sums, n_sum, sizeof *a->sums, "average emotion vectors", err);
}

static evoke_status new_vectors(const averaging *a, evoke_vectors **out, evoke_error *err)
{
    const char **emotions = NULL;
    int32_t *layers = NULL;
    evoke_status st = evk_alloc(&emotions, a->info->n_emotion, sizeof *emotions, "average emotion vectors", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&layers, a->info->n_layer, sizeof *layers, "average emotion vectors", err);
    for (size_t e = 0; e < a->info->n_emotion && st == EVOKE_OK; e++)
        emotions[e] = evoke_store_emotion(a->store, e);
    for (size_t l = 0; l < a->info->n_layer && st == EVOKE_OK; l++)
        layers[l] = evoke_store_layer(a->store, l);
    const evk_vectors_spec spec = {
        .n_emotion = a->info->n_emotion, .n_layer = a->info->n_layer, .d_model = a->info->d_model, .n_site = a->n_site,
        .emotions = emotions, .layers = layers, .sites = a->sites, .method = "mean_difference",
        .span = evoke_span_name(a->span), .model_name = a->info->model_name, .model_sha256 = a->info->model_sha256,
        .architecture = evk_store_architecture(a->store), .n_layer_model = evk_store_model_layers(a->store),
    };
    if (st == EVOKE_OK)
        st = evk_vectors_new(&spec, out, err);
    free(layers);
    free(emotions);
    return st;
}

evoke_status evoke_mean_difference(evoke_store *s, const evoke_ev_options *options, const evoke_progress *progress,
                                   evoke_vectors **out, evoke_ev_report *report, evoke_error *err)
{
    averaging a = { .store = s, .progress = progress, .info = evoke_store_describe(s) };
    size_t n_used = 0, first = 0;
    *out = NULL;
    evoke_status st = prepare(&a, options, err);
    if (st == EVOKE_OK)
        st = new_vectors(&a, out, err);
    if (st == EVOKE_OK) {
        mark_unfinished(&a);
        st = average_sites(&a, *out, options->partial, &n_used, err);
    }
    if (st == EVOKE_OK && report)
        *report = (evoke_ev_report){ .n_used = n_used, .n_left_out = count_bad(&a, &first), .span = a.span };
    if (st != EVOKE_OK) {
        evoke_vectors_free(*out);
        *out = NULL;
    }
    free(a.bad);
    free(a.used);
    free(a.query);
    free(a.sums);
    free(a.neutral_sums);
    return st;
}
