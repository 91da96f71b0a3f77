/* layers/tokenizers/joints.h: between which characters a text can be cut before it is merged. */
#ifndef EVK_TOKENIZERS_JOINTS_H
#define EVK_TOKENIZERS_JOINTS_H

#include "core/status.h"

/* The pairs of characters that stand side by side within some token. Zero-initialise; free with evk_joints_free. */
typedef struct evk_joints { uint64_t *bit; } evk_joints;

evoke_status evk_joints_init(evk_joints *j, evoke_error *err);
void evk_joints_free(evk_joints *j);
/* All the pairs of a token's text [n]. */
void evk_joints_add(evk_joints *j, const char *text, size_t n);
/* Whether a token may hold the two in this order; false: none does, the text can be cut there. */
bool evk_joints_has(const evk_joints *j, int32_t left, int32_t right);

#endif
