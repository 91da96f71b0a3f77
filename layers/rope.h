/* layers/rope.h: rotary position embedding (Su and others 2021, arXiv 2104.09864), and how it is stretched.
 *
 *     (a, b) -> m (a cos t - b sin t, a sin t + b cos t),   t = position * frequency[i],   frequency[i] = base^(-2i / d_rope)
 *
 * Scalings, as transformers' modeling_rope_utils defines them: `linear` divides every frequency; `llama3` divides the slow
 * ones and blends between; `yarn` (Peng and others 2023, arXiv 2309.00071) blends by dimension and has an amplitude m;
 * `longrope` (Ding and others 2024, arXiv 2402.13753) has a divisor for each frequency, one list for sequences of up to
 * `original` positions and one for longer ones, and an amplitude; `dynamic` raises the base for sequences of more than
 * `original` positions, the more the longer they are. Angles are computed in double. */
#ifndef EVK_ROPE_H
#define EVK_ROPE_H

#include "core/status.h"

typedef enum evk_rope_pairing {
    EVK_ROPE_HALVES,            /* dimension i turns with i + d_rope / 2 */
    EVK_ROPE_PAIRS              /* dimension 2 i turns with 2 i + 1 */
} evk_rope_pairing;

typedef enum evk_rope_scaling { EVK_ROPE_PLAIN, EVK_ROPE_LINEAR, EVK_ROPE_LLAMA3, EVK_ROPE_YARN, EVK_ROPE_LONG, EVK_ROPE_DYNAMIC }
    evk_rope_scaling;

/* One rotary embedding: what a file says of it. */
typedef struct evk_rope {
    evk_rope_scaling scaling;
    double base, factor, original;
    double low, high;           /* llama3 */
    double fast, slow;          /* yarn: turns in `original` positions */
    bool whole_dimensions;      /* yarn: the range is rounded outwards */
    double amplitude;           /* m */
    double *short_divisors, *long_divisors;     /* [d_rope / 2] owned, of longrope; NULL: 1 */
} evk_rope;

void evk_rope_free(evk_rope *r);
/* Whether the frequencies of a sequence of that many positions are others than those of a short one. */
bool evk_rope_is_beyond(const evk_rope *r, size_t length);
/* frequency [d_rope / 2] for sequences of `length` positions. divisors [d_rope / 2] of the file, or NULL. */
void evk_rope_frequencies(const evk_rope *r, size_t d_rope, size_t length, const float *divisors, double *frequency);
/* amplitude * cos and sin [half] at one position. */
void evk_rope_angles(const double *frequency, size_t half, double amplitude, size_t position, float *cosine, float *sine);
/* Turns n_head heads, d_head apart, in place: the first 2 * half dimensions from x on. */
void evk_rope_turn(float *x, size_t n_head, size_t d_head, size_t half, evk_rope_pairing pairing, const float *cosine,
                   const float *sine);

#endif
