/* layers/store_prompts.c: the prompts that a store's activations were taken on: their tokens, and where a span lies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/store_data.h"

bool evk_store_bounds(evoke_store *s, evoke_site site, evoke_span span, char name[96])
{
    char *averaged = NULL;
    size_t n_held = 0;
    for (evoke_span i = 0; i < EVOKE_N_SPAN; i++)
        n_held += s->has[site][i];
    snprintf(name, 96, "/tokens/%s", evoke_span_name(span));
    if (evk_h5_has(s->file, name))
        return true;
    strcpy(name, "/tokens/span");
    const bool named = evk_h5_get_string(s->file, name, "span", &averaged);
    const bool right = named ? strcmp(averaged, evoke_span_name(span)) == 0 : n_held == 1;
    free(averaged);
    return right && evk_h5_has(s->file, name);
}

/* A pair of /tokens/..., [N, S, 2]. */
static evoke_status read_pair(evoke_store *s, const char *name, size_t query, size_t setting, int64_t out[2], evoke_error *err)
{
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
    EVK_TRY(evk_h5_shape(s->file, name, &n_dim, dims, err));
    if (n_dim != 3 || dims[0] != s->info.n_query || dims[1] != s->info.n_setting || dims[2] != 2)
        return evk_fail(err, EVOKE_EFORMAT, "read prompt: %s is not [queries, settings, 2] (%s)", name, evk_h5_path(s->file));
    return evk_h5_read(s->file, name, EVK_H5_I64, (size_t[]){ query, setting, 0 }, (size_t[]){ 1, 1, 2 }, out, err);
}

/* Tokens of a prompt: all of its rows, or those before its response. */
static evoke_status read_length(evoke_store *s, size_t query, size_t setting, int64_t rows, int64_t *n, evoke_error *err)
{
    int64_t response[2], n_predict = 0;
    *n = rows;
    if (evk_h5_has(s->file, "/tokens/response")) {
        EVK_TRY(read_pair(s, "/tokens/response", query, setting, response, err));
        *n = response[0];
    } else if (evk_h5_get_i64(s->file, "/", "n_predict", &n_predict) && n_predict > 0) {
        return evk_fail(err, EVOKE_EDATA, "read prompt: the store does not tell prompts from responses (%s)", evk_h5_path(s->file));
    }
    return EVOKE_OK;
}

evoke_status evk_store_read_prompt(evoke_store *s, size_t query, size_t setting, evoke_site site, evoke_span span,
                                   evk_store_prompt *out, evoke_error *err)
{
    char name[96];
    int64_t row[2], token[2], n = 0;
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
    *out = (evk_store_prompt){0};
    if (!evk_h5_has(s->file, "/tokens/ids") || !evk_store_bounds(s, site, span, name))
        return evk_fail(err, EVOKE_EDATA, "read prompt: the store has no /tokens/ids, or not where span %s lies (%s)",
                        evoke_span_name(span), evk_h5_path(s->file));
    EVK_TRY(evk_h5_shape(s->file, "/tokens/ids", &n_dim, dims, err));
    EVK_TRY(read_pair(s, "/tokens/offsets", query, setting, row, err));
    EVK_TRY(read_pair(s, name, query, setting, token, err));
    EVK_TRY(read_length(s, query, setting, row[1] - row[0], &n, err));
    if (n_dim != 1 || row[0] < 0 || row[1] <= row[0] || row[1] > (int64_t)dims[0] || n < 1 || n > row[1] - row[0] ||
        token[0] < 0 || token[1] <= token[0] || token[1] > n)
        return evk_fail(err, EVOKE_EFORMAT, "read prompt: the tokens of query %zu do not lie in the file's %zu, or its span %s not in "
                        "the prompt (%s)", query, dims[0], evoke_span_name(span), evk_h5_path(s->file));
    out->n = (size_t)n;
    out->first = (size_t)token[0];
    out->last = (size_t)token[1];
    EVK_TRY(evk_alloc(&out->ids, out->n, sizeof *out->ids, "read prompt", err));
    return evk_h5_read(s->file, "/tokens/ids", EVK_H5_I32, (size_t[]){ (size_t)row[0] }, (size_t[]){ out->n }, out->ids, err);
}
