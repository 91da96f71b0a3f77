/* tests/core/test_quants.c: every table's dequantisers against gguf-py's values, bit for bit: random blocks with
 * subnormal, zero and negative scales, and blocks quantised from normals (tests/golden/README.md). */
#include <stdlib.h>
#include <string.h>

#include "core/files/hdf5.h"
#include "core/kernels/quants.h"
#include "tests/check.h"

static void *read_all(evk_h5 *f, const char *group, const char *type, evk_h5_type as, size_t size, size_t *n)
{
    char name[64];
    size_t n_dim, dims[EVK_H5_MAX_DIM];
    evoke_error err = { 0 };
    snprintf(name, sizeof name, "%s/%s", group, type);
    if (!check(evk_h5_shape(f, name, &n_dim, dims, &err) == EVOKE_OK, "%s", err.text))
        return NULL;
    *n = 1;
    for (size_t d = 0; d < n_dim; d++)
        *n *= dims[d];
    void *data = malloc(*n * size);
    check(evk_h5_read(f, name, as, NULL, NULL, data, &err) == EVOKE_OK, "%s", err.text);
    return data;
}

static void type_is_exact(evk_h5 *f, evk_type type)
{
    const evk_type_info *info = evk_type_describe(type);
    size_t n_bytes = 0, n = 0;
    uint8_t *bytes = read_all(f, "bytes", info->name, EVK_H5_U8, 1, &n_bytes);
    float *values = read_all(f, "values", info->name, EVK_H5_F32, sizeof(float), &n), *out = calloc(n + 1, sizeof *out);
    check(n / info->block * info->bytes == n_bytes, "%s: %zu values in %zu bytes", info->name, n, n_bytes);
    for (size_t i = 0; evoke_isa_name(i) && bytes && values; i++) {
        evk_kernels k;
        evk_kernels_select(evoke_isa_name(i), &k, NULL);
        k.dequantise[type](bytes, out, n);
        size_t same = 0;
        while (same < n && memcmp(&out[same], &values[same], sizeof *out) == 0)
            same++;
        check(same == n, "%s: %s value %zu", k.isa, info->name, same);
    }
    free(bytes);
    free(values);
    free(out);
}

/* Plain numbers have no golden values. */
static void plain_numbers(void)
{
    evk_kernels k;
    float out[3];
    evk_kernels_select(NULL, &k, NULL);
    k.dequantise[EVK_I8]((const int8_t[]){ -128, 0, 127 }, out, 3);
    check(out[0] == -128 && out[1] == 0 && out[2] == 127, "I8");
    k.dequantise[EVK_I16]((const int16_t[]){ -32768, 300, 32767 }, out, 3);
    check(out[0] == -32768 && out[1] == 300 && out[2] == 32767, "I16");
    k.dequantise[EVK_I32]((const int32_t[]){ INT32_MIN, 16777217, 7 }, out, 3);
    check(out[0] == -0x1p31f && out[1] == 16777216 && out[2] == 7, "I32");
    k.dequantise[EVK_I64]((const int64_t[]){ INT64_MIN, -5, (int64_t)1 << 40 }, out, 3);
    check(out[0] == -0x1p63f && out[1] == -5 && out[2] == 0x1p40f, "I64");
    k.dequantise[EVK_F64]((const double[]){ 0.1, -1e-300, 3 }, out, 3);
    check(out[0] == 0.1f && out[1] == 0 && out[2] == 3, "F64");
    check(!k.dequantise[EVK_OTHER_TYPE], "an unknown type has no values");
}

int main(int argc, char **argv)
{
    char path[4096];
    evk_h5 *f = NULL;
    evoke_error err = { 0 };
    snprintf(path, sizeof path, "%s/tests/golden/quants/expected.h5", argc > 1 ? argv[1] : ".");
    plain_numbers();
    if (check(evk_h5_open(path, &f, &err) == EVOKE_OK, "%s", err.text))
        for (evk_type type = EVK_F32; type <= EVK_IQ1_M; type++)
            type_is_exact(f, type);
    evk_h5_free(f);
    return check_done();
}
