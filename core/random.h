/* core/random.h: PCG64 (XSL-RR 128/64; O'Neill 2014), seeded as numpy.random.PCG64 is, so that NumPy reproduces every
 * stream:  numpy.random.PCG64(seed) and, for stream i, numpy.random.PCG64([seed, i]).  */
#ifndef EVK_RANDOM_H
#define EVK_RANDOM_H

#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 evk_u128;
typedef struct evk_random { evk_u128 state, increment; } evk_random;

/* entropy [n] 64-bit words as NumPy's SeedSequence takes a list of ints (each split into its 32-bit words). */
void evk_random_seed(evk_random *r, const uint64_t *entropy, size_t n);
/* The stream of one item: entropy [seed, index]. */
void evk_random_stream(evk_random *r, uint64_t seed, uint64_t index);
uint64_t evk_random_u64(evk_random *r);
double evk_random_uniform(evk_random *r);                       /* [0, 1), 53 bits, as Generator.random() */
uint64_t evk_random_below(evk_random *r, uint64_t n);           /* 0..n-1, unbiased; n >= 1 */
double evk_random_normal(evk_random *r);                        /* mean 0, variance 1 (Box-Muller, two uniforms each) */

#endif
