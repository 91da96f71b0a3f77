/* core/tensor.h: a shape, a storage type and a borrowed pointer into a mapped file.
 *
 * A tensor is [rows, cols] row-major: cols is the last (fastest) dimension, rows the product of the others. A row of a
 * block type is cols / block elements, each `bytes` long; see core/kernels/quants.h for what a block holds.
 *
 * A tensor may be a view of a part of another one, which lies in the file fused with its neighbours or transposed: nothing
 * is copied, the rows are only found elsewhere. */
#ifndef EVK_TENSOR_H
#define EVK_TENSOR_H

#include "core/status.h"

typedef enum evk_type {
    EVK_F32, EVK_F16, EVK_BF16, EVK_Q4_0, EVK_Q4_1, EVK_Q5_0, EVK_Q5_1, EVK_Q8_0, EVK_Q2_K, EVK_Q3_K, EVK_Q4_K,
    EVK_Q5_K, EVK_Q6_K, EVK_IQ4_NL, EVK_IQ4_XS, EVK_MXFP4, EVK_TQ1_0, EVK_TQ2_0, EVK_IQ2_XXS, EVK_IQ2_XS, EVK_IQ2_S,
    EVK_IQ3_XXS, EVK_IQ3_S, EVK_IQ1_S, EVK_IQ1_M,
    EVK_I8, EVK_I16, EVK_I32, EVK_I64, EVK_F64, EVK_OTHER_TYPE, EVK_N_TYPE
} evk_type;

typedef struct evk_type_info {
    const char *name;       /* "Q4_1" */
    int ggml;               /* its number in GGUF files; -1: none */
    size_t block, bytes;    /* values in a block, bytes of a block; block 0: this version cannot read its values */
} evk_type_info;

const evk_type_info *evk_type_describe(evk_type type);
/* The type with that GGUF number; EVK_OTHER_TYPE where it is not known. */
evk_type evk_type_from_ggml(uint32_t number);

#define EVK_MAX_DIM 8
typedef struct evk_tensor {
    const char *name;
    evk_type type;
    size_t n_dim, dims[EVK_MAX_DIM];    /* row-major, slowest first */
    size_t rows, cols, row_bytes, n_bytes;
    const void *data;                   /* borrowed; may be unaligned */
    size_t group, group_step;           /* rows lie in groups of `group`, `group_step` rows apart; group 0: one after the other */
    bool transposed;                    /* the file holds [cols, ...] of single values: row_bytes leads from one col to the next */
} evk_tensor;

/* Where row r of a tensor begins that is not transposed. */
static inline const char *evk_tensor_row(const evk_tensor *t, size_t r)
{
    const size_t at = t->group ? r / t->group * t->group_step + r % t->group : r;
    return (const char *)t->data + at * t->row_bytes;
}

/* Fills rows, cols, row_bytes and n_bytes from type and dims. Errors: EVOKE_EFORMAT a product overflows, or cols is not
 * a whole number of blocks; EVOKE_EUNSUPPORTED a type whose blocks this version does not know. `where` names the file. */
evoke_status evk_tensor_shape(evk_tensor *t, const char *where, evoke_error *err);

#endif
