/* theory/compare.c: Fisher directions against emotion vectors, over the layers and emotions of a store (evoke.h, 4).
 *
 * Per layer, all queries are read at once, O [N, S, D] float32. Per emotion, class 1 is its complete queries in the emotion
 * setting, class 0 the same queries in the neutral one; then (scatter.h, shrinkage.h, fisher.h)
 *
 *     w = Sw(s)^-1 (mu_1 - mu_0)
 *
 * is held against the emotion vector v: the store's own mean difference, or that of a vectors file, by alignment.h and
 * separation.h. Directions are saved as vectors; the length of v makes alpha mean for w what it means for v. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/matmul.h"
#include "layers/store.h"
#include "layers/vectors.h"
#include "theory/alignment.h"
#include "theory/fisher.h"
#include "theory/scatter.h"
#include "theory/separation.h"
#include "theory/shrinkage.h"

typedef struct comparison {
    evoke_store *store;
    const evoke_store_info *info;
    const evoke_fisher_options *options;
    evoke_span span;
    size_t one, zero;                   /* the settings of class 1 and class 0 */
    size_t *layers, n_layer;            /* layers used, by index, in the store's order */
    size_t *queries, *starts;           /* complete queries in order of emotion; [E + 1] where each emotion's begin */
    float *layer;                       /* [N, S, D] of the layer at hand */
    const float **rows1, **rows0;       /* [N] of the emotion at hand */
    double *v, *w;                      /* [D] emotion vector, Fisher direction */
} comparison;

/* ---- what is asked for ---- */

static evoke_status check_options(const evoke_fisher_options *o, const evoke_store_info *info, evoke_error *err)
{
    if (!evk_shrinkage_valid(o->shrinkage))
        return evk_fail(err, EVOKE_EARG, "Fisher directions: shrinkage %g is not in 0..1", o->shrinkage);
    if (info->n_emotion == 0)
        return evk_fail(err, EVOKE_EDATA, "Fisher directions: the store's queries have no emotions");
    if (o->vectors && evoke_vectors_describe(o->vectors)->d_model != info->d_model)
        return evk_fail(err, EVOKE_EDATA, "Fisher directions: the vectors are %zu wide, the store's activations %zu",
                        evoke_vectors_describe(o->vectors)->d_model, info->d_model);
    return EVOKE_OK;
}

static evoke_status find_data(comparison *c, evoke_error *err)
{
    const evoke_fisher_options *o = c->options;
    if (!evk_store_find_setting(c->store, "emotion", &c->one) || !evk_store_find_setting(c->store, "neutral", &c->zero))
        return evk_fail(err, EVOKE_EDATA, "Fisher directions: the store lacks a setting, 'emotion' or 'neutral'");
    c->span = o->span;
    if (o->any_span)
        EVK_TRY(evk_store_default_span(c->store, o->site, &c->span, err));
    if (!evoke_store_has(c->store, o->site, c->span))
        return evk_fail(err, EVOKE_EDATA, "Fisher directions: the store has no means at site %s over the span %s",
                        evoke_site_name(o->site), evoke_span_name(c->span));
    return EVOKE_OK;
}

static evoke_status find_layers(comparison *c, evoke_error *err)
{
    const int32_t first = c->options->first_layer, last = c->options->last_layer;
    for (size_t l = 0; l < c->info->n_layer; l++) {
        const int32_t number = evoke_store_layer(c->store, l);
        if (number >= first && (last < 0 || number <= last))
            c->layers[c->n_layer++] = l;
    }
    if (c->n_layer > 0)
        return EVOKE_OK;
    if (last < 0)
        return evk_fail(err, EVOKE_EDATA, "Fisher directions: the store holds no layer from %d on", first);
    return evk_fail(err, EVOKE_EDATA, "Fisher directions: the store holds no layer from %d to %d", first, last);
}

static bool usable(const comparison *c, size_t q)
{
    return evk_store_emotion_of(c->store, q) < c->info->n_emotion && evk_store_done(c->store, q, c->one)
           && evk_store_done(c->store, q, c->zero);
}

/* Counting sort of the complete queries by emotion. */
static evoke_status sort_queries(comparison *c, evoke_error *err)
{
    const size_t n_emotion = c->info->n_emotion;
    for (size_t q = 0; q < c->info->n_query; q++)
        if (usable(c, q))
            c->starts[evk_store_emotion_of(c->store, q) + 1]++;
    for (size_t e = 0; e < n_emotion; e++) {
        if (c->starts[e + 1] < 2)
            return evk_fail(err, EVOKE_EDATA, "Fisher directions: '%s' has %zu complete queries; two are the least",
                            evoke_store_emotion(c->store, e), c->starts[e + 1]);
        c->starts[e + 1] += c->starts[e];
    }
    for (size_t q = 0; q < c->info->n_query; q++)           /* starts[e] moves on to starts[e + 1] ... */
        if (usable(c, q))
            c->queries[c->starts[evk_store_emotion_of(c->store, q)]++] = q;
    memmove(c->starts + 1, c->starts, n_emotion * sizeof *c->starts);       /* ... and back */
    c->starts[0] = 0;
    return EVOKE_OK;
}

static evoke_status allocate(comparison *c, evoke_error *err)
{
    const evoke_store_info *info = c->info;
    size_t rows = 0, values = 0;
    if (!evk_mul(info->n_query, info->n_setting, &rows) || !evk_mul(rows, info->d_model, &values))
        return evk_fail(err, EVOKE_ENOMEM, "Fisher directions: the store is too large for this machine");
    EVK_TRY(evk_alloc(&c->layers, info->n_layer, sizeof *c->layers, "Fisher directions", err));
    EVK_TRY(evk_alloc(&c->queries, info->n_query, sizeof *c->queries, "Fisher directions", err));
    EVK_TRY(evk_alloc(&c->starts, info->n_emotion + 1, sizeof *c->starts, "Fisher directions", err));
    EVK_TRY(evk_alloc(&c->rows1, info->n_query, sizeof *c->rows1, "Fisher directions", err));
    EVK_TRY(evk_alloc(&c->rows0, info->n_query, sizeof *c->rows0, "Fisher directions", err));
    EVK_TRY(evk_alloc(&c->v, info->d_model, sizeof *c->v, "Fisher directions", err));
    EVK_TRY(evk_alloc(&c->w, info->d_model, sizeof *c->w, "Fisher directions", err));
    return evk_alloc(&c->layer, values, sizeof *c->layer, "Fisher directions", err);
}

static void release(comparison *c)
{
    free(c->layers);
    free(c->queries);
    free(c->starts);
    free(c->layer);
    free(c->rows1);
    free(c->rows0);
    free(c->v);
    free(c->w);
}

/* ---- one layer ---- */

static const float *row_of(const comparison *c, size_t query, size_t setting)
{
    return c->layer + (query * c->info->n_setting + setting) * c->info->d_model;
}

static evoke_status check_row(const comparison *c, size_t l, size_t query, size_t setting, evoke_error *err)
{
    const float *row = row_of(c, query, setting);
    for (size_t j = 0; j < c->info->d_model; j++)
        if (!isfinite(row[j]))
            return evk_fail(err, EVOKE_EDATA, "Fisher directions: an activation is not finite (query %zu, setting '%s',"
                            " layer %d, dimension %zu)", query, evoke_store_setting(c->store, setting),
                            evoke_store_layer(c->store, l), j);
    return EVOKE_OK;
}

static evoke_status read_layer(comparison *c, size_t l, evoke_error *err)
{
    EVK_TRY(evk_store_read_layer(c->store, c->options->site, c->span, l, c->layer, err));
    for (size_t i = 0; i < c->starts[c->info->n_emotion]; i++) {
        EVK_TRY(check_row(c, l, c->queries[i], c->one, err));
        EVK_TRY(check_row(c, l, c->queries[i], c->zero, err));
    }
    return EVOKE_OK;
}

/* ---- one emotion at one layer ---- */

static bool find_emotion(const evoke_vectors *v, const char *name, size_t *index)
{
    for (*index = 0; *index < evoke_vectors_describe(v)->n_emotion; (*index)++)
        if (strcmp(evoke_vectors_emotion(v, *index), name) == 0)
            return true;
    return false;
}

static bool find_number(const evoke_vectors *v, int32_t number, size_t *index)
{
    for (*index = 0; *index < evoke_vectors_describe(v)->n_layer; (*index)++)
        if (evoke_vectors_layer(v, *index) == number)
            return true;
    return false;
}

/* The emotion vector to judge, into c->v. */
static evoke_status take_vector(comparison *c, const evk_scatter *sc, size_t l, size_t e, evoke_error *err)
{
    const evoke_vectors *vectors = c->options->vectors;
    if (!vectors) {
        memcpy(c->v, sc->ev, sc->d * sizeof *c->v);
        return EVOKE_OK;
    }
    size_t emotion = 0, layer = 0;
    if (!find_emotion(vectors, evoke_store_emotion(c->store, e), &emotion))
        return evk_fail(err, EVOKE_EDATA, "compare vectors: the vectors have no such emotion");
    if (!find_number(vectors, evoke_store_layer(c->store, l), &layer))
        return evk_fail(err, EVOKE_EDATA, "compare vectors: the vectors have no such layer");
    const float *ev = evoke_vectors_get(vectors, c->options->site, emotion);
    if (!ev)
        return evk_fail(err, EVOKE_EDATA, "compare vectors: the vectors have no site %s", evoke_site_name(c->options->site));
    for (size_t j = 0; j < sc->d; j++)
        c->v[j] = (double)ev[layer * sc->d + j];
    return EVOKE_OK;
}

/* c->w to float32, at v's length unless it is to be kept as it is. */
static evoke_status put_direction(const comparison *c, float *out, evoke_error *err)
{
    const size_t d = c->info->d_model;
    const double scale = c->options->raw ? 1 : evk_length(c->v, d) / evk_length(c->w, d);
    for (size_t j = 0; j < d; j++) {
        out[j] = (float)(c->w[j] * scale);
        if (!isfinite(out[j]))
            return evk_fail(err, EVOKE_EDATA, "save direction: a value is out of float32's range");
    }
    return EVOKE_OK;
}

static evoke_status separate(const comparison *c, const evk_scatter *sc, evk_class one, evk_class zero,
                             evoke_fisher_row *row, evoke_error *err)
{
    evk_separation along_v, along_w;
    EVK_TRY(evk_fisher_ratio(sc, c->v, &row->fisher_ratio_ev, err));
    EVK_TRY(evk_fisher_ratio(sc, c->w, &row->fisher_ratio_w, err));
    EVK_TRY(evk_separate(one, zero, sc->mean0, c->v, sc->d, &along_v, err));
    EVK_TRY(evk_separate(one, zero, sc->mean0, c->w, sc->d, &along_w, err));
    row->dprime_ev = along_v.dprime;
    row->dprime_w = along_w.dprime;
    row->auc_ev = along_v.auc;
    row->auc_w = along_w.auc;
    return EVOKE_OK;
}

static evoke_status fit(comparison *c, size_t l, size_t e, const evk_scatter *sc, evk_class one, evk_class zero,
                        evoke_fisher_row *row, evoke_error *err)
{
    evk_alignment alignment;
    row->shrinkage = evk_shrinkage(sc, c->options->shrinkage);
    EVK_TRY(take_vector(c, sc, l, e, err));
    EVK_TRY(evk_fisher_direction(sc, row->shrinkage, c->w, err));
    EVK_TRY(evk_align(sc, row->shrinkage, c->v, c->w, &alignment, err));
    row->cosine = alignment.cosine;
    row->whitened_cosine = alignment.whitened_cosine;
    row->efficiency = alignment.efficiency;
    return separate(c, sc, one, zero, row, err);
}

static evoke_status run_emotion(comparison *c, size_t l, size_t e, evoke_fisher_row *row, float *direction,
                                evoke_error *err)
{
    const size_t n = c->starts[e + 1] - c->starts[e];
    const evk_class one = { c->rows1, n }, zero = { c->rows0, n };
    evk_scatter sc;
    evoke_error why = {0};
    for (size_t i = 0; i < n; i++) {
        c->rows1[i] = row_of(c, c->queries[c->starts[e] + i], c->one);
        c->rows0[i] = row_of(c, c->queries[c->starts[e] + i], c->zero);
    }
    *row = (evoke_fisher_row){ .layer = evoke_store_layer(c->store, l), .emotion = e, .n = n };
    evoke_status st = evk_scatter_fit(one, zero, c->info->d_model, EVK_GRAM_SMALLER, &sc, &why);
    if (st == EVOKE_OK)
        st = fit(c, l, e, &sc, one, zero, row, &why);
    if (st == EVOKE_OK)
        st = put_direction(c, direction, &why);
    evk_scatter_free(&sc);
    return st == EVOKE_OK ? st : evk_fail(err, st, "%s (emotion '%s', layer %d)", why.text,
                                          evoke_store_emotion(c->store, e), row->layer);
}

/* ---- all of them ---- */

static evoke_status run_layers(comparison *c, const evoke_progress *progress, evoke_fisher_result *out, evoke_error *err)
{
    const size_t n_emotion = c->info->n_emotion;
    for (size_t i = 0; i < c->n_layer; i++) {
        EVK_TRY(read_layer(c, c->layers[i], err));
        for (size_t e = 0; e < n_emotion; e++) {
            float *directions = evk_vectors_ev(out->directions, 0, e);
            EVK_TRY(run_emotion(c, c->layers[i], e, &out->rows[out->n_rows], directions + i * c->info->d_model, err));
            out->n_rows++;
            if (progress && progress->report
                && !progress->report(progress->user, "Fisher directions", out->n_rows, c->n_layer * n_emotion))
                return evk_fail(err, EVOKE_EINTERRUPTED, "Fisher directions: interrupted");
        }
    }
    return EVOKE_OK;
}

/* Names, counts and norms of the directions; the vectors themselves are filled by run_layers. */
static evoke_status new_directions(const comparison *c, const char *const *emotions, const int32_t *layers,
                                   float *norms, evoke_vectors **out, evoke_error *err)
{
    const evoke_store_info *info = c->info;
    const evk_vectors_spec spec = {
        .n_emotion = info->n_emotion, .n_layer = c->n_layer, .d_model = info->d_model, .n_site = 1,
        .emotions = emotions, .layers = layers, .sites = &c->options->site,
        .method = "fisher", .span = evoke_span_name(c->span),
        .model_name = info->model_name, .model_sha256 = info->model_sha256,
        .architecture = evk_store_architecture(c->store),
        .n_layer_model = info->n_layer,
    };
    EVK_TRY(evk_vectors_new(&spec, out, err));
    EVK_TRY(evk_store_median_norms(c->store, c->options->site, c->span, norms, err));
    for (size_t i = 0; i < c->n_layer; i++)
        evk_vectors_norm(*out, 0)[i] = norms[c->layers[i]];
    for (size_t e = 0; e < info->n_emotion; e++)
        evk_vectors_set_count(*out, e, c->starts[e + 1] - c->starts[e]);
    return EVOKE_OK;
}

static evoke_status make_result(const comparison *c, evoke_fisher_result *out, evoke_error *err)
{
    const char **emotions = NULL;
    int32_t *layers = NULL;
    float *norms = NULL;
    size_t n_rows = 0;
    evoke_status st = evk_mul(c->n_layer, c->info->n_emotion, &n_rows) ? EVOKE_OK
                      : evk_fail(err, EVOKE_ENOMEM, "Fisher directions: too many layers and emotions");
    if (st == EVOKE_OK)
        st = evk_alloc(&out->rows, n_rows, sizeof *out->rows, "Fisher directions", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&emotions, c->info->n_emotion, sizeof *emotions, "Fisher directions", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&layers, c->n_layer, sizeof *layers, "Fisher directions", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&norms, c->info->n_layer, sizeof *norms, "Fisher directions", err);
    if (st == EVOKE_OK) {
        for (size_t e = 0; e < c->info->n_emotion; e++)
            emotions[e] = evoke_store_emotion(c->store, e);
        for (size_t i = 0; i < c->n_layer; i++)
            layers[i] = evoke_store_layer(c->store, c->layers[i]);
        st = new_directions(c, emotions, layers, norms, &out->directions, err);
    }
    free(norms);
    free(layers);
    free(emotions);
    return st;
}

static evoke_status run(comparison *c, const evoke_progress *progress, evoke_fisher_result *out, evoke_error *err)
{
    EVK_TRY(evk_blas_check(err));
    EVK_TRY(check_options(c->options, c->info, err));
    EVK_TRY(find_data(c, err));
    EVK_TRY(allocate(c, err));
    EVK_TRY(find_layers(c, err));
    EVK_TRY(sort_queries(c, err));
    EVK_TRY(make_result(c, out, err));
    EVK_TRY(run_layers(c, progress, out, err));
    evk_vectors_set_base(out->directions);
    return EVOKE_OK;
}

evoke_status evoke_fisher(evoke_store *s, const evoke_fisher_options *options, const evoke_progress *progress,
                          evoke_fisher_result *out, evoke_error *err)
{
    *out = (evoke_fisher_result){0};
    comparison c = { .store = s, .info = evoke_store_describe(s), .options = options };
    const evoke_status st = run(&c, progress, out, err);
    release(&c);
    if (st != EVOKE_OK)
        evoke_fisher_result_free(out);
    return st;
}

void evoke_fisher_result_free(evoke_fisher_result *r)
{
    if (!r)
        return;
    free(r->rows);
    evoke_vectors_free(r->directions);
    *r = (evoke_fisher_result){0};
}
