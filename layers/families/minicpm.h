/* layers/families/minicpm.h: the scales that MiniCPM's generations share. */
#ifndef EVK_FAMILIES_MINICPM_H
#define EVK_FAMILIES_MINICPM_H

#include "layers/config.h"

/* What holds where the file says nothing. */
typedef struct evk_minicpm_usual { double scale_emb, scale_depth, dim_model_base; } evk_minicpm_usual;

/* Embedding, residual and logit scale from config.json; from GGUF files, which do not have them, as usual. */
evoke_status evk_minicpm_scales(const evk_reader *r, evk_config *c, evk_minicpm_usual usual);

#endif
