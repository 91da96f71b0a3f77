/* layers/tokenizers/wordpiece.c: WordPiece (Wu et al. 2016), the tokenizer of BERT, DistilBERT, MiniLM.
 *
 * From its beginning on, a word is cut into the longest token that fits, again and again; tokens that go on within a word
 * are marked. A word that cannot be cut so to its end, or has too many characters, is the unknown token.
 *
 *     tokenizer.json    "play" "##ing"        continuing_subword_prefix "##"
 *     GGUF              "\u2581play" "ing"    the beginning is marked instead (tokenizer.ggml.model = "bert") */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/tokenizers/byte_tokens.h"
#include "layers/tokenizers/tokenizer_gguf.h"
#include "layers/tokenizers/trie.h"

static const char SPACE[] = "\xe2\x96\x81";     /* U+2581, which GGUF files put where a word begins */

/* Where the tokens that begin a word, or go on within one, start in the trie: none of them where `any` is false. */
typedef struct start { uint32_t node; bool any; } start;

typedef struct wordpiece {
    evk_trie trie;
    start first, further;
    int32_t unknown;
    size_t most_characters;     /* of a word */
} wordpiece;

static void close_model(evoke_tokenizer *t)
{
    wordpiece *m = t->model;
    if (m)
        evk_trie_free(&m->trie);
    free(m);
    t->model = NULL;
}

/* ---- open ---- */
static start start_of(const evk_trie *t, const char *mark, size_t n)
{
    const uint32_t node = evk_trie_walk(t, 0, mark, n);
    return (start){ node, n == 0 || node != 0 };
}

static evoke_status open_json(evoke_tokenizer *t, const json_t *json, const char *where, evoke_error *err)
{
    const json_t *model = json_object_get(json, "model"), *mark = json_object_get(model, "continuing_subword_prefix");
    const json_t *unknown = json_object_get(model, "unk_token"), *most = json_object_get(model, "max_input_chars_per_word");
    if (!json_is_string(mark) || !json_is_string(unknown))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: WordPiece without %s (%s)",
                        json_is_string(mark) ? "unk_token" : "continuing_subword_prefix", where);
    if (!json_is_integer(most) || json_integer_value(most) < 0)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: WordPiece without max_input_chars_per_word (%s)", where);
    EVK_TRY(evk_alloc(&t->model, 1, sizeof(wordpiece), "open tokenizer", err));
    wordpiece *m = t->model;
    m->most_characters = (size_t)json_integer_value(most);
    m->unknown = evk_vocabulary_find(&t->vocabulary, json_string_value(unknown), json_string_length(unknown));
    if (m->unknown < 0)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: unk_token '%.60s' is no token (%s)",
                        json_string_value(unknown), where);
    EVK_TRY(evk_trie_build(&m->trie, &t->vocabulary, NULL, err));
    m->first = start_of(&m->trie, "", 0);
    m->further = start_of(&m->trie, json_string_value(mark), json_string_length(mark));
    snprintf(t->name, sizeof t->name, "%s (tokenizer.json)", evk_wordpiece.name);
    return evk_json_pretokenizer(json_object_get(json, "pre_tokenizer"), &t->pretokenizer, NULL, where, err);
}

/* BERT's normalizer; lower case without accents where the file does not say. */
static evoke_status read_normalizer(evoke_tokenizer *t, const evoke_weights *w, evoke_error *err)
{
    bool lowercase = true;
    EVK_TRY(evk_gguf_flag(w, "tokenizer.ggml.normalizer.lowercase", &lowercase, err));
    bool strip_accents = lowercase;
    EVK_TRY(evk_gguf_flag(w, "tokenizer.ggml.normalizer.strip_accents", &strip_accents, err));
    EVK_TRY(evk_normalizer_bert(&t->normalizer, true, true, strip_accents, lowercase, err));
    return evk_pretokenizer_bert(&t->pretokenizer, err);
}

/* The ids of [CLS] and [SEP], which llama.cpp calls BOS and SEP; without keys they are where BERT has them. */
static evoke_status read_ends(evoke_tokenizer *t, const evoke_weights *w, evoke_error *err)
{
    const size_t n = t->vocabulary.n;
    int32_t separator = n > 102 ? 102 : -1;
    bool add_separator = true;
    t->bos = n > 101 ? 101 : -1;
    EVK_TRY(evk_gguf_id(t, w, "tokenizer.ggml.cls_token_id", &t->bos, err));
    EVK_TRY(evk_gguf_id(t, w, "tokenizer.ggml.seperator_token_id", &separator, err));    /* GGUF's own spelling */
    EVK_TRY(evk_gguf_flag(w, "tokenizer.ggml.add_sep_token", &add_separator, err));
    return add_separator && separator >= 0 ? evk_affix_add(&t->suffix, separator, err) : EVOKE_OK;
}

static evoke_status open_gguf(evoke_tokenizer *t, const evoke_weights *w, bool *add_bos, bool *add_eos, evoke_error *err)
{
    EVK_TRY(evk_alloc(&t->model, 1, sizeof(wordpiece), "open tokenizer", err));
    wordpiece *m = t->model;
    m->most_characters = SIZE_MAX;
    m->unknown = t->vocabulary.n > 100 ? 100 : -1;
    EVK_TRY(evk_gguf_id(t, w, "tokenizer.ggml.unknown_token_id", &m->unknown, err));
    if (m->unknown < 0)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: WordPiece without an unknown token (%s)", evk_weights_path(w));
    EVK_TRY(evk_trie_build(&m->trie, &t->vocabulary, NULL, err));
    m->first = start_of(&m->trie, SPACE, strlen(SPACE));
    m->further = start_of(&m->trie, "", 0);
    t->strip_spaces = 1;
    *add_bos = true;
    *add_eos = false;
    snprintf(t->name, sizeof t->name, "%s", evk_wordpiece.name);
    EVK_TRY(read_normalizer(t, w, err));
    return read_ends(t, w, err);
}

/* ---- encode and decode ---- */
static size_t count_characters(const char *text, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

/* The longest token at the beginning of a text: its id and how many bytes it takes; -1: none. */
static int32_t longest(const evk_trie *t, start s, const char *text, size_t n, size_t *taken)
{
    int32_t id = -1;
    uint32_t node = s.node;
    for (size_t i = 0; s.any && i < n && (node = evk_trie_step(t, node, (unsigned char)text[i])) != 0; i++)
        if (t->node[node].id >= 0) {
            id = t->node[node].id;
            *taken = i + 1;
        }
    return id;
}

static evoke_status encode(const evoke_tokenizer *t, const evk_passage *p, evk_span word, evk_encode_scratch *scratch,
                           evk_sink *out, evoke_error *err)
{
    (void)scratch;
    const wordpiece *m = t->model;
    const size_t before = out->n, n = word.end - word.begin;
    bool good = n <= m->most_characters || count_characters(p->text + word.begin, n) <= m->most_characters;
    for (size_t at = word.begin, taken = 0; good && at < word.end; at += taken) {
        const int32_t id = longest(&m->trie, at == word.begin ? m->first : m->further, p->text + at, word.end - at, &taken);
        good = id >= 0;
        if (good)
            EVK_TRY(evk_sink_add(out, id, evk_passage_from(p, at), err));
    }
    if (good)
        return EVOKE_OK;
    out->n = before;                    /* a word that cannot be cut to its end */
    return evk_sink_add(out, m->unknown, evk_passage_from(p, word.begin), err);
}

static evoke_status decode(const evoke_tokenizer *t, int32_t id, evk_buffer *out, evoke_error *err)
{
    size_t n = 0;
    const char *text = evk_vocabulary_text(&t->vocabulary, id, &n);
    return evk_put_spaces_back(text, n, out, err);
}

const evk_tokenizer_kind evk_wordpiece = {
    .name = "WordPiece", .gguf_model = "bert", .json_model = "WordPiece",
    .open_gguf = open_gguf, .open_json = open_json, .encode = encode, .decode = decode, .close = close_model,
};
