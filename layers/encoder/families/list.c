#include "layers/encoder/families/list.h"

#include <string.h>

static const evk_encoder_family *const families[] = {
    &evk_encoder_bert,       &evk_encoder_roberta, &evk_encoder_xlm_roberta, &evk_encoder_distilbert,
    &evk_encoder_deberta_v2, &evk_encoder_bart,
};

const evk_encoder_family *evk_encoder_family_at(size_t i)
{
    return i < sizeof families / sizeof *families ? families[i] : NULL;
}

const evk_encoder_family *evk_encoder_family_of(const evoke_weights *w)
{
    const char *name = evk_weights_architecture(w);
    const evk_encoder_family *f = NULL;
    for (size_t i = 0; name && (f = evk_encoder_family_at(i)); i++) {
        const char *own = evk_weights_container(w) == EVK_GGUF ? f->gguf_arch : f->hf_type;
        if (own && strcmp(own, name) == 0)
            return f;
    }
    return NULL;
}
