/* layers/vectors_read.c: a vectors file, whoever wrote it. /ev/<site> [E, L, D] and /emotions [E] must be there; the rest is
 * taken where it is: /layers (else 0, 1, 2...), /base (else the mean over emotions), /norms and /neutral (else not known),
 * /count. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/files/hdf5.h"
#include "layers/labels.h"
#include "layers/vectors.h"

static evoke_status read_finite(evk_h5 *f, const char *name, size_t n_dim, const size_t *dims, float *out, evoke_error *err)
{
    size_t found = 0, sizes[EVK_H5_MAX_DIM], n = 1;
    EVK_TRY(evk_h5_shape(f, name, &found, sizes, err));
    bool same = found == n_dim;
    for (size_t i = 0; i < n_dim && same; i++) {
        same = sizes[i] == dims[i];
        n *= dims[i];
    }
    if (!same)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: %s has another shape than the rest (%s)", name, evk_h5_path(f));
    EVK_TRY(evk_h5_read(f, name, EVK_H5_F32, NULL, NULL, out, err));
    for (size_t i = 0; i < n; i++)
        if (!isfinite(out[i]))
            return evk_fail(err, EVOKE_EFORMAT, "open vectors: a value of %s is not finite (%s)", name, evk_h5_path(f));
    return EVOKE_OK;
}

static evoke_status read_counts(evk_h5 *f, evoke_vectors *v, evoke_error *err)
{
    const size_t n_emotion = evoke_vectors_describe(v)->n_emotion;
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
    int64_t counts[EVK_MAX_EMOTIONS];
    if (!evk_h5_has(f, "/count"))
        return EVOKE_OK;
    EVK_TRY(evk_h5_shape(f, "/count", &n_dim, dims, err));
    if (n_dim != 1 || dims[0] != n_emotion)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: /count should be [%zu] (%s)", n_emotion, evk_h5_path(f));
    EVK_TRY(evk_h5_read(f, "/count", EVK_H5_I64, NULL, NULL, counts, err));
    for (size_t e = 0; e < n_emotion; e++)
        evk_vectors_set_count(v, e, counts[e] > 0 ? (size_t)counts[e] : 0);
    return EVOKE_OK;
}

static evoke_status read_sites(evk_h5 *f, evoke_vectors *v, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(v);
    const size_t dims[3] = { info->n_emotion, info->n_layer, info->d_model };
    char name[64];
    for (size_t i = 0; i < info->n_site; i++) {
        snprintf(name, sizeof name, "/ev/%s", evoke_site_name(evoke_vectors_site(v, i)));
        EVK_TRY(read_finite(f, name, 3, dims, evk_vectors_ev(v, i, 0), err));
    }
    evk_vectors_set_base(v);
    for (size_t i = 0; i < info->n_site; i++) {
        snprintf(name, sizeof name, "/base/%s", evoke_site_name(evoke_vectors_site(v, i)));
        if (evk_h5_has(f, name))
            EVK_TRY(read_finite(f, name, 2, dims + 1, evk_vectors_ev(v, i, info->n_emotion), err));
        snprintf(name, sizeof name, "/norms/%s/residual", evoke_site_name(evoke_vectors_site(v, i)));
        if (evk_h5_has(f, name))
            EVK_TRY(read_finite(f, name, 1, dims + 1, evk_vectors_norm(v, i), err));
        snprintf(name, sizeof name, "/neutral/%s/ev", evoke_site_name(evoke_vectors_site(v, i)));
        if (evk_h5_has(f, name))
            EVK_TRY(read_finite(f, name, 2, dims, evk_vectors_neutral(v, i, 0), err));
        snprintf(name, sizeof name, "/neutral/%s/base", evoke_site_name(evoke_vectors_site(v, i)));
        if (evk_h5_has(f, name))
            EVK_TRY(read_finite(f, name, 1, dims + 1, evk_vectors_neutral(v, i, info->n_emotion), err));
    }
    return read_counts(f, v, err);
}

/* The shape of the file's first site, and what names it. */
static evoke_status read_shape(evk_h5 *f, evk_vectors_spec *s, evoke_error *err)
{
    char name[64];
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
    snprintf(name, sizeof name, "/ev/%s", evoke_site_name(s->sites[0]));
    EVK_TRY(evk_h5_shape(f, name, &n_dim, dims, err));
    if (n_dim != 3 || dims[0] != s->n_emotion || dims[1] > EVK_MAX_LAYERS || dims[2] > EVK_MAX_WIDTH)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: %s is not [%zu emotions, layers, width] (%s)", name, s->n_emotion,
                        evk_h5_path(f));
    s->n_layer = dims[1];
    s->d_model = dims[2];
    return EVOKE_OK;
}

static evoke_status read_file(evk_h5 *f, evoke_vectors **out, evoke_error *err)
{
    char **emotions = NULL;
    evoke_site *sites = NULL;
    int32_t *layers = NULL;
    int64_t n_layer_model = 0;
    char *text[5] = { evk_labels_attribute(f, "method"), evk_labels_attribute(f, "span"),
                      evk_labels_attribute(f, "model_name"), evk_labels_attribute(f, "model_sha256"),
                      evk_labels_attribute(f, "architecture") };
    evk_vectors_spec s = { .method = text[0], .span = text[1], .model_name = text[2], .model_sha256 = text[3],
                           .architecture = text[4] };
    evoke_status st = evk_labels_format(f, "evoke-vectors", err);
    if (st == EVOKE_OK)
        st = evk_labels_names(f, "/emotions", EVK_MAX_EMOTIONS, &emotions, &s.n_emotion, err);
    if (st == EVOKE_OK)
        st = evk_labels_sites(f, "/ev", &sites, &s.n_site, err);
    s.emotions = (const char *const *)emotions;
    s.sites = sites;
    if (st == EVOKE_OK)
        st = read_shape(f, &s, err);
    if (st == EVOKE_OK)
        st = evk_labels_layers(f, s.n_layer, &layers, err);
    s.layers = layers;
    if (evk_h5_get_i64(f, "/", "n_layers", &n_layer_model) && n_layer_model > 0)
        s.n_layer_model = (size_t)n_layer_model;
    if (st == EVOKE_OK)
        st = evk_vectors_new(&s, out, err);
    if (st == EVOKE_OK)
        st = read_sites(f, *out, err);
    for (size_t i = 0; i < 5; i++)
        free(text[i]);
    free(layers);
    free(sites);
    free(emotions);
    return st;
}

evoke_status evk_vectors_open_hdf5(const char *path, evoke_vectors **out, evoke_error *err)
{
    evk_h5 *f = NULL;
    *out = NULL;
    EVK_TRY(evk_h5_open(path, &f, err));
    const evoke_status st = read_file(f, out, err);
    evk_h5_free(f);
    if (st != EVOKE_OK) {
        evoke_vectors_free(*out);
        *out = NULL;
    }
    return st;
}

evoke_status evoke_vectors_open(const char *path, evoke_vectors **out, evoke_error *err)
{
    return evoke_vectors_import(path, NULL, out, NULL, err);
}
