/* layers/tokenizers/bpe_model.h: what BPE by a list of merges has in common, over bytes (byte_bpe.c) and over characters
 * (char_bpe.c). */
#ifndef EVK_TOKENIZERS_BPE_MODEL_H
#define EVK_TOKENIZERS_BPE_MODEL_H

#include "layers/tokenizers/byte_tokens.h"
#include "layers/tokenizers/joints.h"
#include "layers/tokenizers/tokenizer.h"

typedef struct evk_bpe_model {
    evk_bpe merges;
    int32_t unknown;            /* -1: none */
    bool fuse_unknown;          /* neighbouring unknown symbols are one token */
    bool whole_words;           /* a word that is a token is that token, whatever the merges say */
    int32_t byte_id[256];       /* over bytes: the tokens of single bytes; -1: none */
    /* over characters: */
    bool byte_fallback;         /* a character that is no token becomes the tokens of its bytes, <0x00> to <0xFF> */
    evk_byte_tokens bytes;
    char *prefix, *suffix;      /* [n_prefix] before all characters of a word but the first, [n_suffix] behind the last */
    size_t n_prefix, n_suffix;
    evk_joints joints;          /* none where there is a prefix or a suffix */
} evk_bpe_model;

/* t->model becomes a model without merges, for up to n of them. */
evoke_status evk_bpe_model_new(evoke_tokenizer *t, size_t n_merges, evk_bpe_model **out, evoke_error *err);
void evk_bpe_model_close(evoke_tokenizer *t);
/* Merge i of a GGUF file: "ab cd". Of a pair that comes twice the first added holds. */
evoke_status evk_bpe_model_add(evoke_tokenizer *t, const char *text, size_t n, size_t i, const char *where,
                               evoke_error *err);
/* model.type "BPE" of tokenizer.json; t->kind becomes the one over bytes or over characters. */
evoke_status evk_bpe_model_json(evoke_tokenizer *t, const json_t *json, const char *where, evoke_error *err);
/* Merges the symbols of a word and hands them over; byte 0 of the symbols is byte `begin` of the passage. */
evoke_status evk_bpe_model_finish(const evk_bpe_model *m, const evk_passage *p, evk_span word, evk_bpe_scratch *s,
                                  evk_sink *out, evoke_error *err);

#endif
