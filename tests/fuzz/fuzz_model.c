/* A GGUF file, opened as a model: family, sizes, weights, tokenizer, template; one that opens runs three tokens. An input that
 * does not begin with GGUF's magic changes a valid file: its first byte picks the family's tiny model, then every five bytes
 * are a place (2 bytes), the width of a number, and which of the hostile numbers is put there, or a byte as it is. */
#include "tests/fuzz/fuzz.h"

#include "tests/tiny_model.h"

static void run(const evoke_model *m)
{
    evoke_session *s = NULL;
    evoke_error err;
    if (fuzz_ok(evoke_session_new(m, 4, &s, &err), &err))
        fuzz_ok(evoke_session_eval(s, (const int32_t[]){ 1, 2, 7 }, 3, &err), &err);
    evoke_session_free(s);
}

static void change(bytes *b, const uint8_t *edit)
{
    static const uint64_t hostile[] = {
        0, 1, 2, 3, 5, 7, 8, 9, 10, 16, 64, 1 << 20, INT32_MAX, 1u << 31, UINT32_MAX, 1ull << 32, 1ull << 62, INT64_MAX,
        1ull << 63, UINT64_MAX, 0x3f000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x80000000, 0x00000001, 0x7f7fffff, 0xbf800000,
    };
    const size_t n = sizeof hostile / sizeof *hostile, width = (size_t)1 << edit[2] % 4;
    const size_t at = (edit[0] | (size_t)edit[1] << 8) % b->n;
    const uint64_t value = edit[3] < 128 ? hostile[edit[3] % n] : edit[4];
    if (at <= b->n - width)
        memcpy(b->data + at, &value, width);
}

/* The families that GGUF knows. */
static void build(bytes *b, uint8_t pick)
{
    size_t i = pick % TINY_N_MODELS;
    while (!tiny_models[i].family->gguf_arch)
        i = (i + 1) % TINY_N_MODELS;
    tiny_gguf(b, &tiny_models[i], NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bytes b;
    evoke_model *m = NULL;
    evoke_error err;
    const evoke_model_options options = { .n_threads = 1 };
    if (size > 0 && (size < 4 || memcmp(data, "GGUF", 4) != 0)) {
        build(&b, data[0]);
        for (size_t i = 1; i + 5 <= size; i += 5)
            change(&b, data + i);
        data = b.data;
        size = b.n;
    }
    if (fuzz_ok(evoke_model_open(fuzz_write("x.gguf", data, size), &options, &m, &err), &err))
        run(m);
    evoke_model_free(m);
    return 0;
}

/* Each model as a file, and picked by its byte. */
size_t fuzz_seed(size_t i, uint8_t *out, size_t capacity)
{
    static bytes b;
    if (i >= 2 * TINY_N_MODELS)
        return 0;
    build(&b, (uint8_t)(i / 2));
    if (i % 2) {
        b.n = 11;
        memset(b.data, 255, b.n);
        b.data[0] = (uint8_t)(i / 2);
    }
    if (b.n > capacity)
        return 0;
    memcpy(out, b.data, b.n);
    return b.n;
}
