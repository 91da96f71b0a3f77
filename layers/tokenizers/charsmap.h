/* layers/tokenizers/charsmap.h: SentencePiece's precompiled rules of normalization. */
#ifndef EVK_TOKENIZERS_CHARSMAP_H
#define EVK_TOKENIZERS_CHARSMAP_H

#include "layers/tokenizers/scratch.h"

typedef struct evk_charsmap evk_charsmap;

/* data [n]: the rules as a file has them; they are copied. `where` names the file. They are applied as SentencePiece and
 * llama.cpp do. Errors: EVOKE_EFORMAT not such rules. Free with evk_charsmap_free. */
evoke_status evk_charsmap_open(const unsigned char *data, size_t n, const char *where, evk_charsmap **out,
                               evoke_error *err);
/* The same in base64, as tokenizer.json has it; they are applied as Hugging Face's tokenizers do. */
evoke_status evk_charsmap_from_base64(const char *text, size_t n, const char *where, evk_charsmap **out,
                                      evoke_error *err);
void evk_charsmap_free(evk_charsmap *c);

/* Appends the passage as the rules have it. */
evoke_status evk_charsmap_put(const evk_charsmap *c, const evk_passage *in, evk_passage *out, evoke_error *err);

#endif
