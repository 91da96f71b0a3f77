#include "theory/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers/store.h"
#include "layers/vectors.h"
#include "theory/shrinkage.h"

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

static evoke_status find_data(evk_samples *c, evoke_error *err)
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

static evoke_status find_layers(evk_samples *c, evoke_error *err)
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

static bool usable(const evk_samples *c, size_t q)
{
    return evk_store_emotion_of(c->store, q) < c->info->n_emotion && evk_store_done(c->store, q, c->one)
           && evk_store_done(c->store, q, c->zero);
}

/* Counting sort of the complete queries by emotion. */
static evoke_status sort_queries(evk_samples *c, evoke_error *err)
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

static evoke_status allocate(evk_samples *c, evoke_error *err)
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
    return evk_alloc(&c->layer, values, sizeof *c->layer, "Fisher directions", err);
}

evoke_status evk_samples_open(evoke_store *s, const evoke_fisher_options *options, evk_samples *out, evoke_error *err)
{
    *out = (evk_samples){ .store = s, .info = evoke_store_describe(s), .options = options };
    EVK_TRY(check_options(options, out->info, err));
    EVK_TRY(find_data(out, err));
    EVK_TRY(allocate(out, err));
    EVK_TRY(find_layers(out, err));
    return sort_queries(out, err);
}

void evk_samples_close(evk_samples *c)
{
    free(c->layers);
    free(c->queries);
    free(c->starts);
    free(c->layer);
    free(c->rows1);
    free(c->rows0);
    *c = (evk_samples){0};
}

/* ---- one layer ---- */

static const float *row_of(const evk_samples *c, size_t query, size_t setting)
{
    return c->layer + (query * c->info->n_setting + setting) * c->info->d_model;
}

static evoke_status check_row(const evk_samples *c, size_t l, size_t query, size_t setting, evoke_error *err)
{
    const float *row = row_of(c, query, setting);
    for (size_t j = 0; j < c->info->d_model; j++)
        if (!isfinite(row[j]))
            return evk_fail(err, EVOKE_EDATA, "Fisher directions: an activation is not finite (query %zu, setting '%s',"
                            " layer %d, dimension %zu)", query, evoke_store_setting(c->store, setting),
                            evoke_store_layer(c->store, l), j);
    return EVOKE_OK;
}

evoke_status evk_samples_read(evk_samples *c, size_t i, evoke_error *err)
{
    const size_t l = c->layers[i];
    EVK_TRY(evk_store_read_layer(c->store, c->options->site, c->span, l, c->layer, err));
    for (size_t q = 0; q < c->starts[c->info->n_emotion]; q++) {
        EVK_TRY(check_row(c, l, c->queries[q], c->one, err));
        EVK_TRY(check_row(c, l, c->queries[q], c->zero, err));
        c->rows1[q] = row_of(c, c->queries[q], c->one);
        c->rows0[q] = row_of(c, c->queries[q], c->zero);
    }
    return EVOKE_OK;
}

int32_t evk_samples_layer(const evk_samples *c, size_t i)
{
    return evoke_store_layer(c->store, c->layers[i]);
}

/* ---- vectors ---- */

evoke_status evk_samples_vector(const evk_samples *c, size_t i, size_t e, double *v, evoke_error *err)
{
    const evoke_vectors *vectors = c->options->vectors;
    const size_t d = c->info->d_model;
    const size_t emotion = evk_vectors_find(vectors, evoke_store_emotion(c->store, e));
    const size_t layer = evk_vectors_find_layer(vectors, evk_samples_layer(c, i));
    if (emotion == evoke_vectors_describe(vectors)->n_emotion)
        return evk_fail(err, EVOKE_EDATA, "compare vectors: the vectors have no such emotion");
    if (layer == evoke_vectors_describe(vectors)->n_layer)
        return evk_fail(err, EVOKE_EDATA, "compare vectors: the vectors have no such layer");
    const float *ev = evoke_vectors_get(vectors, c->options->site, emotion);
    if (!ev)
        return evk_fail(err, EVOKE_EDATA, "compare vectors: the vectors have no site %s", evoke_site_name(c->options->site));
    for (size_t j = 0; j < d; j++)
        v[j] = (double)ev[layer * d + j];
    return EVOKE_OK;
}

static evoke_status new_vectors(const evk_samples *c, const char *method, const char *const *names, size_t n_name,
                                const int32_t *layers, float *norms, evoke_vectors **out, evoke_error *err)
{
    const evoke_store_info *info = c->info;
    const evk_vectors_spec spec = {
        .n_emotion = n_name, .n_layer = c->n_layer, .d_model = info->d_model, .n_site = 1,
        .emotions = names, .layers = layers, .sites = &c->options->site,
        .method = method, .span = evoke_span_name(c->span),
        .model_name = info->model_name, .model_sha256 = info->model_sha256,
        .architecture = evk_store_architecture(c->store),
        .n_layer_model = evk_store_model_layers(c->store),
    };
    EVK_TRY(evk_vectors_new(&spec, out, err));
    EVK_TRY(evk_store_median_norms(c->store, c->options->site, c->span, norms, err));
    for (size_t i = 0; i < c->n_layer; i++)
        evk_vectors_norm(*out, 0)[i] = norms[c->layers[i]];
    for (size_t e = 0; e < n_name; e++)
        evk_vectors_set_count(*out, e, n_name == info->n_emotion ? c->starts[e + 1] - c->starts[e]
                                                                 : c->starts[info->n_emotion]);
    return EVOKE_OK;
}

evoke_status evk_samples_directions(const evk_samples *c, const char *method, const char *const *names, size_t n_name,
                                    evoke_vectors **out, evoke_error *err)
{
    const char **own = NULL;
    int32_t *layers = NULL;
    float *norms = NULL;
    evoke_status st = evk_alloc(&own, n_name, sizeof *own, "Fisher directions", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&layers, c->n_layer, sizeof *layers, "Fisher directions", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&norms, c->info->n_layer, sizeof *norms, "Fisher directions", err);
    if (st == EVOKE_OK) {
        for (size_t e = 0; e < n_name; e++)
            own[e] = names ? names[e] : evoke_store_emotion(c->store, e);
        for (size_t i = 0; i < c->n_layer; i++)
            layers[i] = evk_samples_layer(c, i);
        st = new_vectors(c, method, own, n_name, layers, norms, out, err);
    }
    free(norms);
    free(layers);
    free(own);
    return st;
}

evoke_status evk_put_direction(const double *v, size_t d, double scale, float *out, evoke_error *err)
{
    for (size_t j = 0; j < d; j++) {
        out[j] = (float)(v[j] * scale);
        if (!isfinite(out[j]))
            return evk_fail(err, EVOKE_EDATA, "save direction: a value is out of float32's range");
    }
    return EVOKE_OK;
}
