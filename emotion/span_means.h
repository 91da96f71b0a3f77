/* emotion/span_means.h: what an extraction keeps of each prompt while the model runs over many of them together.
 *
 *     mean[site, span, l, :] = 1 / n  sum over the span's tokens t of x[site, l, t, :]      sums in double, in order of t
 *
 * A prompt that continues a shared prefix starts from the prefix's sums, so that its result is, bit for bit, what it would
 * have been alone. */
#ifndef EVK_SPAN_MEANS_H
#define EVK_SPAN_MEANS_H

#include "layers/hooks.h"

typedef struct evk_span_layout {        /* what is kept; the same for all prompts of an extraction */
    const evoke_site *sites;   size_t n_site;
    const evoke_span *spans;   size_t n_span;
    const ptrdiff_t *held;              /* [layers of the model] index among those kept, -1: not kept */
    size_t n_layer, d_model;
    bool tokens;                        /* every token's row too */
} evk_span_layout;

typedef struct evk_span_means {
    size_t max_token, n_token;          /* room; tokens seen, prefix included */
    size_t n_prompt;                    /* prompt's length; tokens from there on are the response */
    size_t (*spans)[2];                 /* [n_span] first and last+1 token */
    double *sums;                       /* [n_site, n_span, L, D] */
    float *norms;                       /* [n_site, max_token, L] */
    float *tokens;                      /* [n_site, max_token, L, D] or NULL */
} evk_span_means;

/* Bytes that one prompt of max_token tokens takes. */
size_t evk_span_means_bytes(const evk_span_layout *y, size_t max_token);
/* prefix: what a shared prefix left, or NULL. query_first and query_last: tokens of the query; an empty pair for a prefix,
 * whose n_prompt is one more than it will ever see, so that it has no last token. */
evoke_status evk_span_means_init(evk_span_means *s, const evk_span_layout *y, const evk_span_means *prefix,
                                 size_t max_token, size_t n_prompt, size_t query_first, size_t query_last,
                                 evoke_error *err);
void evk_span_means_free(evk_span_means *s);
/* One layer of one site: rows x [n, D] of the tokens that follow those seen. Thread safe for different s. The caller
 * counts the tokens as seen when the pass is over. */
void evk_span_means_take(evk_span_means *s, const evk_span_layout *y, size_t site, size_t layer, const float *x, size_t n);
/* After the last pass: tokens of the prompt that were not run, as no span needs them, count as seen; their norms are NaN. */
void evk_span_means_end(evk_span_means *s, const evk_span_layout *y);
/* The mean of one site and span as float32, [L, D]; the span must not be empty. */
void evk_span_means_get(const evk_span_means *s, const evk_span_layout *y, size_t site, size_t span, float *out);

#endif
