/* Types and shapes; block sizes are those of the GGUF specification (gguf.GGML_QUANT_SIZES, gguf 0.19). */
#include "tests/check.h"

#include <string.h>

#include "core/files/sha256.h"
#include "core/tensor.h"

static const struct { const char *name; uint32_t ggml; size_t block, bytes; } gguf[] = {
    { "F32", 0, 1, 4 }, { "F16", 1, 1, 2 }, { "Q4_0", 2, 32, 18 }, { "Q4_1", 3, 32, 20 }, { "Q5_0", 6, 32, 22 },
    { "Q5_1", 7, 32, 24 }, { "Q8_0", 8, 32, 34 }, { "Q2_K", 10, 256, 84 }, { "Q3_K", 11, 256, 110 },
    { "Q4_K", 12, 256, 144 }, { "Q5_K", 13, 256, 176 }, { "Q6_K", 14, 256, 210 }, { "I8", 24, 1, 1 },
    { "I16", 25, 1, 2 }, { "I32", 26, 1, 4 }, { "I64", 27, 1, 8 }, { "F64", 28, 1, 8 }, { "BF16", 30, 1, 2 },
    { "IQ2_XXS", 16, 256, 66 }, { "IQ2_XS", 17, 256, 74 }, { "IQ3_XXS", 18, 256, 98 }, { "IQ1_S", 19, 256, 50 },
    { "IQ4_NL", 20, 32, 18 }, { "IQ3_S", 21, 256, 110 }, { "IQ2_S", 22, 256, 82 }, { "IQ4_XS", 23, 256, 136 },
    { "IQ1_M", 29, 256, 56 }, { "TQ1_0", 34, 256, 54 }, { "TQ2_0", 35, 256, 66 }, { "MXFP4", 39, 32, 17 },
};

static void types_agree(void)
{
    for (size_t i = 0; i < sizeof gguf / sizeof *gguf; i++) {
        const evk_type_info *t = evk_type_describe(evk_type_from_ggml(gguf[i].ggml));
        check(strcmp(t->name, gguf[i].name) == 0, "number %u is %s", gguf[i].ggml, t->name);
        check(t->block == gguf[i].block && t->bytes == gguf[i].bytes, "block of %s", gguf[i].name);
    }
    const uint32_t unknown[] = { 4, 5, 9, 15, 31, 33, 36, 38, 40, 41, UINT32_MAX };
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        check(evk_type_from_ggml(unknown[i]) == EVK_OTHER_TYPE, "number %u", unknown[i]);
    check(evk_type_describe((evk_type)999)->block == 0, "a type out of range");
}

static void shape_is(evk_type type, size_t n_dim, const size_t *dims, evoke_status want, size_t rows, size_t cols,
                     size_t row_bytes)
{
    evk_tensor t = { .name = "w", .type = type, .n_dim = n_dim };
    memcpy(t.dims, dims, (n_dim < EVK_MAX_DIM ? n_dim : EVK_MAX_DIM) * sizeof *dims);
    evoke_error err = { 0 };
    const evoke_status st = evk_tensor_shape(&t, "test", &err);
    check(st == want, "%s, %zu dimensions: status %d, %s", evk_type_describe(type)->name, n_dim, (int)st, err.text);
    if (st != EVOKE_OK) {
        check(strstr(err.text, "'w'") && strstr(err.text, "(test)"), "the error says where: %s", err.text);
        return;
    }
    check(t.rows == rows && t.cols == cols && t.row_bytes == row_bytes && t.n_bytes == rows * row_bytes,
          "%zu x %zu, rows of %zu bytes, %zu in all", t.rows, t.cols, t.row_bytes, t.n_bytes);
}

static void shapes(void)
{
    shape_is(EVK_F32, 1, (size_t[]){ 7 }, EVOKE_OK, 1, 7, 28);
    shape_is(EVK_F32, 0, (size_t[]){ 0 }, EVOKE_OK, 1, 1, 4);
    shape_is(EVK_Q4_1, 2, (size_t[]){ 3, 64 }, EVOKE_OK, 3, 64, 40);
    shape_is(EVK_Q6_K, 3, (size_t[]){ 2, 5, 512 }, EVOKE_OK, 10, 512, 420);
    shape_is(EVK_Q4_1, 2, (size_t[]){ 32, 33 }, EVOKE_EFORMAT, 0, 0, 0);
    shape_is(EVK_F32, 2, (size_t[]){ 0, 4 }, EVOKE_EFORMAT, 0, 0, 0);
    shape_is(EVK_F32, 2, (size_t[]){ 4, 0 }, EVOKE_EFORMAT, 0, 0, 0);
    shape_is(EVK_F32, 2, (size_t[]){ SIZE_MAX / 2, 3 }, EVOKE_EFORMAT, 0, 0, 0);
    shape_is(EVK_F32, 3, (size_t[]){ SIZE_MAX, SIZE_MAX, 1 }, EVOKE_EFORMAT, 0, 0, 0);
    shape_is(EVK_F32, 2, (size_t[]){ SIZE_MAX / 4, 2 }, EVOKE_EFORMAT, 0, 0, 0);
    shape_is(EVK_OTHER_TYPE, 1, (size_t[]){ 4 }, EVOKE_EUNSUPPORTED, 0, 0, 0);
    shape_is(EVK_F32, 9, (size_t[]){ 1, 1, 1, 1, 1, 1, 1, 1, 1 }, EVOKE_EFORMAT, 0, 0, 0);
}

/* What sha256sum prints; no bytes at all: FIPS 180-4's own value. */
static void hashes(void)
{
    char hex[65];
    evoke_error err;
    check(evk_sha256_files(NULL, 0, hex, &err) == EVOKE_OK &&
          strcmp(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") == 0, "of nothing: %s", hex);
    const char *missing = "no/such/file";
    check(evk_sha256_files(&missing, 1, hex, &err) == EVOKE_EIO && strstr(err.text, missing), "%s", err.text);
}

static void hash_is(const char *root, const char *const *names, size_t n, const char *want)
{
    char paths[2][4096], hex[65];
    const char *list[2] = { paths[0], paths[1] };
    for (size_t i = 0; i < n; i++)
        snprintf(paths[i], sizeof paths[i], "%s/%s", root, names[i]);
    evoke_error err = { 0 };
    check(evk_sha256_files(list, n, hex, &err) == EVOKE_OK, "%s", err.text);
    check(strcmp(hex, want) == 0, "%s: %s", names[0], hex);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : ".";
    types_agree();
    shapes();
    hashes();
    hash_is(root, (const char *[]){ "tests/golden/families/llama/model.safetensors" }, 1,
            "ae0868d46b2c6f97a8ce4472fb37881408e22ab194769e53ac2495f15c40016e");
    hash_is(root, (const char *[]){ "tests/golden/families/llama/config.json",
                                     "tests/golden/families/llama/model.safetensors" }, 2,
            "1270350fabe6ceb5de5e5e52f4bd2a991a2dddb90c83ed93c021bccc76aaf563");
    return check_done();
}
