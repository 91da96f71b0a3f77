#include "layers/ends.h"

#include <stdlib.h>

evoke_status evk_ends_find(const evoke_model *m, evk_ends *out, evoke_error *err)
{
    const size_t n = m->tokenizer ? evoke_tokenizer_n_vocab(m->tokenizer) : 0;
    *out = (evk_ends){0};
    EVK_TRY(evk_alloc(&out->ids, n, sizeof *out->ids, "find the tokens that end a response", err));
    for (size_t id = 0; id < n && id < m->config.n_vocab; id++)
        if (evoke_tokenizer_is_end(m->tokenizer, (int32_t)id))
            out->ids[out->n++] = (int32_t)id;
    return EVOKE_OK;
}

void evk_ends_free(evk_ends *e)
{
    free(e->ids);
    *e = (evk_ends){0};
}

bool evk_ends_has(const evk_ends *e, int32_t id)
{
    for (size_t i = 0; i < e->n; i++)
        if (e->ids[i] == id)
            return true;
    return false;
}
