/* core/files/hf_folder.c: a model as Hugging Face's tools save it.
 *
 *     config.json                        the family and its sizes
 *     model.safetensors                  all tensors, or
 *     model.safetensors.index.json       { "weight_map": { TENSOR: SHARD, ... } }, the shards in the same folder
 *
 * An index comes from others, so a shard's name must be a plain file name: it cannot lead out of the folder. */
#include "core/files/hf_folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/files/safetensors.h"
#include "core/json.h"

static evoke_status load_object(const char *dir, const char *name, json_t **out, evoke_error *err)
{
    char *path = NULL;
    EVK_TRY(evk_join_path(dir, name, &path, err));
    evoke_status st = evk_json_load_model_file(path, out, err);
    if (st == EVOKE_OK && !json_is_object(*out))
        st = evk_fail(err, EVOKE_EFORMAT, "open model folder: it is not a JSON object (%s)", path);
    free(path);
    return st;
}

static bool is_there(const char *dir, const char *name)
{
    char *path = NULL;
    if (evk_join_path(dir, name, &path, NULL) != EVOKE_OK)
        return false;
    struct stat s;
    const bool there = lstat(path, &s) == 0;        /* a link to nowhere is there, and opening it says so */
    free(path);
    return there;
}

static evoke_status read_file(const char *dir, const char *name, evk_mapped_set *files, evk_tensor_list *tensors,
                              evoke_error *err)
{
    char *path = NULL;
    EVK_TRY(evk_join_path(dir, name, &path, err));
    evoke_status st = evk_map_file(files, path, err);
    if (st == EVOKE_OK)
        st = evk_safetensors_read(&files->items[files->n - 1], tensors, err);
    free(path);
    return st;
}

/* ---- shards ---- */

static bool plain_name(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* The different shards of an index, sorted: names borrowed from it. */
static evoke_status list_shards(const json_t *map, const char *dir, const char **shards, size_t *n, evoke_error *err)
{
    const char *tensor;
    json_t *value;
    size_t all = 0;
    json_object_foreach((json_t *)map, tensor, value) {
        const char *shard = json_string_value(value);
        if (!shard || !plain_name(shard))
            return evk_fail(err, EVOKE_EFORMAT, "open model folder: the index puts '%.200s' into something that is no "
                            "plain file name (%s)", tensor, dir);
        shards[all++] = shard;
    }
    qsort(shards, all, sizeof *shards, by_text);
    *n = 0;
    for (size_t i = 0; i < all; i++)
        if (i == 0 || strcmp(shards[i], shards[*n - 1]) != 0)
            shards[(*n)++] = shards[i];
    return EVOKE_OK;
}

/* Each tensor of the index must be in the shard that it names. */
static evoke_status check_index(const json_t *map, const evk_mapped_set *files, const evk_tensor_list *tensors,
                                const char *dir, evoke_error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)map, name, value) {
        const evk_tensor *t = evk_tensor_list_find(tensors, name);
        if (!t)
            return evk_fail(err, EVOKE_EFORMAT, "open model folder: the index names '%.200s', but %.200s does not hold it "
                            "(%s)", name, json_string_value(value), dir);
        for (size_t i = 0; i < files->n && t->data; i++) {
            const evk_mapped *f = &files->items[i];
            const char *slash = strrchr(f->path, '/'), *base = slash ? slash + 1 : f->path;
            const unsigned char *p = t->data;
            if (p >= f->data && p < f->data + f->n && strcmp(base, json_string_value(value)) != 0)
                return evk_fail(err, EVOKE_EFORMAT, "open model folder: '%.200s' is in %.200s, but the index says %.200s "
                                "(%s)", name, base, json_string_value(value), dir);
        }
    }
    return EVOKE_OK;
}

static evoke_status read_shards(const char *dir, evk_mapped_set *files, evk_tensor_list *tensors, evoke_error *err)
{
    json_t *index = NULL;
    const char **shards = NULL;
    size_t n = 0;
    evoke_status st = load_object(dir, "model.safetensors.index.json", &index, err);
    const json_t *map = json_object_get(index, "weight_map");
    if (st == EVOKE_OK && json_object_size(map) == 0)
        st = evk_fail(err, EVOKE_EFORMAT, "open model folder: model.safetensors.index.json has no weight_map (%s)", dir);
    if (st == EVOKE_OK)
        st = evk_alloc(&shards, json_object_size(map), sizeof *shards, "open model folder", err);
    if (st == EVOKE_OK)
        st = list_shards(map, dir, shards, &n, err);
    for (size_t i = 0; i < n && st == EVOKE_OK; i++) {
        if (!is_there(dir, shards[i]))
            st = evk_fail(err, EVOKE_EIO, "open model folder: the shard %.200s is missing (%s)", shards[i], dir);
        else
            st = read_file(dir, shards[i], files, tensors, err);
    }
    if (st == EVOKE_OK)
        st = evk_tensor_list_index(tensors, dir, err);
    if (st == EVOKE_OK)
        st = check_index(map, files, tensors, dir, err);
    free(shards);
    json_decref(index);
    return st;
}

evoke_status evk_hf_folder_read(const char *dir, json_t **config, evk_mapped_set *files, evk_tensor_list *tensors,
                                evoke_error *err)
{
    if (!is_there(dir, "config.json"))
        return evk_fail(err, EVOKE_EIO, "open model folder: it has no config.json (%s)", dir);
    EVK_TRY(load_object(dir, "config.json", config, err));
    if (is_there(dir, "model.safetensors")) {
        EVK_TRY(read_file(dir, "model.safetensors", files, tensors, err));
        return evk_tensor_list_index(tensors, dir, err);
    }
    if (is_there(dir, "model.safetensors.index.json"))
        return read_shards(dir, files, tensors, err);
    const bool pickled = is_there(dir, "pytorch_model.bin") || is_there(dir, "pytorch_model.bin.index.json");
    return evk_fail(err, pickled ? EVOKE_EUNSUPPORTED : EVOKE_EIO, "open model folder: %s (%s)", pickled ?
                    "pytorch_model.bin is not read; save the model as safetensors" : "it has no model.safetensors", dir);
}
