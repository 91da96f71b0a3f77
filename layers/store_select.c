/* layers/store_select.c: some queries, settings, layers, sites of a store as a smaller store.
 *
 * Every array of a store lies along axes that are chosen from (N queries, S settings, L layers) or along R, the rows of tokens,
 * of which a prompt has some; what is kept is copied prompt by prompt, so memory does not grow with the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/quants.h"
#include "layers/labels.h"
#include "layers/store_choice.h"

enum { PIECE = 8192 };          /* values that are compressed together */

typedef struct copy {
    evk_selection of;
    evk_h5 *to;
    int64_t *rows;              /* [n_query, n_setting, 2] of the source; NULL: it has no tokens */
    size_t n_row;
    bool keep_tokens, packed, halves;
    const evoke_progress *progress;
    uint64_t n_done, n_total;   /* prompts of arrays, those that the store lacks among them */
} copy;

/* ---- arrays along N, or N and S ---- */

/* Texts [N] or [N, S]. */
static evoke_status copy_texts(const copy *q, const char *name, size_t n_dim, evoke_error *err)
{
    const size_t n_setting = n_dim == 2 ? q->of.n_setting : 1, dims[2] = { q->of.n_query, n_setting };
    char **all = NULL;
    const char **kept = NULL;
    size_t found = 0;
    if (!evk_h5_has(q->of.s->file, name))
        return EVOKE_OK;
    EVK_TRY(evk_h5_read_strings(q->of.s->file, name, &all, &found, err));
    evoke_status st = found == q->of.s->info.n_query * (n_dim == 2 ? q->of.s->info.n_setting : 1)
                          ? evk_alloc(&kept, q->of.n_query * n_setting, sizeof *kept, "select from store", err)
                          : evk_fail(err, EVOKE_EFORMAT, "select from store: %s has %zu entries (%s)", name, found,
                                     evk_store_path(q->of.s));
    for (size_t i = 0; i < q->of.n_query && st == EVOKE_OK; i++)
        for (size_t k = 0; k < n_setting; k++)
            kept[i * n_setting + k] = all[n_dim == 2 ? q->of.queries[i] * q->of.s->info.n_setting + q->of.settings[k]
                                                     : q->of.queries[i]];
    if (st == EVOKE_OK)
        st = evk_h5_write_strings(q->to, name, n_dim, dims, kept, err);
    free(kept);
    free(all);
    return st;
}

/* Emotions keep their order; those that were not asked for are left out. */
static evoke_status copy_emotions(const copy *q, const evoke_store_choice *c, evoke_error *err)
{
    const char *names[EVK_MAX_EMOTIONS];
    int16_t number[EVK_MAX_EMOTIONS], *of = NULL;
    size_t n = 0;
    for (size_t e = 0; e < q->of.s->info.n_emotion; e++)
        if (c->n_emotions == 0 || evk_is_listed(q->of.s->emotions[e], c->emotions, c->n_emotions)) {
            number[e] = (int16_t)n;
            names[n++] = q->of.s->emotions[e];
        }
    if (n == 0)
        return EVOKE_OK;
    EVK_TRY(evk_h5_write_strings(q->to, "/emotions", 1, &n, names, err));
    EVK_TRY(evk_alloc(&of, q->of.n_query, sizeof *of, "select from store", err));
    for (size_t i = 0; i < q->of.n_query; i++) {
        const int32_t e = q->of.s->emotion_of[q->of.queries[i]];
        of[i] = e >= 0 ? number[e] : (int16_t)-1;
    }
    const evoke_status st = evk_h5_write(q->to, "/queries/emotion", EVK_H5_I16, 1, &q->of.n_query, of, err);
    free(of);
    return st;
}

static evoke_status copy_axes(const copy *q, evoke_error *err)
{
    const char *settings[EVK_MAX_SETTINGS], *sites[EVOKE_N_SITE];
    int32_t layers[EVK_MAX_LAYERS];
    size_t n_site = 0;
    for (size_t i = 0; i < q->of.n_setting; i++)
        settings[i] = q->of.s->settings[q->of.settings[i]];
    for (size_t l = 0; l < q->of.n_layer; l++)
        layers[l] = q->of.s->layers[q->of.layers[l]];
    for (int site = 0; site < EVOKE_N_SITE; site++)
        if (q->of.site[site])
            sites[n_site++] = evoke_site_name((evoke_site)site);
    EVK_TRY(evk_h5_write_strings(q->to, "/settings", 1, &q->of.n_setting, settings, err));
    EVK_TRY(evk_h5_write_strings(q->to, "/sites", 1, &n_site, sites, err));
    return evk_h5_write(q->to, "/layers", EVK_H5_I32, 1, &q->of.n_layer, layers, err);
}

/* Of an array [N, S, width] or [N, S], read at once, the cells chosen: kept [n_query, n_setting] of `cell` bytes. */
static evoke_status pick_numbers(const copy *q, const char *name, evk_h5_type type, size_t width, size_t cell, void *kept,
                                 evoke_error *err)
{
    const size_t n_query = q->of.s->info.n_query, n_setting = q->of.s->info.n_setting;
    char *all = NULL, *to = kept;
    EVK_TRY(evk_alloc(&all, n_query * n_setting, cell, "select from store", err));
    const evoke_status st = evk_h5_read(q->of.s->file, name, type, (size_t[3]){ 0 }, (size_t[]){ n_query, n_setting, width }, all, err);
    for (size_t i = 0; i < q->of.n_query && st == EVOKE_OK; i++)
        for (size_t k = 0; k < q->of.n_setting; k++, to += cell)
            memcpy(to, all + (q->of.queries[i] * n_setting + q->of.settings[k]) * cell, cell);
    free(all);
    return st;
}

/* Integers [N, S, width]; width 1: [N, S]. */
static evoke_status copy_numbers(const copy *q, const char *name, evk_h5_type type, size_t bytes, size_t width, evoke_error *err)
{
    const size_t dims[3] = { q->of.n_query, q->of.n_setting, width }, cell = width * bytes;
    size_t n_dim = 0, held[EVK_H5_MAX_DIM];
    char *kept = NULL;
    if (!evk_h5_has(q->of.s->file, name))
        return EVOKE_OK;
    EVK_TRY(evk_h5_shape(q->of.s->file, name, &n_dim, held, err));
    if (n_dim != (width > 1 ? 3 : 2) || held[0] != q->of.s->info.n_query || held[1] != q->of.s->info.n_setting ||
        (width > 1 && held[2] != width))
        return evk_fail(err, EVOKE_EFORMAT, "select from store: %s is of another shape (%s)", name, evk_store_path(q->of.s));
    EVK_TRY(evk_alloc(&kept, q->of.n_query * q->of.n_setting, cell, "select from store", err));
    evoke_status st = pick_numbers(q, name, type, width, cell, kept, err);
    if (st == EVOKE_OK)
        st = evk_h5_write(q->to, name, type, n_dim, dims, kept, err);
    free(kept);
    return st;
}

/* ---- means [N, S, L, D] ---- */

/* An array to fill row by row. Where it is compressed, in pieces of about PIECE values along the last dimensions: whoever reads
 * one query or one layer of all queries unpacks little else. */
static evoke_status make_array(const copy *q, const char *name, evk_h5_type type, size_t n_dim, const size_t *dims,
                               evoke_error *err)
{
    uint64_t offset = 0;
    size_t piece[4], room = PIECE;
    if (!q->packed)
        return evk_h5_allocate(q->to, name, type, n_dim, dims, &offset, err);
    for (size_t i = n_dim; i-- > 0;) {
        piece[i] = room < dims[i] ? room : dims[i];
        room = room > piece[i] ? room / piece[i] : 1;
    }
    return evk_h5_allocate_packed(q->to, name, type, n_dim, dims, piece, err);
}

/* The n float32 values at x become as many float16, next to each other (HDF5 1.10's own rounding is off by far more than half a
 * unit for some values). */
static evoke_status round_halves(const copy *q, const char *name, void *x, size_t n, evoke_error *err)
{
    float *from = x;
    char *to = x;
    for (size_t i = 0; i < n; i++) {
        const float value = from[i];
        const uint16_t half = evk_to_f16(value);
        if (!evk_fits_f16(value))
            return evk_fail(err, EVOKE_EDATA, "select from store: a value of %.6g does not fit float16, whose largest is 65504"
                            " (%s: %s)", (double)value, evk_store_path(q->of.s), name);
        memcpy(to + 2 * i, &half, 2);
    }
    return EVOKE_OK;
}

static evoke_status copy_span(copy *q, evoke_site site, evoke_span span, evoke_error *err)
{
    const size_t d = q->of.s->info.d_model, n_layer = q->of.s->info.n_layer;
    const size_t dims[4] = { q->of.n_query, q->of.n_setting, q->of.n_layer, d };
    char name[96];
    const evk_h5_type type = q->halves ? EVK_H5_F16 : EVK_H5_F32;
    float *all = NULL, *kept = NULL;
    evk_store_name(name, site, evoke_span_name(span));
    EVK_TRY(make_array(q, name, type, 4, dims, err));
    EVK_TRY(evk_alloc(&all, q->of.s->info.n_setting * n_layer * d, sizeof *all, "select from store", err));
    evoke_status st = evk_alloc(&kept, q->of.n_setting * q->of.n_layer * d, sizeof *kept, "select from store", err);
    for (size_t i = 0; i < q->of.n_query && st == EVOKE_OK; i++) {
        st = evk_selection_read(&q->of, site, span, i, all, kept, err);
        if (st == EVOKE_OK && q->halves)
            st = round_halves(q, name, kept, q->of.n_setting * q->of.n_layer * d, err);
        if (st == EVOKE_OK)
            st = evk_h5_write_rows(q->to, name, type, i, 1, kept, err);
        if (st == EVOKE_OK)
            st = evk_report(q->progress, "query", q->n_done + i + 1, q->n_total, err);
    }
    free(all);
    free(kept);
    return st;
}

/* ---- tokens: a prompt's rows go next to those of the prompt before ---- */

static evoke_status read_rows(copy *q, evoke_error *err)
{
    const char name[] = "/tokens/offsets";
    size_t n_dim = 0, held[EVK_H5_MAX_DIM];
    if (!evk_h5_has(q->of.s->file, name) || !evk_h5_has(q->of.s->file, "/tokens/ids"))
        return EVOKE_OK;
    EVK_TRY(evk_h5_shape(q->of.s->file, "/tokens/ids", &n_dim, held, err));
    const size_t n_all = n_dim == 1 ? held[0] : 0;
    EVK_TRY(evk_h5_shape(q->of.s->file, name, &n_dim, held, err));
    if (n_dim != 3 || held[0] != q->of.s->info.n_query || held[1] != q->of.s->info.n_setting || held[2] != 2)
        return evk_fail(err, EVOKE_EFORMAT, "select from store: %s is of another shape (%s)", name, evk_store_path(q->of.s));
    EVK_TRY(evk_alloc(&q->rows, 2 * q->of.n_query * q->of.n_setting, sizeof *q->rows, "select from store", err));
    EVK_TRY(pick_numbers(q, name, EVK_H5_I64, 2, 2 * sizeof *q->rows, q->rows, err));
    for (size_t i = 0; i < q->of.n_query * q->of.n_setting; i++) {
        const int64_t *row = q->rows + 2 * i;
        if (row[0] < 0 || row[1] < row[0] || (uint64_t)row[1] > n_all)
            return evk_fail(err, EVOKE_EFORMAT, "select from store: rows %lld to %lld of %zu (%s)", (long long)row[0],
                            (long long)row[1], n_all, evk_store_path(q->of.s));
        q->n_row += (size_t)(row[1] - row[0]);
    }
    return EVOKE_OK;
}

static evoke_status write_offsets(const copy *q, evoke_error *err)
{
    const size_t n = q->of.n_query * q->of.n_setting, dims[3] = { q->of.n_query, q->of.n_setting, 2 };
    int64_t *offsets = NULL, at = 0;
    EVK_TRY(evk_alloc(&offsets, 2 * n, sizeof *offsets, "select from store", err));
    for (size_t i = 0; i < n; i++) {
        offsets[2 * i] = at;
        at += q->rows[2 * i + 1] - q->rows[2 * i];
        offsets[2 * i + 1] = at;
    }
    const evoke_status st = evk_h5_write(q->to, "/tokens/offsets", EVK_H5_I64, 3, dims, offsets, err);
    free(offsets);
    return st;
}

/* One prompt's rows of a dataset [R], [R, L] or [R, L, D] of four bytes a value, its chosen layers, to row `at` on. width: values
 * of a layer. */
static evoke_status copy_prompt(const copy *q, const char *name, evk_h5_type type, size_t n_dim, size_t width, bool halves,
                                const int64_t row[2], size_t at, evoke_error *err)
{
    const size_t n = (size_t)(row[1] - row[0]), cell = width * 4;
    const size_t n_all = n_dim > 1 ? q->of.s->info.n_layer : 1, n_kept = n_dim > 1 ? q->of.n_layer : 1;
    char *all = NULL, *kept = NULL;
    if (n == 0)
        return EVOKE_OK;
    EVK_TRY(evk_alloc(&all, n * n_all, cell, "select from store", err));
    evoke_status st = evk_alloc(&kept, n * n_kept, cell, "select from store", err);
    if (st == EVOKE_OK)
        st = evk_h5_read(q->of.s->file, name, type, (size_t[]){ (size_t)row[0], 0, 0 }, (size_t[]){ n, n_all, width }, all, err);
    for (size_t t = 0; t < n && st == EVOKE_OK; t++)
        for (size_t l = 0; l < n_kept; l++)
            memcpy(kept + (t * n_kept + l) * cell, all + (t * n_all + (n_dim > 1 ? q->of.layers[l] : 0)) * cell, cell);
    if (st == EVOKE_OK && halves)
        st = round_halves(q, name, kept, n * n_kept * width, err);
    if (st == EVOKE_OK)
        st = evk_h5_write_rows(q->to, name, halves ? EVK_H5_F16 : type, at, n, kept, err);
    free(all);
    free(kept);
    return st;
}

/* type: float32 or int32; halves: float32 becomes float16. */
static evoke_status copy_rows(const copy *q, const char *name, evk_h5_type type, size_t n_dim, bool halves, evoke_error *err)
{
    const size_t width = n_dim > 2 ? q->of.s->info.d_model : 1, dims[3] = { q->n_row, q->of.n_layer, width };
    size_t found = 0, held[EVK_H5_MAX_DIM], at = 0;
    if (!q->rows || q->n_row == 0 || !evk_h5_has(q->of.s->file, name))
        return EVOKE_OK;
    EVK_TRY(evk_h5_shape(q->of.s->file, name, &found, held, err));
    if (found != n_dim || (n_dim > 1 && held[1] != q->of.s->info.n_layer) || (n_dim > 2 && held[2] != width))
        return evk_fail(err, EVOKE_EFORMAT, "select from store: %s is of another shape (%s)", name, evk_store_path(q->of.s));
    EVK_TRY(make_array(q, name, halves ? EVK_H5_F16 : type, n_dim, dims, err));
    for (size_t i = 0; i < q->of.n_query * q->of.n_setting; i++) {
        if ((uint64_t)q->rows[2 * i + 1] > held[0])
            return evk_fail(err, EVOKE_EFORMAT, "select from store: %s has %zu rows (%s)", name, held[0],
                            evk_store_path(q->of.s));
        EVK_TRY(copy_prompt(q, name, type, n_dim, width, halves, q->rows + 2 * i, at, err));
        at += (size_t)(q->rows[2 * i + 1] - q->rows[2 * i]);
        EVK_TRY(evk_report(q->progress, "query", q->n_done + (i + 1) / q->of.n_setting, q->n_total, err));
    }
    return EVOKE_OK;
}

/* ---- the whole ---- */

enum { ARRAYS_OF_SITE = EVOKE_N_SPAN + 2 };

static evoke_status copy_site(copy *q, evoke_site site, evoke_error *err)
{
    char name[96];
    for (int span = 0; span < EVOKE_N_SPAN; span++, q->n_done += q->of.n_query)
        if (q->of.span[span] && q->of.s->has[site][span])
            EVK_TRY(copy_span(q, site, (evoke_span)span, err));
    evk_store_name(name, site, "token_norms");
    EVK_TRY(copy_rows(q, name, EVK_H5_F32, 2, false, err));
    q->n_done += q->of.n_query;
    evk_store_name(name, site, "tokens");
    const bool halves = q->halves || (evk_h5_has(q->of.s->file, name) && evk_h5_stored_as(q->of.s->file, name, EVK_H5_F16));
    if (q->keep_tokens)
        EVK_TRY(copy_rows(q, name, EVK_H5_F32, 3, halves, err));
    q->n_done += q->of.n_query;
    return EVOKE_OK;
}

static evoke_status copy_bounds(const copy *q, evoke_error *err)
{
    char name[96], *which = NULL;
    for (int span = 0; span < EVOKE_N_SPAN; span++) {
        snprintf(name, sizeof name, "/tokens/%s", evoke_span_name((evoke_span)span));
        EVK_TRY(copy_numbers(q, name, EVK_H5_I32, 4, 2, err));
    }
    EVK_TRY(copy_numbers(q, "/tokens/span", EVK_H5_I32, 4, 2, err));
    if (!evk_h5_has(q->of.s->file, "/tokens/span") || !evk_h5_get_string(q->of.s->file, "/tokens/span", "span", &which))
        return EVOKE_OK;
    const evoke_status st = evk_h5_attr_string(q->to, "/tokens/span", "span", which, err);
    free(which);
    return st;
}

static evoke_status copy_all(copy *q, const evoke_store_choice *c, const evoke_provenance *made, evoke_error *err)
{
    const evk_h5_signature signature = {
        .format = "evoke-activations", .model_name = q->of.s->model_name, .model_sha256 = q->of.s->model_sha256,
        .architecture = q->of.s->architecture, .n_layer = q->of.s->n_layer_model, .d_model = q->of.s->info.d_model, .made = made,
    };
    q->n_total = q->of.n_query;         /* of ids, and of each site */
    for (int site = 0; site < EVOKE_N_SITE; site++)
        q->n_total += q->of.site[site] ? ARRAYS_OF_SITE * q->of.n_query : 0;
    EVK_TRY(evk_h5_sign(q->to, &signature, err));
    EVK_TRY(evk_h5_attr_string(q->to, "/", "selected_from", evk_store_path(q->of.s), err));
    EVK_TRY(copy_axes(q, err));
    EVK_TRY(copy_emotions(q, c, err));
    EVK_TRY(copy_texts(q, "/queries/text", 1, err));
    EVK_TRY(copy_texts(q, "/queries/id", 1, err));
    EVK_TRY(copy_texts(q, "/queries/language", 1, err));
    EVK_TRY(copy_texts(q, "/prompts/text", 2, err));
    EVK_TRY(copy_numbers(q, "/progress/done", EVK_H5_U8, 1, 1, err));
    if (q->rows) {
        EVK_TRY(write_offsets(q, err));
        EVK_TRY(copy_rows(q, "/tokens/ids", EVK_H5_I32, 1, false, err));
        EVK_TRY(copy_bounds(q, err));
    }
    q->n_done += q->of.n_query;
    for (int site = 0; site < EVOKE_N_SITE; site++)
        if (q->of.site[site])
            EVK_TRY(copy_site(q, (evoke_site)site, err));
    return EVOKE_OK;
}

evoke_status evoke_store_select(evoke_store *s, const evoke_store_choice *choice, const char *path, const evoke_provenance *made,
                                const evoke_progress *progress, evoke_error *err)
{
    copy q = { .progress = progress, .keep_tokens = !choice->no_tokens, .packed = choice->compressed, .halves = choice->float16 };
    evoke_status st = evk_selection_make(s, choice, &q.of, err);
    if (st == EVOKE_OK)
        st = read_rows(&q, err);
    if (st == EVOKE_OK)
        st = evk_h5_create(path, &q.to, err);
    if (st == EVOKE_OK) {
        st = copy_all(&q, choice, made, err);
        if (st == EVOKE_OK)
            st = evk_h5_commit(q.to, err);
        else
            evk_h5_free(q.to);
    }
    free(q.rows);
    evk_selection_free(&q.of);
    return st;
}
