/* layers/tokenizers/tokenizer_gguf.c: a tokenizer from the metadata of a GGUF file (tokenizer.ggml.*). */
#include "layers/tokenizers/tokenizer_gguf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char TOKENS[] = "tokenizer.ggml.tokens", TYPES[] = "tokenizer.ggml.token_type",
                  SCORES[] = "tokenizer.ggml.scores";

evoke_status evk_gguf_array(const evoke_weights *w, const char *key, const evk_meta **out, evoke_error *err)
{
    *out = evk_meta_array(w, key);
    if (*out)
        return EVOKE_OK;
    return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %s %s (%s)", key,
                    evk_meta_has(w, key) ? "is no array" : "is missing", evk_weights_path(w));
}

static evk_token_kind kind_of(evk_gguf_token_type type)
{
    return type == EVK_GGUF_CONTROL || type == EVK_GGUF_UNKNOWN ? EVK_TOKEN_CONTROL
         : type == EVK_GGUF_USER                                ? EVK_TOKEN_USER
                                                                : EVK_TOKEN_NORMAL;
}

/* An array with an element for each of n tokens. */
static evoke_status find_by_token(const evoke_weights *w, const char *key, size_t n, const evk_meta **out, evoke_error *err)
{
    EVK_TRY(evk_gguf_array(w, key, out, err));
    return (*out)->n == n ? EVOKE_OK : evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %zu tokens, but %zu in %s (%s)", n,
                                                (*out)->n, key, evk_weights_path(w));
}

evoke_status evk_gguf_find_scores(const evoke_weights *w, size_t n_tokens, evk_gguf_scores *out, evoke_error *err)
{
    *out = (evk_gguf_scores){ .where = evk_weights_path(w) };
    EVK_TRY(find_by_token(w, TYPES, n_tokens, &out->types, err));
    return find_by_token(w, SCORES, n_tokens, &out->scores, err);
}

evoke_status evk_gguf_type(const evk_gguf_scores *s, size_t i, evk_gguf_token_type *out, evoke_error *err)
{
    uint64_t type = 0;
    if (!evk_meta_element_u64(s->types, i, &type) || type > EVK_GGUF_BYTE)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: token %zu has no type of 0..6 (%s)", i, s->where);
    *out = (evk_gguf_token_type)type;
    return EVOKE_OK;
}

evoke_status evk_gguf_score(const evk_gguf_scores *s, size_t i, double *out, evoke_error *err)
{
    if (!evk_meta_element_f64(s->scores, i, out) || isnan(*out))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: the score of token %zu is no number (%s)", i, s->where);
    return EVOKE_OK;
}

static evoke_status read_tokens(const evoke_weights *w, const evk_meta *texts, evk_token *tokens, evoke_error *err)
{
    evk_gguf_scores s = { .where = evk_weights_path(w) };
    if (evk_meta_has(w, TYPES))
        EVK_TRY(find_by_token(w, TYPES, texts->n, &s.types, err));
    for (size_t i = 0; i < texts->n; i++) {
        evk_gguf_token_type type = EVK_GGUF_NORMAL;
        if (!evk_meta_element_string(texts, i, &tokens[i].text, &tokens[i].n))
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %s holds no strings (%s)", TOKENS, s.where);
        if (s.types)
            EVK_TRY(evk_gguf_type(&s, i, &type, err));
        tokens[i].kind = tokens[i].n > 0 ? kind_of(type) : EVK_TOKEN_UNUSED;
    }
    return EVOKE_OK;
}

/* Which added tokens take the white space after them: a GGUF file does not say, and the folders that these are made from do. */
static const struct { const char *arch, *model, *not[4]; } strips_right[] = {
    { "phi3", "llama", { "<unk>", "<s>", "<|endoftext|>" } },      /* so does llama.cpp, by the model's name */
};

static bool is_text(const evk_token *t, const char *text)
{
    return t->n == strlen(text) && memcmp(t->text, text, t->n) == 0;
}

/* Those of the file's tokens that do not, NULL after the last; NULL: none does. */
static const char *const *find_exceptions(const evoke_weights *w)
{
    const char *arch = evk_meta_string(w, "general.architecture"), *model = evk_meta_string(w, "tokenizer.ggml.model");
    for (size_t i = 0; arch && model && i < sizeof strips_right / sizeof *strips_right; i++)
        if (strcmp(arch, strips_right[i].arch) == 0 && strcmp(model, strips_right[i].model) == 0)
            return strips_right[i].not;
    return NULL;
}

static bool takes_space(const char *const *not, const evk_token *t)
{
    bool it = not != NULL;
    for (; it && *not; not++)
        it = !is_text(t, *not);
    return it;
}

static evoke_status read_vocabulary(evoke_tokenizer *t, const evoke_weights *w, evoke_error *err)
{
    const evk_meta *texts = NULL;
    EVK_TRY(evk_gguf_array(w, TOKENS, &texts, err));
    const size_t n = texts->n;
    const char *const *exceptions = find_exceptions(w);
    evk_token *tokens = NULL;
    EVK_TRY(evk_alloc(&tokens, n, sizeof *tokens, "open tokenizer", err));
    evoke_status st = read_tokens(w, texts, tokens, err);
    if (st == EVOKE_OK)
        st = evk_vocabulary_build(&t->vocabulary, tokens, n, evk_weights_path(w), err);
    for (size_t i = 0; i < n && st == EVOKE_OK; i++)
        if (tokens[i].kind == EVK_TOKEN_CONTROL || tokens[i].kind == EVK_TOKEN_USER)
            st = evk_added_tokens_add(&t->added, tokens[i].text,
                                      &(evk_added_token){ .n = tokens[i].n, .id = (int32_t)i,
                                                          .control = tokens[i].kind == EVK_TOKEN_CONTROL,
                                                          .strip_right = takes_space(exceptions, &tokens[i]) }, err);
    evk_added_tokens_sort(&t->added);
    free(tokens);
    return st;
}

evoke_status evk_gguf_id(const evoke_tokenizer *t, const evoke_weights *w, const char *key, int32_t *id,
                         evoke_error *err)
{
    uint64_t value = 0;
    if (!evk_meta_has(w, key))
        return EVOKE_OK;
    if (!evk_meta_u64(w, key, &value) || value >= t->vocabulary.n)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %s is no id below %zu (%s)", key, t->vocabulary.n,
                        evk_weights_path(w));
    *id = (int32_t)value;
    return EVOKE_OK;
}

evoke_status evk_gguf_flag(const evoke_weights *w, const char *key, bool *flag, evoke_error *err)
{
    if (evk_meta_has(w, key) && !evk_meta_bool(w, key, flag))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %s is no flag (%s)", key, evk_weights_path(w));
    return EVOKE_OK;
}

static evoke_status read_special(evoke_tokenizer *t, const evoke_weights *w, bool add_bos, bool add_eos,
                                 evoke_error *err)
{
    int32_t turn = -1;
    EVK_TRY(evk_gguf_id(t, w, "tokenizer.ggml.bos_token_id", &t->bos, err));
    EVK_TRY(evk_gguf_id(t, w, "tokenizer.ggml.eos_token_id", &t->eos, err));
    EVK_TRY(evk_gguf_id(t, w, "tokenizer.ggml.eot_token_id", &turn, err));
    EVK_TRY(evk_gguf_flag(w, "tokenizer.ggml.add_bos_token", &add_bos, err));
    EVK_TRY(evk_gguf_flag(w, "tokenizer.ggml.add_eos_token", &add_eos, err));
    if (add_bos && t->bos >= 0)
        EVK_TRY(evk_affix_add(&t->prefix, t->bos, err));
    if (add_eos && t->eos >= 0)
        EVK_TRY(evk_affix_add(&t->suffix, t->eos, err));
    EVK_TRY(evk_tokenizer_mark_ends(t, err));
    if (turn >= 0)
        t->is_end[turn] = true;
    return EVOKE_OK;
}

/* *text is NULL where the key is not there. */
static evoke_status read_string(const evoke_weights *w, const char *key, const char **text, evoke_error *err)
{
    *text = evk_meta_string(w, key);
    if (!*text && evk_meta_has(w, key))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %s is no string (%s)", key, evk_weights_path(w));
    return EVOKE_OK;
}

static evoke_status read_template(evoke_tokenizer *t, const evoke_weights *w, evoke_error *err)
{
    const char *text = NULL;
    EVK_TRY(read_string(w, "tokenizer.chat_template", &text, err));
    if (!text)
        return EVOKE_OK;
    const size_t n = strlen(text);
    EVK_TRY(evk_alloc(&t->template_text, n + 1, 1, "open tokenizer", err));
    memcpy(t->template_text, text, n);
    return EVOKE_OK;
}

static evoke_status fill(evoke_tokenizer *t, const evoke_weights *w, evoke_error *err)
{
    const char *model = NULL;
    bool add_bos = false, add_eos = false;
    EVK_TRY(read_string(w, "tokenizer.ggml.model", &model, err));
    if (!model)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: no tokenizer in the file: tokenizer.ggml.model is missing "
                        "(%s)", evk_weights_path(w));
    const evk_tokenizer_kind *kind = evk_tokenizer_kind_find(model, true);
    if (!kind)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: tokenizer.ggml.model '%.60s' is not supported (%s)",
                        model, evk_weights_path(w));
    EVK_TRY(read_vocabulary(t, w, err));
    t->kind = kind;
    EVK_TRY(kind->open_gguf(t, w, &add_bos, &add_eos, err));
    EVK_TRY(read_special(t, w, add_bos, add_eos, err));
    return read_template(t, w, err);
}

evoke_status evk_tokenizer_from_gguf(const evoke_weights *w, evoke_tokenizer **out, evoke_error *err)
{
    evoke_tokenizer *t = NULL;
    *out = NULL;
    EVK_TRY(evk_alloc(&t, 1, sizeof *t, "open tokenizer", err));
    t->bos = t->eos = -1;
    const evoke_status st = fill(t, w, err);
    if (st == EVOKE_OK)
        *out = t;
    else
        evoke_tokenizer_free(t);
    return st;
}
