/* layers/tokenizers/tokenizer_gguf.h: what the kinds of tokenizers read from a GGUF file's metadata, checked. */
#ifndef EVK_TOKENIZERS_TOKENIZER_GGUF_H
#define EVK_TOKENIZERS_TOKENIZER_GGUF_H

#include "layers/tokenizers/tokenizer.h"

/* What tokenizer.ggml.token_type says. */
typedef enum evk_gguf_token_type {
    EVK_GGUF_UNDEFINED, EVK_GGUF_NORMAL, EVK_GGUF_UNKNOWN, EVK_GGUF_CONTROL, EVK_GGUF_USER, EVK_GGUF_UNUSED, EVK_GGUF_BYTE
} evk_gguf_token_type;

/* A flag, or an id of the vocabulary; *out stays where the file has no such key. Errors: EVOKE_EFORMAT. */
evoke_status evk_gguf_flag(const evoke_weights *w, const char *key, bool *out, evoke_error *err);
evoke_status evk_gguf_id(const evoke_tokenizer *t, const evoke_weights *w, const char *key, int32_t *out,
                         evoke_error *err);
/* Errors: EVOKE_EFORMAT the key is missing, or no array. */
evoke_status evk_gguf_array(const evoke_weights *w, const char *key, const evk_meta **out, evoke_error *err);
/* The types and the scores of all tokens. */
typedef struct evk_gguf_scores { const evk_meta *types, *scores; const char *where; } evk_gguf_scores;
/* Errors: EVOKE_EFORMAT one of the arrays is not there, or not as long as there are tokens. */
evoke_status evk_gguf_find_scores(const evoke_weights *w, size_t n_tokens, evk_gguf_scores *out, evoke_error *err);
/* Those of token i. Errors: EVOKE_EFORMAT no type of 0..6; a score that is no number. */
evoke_status evk_gguf_type(const evk_gguf_scores *s, size_t i, evk_gguf_token_type *out, evoke_error *err);
evoke_status evk_gguf_score(const evk_gguf_scores *s, size_t i, double *out, evoke_error *err);

#endif
