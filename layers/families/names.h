/* layers/families/names.h: tables of weight names that several families share.
 *
 * Names of Hugging Face files stand without the prefix of evk_family.hf_prefix; files of base models lack it. */
#ifndef EVK_FAMILIES_NAMES_H
#define EVK_FAMILIES_NAMES_H

#include "layers/family.h"

extern const evk_weight_name
    evk_names_ends[],               /* embedding, final norm, head, divisors of rotary frequencies */
    evk_names_attention[],          /* projections, apart or (GGUF) fused */
    evk_names_attention_biases[],   /* of all four, where attention_bias is true */
    evk_names_qkv_biases[],         /* of q, k and v, always */
    evk_names_pre_norms[],          /* before attention and feed-forward layer */
    evk_names_post_norms[],         /* after them: post_attention_layernorm is another thing here */
    evk_names_sandwich_pre_norms[], /* before them, where there are some after them too */
    evk_names_qk_norms[],
    evk_names_mlp[],                /* gated */
    evk_names_mlp_biases[];         /* where mlp_bias is true */

#endif
