/* tests/tiny_model.h: the models of tests/tiny_families.h as GGUF files and as folders, each with one thing about it changed.
 * Weights are 1 / 2 + sin(i) / 4, so that one can divide by them. */
#ifndef TINY_MODEL_H
#define TINY_MODEL_H

#include <jansson.h>
#include <math.h>

#include "tests/bytes.h"
#include "tests/tiny_families.h"

/* What is done to one key or tensor. */
typedef enum tiny_how {
    TINY_KEEP, TINY_DROP, TINY_TWICE,
    TINY_U32, TINY_I32, TINY_F32, TINY_BOOL, TINY_STRING,       /* the key has this value instead */
    TINY_NUMBERS, TINY_TEXTS, TINY_ARRAYS,              /* or this array of two */
    TINY_DIMS, TINY_TYPE, TINY_RENAME, TINY_OFFSET      /* of a tensor: dims; type; another name; data elsewhere */
} tiny_how;

typedef struct tiny_edit { const char *name; tiny_how how; double value; const char *text; uint64_t dims[2]; } tiny_edit;

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
    } else if (e->how == TINY_BOOL) {
        put_number(b, 7, 4), put_number(b, e->value != 0, 1);
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

/* A key of the architecture, by its name without it. */
static inline void tiny_put_own(bytes *b, const tiny_model *m, const tiny_edit *e, const tiny_key *k, uint64_t *n)
{
    static bytes value;
    char name[96];
    value.n = 0;
    snprintf(name, sizeof name, "%s.%s", m->family->gguf_arch, k->name);
    if (k->type == 6)
        put(&value, &(float){ (float)k->value }, 4);
    else if (k->type == 9)
        put_number(&value, 7, 4), put_number(&value, 1, 8), put_number(&value, k->value != 0, 1);
    else
        put_number(&value, (uint64_t)k->value, k->type == 7 ? 1 : 4);
    tiny_put_key(b, e, name, k->type, k->type == 8 ? (const void *)k->text : value.data, value.n, n);
}

static inline void tiny_put_sizes(bytes *b, const tiny_model *m, const tiny_edit *e, uint64_t *n)
{
    const tiny_key common[] = {
        { "context_length", 4, 16, NULL }, { "embedding_length", 4, 4, NULL }, { "block_count", 4, 1, NULL },
        { "feed_forward_length", 4, 6, NULL }, { "attention.head_count", 4, 2, NULL },
        { "attention.head_count_kv", 4, m->how & TINY_MHA ? 2 : 1, NULL }, { "rope.dimension_count", 4, 2, NULL },
        { "attention.key_length", 4, 2, NULL }, { "attention.value_length", 4, 2, NULL }, { "rope.freq_base", 6, 1e4, NULL },
        { m->family->usual.layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", 6, 1e-5, NULL },
    };
    tiny_put_key(b, e, "general.architecture", 8, m->family->gguf_arch, 0, n);
    tiny_put_key(b, e, "general.alignment", 4, &(uint32_t){ 32 }, 4, n);
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
        size_t own = 0;
        while (own < 5 && m->keys[own].name && strcmp(m->keys[own].name, common[i].name) != 0)
            own++;
        if (own == 5 || !m->keys[own].name)
            tiny_put_own(b, m, e, &common[i], n);
    }
    for (size_t i = 0; i < 5 && m->keys[i].name; i++)
        tiny_put_own(b, m, e, &m->keys[i], n);
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
    const bool edited = tiny_edits(e, t->name);
    const uint64_t *dims = edited && e->how == TINY_DIMS ? e->dims : t->dims;
    put_string(b, edited && e->how == TINY_RENAME ? e->text : t->name);
    put_number(b, t->n_dim, 4);
    for (size_t d = 0; d < t->n_dim; d++)
        put_number(b, dims[d], 8);
    put_number(b, edited && e->how == TINY_TYPE ? (uint64_t)e->value : 0, 4);
    put_number(b, edited && e->how == TINY_OFFSET ? (uint64_t)e->value : offset, 8);
}

static inline void tiny_put_tensors(bytes *b, const tiny_model *m, const tiny_edit *e, size_t *n_tensors)
{
    tiny_list list;
    uint64_t offset = 0;
    *n_tensors = 0;
    tiny_tensors(m, true, &list);
    for (size_t i = 0; i < list.n; i++) {
        const tiny_tensor *t = &list.items[i];
        const size_t times = !tiny_edits(e, t->name) ? 1 : e->how == TINY_DROP ? 0 : e->how == TINY_TWICE ? 2 : 1;
        for (size_t k = 0; k < times; k++, ++*n_tensors) {
            tiny_put_info(b, t, e, offset);
            offset += (4 * t->dims[0] * (t->n_dim == 2 ? t->dims[1] : 1) + 31) / 32 * 32;
        }
    }
    pad(b, 32);
    for (uint64_t i = 0; i < offset / 4; i++)
        put(b, &(float){ 0.5f + 0.25f * sinf((float)i) }, 4);
}

/* e: one edit, or NULL. */
static inline void tiny_gguf(bytes *b, const tiny_model *m, const tiny_edit *e)
{
    static bytes meta, tensors;
    uint64_t n = 0;
    size_t n_tensors = 0;
    meta.n = tensors.n = b->n = 0;
    tiny_put_sizes(&meta, m, e, &n);
    tiny_put_vocabulary(&meta, e, &n);
    put_text(b, "GGUF");
    put_number(b, 3, 4), put_number(b, 0, 8), put_number(b, n, 8);
    put(b, meta.data, meta.n);
    tiny_put_tensors(b, m, e, &n_tensors);
    memcpy(b->data + 8, &(uint64_t){ n_tensors }, 8);
}

/* ---- a folder ---- */

/* config.json as an object: the common keys by the family's names for them, then the model's own. */
static inline json_t *tiny_config(const tiny_model *m)
{
    const evk_family *f = m->family;
    const char *key, *names[] = { "hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size", "vocab_size",
                                  "max_position_embeddings", "head_dim", "num_key_value_heads" };
    const int values[] = { 4, 2, 1, 6, 8, 16, 2, 1 };
    const size_t n_common = m->how & TINY_MHA ? 6 : 8;
    json_t *common = json_object(), *config = json_object(), *own = json_loads(m->config, 0, NULL), *value;
    for (size_t i = 0; i < n_common; i++)
        json_object_set_new(common, names[i], json_integer(values[i]));
    json_object_set_new(common, f->usual.layer_norm ? "layer_norm_eps" : "rms_norm_eps", json_real(1e-5));
    json_object_set_new(common, "tie_word_embeddings", json_false());
    json_object_set_new(common, f->activation_key ? f->activation_key : "hidden_act",
                        json_string(f->usual.activation == EVK_SILU ? "silu" : "gelu_new"));
    json_object_set_new(config, "model_type", json_string(f->hf_type));
    json_object_foreach(common, key, value) {
        const char *name = key;
        for (size_t i = 0; f->hf_renamed && f->hf_renamed[i]; i += 2)
            name = strcmp(f->hf_renamed[i], key) == 0 ? f->hf_renamed[i + 1] : name;
        json_object_set(config, name, value);
    }
    json_object_update(config, own);
    json_decref(common);
    json_decref(own);
    return config;
}

/* The same as text. */
static inline const char *tiny_config_text(const tiny_model *m)
{
    static char text[4096];
    json_t *config = tiny_config(m);
    const size_t n = json_dumpb(config, text, sizeof text - 1, 0);
    if (n >= sizeof text)
        abort();
    text[n] = '\0';
    json_decref(config);
    return text;
}

static const char tiny_tokenizer[] =
    "{\"added_tokens\":[{\"id\":0,\"content\":\"<s>\",\"special\":true}],\"model\":{\"type\":\"BPE\",\"vocab\":{\"<s>\":0,"
    "\"a\":1,\"b\":2,\"ab\":3,\"c\":4,\"abc\":5,\"\xc4\xa0\":6,\"d\":7},\"merges\":[\"a b\",[\"ab\",\"c\"]]},"
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true},"
    "\"decoder\":{\"type\":\"ByteLevel\"}}";

static inline void tiny_safetensors(bytes *b, const tiny_model *m, const tiny_edit *e)
{
    static char header[8192];
    tiny_list list;
    size_t at = 0, n = 0;
    tiny_tensors(m, false, &list);
    for (size_t i = 0; i < list.n; i++) {
        const tiny_tensor *t = &list.items[i];
        const bool edited = tiny_edits(e, t->name), drop = edited && e->how == TINY_DROP;
        const uint64_t *dims = edited && e->how == TINY_DIMS ? e->dims : t->dims;
        const size_t size = 4 * dims[0] * (t->n_dim == 2 ? dims[1] : 1);
        if (drop)
            continue;
        n += (size_t)snprintf(header + n, sizeof header - n, "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[", n ? ',' : '{',
                              edited && e->how == TINY_RENAME ? e->text : t->name);
        if (t->n_dim == 2)
            n += (size_t)snprintf(header + n, sizeof header - n, "%zu,", (size_t)dims[1]);
        n += (size_t)snprintf(header + n, sizeof header - n, "%zu],\"data_offsets\":[%zu,%zu]}", (size_t)dims[0], at, at + size);
        at += size;
    }
    snprintf(header + n, sizeof header - n, "}");
    b->n = 0;
    put_string(b, header);
    for (size_t i = 0; i < at / 4; i++)
        put(b, &(float){ 0.5f + 0.25f * sinf((float)i) }, 4);
}

#endif
