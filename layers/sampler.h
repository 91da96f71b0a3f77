/* layers/sampler.h: from logits to a token.
 *
 * Order of the filters, as in transformers: temperature, then top-k, then top-p (nucleus; Holtzman and others 2020), then
 * min-p. One uniform number of the response's own stream is used per token, whatever the filters; what is left is walked
 * in order of falling probability (of rising id where no filter is on, and between equals). */
#ifndef EVK_SAMPLER_H
#define EVK_SAMPLER_H

#include "core/kernels/kernels.h"
#include "core/random.h"

typedef struct evk_sampler {
    evoke_sampling how;
    evk_random random;
} evk_sampler;

void evk_sampler_init(evk_sampler *s, const evoke_sampling *how);
/* The most probable token, the lowest id among equals. */
int32_t evk_argmax(const float *logits, size_t n);
/* log sum_i exp(logits[i]), in double; the logits are spent: they become exp(logits[i] - the largest). */
double evk_log_sum_exp(const evk_kernels *k, float *logits, size_t n);
/* A token and the logarithm of its probability under the logits as they are. banned: ids that may not be drawn, [n_banned].
 * room: scratch of evk_sampler_room(n) bytes. */
int32_t evk_sample(evk_sampler *s, const evk_kernels *k, const float *logits, size_t n, const int32_t *banned,
                   size_t n_banned, void *room, float *logprob);
/* One draw of several that are made together. */
typedef struct evk_draw {
    evk_sampler *sampler;
    const float *logits;        /* [V] */
    bool ban_ends;              /* the banned ids may not be drawn */
    int32_t id;                 /* out */
    float logprob;              /* out; not finite where a logit is not */
} evk_draw;
/* Makes n draws on n_thread threads; room: n_thread times evk_sampler_room(n_vocab) bytes. */
void evk_sample_all(evk_draw *draws, size_t n, const evk_kernels *k, size_t n_thread, size_t n_vocab,
                    const int32_t *banned, size_t n_banned, void *room);
/* Bytes of scratch for a vocabulary of n. */
size_t evk_sampler_room(size_t n);

#endif
