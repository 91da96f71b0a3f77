/* layers/encoder/encoder_text.c: the tokenizer beside an encoder, and texts as the model reads them. */
#include "layers/encoder/encoder.h"

evoke_status evk_encoder_open_tokenizer(evoke_encoder *e, evoke_error *err)
{
    evoke_error why = { 0 };
    const evoke_status st = evoke_tokenizer_open(e->path, &e->tokenizer, &why);
    if (st == EVOKE_EIO || st == EVOKE_EUNSUPPORTED)
        return EVOKE_OK;
    if (st != EVOKE_OK && err)
        *err = why;
    return st;
}
