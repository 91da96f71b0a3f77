/* layers/vector_files/brainpatch.c: a ZIP of
 *
 *     manifest.json         base_model, and interventions: {layer, from 0; hook; coefficient; vector, a tensor's name}
 *     vectors.safetensors   the tensors [D]
 *     checksums.json        SHA-256 of the other two
 *
 * What is added is coefficient times vector: that product is the vector here, and a file of ours has coefficients of 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/files/safetensors.h"
#include "core/files/sha256.h"
#include "core/text.h"
#include "layers/vector_files/formats.h"

static const char manifest_name[] = "manifest.json", tensors_name[] = "vectors.safetensors", sums_name[] = "checksums.json";
enum { MOST_JSON = 1 << 22, MOST_INTERVENTIONS = EVK_MAX_LAYERS };

bool evk_is_brainpatch(const evk_source *s)
{
    return evk_zip_has(s->zip, manifest_name) && evk_zip_has(s->zip, tensors_name);
}

/* ---- reading ---- */

static const char residual_post[] = "residual_post";     /* the one hook that a file of brainpatch's was seen with */

static evoke_status read_json(const evk_source *s, const char *name, json_t **out, evoke_error *err)
{
    evoke_text text = { 0 };
    json_error_t why;
    EVK_TRY(evk_zip_read(s->zip, name, MOST_JSON, &text, err));
    *out = json_loadb(text.data, text.n, JSON_REJECT_DUPLICATES, &why);
    evoke_text_free(&text);
    if (json_is_object(*out))
        return EVOKE_OK;
    return evk_fail(err, EVOKE_EFORMAT, "open vectors: its %s is no JSON object (%s)", name, s->path);
}

static evoke_status check_sum(const evk_source *s, const json_t *sums, const char *name, evoke_error *err)
{
    evoke_text bytes = { 0 };
    char hex[65];
    const char *says = json_string_value(json_object_get(sums, name));
    EVK_TRY(evk_zip_read(s->zip, name, EVK_MOST_ENTRY, &bytes, err));
    evk_sha256(bytes.data, bytes.n, hex);
    evoke_text_free(&bytes);
    if (says && strcmp(says, hex) == 0)
        return EVOKE_OK;
    return evk_fail(err, EVOKE_EFORMAT, "open vectors: the SHA-256 of its %s is not the one in %s (%s)", name, sums_name,
                    s->path);
}

static evoke_status check_sums(const evk_source *s, evoke_error *err)
{
    json_t *sums = NULL;
    if (!evk_zip_has(s->zip, sums_name))
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: it holds no %s (%s)", sums_name, s->path);
    evoke_status st = read_json(s, sums_name, &sums, err);
    if (st == EVOKE_OK)
        st = check_sum(s, sums, manifest_name, err);
    if (st == EVOKE_OK)
        st = check_sum(s, sums, tensors_name, err);
    json_decref(sums);
    return st;
}

static evoke_status check_hook(const evk_source *s, const json_t *intervention, evoke_error *err)
{
    const char *hook = json_string_value(json_object_get(intervention, "hook"));
    return hook && strcmp(hook, residual_post) == 0
               ? EVOKE_OK : evk_fail(err, EVOKE_EUNSUPPORTED, "open vectors: hook '%.40s' is no hook point here (%s)",
                                     hook ? hook : "", s->path);
}

static evoke_status scale_last(evk_found *f, double coefficient, evoke_error *err)
{
    float *v = f->values + (f->n - 1) * f->d;
    for (size_t j = 0; j < f->d; j++) {
        const double scaled = (double)v[j] * coefficient;
        if (!(scaled <= 3.4028234663852886e38 && scaled >= -3.4028234663852886e38))
            return evk_fail(err, EVOKE_EFORMAT, "open vectors: layer %d times its coefficient is beyond float32 (%s)",
                            (int)f->numbers[f->n - 1], f->path);
        v[j] = (float)scaled;
    }
    return EVOKE_OK;
}

static evoke_status add_intervention(const evk_source *s, const evk_tensor_list *tensors, const json_t *intervention,
                                     evk_found *out, evoke_error *err)
{
    const json_t *layer = json_object_get(intervention, "layer"), *coefficient = json_object_get(intervention, "coefficient");
    const char *name = json_string_value(json_object_get(intervention, "vector"));
    const evk_tensor *t = name ? evk_tensor_list_find(tensors, name) : NULL;
    if (!json_is_integer(layer) || json_integer_value(layer) < 0 || json_integer_value(layer) >= EVK_MAX_LAYERS || !t ||
        (coefficient && !json_is_number(coefficient)))
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: an intervention lacks its layer, vector or coefficient (%s)", s->path);
    EVK_TRY(check_hook(s, intervention, err));
    EVK_TRY(evk_found_add_tensor(out, (int32_t)json_integer_value(layer), (const evk_listed *)(const void *)t, err));
    return scale_last(out, coefficient ? json_number_value(coefficient) : 1, err);
}

static evoke_status read_manifest(const evk_source *s, const json_t *manifest, const evk_tensor_list *tensors, evk_found *out,
                                  evoke_error *err)
{
    const json_t *model = json_object_get(manifest, "base_model"), *all = json_object_get(manifest, "interventions");
    const json_t *n_layer = json_object_get(model, "num_layers");
    const char *name = json_string_value(json_object_get(manifest, "name"));
    const char *id = json_string_value(json_object_get(model, "model_id"));
    const char *architecture = json_string_value(json_object_get(model, "architecture"));
    snprintf(out->name, sizeof out->name, "%s", name ? name : "");
    snprintf(out->model, sizeof out->model, "%s", id ? id : "");
    snprintf(out->architecture, sizeof out->architecture, "%s", architecture ? architecture : "");
    if (json_is_integer(n_layer) && json_integer_value(n_layer) > 0 && json_integer_value(n_layer) <= EVK_MAX_LAYERS)
        out->n_layer_model = (size_t)json_integer_value(n_layer);
    if (json_array_size(all) > MOST_INTERVENTIONS)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: %zu interventions (%s)", json_array_size(all), s->path);
    for (size_t i = 0; i < json_array_size(all); i++)
        EVK_TRY(add_intervention(s, tensors, json_array_get(all, i), out, err));
    return EVOKE_OK;
}

evoke_status evk_read_brainpatch(const evk_source *s, evk_found *out, evoke_vectors_report *report, evoke_error *err)
{
    json_t *manifest = NULL;
    evoke_text bytes = { 0 };
    evk_tensor_list tensors = { 0 };
    (void)report;
    EVK_TRY(check_sums(s, err));
    evoke_status st = evk_zip_read(s->zip, tensors_name, EVK_MOST_ENTRY, &bytes, err);
    if (st == EVOKE_OK) {
        const evk_mapped inner = { .data = (const unsigned char *)bytes.data, .n = bytes.n, .path = (char *)s->path };
        st = evk_safetensors_read(&inner, &tensors, err);
    }
    if (st == EVOKE_OK)
        st = evk_tensor_list_index(&tensors, s->path, err);
    if (st == EVOKE_OK)
        st = read_json(s, manifest_name, &manifest, err);
    if (st == EVOKE_OK)
        st = read_manifest(s, manifest, &tensors, out, err);
    evk_tensor_list_free(&tensors);
    json_decref(manifest);
    evoke_text_free(&bytes);
    return st;
}

/* ---- writing ---- */

static json_t *interventions_of(const evk_written *w)
{
    json_t *all = json_array();
    char name[32];
    for (size_t l = 0; l < w->n; l++) {
        snprintf(name, sizeof name, "v%d", (int)w->numbers[l]);
        json_array_append_new(all, json_pack("{s:f, s:s, s:i, s:s}", "coefficient", 1.0, "hook", residual_post, "layer",
                                             (int)w->layers[l], "vector", name));
    }
    return all;
}

static json_t *manifest_of(const evk_written *w)
{
    json_t *model = json_pack("{s:s, s:I, s:s, s:I, s:n, s:n}", "architecture", w->architecture, "hidden_size", (json_int_t)w->d,
                              "model_id", w->model, "num_layers", (json_int_t)w->n_layer_model, "revision", "torch_dtype");
    return json_pack("{s:[], s:o, s:{}, s:f, s:s, s:{}, s:s, s:s, s:o, s:s, s:f, s:s, s:{s:s}, s:n}", "authors", "base_model",
                     model, "compatibility", "default_strength", 1.0, "description", "", "evaluation", "evidence_level", "none",
                     "format_version", "1.0", "interventions", interventions_of(w), "license", "", "max_abs_strength", 8.0,
                     "name", w->name, "provenance", "program", "evoke", "schedule");
}

/* Takes the value; NULL: no memory, or a name that is not UTF-8. */
static char *dump(json_t *value)
{
    char *text = value ? json_dumps(value, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    json_decref(value);
    return text;
}

evoke_status evk_write_brainpatch(const evk_format *as, const evk_written *w, evk_buffer *out, evk_buffer *beside,
                                  evoke_error *err)
{
    json_t *metadata = json_pack("{s:s}", "format", "brainpatch-vectors-v1");
    evk_buffer tensors = { 0 };
    char *manifest = dump(manifest_of(w)), *sums = NULL, sha[2][65];
    (void)as, (void)beside;
    evoke_status st = evk_put_safetensors(w, "v", metadata, &tensors, err);
    if (st == EVOKE_OK && manifest) {
        evk_sha256(manifest, strlen(manifest), sha[0]);
        evk_sha256(tensors.data, tensors.n, sha[1]);
        sums = dump(json_pack("{s:s, s:s}", manifest_name, sha[0], tensors_name, sha[1]));
    }
    if (st == EVOKE_OK && (!manifest || !sums))
        st = evk_fail(err, EVOKE_EDATA, "write vectors: no memory, or a name that is not UTF-8");
    if (st == EVOKE_OK)
        st = evk_zip_pack((const evk_zip_entry[]){ { sums_name, sums, strlen(sums) },
                                                   { manifest_name, manifest, strlen(manifest) },
                                                   { tensors_name, tensors.data, tensors.n } }, 3, out, err);
    json_decref(metadata);
    evk_buffer_free(&tensors);
    free(manifest);
    free(sums);
    return st;
}
