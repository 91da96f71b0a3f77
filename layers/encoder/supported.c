/* layers/encoder/supported.c: the families of decoders and encoders as one list, for people. */
#include "layers/encoder/encoder_family.h"
#include "layers/family.h"

bool evoke_family_at(size_t i, evoke_family *out)
{
    size_t n_decoder = 0;
    while (evk_family_at(n_decoder))
        n_decoder++;
    if (i < n_decoder) {
        const evk_family *f = evk_family_at(i);
        *out = (evoke_family){ f->label, f->hf_type, f->hf_alias, f->gguf_arch, false };
        return true;
    }
    const evk_encoder_family *f = evk_encoder_family_at(i - n_decoder);
    if (f)
        *out = (evoke_family){ f->label, f->hf_type, NULL, f->gguf_arch, true };
    return f;
}
