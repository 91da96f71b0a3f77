/* layers/store_norms.c: how long activations are at a site, and whether one position stands out.
 *
 *     median[l] = median over the span's tokens, of all finished queries and settings, of |x[t, l, :]|
 *
 * A median and not a mean or an RMS: the first token of a prompt is an attention sink, whose norm can be a hundred times
 * that of the others (25,000 against 240 in the middle layers of SmolLM2-135M). Norms [rows, L] are read some layers at a
 * time, so that a large store does not need large memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/vector_norm.h"
#include "layers/store_data.h"

enum { MAX_VALUES = 1 << 26 };      /* norms held at a time */
static const double STANDS_OUT = 10;

/* ---- which rows are the span's ---- */
/* Pairs [N, S, 2]. */
static evoke_status read_pairs(evoke_store *s, const char *name, int64_t **out, evoke_error *err)
{
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
    EVK_TRY(evk_h5_shape(s->file, name, &n_dim, dims, err));
    if (n_dim != 3 || dims[0] != s->info.n_query || dims[1] != s->info.n_setting || dims[2] != 2)
        return evk_fail(err, EVOKE_EFORMAT, "read store: %s is not [queries, settings, 2] (%s)", name, evk_h5_path(s->file));
    EVK_TRY(evk_alloc(out, 2 * s->info.n_query * s->info.n_setting, sizeof **out, "read store", err));
    return evk_h5_read(s->file, name, EVK_H5_I64, NULL, NULL, *out, err);
}

/* rows [*n]: the rows of the span's tokens of what is done; no row is there twice, or the file is wrong. */
static evoke_status list_rows(evoke_store *s, const int64_t *offsets, const int64_t *bounds, size_t n_row,
                              size_t *rows, size_t *n, evoke_error *err)
{
    const size_t n_prompt = s->info.n_query * s->info.n_setting;
    *n = 0;
    for (size_t i = 0; i < n_prompt; i++) {
        const int64_t *row = offsets + 2 * i, *token = bounds + 2 * i;
        if (!s->done[i])
            continue;
        if (row[0] < 0 || row[1] < row[0] || row[1] > (int64_t)n_row || token[0] < 0 || token[1] < token[0] ||
            token[1] > row[1] - row[0] || (size_t)(token[1] - token[0]) > n_row - *n)
            return evk_fail(err, EVOKE_EFORMAT, "read store: rows of query %zu do not fit the %zu tokens (%s)",
                            i / s->info.n_setting, n_row, evk_h5_path(s->file));
        for (int64_t t = token[0]; t < token[1]; t++)
            rows[(*n)++] = (size_t)(row[0] + t);
    }
    return EVOKE_OK;
}

static evoke_status find_rows(evoke_store *s, const char *bounds_name, size_t n_row, size_t **rows, size_t *n,
                              evoke_error *err)
{
    int64_t *offsets = NULL, *bounds = NULL;
    evoke_status st = read_pairs(s, "/tokens/offsets", &offsets, err);
    if (st == EVOKE_OK)
        st = read_pairs(s, bounds_name, &bounds, err);
    if (st == EVOKE_OK)
        st = evk_alloc(rows, n_row, sizeof **rows, "read store", err);
    if (st == EVOKE_OK)
        st = list_rows(s, offsets, bounds, n_row, *rows, n, err);
    free(bounds);
    free(offsets);
    return st;
}

/* ---- medians ---- */
static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Median and greatest of the finite ones among x [n], which is sorted; NaN where there is none. */
static void median_of(float *x, size_t n, float *median, float *greatest)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i]))
            x[kept++] = x[i];
    qsort(x, kept, sizeof *x, by_value);
    *median = kept == 0 ? NAN : kept % 2 ? x[kept / 2] : (x[kept / 2 - 1] + x[kept / 2]) / 2;
    *greatest = kept == 0 ? NAN : x[kept - 1];
}

/* Medians and greatest norms [L] of the listed rows of token_norms [n_row, L]. */
static evoke_status token_medians(evoke_store *s, const char *name, size_t n_row, const size_t *rows, size_t n,
                                  float *median, float *greatest, evoke_error *err)
{
    const size_t n_layer = s->info.n_layer;
    size_t block = MAX_VALUES / n_row;
    block = block < 1 ? 1 : block > n_layer ? n_layer : block;
    float *norms = NULL, *column = NULL;
    evoke_status st = evk_alloc(&norms, n_row * block, sizeof *norms, "read norms", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&column, n, sizeof *column, "read norms", err);
    for (size_t l = 0; l < n_layer && st == EVOKE_OK; l += block) {
        const size_t width = block < n_layer - l ? block : n_layer - l;
        st = evk_h5_read(s->file, name, EVK_H5_F32, (size_t[]){ 0, l }, (size_t[]){ n_row, width }, norms, err);
        for (size_t k = 0; k < width && st == EVOKE_OK; k++) {
            for (size_t i = 0; i < n; i++)
                column[i] = norms[rows[i] * width + k];
            median_of(column, n, &median[l + k], &greatest[l + k]);
        }
    }
    free(column);
    free(norms);
    return st;
}

/* The same from the span's means, for a store without token norms. */
static evoke_status mean_medians(evoke_store *s, evoke_site site, evoke_span span, float *median, evoke_error *err)
{
    const size_t n_layer = s->info.n_layer, n_setting = s->info.n_setting, d = s->info.d_model;
    float *x = NULL, *norms = NULL, greatest;
    size_t n = 0, size = 0;
    evoke_status st = evk_mul(s->info.n_query * n_setting, n_layer, &size) ? EVOKE_OK : EVOKE_ENOMEM;
    if (st == EVOKE_OK)
        st = evk_alloc(&x, n_setting * n_layer * d, sizeof *x, "read norms", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&norms, size, sizeof *norms, "read norms", err);
    const size_t stride = s->info.n_query * n_setting;             /* norms [L, stride] */
    for (size_t q = 0; q < s->info.n_query && st == EVOKE_OK; q++) {
        st = evk_store_read_query(s, site, span, q, x, err);
        for (size_t i = 0; i < n_setting && st == EVOKE_OK; i++) {
            if (!evk_store_done(s, q, i))
                continue;
            for (size_t l = 0; l < n_layer; l++)
                norms[l * stride + n] = (float)evk_norm(x + (i * n_layer + l) * d, d);
            n++;
        }
    }
    for (size_t l = 0; l < n_layer && st == EVOKE_OK; l++)
        median_of(norms + l * stride, n, &median[l], &greatest);
    free(norms);
    free(x);
    return st;
}

/* Medians, and greatest norms where *by_token is set: the store has token norms, for this span. */
static evoke_status find_norms(evoke_store *s, evoke_site site, evoke_span span, bool *by_token, float *median,
                               float *greatest, evoke_error *err)
{
    char norms[96], bounds[96];
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM], *rows = NULL, n = 0;
    *by_token = false;
    if (!evoke_store_has(s, site, span))
        return evk_fail(err, EVOKE_EDATA, "read store: no activations of span %s at %s (%s)", evoke_span_name(span),
                        evoke_site_name(site), evk_h5_path(s->file));
    evk_store_name(norms, site, "token_norms");
    if (!evk_h5_has(s->file, norms) || !evk_store_bounds(s, site, span, bounds))
        return EVOKE_OK;
    *by_token = true;
    EVK_TRY(evk_h5_shape(s->file, norms, &n_dim, dims, err));
    if (n_dim != 2 || dims[1] != s->info.n_layer || dims[0] > INT64_MAX / sizeof(size_t))
        return evk_fail(err, EVOKE_EFORMAT, "read store: %s is not [tokens, layers] (%s)", norms, evk_h5_path(s->file));
    evoke_status st = find_rows(s, bounds, dims[0], &rows, &n, err);
    if (st == EVOKE_OK)
        st = token_medians(s, norms, dims[0], rows, n, median, greatest, err);
    free(rows);
    return st;
}

evoke_status evk_store_median_norms(evoke_store *s, evoke_site site, evoke_span span, float *out, evoke_error *err)
{
    bool by_token = false;
    float *greatest = NULL;
    EVK_TRY(evk_alloc(&greatest, s->info.n_layer, sizeof *greatest, "read norms", err));
    evoke_status st = find_norms(s, site, span, &by_token, out, greatest, err);
    if (st == EVOKE_OK && !by_token)
        st = mean_medians(s, site, span, out, err);
    free(greatest);
    return st;
}

evoke_status evoke_store_sink(evoke_store *s, evoke_site site, evoke_span span, double *ratio, int32_t *layer,
                              evoke_error *err)
{
    bool by_token = false;
    float *norms = NULL;                                           /* medians [L], greatest [L] */
    const size_t n_layer = s->info.n_layer;
    *ratio = 0;
    *layer = -1;
    EVK_TRY(evk_alloc(&norms, 2 * n_layer, sizeof *norms, "read norms", err));
    const evoke_status st = find_norms(s, site, span, &by_token, norms, norms + n_layer, err);
    for (size_t l = 0; l < n_layer && st == EVOKE_OK && by_token; l++) {
        const double r = (double)norms[n_layer + l] / (double)norms[l];
        if (norms[l] > 0 && r > STANDS_OUT && r > *ratio) {
            *ratio = r;
            *layer = s->layers[l];
        }
    }
    free(norms);
    return st;
}
