/* core/files/hdf5.c: opening and reading. What a file claims is checked against what it can hold before HDF5 is asked for
 * it: ranks, products of sizes, the end of contiguous data. Only hard links are followed and only data inside the file
 * are read, so that a file from elsewhere cannot name other files of this machine. */
#include "core/files/hdf5_strings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/text.h"

/* A compressed or unwritten dataset may be larger than the bytes that it takes in the file: zlib reaches 1,032:1, and what
 * was never written takes none. Beyond this slack a claim is taken for damage. */
enum { MAX_COMPRESSION = 1100, MAX_NAME = 512, MAX_ATTRIBUTE = 1 << 20 };
static const uint64_t UNWRITTEN_SLACK = (uint64_t)1 << 30;

typedef struct dataset {
    hid_t set, space, type, list;
    size_t n_dim, dims[EVK_H5_MAX_DIM], n;
} dataset;

/* ---- errors ---- */
evk_h5_printing evk_h5_hush(void)
{
    evk_h5_printing was = {0};
    H5Eget_auto2(H5E_DEFAULT, &was.print, &was.data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return was;
}

/* What a new error stack prints with. */
static H5E_auto2_t default_printer(void)
{
    evk_h5_printing fresh = {0};
    const hid_t stack = H5Ecreate_stack();
    H5Eget_auto2(stack, &fresh.print, &fresh.data);
    H5Eclose_stack(stack);
    return fresh.print;
}

void evk_h5_restore(evk_h5_printing *was)
{
    if (was->print && (was->data || was->print != default_printer()))
        H5Eset_auto2(H5E_DEFAULT, was->print, was->data);
}

static herr_t innermost(unsigned depth, const H5E_error2_t *e, void *user)
{
    char *reason = user;
    if (depth > 0 || !e->desc)
        return 0;
    const char *text = strstr(e->desc, "error message = '");        /* "... errno = 28, error message = 'No space ...'" */
    text = text ? text + strlen("error message = '") : e->desc;
    strncpy(reason, text, MAX_NAME - 1);
    reason[strcspn(reason, "'")] = '\0';
    return 0;
}

evoke_status evk_h5_fail(const evk_h5 *f, evoke_status status, const char *what, const char *name, evoke_error *err)
{
    char reason[MAX_NAME] = "";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, reason);
    return evk_fail(err, status, "%s: %s (%s: %s)", what, reason[0] ? reason : "HDF5 failed", f->path, name);
}

/* ---- types ---- */
static hid_t half_of(hid_t base)
{
    const hid_t t = H5Tcopy(base);
    if (t >= 0 && (H5Tset_fields(t, 15, 10, 5, 0, 10) < 0 || H5Tset_size(t, 2) < 0 || H5Tset_ebias(t, 15) < 0)) {
        H5Tclose(t);
        return -1;
    }
    return t;
}

hid_t evk_h5_memory_type(evk_h5_type type)
{
    switch (type) {
    case EVK_H5_F32: return H5Tcopy(H5T_NATIVE_FLOAT);
    case EVK_H5_F16: return half_of(H5T_NATIVE_FLOAT);
    case EVK_H5_F64: return H5Tcopy(H5T_NATIVE_DOUBLE);
    case EVK_H5_U8:  return H5Tcopy(H5T_NATIVE_UINT8);
    case EVK_H5_I16: return H5Tcopy(H5T_NATIVE_INT16);
    case EVK_H5_I32: return H5Tcopy(H5T_NATIVE_INT32);
    case EVK_H5_I64: return H5Tcopy(H5T_NATIVE_INT64);
    }
    return -1;
}

hid_t evk_h5_file_type(evk_h5_type type)
{
    switch (type) {
    case EVK_H5_F32: return H5Tcopy(H5T_IEEE_F32LE);
    case EVK_H5_F16: return half_of(H5T_IEEE_F32LE);
    case EVK_H5_F64: return H5Tcopy(H5T_IEEE_F64LE);
    case EVK_H5_U8:  return H5Tcopy(H5T_STD_U8LE);
    case EVK_H5_I16: return H5Tcopy(H5T_STD_I16LE);
    case EVK_H5_I32: return H5Tcopy(H5T_STD_I32LE);
    case EVK_H5_I64: return H5Tcopy(H5T_STD_I64LE);
    }
    return -1;
}

/* ---- files ---- */
static evoke_status open_file(evk_h5 *f, evoke_error *err)
{
    const int fd = open(f->path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        const int reason = errno;
        if (fd >= 0)
            close(fd);
        return evk_fail(err, EVOKE_EIO, "open HDF5: %s (%s)", strerror(reason), f->path);
    }
    close(fd);
    if (!S_ISREG(info.st_mode))
        return evk_fail(err, EVOKE_EIO, "open HDF5: not a regular file (%s)", f->path);
    f->size = (uint64_t)info.st_size;
    if (H5Fis_hdf5(f->path) <= 0)
        return evk_fail(err, EVOKE_EFORMAT, "open HDF5: not an HDF5 file (%s)", f->path);
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_file_locking(access, false, true);       /* the store's writer is no obstacle: it never changes HDF5's structures */
    f->file = H5Fopen(f->path, H5F_ACC_RDONLY, access);
    const evoke_status st = f->file < 0 ? evk_h5_fail(f, EVOKE_EFORMAT, "open HDF5: truncated or damaged", "/", err)
                                        : EVOKE_OK;
    H5Pclose(access);
    return st;
}

evoke_status evk_h5_open(const char *path, evk_h5 **out, evoke_error *err)
{
    EVK_H5_QUIET;
    *out = NULL;
    evk_h5 *f = NULL;
    EVK_TRY(evk_alloc(&f, 1, sizeof *f, "open HDF5", err));
    f->file = -1;
    f->path = strdup(path);
    const evoke_status st = f->path ? open_file(f, err) : evk_fail(err, EVOKE_ENOMEM, "open HDF5: no memory (%s)", path);
    if (st == EVOKE_OK)
        *out = f;
    else
        evk_h5_free(f);
    return st;
}

const char *evk_h5_path(const evk_h5 *f)
{
    return f->path;
}

/* ---- names ---- */
/* Every link on the way is there and is a hard one. */
static bool is_inside(hid_t file, const char *name)
{
    char part[MAX_NAME];
    const size_t n = strlen(name);
    if (n >= sizeof part)
        return false;
    for (size_t i = 1; i <= n; i++) {
        if ((name[i] != '/' && name[i] != '\0') || name[i - 1] == '/')
            continue;
        memcpy(part, name, i);
        part[i] = '\0';
        H5L_info_t info;
        if (H5Lexists(file, part, H5P_DEFAULT) <= 0 || H5Lget_info(file, part, &info, H5P_DEFAULT) < 0 ||
            info.type != H5L_TYPE_HARD)
            return false;
    }
    return n > 0;
}

bool evk_h5_has(evk_h5 *f, const char *name)
{
    EVK_H5_QUIET;
    H5O_info_t info;
    return is_inside(f->file, name) && H5Oget_info_by_name2(f->file, name, &info, H5O_INFO_BASIC, H5P_DEFAULT) >= 0 &&
           (info.type == H5O_TYPE_GROUP || info.type == H5O_TYPE_DATASET);
}

/* ---- datasets ---- */
static void close_dataset(dataset *d)
{
    if (d->list >= 0) H5Pclose(d->list);
    if (d->type >= 0) H5Tclose(d->type);
    if (d->space >= 0) H5Sclose(d->space);
    if (d->set >= 0) H5Dclose(d->set);
}

/* Could the file hold that many bytes of this dataset? */
static bool fits_in_file(const evk_h5 *f, const dataset *d, uint64_t bytes)
{
    const uint64_t stored = H5Dget_storage_size(d->set);
    const H5D_layout_t layout = H5Pget_layout(d->list);
    if (layout == H5D_COMPACT)
        return bytes <= stored;
    const haddr_t offset = layout == H5D_CONTIGUOUS ? H5Dget_offset(d->set) : HADDR_UNDEF;
    if (offset != HADDR_UNDEF)
        return offset <= f->size && bytes <= f->size - offset;
    return stored <= f->size && bytes <= UNWRITTEN_SLACK + stored * MAX_COMPRESSION;
}

static evoke_status check_shape(const evk_h5 *f, const char *name, dataset *d, evoke_error *err)
{
    hsize_t dims[H5S_MAX_RANK];
    const int rank = H5Sget_simple_extent_ndims(d->space);
    if (rank < 0 || H5Sget_simple_extent_type(d->space) == H5S_NULL)
        return evk_fail(err, EVOKE_EFORMAT, "read HDF5: holds nothing (%s: %s)", f->path, name);
    if (rank > EVK_H5_MAX_DIM)
        return evk_fail(err, EVOKE_EFORMAT, "read HDF5: %d dimensions, at most %d are read (%s: %s)", rank, EVK_H5_MAX_DIM,
                        f->path, name);
    H5Sget_simple_extent_dims(d->space, dims, NULL);
    d->n_dim = (size_t)rank;
    d->n = 1;
    size_t bytes = 0;
    for (size_t i = 0; i < d->n_dim; i++) {
        d->dims[i] = (size_t)dims[i];
        if (dims[i] == 0)
            return evk_fail(err, EVOKE_EFORMAT, "read HDF5: empty, dimension %zu is 0 (%s: %s)", i, f->path, name);
        if (dims[i] > SIZE_MAX || !evk_mul(d->n, d->dims[i], &d->n))
            return evk_fail(err, EVOKE_EFORMAT, "read HDF5: sizes overflow (%s: %s)", f->path, name);
    }
    if (!evk_mul(d->n, H5Tget_size(d->type), &bytes) || !fits_in_file(f, d, bytes))
        return evk_fail(err, EVOKE_EFORMAT, "read HDF5: %zu values are more than the file can hold: truncated or damaged "
                        "(%s: %s)", d->n, f->path, name);
    return EVOKE_OK;
}

/* Fills *d; close_dataset whatever comes back. */
static evoke_status open_dataset(evk_h5 *f, const char *name, dataset *d, evoke_error *err)
{
    *d = (dataset){ .set = -1, .space = -1, .type = -1, .list = -1 };
    if (!is_inside(f->file, name))
        return evk_fail(err, EVOKE_EFORMAT, "read HDF5: no dataset %s (%s)", name, f->path);
    d->set = H5Dopen2(f->file, name, H5P_DEFAULT);
    if (d->set < 0)
        return evk_h5_fail(f, EVOKE_EFORMAT, "read HDF5: not a dataset, damaged, or of a later HDF5", name, err);
    d->space = H5Dget_space(d->set);
    d->type = H5Dget_type(d->set);
    d->list = H5Dget_create_plist(d->set);
    if (d->space < 0 || d->type < 0 || d->list < 0)
        return evk_h5_fail(f, EVOKE_EFORMAT, "read HDF5: damaged", name, err);
    if (H5Pget_layout(d->list) == H5D_VIRTUAL || H5Pget_external_count(d->list) != 0)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "read HDF5: data in other files are not read (%s: %s)", f->path, name);
    return check_shape(f, name, d, err);
}

evoke_status evk_h5_shape(evk_h5 *f, const char *name, size_t *n_dim, size_t dims[EVK_H5_MAX_DIM], evoke_error *err)
{
    EVK_H5_QUIET;
    dataset d;
    const evoke_status st = open_dataset(f, name, &d, err);
    if (st == EVOKE_OK) {
        *n_dim = d.n_dim;
        memcpy(dims, d.dims, d.n_dim * sizeof *dims);
    }
    close_dataset(&d);
    return st;
}

evoke_status evk_h5_offset(evk_h5 *f, const char *name, uint64_t *offset, evoke_error *err)
{
    EVK_H5_QUIET;
    dataset d;
    evoke_status st = open_dataset(f, name, &d, err);
    if (st == EVOKE_OK && (H5Pget_layout(d.list) != H5D_CONTIGUOUS || H5Dget_offset(d.set) == HADDR_UNDEF))
        st = evk_fail(err, EVOKE_EFORMAT, "read HDF5: not in one piece (%s: %s)", f->path, name);
    if (st == EVOKE_OK)
        *offset = (uint64_t)H5Dget_offset(d.set);
    close_dataset(&d);
    return st;
}

bool evk_h5_stored_as(evk_h5 *f, const char *name, evk_h5_type type)
{
    EVK_H5_QUIET;
    dataset d;
    const hid_t wanted = evk_h5_file_type(type);
    const bool same = open_dataset(f, name, &d, NULL) == EVOKE_OK && H5Tequal(d.type, wanted) > 0;
    H5Tclose(wanted);
    close_dataset(&d);
    return same;
}

/* Selects the hyperslab; *total its number of values. */
static evoke_status select_slab(const evk_h5 *f, const char *name, dataset *d, const size_t *start, const size_t *count,
                                size_t *total, evoke_error *err)
{
    hsize_t from[EVK_H5_MAX_DIM], many[EVK_H5_MAX_DIM];
    *total = 1;
    for (size_t i = 0; i < d->n_dim; i++) {
        if (start[i] > d->dims[i] || count[i] > d->dims[i] - start[i])
            return evk_fail(err, EVOKE_EARG, "read HDF5: %zu from %zu of %zu in dimension %zu (%s: %s)", count[i], start[i],
                            d->dims[i], i, f->path, name);
        from[i] = start[i];
        many[i] = count[i];
        *total *= count[i];
    }
    if (*total > 0 && d->n_dim > 0 && H5Sselect_hyperslab(d->space, H5S_SELECT_SET, from, NULL, many, NULL) < 0)
        return evk_h5_fail(f, EVOKE_EFORMAT, "read HDF5", name, err);
    return EVOKE_OK;
}

static evoke_status check_class(const evk_h5 *f, const char *name, const dataset *d, evk_h5_type type, evoke_error *err)
{
    const H5T_class_t class = H5Tget_class(d->type);
    const bool real = type == EVK_H5_F32 || type == EVK_H5_F16 || type == EVK_H5_F64;
    if (real ? class == H5T_FLOAT : class == H5T_INTEGER || class == H5T_ENUM)      /* h5py writes bool as an enum */
        return EVOKE_OK;
    return evk_fail(err, EVOKE_EFORMAT, "read HDF5: should hold %s (%s: %s)", real ? "floating-point numbers" : "integers",
                    f->path, name);
}

evoke_status evk_h5_read(evk_h5 *f, const char *name, evk_h5_type type, const size_t *start, const size_t *count,
                         void *out, evoke_error *err)
{
    EVK_H5_QUIET;
    dataset d;
    const hid_t memory = evk_h5_memory_type(type);
    hid_t line = -1;
    evoke_status st = open_dataset(f, name, &d, err);
    if (st == EVOKE_OK)
        st = check_class(f, name, &d, type, err);
    size_t total = d.n;
    if (st == EVOKE_OK && start && count)
        st = select_slab(f, name, &d, start, count, &total, err);
    if (st == EVOKE_OK && total > 0) {
        const hsize_t size = total;
        line = H5Screate_simple(1, &size, NULL);
        if (H5Dread(d.set, memory, line, d.space, H5P_DEFAULT, out) < 0)
            st = evk_h5_fail(f, EVOKE_EFORMAT, "read HDF5", name, err);
    }
    if (line >= 0)
        H5Sclose(line);
    H5Tclose(memory);
    close_dataset(&d);
    return st;
}

/* ---- strings ---- */
/* n strings that lie one after another, NUL-terminated, to one block of pointers and text. */
static evoke_status pack_strings(const evk_buffer *bytes, size_t n, char ***out, evoke_error *err)
{
    size_t size = 0;
    char **block = NULL;
    if (!evk_mul(n, sizeof *block, &size) || !evk_sum(size, bytes->n, &size))
        return evk_fail(err, EVOKE_ENOMEM, "read HDF5: strings overflow memory");
    EVK_TRY(evk_alloc(&block, size, 1, "read HDF5 strings", err));
    char *text = (char *)(block + n);
    if (bytes->n)
        memcpy(text, bytes->data, bytes->n);
    for (size_t i = 0; i < n; i++) {
        block[i] = text;
        text += strlen(text) + 1;
    }
    *out = block;
    return EVOKE_OK;
}

static evoke_status read_fixed(const evk_h5 *f, const char *name, const dataset *d, evk_buffer *bytes, evoke_error *err)
{
    const size_t width = H5Tget_size(d->type);
    const bool spaces = H5Tget_strpad(d->type) == H5T_STR_SPACEPAD;
    char *texts = NULL;
    EVK_TRY(evk_alloc(&texts, d->n, width, "read HDF5 strings", err));
    evoke_status st = H5Dread(d->set, d->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) < 0
                    ? evk_h5_fail(f, EVOKE_EFORMAT, "read HDF5 strings", name, err) : EVOKE_OK;
    for (size_t i = 0; i < d->n && st == EVOKE_OK; i++) {
        const char *text = texts + i * width;
        size_t n = strnlen(text, width);
        while (spaces && n > 0 && text[n - 1] == ' ')
            n--;
        st = evk_h5_add_string(f, name, bytes, text, n, err);
    }
    free(texts);
    return st;
}

evoke_status evk_h5_read_strings(evk_h5 *f, const char *name, char ***texts, size_t *n, evoke_error *err)
{
    EVK_H5_QUIET;
    dataset d;
    evk_buffer bytes = {0};
    *texts = NULL;
    *n = 0;
    evoke_status st = open_dataset(f, name, &d, err);
    if (st == EVOKE_OK && H5Tget_class(d.type) != H5T_STRING)
        st = evk_fail(err, EVOKE_EFORMAT, "read HDF5: should hold strings (%s: %s)", f->path, name);
    if (st == EVOKE_OK)
        st = H5Tis_variable_str(d.type) > 0 ? evk_h5_variable_strings(f, d.set, false, d.n, name, &bytes, err)
                                            : read_fixed(f, name, &d, &bytes, err);
    if (st == EVOKE_OK)
        st = pack_strings(&bytes, d.n, texts, err);
    if (st == EVOKE_OK)
        *n = d.n;
    evk_buffer_free(&bytes);
    close_dataset(&d);
    return st;
}

evoke_status evk_h5_members(evk_h5 *f, const char *group, char ***names, size_t *n, evoke_error *err)
{
    EVK_H5_QUIET;
    *names = NULL;
    *n = 0;
    evk_buffer bytes = {0};
    H5G_info_t info = {0};
    const bool root = strcmp(group, "/") == 0;
    const hid_t g = root || is_inside(f->file, group) ? H5Gopen2(f->file, group, H5P_DEFAULT) : -1;
    if (g < 0 || H5Gget_info(g, &info) < 0) {
        if (g >= 0)
            H5Gclose(g);
        return evk_fail(err, EVOKE_EFORMAT, "read HDF5: no group %s (%s)", group, f->path);
    }
    evoke_status st = EVOKE_OK;
    for (hsize_t i = 0; i < info.nlinks && st == EVOKE_OK; i++) {
        char text[MAX_NAME];
        const ssize_t length = H5Lget_name_by_idx(g, ".", H5_INDEX_NAME, H5_ITER_INC, i, text, sizeof text, H5P_DEFAULT);
        st = length < 0 || (size_t)length >= sizeof text
           ? evk_h5_fail(f, EVOKE_EFORMAT, "read HDF5: damaged group or a name too long", group, err)
           : evk_h5_add_string(f, group, &bytes, text, (size_t)length, err);
    }
    if (st == EVOKE_OK)
        st = pack_strings(&bytes, (size_t)info.nlinks, names, err);
    if (st == EVOKE_OK)
        *n = (size_t)info.nlinks;
    evk_buffer_free(&bytes);
    H5Gclose(g);
    return st;
}

/* ---- attributes ---- */
/* The attribute, with exactly one value of the class; its type in *type. -1: not so. Both are the caller's. */
static hid_t open_attribute(evk_h5 *f, const char *object, const char *name, H5T_class_t class, hid_t *type)
{
    *type = -1;
    if ((strcmp(object, "/") != 0 && !is_inside(f->file, object)) ||
        H5Aexists_by_name(f->file, object, name, H5P_DEFAULT) <= 0)
        return -1;
    const hid_t a = H5Aopen_by_name(f->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t space = a >= 0 ? H5Aget_space(a) : -1;
    const bool one = space >= 0 && H5Sget_simple_extent_npoints(space) == 1;
    *type = a >= 0 ? H5Aget_type(a) : -1;
    if (space >= 0)
        H5Sclose(space);
    if (one && *type >= 0 && H5Tget_class(*type) == class)
        return a;
    if (*type >= 0)
        H5Tclose(*type);
    if (a >= 0)
        H5Aclose(a);
    return -1;
}

/* One string to bytes. */
static evoke_status read_attribute_text(evk_h5 *f, hid_t a, hid_t type, const char *name, evk_buffer *bytes)
{
    if (H5Tis_variable_str(type) > 0)
        return evk_h5_variable_strings(f, a, true, 1, name, bytes, NULL);
    const size_t width = H5Tget_size(type);
    char *text = width <= MAX_ATTRIBUTE ? calloc(width + 1, 1) : NULL;
    const evoke_status st = text && H5Aread(a, type, text) >= 0
                          ? evk_h5_add_string(f, name, bytes, text, strnlen(text, width), NULL) : EVOKE_EFORMAT;
    free(text);
    return st;
}

bool evk_h5_get_string(evk_h5 *f, const char *object, const char *name, char **value)
{
    EVK_H5_QUIET;
    hid_t type;
    evk_buffer bytes = {0};
    *value = NULL;
    const hid_t a = open_attribute(f, object, name, H5T_STRING, &type);
    if (a < 0)
        return false;
    if (read_attribute_text(f, a, type, name, &bytes) == EVOKE_OK)
        *value = strdup(bytes.data);
    evk_buffer_free(&bytes);
    H5Tclose(type);
    H5Aclose(a);
    return *value != NULL;
}

static bool read_number(evk_h5 *f, const char *object, const char *name, H5T_class_t class, hid_t memory, void *value)
{
    hid_t type;
    const hid_t a = open_attribute(f, object, name, class, &type);
    if (a < 0)
        return false;
    const bool read = H5Aread(a, memory, value) >= 0;
    H5Tclose(type);
    H5Aclose(a);
    return read;
}

bool evk_h5_get_i64(evk_h5 *f, const char *object, const char *name, int64_t *value)
{
    EVK_H5_QUIET;
    return read_number(f, object, name, H5T_INTEGER, H5T_NATIVE_INT64, value);
}

bool evk_h5_get_u64(evk_h5 *f, const char *object, const char *name, uint64_t *value)
{
    EVK_H5_QUIET;
    return read_number(f, object, name, H5T_INTEGER, H5T_NATIVE_UINT64, value);
}

bool evk_h5_get_f64(evk_h5 *f, const char *object, const char *name, double *value)
{
    EVK_H5_QUIET;
    return read_number(f, object, name, H5T_FLOAT, H5T_NATIVE_DOUBLE, value);
}
