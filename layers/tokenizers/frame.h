/* layers/tokenizers/frame.h: what stands around one text, or around two, in the sequence that a model reads. */
#ifndef EVK_TOKENIZERS_FRAME_H
#define EVK_TOKENIZERS_FRAME_H

#include "core/status.h"

typedef enum evk_slot { EVK_SLOT_TOKEN, EVK_SLOT_A, EVK_SLOT_B } evk_slot;

/* A token, or the place of a text; all that stands there is of this type (token_type_ids). */
typedef struct evk_frame_item { evk_slot slot; int32_t id, type; } evk_frame_item;
typedef struct evk_frame { evk_frame_item *item; size_t n, capacity; } evk_frame;

evoke_status evk_frame_add(evk_frame *f, evk_slot slot, int32_t id, int32_t type, evoke_error *err);
void evk_frame_free(evk_frame *f);
/* How many tokens it adds. */
size_t evk_frame_added(const evk_frame *f);

#endif
