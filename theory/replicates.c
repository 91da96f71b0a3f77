#include "theory/replicates.h"

#include <stdlib.h>
#include <string.h>

#include "core/files/hdf5.h"

static const char format[] = "evoke-replicates";
static const size_t row_bytes = EVK_R_COUNT * sizeof(double);

void evk_replicates_free(evk_replicates *r)
{
    free(r->estimates);
    free(r->rows);
    free(r->totals);
    free(r->version);
    *r = (evk_replicates){0};
}

/* ---- in an analysis ---- */
static evoke_status grow(evk_replicates *r, size_t n_row, evoke_error *err)
{
    double *rows = realloc(r->rows, (r->n_row + n_row + 1) * row_bytes);
    r->rows = rows ? rows : r->rows;
    double *estimates = realloc(r->estimates, (r->n_unit + 1) * row_bytes);
    r->estimates = estimates ? estimates : r->estimates;
    int64_t *totals = realloc(r->totals, (r->n_unit + 1) * sizeof *totals);
    r->totals = totals ? totals : r->totals;
    return rows && estimates && totals ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "bootstrap: no memory for the replicates");
}

evoke_status evk_replicates_make(evk_replicates *r, evk_replication *of, const double *estimate, uint64_t emotion,
                                 size_t n_thread, evoke_error *err)
{
    const size_t total = (size_t)r->n_replicate + of->pairs->n;
    size_t n = 0;
    evoke_shard_range(r->shard, r->n_shard, total, &of->first, &n);
    of->end = of->first + n;
    EVK_TRY(grow(r, n, err));
    memcpy(r->estimates + r->n_unit * EVK_R_COUNT, estimate, row_bytes);
    r->totals[r->n_unit++] = (int64_t)total;
    if (n > 0)                          /* an end of 0 would be all */
        EVK_TRY(evk_bootstrap(of, r->seed, emotion, (size_t)r->n_replicate, n_thread, r->rows + r->n_row * EVK_R_COUNT, err));
    r->n_row += n;
    return EVOKE_OK;
}

evoke_status evk_replicates_take(evk_replicates *r, const double *estimate, size_t total, double *out, evoke_error *err)
{
    if (r->row == r->n_row || r->n_unit == 0 || r->totals[0] != (int64_t)total || total > r->n_row - r->row ||
        memcmp(r->estimates, estimate, row_bytes) != 0)
        return evk_fail(err, EVOKE_EDATA, "use replicates: they are of another store, site, span, layers, vectors or shrinkage, "
                        "or of another machine's arithmetic (%s)", r->path);
    memcpy(out, r->rows + r->row * EVK_R_COUNT, total * row_bytes);
    r->row += total;
    r->n_unit--;
    memmove(r->estimates, r->estimates + EVK_R_COUNT, r->n_unit * row_bytes);
    memmove(r->totals, r->totals + 1, r->n_unit * sizeof *r->totals);
    return EVOKE_OK;
}

/* ---- files ---- */
evoke_status evk_replicates_save(const evk_replicates *r, const char *path, const evoke_provenance *made, evoke_error *err)
{
    const evoke_provenance by = { made ? made->command_line : NULL, r->seed };
    const evk_h5_signature sign = { .format = format, .model_name = "", .model_sha256 = "", .architecture = "", .made = &by };
    const size_t rows[2] = { r->n_row, EVK_R_COUNT }, units[2] = { r->n_unit, EVK_R_COUNT };
    evk_h5 *f = NULL;
    EVK_TRY(evk_h5_create(path, &f, err));
    evoke_status st = evk_h5_sign(f, &sign, err);
    const struct { const char *name; int64_t value; } numbers[] = {
        { "shard", (int64_t)r->shard }, { "n_shards", (int64_t)r->n_shard }, { "n_bootstrap", r->n_replicate },
    };
    for (size_t i = 0; st == EVOKE_OK && i < sizeof numbers / sizeof *numbers; i++)
        st = evk_h5_attr_i64(f, "/", numbers[i].name, numbers[i].value, err);
    if (st == EVOKE_OK)
        st = evk_h5_write(f, "/estimates", EVK_H5_F64, 2, units, r->estimates, err);
    if (st == EVOKE_OK)
        st = evk_h5_write(f, "/totals", EVK_H5_I64, 1, units, r->totals, err);
    if (st == EVOKE_OK && r->n_row > 0)
        st = evk_h5_write(f, "/replicates", EVK_H5_F64, 2, rows, r->rows, err);
    if (st == EVOKE_OK)
        return evk_h5_commit(f, err);
    evk_h5_free(f);
    return st;
}

static evoke_status read_table(evk_h5 *f, const char *name, double **out, size_t *n, evoke_error *err)
{
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
    EVK_TRY(evk_h5_shape(f, name, &n_dim, dims, err));
    if (n_dim != 2 || dims[1] != EVK_R_COUNT)
        return evk_fail(err, EVOKE_EFORMAT, "read replicates: %s is not [n, %d] (%s)", name, EVK_R_COUNT, evk_h5_path(f));
    *n = dims[0];
    EVK_TRY(evk_alloc(out, dims[0], row_bytes, "read replicates", err));
    return evk_h5_read(f, name, EVK_H5_F64, NULL, NULL, *out, err);
}

/* Each unit has as many rows as its shard's part of its total. */
static evoke_status check_rows(const evk_replicates *r, evoke_error *err)
{
    size_t n_row = 0, first = 0, n = 0;
    for (size_t u = 0; u < r->n_unit; u++) {
        if (r->totals[u] < 1 || r->totals[u] > INT32_MAX)
            return evk_fail(err, EVOKE_EFORMAT, "read replicates: unit %zu has %lld of them (%s)", u, (long long)r->totals[u],
                            r->path);
        evoke_shard_range(r->shard, r->n_shard, (size_t)r->totals[u], &first, &n);
        n_row += n;
    }
    return n_row == r->n_row ? EVOKE_OK
         : evk_fail(err, EVOKE_EFORMAT, "read replicates: %zu rows for %zu (%s)", r->n_row, n_row, r->path);
}

static evoke_status read_all(evk_h5 *f, evk_replicates *r, evoke_error *err)
{
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
    int64_t shard = 0, n_shard = 0;
    char *said = NULL;
    evk_h5_get_string(f, "/", "format", &said);
    const bool ours = said && strcmp(said, format) == 0;
    free(said);
    if (!ours || !evk_h5_get_i64(f, "/", "shard", &shard) || !evk_h5_get_i64(f, "/", "n_shards", &n_shard) || shard < 1 ||
        shard > n_shard || !evk_h5_get_u64(f, "/", "seed", &r->seed) || !evk_h5_get_i64(f, "/", "n_bootstrap", &r->n_replicate) ||
        !evk_h5_get_string(f, "/", "program_version", &r->version))
        return evk_fail(err, EVOKE_EFORMAT, "read replicates: they are none (%s; theory --shard writes them)", r->path);
    r->shard = (size_t)shard;
    r->n_shard = (size_t)n_shard;
    EVK_TRY(read_table(f, "/estimates", &r->estimates, &r->n_unit, err));
    EVK_TRY(evk_h5_shape(f, "/totals", &n_dim, dims, err));
    if (n_dim != 1 || dims[0] != r->n_unit)
        return evk_fail(err, EVOKE_EFORMAT, "read replicates: /totals is not [%zu] (%s)", r->n_unit, r->path);
    EVK_TRY(evk_alloc(&r->totals, r->n_unit, sizeof *r->totals, "read replicates", err));
    EVK_TRY(evk_h5_read(f, "/totals", EVK_H5_I64, NULL, NULL, r->totals, err));
    if (evk_h5_has(f, "/replicates"))
        EVK_TRY(read_table(f, "/replicates", &r->rows, &r->n_row, err));
    return check_rows(r, err);
}

evoke_status evk_replicates_open(const char *path, evk_replicates *r, evoke_error *err)
{
    evk_h5 *f = NULL;
    *r = (evk_replicates){ .path = path };
    EVK_TRY(evk_h5_open(path, &f, err));
    const evoke_status st = read_all(f, r, err);
    evk_h5_free(f);
    return st;
}

/* ---- parts to the whole ---- */
static int by_shard(const void *a, const void *b)
{
    const evk_replicates *x = a, *y = b;
    return (x->shard > y->shard) - (x->shard < y->shard);
}

static evoke_status same_analysis(const evk_replicates *a, const evk_replicates *b, evoke_error *err)
{
    const char *what = strcmp(a->version, b->version) != 0 ? "program_version"
                     : a->n_shard != b->n_shard ? "n_shards"
                     : a->seed != b->seed ? "seed"
                     : a->n_replicate != b->n_replicate ? "n_bootstrap"
                     : a->n_unit != b->n_unit || memcmp(a->totals, b->totals, a->n_unit * sizeof *a->totals) != 0
                         ? "the number of layers, emotions or queries"
                     : memcmp(a->estimates, b->estimates, a->n_unit * row_bytes) != 0
                         ? "what the replicates are of (store, site, span, layers, vectors, shrinkage, arithmetic)" : NULL;
    return !what ? EVOKE_OK
         : evk_fail(err, EVOKE_EDATA, "merge: not shards of one analysis: %s differs (%s and %s)", what, a->path, b->path);
}

static evoke_status check_cover(const evk_replicates *parts, size_t n, evoke_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            EVK_TRY(same_analysis(&parts[0], &parts[i], err));
        if (i > 0 && parts[i].shard == parts[i - 1].shard)
            return evk_fail(err, EVOKE_EDATA, "merge: shard %zu of %zu is there twice (%s and %s)", parts[i].shard,
                            parts[0].n_shard, parts[i - 1].path, parts[i].path);
    }
    for (size_t i = 0; i < parts[0].n_shard; i++)
        if (i >= n || parts[i].shard != i + 1)
            return evk_fail(err, EVOKE_EDATA, "merge: shard %zu of %zu is missing (%s is of them)", i + 1, parts[0].n_shard,
                            parts[0].path);
    return EVOKE_OK;
}

static evoke_status join(evk_replicates *parts, size_t n, evk_replicates *whole, evoke_error *err)
{
    size_t n_row = 0;
    for (size_t i = 0; i < n; i++)
        n_row += parts[i].n_row;
    *whole = parts[0];                  /* its estimates and totals are all that is read of them */
    whole->n_shard = whole->shard = 1;
    whole->rows = NULL;
    whole->n_row = 0;
    EVK_TRY(evk_alloc(&whole->rows, n_row, row_bytes, "merge", err));
    for (size_t u = 0; u < parts[0].n_unit; u++)
        for (size_t i = 0; i < n; i++) {
            size_t first = 0, count = 0;
            evoke_shard_range(parts[i].shard, n, (size_t)parts[0].totals[u], &first, &count);
            if (count > 0)
                memcpy(whole->rows + whole->n_row * EVK_R_COUNT, parts[i].rows + parts[i].row * EVK_R_COUNT, count * row_bytes);
            parts[i].row += count;
            whole->n_row += count;
        }
    return EVOKE_OK;
}

evoke_status evoke_replicates_merge(const char *const *paths, size_t n, const char *path, const evoke_provenance *made,
                                    evoke_error *err)
{
    evk_replicates *parts = NULL, whole = { 0 };
    EVK_TRY(evk_alloc(&parts, n, sizeof *parts, "merge", err));
    evoke_status st = n > 0 ? EVOKE_OK : evk_fail(err, EVOKE_EARG, "merge: no shard is named");
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        st = evk_replicates_open(paths[i], &parts[i], err);
    if (st == EVOKE_OK) {
        qsort(parts, n, sizeof *parts, by_shard);
        st = check_cover(parts, n, err);
    }
    if (st == EVOKE_OK)
        st = join(parts, n, &whole, err);
    if (st == EVOKE_OK)
        st = evk_replicates_save(&whole, path, made, err);
    free(whole.rows);
    for (size_t i = 0; i < n; i++)
        evk_replicates_free(&parts[i]);
    free(parts);
    return st;
}
