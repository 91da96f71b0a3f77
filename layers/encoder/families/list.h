/* layers/encoder/families/list.h: every family of encoders, a line each. */
#ifndef EVK_ENCODER_FAMILIES_LIST_H
#define EVK_ENCODER_FAMILIES_LIST_H

#include "layers/encoder/encoder_family.h"

extern const evk_encoder_family evk_encoder_bert, evk_encoder_roberta, evk_encoder_xlm_roberta, evk_encoder_distilbert,
    evk_encoder_deberta_v2, evk_encoder_bart;

#endif
