/* core/files/hdf5.h: the little of HDF5 that evoke needs, with one way to fail and HDF5's own error stack silenced.
 *
 * A new file is written under a temporary name beside the final one and renamed when whole. One thread at a time. */
#ifndef EVK_HDF5_H
#define EVK_HDF5_H

#include "core/status.h"

typedef struct evk_h5 evk_h5;
typedef enum evk_h5_type {
    EVK_H5_F32, EVK_H5_F16, EVK_H5_F64, EVK_H5_U8, EVK_H5_I16, EVK_H5_I32, EVK_H5_I64
} evk_h5_type;
#define EVK_H5_MAX_DIM 8

/* New file for `path`: nothing of that name is touched before evk_h5_commit, which closes, syncs and renames. */
evoke_status evk_h5_create(const char *path, evk_h5 **out, evoke_error *err);
evoke_status evk_h5_commit(evk_h5 *f, evoke_error *err);        /* frees f, also on failure */
/* Read only. Errors: EVOKE_EIO not there; EVOKE_EFORMAT not HDF5, truncated. */
evoke_status evk_h5_open(const char *path, evk_h5 **out, evoke_error *err);
void evk_h5_free(evk_h5 *f);                                    /* without commit: the temporary file is removed */
const char *evk_h5_path(const evk_h5 *f);

/* Writing; groups on the way are made. data [prod dims] of the C type (F16: uint16_t bit patterns). */
evoke_status evk_h5_write(evk_h5 *f, const char *name, evk_h5_type type, size_t n_dim, const size_t *dims,
                          const void *data, evoke_error *err);
evoke_status evk_h5_write_strings(evk_h5 *f, const char *name, size_t n_dim, const size_t *dims,
                                  const char *const *texts, evoke_error *err);     /* variable length, UTF-8 */
/* A dataset of zeros, contiguous, its space allocated now; *offset is where its first byte lies in the file, so that it
 * can be filled in place by pwrite once the file is committed, without a change to any of HDF5's own structures. */
evoke_status evk_h5_allocate(evk_h5 *f, const char *name, evk_h5_type type, size_t n_dim, const size_t *dims,
                             uint64_t *offset, evoke_error *err);
/* A dataset to be filled by evk_h5_write_rows, compressed without loss in pieces of chunk [n_dim], each 1 to dims; zeros where
 * nothing was written. Every reader of HDF5 takes it (hdf5_packed.c). */
evoke_status evk_h5_allocate_packed(evk_h5 *f, const char *name, evk_h5_type type, size_t n_dim, const size_t *dims,
                                    const size_t *chunk, evoke_error *err);
/* Rows [first, first + n) along the slowest dimension of a dataset made by either of these, from data of its C type. */
evoke_status evk_h5_write_rows(evk_h5 *f, const char *name, evk_h5_type type, size_t first, size_t n, const void *data,
                               evoke_error *err);
/* Attributes; object "/" or a dataset's name. */
evoke_status evk_h5_attr_string(evk_h5 *f, const char *object, const char *name, const char *value, evoke_error *err);
evoke_status evk_h5_attr_i64(evk_h5 *f, const char *object, const char *name, int64_t value, evoke_error *err);
evoke_status evk_h5_attr_f64(evk_h5 *f, const char *object, const char *name, double value, evoke_error *err);

/* Reading. evk_h5_has: a dataset or group of that name is there. */
bool evk_h5_has(evk_h5 *f, const char *name);
/* Errors: EVOKE_EFORMAT not there or not a dataset, more than EVK_H5_MAX_DIM dimensions, empty, or sizes whose product
 * overflows, or larger than the file can hold (where contiguous). */
evoke_status evk_h5_shape(evk_h5 *f, const char *name, size_t *n_dim, size_t dims[EVK_H5_MAX_DIM], evoke_error *err);
/* Number of bytes from the file's start of a contiguous dataset that is allocated. */
evoke_status evk_h5_offset(evk_h5 *f, const char *name, uint64_t *offset, evoke_error *err);
/* Does the file hold the dataset's values as evk_h5_write and evk_h5_allocate lay them out? */
bool evk_h5_stored_as(evk_h5 *f, const char *name, evk_h5_type type);
/* A hyperslab, converted to the C type asked for (floats of any width to F32 or F64, integers to integers). start and
 * count [n_dim] as the dataset has them; NULL: all of it. */
evoke_status evk_h5_read(evk_h5 *f, const char *name, evk_h5_type type, const size_t *start, const size_t *count,
                         void *out, evoke_error *err);
/* All strings of a dataset, fixed or variable length: *texts [*n], one block from the heap, freed by one free(). */
evoke_status evk_h5_read_strings(evk_h5 *f, const char *name, char ***texts, size_t *n, evoke_error *err);
/* Attributes: false where missing or of another kind. The string is the caller's. A whole number beyond what the type has is cut to
 * the type's own least or largest: a seed may be any uint64_t. */
bool evk_h5_get_string(evk_h5 *f, const char *object, const char *name, char **value);
bool evk_h5_get_i64(evk_h5 *f, const char *object, const char *name, int64_t *value);
bool evk_h5_get_u64(evk_h5 *f, const char *object, const char *name, uint64_t *value);
bool evk_h5_get_f64(evk_h5 *f, const char *object, const char *name, double *value);
/* Names of the members of a group, in order of name: as evk_h5_read_strings gives them. */
evoke_status evk_h5_members(evk_h5 *f, const char *group, char ***names, size_t *n, evoke_error *err);

/* The attributes that every file of ours has. sha256 may be "" where no model file is at hand. */
typedef struct evk_h5_signature {
    const char *format, *model_name, *model_sha256, *architecture;
    size_t n_layer, d_model;
    const evoke_provenance *made;       /* may be NULL */
} evk_h5_signature;
evoke_status evk_h5_sign(evk_h5 *f, const evk_h5_signature *s, evoke_error *err);   /* version 1, program version too */

#endif
