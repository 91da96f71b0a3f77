/* layers/store_same.h: are two stores of the same queries? */
#ifndef EVK_STORE_SAME_H
#define EVK_STORE_SAME_H

#include "core/status.h"

/* The same queries by their ids, texts and emotions, in the same order and done alike; the same emotions, settings, layers and
 * sites, in any order; the same width. What a file does not say counts as the same. *same_prompts: so are the rendered prompts.
 * Errors: EVOKE_EDATA they are not, with the first thing that differs. */
evoke_status evk_store_same(evoke_store *a, evoke_store *b, bool *same_prompts, evoke_error *err);

#endif
