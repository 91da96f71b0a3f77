/* layers/store_write.c: filling a store in place. Every array has had its place in the file since its creation, so a write is
 * a pwrite and HDF5 takes no part in it: killed at any moment, the file is a valid store.
 *
 *     write a batch:  data of all its items, fdatasync, then their bytes in /progress/done
 *
 * A byte is therefore never set before its data are on disk. One writer at a time: an open-file-description lock, which the
 * system drops with the process (on a file system without locks there is no such protection). */
#define _GNU_SOURCE     /* F_OFD_SETLK, renameat2 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/kernels/quants.h"
#include "layers/store_spec.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the arrays of a store are little endian");

struct evk_store_writer {
    int fd;
    char *path;
    size_t n_query, n_setting, n_layer, d_model, n_site, n_span;
    size_t *starts, *n_prompt_ids;              /* [N * S + 1] first rows; [N * S] */
    bool store_tokens, float16;
    uint8_t *done;                              /* [N * S] */
    uint64_t done_at, ids_at, offsets_at, span_at, spans_at[EVOKE_N_SPAN];     /* where arrays begin in the file */
    uint64_t means_at[EVOKE_N_SITE][EVOKE_N_SPAN], norms_at[EVOKE_N_SITE], tokens_at[EVOKE_N_SITE];
};

/* ---- opening ---- */
/* Takes the final name only where nothing has it: another process may have been quicker. */
static evoke_status claim_name(const char *made, const char *path, evoke_error *err)
{
    if (renameat2(AT_FDCWD, made, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return EVOKE_OK;
    int reason = errno;
    if (reason == EINVAL || reason == ENOSYS) {                     /* the file system cannot do both at once */
        if (access(path, F_OK) == 0)
            reason = EEXIST;
        else if (rename(made, path) == 0)
            return EVOKE_OK;
        else
            reason = errno;
    }
    unlink(made);
    return reason == EEXIST ? EVOKE_OK : evk_fail(err, EVOKE_EIO, "create store: %s (%s)", strerror(reason), path);
}

static evoke_status create_if_missing(const char *path, const evk_store_spec *spec, const size_t *starts,
                                      evoke_error *err)
{
    char *made = NULL;
    const size_t room = strlen(path) + 32;
    if (access(path, F_OK) == 0)
        return EVOKE_OK;
    EVK_TRY(evk_alloc(&made, room, 1, "create store", err));
    snprintf(made, room, "%s.%ld.new", path, (long)getpid());
    evk_h5 *f = NULL;
    evoke_status st = evk_store_create(made, spec, starts, &f, err);
    if (st == EVOKE_OK)
        st = evk_h5_commit(f, err);
    if (st == EVOKE_OK)
        st = claim_name(made, path, err);
    free(made);
    return st;
}

static evoke_status lock_file(evk_store_writer *w, evoke_error *err)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    w->fd = open(w->path, O_RDWR | O_CLOEXEC);
    if (w->fd < 0)
        return evk_fail(err, EVOKE_EIO, "open store for writing: %s (%s)", strerror(errno), w->path);
    if (fcntl(w->fd, F_OFD_SETLK, &lock) != 0 && (errno == EAGAIN || errno == EACCES))
        return evk_fail(err, EVOKE_EBUSY, "open store for writing: another process is writing it (%s)", w->path);
    return EVOKE_OK;
}

/* Where a dataset of exactly this form begins. */
static evoke_status place(evk_h5 *f, const char *name, evk_h5_type type, size_t n_dim, const size_t *dims, uint64_t *at,
                          evoke_error *err)
{
    size_t found = 0, held[EVK_H5_MAX_DIM];
    EVK_TRY(evk_h5_shape(f, name, &found, held, err));
    bool same = found == n_dim && evk_h5_stored_as(f, name, type);
    for (size_t i = 0; i < n_dim && same; i++)
        same = held[i] == dims[i];
    if (!same)
        return evk_fail(err, EVOKE_EDATA, "continue store: %s is of another form (%s)", name, evk_h5_path(f));
    return evk_h5_offset(f, name, at, err);
}

static evoke_status place_site(evk_store_writer *w, evk_h5 *f, const evk_store_spec *s, size_t i, evoke_error *err)
{
    const size_t dims[4] = { w->n_query, w->n_setting, w->n_layer, w->d_model };
    const size_t tokens[3] = { w->starts[w->n_query * w->n_setting], w->n_layer, w->d_model };
    const char *site = evoke_site_name(s->sites[i]);
    char name[96];
    for (size_t k = 0; k < w->n_span; k++) {
        snprintf(name, sizeof name, "/activations/%s/%s", site, evoke_span_name(s->spans[k]));
        EVK_TRY(place(f, name, EVK_H5_F32, 4, dims, &w->means_at[i][k], err));
    }
    snprintf(name, sizeof name, "/activations/%s/token_norms", site);
    EVK_TRY(place(f, name, EVK_H5_F32, 2, tokens, &w->norms_at[i], err));
    snprintf(name, sizeof name, "/activations/%s/tokens", site);
    if (evk_h5_has(f, name) != w->store_tokens)
        return evk_fail(err, EVOKE_EDATA, "continue store: it %s every token, here it should%s (%s)",
                        w->store_tokens ? "does not hold" : "holds", w->store_tokens ? "" : " not", w->path);
    if (w->store_tokens)
        EVK_TRY(place(f, name, w->float16 ? EVK_H5_F16 : EVK_H5_F32, 3, tokens, &w->tokens_at[i], err));
    return EVOKE_OK;
}

static evoke_status place_all(evk_store_writer *w, evk_h5 *f, const evk_store_spec *s, evoke_error *err)
{
    const size_t bounds[3] = { w->n_query, w->n_setting, 2 }, *n_row = &w->starts[w->n_query * w->n_setting];
    char name[96];
    EVK_TRY(place(f, "/progress/done", EVK_H5_U8, 2, bounds, &w->done_at, err));
    EVK_TRY(place(f, "/tokens/ids", EVK_H5_I32, 1, n_row, &w->ids_at, err));
    EVK_TRY(place(f, "/tokens/offsets", EVK_H5_I64, 3, bounds, &w->offsets_at, err));
    EVK_TRY(place(f, "/tokens/span", EVK_H5_I32, 3, bounds, &w->span_at, err));
    for (size_t k = 0; k < w->n_span; k++) {
        snprintf(name, sizeof name, "/tokens/%s", evoke_span_name(s->spans[k]));
        EVK_TRY(place(f, name, EVK_H5_I32, 3, bounds, &w->spans_at[k], err));
    }
    for (size_t i = 0; i < w->n_site; i++)
        EVK_TRY(place_site(w, f, s, i, err));
    return evk_h5_read(f, "/progress/done", EVK_H5_U8, NULL, NULL, w->done, err);
}

static evoke_status open_writer(evk_store_writer *w, const char *path, const evk_store_spec *s, evoke_error *err)
{
    const size_t n = s->n_query * s->n_setting;
    evk_h5 *f = NULL;
    w->n_query = s->n_query;
    w->n_setting = s->n_setting;
    w->n_layer = s->n_layer;
    w->d_model = s->d_model;
    w->n_site = s->n_site;
    w->n_span = s->n_span;
    w->store_tokens = s->store_tokens;
    w->float16 = s->float16;
    if (!(w->path = strdup(path)))
        return evk_fail(err, EVOKE_ENOMEM, "open store for writing: no memory (%s)", path);
    EVK_TRY(evk_store_spec_rows(s, &w->starts, err));
    EVK_TRY(evk_alloc(&w->n_prompt_ids, n, sizeof *w->n_prompt_ids, "open store for writing", err));
    memcpy(w->n_prompt_ids, s->n_prompt_ids, n * sizeof *w->n_prompt_ids);
    EVK_TRY(evk_alloc(&w->done, n, 1, "open store for writing", err));
    EVK_TRY(create_if_missing(path, s, w->starts, err));
    EVK_TRY(lock_file(w, err));
    EVK_TRY(evk_h5_open(path, &f, err));
    evoke_status st = evk_store_compare(f, s, w->starts, err);
    if (st == EVOKE_OK && s->n_query > 0)
        st = place_all(w, f, s, err);
    evk_h5_free(f);
    return st;
}

evoke_status evk_store_write_open(const char *path, const evk_store_spec *spec, evk_store_writer **out, evoke_error *err)
{
    *out = NULL;
    evk_store_writer *w = NULL;
    EVK_TRY(evk_store_spec_check(spec, err));
    EVK_TRY(evk_alloc(&w, 1, sizeof *w, "open store for writing", err));
    w->fd = -1;
    const evoke_status st = open_writer(w, path, spec, err);
    if (st == EVOKE_OK)
        *out = w;
    else
        evk_store_write_free(w);
    return st;
}

void evk_store_write_free(evk_store_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    free(w->path);
    free(w->starts);
    free(w->n_prompt_ids);
    free(w->done);
    free(w);
}

bool evk_store_write_done(const evk_store_writer *w, size_t query, size_t setting)
{
    return w->done[query * w->n_setting + setting] != 0;
}

/* ---- writing ---- */
static evoke_status put(const evk_store_writer *w, uint64_t at, const void *bytes, size_t n, evoke_error *err)
{
    const char *from = bytes;
    while (n > 0) {
        const ssize_t wrote = pwrite(w->fd, from, n, (off_t)at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return evk_fail(err, EVOKE_EIO, "write store: %s (%s)", strerror(wrote < 0 ? errno : EIO), w->path);
        from += wrote;
        at += (uint64_t)wrote;
        n -= (size_t)wrote;
    }
    return EVOKE_OK;
}

static evoke_status sync_data(const evk_store_writer *w, evoke_error *err)
{
    return fdatasync(w->fd) == 0 ? EVOKE_OK : evk_fail(err, EVOKE_EIO, "write store: %s (%s)", strerror(errno), w->path);
}

/* NaN passes, as in float32. */
static evoke_status put_halves(const evk_store_writer *w, uint64_t at, const float *x, size_t n, evoke_error *err)
{
    uint16_t halves[4096];
    for (size_t i = 0; i < n; i += 4096) {
        const size_t m = n - i < 4096 ? n - i : 4096;
        for (size_t j = 0; j < m; j++) {
            halves[j] = evk_to_f16(x[i + j]);
            if (!evk_fits_f16(x[i + j]))
                return evk_fail(err, EVOKE_EDATA, "write store: an activation of %.6g does not fit float16, whose largest is "
                                "65504: store float32 (%s)", (double)x[i + j], w->path);
        }
        EVK_TRY(put(w, at + 2 * i, halves, 2 * m, err));
    }
    return EVOKE_OK;
}

static evoke_status put_site(const evk_store_writer *w, const evk_store_item *item, size_t site, evoke_error *err)
{
    const size_t prompt = item->query * w->n_setting + item->setting, row = w->starts[prompt];
    const size_t size = w->n_layer * w->d_model, n = item->n_token * size;
    for (size_t k = 0; k < w->n_span; k++)
        EVK_TRY(put(w, w->means_at[site][k] + 4 * prompt * size, item->means[site * w->n_span + k], 4 * size, err));
    EVK_TRY(put(w, w->norms_at[site] + 4 * row * w->n_layer, item->norms[site], 4 * item->n_token * w->n_layer, err));
    if (!w->store_tokens)
        return EVOKE_OK;
    return w->float16 ? put_halves(w, w->tokens_at[site] + 2 * row * size, item->tokens[site], n, err)
                      : put(w, w->tokens_at[site] + 4 * row * size, item->tokens[site], 4 * n, err);
}

static evoke_status check_item(const evk_store_writer *w, const evk_store_item *item, evoke_error *err)
{
    const size_t prompt = item->query * w->n_setting + item->setting;
    if (item->query >= w->n_query || item->setting >= w->n_setting || w->done[prompt])
        return evk_fail(err, EVOKE_EARG, "write store: query %zu, setting %zu is not there or is done (%s)", item->query,
                        item->setting, w->path);
    if (item->n_token < w->n_prompt_ids[prompt] || item->n_token > w->starts[prompt + 1] - w->starts[prompt])
        return evk_fail(err, EVOKE_EARG, "write store: %zu tokens do not fit query %zu, setting %zu (%s)", item->n_token,
                        item->query, item->setting, w->path);
    for (size_t k = 0; k < w->n_span; k++)
        if (item->spans[k][0] > item->spans[k][1] || item->spans[k][1] > item->n_token)
            return evk_fail(err, EVOKE_EARG, "write store: span %zu to %zu of %zu tokens (%s)", item->spans[k][0],
                            item->spans[k][1], item->n_token, w->path);
    return EVOKE_OK;
}

static evoke_status put_item(const evk_store_writer *w, const evk_store_item *item, evoke_error *err)
{
    EVK_TRY(check_item(w, item, err));
    const size_t prompt = item->query * w->n_setting + item->setting, row = w->starts[prompt];
    const size_t n_prompt = w->n_prompt_ids[prompt];
    const int64_t end = (int64_t)(row + item->n_token);
    for (size_t site = 0; site < w->n_site; site++)
        EVK_TRY(put_site(w, item, site, err));
    EVK_TRY(put(w, w->ids_at + 4 * (row + n_prompt), item->response_ids, 4 * (item->n_token - n_prompt), err));
    EVK_TRY(put(w, w->offsets_at + 8 * (2 * prompt + 1), &end, 8, err));
    for (size_t k = 0; k < w->n_span; k++) {
        const int32_t bounds[2] = { (int32_t)item->spans[k][0], (int32_t)item->spans[k][1] };
        EVK_TRY(put(w, w->spans_at[k] + 8 * prompt, bounds, 8, err));
        if (k == 0)
            EVK_TRY(put(w, w->span_at + 8 * prompt, bounds, 8, err));
    }
    return EVOKE_OK;
}

evoke_status evk_store_write(evk_store_writer *w, const evk_store_item *items, size_t n, evoke_error *err)
{
    static const uint8_t one = 1;
    for (size_t i = 0; i < n; i++)
        EVK_TRY(put_item(w, &items[i], err));
    EVK_TRY(sync_data(w, err));
    for (size_t i = 0; i < n; i++) {
        const size_t prompt = items[i].query * w->n_setting + items[i].setting;
        EVK_TRY(put(w, w->done_at + prompt, &one, 1, err));
        w->done[prompt] = 1;
    }
    return EVOKE_OK;
}
