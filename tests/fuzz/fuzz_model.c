/* A whole GGUF file, opened as a model: family, sizes, weights, tokenizer, template; one that opens runs two tokens. */
#include "tests/fuzz/fuzz.h"

#include "tests/tiny_model.h"

static void run(const evoke_model *m)
{
    evoke_session *s = NULL;
    evoke_error err;
    if (fuzz_ok(evoke_session_new(m, 4, &s, &err), &err))
        fuzz_ok(evoke_session_eval(s, (const int32_t[]){ 1, 2 }, 2, &err), &err);
    evoke_session_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    evoke_model *m = NULL;
    evoke_error err;
    const evoke_model_options options = { .n_threads = 1 };
    if (fuzz_ok(evoke_model_open(fuzz_write("x.gguf", data, size), &options, &m, &err), &err))
        run(m);
    evoke_model_free(m);
    return 0;
}

size_t fuzz_seed(size_t i, uint8_t *out, size_t capacity)
{
    static const char *const archs[] = { "llama" };
    static bytes b;
    if (i >= sizeof archs / sizeof *archs)
        return 0;
    tiny_gguf(&b, archs[i], NULL);
    if (b.n > capacity)
        return 0;
    memcpy(out, b.data, b.n);
    return b.n;
}
