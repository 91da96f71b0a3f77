/* tests/layers/tokenizers/gguf_vocabulary.h: small GGUF files with a vocabulary that has scores and types, good or hostile. */
#ifndef GGUF_VOCABULARY_H
#define GGUF_VOCABULARY_H

#include "tests/bytes.h"

enum { VOCABULARY_MOST = 12 };

typedef struct gguf_vocabulary {
    const char *model, *tokens[VOCABULARY_MOST];        /* up to a NULL */
    uint32_t types[VOCABULARY_MOST];
    float scores[VOCABULARY_MOST];
    size_t n_types, n_scores;                           /* 0: no such key */
    int unknown;                                        /* -1: no such key */
    int prefix, squeeze;                                /* -1: no such key; else the flag */
    const char *arch;                                   /* NULL: no such key */
} gguf_vocabulary;

static inline void vocabulary_key(bytes *b, const char *key, uint32_t type, uint64_t *n)
{
    put_string(b, key);
    put_number(b, type, 4);
    ++*n;
}

static inline void vocabulary_array(bytes *b, const char *key, uint32_t element, size_t count, uint64_t *n)
{
    enum { ARRAY = 9 };
    vocabulary_key(b, key, ARRAY, n);
    put_number(b, element, 4);
    put_number(b, count, 8);
}

static inline void vocabulary_flag(bytes *b, const char *key, int value, uint64_t *n)
{
    enum { BOOL = 7 };
    if (value < 0)
        return;
    vocabulary_key(b, key, BOOL, n);
    put_number(b, (uint64_t)value, 1);
}

/* The whole file, in `file`. */
static inline void put_vocabulary(bytes *file, const gguf_vocabulary *v)
{
    enum { U32 = 4, I32 = 5, F32 = 6, STRING = 8 };
    static bytes body;
    uint64_t n = 0;
    size_t n_tokens = 0;
    body.n = file->n = 0;
    while (n_tokens < VOCABULARY_MOST && v->tokens[n_tokens])
        n_tokens++;
    if (v->arch) {
        vocabulary_key(&body, "general.architecture", STRING, &n);
        put_string(&body, v->arch);
    }
    vocabulary_key(&body, "tokenizer.ggml.model", STRING, &n);
    put_string(&body, v->model);
    vocabulary_array(&body, "tokenizer.ggml.tokens", STRING, n_tokens, &n);
    for (size_t i = 0; i < n_tokens; i++)
        put_string(&body, v->tokens[i]);
    if (v->n_types)
        vocabulary_array(&body, "tokenizer.ggml.token_type", I32, v->n_types, &n);
    for (size_t i = 0; i < v->n_types; i++)
        put_number(&body, v->types[i], 4);
    if (v->n_scores)
        vocabulary_array(&body, "tokenizer.ggml.scores", F32, v->n_scores, &n);
    put(&body, v->scores, v->n_scores * sizeof *v->scores);
    if (v->unknown >= 0) {
        vocabulary_key(&body, "tokenizer.ggml.unknown_token_id", U32, &n);
        put_number(&body, (uint64_t)v->unknown, 4);
    }
    vocabulary_flag(&body, "tokenizer.ggml.add_space_prefix", v->prefix, &n);
    vocabulary_flag(&body, "tokenizer.ggml.remove_extra_whitespaces", v->squeeze, &n);
    put_text(file, "GGUF");
    put_number(file, 3, 4);
    put_number(file, 0, 8);
    put_number(file, n, 8);
    put(file, body.data, body.n);
    pad(file, 32);
}

#endif
