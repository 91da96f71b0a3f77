/* layers/vector_files/npz.c: vectors as NumPy arrays, a ZIP of .npy files. All that an evoke-vectors file holds:
 *
 *     <site> [E, L, D] float32, <site>_base [L, D], <site>_norm [L], <site>_neutral [E, L], <site>_neutral_base [L]
 *                                                                         for each site, as "resid_post"
 *     emotions [E], layers [L], count [E]; method, span, model, model_sha256, architecture; n_layers
 *
 * or, from other programs, one vector: arrays [D] named by layer, "12" or "layer_12". */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/files/whole_file.h"
#include "layers/vector_files/formats.h"
#include "layers/vector_files/npy.h"

static const char ending[] = ".npy";

/* ---- reading ---- */

/* "resid_post" for "resid_post.npy"; false: another ending. */
static bool key_of(const char *entry, char *out, size_t size)
{
    const size_t n = strlen(entry), m = strlen(ending);
    if (n <= m || n - m >= size || strcmp(entry + n - m, ending) != 0)
        return false;
    snprintf(out, size, "%.*s", (int)(n - m), entry);
    return true;
}

static bool layer_of(const char *key, int32_t *layer)
{
    return evk_number_after("layer_", key, layer) || evk_number_after("", key, layer);
}

bool evk_is_npz(const evk_source *s)
{
    char entry[64];
    for (int site = 0; site < EVOKE_N_SITE; site++) {
        snprintf(entry, sizeof entry, "%s%s", evoke_site_name((evoke_site)site), ending);
        if (evk_zip_has(s->zip, entry))
            return true;
    }
    return false;
}

bool evk_is_npz_of_layers(const evk_source *s)
{
    char key[64];
    int32_t layer = 0;
    for (size_t i = 0; i < evk_zip_count(s->zip); i++)
        if (!key_of(evk_zip_name(s->zip, i), key, sizeof key) || !layer_of(key, &layer))
            return false;
    return true;
}

/* Array `key`; *bytes is the caller's and must outlive it. */
static evoke_status read_array(const evk_source *s, const char *key, evoke_text *bytes, evk_npy *out, evoke_error *err)
{
    char entry[160];
    snprintf(entry, sizeof entry, "%.100s%s", key, ending);
    *bytes = (evoke_text){ 0 };
    EVK_TRY(evk_zip_read(s->zip, entry, EVK_MOST_ENTRY, bytes, err));
    return evk_npy_read(bytes, key, s->path, out, err);
}

static bool has_array(const evk_source *s, const char *key)
{
    char entry[160];
    snprintf(entry, sizeof entry, "%.100s%s", key, ending);
    return evk_zip_has(s->zip, entry);
}

evoke_status evk_read_npz_of_layers(const evk_source *s, evk_found *out, evoke_vectors_report *report, evoke_error *err)
{
    (void)report;
    for (size_t i = 0; i < evk_zip_count(s->zip); i++) {
        char key[64];
        int32_t layer = 0;
        evoke_text bytes = { 0 };
        evk_npy a;
        if (!key_of(evk_zip_name(s->zip, i), key, sizeof key) || !layer_of(key, &layer))
            return evk_fail(err, EVOKE_EFORMAT, "open vectors: '%.80s' is no layer (%s)", evk_zip_name(s->zip, i), s->path);
        evoke_status st = read_array(s, key, &bytes, &a, err);
        if (st == EVOKE_OK && a.n_dim != 1)
            st = evk_fail(err, EVOKE_EFORMAT, "open vectors: '%s' has %zu dimensions, a direction has one (%s)", key, a.n_dim,
                          s->path);
        if (st == EVOKE_OK)
            st = evk_found_add(out, layer, evk_npy_float(&a), a.descr, a.data, a.n, err);
        evoke_text_free(&bytes);
        EVK_TRY(st);
    }
    return EVOKE_OK;
}

/* The labels of a file, before there are vectors to put values into. */
typedef struct labels {
    char **emotions;
    int32_t *layers;
    evoke_site sites[EVOKE_N_SITE];
    char *text[5];              /* method, span, model, model_sha256, architecture */
    size_t n_emotion, n_layer, d, n_site, n_layer_model;
} labels;
static const char *const text_keys[5] = { "method", "span", "model", "model_sha256", "architecture" };

static void free_labels(labels *l)
{
    for (size_t e = 0; l->emotions && e < l->n_emotion; e++)
        free(l->emotions[e]);
    for (size_t i = 0; i < 5; i++)
        free(l->text[i]);
    free(l->emotions);
    free(l->layers);
}

/* The first site's array gives the shape; the rest are held against it. */
static evoke_status read_shape(const evk_source *s, labels *l, evoke_error *err)
{
    evoke_text bytes = { 0 };
    evk_npy a;
    for (int site = 0; site < EVOKE_N_SITE; site++)
        if (has_array(s, evoke_site_name((evoke_site)site)))
            l->sites[l->n_site++] = (evoke_site)site;
    evoke_status st = l->n_site ? read_array(s, evoke_site_name(l->sites[0]), &bytes, &a, err)
                                : evk_fail(err, EVOKE_EFORMAT, "open vectors: no array is named like a site (%s)", s->path);
    evoke_text_free(&bytes);
    EVK_TRY(st);
    if (a.n_dim != 3 || a.dims[0] < 1 || a.dims[0] > EVK_MAX_EMOTIONS || a.dims[1] < 1 || a.dims[1] > EVK_MAX_LAYERS ||
        a.dims[2] < 1 || a.dims[2] > EVK_MAX_WIDTH)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: '%s' is not [emotions, layers, width] (%s)",
                        evoke_site_name(l->sites[0]), s->path);
    l->n_emotion = a.dims[0];
    l->n_layer = a.dims[1];
    l->d = a.dims[2];
    return EVOKE_OK;
}

static evoke_status read_emotions(const evk_source *s, labels *l, evoke_error *err)
{
    evoke_text bytes = { 0 };
    evk_npy a;
    EVK_TRY(evk_alloc(&l->emotions, l->n_emotion, sizeof *l->emotions, "open vectors", err));
    evoke_status st = read_array(s, "emotions", &bytes, &a, err);
    if (st == EVOKE_OK && a.n != l->n_emotion)
        st = evk_fail(err, EVOKE_EFORMAT, "open vectors: %zu emotions, but vectors of %zu (%s)", a.n, l->n_emotion, s->path);
    for (size_t e = 0; e < l->n_emotion && st == EVOKE_OK; e++)
        st = evk_npy_text(&a, e, s->path, &l->emotions[e], err);
    evoke_text_free(&bytes);
    if (st == EVOKE_OK && !evk_labels_differ((const char *const *)l->emotions, l->n_emotion))
        st = evk_fail(err, EVOKE_EFORMAT, "open vectors: an emotion's name is empty or there twice (%s)", s->path);
    return st;
}

static evoke_status read_layers(const evk_source *s, labels *l, evoke_error *err)
{
    evoke_text bytes = { 0 };
    evk_npy a = { 0 };
    const bool given = has_array(s, "layers");
    EVK_TRY(evk_alloc(&l->layers, l->n_layer, sizeof *l->layers, "open vectors", err));
    evoke_status st = given ? read_array(s, "layers", &bytes, &a, err) : EVOKE_OK;
    for (size_t i = 0; i < l->n_layer && st == EVOKE_OK; i++) {
        int64_t layer = (int64_t)i;
        bool good = !given || (a.n == l->n_layer && evk_npy_integer(&a, i, &layer) && layer >= 0 && layer < INT32_MAX);
        for (size_t k = 0; k < i && good; k++)
            good = l->layers[k] != layer;
        if (!good)
            st = evk_fail(err, EVOKE_EFORMAT, "open vectors: 'layers' is not %zu different numbers (%s)", l->n_layer, s->path);
        l->layers[i] = (int32_t)layer;
    }
    evoke_text_free(&bytes);
    return st;
}

static evoke_status read_texts(const evk_source *s, labels *l, evoke_error *err)
{
    int64_t n_layer = 0;
    evoke_text bytes = { 0 };
    evk_npy a;
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; i < 5 && st == EVOKE_OK; i++)
        if (has_array(s, text_keys[i])) {
            st = read_array(s, text_keys[i], &bytes, &a, err);
            if (st == EVOKE_OK)
                st = evk_npy_text(&a, 0, s->path, &l->text[i], err);
            evoke_text_free(&bytes);
        }
    if (st == EVOKE_OK && has_array(s, "n_layers")) {
        st = read_array(s, "n_layers", &bytes, &a, err);
        if (st == EVOKE_OK && evk_npy_integer(&a, 0, &n_layer) && n_layer > 0 && n_layer <= EVK_MAX_LAYERS)
            l->n_layer_model = (size_t)n_layer;
        evoke_text_free(&bytes);
    }
    return st;
}

/* Array <site><suffix> of `n` floats to out; where it is missing, out stays. */
static evoke_status read_values(const evk_source *s, evoke_site site, const char *suffix, size_t n, float *out, evoke_error *err)
{
    char key[64];
    evoke_text bytes = { 0 };
    evk_npy a;
    snprintf(key, sizeof key, "%s%s", evoke_site_name(site), suffix);
    if (!has_array(s, key))
        return EVOKE_OK;
    evoke_status st = read_array(s, key, &bytes, &a, err);
    if (st == EVOKE_OK && (a.n != n || evk_npy_float(&a) != EVK_F32))
        st = evk_fail(err, EVOKE_EFORMAT, "open vectors: '%s' is not of %zu float32 (%s)", key, n, s->path);
    if (st == EVOKE_OK)
        memcpy(out, a.data, n * sizeof *out);
    for (size_t j = 0; j < n && st == EVOKE_OK; j++)
        if (!isfinite(out[j]))
            st = evk_fail(err, EVOKE_EFORMAT, "open vectors: value %zu of '%s' is not finite (%s)", j, key, s->path);
    evoke_text_free(&bytes);
    return st;
}

static evoke_status read_counts(const evk_source *s, evoke_vectors *v, size_t n, evoke_error *err)
{
    evoke_text bytes = { 0 };
    evk_npy a;
    int64_t count = 0;
    if (!has_array(s, "count"))
        return EVOKE_OK;
    const evoke_status st = read_array(s, "count", &bytes, &a, err);
    for (size_t e = 0; e < n && st == EVOKE_OK; e++)
        evk_vectors_set_count(v, e, evk_npy_integer(&a, e, &count) && count > 0 ? (size_t)count : 0);
    evoke_text_free(&bytes);
    return st;
}

static evoke_status fill(const evk_source *s, const labels *l, evoke_vectors *v, evoke_error *err)
{
    const size_t size = l->n_layer * l->d;
    for (size_t i = 0; i < l->n_site; i++)
        EVK_TRY(read_values(s, l->sites[i], "", l->n_emotion * size, evk_vectors_ev(v, i, 0), err));
    evk_vectors_set_base(v);
    for (size_t i = 0; i < l->n_site; i++) {
        EVK_TRY(read_values(s, l->sites[i], "_base", size, evk_vectors_ev(v, i, l->n_emotion), err));
        EVK_TRY(read_values(s, l->sites[i], "_norm", l->n_layer, evk_vectors_norm(v, i), err));
        EVK_TRY(read_values(s, l->sites[i], "_neutral", l->n_emotion * l->n_layer, evk_vectors_neutral(v, i, 0), err));
        EVK_TRY(read_values(s, l->sites[i], "_neutral_base", l->n_layer, evk_vectors_neutral(v, i, l->n_emotion), err));
    }
    return read_counts(s, v, l->n_emotion, err);
}

evoke_status evk_read_npz(const evk_source *s, evoke_vectors **out, evoke_error *err)
{
    labels l = { 0 };
    evoke_status st = read_shape(s, &l, err);
    if (st == EVOKE_OK)
        st = read_emotions(s, &l, err);
    if (st == EVOKE_OK)
        st = read_layers(s, &l, err);
    if (st == EVOKE_OK)
        st = read_texts(s, &l, err);
    const evk_vectors_spec spec = {
        .n_emotion = l.n_emotion, .n_layer = l.n_layer, .d_model = l.d, .n_site = l.n_site,
        .emotions = (const char *const *)l.emotions, .layers = l.layers, .sites = l.sites, .method = l.text[0], .span = l.text[1],
        .model_name = l.text[2], .model_sha256 = l.text[3], .architecture = l.text[4],
        .n_layer_model = l.n_layer_model,
    };
    if (st == EVOKE_OK)
        st = evk_vectors_new(&spec, out, err);
    if (st == EVOKE_OK)
        st = fill(s, &l, *out, err);
    free_labels(&l);
    return st;
}

/* ---- writing ---- */

enum { MOST_ARRAYS = 5 * EVOKE_N_SITE + 9 };
typedef struct pack { char names[MOST_ARRAYS][64]; evk_buffer arrays[MOST_ARRAYS]; size_t n; } pack;

/* Where the next array goes, under its name. */
static evk_buffer *next(pack *p, const char *key, const char *suffix)
{
    snprintf(p->names[p->n], sizeof p->names[p->n], "%s%s%s", key, suffix, ending);
    return &p->arrays[p->n++];
}

/* Of the emotions, where all of them are known, and of the base. */
static evoke_status put_neutral(pack *p, const evoke_vectors *v, evoke_site site, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(v);
    const size_t dims[2] = { info->n_emotion, info->n_layer }, size = dims[1] * sizeof(float);
    const char *name = evoke_site_name(site);
    const float *base = evoke_vectors_neutral(v, site, dims[0]);
    bool all = true;
    for (size_t e = 0; e < dims[0]; e++)
        all = all && evoke_vectors_neutral(v, site, e);
    if (all)
        EVK_TRY(evk_npy_put("<f4", 2, dims, evoke_vectors_neutral(v, site, 0), dims[0] * size, next(p, name, "_neutral"), err));
    return base ? evk_npy_put("<f4", 1, dims + 1, base, size, next(p, name, "_neutral_base"), err) : EVOKE_OK;
}

static evoke_status put_site(pack *p, const evoke_vectors *v, evoke_site site, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(v);
    const size_t dims[3] = { info->n_emotion, info->n_layer, info->d_model }, size = dims[1] * dims[2] * sizeof(float);
    const char *name = evoke_site_name(site);
    const float *norms = evoke_vectors_residual_norm(v, site);
    EVK_TRY(evk_npy_put("<f4", 3, dims, evoke_vectors_get(v, site, 0), dims[0] * size, next(p, name, ""), err));
    EVK_TRY(evk_npy_put("<f4", 2, dims + 1, evoke_vectors_get(v, site, dims[0]), size, next(p, name, "_base"), err));
    if (norms)
        EVK_TRY(evk_npy_put("<f4", 1, dims + 1, norms, dims[1] * sizeof *norms, next(p, name, "_norm"), err));
    return put_neutral(p, v, site, err);
}

static evoke_status put_labels(pack *p, const evoke_vectors *v, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(v);
    const char *texts[5] = { info->method, info->span, info->model_name, info->model_sha256, info->architecture };
    const char *emotions[EVK_MAX_EMOTIONS];
    int64_t counts[EVK_MAX_EMOTIONS];
    int32_t layers[EVK_MAX_LAYERS], n_layer_model = (int32_t)info->n_layer_model;
    for (size_t e = 0; e < info->n_emotion; e++) {
        emotions[e] = evoke_vectors_emotion(v, e);
        counts[e] = (int64_t)evoke_vectors_count(v, e);
    }
    for (size_t l = 0; l < info->n_layer; l++)
        layers[l] = evoke_vectors_layer(v, l);
    EVK_TRY(evk_npy_put_texts(emotions, 1, info->n_emotion, next(p, "emotions", ""), err));
    EVK_TRY(evk_npy_put("<i4", 1, &info->n_layer, layers, info->n_layer * sizeof *layers, next(p, "layers", ""), err));
    EVK_TRY(evk_npy_put("<i8", 1, &info->n_emotion, counts, info->n_emotion * sizeof *counts, next(p, "count", ""), err));
    EVK_TRY(evk_npy_put("<i4", 0, NULL, &n_layer_model, sizeof n_layer_model, next(p, "n_layers", ""), err));
    for (size_t i = 0; i < 5; i++)
        EVK_TRY(evk_npy_put_texts(&texts[i], 0, 1, next(p, text_keys[i], ""), err));
    return EVOKE_OK;
}

evoke_status evk_write_npz(const evoke_vectors *v, const char *path, const evoke_provenance *made, evoke_error *err)
{
    evk_zip_entry entries[MOST_ARRAYS];
    evk_buffer file = { 0 };
    pack *p = NULL;
    (void)made;
    EVK_TRY(evk_alloc(&p, 1, sizeof *p, "write vectors", err));
    evoke_status st = put_labels(p, v, err);
    for (size_t i = 0; i < evoke_vectors_describe(v)->n_site && st == EVOKE_OK; i++)
        st = put_site(p, v, evoke_vectors_site(v, i), err);
    for (size_t i = 0; i < p->n; i++)
        entries[i] = (evk_zip_entry){ p->names[i], p->arrays[i].data, p->arrays[i].n };
    if (st == EVOKE_OK)
        st = evk_zip_pack(entries, p->n, &file, err);
    if (st == EVOKE_OK)
        st = evk_write_whole(path, file.data, file.n, err);
    for (size_t i = 0; i < p->n; i++)
        evk_buffer_free(&p->arrays[i]);
    evk_buffer_free(&file);
    free(p);
    return st;
}
