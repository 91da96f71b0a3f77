/* tests/tiny_model.h: a model of one layer, as a GGUF file and as a folder, each with one thing about it changed:
 * D 4, two heads of 2, one head of keys, 6 neurons, 8 tokens. Weights are sin(i). */
#ifndef TINY_MODEL_H
#define TINY_MODEL_H

#include <math.h>

#include "tests/bytes.h"

/* What is done to one key or tensor. */
typedef enum tiny_how {
    TINY_KEEP, TINY_DROP, TINY_TWICE,
    TINY_U32, TINY_I32, TINY_F32, TINY_STRING,          /* the key has this value instead */
    TINY_NUMBERS, TINY_TEXTS, TINY_ARRAYS,              /* or this array of two */
    TINY_DIMS, TINY_TYPE, TINY_RENAME, TINY_OFFSET      /* of a tensor: dims; type; another name; data elsewhere */
} tiny_how;

typedef struct tiny_edit { const char *name; tiny_how how; double value; const char *text; uint64_t dims[2]; } tiny_edit;

typedef struct tiny_tensor { const char *gguf, *hf; uint64_t n_dim, dims[2]; } tiny_tensor;      /* GGUF's order of dims */
static const tiny_tensor tiny_tensors[] = {
    { "token_embd.weight", "model.embed_tokens.weight", 2, { 4, 8 } },
    { "blk.0.attn_norm.weight", "model.layers.0.input_layernorm.weight", 1, { 4 } },
    { "blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.weight", 2, { 4, 4 } },
    { "blk.0.attn_k.weight", "model.layers.0.self_attn.k_proj.weight", 2, { 4, 2 } },
    { "blk.0.attn_v.weight", "model.layers.0.self_attn.v_proj.weight", 2, { 4, 2 } },
    { "blk.0.attn_output.weight", "model.layers.0.self_attn.o_proj.weight", 2, { 4, 4 } },
    { "blk.0.ffn_norm.weight", "model.layers.0.post_attention_layernorm.weight", 1, { 4 } },
    { "blk.0.ffn_gate.weight", "model.layers.0.mlp.gate_proj.weight", 2, { 4, 6 } },
    { "blk.0.ffn_up.weight", "model.layers.0.mlp.up_proj.weight", 2, { 4, 6 } },
    { "blk.0.ffn_down.weight", "model.layers.0.mlp.down_proj.weight", 2, { 6, 4 } },
    { "output_norm.weight", "model.norm.weight", 1, { 4 } },
    { "output.weight", "lm_head.weight", 2, { 4, 8 } },
};
enum { TINY_N_TENSORS = sizeof tiny_tensors / sizeof *tiny_tensors };

static inline bool tiny_edits(const tiny_edit *e, const char *name)
{
    return e && e->how != TINY_KEEP && strcmp(e->name, name) == 0;
}

/* ---- GGUF ---- */

static inline void tiny_put_array(bytes *b, const tiny_edit *e)
{
    const uint64_t type = e->how == TINY_NUMBERS ? 4 : e->how == TINY_TEXTS ? 8 : 9;
    put_number(b, 9, 4), put_number(b, type, 4), put_number(b, 2, 8);
    for (size_t i = 0; i < 2; i++) {
        if (type == 4)
            put_number(b, (uint64_t)e->value, 4);
        else if (type == 8)
            put_string(b, e->text);
        else
            put_number(b, 4, 4), put_number(b, 1, 8), put_number(b, 1, 4);
    }
}

/* The key with the edit's value, if there is one for it; false: the caller writes what it has. */
static inline bool tiny_put_edited(bytes *b, const tiny_edit *e, const char *key, uint64_t *n)
{
    if (!tiny_edits(e, key) || e->how == TINY_TWICE)
        return false;
    if (e->how == TINY_DROP)
        return true;
    ++*n;
    put_string(b, key);
    if (e->how >= TINY_NUMBERS) {
        tiny_put_array(b, e);
    } else if (e->how == TINY_STRING) {
        put_number(b, 8, 4), put_string(b, e->text);
    } else if (e->how == TINY_F32) {
        put_number(b, 6, 4), put(b, &(float){ (float)e->value }, 4);
    } else {
        put_number(b, e->how == TINY_I32 ? 5 : 4, 4), put_number(b, (uint64_t)(int64_t)e->value, 4);
    }
    return true;
}

static inline void tiny_put_key(bytes *b, const tiny_edit *e, const char *key, uint32_t type, const void *value,
                                size_t n_value, uint64_t *n)
{
    for (int twice = 0; twice < 1 + (tiny_edits(e, key) && e->how == TINY_TWICE); twice++) {
        if (tiny_put_edited(b, e, key, n))
            return;
        ++*n;
        put_string(b, key);
        put_number(b, type, 4);
        if (type == 8)
            put_string(b, value);
        else
            put(b, value, n_value);
    }
}

static inline void tiny_put_sizes(bytes *b, const char *arch, const tiny_edit *e, uint64_t *n)
{
    static const struct { const char *key; uint32_t value; } sizes[] = {
        { "context_length", 16 }, { "embedding_length", 4 }, { "block_count", 1 }, { "feed_forward_length", 6 },
        { "attention.head_count", 2 }, { "attention.head_count_kv", 1 }, { "rope.dimension_count", 2 },
        { "attention.key_length", 2 }, { "attention.value_length", 2 },
    };
    char key[80];
    tiny_put_key(b, e, "general.architecture", 8, arch, 0, n);
    tiny_put_key(b, e, "general.alignment", 4, &(uint32_t){ 32 }, 4, n);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(key, sizeof key, "%s.%s", arch, sizes[i].key);
        tiny_put_key(b, e, key, 4, &sizes[i].value, 4, n);
    }
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", arch);
    tiny_put_key(b, e, key, 6, &(float){ 1e-5f }, 4, n);
    snprintf(key, sizeof key, "%s.rope.freq_base", arch);
    tiny_put_key(b, e, key, 6, &(float){ 1e4f }, 4, n);
}

static inline void tiny_put_list(bytes *b, const tiny_edit *e, const char *key, const char *const *texts, size_t n_texts,
                                 uint64_t *n)
{
    static bytes list;
    list.n = 0;
    put_number(&list, 8, 4), put_number(&list, n_texts, 8);
    for (size_t i = 0; i < n_texts; i++)
        put_string(&list, texts[i]);
    tiny_put_key(b, e, key, 9, list.data, list.n, n);
}

static inline void tiny_put_vocabulary(bytes *b, const tiny_edit *e, uint64_t *n)
{
    static const char *const tokens[] = { "<s>", "a", "b", "ab", "c", "abc", "\xc4\xa0", "d" };
    static const char *const merges[] = { "a b", "ab c" };
    static bytes types;
    types.n = 0;
    put_number(&types, 5, 4), put_number(&types, 8, 8);
    for (size_t i = 0; i < 8; i++)
        put_number(&types, i ? 1 : 3, 4);
    tiny_put_key(b, e, "tokenizer.ggml.model", 8, "gpt2", 0, n);
    tiny_put_key(b, e, "tokenizer.ggml.pre", 8, "gpt-2", 0, n);
    tiny_put_list(b, e, "tokenizer.ggml.tokens", tokens, 8, n);
    tiny_put_key(b, e, "tokenizer.ggml.token_type", 9, types.data, types.n, n);
    tiny_put_list(b, e, "tokenizer.ggml.merges", merges, 2, n);
    tiny_put_key(b, e, "tokenizer.ggml.bos_token_id", 4, &(uint32_t){ 0 }, 4, n);
    tiny_put_key(b, e, "tokenizer.ggml.eos_token_id", 4, &(uint32_t){ 0 }, 4, n);
    tiny_put_key(b, e, "tokenizer.chat_template", 8, "{% for m in messages %}{{ m.content }}{% endfor %}", 0, n);
}

static inline void tiny_put_info(bytes *b, const tiny_tensor *t, const tiny_edit *e, uint64_t offset)
{
    const bool edited = tiny_edits(e, t->gguf);
    const uint64_t *dims = edited && e->how == TINY_DIMS ? e->dims : t->dims;
    put_string(b, edited && e->how == TINY_RENAME ? e->text : t->gguf);
    put_number(b, t->n_dim, 4);
    for (size_t d = 0; d < t->n_dim; d++)
        put_number(b, dims[d], 8);
    put_number(b, edited && e->how == TINY_TYPE ? (uint64_t)e->value : 0, 4);
    put_number(b, edited && e->how == TINY_OFFSET ? (uint64_t)e->value : offset, 8);
}

static inline void tiny_put_tensors(bytes *b, const tiny_edit *e, size_t *n_tensors)
{
    uint64_t offset = 0;
    *n_tensors = 0;
    for (size_t i = 0; i < TINY_N_TENSORS; i++) {
        const tiny_tensor *t = &tiny_tensors[i];
        const size_t times = !tiny_edits(e, t->gguf) ? 1 : e->how == TINY_DROP ? 0 : e->how == TINY_TWICE ? 2 : 1;
        for (size_t k = 0; k < times; k++, ++*n_tensors) {
            tiny_put_info(b, t, e, offset);
            offset += (4 * t->dims[0] * (t->n_dim == 2 ? t->dims[1] : 1) + 31) / 32 * 32;
        }
    }
    pad(b, 32);
    for (uint64_t i = 0; i < offset / 4; i++)
        put(b, &(float){ sinf((float)i) }, 4);
}

/* e: one edit, or NULL. */
static inline void tiny_gguf(bytes *b, const char *arch, const tiny_edit *e)
{
    static bytes meta, tensors;
    uint64_t n = 0;
    size_t n_tensors = 0;
    meta.n = tensors.n = b->n = 0;
    tiny_put_sizes(&meta, arch, e, &n);
    tiny_put_vocabulary(&meta, e, &n);
    put_text(b, "GGUF");
    put_number(b, 3, 4), put_number(b, 0, 8), put_number(b, n, 8);
    put(b, meta.data, meta.n);
    tiny_put_tensors(b, e, &n_tensors);
    memcpy(b->data + 8, &(uint64_t){ n_tensors }, 8);
}

/* ---- a folder ---- */

static const char tiny_config[] =
    "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"hidden_size\": 4, \"head_dim\": 2, "
    "\"num_attention_heads\": 2, \"num_key_value_heads\": 1, \"num_hidden_layers\": 1, \"intermediate_size\": 6, "
    "\"vocab_size\": 8, \"hidden_act\": \"silu\", \"rms_norm_eps\": 1e-05, \"max_position_embeddings\": 16, "
    "\"tie_word_embeddings\": false, \"attention_bias\": false, \"mlp_bias\": false, "
    "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 10000.0}}";

static const char tiny_tokenizer[] =
    "{\"added_tokens\":[{\"id\":0,\"content\":\"<s>\",\"special\":true}],\"model\":{\"type\":\"BPE\",\"vocab\":{\"<s>\":0,"
    "\"a\":1,\"b\":2,\"ab\":3,\"c\":4,\"abc\":5,\"\xc4\xa0\":6,\"d\":7},\"merges\":[\"a b\",[\"ab\",\"c\"]]},"
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true},"
    "\"decoder\":{\"type\":\"ByteLevel\"}}";

static inline void tiny_safetensors(bytes *b, const tiny_edit *e)
{
    static char header[8192];
    size_t at = 0, n = 0;
    for (size_t i = 0; i < TINY_N_TENSORS; i++) {
        const tiny_tensor *t = &tiny_tensors[i];
        const bool edited = tiny_edits(e, t->hf), drop = edited && e->how == TINY_DROP;
        const uint64_t *dims = edited && e->how == TINY_DIMS ? e->dims : t->dims;
        const size_t size = 4 * dims[0] * (t->n_dim == 2 ? dims[1] : 1);
        if (drop)
            continue;
        n += (size_t)snprintf(header + n, sizeof header - n, "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[", n ? ',' : '{',
                              edited && e->how == TINY_RENAME ? e->text : t->hf);
        if (t->n_dim == 2)
            n += (size_t)snprintf(header + n, sizeof header - n, "%zu,", (size_t)dims[1]);
        n += (size_t)snprintf(header + n, sizeof header - n, "%zu],\"data_offsets\":[%zu,%zu]}", (size_t)dims[0], at, at + size);
        at += size;
    }
    snprintf(header + n, sizeof header - n, "}");
    b->n = 0;
    put_string(b, header);
    for (size_t i = 0; i < at / 4; i++)
        put(b, &(float){ sinf((float)i) }, 4);
}

#endif
