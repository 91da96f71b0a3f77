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
/* The types and the scores of all tokens are there: as many as tokens. Errors: EVOKE_EFORMAT. */
evoke_status evk_gguf_check_scored(const evoke_weights *w, size_t n_tokens, evoke_error *err);
/* Those of token i, after evk_gguf_check_scored. Errors: EVOKE_EFORMAT no type of 0..6; a score that is no number. */
evoke_status evk_gguf_type(const evoke_weights *w, size_t i, evk_gguf_token_type *out, evoke_error *err);
evoke_status evk_gguf_score(const evoke_weights *w, size_t i, double *out, evoke_error *err);

#endif
