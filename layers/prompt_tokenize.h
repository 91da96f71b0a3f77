/* layers/prompt_tokenize.h: which of a text's tokens a part of it became. */
#ifndef EVK_PROMPT_TOKENIZE_H
#define EVK_PROMPT_TOKENIZE_H

#include "core/status.h"

/* Widens [*first, *last), empty where both are equal, by the tokens that overlap bytes [begin, end) of a text of n_text bytes. */
void evk_ids_cover(const evoke_ids *ids, size_t n_text, size_t begin, size_t end, size_t *first, size_t *last);

#endif
