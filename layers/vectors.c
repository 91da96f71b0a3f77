/* layers/vectors.c: named directions per layer and site, and their file.
 *
 *     values [n_site, E + 1, L, D] float32    the last of the E + 1 is the base vector, the mean over emotions
 *     norms  [n_site, L] float32              typical norm of the residual stream at the site; NaN: not known
 *     neutral [n_site, E + 1, L] float32      component of the neutral class's mean along each unit vector; NaN: not known */
#include "layers/vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/files/hdf5.h"
#include "core/vector_norm.h"
#include "layers/labels.h"

struct evoke_vectors {
    evoke_vectors_info info;
    char *method, *span, *model_name, *model_sha256, *architecture;
    char **emotions;            /* [E] */
    int32_t *layers;            /* [L] */
    evoke_site *sites;          /* [n_site] */
    size_t *counts;             /* [E] */
    float *values, *norms, *neutral;
};

/* ---- making ---- */
static evoke_status check_spec(const evk_vectors_spec *s, evoke_error *err)
{
    if (s->n_emotion < 1 || s->n_emotion > EVK_MAX_EMOTIONS || s->n_layer < 1 || s->n_layer > EVK_MAX_LAYERS ||
        s->d_model < 1 || s->d_model > EVK_MAX_WIDTH || s->n_site < 1 || s->n_site > EVOKE_N_SITE)
        return evk_fail(err, EVOKE_EARG, "make vectors: %zu emotions, %zu layers, width %zu, %zu sites are not possible",
                        s->n_emotion, s->n_layer, s->d_model, s->n_site);
    if (!evk_labels_differ(s->emotions, s->n_emotion))
        return evk_fail(err, EVOKE_EARG, "make vectors: an emotion's name is empty or there twice");
    return EVOKE_OK;
}

static char *copy_text(const char *text)
{
    return strdup(text ? text : "");
}

static evoke_status copy_names(evoke_vectors *v, const evk_vectors_spec *s, evoke_error *err)
{
    v->method = copy_text(s->method);
    v->span = copy_text(s->span);
    v->model_name = copy_text(s->model_name);
    v->model_sha256 = copy_text(s->model_sha256);
    v->architecture = copy_text(s->architecture);
    bool ok = v->method && v->span && v->model_name && v->model_sha256 && v->architecture;
    for (size_t e = 0; e < s->n_emotion && ok; e++)
        ok = (v->emotions[e] = strdup(s->emotions[e])) != NULL;
    return ok ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "make vectors: no memory for names");
}

static evoke_status fill_new(evoke_vectors *v, const evk_vectors_spec *s, evoke_error *err)
{
    size_t n = 0;
    if (!evk_mul(s->n_site * (s->n_emotion + 1), s->n_layer * s->d_model, &n))     /* within bounds: check_spec */
        return evk_fail(err, EVOKE_ENOMEM, "make vectors: sizes overflow");
    EVK_TRY(evk_alloc(&v->emotions, s->n_emotion, sizeof *v->emotions, "make vectors", err));
    v->info.n_emotion = s->n_emotion;
    EVK_TRY(evk_alloc(&v->layers, s->n_layer, sizeof *v->layers, "make vectors", err));
    EVK_TRY(evk_alloc(&v->sites, s->n_site, sizeof *v->sites, "make vectors", err));
    EVK_TRY(evk_alloc(&v->counts, s->n_emotion, sizeof *v->counts, "make vectors", err));
    EVK_TRY(evk_alloc(&v->norms, s->n_site * s->n_layer, sizeof *v->norms, "make vectors", err));
    EVK_TRY(evk_alloc(&v->values, n, sizeof *v->values, "make vectors", err));
    const size_t n_neutral = n / s->d_model;
    EVK_TRY(evk_alloc(&v->neutral, n_neutral, sizeof *v->neutral, "make vectors", err));
    EVK_TRY(copy_names(v, s, err));
    memcpy(v->layers, s->layers, s->n_layer * sizeof *v->layers);
    memcpy(v->sites, s->sites, s->n_site * sizeof *v->sites);
    for (size_t i = 0; i < s->n_site * s->n_layer; i++)
        v->norms[i] = NAN;
    for (size_t i = 0; i < n_neutral; i++)
        v->neutral[i] = NAN;
    v->info = (evoke_vectors_info){
        .n_emotion = s->n_emotion, .n_layer = s->n_layer, .d_model = s->d_model, .n_site = s->n_site, .method = v->method,
        .span = v->span, .model_name = v->model_name, .model_sha256 = v->model_sha256, .architecture = v->architecture,
        .n_layer_model = s->n_layer_model,
    };
    for (size_t l = 0; l < s->n_layer; l++)         /* a file may say less, or nothing */
        if (s->layers[l] >= 0 && (size_t)s->layers[l] >= v->info.n_layer_model)
            v->info.n_layer_model = (size_t)s->layers[l] + 1;
    return EVOKE_OK;
}

evoke_status evk_vectors_new(const evk_vectors_spec *spec, evoke_vectors **out, evoke_error *err)
{
    *out = NULL;
    evoke_vectors *v = NULL;
    EVK_TRY(check_spec(spec, err));
    EVK_TRY(evk_alloc(&v, 1, sizeof *v, "make vectors", err));
    const evoke_status st = fill_new(v, spec, err);
    if (st == EVOKE_OK)
        *out = v;
    else
        evoke_vectors_free(v);
    return st;
}

evoke_status evk_vectors_like(const evoke_vectors *v, const char *method, evoke_vectors **out, evoke_error *err)
{
    const evk_vectors_spec s = {
        .n_emotion = v->info.n_emotion, .n_layer = v->info.n_layer, .d_model = v->info.d_model, .n_site = v->info.n_site,
        .emotions = (const char *const *)v->emotions, .layers = v->layers, .sites = v->sites, .method = method,
        .span = v->span, .model_name = v->model_name, .model_sha256 = v->model_sha256, .architecture = v->architecture,
        .n_layer_model = v->info.n_layer_model,
    };
    EVK_TRY(evk_vectors_new(&s, out, err));
    memcpy((*out)->norms, v->norms, v->info.n_site * v->info.n_layer * sizeof *v->norms);
    return EVOKE_OK;
}

void evoke_vectors_free(evoke_vectors *v)
{
    if (!v)
        return;
    for (size_t e = 0; v->emotions && e < v->info.n_emotion; e++)
        free(v->emotions[e]);
    free(v->emotions);
    free(v->layers);
    free(v->sites);
    free(v->counts);
    free(v->values);
    free(v->norms);
    free(v->neutral);
    free(v->method);
    free(v->span);
    free(v->model_name);
    free(v->model_sha256);
    free(v->architecture);
    free(v);
}

/* ---- contents ---- */
static size_t layer_size(const evoke_vectors *v)
{
    return v->info.n_layer * v->info.d_model;
}

float *evk_vectors_ev(evoke_vectors *v, size_t site, size_t e)
{
    return v->values + (site * (v->info.n_emotion + 1) + e) * layer_size(v);
}

float *evk_vectors_norm(evoke_vectors *v, size_t site)
{
    return v->norms + site * v->info.n_layer;
}

float *evk_vectors_neutral(evoke_vectors *v, size_t site, size_t e)
{
    return v->neutral + (site * (v->info.n_emotion + 1) + e) * v->info.n_layer;
}

void evk_vectors_set_count(evoke_vectors *v, size_t e, size_t n)
{
    v->counts[e] = n;
}

void evk_vectors_set_base(evoke_vectors *v)
{
    const size_t n_emotion = v->info.n_emotion, size = layer_size(v);
    for (size_t i = 0; i < v->info.n_site; i++) {
        const float *ev = evk_vectors_ev(v, i, 0);
        float *base = evk_vectors_ev(v, i, n_emotion);
        for (size_t j = 0; j < size; j++) {
            double sum = 0;
            for (size_t e = 0; e < n_emotion; e++)
                sum += (double)ev[e * size + j];
            base[j] = (float)(sum / (double)n_emotion);
        }
    }
}

const evoke_vectors_info *evoke_vectors_describe(const evoke_vectors *v)
{
    return &v->info;
}

const char *evoke_vectors_emotion(const evoke_vectors *v, size_t e)
{
    return e < v->info.n_emotion ? v->emotions[e] : NULL;
}

int32_t evoke_vectors_layer(const evoke_vectors *v, size_t l)
{
    return l < v->info.n_layer ? v->layers[l] : -1;
}

size_t evk_vectors_find(const evoke_vectors *v, const char *emotion)
{
    size_t e = 0;
    while (e < v->info.n_emotion && strcmp(v->emotions[e], emotion) != 0)
        e++;
    return e;
}

size_t evk_vectors_find_layer(const evoke_vectors *v, int32_t layer)
{
    size_t l = 0;
    while (l < v->info.n_layer && v->layers[l] != layer)
        l++;
    return l;
}

evoke_site evoke_vectors_site(const evoke_vectors *v, size_t i)
{
    return i < v->info.n_site ? v->sites[i] : EVOKE_N_SITE;
}

size_t evoke_vectors_count(const evoke_vectors *v, size_t e)
{
    return e < v->info.n_emotion ? v->counts[e] : 0;
}

/* Index of a site; n_site where it is not held. */
static size_t find_site(const evoke_vectors *v, evoke_site site)
{
    size_t i = 0;
    while (i < v->info.n_site && v->sites[i] != site)
        i++;
    return i;
}

const float *evoke_vectors_get(const evoke_vectors *v, evoke_site site, size_t e)
{
    const size_t i = find_site(v, site);
    if (i == v->info.n_site || e > v->info.n_emotion)
        return NULL;
    return v->values + (i * (v->info.n_emotion + 1) + e) * layer_size(v);
}

/* values [L] where all are known. */
static const float *known(const evoke_vectors *v, const float *values)
{
    for (size_t l = 0; l < v->info.n_layer; l++)
        if (isnan(values[l]))
            return NULL;
    return values;
}

const float *evoke_vectors_residual_norm(const evoke_vectors *v, evoke_site site)
{
    const size_t i = find_site(v, site);
    if (i == v->info.n_site)
        return NULL;
    return known(v, v->norms + i * v->info.n_layer);
}

const float *evoke_vectors_neutral(const evoke_vectors *v, evoke_site site, size_t e)
{
    const size_t i = find_site(v, site);
    if (i == v->info.n_site || e > v->info.n_emotion)
        return NULL;
    return known(v, v->neutral + (i * (v->info.n_emotion + 1) + e) * v->info.n_layer);
}

/* ---- file ---- */
/* /norms/<site>/ev [E, L]: the Euclidean norm of each emotion's vector in each layer. */
static evoke_status save_ev_norms(const evoke_vectors *v, evk_h5 *f, evoke_site site, evoke_error *err)
{
    const size_t n_emotion = v->info.n_emotion, n_layer = v->info.n_layer, d = v->info.d_model;
    char name[64];
    float *norms = NULL;
    EVK_TRY(evk_alloc(&norms, n_emotion * n_layer, sizeof *norms, "save vectors", err));
    const float *ev = evoke_vectors_get(v, site, 0);
    for (size_t i = 0; i < n_emotion * n_layer; i++)
        norms[i] = (float)evk_norm(ev + i * d, d);
    snprintf(name, sizeof name, "/norms/%s/ev", evoke_site_name(site));
    const evoke_status st = evk_h5_write(f, name, EVK_H5_F32, 2, (size_t[]){ n_emotion, n_layer }, norms, err);
    free(norms);
    return st;
}

/* /neutral/<site>: of the emotions, where all of them are known, and of the base. */
static evoke_status save_neutral(const evoke_vectors *v, evk_h5 *f, evoke_site site, evoke_error *err)
{
    const size_t n = v->info.n_emotion, dims[2] = { n, v->info.n_layer };
    const float *base = evoke_vectors_neutral(v, site, n);
    char name[64];
    for (size_t e = 0; e < n; e++)
        if (!evoke_vectors_neutral(v, site, e))
            return EVOKE_OK;
    snprintf(name, sizeof name, "/neutral/%s/ev", evoke_site_name(site));
    EVK_TRY(evk_h5_write(f, name, EVK_H5_F32, 2, dims, evoke_vectors_neutral(v, site, 0), err));
    snprintf(name, sizeof name, "/neutral/%s/base", evoke_site_name(site));
    return base ? evk_h5_write(f, name, EVK_H5_F32, 1, dims + 1, base, err) : EVOKE_OK;
}

static evoke_status save_site(const evoke_vectors *v, evk_h5 *f, evoke_site site, evoke_error *err)
{
    const size_t n_emotion = v->info.n_emotion, dims[3] = { n_emotion, v->info.n_layer, v->info.d_model };
    const float *norms = evoke_vectors_residual_norm(v, site);
    char name[64];
    snprintf(name, sizeof name, "/ev/%s", evoke_site_name(site));
    EVK_TRY(evk_h5_write(f, name, EVK_H5_F32, 3, dims, evoke_vectors_get(v, site, 0), err));
    snprintf(name, sizeof name, "/base/%s", evoke_site_name(site));
    EVK_TRY(evk_h5_write(f, name, EVK_H5_F32, 2, dims + 1, evoke_vectors_get(v, site, n_emotion), err));
    snprintf(name, sizeof name, "/norms/%s/residual", evoke_site_name(site));
    if (norms)
        EVK_TRY(evk_h5_write(f, name, EVK_H5_F32, 1, dims + 1, norms, err));
    EVK_TRY(save_neutral(v, f, site, err));
    return save_ev_norms(v, f, site, err);
}

static evoke_status save_labels(const evoke_vectors *v, evk_h5 *f, evoke_error *err)
{
    const size_t n_emotion = v->info.n_emotion;
    int64_t *counts = NULL;
    const char *names[EVOKE_N_SITE];
    for (size_t i = 0; i < v->info.n_site; i++)
        names[i] = evoke_site_name(v->sites[i]);
    EVK_TRY(evk_h5_write_strings(f, "/emotions", 1, &n_emotion, (const char *const *)v->emotions, err));
    EVK_TRY(evk_h5_write_strings(f, "/sites", 1, &v->info.n_site, names, err));
    EVK_TRY(evk_h5_write(f, "/layers", EVK_H5_I32, 1, &v->info.n_layer, v->layers, err));
    EVK_TRY(evk_alloc(&counts, n_emotion, sizeof *counts, "save vectors", err));
    for (size_t e = 0; e < n_emotion; e++)
        counts[e] = (int64_t)v->counts[e];
    const evoke_status st = evk_h5_write(f, "/count", EVK_H5_I64, 1, &n_emotion, counts, err);
    free(counts);
    return st;
}

static evoke_status save_all(const evoke_vectors *v, evk_h5 *f, const evoke_provenance *made, evoke_error *err)
{
    const evk_h5_signature s = {
        .format = "evoke-vectors", .model_name = v->model_name, .model_sha256 = v->model_sha256,
        .architecture = v->architecture, .n_layer = v->info.n_layer_model, .d_model = v->info.d_model, .made = made,
    };
    EVK_TRY(evk_h5_sign(f, &s, err));
    EVK_TRY(evk_h5_attr_string(f, "/", "method", v->method, err));
    EVK_TRY(evk_h5_attr_string(f, "/", "span", v->span, err));
    EVK_TRY(save_labels(v, f, err));
    for (size_t i = 0; i < v->info.n_site; i++)
        EVK_TRY(save_site(v, f, v->sites[i], err));
    return EVOKE_OK;
}

evoke_status evoke_vectors_save(const evoke_vectors *v, const char *path, const evoke_provenance *made,
                                evoke_error *err)
{
    evk_h5 *f = NULL;
    EVK_TRY(evk_h5_create(path, &f, err));
    const evoke_status st = save_all(v, f, made, err);
    if (st == EVOKE_OK)
        return evk_h5_commit(f, err);
    evk_h5_free(f);
    return st;
}
