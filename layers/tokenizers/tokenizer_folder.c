/* layers/tokenizers/tokenizer_folder.c: a tokenizer from a folder of Hugging Face.
 *
 *     tokenizer.json           the tokenizer (tokenizer_json.c); its post_processor alone says which tokens stand around a
 *                              text: transformers 5 does not read add_bos_token and add_eos_token beside it
 *     tokenizer_config.json    bos_token, eos_token; more tokens (folder_tokens.c); chat_template: a text, or a list of
 *                              {name, template}
 *     special_tokens_map.json, added_tokens.json    of older folders: the same tokens (folder_tokens.c)
 *     generation_config.json   eos_token_id: the ids that end a response, one or a list
 *     config.json              bos_token_id, eos_token_id, where the above say nothing
 *     chat_template.jinja      the chat template; it goes before tokenizer_config.json's
 * All but the first may be missing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/json.h"
#include "core/text.h"
#include "layers/tokenizers/tokenizer.h"

static const size_t TEMPLATE_LIMIT = (size_t)16 << 20;

static evoke_status join_path(const char *folder, const char *name, char **out, evoke_error *err)
{
    const size_t n = strlen(folder) + strlen(name) + 2;
    EVK_TRY(evk_alloc(out, n, 1, "open tokenizer", err));
    snprintf(*out, n, "%s/%s", folder, name);
    return EVOKE_OK;
}

/* A JSON object of the folder; *out NULL where there is no such file. */
static evoke_status load_optional(const char *folder, const char *name, json_t **out, evoke_error *err)
{
    char *path = NULL;
    *out = NULL;
    EVK_TRY(join_path(folder, name, &path, err));
    evoke_status st = access(path, F_OK) == 0 ? evk_json_load_model_file(path, out, err) : EVOKE_OK;
    if (st == EVOKE_OK && *out && !json_is_object(*out))
        st = evk_fail(err, EVOKE_EFORMAT, "open tokenizer: no JSON object (%s)", path);
    free(path);
    return st;
}

/* "bos_token": a text, or an object with its content. */
static int32_t named_token(const evoke_tokenizer *t, const json_t *value)
{
    const char *text = json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
    return text ? evk_tokenizer_find(t, text) : -1;
}

/* The id that a value holds, or the first of a list; -1: none of the vocabulary. */
static int32_t id_value(const evoke_tokenizer *t, const json_t *value)
{
    if (json_is_array(value))
        value = json_array_get(value, 0);
    const bool known = json_is_integer(value) && json_integer_value(value) >= 0 &&
                       (size_t)json_integer_value(value) < t->vocabulary.n;
    return known ? (int32_t)json_integer_value(value) : -1;
}

static void mark_generation_ends(evoke_tokenizer *t, const json_t *generation)
{
    const json_t *value = json_object_get(generation, "eos_token_id");
    const size_t n = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < n; i++) {
        const int32_t id = id_value(t, json_is_array(value) ? json_array_get(value, i) : value);
        if (id >= 0)
            t->is_end[id] = true;
    }
}

static evoke_status copy_text(const char *text, char **out, evoke_error *err)
{
    const size_t n = strlen(text);
    EVK_TRY(evk_alloc(out, n + 1, 1, "open tokenizer", err));
    memcpy(*out, text, n);
    return EVOKE_OK;
}

/* "chat_template": a text, or a list of {name, template}, of which "default" is taken, else the first. */
static const char *config_template(const json_t *config)
{
    const json_t *value = json_object_get(config, "chat_template"), *taken = json_array_get(value, 0);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(value, i), "name"));
        if (name && strcmp(name, "default") == 0)
            taken = json_array_get(value, i);
    }
    return json_string_value(json_is_array(value) ? json_object_get(taken, "template") : value);
}

static evoke_status read_template(evoke_tokenizer *t, const char *folder, const json_t *config, evoke_error *err)
{
    char *path = NULL;
    EVK_TRY(join_path(folder, "chat_template.jinja", &path, err));
    evoke_text text = {0};
    evoke_status st = EVOKE_OK;
    const bool own_file = access(path, F_OK) == 0;
    if (own_file)
        st = evk_check_regular(path, err);
    if (st == EVOKE_OK && own_file)
        st = evk_read_file(path, TEMPLATE_LIMIT, &text, err);
    if (st == EVOKE_OK && own_file && memchr(text.data, '\0', text.n))
        st = evk_fail(err, EVOKE_EFORMAT, "open tokenizer: the chat template holds a NUL (%s)", path);
    const char *found = own_file ? text.data : config_template(config);
    if (st == EVOKE_OK && found)
        st = copy_text(found, &t->template_text, err);
    evoke_text_free(&text);
    free(path);
    return st;
}

typedef struct folder_files { json_t *tokenizer, *config, *map, *added, *generation, *model; } folder_files;

static void free_files(folder_files *f)
{
    json_t *const all[] = { f->tokenizer, f->config, f->map, f->added, f->generation, f->model };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        json_decref(all[i]);
}

static evoke_status load_files(const char *folder, folder_files *f, evoke_error *err)
{
    const struct { const char *name; json_t **out; } all[] = {
        { "tokenizer_config.json", &f->config }, { "special_tokens_map.json", &f->map }, { "added_tokens.json", &f->added },
        { "generation_config.json", &f->generation }, { "config.json", &f->model },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        EVK_TRY(load_optional(folder, all[i].name, all[i].out, err));
    if (json_is_object(json_object_get(f->config, "added_tokens_decoder"))) {      /* it says all that these would */
        json_decref(f->map);
        f->map = NULL;
    }
    return EVOKE_OK;
}

static evoke_status follow_configs(evoke_tokenizer *t, const char *folder, const folder_files *f, evoke_error *err)
{
    const json_t *const others[] = { f->generation, f->model };
    t->bos = named_token(t, evk_special_token(f->config, f->map, "bos_token"));
    t->eos = named_token(t, evk_special_token(f->config, f->map, "eos_token"));
    for (size_t i = 0; i < 2; i++) {
        t->bos = t->bos >= 0 ? t->bos : id_value(t, json_object_get(others[i], "bos_token_id"));
        t->eos = t->eos >= 0 ? t->eos : id_value(t, json_object_get(others[i], "eos_token_id"));
    }
    mark_generation_ends(t, f->generation);
    EVK_TRY(evk_tokenizer_mark_ends(t, err));
    return read_template(t, folder, f->config, err);
}

evoke_status evk_tokenizer_from_folder(const char *folder, const char *json_path, evoke_tokenizer **out,
                                       evoke_error *err)
{
    char *path = NULL;
    folder_files f = {0};
    *out = NULL;
    EVK_TRY(json_path ? copy_text(json_path, &path, err) : join_path(folder, "tokenizer.json", &path, err));
    evoke_status st = access(path, F_OK) == 0 ? evk_json_load_model_file(path, &f.tokenizer, err)
                    : evk_fail(err, EVOKE_EIO, "open tokenizer: the folder holds no tokenizer.json (%s)", folder);
    if (st == EVOKE_OK && !json_is_object(f.tokenizer))
        st = evk_fail(err, EVOKE_EFORMAT, "open tokenizer: no JSON object (%s)", path);
    if (st == EVOKE_OK)
        st = load_files(folder, &f, err);
    if (st == EVOKE_OK)
        st = evk_folder_tokens(f.tokenizer, f.config, f.map, f.added, folder, err);
    if (st == EVOKE_OK)
        st = evk_tokenizer_from_json(f.tokenizer, path, out, err);
    if (st == EVOKE_OK)
        st = follow_configs(*out, folder, &f, err);
    if (st != EVOKE_OK) {
        evoke_tokenizer_free(*out);
        *out = NULL;
    }
    free_files(&f);
    free(path);
    return st;
}
