/* core/files/weights.c: one view of weights: opens whatever is at a path, and answers for all of it. */
#include "core/files/weights.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/files/gguf.h"
#include "core/files/hf_folder.h"
#include "core/files/safetensors.h"
#include "core/text.h"

struct evoke_weights {
    evk_container container;
    char *path;
    evk_mapped_set files;
    evk_tensor_list tensors;
    evk_meta_table meta;            /* GGUF */
    json_t *config;                 /* Hugging Face folder */
    const char **config_keys;       /* [json_object_size(config)] in the order of the file */
};

/* ---- open ---- */

static bool ends_with(const char *text, const char *ending)
{
    const size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcmp(text + n - m, ending) == 0;
}

static evoke_status open_folder(evoke_weights *w, const char *dir, evoke_error *err)
{
    const char *key;
    json_t *value;
    size_t n = 0;
    w->container = EVK_SAFETENSORS;
    EVK_TRY(evk_hf_folder_read(dir, &w->config, &w->files, &w->tensors, err));
    EVK_TRY(evk_alloc(&w->config_keys, json_object_size(w->config), sizeof *w->config_keys, "open weights", err));
    json_object_foreach(w->config, key, value)
        w->config_keys[n++] = key;
    return EVOKE_OK;
}

/* The folder of a config.json: what stands before the name, or ".". */
static evoke_status open_folder_of(evoke_weights *w, const char *path, evoke_error *err)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!dir)
        return evk_fail(err, EVOKE_ENOMEM, "open weights: no memory (%s)", path);
    free(w->path);
    w->path = dir;                  /* from here on it is as if the folder had been named */
    return open_folder(w, dir, err);
}

static evoke_status open_file(evoke_weights *w, const char *path, evoke_error *err)
{
    EVK_TRY(evk_map_file(&w->files, path, err));
    const evk_mapped *file = &w->files.items[0];
    if (evk_is_gguf(file)) {
        w->container = EVK_GGUF;
        EVK_TRY(evk_gguf_read(&w->files, &w->meta, &w->tensors, err));
    } else if (ends_with(path, ".safetensors")) {
        w->container = EVK_SAFETENSORS;
        EVK_TRY(evk_safetensors_read(file, &w->tensors, err));
    } else {
        const char *lfs = "version https://git-lfs";
        const bool pointer = file->n >= strlen(lfs) && memcmp(file->data, lfs, strlen(lfs)) == 0;
        return evk_fail(err, EVOKE_EFORMAT, "open weights: %s (%s)", pointer ? "a Git LFS pointer, not the file itself; "
                        "fetch it with git lfs pull" : "neither a GGUF file nor a folder with config.json and "
                        "safetensors", path);
    }
    return evk_tensor_list_index(&w->tensors, path, err);
}

static evoke_status open_any(evoke_weights *w, const char *path, evoke_error *err)
{
    struct stat s;
    w->path = strdup(path);
    if (!w->path)
        return evk_fail(err, EVOKE_ENOMEM, "open weights: no memory (%s)", path);
    if (stat(path, &s) == 0 && S_ISDIR(s.st_mode))
        return open_folder(w, path, err);
    return strcmp(path, "config.json") == 0 || ends_with(path, "/config.json") ? open_folder_of(w, path, err)
                                                                               : open_file(w, path, err);
}

evoke_status evoke_weights_open(const char *path, evoke_weights **out, evoke_error *err)
{
    *out = NULL;
    evoke_weights *w = NULL;
    EVK_TRY(evk_alloc(&w, 1, sizeof *w, "open weights", err));
    const evoke_status st = open_any(w, path, err);
    if (st == EVOKE_OK)
        *out = w;
    else
        evoke_weights_free(w);
    return st;
}

void evoke_weights_free(evoke_weights *w)
{
    if (!w)
        return;
    evk_tensor_list_free(&w->tensors);
    evk_meta_table_free(&w->meta);
    free(w->config_keys);
    json_decref(w->config);
    evk_unmap_all(&w->files);
    free(w->path);
    free(w);
}

/* ---- tensors ---- */

evk_container evk_weights_container(const evoke_weights *w)
{
    return w->container;
}

const char *evk_weights_path(const evoke_weights *w)
{
    return w->path;
}

const evk_tensor *evk_weights_find(const evoke_weights *w, const char *name)
{
    return evk_tensor_list_find(&w->tensors, name);
}

const char *evk_weights_type(const evk_tensor *of_w)
{
    const evk_listed *item = (const evk_listed *)of_w;          /* whose first member it is */
    return of_w->type == EVK_OTHER_TYPE ? item->type : evk_type_describe(of_w->type)->name;
}

const evk_tensor *evk_weights_at(const evoke_weights *w, size_t i)
{
    return i < w->tensors.n ? &w->tensors.items[i].tensor : NULL;
}

const json_t *evk_weights_config(const evoke_weights *w)
{
    return w->config;
}

const char *evk_weights_file(const evoke_weights *w, size_t i)
{
    return i < w->files.n ? w->files.items[i].path : NULL;
}

size_t evoke_weights_count(const evoke_weights *w)
{
    return w->tensors.n;
}

evoke_status evoke_weights_info(const evoke_weights *w, size_t i, evoke_tensor_info *info, evoke_error *err)
{
    *info = (evoke_tensor_info){ 0 };
    if (i >= w->tensors.n)
        return evk_fail(err, EVOKE_EARG, "describe tensor: there is no tensor %zu, only %zu (%s)", i, w->tensors.n,
                        w->path);
    const evk_tensor *t = &w->tensors.items[i].tensor;
    info->name = t->name;
    info->type = evk_weights_type(t);
    info->n_dim = t->n_dim;
    for (size_t d = 0; d < t->n_dim; d++)
        info->dims[d] = t->dims[d];
    info->n_bytes = t->n_bytes;
    return EVOKE_OK;
}

/* ---- metadata ---- */

size_t evoke_weights_metadata_count(const evoke_weights *w)
{
    return w->container == EVK_GGUF ? w->meta.n : json_object_size(w->config);
}

static evoke_status render_json(const json_t *value, evk_buffer *b, evoke_error *err)
{
    evoke_text quoted = { 0 };
    evoke_status st;
    switch (json_typeof(value)) {
    case JSON_STRING:
        st = evk_render_string(json_string_value(value), json_string_length(value), &quoted, err);
        if (st == EVOKE_OK)
            st = evk_buffer_format(b, err, "string %s", quoted.data);
        evoke_text_free(&quoted);
        return st;
    case JSON_INTEGER: return evk_buffer_format(b, err, "integer %" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL: return evk_buffer_format(b, err, "real %.15g", json_real_value(value));
    case JSON_ARRAY: return evk_buffer_format(b, err, "array[%zu]", json_array_size(value));
    case JSON_OBJECT: return evk_buffer_format(b, err, "object{%zu}", json_object_size(value));
    case JSON_NULL: return evk_buffer_format(b, err, "null");
    default: return evk_buffer_format(b, err, "bool %s", json_is_true(value) ? "true" : "false");
    }
}

evoke_status evoke_weights_metadata(const evoke_weights *w, size_t i, const char **key, evoke_text *value,
                                    evoke_error *err)
{
    *key = NULL;
    *value = (evoke_text){ 0 };
    if (i >= evoke_weights_metadata_count(w))
        return evk_fail(err, EVOKE_EARG, "read metadata: there is no entry %zu, only %zu (%s)", i,
                        evoke_weights_metadata_count(w), w->path);
    if (w->container == EVK_GGUF) {
        *key = w->meta.items[i].key;
        return evk_meta_render(&w->meta.items[i], value, err);
    }
    evk_buffer b = { 0 };
    *key = w->config_keys[i];
    evoke_status st = render_json(json_object_get(w->config, *key), &b, err);
    if (st == EVOKE_OK)
        st = evk_buffer_take(&b, value, err);
    evk_buffer_free(&b);
    return st;
}

/* The entry of that key that is a scalar, or an array; NULL otherwise. */
static const evk_meta *find(const evoke_weights *w, const char *key, bool array)
{
    const evk_meta *m = evk_meta_lookup(&w->meta, key);
    return m && (m->type == EVK_META_ARRAY) == array ? m : NULL;
}

bool evk_meta_has(const evoke_weights *w, const char *key)
{
    return evk_meta_lookup(&w->meta, key) != NULL;
}

bool evk_meta_u64(const evoke_weights *w, const char *key, uint64_t *out)
{
    return evk_meta_scalar_u64(find(w, key, false), out);
}

bool evk_meta_f64(const evoke_weights *w, const char *key, double *out)
{
    const evk_meta *m = find(w, key, false);
    return m && evk_meta_element_f64(m, 0, out);
}

bool evk_meta_bool(const evoke_weights *w, const char *key, bool *out)
{
    const evk_meta *m = find(w, key, false);
    if (!m || m->type != EVK_META_BOOL)
        return false;
    *out = m->data[0] != 0;
    return true;
}

const char *evk_meta_string(const evoke_weights *w, const char *key)
{
    const evk_meta *m = find(w, key, false);
    return m ? m->text : NULL;
}

const evk_meta *evk_meta_array(const evoke_weights *w, const char *key)
{
    return find(w, key, true);
}
