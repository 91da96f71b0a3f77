/* layers/config.h: from the settings of a decoder's file to its evk_config: for layers/config*.c and for families' `adjust`. */
#ifndef EVK_CONFIG_H
#define EVK_CONFIG_H

#include "layers/family.h"
#include "layers/settings.h"

/* Which layers slide: what layer_types (config.json) or attention.sliding_window_pattern (GGUF) say; without them layer i
 * does if i >= first and (i + 1) % pattern != 0 (pattern 0: all). window 0: none may. */
evoke_status evk_plan_windows(const evk_reader *r, evk_config *c, size_t window, size_t pattern, size_t first);

/* config_keys.c: refuses keys that nobody reads and that may change the result. */
evoke_status evk_check_keys(const evk_reader *r);
/* config_rope.c: base and scaling of every rotary embedding. d_rope, n_ctx and the layers' plan are there. */
evoke_status evk_read_rope(const evk_reader *r, evk_config *c);
/* The part of a head that config.json rotates: partial_rotary_factor or what the family calls it; 1: all. */
evoke_status evk_read_rotary_part(const evk_reader *r, double missing, double *out);

#endif
