/* core/files/weights_export.c: one tensor's values as float32 in an HDF5 file, so that any program can look at them. */
#include <stdio.h>
#include <stdlib.h>

#include "core/files/hdf5.h"
#include "core/files/weights.h"
#include "core/kernels/kernels.h"

/* Row by row: a kernel takes whole rows of blocks. */
static evoke_status read_values(const evoke_weights *w, const evk_tensor *t, float **out, evoke_error *err)
{
    evk_kernels kernels;
    size_t n = 0;
    *out = NULL;
    EVK_TRY(evk_kernels_select("ref", &kernels, err));
    if (!t->data || !kernels.dequantise[t->type])
        return evk_fail(err, EVOKE_EUNSUPPORTED, "export tensor: the values of '%s' are of type %s, which is not read (%s)",
                        t->name, evk_weights_type(t), evk_weights_path(w));
    if (!evk_mul(t->rows, t->cols, &n))
        return evk_fail(err, EVOKE_EFORMAT, "export tensor: the size of '%s' overflows (%s)", t->name, evk_weights_path(w));
    EVK_TRY(evk_alloc(out, n, sizeof **out, "export tensor", err));
    const unsigned char *rows = t->data;
    for (size_t r = 0; r < t->rows; r++)
        kernels.dequantise[t->type](rows + r * t->row_bytes, *out + r * t->cols, t->cols);
    return EVOKE_OK;
}

/* A size that GGUF calls <architecture>.<gguf> and config.json one of `hf`; 0 where neither says. */
static size_t model_size(const evoke_weights *w, const char *architecture, const char *gguf, const char *const hf[2])
{
    char key[128];
    uint64_t value = 0;
    snprintf(key, sizeof key, "%s.%s", architecture, gguf);
    if (evk_meta_u64(w, key, &value))
        return (size_t)value;
    for (size_t i = 0; i < 2; i++) {
        const json_t *n = json_object_get(evk_weights_config(w), hf[i]);
        if (json_is_integer(n) && json_integer_value(n) > 0)
            return (size_t)json_integer_value(n);
    }
    return 0;
}

static evoke_status sign(const evoke_weights *w, evk_h5 *f, const evoke_provenance *made, evoke_error *err)
{
    char hex[65];
    const char *architecture = evk_weights_architecture(w);
    char *name = NULL;
    if (!architecture)
        architecture = "";
    EVK_TRY(evk_weights_sha256(w, hex, err));
    EVK_TRY(evk_weights_name(w, &name, err));
    const evk_h5_signature signature = {
        .format = "evoke-tensor", .model_name = name, .model_sha256 = hex, .architecture = architecture, .made = made,
        .n_layer = model_size(w, architecture, "block_count", (const char *[]){ "num_hidden_layers", "n_layer" }),
        .d_model = model_size(w, architecture, "embedding_length", (const char *[]){ "hidden_size", "n_embd" }),
    };
    const evoke_status st = evk_h5_sign(f, &signature, err);
    free(name);
    return st;
}

evoke_status evoke_weights_export(const evoke_weights *w, const char *name, const char *hdf5_path,
                                  const evoke_provenance *made, evoke_error *err)
{
    const evk_tensor *t = evk_weights_find(w, name);
    float *values = NULL;
    evk_h5 *f = NULL;
    if (!t)
        return evk_fail(err, EVOKE_EDATA, "export tensor: there is none named '%s' (%s)", name, evk_weights_path(w));
    EVK_TRY(read_values(w, t, &values, err));
    evoke_status st = evk_h5_create(hdf5_path, &f, err);
    if (st == EVOKE_OK)
        st = evk_h5_write(f, "tensor", EVK_H5_F32, t->n_dim ? t->n_dim : 1, t->n_dim ? t->dims : (size_t[]){ 1 }, values,
                          err);
    if (st == EVOKE_OK)
        st = evk_h5_attr_string(f, "tensor", "name", t->name, err);
    if (st == EVOKE_OK)
        st = evk_h5_attr_string(f, "tensor", "type", evk_type_describe(t->type)->name, err);
    if (st == EVOKE_OK)
        st = sign(w, f, made, err);
    if (st == EVOKE_OK) {
        st = evk_h5_commit(f, err);
        f = NULL;
    }
    evk_h5_free(f);
    free(values);
    return st;
}
