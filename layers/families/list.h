/* layers/families/list.h: every family, a line each. */
#ifndef EVK_FAMILIES_LIST_H
#define EVK_FAMILIES_LIST_H

#include "layers/family.h"

extern const evk_family evk_family_llama, evk_family_mistral, evk_family_qwen, evk_family_qwen2, evk_family_qwen3,
    evk_family_baichuan, evk_family_gemma, evk_family_gemma2, evk_family_gemma3, evk_family_minicpm, evk_family_minicpm3,
    evk_family_phi3, evk_family_smollm3, evk_family_olmo2, evk_family_gpt2, evk_family_gpt_neox;

#endif
