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

static evoke_status read_template(evoke_encoder *e, evoke_error *err)
{
    char *path = NULL;
    json_t *json = NULL;
    EVK_TRY(evk_join_path(e->path, "tokenizer.json", &path, err));
    evoke_status st = evk_json_load_model_file(path, &json, err);
    if (st == EVOKE_OK)
        st = evk_text_template_read(json, path, &e->single, &e->pair, err);
    json_decref(json);
    free(path);
    return st;
}

/* A GGUF file says no template: what its tokenizer puts around an empty text, and around the second one again. */
static evoke_status guess_template(evoke_encoder *e, evoke_error *err)
{
    evoke_ids around = { 0 };
    EVK_TRY(evoke_tokenize(e->tokenizer, "", 0, EVOKE_TOKENIZE_ADD_SPECIAL, &around, err));
    const size_t before = around.n > 1 ? around.n - 1 : 0;
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; st == EVOKE_OK && i < before; i++)
        st = evk_text_template_add(&e->single, around.ids[i], 0, err);
    if (st == EVOKE_OK)
        st = evk_text_template_add(&e->single, EVK_TEXT_A, 0, err);
    for (size_t i = before; st == EVOKE_OK && i < around.n; i++)
        st = evk_text_template_add(&e->single, around.ids[i], 0, err);
    e->pair = e->single;
    if (st == EVOKE_OK)
        st = evk_text_template_add(&e->pair, EVK_TEXT_B, 1, err);
    for (size_t i = before; st == EVOKE_OK && i < around.n; i++)
        st = evk_text_template_add(&e->pair, around.ids[i], 1, err);
    e->gives_types = e->config.n_type > 1;
    evoke_ids_free(&around);
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
    if (evk_weights_container(e->weights) == EVK_GGUF)
        return guess_template(e, err);
    EVK_TRY(read_config(e, err));
    return read_template(e, err);
}

/* ---- texts ---- */

/* How many of the first text's n tokens stay, so that all are at most `most` (0: as they are). */
static size_t kept(size_t n, size_t others, size_t most)
{
    const size_t all = n + others;
    return most == 0 || all <= most || all - most >= n ? n : n - (all - most);
}

static evoke_status compose(const evoke_encoder *e, const evk_text_template *t, const evoke_ids *a, const evoke_ids *b,
                            size_t most, evk_text_ids *out, evoke_error *err)
{
    const size_t stay = kept(a->n, b->n + t->n_special, most), n = stay + b->n + t->n_special;
    const evoke_ids first = { a->ids + (e->cut_left ? a->n - stay : 0), NULL, stay };
    out->cut = stay < a->n;
    EVK_TRY(evk_alloc(&out->ids, n, sizeof *out->ids, "tokenise", err));
    EVK_TRY(evk_alloc(&out->types, n, sizeof *out->types, "tokenise", err));
    for (size_t i = 0; i < t->n; i++) {
        const evk_text_piece *p = &t->pieces[i];
        const evoke_ids own = { (int32_t[]){ p->id }, NULL, 1 }, *part = p->id == EVK_TEXT_A ? &first : p->id == EVK_TEXT_B ? b : &own;
        for (size_t k = 0; k < part->n && out->n < n; k++, out->n++) {
            out->ids[out->n] = part->ids[k];
            out->types[out->n] = e->gives_types ? p->type : 0;
        }
    }
    return EVOKE_OK;
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
    evoke_ids a = { 0 }, b = { 0 };
    *out = (evk_text_ids){ .ids = NULL };
    if (!e->tokenizer)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "tokenise: the model has no tokenizer that this version reads: %.600s",
                        e->no_tokenizer.text);
    evoke_status st = evoke_tokenize(e->tokenizer, text, strlen(text), EVOKE_TOKENIZE_PARSE_SPECIAL, &a, err);
    if (st == EVOKE_OK && second)
        st = evoke_tokenize(e->tokenizer, second, strlen(second), EVOKE_TOKENIZE_PARSE_SPECIAL, &b, err);
    if (st == EVOKE_OK)
        st = compose(e, second ? &e->pair : &e->single, &a, &b, most, out, err);
    evoke_ids_free(&a);
    evoke_ids_free(&b);
    if (st != EVOKE_OK)
        evk_text_ids_free(out);
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
