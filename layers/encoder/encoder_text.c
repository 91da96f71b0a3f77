/* layers/encoder/encoder_text.c: the tokenizer beside an encoder, and texts as the model reads them.
 *
 * One text, or two, each to ids by itself; then the special tokens around them. What is too long loses tokens of the first
 * text alone, at its end (or at its beginning, where tokenizer_config.json says so), as transformers' pipelines have it; a
 * first text that is too short for that is left as it is. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/files/mapped.h"
#include "core/json.h"
#include "layers/encoder/encoder.h"
#include "layers/tokenizers/tokenizer.h"

/* ---- what the folder says ---- */

/* Do the tokenizer's segments reach the model? By model_input_names, or as transformers' class of that name has it. */
static bool gives_types(const evoke_encoder *e, const json_t *config)
{
    static const char *const without[] = { "Roberta", "XLMRoberta", "Bart", "DistilBert" };
    const json_t *names = json_object_get(config, "model_input_names");
    const char *class = json_string_value(json_object_get(config, "tokenizer_class"));
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name && strcmp(name, "token_type_ids") == 0)
            return true;
    }
    for (size_t i = 0; class && i < sizeof without / sizeof *without; i++)
        if (strncmp(class, without[i], strlen(without[i])) == 0)
            return false;
    return json_is_array(names) ? false : class ? true : !e->config.position_skips_pad && e->config.n_type > 0;
}

static evoke_status read_config(evoke_encoder *e, evoke_error *err)
{
    char *path = NULL;
    json_t *config = NULL;
    EVK_TRY(evk_join_path(e->path, "tokenizer_config.json", &path, err));
    const evoke_status st = access(path, F_OK) == 0 ? evk_json_load_model_file(path, &config, err) : EVOKE_OK;
    const double most = json_number_value(json_object_get(config, "model_max_length"));
    const char *side = json_string_value(json_object_get(config, "truncation_side"));
    if (most >= 1 && most < 1e9)
        e->tokenizer_limit = (size_t)most;
    e->cut_left = side && strcmp(side, "left") == 0;
    e->gives_types = gives_types(e, config);
    json_decref(config);
    free(path);
    return st;
}

evoke_status evk_encoder_open_tokenizer(evoke_encoder *e, evoke_error *err)
{
    const evoke_status st = evoke_tokenizer_open(e->path, &e->tokenizer, &e->no_tokenizer);
    if (st == EVOKE_EIO || st == EVOKE_EUNSUPPORTED)            /* ids still run; a text is then refused for this reason */
        return EVOKE_OK;
    if (st != EVOKE_OK) {
        if (err)
            *err = e->no_tokenizer;
        return st;
    }
    if (evk_weights_container(e->weights) != EVK_GGUF)
        return read_config(e, err);
    e->gives_types = e->config.n_type > 1;
    return EVOKE_OK;
}

/* ---- texts ---- */

/* Where the first text begins: behind the special tokens before it. */
static size_t first_text(const evoke_tokenizer *t, bool pair)
{
    const evk_frame *f = pair ? &t->pair : &t->single;
    size_t n = 0;
    while (n < f->n && f->item[n].slot == EVK_SLOT_TOKEN)
        n++;
    return f->n ? n : t->prefix.n;
}

/* Takes tokens of the first text, [at, at + n_text), away until `most` are left, where it has so many. */
static void shorten(const evoke_encoder *e, size_t at, size_t n_text, size_t most, evk_text_ids *t)
{
    const size_t less = t->n - most, from = e->cut_left ? at : at + n_text - less;
    if (less >= n_text || at + n_text > t->n)
        return;
    memmove(t->ids + from, t->ids + from + less, (t->n - from - less) * sizeof *t->ids);
    memmove(t->types + from, t->types + from + less, (t->n - from - less) * sizeof *t->types);
    t->n = most;
    t->cut = true;
}

void evk_text_ids_free(evk_text_ids *t)
{
    free(t->ids);
    free(t->types);
    *t = (evk_text_ids){ .ids = NULL };
}

evoke_status evk_encoder_tokenize(const evoke_encoder *e, const char *text, const char *second, size_t most, evk_text_ids *out,
                                  evoke_error *err)
{
    evoke_ids all = { 0 }, own = { 0 };
    *out = (evk_text_ids){ .ids = NULL };
    if (!e->tokenizer)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "tokenise: the model has no tokenizer that this version reads: %.600s",
                        e->no_tokenizer.text);
    EVK_TRY(evoke_tokenize_pair(e->tokenizer, text, strlen(text), second, second ? strlen(second) : 0, 0, &all, &out->types, err));
    out->ids = all.ids;
    out->n = all.n;
    all.ids = NULL;
    evoke_ids_free(&all);
    if (!e->gives_types && out->n > 0)
        memset(out->types, 0, out->n * sizeof *out->types);
    if (most == 0 || out->n <= most)
        return EVOKE_OK;
    const evoke_status st = evoke_tokenize(e->tokenizer, text, strlen(text), EVOKE_TOKENIZE_PARSE_SPECIAL, &own, err);
    if (st == EVOKE_OK)
        shorten(e, first_text(e->tokenizer, second != NULL), own.n, most, out);
    else
        evk_text_ids_free(out);
    evoke_ids_free(&own);
    return st;
}

evoke_status evoke_encoder_tokenize(const evoke_encoder *e, const char *text, const char *second, size_t most, int32_t **ids,
                                    int32_t **types, size_t *n, bool *cut, evoke_error *err)
{
    evk_text_ids t;
    const evoke_status st = evk_encoder_tokenize(e, text, second, most, &t, err);
    *ids = t.ids;
    *types = t.types;
    *n = t.n;
    if (cut)
        *cut = t.cut;
    return st;
}
