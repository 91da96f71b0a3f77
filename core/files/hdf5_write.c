/* core/files/hdf5_write.c: new files, whole or not at all. The file is made under a temporary name beside the final one,
 * its space is reserved to the last byte, it is synced, and only then takes its name. Times are not stored: the same
 * contents give the same bytes.
 *
 * HDF5 does not survive a file that it cannot flush (it crashes when the program ends), so room for each dataset is
 * reserved before HDF5 is told of it: a full disk is then our error, not its own. */
#define _GNU_SOURCE     /* fallocate */
#include "core/files/hdf5_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALIGN = 4096, ALIGN_FROM = 1 << 20, SPARE = 1 << 16 };

/* ---- files ---- */
/* An empty file of a free name beside f->path. */
static evoke_status make_temporary(evk_h5 *f, evoke_error *err)
{
    int fd = -1;
    EVK_TRY(evoke_open_temporary(f->path, "create HDF5", &f->temporary, &fd, err));
    close(fd);
    return EVOKE_OK;
}

/* 0, or the errno that writing that many bytes more, and HDF5's own structures, would meet. */
static int find_room(const evk_h5 *f, size_t bytes)
{
    int *fd = NULL;
    void *handle = NULL;
    hsize_t size = 0;
    size_t end = 0;
    struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
    if (H5Fget_vfd_handle(f->file, H5P_DEFAULT, &handle) < 0 || !(fd = handle) || H5Fget_filesize(f->file, &size) < 0)
        return EBADF;
    if (!evk_sum(bytes, SPARE, &bytes) || !evk_sum(bytes, (size_t)size, &end) || end > INT64_MAX)
        return EFBIG;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && end > limit.rlim_cur)
        return EFBIG;
    int reason = 0;
    do
        reason = fallocate(*fd, FALLOC_FL_KEEP_SIZE, (off_t)size, (off_t)bytes) == 0 ? 0 : errno;
    while (reason == EINTR);
    return reason == EOPNOTSUPP || reason == ENOSYS ? 0 : reason;
}

static evoke_status reserve(const evk_h5 *f, const char *name, size_t bytes, evoke_error *err)
{
    const int reason = find_room(f, bytes);
    return reason ? evk_fail(err, EVOKE_EIO, "write HDF5: no room for %zu bytes: %s (%s: %s)", bytes, strerror(reason), f->path,
                             name) : EVOKE_OK;
}

static evoke_status create_file(evk_h5 *f, evoke_error *err)
{
    EVK_TRY(make_temporary(f, err));
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_file_locking(access, false, true);
    H5Pset_alignment(access, ALIGN_FROM, ALIGN);
    f->file = H5Fcreate(f->temporary, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    const evoke_status st = f->file < 0 ? evk_h5_fail(f, EVOKE_EIO, "create HDF5", "/", err) : reserve(f, "/", 0, err);
    H5Pclose(access);
    return st;
}

evoke_status evk_h5_create(const char *path, evk_h5 **out, evoke_error *err)
{
    EVK_H5_QUIET;
    *out = NULL;
    evk_h5 *f = NULL;
    EVK_TRY(evk_alloc(&f, 1, sizeof *f, "create HDF5", err));
    f->file = -1;
    f->size = UINT64_MAX;
    f->path = strdup(path);
    const evoke_status st = f->path ? create_file(f, err)
                                    : evk_fail(err, EVOKE_ENOMEM, "create HDF5: no memory (%s)", path);
    if (st == EVOKE_OK)
        *out = f;
    else
        evk_h5_free(f);
    return st;
}

/* What could not be written is dropped from the temporary file, so that a full disk does not keep HDF5 from closing it. */
static void give_up_contents(evk_h5 *f)
{
    int *fd = NULL;
    void *handle = NULL;
    if (H5Fget_vfd_handle(f->file, H5P_DEFAULT, &handle) >= 0 && (fd = handle) && ftruncate(*fd, 0) != 0)
        return;
}

void evk_h5_free(evk_h5 *f)
{
    if (!f)
        return;
    EVK_H5_QUIET;
    if (f->file >= 0) {
        if (f->temporary)
            give_up_contents(f);
        H5Fclose(f->file);
    }
    if (f->temporary)
        unlink(f->temporary);
    free(f->temporary);
    free(f->path);
    free(f);
}

/* Reserves every byte of the file, so that none is missing later, and brings it to the disk. */
static evoke_status settle(const evk_h5 *f, evoke_error *err)
{
    const int fd = open(f->temporary, O_RDWR | O_CLOEXEC);
    struct stat info;
    int reason = fd < 0 || fstat(fd, &info) != 0 ? errno : 0;
    if (!reason && info.st_size > 0)
        reason = ftruncate(fd, info.st_size) != 0 ? errno : posix_fallocate(fd, 0, info.st_size);    /* drops the spare */
    if (!reason && fsync(fd) != 0)
        reason = errno;
    if (fd >= 0 && close(fd) != 0 && !reason)
        reason = errno;
    return reason ? evk_fail(err, EVOKE_EIO, "write HDF5: %s (%s)", strerror(reason), f->path) : EVOKE_OK;
}

static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    const int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);      /* some file systems cannot; the file's own bytes are safe by now */
        close(fd);
    }
    free(folder);
}

evoke_status evk_h5_commit(evk_h5 *f, evoke_error *err)
{
    EVK_H5_QUIET;
    evoke_status st = EVOKE_OK;
    if (H5Fflush(f->file, H5F_SCOPE_GLOBAL) < 0) {
        st = evk_h5_fail(f, EVOKE_EIO, "write HDF5", "/", err);
        give_up_contents(f);
    }
    if (H5Fclose(f->file) < 0 && st == EVOKE_OK)
        st = evk_h5_fail(f, EVOKE_EIO, "write HDF5", "/", err);
    f->file = -1;
    if (st == EVOKE_OK)
        st = settle(f, err);
    if (st == EVOKE_OK && rename(f->temporary, f->path) != 0)
        st = evk_fail(err, EVOKE_EIO, "write HDF5: %s (%s)", strerror(errno), f->path);
    if (st == EVOKE_OK) {
        sync_folder(f->path);
        free(f->temporary);
        f->temporary = NULL;
    }
    evk_h5_free(f);
    return st;
}

/* ---- datasets ---- */
hid_t evk_h5_new_space(size_t n_dim, const size_t *dims)
{
    hsize_t sizes[EVK_H5_MAX_DIM];
    if (n_dim > EVK_H5_MAX_DIM)
        return -1;
    for (size_t i = 0; i < n_dim; i++)
        sizes[i] = dims[i];
    return n_dim ? H5Screate_simple((int)n_dim, sizes, NULL) : H5Screate(H5S_SCALAR);
}

hid_t evk_h5_new_dataset(evk_h5 *f, const char *name, hid_t type, hid_t space, hid_t list)
{
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    H5Pset_char_encoding(links, H5T_CSET_UTF8);
    H5Pset_obj_track_times(list, false);
    const hid_t set = H5Dcreate2(f->file, name, type, space, links, list, H5P_DEFAULT);
    H5Pclose(links);
    return set;
}

/* In one piece. `early`: its space is allocated now, and not filled. */
static hid_t make_dataset(evk_h5 *f, const char *name, hid_t type, hid_t space, bool early)
{
    const hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    if (early) {
        H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
        H5Pset_fill_time(list, H5D_FILL_TIME_NEVER);
    }
    const hid_t set = evk_h5_new_dataset(f, name, type, space, list);
    H5Pclose(list);
    return set;
}

/* Number of values; false where it overflows. */
static bool count_values(size_t n_dim, const size_t *dims, size_t *n)
{
    *n = 1;
    for (size_t i = 0; i < n_dim; i++)
        if (!evk_mul(*n, dims[i], n))
            return false;
    return true;
}

evoke_status evk_h5_reserve(const evk_h5 *f, const char *name, size_t n_dim, const size_t *dims, size_t width, size_t more,
                            size_t *n, evoke_error *err)
{
    size_t bytes = 0;
    if (!count_values(n_dim, dims, n) || !evk_mul(*n, width, &bytes) || !evk_sum(bytes, more, &bytes))
        return evk_fail(err, EVOKE_EARG, "write HDF5: sizes overflow (%s: %s)", f->path, name);
    return reserve(f, name, bytes, err);
}

static evoke_status write_dataset(evk_h5 *f, const char *name, hid_t stored, hid_t memory, size_t n_dim, const size_t *dims,
                                  size_t more, const void *data, evoke_error *err)
{
    size_t n = 0;
    EVK_TRY(evk_h5_reserve(f, name, n_dim, dims, H5Tget_size(stored), more, &n, err));
    const hid_t space = evk_h5_new_space(n_dim, dims);
    const hid_t set = space >= 0 ? make_dataset(f, name, stored, space, false) : -1;
    evoke_status st = EVOKE_OK;
    if (set < 0 || (n > 0 && H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0))
        st = evk_h5_fail(f, EVOKE_EIO, "write HDF5", name, err);
    if (set >= 0)
        H5Dclose(set);
    if (space >= 0)
        H5Sclose(space);
    return st;
}

evoke_status evk_h5_write(evk_h5 *f, const char *name, evk_h5_type type, size_t n_dim, const size_t *dims,
                          const void *data, evoke_error *err)
{
    EVK_H5_QUIET;
    const hid_t memory = evk_h5_memory_type(type), stored = evk_h5_file_type(type);
    const evoke_status st = write_dataset(f, name, stored, memory, n_dim, dims, 0, data, err);
    H5Tclose(stored);
    H5Tclose(memory);
    return st;
}

static hid_t string_type(void)
{
    const hid_t t = H5Tcopy(H5T_C_S1);
    H5Tset_size(t, H5T_VARIABLE);
    H5Tset_cset(t, H5T_CSET_UTF8);
    return t;
}

evoke_status evk_h5_write_strings(evk_h5 *f, const char *name, size_t n_dim, const size_t *dims,
                                  const char *const *texts, evoke_error *err)
{
    EVK_H5_QUIET;
    size_t n = 0, bytes = 0;
    if (count_values(n_dim, dims, &n))
        for (size_t i = 0; i < n; i++)
            bytes += strlen(texts[i]) + 64;         /* a string lies in a heap, with a header */
    const hid_t type = string_type();
    const evoke_status st = write_dataset(f, name, type, type, n_dim, dims, bytes, texts, err);
    H5Tclose(type);
    return st;
}

evoke_status evk_h5_allocate(evk_h5 *f, const char *name, evk_h5_type type, size_t n_dim, const size_t *dims,
                             uint64_t *offset, evoke_error *err)
{
    EVK_H5_QUIET;
    const hid_t stored = evk_h5_file_type(type), space = evk_h5_new_space(n_dim, dims);
    size_t n = 0;
    evoke_status st = evk_h5_reserve(f, name, n_dim, dims, H5Tget_size(stored), 0, &n, err);
    const hid_t set = space >= 0 && st == EVOKE_OK ? make_dataset(f, name, stored, space, true) : -1;
    const haddr_t at = set >= 0 ? H5Dget_offset(set) : HADDR_UNDEF;
    if (st == EVOKE_OK && at == HADDR_UNDEF)
        st = evk_h5_fail(f, EVOKE_EIO, "allocate in HDF5", name, err);
    if (st == EVOKE_OK)
        *offset = (uint64_t)at;
    if (set >= 0)
        H5Dclose(set);
    if (space >= 0)
        H5Sclose(space);
    H5Tclose(stored);
    return st;
}

/* Selects rows of a dataset's space; the space of the same rows in memory, -1 on failure. */
static hid_t select_rows(hid_t space, size_t first, size_t n)
{
    hsize_t count[EVK_H5_MAX_DIM], start[EVK_H5_MAX_DIM] = { first };
    const int n_dim = H5Sget_simple_extent_ndims(space);
    if (n_dim < 1 || n_dim > EVK_H5_MAX_DIM || H5Sget_simple_extent_dims(space, count, NULL) < 0)
        return -1;
    if (first > count[0] || n > count[0] - first)
        return -1;
    count[0] = n;
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) < 0)
        return -1;
    return H5Screate_simple(n_dim, count, NULL);
}

evoke_status evk_h5_write_rows(evk_h5 *f, const char *name, evk_h5_type type, size_t first, size_t n, const void *data,
                               evoke_error *err)
{
    EVK_H5_QUIET;
    evoke_status st = EVOKE_OK;
    const hid_t memory = evk_h5_memory_type(type), set = H5Dopen2(f->file, name, H5P_DEFAULT);
    const hid_t space = set >= 0 ? H5Dget_space(set) : -1, rows = space >= 0 ? select_rows(space, first, n) : -1;
    if (rows < 0 || H5Dwrite(set, memory, rows, space, H5P_DEFAULT, data) < 0)
        st = evk_h5_fail(f, EVOKE_EIO, "write HDF5", name, err);
    if (rows >= 0)
        H5Sclose(rows);
    if (space >= 0)
        H5Sclose(space);
    if (set >= 0)
        H5Dclose(set);
    H5Tclose(memory);
    return st;
}

/* ---- attributes ---- */
static evoke_status write_attribute(evk_h5 *f, const char *object, const char *name, hid_t stored, hid_t memory,
                                    const void *value, evoke_error *err)
{
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t a = H5Acreate_by_name(f->file, object, name, stored, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    evoke_status st = EVOKE_OK;
    if (a < 0 || H5Awrite(a, memory, value) < 0)
        st = evk_h5_fail(f, EVOKE_EIO, "write HDF5 attribute", name, err);
    if (a >= 0)
        H5Aclose(a);
    H5Sclose(space);
    return st;
}

evoke_status evk_h5_attr_string(evk_h5 *f, const char *object, const char *name, const char *value, evoke_error *err)
{
    EVK_H5_QUIET;
    const hid_t type = string_type();
    const evoke_status st = write_attribute(f, object, name, type, type, &value, err);
    H5Tclose(type);
    return st;
}

evoke_status evk_h5_attr_i64(evk_h5 *f, const char *object, const char *name, int64_t value, evoke_error *err)
{
    EVK_H5_QUIET;
    return write_attribute(f, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value, err);
}

evoke_status evk_h5_attr_f64(evk_h5 *f, const char *object, const char *name, double value, evoke_error *err)
{
    EVK_H5_QUIET;
    return write_attribute(f, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value, err);
}

/* ---- what every file says of itself ---- */
static evoke_status write_seed(evk_h5 *f, uint64_t seed, evoke_error *err)
{
    EVK_H5_QUIET;
    return write_attribute(f, "/", "seed", H5T_STD_U64LE, H5T_NATIVE_UINT64, &seed, err);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

evoke_status evk_h5_sign(evk_h5 *f, const evk_h5_signature *s, evoke_error *err)
{
    EVK_TRY(evk_h5_attr_string(f, "/", "format", s->format, err));
    EVK_TRY(evk_h5_attr_i64(f, "/", "version", 1, err));
    EVK_TRY(evk_h5_attr_string(f, "/", "program_version", evoke_version(), err));
    EVK_TRY(evk_h5_attr_string(f, "/", "command_line", s->made ? or_empty(s->made->command_line) : "", err));
    EVK_TRY(evk_h5_attr_string(f, "/", "model_name", or_empty(s->model_name), err));
    EVK_TRY(evk_h5_attr_string(f, "/", "model_sha256", or_empty(s->model_sha256), err));
    EVK_TRY(evk_h5_attr_string(f, "/", "architecture", or_empty(s->architecture), err));
    EVK_TRY(evk_h5_attr_i64(f, "/", "n_layers", (int64_t)s->n_layer, err));
    EVK_TRY(evk_h5_attr_i64(f, "/", "d_model", (int64_t)s->d_model, err));
    return write_seed(f, s->made ? s->made->seed : 0, err);
}
