/* layers/tokenizers/spm_normalizer.h: what SentencePiece does to a text first, as a GGUF file tells it. */
#ifndef EVK_TOKENIZERS_SPM_NORMALIZER_H
#define EVK_TOKENIZERS_SPM_NORMALIZER_H

#include "layers/tokenizers/tokenizer_gguf.h"

/* Fills t->normalizer and t->strip_spaces. prefix: whether a text gets a space where the file does not say. */
evoke_status evk_spm_normalizer(evoke_tokenizer *t, const evoke_weights *w, bool prefix, evoke_error *err);

#endif
