/* layers/encoder/pooling.c: from the states of a text's tokens to one vector, as sentence-transformers folders say it.
 *
 *     modules.json                       the modules in order: a Transformer, a Pooling, perhaps a Normalize
 *     1_Pooling/config.json              how the tokens' vectors become one: the first token's, the largest, the mean, ...
 *     sentence_bert_config.json          the longest text, and whether it is put into lower case first
 *     config_sentence_transformers.json  a prompt that is put before every text
 *
 * (Reimers and Gurevych 2019, arXiv 1908.10084.) A folder without modules.json gets the mean, at unit length; a GGUF file
 * says it by its pooling_type, and llama.cpp makes unit length of all. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files/mapped.h"
#include "core/json.h"
#include "core/vector_norm.h"
#include "layers/encoder/encoder.h"

/* ---- files ---- */

/* DIR/SUB/NAME as an object or array; *out NULL where there is no such file. */
static evoke_status load(const char *dir, const char *sub, const char *name, json_t **out, evoke_error *err)
{
    char *folder = NULL, *path = NULL;
    *out = NULL;
    evoke_status st = *sub ? evk_join_path(dir, sub, &folder, err) : EVOKE_OK;
    if (st == EVOKE_OK)
        st = evk_join_path(folder ? folder : dir, name, &path, err);
    if (st == EVOKE_OK && access(path, F_OK) == 0)
        st = evk_json_load_model_file(path, out, err);
    free(folder);
    free(path);
    return st;
}

static evoke_status refuse(const char *dir, const char *what, const char *value, evoke_error *err)
{
    return evk_fail(err, EVOKE_EUNSUPPORTED, "read pooling: %s '%.80s' is not known to this version and may change the result "
                    "(%s)", what, value ? value : "?", dir);
}

/* The last part of a module's type: sentence_transformers.models.Pooling. */
static const char *module_type(const json_t *module)
{
    const char *type = json_string_value(json_object_get(module, "type"));
    const char *dot = type ? strrchr(type, '.') : NULL;
    return dot ? dot + 1 : type ? type : "?";
}

/* Where a module's own files are: a plain name within the folder, or "". */
static evoke_status module_path(const char *dir, const json_t *module, const char **out, evoke_error *err)
{
    *out = json_string_value(json_object_get(module, "path"));
    if (!*out || strchr(*out, '/') || strcmp(*out, "..") == 0 || strlen(*out) > 200)
        return evk_fail(err, EVOKE_EFORMAT, "read pooling: modules.json has a path that is no plain name (%s)", dir);
    return EVOKE_OK;
}

evoke_status evk_pooling_folder(const char *path, char **out, evoke_error *err)
{
    json_t *modules = NULL;
    const char *sub = "";
    struct stat s;
    const bool folder = stat(path, &s) == 0 && S_ISDIR(s.st_mode);
    evoke_status st = folder ? load(path, "", "modules.json", &modules, err) : EVOKE_OK;
    const json_t *first = json_array_get(modules, 0);
    if (st == EVOKE_OK && first && strcmp(module_type(first), "Transformer") == 0)
        st = module_path(path, first, &sub, err);
    if (st == EVOKE_OK)
        st = *sub ? evk_join_path(path, sub, out, err)
                  : (*out = strdup(path)) ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "open encoder: no memory");
    json_decref(modules);
    return st;
}

/* ---- modules ---- */

static const char *const mode_names[EVK_N_POOL] = {         /* pooling_mode; then as keys of older files */
    "cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken",
};
static const char *const mode_keys[EVK_N_POOL] = {
    "pooling_mode_cls_token", "pooling_mode_max_tokens", "pooling_mode_mean_tokens", "pooling_mode_mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken",
};

static evoke_status add_mode(const char *dir, const char *name, unsigned *modes, evoke_error *err)
{
    for (unsigned m = 0; name && m < EVK_N_POOL; m++)
        if (strcmp(mode_names[m], name) == 0) {
            *modes |= 1u << m;
            return EVOKE_OK;
        }
    return refuse(dir, "pooling_mode", name, err);
}

static evoke_status read_modes(const char *dir, const json_t *config, unsigned *modes, evoke_error *err)
{
    const json_t *mode = json_object_get(config, "pooling_mode");
    *modes = 0;
    if (json_is_array(mode))
        for (size_t i = 0; i < json_array_size(mode); i++)
            EVK_TRY(add_mode(dir, json_string_value(json_array_get(mode, i)), modes, err));
    else if (mode)
        EVK_TRY(add_mode(dir, json_string_value(mode), modes, err));
    for (unsigned m = 0; !mode && m < EVK_N_POOL; m++)
        *modes |= json_is_true(json_object_get(config, mode_keys[m])) ? 1u << m : 0;
    if (*modes == 0)
        *modes = 1u << EVK_POOL_MEAN;
    return EVOKE_OK;
}

static evoke_status read_pooling(evoke_encoder *e, const char *dir, const json_t *module, evoke_error *err)
{
    const char *sub = NULL;
    json_t *config = NULL;
    EVK_TRY(module_path(dir, module, &sub, err));
    evoke_status st = load(dir, sub, "config.json", &config, err);
    if (st == EVOKE_OK && !json_is_object(config))
        st = evk_fail(err, EVOKE_EFORMAT, "read pooling: there is no %s/config.json (%s)", sub, dir);
    if (st == EVOKE_OK)
        st = read_modes(dir, config, &e->pooling.modes, err);
    if (st == EVOKE_OK && e->pooling.prompt && json_is_false(json_object_get(config, "include_prompt")))
        st = refuse(dir, "include_prompt", "false", err);
    json_decref(config);
    return st;
}

static evoke_status read_modules(evoke_encoder *e, const char *dir, const json_t *modules, evoke_error *err)
{
    e->pooling.normalise = false;
    for (size_t i = 0; i < json_array_size(modules); i++) {
        const json_t *module = json_array_get(modules, i);
        const char *type = module_type(module);
        if (i > 0 && strcmp(type, "Pooling") == 0 && !e->pooling.normalise)
            EVK_TRY(read_pooling(e, dir, module, err));
        else if (i > 0 && strcmp(type, "Normalize") == 0)
            e->pooling.normalise = true;
        else if (i > 0 || strcmp(type, "Transformer") != 0)
            return refuse(dir, "the module", type, err);
    }
    return EVOKE_OK;
}

/* The Transformer's own settings, under one of the names that versions gave the file. */
static evoke_status read_transformer(evoke_encoder *e, const char *dir, evoke_error *err)
{
    static const char *const files[] = {
        "sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json",
        "sentence_xlm-roberta_config.json",
    };
    json_t *config = NULL;
    for (size_t i = 0; !config && i < sizeof files / sizeof *files; i++)
        EVK_TRY(load(dir, "", files[i], &config, err));
    const json_t *most = json_object_get(config, "max_seq_length");
    const char *task = json_string_value(json_object_get(config, "transformer_task"));
    if (json_is_integer(most) && json_integer_value(most) > 0)
        e->pooling.max_tokens = (size_t)json_integer_value(most);
    e->pooling.lower_case = json_is_true(json_object_get(config, "do_lower_case"));
    const evoke_status st = task && strcmp(task, "feature-extraction") != 0 ? refuse(dir, "transformer_task", task, err) : EVOKE_OK;
    json_decref(config);
    return st;
}

static evoke_status read_prompt(evoke_encoder *e, const char *dir, evoke_error *err)
{
    json_t *config = NULL;
    EVK_TRY(load(dir, "", "config_sentence_transformers.json", &config, err));
    const char *name = json_string_value(json_object_get(config, "default_prompt_name"));
    const char *text = name ? json_string_value(json_object_get(json_object_get(config, "prompts"), name)) : NULL;
    evoke_status st = EVOKE_OK;
    if (text && *text && !(e->pooling.prompt = strdup(text)))
        st = evk_fail(err, EVOKE_ENOMEM, "read pooling: no memory (%s)", dir);
    json_decref(config);
    return st;
}

static evoke_status read_gguf(evoke_encoder *e, evoke_error *err)
{
    static const unsigned by_number[] = { EVK_POOL_MEAN, EVK_POOL_MEAN, EVK_POOL_CLS, EVK_POOL_LAST, EVK_POOL_CLS };
    char key[128];
    uint64_t type = 0;
    snprintf(key, sizeof key, "%s.pooling_type", e->family->gguf_arch);
    if (!evk_meta_u64(e->weights, key, &type))
        return EVOKE_OK;
    if (type >= sizeof by_number / sizeof *by_number)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "read pooling: '%s' = %llu is not known to this version (%s)", key,
                        (unsigned long long)type, e->path);
    e->pooling.modes = 1u << by_number[type];
    return EVOKE_OK;
}

evoke_status evk_pooling_read(evoke_encoder *e, const char *path, evoke_error *err)
{
    json_t *modules = NULL;
    struct stat s;
    e->pooling.modes = 1u << EVK_POOL_MEAN;
    e->pooling.normalise = true;
    if (evk_weights_container(e->weights) == EVK_GGUF)
        return read_gguf(e, err);
    const char *dir = stat(path, &s) == 0 && S_ISDIR(s.st_mode) ? path : e->path;   /* a config.json names its folder */
    EVK_TRY(load(dir, "", "modules.json", &modules, err));
    evoke_status st = EVOKE_OK;
    if (json_array_size(modules) > 0) {
        st = read_prompt(e, dir, err);
        if (st == EVOKE_OK)
            st = read_modules(e, dir, modules, err);
        if (st == EVOKE_OK)
            st = read_transformer(e, e->path, err);
    } else if (modules) {
        st = evk_fail(err, EVOKE_EFORMAT, "read pooling: modules.json is no list of modules (%s)", dir);
    }
    json_decref(modules);
    return st;
}

/* ---- pooling ---- */

void evk_mean_rows(const float *x, size_t n, size_t d, float *out)
{
    for (size_t i = 0; i < d; i++) {
        double sum = 0;
        for (size_t t = 0; t < n; t++)
            sum += (double)x[t * d + i];
        out[i] = (float)(sum / (double)n);
    }
}

void evk_unit_length(float *x, size_t n)
{
    double length = 0;
    for (size_t i = 0; i < n; i++)
        length += (double)x[i] * (double)x[i];
    length = sqrt(length);
    for (size_t i = 0; length > 1e-12 && i < n; i++)
        x[i] = (float)((double)x[i] / length);
}

static void weighted_rows(const float *x, size_t n, size_t d, float *out)
{
    const double all = (double)n * (double)(n + 1) / 2;
    for (size_t i = 0; i < d; i++) {
        double sum = 0;
        for (size_t t = 0; t < n; t++)
            sum += (double)(t + 1) * (double)x[t * d + i];
        out[i] = (float)(sum / all);
    }
}

static void largest_rows(const float *x, size_t n, size_t d, float *out)
{
    memcpy(out, x, d * sizeof *x);
    for (size_t t = 1; t < n; t++)
        for (size_t i = 0; i < d; i++)
            out[i] = x[t * d + i] > out[i] ? x[t * d + i] : out[i];
}

static void pool_one(evk_pooling_mode mode, const float *x, size_t n, size_t d, float *out)
{
    switch (mode) {
    case EVK_POOL_CLS:      memcpy(out, x, d * sizeof *x); return;
    case EVK_POOL_LAST:     memcpy(out, x + (n - 1) * d, d * sizeof *x); return;
    case EVK_POOL_MAX:      largest_rows(x, n, d, out); return;
    case EVK_POOL_WEIGHTED: weighted_rows(x, n, d, out); return;
    default:                evk_mean_rows(x, n, d, out);
    }
    for (size_t i = 0; mode == EVK_POOL_MEAN_SQRT && i < d; i++)
        out[i] = (float)((double)out[i] * sqrt((double)n));
}

void evk_pool(const evoke_encoder *e, const float *x, size_t n, float *out)
{
    const size_t d = e->config.d_model;
    float *part = out;
    for (unsigned m = 0; m < EVK_N_POOL; m++)
        if (e->pooling.modes >> m & 1u) {
            pool_one((evk_pooling_mode)m, x, n, d, part);
            part += d;
        }
    if (e->pooling.normalise)
        evk_unit_length(out, (size_t)(part - out));
}
