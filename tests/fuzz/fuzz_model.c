/* A whole GGUF file, opened as a model: family, sizes, weights, tokenizer, template; one that opens runs two tokens. */
#include "tests/fuzz/fuzz.h"

#include <math.h>

#include "tests/bytes.h"

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

/* ---- a model of one layer: D 4, two heads of 2, one head of keys, 6 neurons, 8 tokens ---- */

static const struct { const char *name; uint64_t n_dim, dims[2]; } tensors[] = {     /* the fastest dimension first */
    { "token_embd.weight", 2, { 4, 8 } },         { "blk.0.attn_norm.weight", 1, { 4 } },
    { "blk.0.attn_q.weight", 2, { 4, 4 } },       { "blk.0.attn_k.weight", 2, { 4, 2 } },
    { "blk.0.attn_v.weight", 2, { 4, 2 } },       { "blk.0.attn_output.weight", 2, { 4, 4 } },
    { "blk.0.ffn_norm.weight", 1, { 4 } },        { "blk.0.ffn_gate.weight", 2, { 4, 6 } },
    { "blk.0.ffn_up.weight", 2, { 4, 6 } },       { "blk.0.ffn_down.weight", 2, { 6, 4 } },
    { "output_norm.weight", 1, { 4 } },
};
enum { N_TENSORS = sizeof tensors / sizeof *tensors };

static void put_key(bytes *b, const char *key, uint32_t type, uint64_t *n)
{
    put_string(b, key);
    put_number(b, type, 4);
    ++*n;
}

static void put_sizes(bytes *b, const char *arch, uint64_t *n)
{
    static const struct { const char *key; uint64_t value; } sizes[] = {
        { "context_length", 16 }, { "embedding_length", 4 }, { "block_count", 1 }, { "feed_forward_length", 6 },
        { "attention.head_count", 2 }, { "attention.head_count_kv", 1 }, { "rope.dimension_count", 2 },
    };
    char key[64];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(key, sizeof key, "%s.%s", arch, sizes[i].key);
        put_key(b, key, 4, n), put_number(b, sizes[i].value, 4);
    }
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", arch);
    put_key(b, key, 6, n), put(b, &(float){ 1e-5f }, 4);
    snprintf(key, sizeof key, "%s.rope.freq_base", arch);
    put_key(b, key, 6, n), put(b, &(float){ 1e4f }, 4);
}

static void put_vocabulary(bytes *b, uint64_t *n)
{
    static const char *const tokens[] = { "<s>", "a", "b", "ab", "c", "abc", "\xc4\xa0", "d" }, *const merges[] = { "a b", "ab c" };
    put_key(b, "tokenizer.ggml.model", 8, n), put_string(b, "gpt2");
    put_key(b, "tokenizer.ggml.pre", 8, n), put_string(b, "gpt-2");
    put_key(b, "tokenizer.ggml.tokens", 9, n), put_number(b, 8, 4), put_number(b, 8, 8);
    for (size_t i = 0; i < 8; i++)
        put_string(b, tokens[i]);
    put_key(b, "tokenizer.ggml.token_type", 9, n), put_number(b, 5, 4), put_number(b, 8, 8);
    for (size_t i = 0; i < 8; i++)
        put_number(b, i ? 1 : 3, 4);
    put_key(b, "tokenizer.ggml.merges", 9, n), put_number(b, 8, 4), put_number(b, 2, 8);
    for (size_t i = 0; i < 2; i++)
        put_string(b, merges[i]);
    put_key(b, "tokenizer.ggml.bos_token_id", 4, n), put_number(b, 0, 4);
    put_key(b, "tokenizer.chat_template", 8, n), put_string(b, "{% for m in messages %}{{ m.content }}{% endfor %}");
}

static void put_tensors(bytes *b)
{
    uint64_t offset = 0, total = 0;
    for (size_t i = 0; i < N_TENSORS; i++) {
        const uint64_t n = tensors[i].dims[0] * (tensors[i].n_dim == 2 ? tensors[i].dims[1] : 1);
        put_string(b, tensors[i].name);
        put_number(b, tensors[i].n_dim, 4);
        for (size_t d = 0; d < tensors[i].n_dim; d++)
            put_number(b, tensors[i].dims[d], 8);
        put_number(b, 0, 4), put_number(b, offset, 8);
        offset += (4 * n + 31) / 32 * 32;
        total = offset;
    }
    pad(b, 32);
    for (uint64_t i = 0; i < total / 4; i++)
        put(b, &(float){ sinf((float)i) }, 4);
}

size_t fuzz_seed(size_t i, uint8_t *out, size_t capacity)
{
    static const char *const archs[] = { "llama" };
    static bytes meta, b;
    uint64_t n = 0;
    if (i >= sizeof archs / sizeof *archs)
        return 0;
    meta.n = b.n = 0;
    put_key(&meta, "general.architecture", 8, &n), put_string(&meta, archs[i]);
    put_sizes(&meta, archs[i], &n);
    put_vocabulary(&meta, &n);
    put_text(&b, "GGUF");
    put_number(&b, 3, 4), put_number(&b, N_TENSORS, 8), put_number(&b, n, 8);
    put(&b, meta.data, meta.n);
    put_tensors(&b);
    if (b.n > capacity)
        return 0;
    memcpy(out, b.data, b.n);
    return b.n;
}
