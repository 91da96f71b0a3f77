#include <stdio.h>
#include <stdlib.h>

#include "layers/store_merge.h"

enum { BLOCK_BYTES = 4 << 20 };

typedef struct copier {
    const evk_shard *shard;
    const evk_store_spec *spec;
    evk_h5 *from, *to;
} copier;

static size_t bytes_of(evk_h5_type type)
{
    return type == EVK_H5_U8 ? 1 : type == EVK_H5_F16 ? 2 : 4;
}

/* All of a dataset [n, row...] to rows [first, first + n) of the whole, some rows at a time. */
static evoke_status copy_rows(const copier *c, const char *name, evk_h5_type type, size_t n_dim, const size_t *dims, size_t first,
                              evoke_error *err)
{
    size_t found = 0, held[EVK_H5_MAX_DIM], start[EVK_H5_MAX_DIM] = { 0 }, count[EVK_H5_MAX_DIM], row = bytes_of(type);
    void *block = NULL;
    EVK_TRY(evk_h5_shape(c->from, name, &found, held, err));
    bool same = found == n_dim && evk_h5_stored_as(c->from, name, type);
    for (size_t i = 0; i < n_dim && same; i++)
        same = held[i] == dims[i];
    if (!same)
        return evk_fail(err, EVOKE_EDATA, "merge: %s is of another form than its shard's (%s)", name, c->shard->path);
    for (size_t i = 1; i < n_dim; i++) {
        row *= dims[i];
        count[i] = dims[i];
    }
    const size_t most = row < BLOCK_BYTES ? BLOCK_BYTES / row : 1;
    evoke_status st = evk_alloc(&block, most < dims[0] ? most : dims[0], row, "merge", err);
    for (; st == EVOKE_OK && start[0] < dims[0]; start[0] += count[0]) {
        count[0] = dims[0] - start[0] < most ? dims[0] - start[0] : most;
        st = evk_h5_read(c->from, name, type, start, count, block, err);
        if (st == EVOKE_OK)
            st = evk_h5_write_rows(c->to, name, type, first + start[0], count[0], block, err);
    }
    free(block);
    return st;
}

static evoke_status copy_site(const copier *c, evoke_site site, evoke_error *err)
{
    const evk_store_spec *s = c->spec;
    const size_t dims[4] = { c->shard->n_query, s->n_setting, s->n_layer, s->d_model };
    const size_t tokens[3] = { c->shard->n_row, s->n_layer, s->d_model };
    char name[96];
    for (size_t k = 0; k < s->n_span; k++) {
        snprintf(name, sizeof name, "/activations/%s/%s", evoke_site_name(site), evoke_span_name(s->spans[k]));
        EVK_TRY(copy_rows(c, name, EVK_H5_F32, 4, dims, c->shard->part.first_query, err));
    }
    snprintf(name, sizeof name, "/activations/%s/token_norms", evoke_site_name(site));
    EVK_TRY(copy_rows(c, name, EVK_H5_F32, 2, tokens, c->shard->first_row, err));
    snprintf(name, sizeof name, "/activations/%s/tokens", evoke_site_name(site));
    return s->store_tokens ? copy_rows(c, name, s->float16 ? EVK_H5_F16 : EVK_H5_F32, 3, tokens, c->shard->first_row, err)
                           : EVOKE_OK;
}

/* /tokens/offsets counts rows: from the whole's first, not the shard's. */
static evoke_status copy_offsets(const copier *c, evoke_error *err)
{
    const size_t n = c->shard->n_query * c->spec->n_setting * 2;
    int64_t *offsets = NULL;
    EVK_TRY(evk_alloc(&offsets, n, sizeof *offsets, "merge", err));
    evoke_status st = evk_h5_read(c->from, "/tokens/offsets", EVK_H5_I64, NULL, NULL, offsets, err);
    for (size_t i = 0; i < n; i++)
        offsets[i] += (int64_t)c->shard->first_row;
    if (st == EVOKE_OK)
        st = evk_h5_write_rows(c->to, "/tokens/offsets", EVK_H5_I64, c->shard->part.first_query, c->shard->n_query, offsets, err);
    free(offsets);
    return st;
}

static evoke_status copy_shard(const copier *c, evoke_error *err)
{
    const size_t n = c->shard->n_query, first = c->shard->part.first_query, bounds[3] = { n, c->spec->n_setting, 2 };
    char name[96];
    for (size_t i = 0; i < c->spec->n_site; i++)
        EVK_TRY(copy_site(c, c->spec->sites[i], err));
    for (size_t k = 0; k < c->spec->n_span; k++) {
        snprintf(name, sizeof name, "/tokens/%s", evoke_span_name(c->spec->spans[k]));
        EVK_TRY(copy_rows(c, name, EVK_H5_I32, 3, bounds, first, err));
    }
    EVK_TRY(copy_rows(c, "/tokens/span", EVK_H5_I32, 3, bounds, first, err));
    EVK_TRY(copy_rows(c, "/tokens/ids", EVK_H5_I32, 1, &c->shard->n_row, c->shard->first_row, err));
    EVK_TRY(copy_offsets(c, err));
    return copy_rows(c, "/progress/done", EVK_H5_U8, 2, bounds, first, err);
}

evoke_status evk_shards_copy(const evk_shard *shards, size_t n, const evk_store_spec *spec, evk_h5 *to,
                             const evoke_progress *progress, evoke_error *err)
{
    for (size_t i = 0; i < n; i++) {
        copier c = { &shards[i], spec, NULL, to };
        if (progress && progress->report && !progress->report(progress->user, "merge", i, n))
            return evk_fail(err, EVOKE_EINTERRUPTED, "merge: stopped, nothing is written");
        if (shards[i].n_query == 0)
            continue;
        EVK_TRY(evk_h5_open(shards[i].path, &c.from, err));
        const evoke_status st = copy_shard(&c, err);
        evk_h5_free(c.from);
        EVK_TRY(st);
    }
    return EVOKE_OK;
}
