/* core/tensor.c: the storage types and the arithmetic of a shape.
 *
 * A row of `cols` values takes cols / block blocks of `bytes` bytes; a tensor is `rows` such rows, one after another. */
#include "core/tensor.h"

static const evk_type_info types[EVK_N_TYPE] = {
    /* type           name      ggml block bytes */
    [EVK_F32]        = { "F32",      0,    1,    4 },
    [EVK_F16]        = { "F16",      1,    1,    2 },
    [EVK_BF16]       = { "BF16",    30,    1,    2 },
    [EVK_Q4_0]       = { "Q4_0",     2,   32,   18 },
    [EVK_Q4_1]       = { "Q4_1",     3,   32,   20 },
    [EVK_Q5_0]       = { "Q5_0",     6,   32,   22 },
    [EVK_Q5_1]       = { "Q5_1",     7,   32,   24 },
    [EVK_Q8_0]       = { "Q8_0",     8,   32,   34 },
    [EVK_Q2_K]       = { "Q2_K",    10,  256,   84 },
    [EVK_Q3_K]       = { "Q3_K",    11,  256,  110 },
    [EVK_Q4_K]       = { "Q4_K",    12,  256,  144 },
    [EVK_Q5_K]       = { "Q5_K",    13,  256,  176 },
    [EVK_Q6_K]       = { "Q6_K",    14,  256,  210 },
    [EVK_IQ4_NL]     = { "IQ4_NL",  20,   32,   18 },
    [EVK_IQ4_XS]     = { "IQ4_XS",  23,  256,  136 },
    [EVK_MXFP4]      = { "MXFP4",   39,   32,   17 },
    [EVK_TQ1_0]      = { "TQ1_0",   34,  256,   54 },
    [EVK_TQ2_0]      = { "TQ2_0",   35,  256,   66 },
    [EVK_IQ2_XXS]    = { "IQ2_XXS", 16,  256,   66 },
    [EVK_IQ2_XS]     = { "IQ2_XS",  17,  256,   74 },
    [EVK_IQ2_S]      = { "IQ2_S",   22,  256,   82 },
    [EVK_IQ3_XXS]    = { "IQ3_XXS", 18,  256,   98 },
    [EVK_IQ3_S]      = { "IQ3_S",   21,  256,  110 },
    [EVK_IQ1_S]      = { "IQ1_S",   19,  256,   50 },
    [EVK_IQ1_M]      = { "IQ1_M",   29,  256,   56 },
    [EVK_I8]         = { "I8",      24,    1,    1 },
    [EVK_I16]        = { "I16",     25,    1,    2 },
    [EVK_I32]        = { "I32",     26,    1,    4 },
    [EVK_I64]        = { "I64",     27,    1,    8 },
    [EVK_F64]        = { "F64",     28,    1,    8 },
    [EVK_OTHER_TYPE] = { "other",   -1,    0,    0 },
};

const evk_type_info *evk_type_describe(evk_type type)
{
    return &types[(unsigned)type < EVK_N_TYPE ? type : EVK_OTHER_TYPE];
}

evk_type evk_type_from_ggml(uint32_t number)
{
    for (int i = 0; i < EVK_OTHER_TYPE; i++)
        if (types[i].ggml >= 0 && (uint32_t)types[i].ggml == number)
            return (evk_type)i;
    return EVK_OTHER_TYPE;
}

/* rows x cols from the dimensions; a tensor without any is a scalar, [1, 1]. */
static evoke_status flatten(evk_tensor *t, const char *where, evoke_error *err)
{
    t->rows = 1;
    t->cols = t->n_dim ? t->dims[t->n_dim - 1] : 1;
    size_t total = 0;
    for (size_t i = 0; i < t->n_dim; i++) {
        if (t->dims[i] == 0)
            return evk_fail(err, EVOKE_EFORMAT, "read tensor '%s': dimension %zu is zero (%s)", t->name, i, where);
        if (i + 1 < t->n_dim && !evk_mul(t->rows, t->dims[i], &t->rows))
            return evk_fail(err, EVOKE_EFORMAT, "read tensor '%s': its dimensions overflow (%s)", t->name, where);
    }
    if (!evk_mul(t->rows, t->cols, &total))
        return evk_fail(err, EVOKE_EFORMAT, "read tensor '%s': its dimensions overflow (%s)", t->name, where);
    return EVOKE_OK;
}

evoke_status evk_tensor_shape(evk_tensor *t, const char *where, evoke_error *err)
{
    const evk_type_info *type = evk_type_describe(t->type);
    t->rows = t->cols = t->row_bytes = t->n_bytes = 0;
    if (t->n_dim > EVK_MAX_DIM)
        return evk_fail(err, EVOKE_EFORMAT, "read tensor '%s': %zu dimensions, at most %d are possible (%s)", t->name,
                        t->n_dim, EVK_MAX_DIM, where);
    EVK_TRY(flatten(t, where, err));
    if (type->block == 0)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "read tensor '%s': its storage type is not supported (%s)", t->name,
                        where);
    if (t->cols % type->block)
        return evk_fail(err, EVOKE_EFORMAT, "read tensor '%s': rows of %zu values are no whole number of %s blocks of "
                        "%zu (%s)", t->name, t->cols, type->name, type->block, where);
    if (!evk_mul(t->cols / type->block, type->bytes, &t->row_bytes) || !evk_mul(t->rows, t->row_bytes, &t->n_bytes))
        return evk_fail(err, EVOKE_EFORMAT, "read tensor '%s': its size overflows (%s)", t->name, where);
    return EVOKE_OK;
}
