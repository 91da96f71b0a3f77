/* core/files/hdf5_strings.c: strings of variable length.
 *
 * In the file such a string is an element [u32 length][address of a collection][u32 index], and the collection, a piece of
 * the global heap, holds the bytes (HDF5 File Format Specification, III.E):
 *
 *     "GCOL" 1 0 0 0  u64 size of all   then objects: u16 index, u16 references, u32 0, u64 size, bytes padded to 8
 *     index 0 is the free space at the end
 *
 * HDF5 1.10 trusts these numbers: an object larger than its element says overruns a buffer, a free object of size 0 is an
 * endless loop. So HDF5 is asked for the elements alone, as opaque bytes (by a conversion that leaves them as they are), and
 * the collections are read here, each number checked. */
#include "core/files/hdf5_strings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_CACHED = 32, HEADER = 16, MOST_REREAD = 64 };

typedef struct collection { uint64_t address; unsigned char *data; size_t n; } collection;

typedef struct heap {
    const evk_h5 *f;
    const char *name;
    int fd;
    uint64_t base;                      /* where addresses count from */
    size_t address_bytes;
    uint64_t budget;                    /* bytes that may still be read: no file needs to be read a hundred times over */
    collection cached[N_CACHED];
    size_t next;
} heap;

static uint64_t number(const unsigned char *bytes, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n && i < 8; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static evoke_status fail_damaged(const heap *h, evoke_error *err)
{
    return evk_fail(err, EVOKE_EFORMAT, "read HDF5 strings: damaged (%s: %s)", h->f->path, h->name);
}

/* ---- elements ---- */
static herr_t leave_as_is(hid_t from, hid_t to, H5T_cdata_t *cdata, size_t n, size_t stride, size_t background_stride,
                          void *buffer, void *background, hid_t transfer)
{
    (void)n, (void)stride, (void)background_stride, (void)buffer, (void)background, (void)transfer;
    if (cdata->command != H5T_CONV_INIT)
        return 0;
    cdata->need_bkg = H5T_BKG_NO;
    return H5Tget_size(from) == H5Tget_size(to) ? 0 : -1;
}

/* The elements [n] as they lie in the file. */
static evoke_status read_elements(const heap *h, hid_t object, bool is_attribute, size_t n, unsigned char **out,
                                  evoke_error *err)
{
    const size_t width = 8 + h->address_bytes;
    EVK_TRY(evk_alloc(out, n, width, "read HDF5 strings", err));
    const hid_t text = H5Tcopy(H5T_C_S1), raw = H5Tcreate(H5T_OPAQUE, width);
    H5Tset_size(text, H5T_VARIABLE);
    herr_t read = H5Tregister(H5T_PERS_SOFT, "evoke string", text, raw, leave_as_is);
    if (read >= 0)
        read = is_attribute ? H5Aread(object, raw, *out) : H5Dread(object, raw, H5S_ALL, H5S_ALL, H5P_DEFAULT, *out);
    const evoke_status st = read < 0 ? evk_h5_fail(h->f, EVOKE_EFORMAT, "read HDF5 strings", h->name, err) : EVOKE_OK;
    H5Tunregister(H5T_PERS_SOFT, "evoke string", text, raw, leave_as_is);
    H5Tclose(raw);
    H5Tclose(text);
    return st;
}

/* ---- collections ---- */
static bool read_at(const heap *h, uint64_t at, void *out, size_t n)
{
    unsigned char *to = out;
    while (n > 0) {
        const ssize_t got = pread(h->fd, to, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return true;
}

static evoke_status load_collection(heap *h, uint64_t address, collection *c, evoke_error *err)
{
    unsigned char header[HEADER];
    if (address > h->f->size || h->base > h->f->size - address || h->f->size - address - h->base < HEADER ||
        !read_at(h, h->base + address, header, HEADER) || memcmp(header, "GCOL\1", 5) != 0)
        return fail_damaged(h, err);
    const uint64_t size = number(header + 8, 8);
    if (size < HEADER || size > h->f->size - address - h->base || size > h->budget)
        return fail_damaged(h, err);
    h->budget -= size;
    free(c->data);
    *c = (collection){ .address = address, .n = (size_t)size };
    EVK_TRY(evk_alloc(&c->data, c->n, 1, "read HDF5 strings", err));
    return read_at(h, h->base + address, c->data, c->n) ? EVOKE_OK : fail_damaged(h, err);
}

static evoke_status find_collection(heap *h, uint64_t address, const collection **out, evoke_error *err)
{
    for (size_t i = 0; i < N_CACHED; i++)
        if (h->cached[i].data && h->cached[i].address == address) {
            *out = &h->cached[i];
            return EVOKE_OK;
        }
    collection *c = &h->cached[h->next++ % N_CACHED];
    *out = c;
    const evoke_status st = load_collection(h, address, c, err);
    if (st != EVOKE_OK) {
        free(c->data);
        *c = (collection){0};
    }
    return st;
}

/* The bytes of an object; NULL where it is not there or is shorter than n. */
static const char *find_object(const collection *c, uint64_t index, uint64_t n)
{
    for (size_t at = HEADER; c->n - at >= HEADER;) {
        const unsigned char *object = c->data + at;
        const uint64_t size = number(object + 8, 8), left = c->n - at - HEADER;
        if (number(object, 2) == 0 || size > left)
            return NULL;
        if (number(object, 2) == index)
            return n <= size ? (const char *)object + HEADER : NULL;
        const uint64_t padded = (size + 7) / 8 * 8;
        if (padded > left)
            return NULL;
        at += HEADER + (size_t)padded;
    }
    return NULL;
}

static evoke_status add_element(heap *h, const unsigned char *element, evk_buffer *bytes, evoke_error *err)
{
    const uint64_t n = number(element, 4), address = number(element + 4, h->address_bytes);
    const uint64_t index = number(element + 4 + h->address_bytes, 4);
    const collection *c = NULL;
    if (n == 0 || address == 0)
        return evk_h5_add_string(h->f, h->name, bytes, "", 0, err);
    EVK_TRY(find_collection(h, address, &c, err));
    const char *text = find_object(c, index, n);
    return text ? evk_h5_add_string(h->f, h->name, bytes, text, strnlen(text, (size_t)n), err) : fail_damaged(h, err);
}

/* ---- the whole ---- */
static bool open_heap(heap *h)
{
    size_t size_bytes = 0;
    hsize_t userblock = 0;
    void *handle = NULL;
    const hid_t list = H5Fget_create_plist(h->f->file);
    bool ok = list >= 0 && H5Pget_sizes(list, &h->address_bytes, &size_bytes) >= 0 && H5Pget_userblock(list, &userblock) >= 0 &&
              H5Fget_vfd_handle(h->f->file, H5P_DEFAULT, &handle) >= 0 && handle;
    ok = ok && size_bytes == 8 && h->address_bytes >= 2 && h->address_bytes <= 8;
    if (ok)
        h->fd = *(int *)handle;
    h->base = userblock;
    h->budget = h->f->size < UINT64_MAX / MOST_REREAD ? h->f->size * MOST_REREAD : UINT64_MAX;
    if (list >= 0)
        H5Pclose(list);
    return ok;
}

evoke_status evk_h5_add_string(const evk_h5 *f, const char *name, evk_buffer *bytes, const char *text, size_t n,
                               evoke_error *err)
{
    if (evk_utf8_check(text, n, name, NULL) != EVOKE_OK)
        return evk_fail(err, EVOKE_EFORMAT, "read HDF5: a string is not UTF-8 (%s: %s)", f->path, name);
    EVK_TRY(evk_buffer_add(bytes, text, n, err));
    return evk_buffer_add(bytes, "", 1, err);
}

evoke_status evk_h5_variable_strings(const evk_h5 *f, hid_t object, bool is_attribute, size_t n, const char *name,
                                     evk_buffer *bytes, evoke_error *err)
{
    heap h = { .f = f, .name = name };
    unsigned char *elements = NULL;
    if (!open_heap(&h))
        return evk_fail(err, EVOKE_EUNSUPPORTED, "read HDF5 strings: sizes that are not known (%s: %s)", f->path, name);
    evoke_status st = read_elements(&h, object, is_attribute, n, &elements, err);
    for (size_t i = 0; i < n && st == EVOKE_OK; i++)
        st = add_element(&h, elements + i * (8 + h.address_bytes), bytes, err);
    for (size_t i = 0; i < N_CACHED; i++)
        free(h.cached[i].data);
    free(elements);
    return st;
}
