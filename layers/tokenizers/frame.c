#include "layers/tokenizers/frame.h"

#include <stdlib.h>

#include "layers/tokenizers/scratch.h"

enum { MOST_ITEMS = 256 };

evoke_status evk_frame_add(evk_frame *f, evk_slot slot, int32_t id, int32_t type, evoke_error *err)
{
    if (f->n == MOST_ITEMS)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: more than %d tokens added to a text", (int)MOST_ITEMS);
    EVK_TRY(evk_grow(&f->item, &f->capacity, f->n + 1, sizeof *f->item, err));
    f->item[f->n++] = (evk_frame_item){ slot, id, type };
    return EVOKE_OK;
}

void evk_frame_free(evk_frame *f)
{
    free(f->item);
    *f = (evk_frame){0};
}

size_t evk_frame_added(const evk_frame *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++)
        n += f->item[i].slot == EVK_SLOT_TOKEN;
    return n;
}
