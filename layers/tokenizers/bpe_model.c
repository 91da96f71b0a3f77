/* layers/tokenizers/bpe_model.c: BPE by a list of merges, from GGUF files and from tokenizer.json.
 *
 * A merge names two tokens; the rank is its place in the list, and the result is the token that both together are. In
 * tokenizer.json of a pair that comes twice the last counts, in GGUF (llama.cpp) the first. A right side loses
 * continuing_subword_prefix before it is joined: "un" "##able" is "unable". */
#include "layers/tokenizers/bpe_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

evoke_status evk_bpe_model_new(evoke_tokenizer *t, size_t n_merges, evk_bpe_model **out, evoke_error *err)
{
    EVK_TRY(evk_alloc(&t->model, 1, sizeof(evk_bpe_model), "open tokenizer", err));
    *out = t->model;
    (*out)->unknown = -1;
    return evk_bpe_init(&(*out)->merges, n_merges, err);
}

void evk_bpe_model_close(evoke_tokenizer *t)
{
    evk_bpe_model *m = t->model;
    if (m) {
        evk_bpe_free(&m->merges);
        evk_joints_free(&m->joints);
        free(m->prefix);
        free(m->suffix);
    }
    free(m);
    t->model = NULL;
}

/* ---- merges ---- */
typedef struct merge_text { const char *left, *right; size_t n_left, n_right; } merge_text;

/* "ab cd": the space after the first character parts them. */
static bool part_merge(const char *text, size_t n, merge_text *out)
{
    const char *space = n > 2 ? memchr(text + 1, ' ', n - 1) : NULL;
    if (!space || space + 1 == text + n)
        return false;
    *out = (merge_text){ text, space + 1, (size_t)(space - text), n - (size_t)(space - text) - 1 };
    return true;
}

/* As much of a text as a message shows. */
static int shown(size_t n) { return n < 60 ? (int)n : 60; }

static evoke_status add_merge(evoke_tokenizer *t, const merge_text *m, size_t rank, const char *where, evoke_error *err)
{
    const evk_vocabulary *v = &t->vocabulary;
    evk_bpe_model *model = t->model;
    const int32_t left = evk_vocabulary_find(v, m->left, m->n_left);
    const int32_t right = evk_vocabulary_find(v, m->right, m->n_right);
    if (m->n_right < model->n_prefix)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: the right side of merge %zu is shorter than "
                        "continuing_subword_prefix (%s)", rank, where);
    const char *joined = m->right + model->n_prefix;
    const size_t n_joined = m->n_right - model->n_prefix;
    const int32_t merged = evk_vocabulary_find_pair(v, m->left, m->n_left, joined, n_joined);
    if (left < 0 || right < 0)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: merge %zu needs '%.*s', which is no token (%s)", rank,
                        shown(left < 0 ? m->n_left : m->n_right), left < 0 ? m->left : m->right, where);
    if (merged < 0)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: merge %zu needs '%.*s%.*s', which is no token (%s)", rank,
                        shown(m->n_left), m->left, shown(n_joined), joined, where);
    evk_bpe_add(&model->merges, left, right, (uint32_t)rank, merged);
    if (model->joints.bit) {
        size_t n = 0;
        const char *text = evk_vocabulary_text(v, merged, &n);
        evk_joints_add(&model->joints, text, n);
    }
    return EVOKE_OK;
}

evoke_status evk_bpe_model_add(evoke_tokenizer *t, const char *text, size_t n, size_t i, const char *where,
                               evoke_error *err)
{
    merge_text merge;
    if (!part_merge(text, n, &merge))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: merge %zu is not two texts and a space (%s)", i, where);
    return add_merge(t, &merge, i, where, err);
}

/* ---- tokenizer.json ---- */

/* A merge: "ab cd" or ["ab", "cd"]. */
static bool merge_from_json(const json_t *value, merge_text *out)
{
    if (json_is_string(value))
        return part_merge(json_string_value(value), json_string_length(value), out);
    const json_t *left = json_array_get(value, 0), *right = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !json_is_string(left) || !json_is_string(right))
        return false;
    *out = (merge_text){ json_string_value(left), json_string_value(right), json_string_length(left),
                         json_string_length(right) };
    return true;
}

static evoke_status read_merges(evoke_tokenizer *t, const json_t *merges, const char *where, evoke_error *err)
{
    for (size_t i = json_array_size(merges); i-- > 0;) {        /* from the last, for the first added holds */
        merge_text merge;
        if (!merge_from_json(json_array_get(merges, i), &merge))
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: merge %zu is no pair of texts (%s)", i, where);
        EVK_TRY(add_merge(t, &merge, i, where, err));
    }
    return EVOKE_OK;
}

static evoke_status refuse_dropout(const json_t *model, const char *where, evoke_error *err)
{
    const json_t *dropout = json_object_get(model, "dropout");
    if (dropout && !json_is_null(dropout) && !(json_is_number(dropout) && json_number_value(dropout) == 0))
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: BPE with dropout is not supported (%s)", where);
    return EVOKE_OK;
}

/* continuing_subword_prefix, end_of_word_suffix: null or missing is none. */
static evoke_status read_affix(const json_t *model, const char *key, char **text, size_t *n, const char *where,
                               evoke_error *err)
{
    const json_t *value = json_object_get(model, key);
    if (value && !json_is_null(value) && !json_is_string(value))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %s is no text (%s)", key, where);
    *n = json_string_length(value);
    EVK_TRY(evk_alloc(text, *n + 1, 1, "open tokenizer", err));
    if (*n > 0)
        memcpy(*text, json_string_value(value), *n);
    return EVOKE_OK;
}

static evoke_status read_unknown(evoke_tokenizer *t, const json_t *model, const char *where, evoke_error *err)
{
    evk_bpe_model *m = t->model;
    const json_t *unknown = json_object_get(model, "unk_token");
    EVK_TRY(evk_json_flag(model, "fuse_unk", &m->fuse_unknown, where, err));
    if (!unknown || json_is_null(unknown) || (json_is_string(unknown) && json_string_length(unknown) == 0))
        return EVOKE_OK;
    if (json_is_string(unknown))
        m->unknown = evk_vocabulary_find(&t->vocabulary, json_string_value(unknown), json_string_length(unknown));
    return m->unknown >= 0 ? EVOKE_OK
                           : evk_fail(err, EVOKE_EFORMAT, "open tokenizer: unk_token is no token (%s)", where);
}

evoke_status evk_bpe_model_json(evoke_tokenizer *t, const json_t *json, const char *where, evoke_error *err)
{
    const json_t *model = json_object_get(json, "model"), *merges = json_object_get(model, "merges");
    bool byte_level = false;
    evk_bpe_model *m = NULL;
    EVK_TRY(refuse_dropout(model, where, err));
    if (!json_is_array(merges))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: model.merges is missing or no array (%s)", where);
    EVK_TRY(evk_bpe_model_new(t, json_array_size(merges), &m, err));
    EVK_TRY(evk_json_pretokenizer(json_object_get(json, "pre_tokenizer"), &t->pretokenizer, &byte_level, where, err));
    EVK_TRY(evk_json_flag(model, "byte_fallback", &m->byte_fallback, where, err));
    EVK_TRY(evk_json_flag(model, "ignore_merges", &m->whole_words, where, err));
    EVK_TRY(read_affix(model, "continuing_subword_prefix", &m->prefix, &m->n_prefix, where, err));
    EVK_TRY(read_affix(model, "end_of_word_suffix", &m->suffix, &m->n_suffix, where, err));
    EVK_TRY(read_unknown(t, model, where, err));
    if (byte_level && (m->byte_fallback || m->n_prefix || m->n_suffix)) {       /* characters of the bytes' alphabet */
        EVK_TRY(evk_pretokenizer_bytes(&t->pretokenizer, err));
        byte_level = false;
    }
    t->kind = byte_level ? &evk_byte_bpe : &evk_char_bpe;
    if (!byte_level && !m->n_prefix && !m->n_suffix)
        EVK_TRY(evk_joints_init(&m->joints, err));
    evk_byte_tokens_find(&m->bytes, &t->vocabulary);
    snprintf(t->name, sizeof t->name, "%s (tokenizer.json)", t->kind->name);
    return read_merges(t, merges, where, err);
}

/* ---- encode ---- */
evoke_status evk_bpe_model_finish(const evk_bpe_model *m, const evk_passage *p, evk_span word, evk_bpe_scratch *s,
                                  evk_sink *out, evoke_error *err)
{
    EVK_TRY(evk_bpe_merge(evk_bpe_listed, &m->merges, s, err));
    for (uint32_t i = s->first; i != EVK_NO_SYMBOL; i = s->symbol[i].next) {
        const size_t at = word.begin + i < word.end ? word.begin + i : word.end - 1;
        EVK_TRY(evk_sink_add(out, s->symbol[i].id, evk_passage_from(p, at), err));
    }
    return EVOKE_OK;
}
