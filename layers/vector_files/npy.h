/* layers/vector_files/npy.h: one array in NumPy's .npy, as the parts of an .npz are. */
#ifndef EVK_NPY_H
#define EVK_NPY_H

#include "core/tensor.h"
#include "core/text.h"

typedef struct evk_npy {
    char descr[16];                     /* "<f4", "<U12" */
    size_t n_dim, dims[EVK_MAX_DIM];
    size_t item, n;                     /* bytes of a value; values */
    const char *data;                   /* [n], in the bytes that were read; may be unaligned */
} evk_npy;

/* name and path are named by errors. Errors: EVOKE_EFORMAT, EVOKE_EUNSUPPORTED: big-endian, Fortran order, objects (pickles). */
evoke_status evk_npy_read(const evoke_text *bytes, const char *name, const char *path, evk_npy *out, evoke_error *err);
/* The storage type of floats; EVK_OTHER_TYPE: no floats. */
evk_type evk_npy_float(const evk_npy *a);
/* Value i as an integer; false: no signed integers of 4 or 8 bytes. */
bool evk_npy_integer(const evk_npy *a, size_t i, int64_t *out);
/* Value i of a "<U" array as UTF-8; the caller's. Errors: EVOKE_EFORMAT no text, or no character. */
evoke_status evk_npy_text(const evk_npy *a, size_t i, const char *path, char **out, evoke_error *err);

/* A whole .npy. */
evoke_status evk_npy_put(const char *descr, size_t n_dim, const size_t *dims, const void *data, size_t n_bytes, evk_buffer *out,
                         evoke_error *err);
/* n texts as "<U"; n_dim 0: one text alone. */
evoke_status evk_npy_put_texts(const char *const *texts, size_t n_dim, size_t n, evk_buffer *out, evoke_error *err);

#endif
