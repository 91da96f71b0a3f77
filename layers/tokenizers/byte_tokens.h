/* layers/tokenizers/byte_tokens.h: the tokens <0x00> to <0xFF>, which stand for bytes ("byte fallback"). */
#ifndef EVK_TOKENIZERS_BYTE_TOKENS_H
#define EVK_TOKENIZERS_BYTE_TOKENS_H

#include "core/text.h"
#include "layers/tokenizers/vocabulary.h"

typedef struct evk_byte_tokens { int32_t id[256]; } evk_byte_tokens;       /* -1: the vocabulary has none */

void evk_byte_tokens_find(evk_byte_tokens *b, const evk_vocabulary *v);
/* Whether all bytes of a text have tokens. */
bool evk_byte_tokens_have(const evk_byte_tokens *b, const char *text, size_t n);
/* The byte that a token with that text [n] stands for; -1: it is another token. */
int evk_byte_tokens_value(const evk_byte_tokens *b, int32_t id, const char *text, size_t n);
/* Appends a token's text with U+2581 as spaces, as SentencePiece writes them. */
evoke_status evk_put_spaces_back(const char *text, size_t n, evk_buffer *out, evoke_error *err);

#endif
