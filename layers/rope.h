/* layers/rope.h: rotary position embedding (Su and others 2021, arXiv 2104.09864).
 *
 *     (a, b) -> (a cos t - b sin t, a sin t + b cos t),   t = position * frequency[i],   frequency[i] = base^(-2i / d_rope)
 *
 * Scalings: `linear` divides every frequency; `llama3` divides the slow ones and blends between (transformers'
 * modeling_rope_utils); a file may bring its own divisors. Angles are computed in double. */
#ifndef EVK_ROPE_H
#define EVK_ROPE_H

#include "layers/family.h"

/* out [d_rope / 2]; divisors [d_rope / 2] or NULL. */
void evk_rope_frequencies(const evk_config *c, const float *divisors, double *out);
/* cos and sin [d_rope / 2] at one position. */
void evk_rope_angles(const double *frequency, size_t half, size_t position, float *cosine, float *sine);
/* Turns n_head heads of d_head in place; dimensions from 2 * half on stay. */
void evk_rope_turn(float *x, size_t n_head, size_t d_head, size_t half, evk_rope_pairing pairing, const float *cosine,
                   const float *sine);

#endif
