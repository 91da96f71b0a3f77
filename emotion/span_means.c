#include "emotion/span_means.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/vector_norm.h"

static size_t n_sums(const evk_span_layout *y)
{
    return y->n_site * y->n_span * y->n_layer * y->d_model;
}

size_t evk_span_means_bytes(const evk_span_layout *y, size_t max_token)
{
    const size_t rows = y->n_site * max_token * y->n_layer;
    return n_sums(y) * sizeof(double) + rows * sizeof(float) * (1 + (y->tokens ? y->d_model : 0));
}

/* First and last+1 token of a span in a prompt of n tokens whose response has not begun. */
static void span_range(evoke_span span, size_t n, size_t query_first, size_t query_last, size_t out[2])
{
    const size_t ranges[EVOKE_N_SPAN][2] = {
        [EVOKE_SPAN_QUERY] = { query_first, query_last },
        [EVOKE_SPAN_PROMPT] = { 1, n },
        [EVOKE_SPAN_PROMPT_ALL] = { 0, n },
        [EVOKE_SPAN_RESPONSE] = { n, n },
        [EVOKE_SPAN_LAST] = { n - 1, n },
    };
    out[0] = ranges[span][0];
    out[1] = ranges[span][1];
}

/* Rows of a prefix, site by site, into a longer table. */
static void inherit(const evk_span_layout *y, const float *from, size_t from_rows, float *to, size_t to_rows, size_t n,
                    size_t width)
{
    for (size_t site = 0; site < y->n_site; site++)
        memcpy(to + site * to_rows * width, from + site * from_rows * width, n * width * sizeof *to);
}

evoke_status evk_span_means_init(evk_span_means *s, const evk_span_layout *y, const evk_span_means *prefix,
                                 size_t max_token, size_t n_prompt, size_t query_first, size_t query_last,
                                 evoke_error *err)
{
    const size_t rows = y->n_site * max_token * y->n_layer;
    *s = (evk_span_means){ .max_token = max_token, .n_prompt = n_prompt };
    evoke_status st = evk_alloc(&s->spans, y->n_span, sizeof *s->spans, "extract", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&s->sums, n_sums(y), sizeof *s->sums, "extract", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&s->norms, rows, sizeof *s->norms, "extract", err);
    if (st == EVOKE_OK && y->tokens)
        st = evk_alloc(&s->tokens, rows, y->d_model * sizeof *s->tokens, "extract", err);
    if (st != EVOKE_OK) {
        evk_span_means_free(s);
        return st;
    }
    for (size_t i = 0; i < y->n_span; i++)
        span_range(y->spans[i], n_prompt, query_first, query_last, s->spans[i]);
    if (!prefix)
        return EVOKE_OK;
    s->n_token = prefix->n_token;
    memcpy(s->sums, prefix->sums, n_sums(y) * sizeof *s->sums);
    inherit(y, prefix->norms, prefix->max_token, s->norms, max_token, prefix->n_token, y->n_layer);
    if (s->tokens)
        inherit(y, prefix->tokens, prefix->max_token, s->tokens, max_token, prefix->n_token, y->n_layer * y->d_model);
    return EVOKE_OK;
}

void evk_span_means_free(evk_span_means *s)
{
    free(s->spans);
    free(s->sums);
    free(s->norms);
    free(s->tokens);
    *s = (evk_span_means){0};
}

static void add(double *restrict sum, const float *restrict x, size_t d)
{
    for (size_t i = 0; i < d; i++)
        sum[i] += (double)x[i];
}

void evk_span_means_take(evk_span_means *s, const evk_span_layout *y, size_t site, size_t layer, const float *x, size_t n)
{
    const ptrdiff_t held = y->held[layer];
    const size_t d = y->d_model;
    if (held < 0)
        return;
    const size_t l = (size_t)held;
    for (size_t t = 0; t < n; t++) {
        const size_t at = s->n_token + t, row = (site * s->max_token + at) * y->n_layer + l;
        s->norms[row] = (float)evk_norm(x + t * d, d);
        if (s->tokens)
            memcpy(s->tokens + row * d, x + t * d, d * sizeof *x);
        for (size_t i = 0; i < y->n_span; i++) {
            const bool response = y->spans[i] == EVOKE_SPAN_RESPONSE && at >= s->n_prompt;
            if (response || (at >= s->spans[i][0] && at < s->spans[i][1]))
                add(s->sums + ((site * y->n_span + i) * y->n_layer + l) * d, x + t * d, d);
        }
    }
}

void evk_span_means_end(evk_span_means *s, const evk_span_layout *y)
{
    for (; s->n_token < s->n_prompt; s->n_token++)
        for (size_t site = 0; site < y->n_site; site++)
            for (size_t l = 0; l < y->n_layer; l++)
                s->norms[(site * s->max_token + s->n_token) * y->n_layer + l] = NAN;
}

void evk_span_means_get(const evk_span_means *s, const evk_span_layout *y, size_t site, size_t span, float *out)
{
    const size_t n = y->n_layer * y->d_model;
    const double over = 1.0 / (double)(s->spans[span][1] - s->spans[span][0]);
    const double *sum = s->sums + (site * y->n_span + span) * n;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(sum[i] * over);
}
