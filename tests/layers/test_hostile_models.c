/* Models that contradict themselves: a GGUF file and a folder, each with one key or tensor that does not fit the others.
 * None opens; each error is one line that names the key or tensor and the file. */
#include "tests/check.h"
#include "tests/tiny_model.h"

#include <jansson.h>

#include "core/evoke.h"

static char folder[256], gguf[300];

static void opens(const char *path)
{
    evoke_model *m = NULL;
    evoke_session *s = NULL;
    evoke_error err = { 0 };
    check(evoke_model_open(path, &(evoke_model_options){ .n_threads = 1 }, &m, &err) == EVOKE_OK, "%s", err.text);
    if (m && check(evoke_session_new(m, 4, &s, &err) == EVOKE_OK, "%s", err.text))
        check(evoke_session_eval(s, (const int32_t[]){ 1, 2 }, 2, &err) == EVOKE_OK, "%s", err.text);
    evoke_session_free(s);
    evoke_model_free(m);
}

static void refuses(const char *path, const char *what, const char *says)
{
    evoke_model *m = NULL;
    evoke_error err = { 0 };
    const evoke_status st = evoke_model_open(path, &(evoke_model_options){ .n_threads = 1 }, &m, &err);
    check(st != EVOKE_OK && !m, "%s: it opened", what);
    check(err.text[0] && !strpbrk(err.text, "\n\r"), "%s: '%s' is no line", what, err.text);
    check(st == EVOKE_OK || strstr(err.text, says), "%s: '%s' lacks '%s'", what, err.text, says);
    evoke_model_free(m);
}

/* ---- GGUF ---- */

#define K(key) "llama." key
#define T(key) "tokenizer.ggml." key
static const struct { tiny_edit edit; const char *says; } gguf_cases[] = {      /* says NULL: the name that is edited */
    /* sizes: missing, zero, negative, of another type, too large, an array where a number is wanted */
    { { "general.architecture", TINY_DROP, .value = 0 }, NULL }, { { "general.architecture", TINY_U32, .value = 3 }, NULL },
    { { "general.architecture", TINY_TEXTS, .text = "llama" }, NULL },
    { { "general.architecture", TINY_STRING, .text = "" }, NULL }, { { "general.architecture", TINY_TWICE, .value = 0 }, "twice" },
    { { "general.architecture", TINY_STRING, .text = "nothing-known" }, "nothing-known" },
    { { "general.alignment", TINY_NUMBERS, .value = 32 }, NULL }, { { "general.alignment", TINY_STRING, .text = "32" }, NULL },
    { { "general.alignment", TINY_U32, .value = 0 }, NULL }, { { "general.alignment", TINY_U32, .value = 3 }, NULL },
    { { "general.alignment", TINY_U32, .value = 2147483648.0 }, "" }, { { "general.alignment", TINY_I32, .value = -32 }, NULL },
    { { K("block_count"), TINY_DROP, .value = 0 }, NULL }, { { K("block_count"), TINY_U32, .value = 0 }, NULL },
    { { K("block_count"), TINY_I32, .value = -1 }, NULL }, { { K("block_count"), TINY_STRING, .text = "1" }, NULL },
    { { K("block_count"), TINY_NUMBERS, .value = 1 }, NULL }, { { K("block_count"), TINY_F32, .value = 1.5 }, NULL },
    { { K("block_count"), TINY_U32, .value = 4294967295.0 }, NULL }, { { K("block_count"), TINY_TWICE, .value = 0 }, "twice" },
    { { K("block_count"), TINY_ARRAYS, .value = 0 }, "array of arrays" },
    { { K("embedding_length"), TINY_DROP, .value = 0 }, NULL }, { { K("embedding_length"), TINY_U32, .value = 0 }, NULL },
    { { K("embedding_length"), TINY_NUMBERS, .value = 4 }, NULL },
    { { K("embedding_length"), TINY_U32, .value = 4294967295.0 }, NULL },
    { { K("feed_forward_length"), TINY_U32, .value = 0 }, NULL },
    { { K("feed_forward_length"), TINY_STRING, .text = "6" }, NULL },
    { { K("attention.head_count"), TINY_U32, .value = 0 }, NULL }, { { K("attention.head_count"), TINY_I32, .value = -2 }, NULL },
    { { K("attention.head_count_kv"), TINY_U32, .value = 0 }, NULL },
    { { K("attention.head_count_kv"), TINY_TEXTS, .text = "1" }, NULL },
    { { K("attention.key_length"), TINY_U32, .value = 0 }, NULL },
    { { K("attention.key_length"), TINY_U32, .value = 4294967295.0 }, NULL },
    { { K("attention.layer_norm_rms_epsilon"), TINY_STRING, .text = "x" }, NULL },
    { { K("attention.layer_norm_rms_epsilon"), TINY_F32, .value = -1 }, NULL },
    { { K("attention.layer_norm_rms_epsilon"), TINY_F32, .value = (double)NAN }, NULL },
    { { K("attention.layer_norm_rms_epsilon"), TINY_NUMBERS, .value = 1 }, NULL },
    { { K("rope.freq_base"), TINY_F32, .value = 0 }, NULL }, { { K("rope.freq_base"), TINY_F32, .value = -5 }, NULL },
    { { K("rope.freq_base"), TINY_F32, .value = (double)INFINITY }, NULL },
    { { K("rope.freq_base"), TINY_STRING, .text = "10000" }, NULL },
    /* sizes that disagree with the tensors, or with each other */
    { { K("block_count"), TINY_U32, .value = 2 }, "blk.1." },
    { { K("embedding_length"), TINY_U32, .value = 8 }, "" }, { { K("feed_forward_length"), TINY_U32, .value = 8 }, "ffn" },
    { { K("attention.head_count"), TINY_U32, .value = 3 }, "" }, { { K("attention.head_count_kv"), TINY_U32, .value = 2 }, "attn_k" },
    { { K("attention.head_count_kv"), TINY_U32, .value = 3 }, "" }, { { K("attention.key_length"), TINY_U32, .value = 3 }, "" },
    /* tensors: missing, twice, of another shape or type, sharing or past the data, of a layer too many */
    { { "token_embd.weight", TINY_DROP, .value = 0 }, NULL }, { { "output_norm.weight", TINY_DROP, .value = 0 }, NULL },
    { { "blk.0.attn_q.weight", TINY_DROP, .value = 0 }, NULL }, { { "blk.0.ffn_down.weight", TINY_TWICE, .value = 0 }, NULL },
    { { "blk.0.attn_q.weight", TINY_DIMS, .dims = { 2, 8 } }, NULL }, { { "blk.0.attn_k.weight", TINY_DIMS, .dims = { 2, 4 } }, NULL },
    { { "token_embd.weight", TINY_DIMS, .dims = { 8, 4 } }, "" }, { { "output.weight", TINY_DIMS, .dims = { 4, 7 } }, NULL },
    { { "token_embd.weight", TINY_DIMS, .dims = { 4, 7 } }, "" }, { { "output_norm.weight", TINY_DIMS, .dims = { 3, 0 } }, NULL },
    { { "blk.0.attn_norm.weight", TINY_DIMS, .dims = { 1, 0 } }, NULL },
    { { "blk.0.attn_q.weight", TINY_DIMS, .dims = { 0, 4 } }, NULL },
    { { "blk.0.attn_q.weight", TINY_DIMS, .dims = { UINT64_MAX, 4 } }, NULL },
    { { "blk.0.attn_q.weight", TINY_DIMS, .dims = { 1ull << 63, 2 } }, NULL },
    { { "blk.0.attn_q.weight", TINY_DIMS, .dims = { 1ull << 32, 1ull << 32 } }, NULL },
    { { "blk.0.attn_q.weight", TINY_TYPE, .value = 77 }, NULL },
    { { "blk.0.attn_q.weight", TINY_TYPE, .value = 8 }, NULL }, { { "blk.0.attn_q.weight", TINY_OFFSET, .value = 0 }, "overlap" },
    { { "blk.0.attn_q.weight", TINY_OFFSET, .value = 3 }, NULL }, { { "blk.0.attn_q.weight", TINY_OFFSET, .value = 1 << 20 }, NULL },
    { { "blk.0.attn_q.weight", TINY_RENAME, .text = "blk.1.attn_q.weight" }, "attn_q" },
    { { "blk.0.attn_q.weight", TINY_RENAME, .text = "blk.0.ffn_up.weight" }, "ffn_up" },
    { { "blk.0.attn_q.weight", TINY_RENAME, .text = "blk.00.attn_q.weight" }, "attn_q" },
    /* vocabulary */
    { { T("tokens"), TINY_U32, .value = 8 }, NULL }, { { T("tokens"), TINY_TEXTS, .text = "a" }, "" },
    { { T("tokens"), TINY_NUMBERS, .value = 1 }, "token" }, { { T("merges"), TINY_TEXTS, .text = "a zz" }, "merge 0" },
    { { T("merges"), TINY_TEXTS, .text = "ab" }, "merge 0" }, { { T("merges"), TINY_TEXTS, .text = "" }, "merge 0" },
    { { T("merges"), TINY_U32, .value = 2 }, NULL }, { { T("merges"), TINY_NUMBERS, .value = 2 }, "holds no strings" },
    { { T("token_type"), TINY_NUMBERS, .value = 1 }, NULL }, { { T("token_type"), TINY_U32, .value = 1 }, NULL },
    { { T("token_type"), TINY_TEXTS, .text = "1" }, NULL }, { { T("model"), TINY_U32, .value = 1 }, NULL },
    { { T("model"), TINY_TEXTS, .text = "gpt2" }, NULL },
    { { T("pre"), TINY_U32, .value = 1 }, NULL },
    { { T("bos_token_id"), TINY_U32, .value = 8 }, NULL }, { { T("bos_token_id"), TINY_NUMBERS, .value = 1 }, NULL },
    { { T("eos_token_id"), TINY_U32, .value = 4294967294.0 }, NULL }, { { T("eos_token_id"), TINY_STRING, .text = "<s>" }, NULL },
    { { "tokenizer.chat_template", TINY_U32, .value = 1 }, NULL }, { { "tokenizer.chat_template", TINY_TEXTS, .text = "x" }, NULL },
};

static void refuses_gguf_files(void)
{
    static bytes b;
    for (size_t i = 0; i < sizeof gguf_cases / sizeof *gguf_cases; i++) {
        const tiny_edit *e = &gguf_cases[i].edit;
        char what[160];
        tiny_gguf(&b, tiny_models, e);
        check(write_bytes(gguf, b.data, b.n), "write %s", gguf);
        snprintf(what, sizeof what, "case %zu (%s, how %d, %g%s)", i, e->name, (int)e->how, e->value, e->text ? e->text : "");
        refuses(gguf, what, gguf_cases[i].says ? gguf_cases[i].says : e->name);
    }
}

/* ---- a folder ---- */

static void put_in(const char *name, const void *data, size_t n)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    check(write_bytes(path, data, n), "write %s", path);
}

static void write_folder(const tiny_edit *e)
{
    static bytes b;
    tiny_safetensors(&b, tiny_models, e);
    const char *config = tiny_config_text(tiny_models);
    put_in("config.json", config, strlen(config));
    put_in("model.safetensors", b.data, b.n);
    put_in("tokenizer.json", tiny_tokenizer, strlen(tiny_tokenizer));
}

static const struct { const char *key, *value, *says; } configs[] = {       /* value NULL: the key is missing; says NULL: the key */
    { "model_type", NULL, "" }, { "model_type", "7", "" }, { "model_type", "\"unheard-of\"", "" }, { "model_type", "[\"llama\"]", "" },
    { "hidden_size", NULL, NULL }, { "hidden_size", "0", NULL }, { "hidden_size", "-4", NULL }, { "hidden_size", "4.5", NULL },
    { "hidden_size", "\"4\"", NULL }, { "hidden_size", "[4]", NULL }, { "hidden_size", "{}", NULL }, { "hidden_size", "true", NULL },
    { "hidden_size", "9223372036854775807", NULL }, { "hidden_size", "99999999999999999999999", NULL }, { "hidden_size", "8", "" },
    { "num_hidden_layers", NULL, NULL }, { "num_hidden_layers", "0", NULL }, { "num_hidden_layers", "2", "layers.1." },
    { "num_hidden_layers", "1000000000", NULL }, { "num_attention_heads", "0", NULL }, { "num_attention_heads", "-2", NULL },
    { "num_attention_heads", "3", "" }, { "num_attention_heads", "4294967298", NULL }, { "num_key_value_heads", "0", NULL },
    { "num_key_value_heads", "2", "k_proj" }, { "num_key_value_heads", "3", "" }, { "num_key_value_heads", "[1]", NULL },
    { "head_dim", "0", NULL }, { "head_dim", "3", "" }, { "head_dim", "1e300", NULL }, { "intermediate_size", "0", NULL },
    { "intermediate_size", "7", "mlp" }, { "intermediate_size", NULL, "mlp" }, { "vocab_size", "0", NULL }, { "vocab_size", "9", "" },
    { "vocab_size", "7", "" }, { "vocab_size", "\"8\"", NULL }, { "rms_norm_eps", "\"x\"", NULL }, { "rms_norm_eps", "-1", NULL },
    { "rms_norm_eps", "[1]", NULL }, { "hidden_act", "\"unheard-of\"", "unheard-of" }, { "hidden_act", "3", NULL },
    { "hidden_act", "[\"silu\"]", NULL }, 
    { "rope_parameters", "{\"rope_type\": \"unheard-of\", \"rope_theta\": 10000.0}", "unheard-of" },
    { "rope_parameters", "{\"rope_type\": \"default\", \"rope_theta\": 0}", "rope_theta" },
    { "rope_parameters", "{\"rope_type\": \"default\", \"rope_theta\": -1}", "rope_theta" },
    { "rope_parameters", "{\"rope_type\": \"default\", \"rope_theta\": \"x\"}", "rope_theta" },
    { "rope_parameters", "{\"rope_type\": \"llama3\", \"rope_theta\": 10000.0}", "" },
    { "attention_bias", "true", "bias" }, { "mlp_bias", "true", "bias" },
};

static void refuses_configs(void)
{
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        json_t *config = tiny_config(tiny_models);
        const bool big = configs[i].value && strlen(configs[i].value) > 20 && configs[i].value[0] == '9';
        json_t *value = configs[i].value && !big ? json_loads(configs[i].value, JSON_DECODE_ANY, NULL) : NULL;
        char what[200], *text;
        write_folder(NULL);
        if (value)
            json_object_set_new(config, configs[i].key, value);
        else
            json_object_del(config, configs[i].key);
        text = json_dumps(config, 0);
        if (big) {                                  /* an integer that jansson does not write */
            char *more = malloc(strlen(text) + 100);
            snprintf(more, strlen(text) + 100, "%.*s, \"%s\": %s}", (int)strlen(text) - 1, text, configs[i].key, configs[i].value);
            free(text);
            text = more;
        }
        put_in("config.json", text, strlen(text));
        snprintf(what, sizeof what, "config %zu (%s: %s)", i, configs[i].key, configs[i].value ? configs[i].value : "missing");
        refuses(folder, what, configs[i].says ? configs[i].says : configs[i].key);
        free(text);
        json_decref(config);
    }
}

static const struct { tiny_edit edit; const char *says; } tensors[] = {
    { { "model.embed_tokens.weight", TINY_DROP, .value = 0 }, NULL }, { { "lm_head.weight", TINY_DROP, .value = 0 }, "head" },
    { { "model.layers.0.self_attn.q_proj.weight", TINY_DROP, .value = 0 }, NULL },
    { { "model.layers.0.self_attn.q_proj.weight", TINY_DIMS, .dims = { 2, 8 } }, NULL },
    { { "model.layers.0.self_attn.k_proj.weight", TINY_DIMS, .dims = { 4, 4 } }, NULL },
    { { "model.embed_tokens.weight", TINY_DIMS, .dims = { 4, 9 } }, NULL }, { { "lm_head.weight", TINY_DIMS, .dims = { 4, 7 } }, NULL },
    { { "model.norm.weight", TINY_DIMS, .dims = { 5, 0 } }, NULL }, { { "model.norm.weight", TINY_DIMS, .dims = { 1, 0 } }, NULL },
    { { "model.layers.0.mlp.up_proj.weight", TINY_RENAME, .text = "model.layers.1.mlp.up_proj.weight" }, "up_proj" },
    { { "model.layers.0.mlp.up_proj.weight", TINY_RENAME, .text = "model.layers.0.mlp.gate_proj.weight" }, "duplicate" },
    { { "model.norm.weight", TINY_RENAME, .text = "" }, "" },
};

static void refuses_tensors(void)
{
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        char what[200];
        write_folder(&tensors[i].edit);
        snprintf(what, sizeof what, "tensors %zu (%s, how %d)", i, tensors[i].edit.name, (int)tensors[i].edit.how);
        refuses(folder, what, tensors[i].says ? tensors[i].says : tensors[i].edit.name);
    }
}

int main(void)
{
    static const char *const made[] = { "config.json", "model.safetensors", "tokenizer.json" };
    static bytes b;
    make_folder(folder);
    snprintf(gguf, sizeof gguf, "%s/x.gguf", folder);
    tiny_gguf(&b, tiny_models, NULL);
    check(write_bytes(gguf, b.data, b.n), "write %s", gguf);
    opens(gguf);
    refuses_gguf_files();
    remove(gguf);
    write_folder(NULL);
    opens(folder);
    refuses_configs();
    refuses_tensors();
    for (size_t i = 0; i < 3; i++) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", folder, made[i]);
        remove(path);
    }
    check(rmdir(folder) == 0, "remove %s", folder);
    return check_done();
}
