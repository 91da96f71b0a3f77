/* layers/ends.h: the tokens that end a response: EOS, end of turn, end of text, as the tokenizer says. */
#ifndef EVK_ENDS_H
#define EVK_ENDS_H

#include "layers/model.h"

typedef struct evk_ends { int32_t *ids; size_t n; } evk_ends;

/* Empty for a model without a tokenizer. */
evoke_status evk_ends_find(const evoke_model *m, evk_ends *out, evoke_error *err);
void evk_ends_free(evk_ends *e);
bool evk_ends_has(const evk_ends *e, int32_t id);

#endif
