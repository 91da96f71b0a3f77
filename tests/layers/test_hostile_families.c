/* Every family's tiny model runs; every key and tensor of it made hostile either fails with one line or leaves a model that
 * runs. What must fail, and what the line must name, stands in the tables. */
#include "tests/check.h"
#include "tests/hostile.h"
#include "tests/tiny_model.h"

#include <sys/resource.h>
#include <time.h>

#include "core/evoke.h"

enum { MOST_SECONDS = 5, MOST_MEMORY = 500 << 10 };     /* one file; KiB, of all */

static char folder[256], gguf[300], trace[300];
static size_t n_opened, n_refused;

static const int32_t ids[] = { 1, 2, 7 };

static evoke_status run_ids(const evoke_model *m, evoke_error *err)
{
    evoke_session *s = NULL;
    evoke_status st = evoke_session_new(m, 4, &s, err);
    if (st == EVOKE_OK)
        st = evoke_session_eval(s, ids, 3, err);
    evoke_session_free(s);
    return st;
}

/* Opens what is at `path`, and runs three ids through what opens; true: it opened. */
static bool survives(const char *path, const char *what, evoke_error *err)
{
    evoke_model *m = NULL;
    const time_t begin = time(NULL);
    evoke_status st = evoke_model_open(path, &(evoke_model_options){ .n_threads = 1 }, &m, err);
    const bool opened = st == EVOKE_OK;
    check(opened == (m != NULL), "%s: a model, or an error", what);
    if (opened)
        st = run_ids(m, err);
    check(st == EVOKE_OK || (err->text[0] && !strpbrk(err->text, "\n\r")), "%s: '%s' is no line", what, err->text);
    check(time(NULL) - begin <= MOST_SECONDS, "%s: %ld seconds", what, (long)(time(NULL) - begin));
    evoke_model_free(m);
    *(opened ? &n_opened : &n_refused) += 1;
    return opened;
}

/* A file as it should be, through every hook point. */
static void runs(const char *path, const char *what)
{
    const evoke_trace_options o = { .ids = ids, .n_ids = 3, .n_predict = 2 };
    evoke_model *m = NULL;
    evoke_error err = { 0 };
    check(evoke_model_open(path, NULL, &m, &err) == EVOKE_OK && evoke_trace(m, &o, trace, NULL, NULL, &err) == EVOKE_OK, "%s: %s", what,
          err.text);
    evoke_model_free(m);
    remove(trace);
}

static void refuses(const char *path, const char *what, const char *says)
{
    evoke_error err = { 0 };
    if (check(!survives(path, what, &err), "%s: it opened", what))
        check(strstr(err.text, says), "%s: '%s' lacks '%s'", what, err.text, says);
}

/* ---- GGUF ---- */

static void write_gguf(const tiny_model *m, const tiny_edit *e)
{
    static bytes b;
    tiny_gguf(&b, m, e);
    check(write_bytes(gguf, b.data, b.n), "write %s", gguf);
}

static void sweep_keys(const tiny_model *m)
{
    static const tiny_edit edits[] = {
        { .how = TINY_DROP }, { .how = TINY_TWICE }, { .how = TINY_U32, .value = 0 }, { .how = TINY_U32, .value = 1 },
        { .how = TINY_U32, .value = 3 }, { .how = TINY_U32, .value = 1 << 20 }, { .how = TINY_U32, .value = 4294967295.0 },
        { .how = TINY_I32, .value = -1 }, { .how = TINY_F32, .value = 0 }, { .how = TINY_F32, .value = -2.5 },
        { .how = TINY_F32, .value = 0.5 }, { .how = TINY_F32, .value = 1e30 }, { .how = TINY_F32, .value = 1e-30 },
        { .how = TINY_F32, .value = (double)NAN }, { .how = TINY_F32, .value = (double)INFINITY },
        { .how = TINY_BOOL, .value = 0 }, { .how = TINY_BOOL, .value = 1 }, { .how = TINY_STRING, .text = "" },
        { .how = TINY_STRING, .text = "longrope" }, { .how = TINY_NUMBERS, .value = 2 }, { .how = TINY_TEXTS, .text = "2" },
        { .how = TINY_ARRAYS },
    };
    evoke_weights *w = NULL;
    evoke_error err = { 0 };
    write_gguf(m, NULL);
    check(evoke_weights_open(gguf, &w, &err) == EVOKE_OK, "%s", err.text);
    for (size_t k = 0; w && k < evoke_weights_metadata_count(w); k++)
        for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
            tiny_edit e = edits[i];
            evoke_text text = { 0 };
            char what[200];
            check(evoke_weights_metadata(w, k, &e.name, &text, &err) == EVOKE_OK, "%s", err.text);
            evoke_text_free(&text);
            if (m != tiny_models && strstr(e.name, "tokenizer."))       /* the same in all */
                continue;
            snprintf(what, sizeof what, "%s, %s: edit %zu", m->name, e.name, i);
            unlink(gguf);                   /* w keeps the file that it has mapped */
            write_gguf(m, &e);
            survives(gguf, what, &err);
        }
    evoke_weights_free(w);
}

/* Edits of the shape, one after the other; false past the last. GGUF order. */
static bool reshape(size_t i, const tiny_tensor *t, tiny_edit *e)
{
    const uint64_t c = t->dims[0], r = t->dims[1];
    const uint64_t dims[][2] = { { c - 1, r }, { c + 1, r }, { c, r - 1 }, { c, r + 1 }, { 0, r }, { UINT64_MAX, r },
                                 { 1ull << 33, 1ull << 31 }, { 2 * c, r / 2 } };
    e->how = TINY_DIMS;
    if (i < sizeof dims / sizeof *dims)
        memcpy(e->dims, dims[i], sizeof e->dims);
    return i < sizeof dims / sizeof *dims;
}

static void sweep_gguf_tensors(const tiny_model *m)
{
    static const tiny_edit others[] = {
        { .how = TINY_TYPE, .value = 1 }, { .how = TINY_TYPE, .value = 2 }, { .how = TINY_TYPE, .value = 30 },
        { .how = TINY_TYPE, .value = 4294967295.0 }, { .how = TINY_RENAME, .text = "x" }, { .how = TINY_OFFSET, .value = 1e18 },
    };
    tiny_list list;
    evoke_error err = { 0 };
    tiny_tensors(m, true, &list);
    for (size_t t = 0; t < list.n; t++) {
        tiny_edit e = { .name = list.items[t].name, .how = TINY_DROP };
        char what[200];
        snprintf(what, sizeof what, "%s, %s", m->name, e.name);
        write_gguf(m, &e);
        if (list.items[t].needed)
            refuses(gguf, what, e.name);
        else
            survives(gguf, what, &err);
        for (size_t i = 0; reshape(i, &list.items[t], &e); i++)
            if (list.items[t].n_dim == 2 || e.dims[1] == 0) {
                write_gguf(m, &e);
                refuses(gguf, what, "");
            }
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
            e = others[i];
            e.name = list.items[t].name;
            write_gguf(m, &e);
            survives(gguf, what, &err);
        }
    }
}

/* ---- a folder ---- */

static void put_in(const char *name, const void *data, size_t n)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    check(write_bytes(path, data, n), "write %s", path);
}

static void write_weights(const tiny_model *m, const tiny_edit *e)
{
    static bytes b;
    tiny_safetensors(&b, m, e);
    put_in("model.safetensors", b.data, b.n);
}

static void write_config(const tiny_model *m, const char *key, const char *value)
{
    json_t *config = tiny_config(m);
    char *text = hostile_text(config, key, value);
    if (check(text, "%s: nothing is called %s", m->name, key))
        put_in("config.json", text, strlen(text));
    free(text);
    json_decref(config);
}

static void sweep_config(const tiny_model *m)
{
    const char *key;
    json_t *config = tiny_config(m), *value;
    evoke_error err = { 0 };
    write_weights(m, NULL);
    json_object_foreach(config, key, value)
        for (size_t i = 0; i < N_HOSTILE; i++) {
            char what[200];
            snprintf(what, sizeof what, "%s, %s: %s", m->name, key, hostile_values[i] ? hostile_values[i] : "missing");
            write_config(m, key, hostile_values[i]);
            survives(folder, what, &err);
        }
    json_decref(config);
}

static void sweep_folder_tensors(const tiny_model *m)
{
    tiny_list list;
    write_config(m, NULL, NULL);
    tiny_tensors(m, false, &list);
    for (size_t t = 0; t < list.n; t++) {
        tiny_edit e = { .name = list.items[t].name, .how = TINY_DROP };
        char what[200];
        snprintf(what, sizeof what, "%s, %s", m->name, e.name);
        write_weights(m, &e);
        refuses(folder, what, strstr(e.name, "head") || strstr(e.name, "embed_out") ? "head" : e.name);
        for (size_t i = 0; reshape(i, &list.items[t], &e); i++)
            if (list.items[t].n_dim == 2 || e.dims[1] == 0) {
                write_weights(m, &e);
                refuses(folder, what, "");
            }
    }
}

/* ---- what must fail ---- */

static const struct { const char *model, *key, *values, *says; } configs[] = {     /* says NULL: the key */
    { "llama", "head_dim", "1|1048576|0|-2|[2]|4294967297", "" },
    { "llama, llama3", "rope_scaling.factor", "0|-8|\"8\"|[8]|null|NaN|1e400|1e300|1e-300", "" },
    { "llama, llama3", "rope_scaling.low_freq_factor", "0|4|5|\"x\"", "freq_factor" },
    { "llama, llama3", "rope_scaling.original_max_position_embeddings", "0|-1|[]|1e300", NULL },
    { "llama, llama3", "rope_scaling.rope_type", "3|\"x\"|[]|\"longrope\"", "" },
    { "llama, llama3", "rope_theta", "0|-1|\"x\"|[1]|1e300", NULL },
    { "mistral", "sliding_window", "-1|1e30|\"2\"|[2]|0.5|2.5|true|NaN", "" },
    { "qwen", "intermediate_size", "0|-2|11|13|2", "" }, { "qwen", "seq_length", "0|-1|\"16\"|1e9", NULL },
    { "qwen", "no_bias", "false", NULL }, { "qwen", "kv_channels", "0|1|3|\"2\"", "" },
    { "qwen2", "max_window_layers", "-1|\"x\"|[]|0.5|1e30", NULL }, { "qwen2", "use_sliding_window", "1|\"yes\"|[]", NULL },
    { "qwen2", "sliding_window", "-1|\"2\"|[2]|2.5", NULL },
    { "qwen2", "rope_scaling.factor", "0|-8|NaN|1e400|1e300|1e-300", "" },
    { "qwen2", "rope_scaling.original_max_position_embeddings", "0|-1|1e-300|1e300|\"8\"", "" },
    { "qwen2", "rope_scaling.beta_fast", "0|-1|\"x\"|1e300", NULL }, { "qwen2", "rope_scaling.mscale", "-1|\"x\"|1e300", NULL },
    { "qwen2", "rope_scaling.attention_factor", "0|-1|1e300|[]", NULL },
    { "qwen3", "layer_types", "3|\"full_attention\"|{}|[\"full_attention\", \"full_attention\"]|[\"x\"]|[3]|[null]", NULL },
    { "qwen3", "layer_types", "[\"sliding_attention\"]", "sliding_window" },
    { "qwen3", "rope_scaling.factor", "0|-8|\"x\"|null|1e400|1e300", "" },
    { "baichuan, ALiBi", "model_max_length", "0|-1|\"x\"|1e9|99999999999", NULL },
    { "gemma2", "query_pre_attn_scalar", "0|-1|\"x\"|[]|1e300|1e-300", NULL },
    { "gemma2", "attn_logit_softcapping", "-1|\"x\"|[]|1e300|1e-300", NULL }, { "gemma2", "sliding_window", "0|null|-1", "" },
    { "gemma3", "sliding_window_pattern", "0|-1|\"6\"|[6]|1.5|4097", NULL },
    { "gemma3", "rope_local_base_freq", "0|-1|\"x\"|1e300", NULL },
    { "minicpm", "scale_emb", "0|-1|\"x\"|1e300|1e-300|[]", NULL }, { "minicpm", "dim_model_base", "0|-1|1e300", NULL },
    { "minicpm3", "q_lora_rank", "0|-1|null|4|2|1048577|\"3\"|[3]|1.5|9223372036854775807", "" },
    { "minicpm3", "kv_lora_rank", "0|-1|6|4|1048577|\"5\"|[5]", "" },
    { "minicpm3", "qk_nope_head_dim", "0|-1|1048576|3|5|\"4\"", "" },
    { "minicpm3", "qk_rope_head_dim", "0|3|1|4|1048576|-2", "" },
    { "minicpm3", "v_head_dim", "0|-1|1|3|1048576", "" }, { "minicpm3", "num_key_value_heads", "1|0|3", "" },
    { "phi3", "rope_scaling.short_factor",
      "[]|[1, 1]|1|\"x\"|[\"x\"]|[0]|[-1]|[null]|[1e300]|[1e-300]|null|[NaN]|[1e400]|{}", "" },
    { "phi3", "rope_scaling.long_factor", "[]|[1, 1]|1|[\"x\"]|[0]|[-1]|null", NULL },
    { "phi3", "original_max_position_embeddings", "0|-1|\"x\"|1e300", NULL },
    { "phi3", "partial_rotary_factor", "0|2|0.5|0.25|-1", "" },
    { "smollm3", "no_rope_layers", "0|[]|\"x\"|{}|[\"x\"]|[null]|[[1]]|[0.5]", NULL },
    { "smollm3", "no_rope_layer_interval", "0|-1|\"4\"|[4]|1.5", NULL },
    { "gpt2", "n_positions", "17|15|0|-1|1e9", "" }, { "gpt2", "n_inner", "7|5|0|-1", "" },
    { "gpt2", "n_head", "0|-1|5|1048577", "" },
    { "gpt2", "scale_attn_weights", "1|\"x\"|[]", NULL }, { "gpt2", "num_key_value_heads", "1|3", "" },
    { "gpt_neox", "rotary_pct", "0|2|0.25|0.5|-1|\"x\"|[]|NaN|1e400", "" }, { "gpt_neox", "num_key_value_heads", "1|3", "" },
    { "gpt_neox", "use_parallel_residual", "1|\"x\"|[]", NULL },
};

static void refuses_configs(void)
{
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        const tiny_model *m = tiny_find(configs[i].model);
        const char *dot = strchr(configs[i].key, '.'), *name = dot ? dot + 1 : configs[i].key;
        char values[200], what[300], *rest = values;
        snprintf(values, sizeof values, "%s", configs[i].values);
        write_weights(m, NULL);
        for (char *value; (value = strsep(&rest, "|"));) {
            snprintf(what, sizeof what, "%s, %s: %s", m->name, configs[i].key, value);
            write_config(m, configs[i].key, value);
            refuses(folder, what, configs[i].says ? configs[i].says : name);
        }
    }
}

#define U32(model, key, value) { model, { key, TINY_U32, value, NULL, { 0 } }, NULL }
#define F32(model, key, value) { model, { key, TINY_F32, value, NULL, { 0 } }, NULL }
static const struct { const char *model; tiny_edit edit; const char *says; } ggufs[] = {      /* says NULL: the name */
    U32("minicpm3", "minicpm3.attention.q_lora_rank", 0), U32("minicpm3", "minicpm3.attention.kv_lora_rank", 1 << 21),
    U32("minicpm3", "minicpm3.attention.kv_lora_rank", 0), U32("minicpm3", "minicpm3.rope.dimension_count", 0),
    { "minicpm3", { "minicpm3.attention.q_lora_rank", TINY_U32, 4, NULL, { 0 } }, "attn_q" },
    { "minicpm3", { "minicpm3.rope.dimension_count", TINY_U32, 8, NULL, { 0 } }, "rotary" },
    { "minicpm3", { "minicpm3.attention.head_count_kv", TINY_U32, 1, NULL, { 0 } }, NULL },
    { "phi3", { "phi3.rope.dimension_count", TINY_U32, 3, NULL, { 0 } }, "rope.dimension_count" },
    { "phi3", { "rope_factors_long.weight", TINY_DIMS, 0, NULL, { 2, 0 } }, NULL },
    { "phi3", { "rope_factors_short.weight", TINY_DROP, 0, NULL, { 0 } }, "" },
    F32("phi3", "phi3.attention.sliding_window", -1), F32("phi3", "phi3.attention.sliding_window", 1e30),
    F32("phi3", "phi3.attention.sliding_window", 0.5), F32("phi3", "phi3.rope.scaling.original_context_length", 0),
    F32("phi3", "phi3.rope.scaling.attn_factor", (double)INFINITY),
    { "gemma3", { "gemma3.attention.sliding_window_pattern", TINY_NUMBERS, 1, NULL, { 0 } }, NULL },
    { "gemma3", { "gemma3.attention.sliding_window_pattern", TINY_TEXTS, 0, "x", { 0 } }, NULL },
    { "gemma3", { "gemma3.attention.sliding_window_pattern", TINY_ARRAYS, 0, NULL, { 0 } }, "" },
    { "gemma3", { "gemma3.attention.sliding_window_pattern", TINY_STRING, 0, "x", { 0 } }, NULL },
    U32("gemma3", "gemma3.attention.sliding_window_pattern", 0), F32("gemma3", "gemma3.rope.freq_base_swa", 0),
    F32("gemma2", "gemma2.attn_logit_softcapping", -1), F32("gemma2", "gemma2.final_logit_softcapping", (double)NAN),
    F32("minicpm", "minicpm.logit_scale", 0), F32("minicpm", "minicpm.embedding_scale", (double)INFINITY),
    F32("qwen2", "qwen2.rope.scaling.factor", 0), F32("qwen2", "qwen2.rope.scaling.factor", (double)NAN),
    F32("qwen2", "qwen2.rope.scaling.yarn_beta_fast", -1), U32("qwen", "qwen.feed_forward_length", 11),
    { "gpt2", { "gpt2.context_length", TINY_U32, 17, NULL, { 0 } }, "position_embd" },
    F32("baichuan, ALiBi", "baichuan.attention.max_alibi_bias", 7),
    { "gpt_neox", { "gptneox.use_parallel_residual", TINY_U32, 1, NULL, { 0 } }, NULL },
    { "qwen3", { "qwen3.attention.key_length", TINY_U32, 1 << 20, NULL, { 0 } }, "heads" },
    { "llama", { "llama.attention.key_length", TINY_U32, 1, NULL, { 0 } }, "rotary" },
    { "llama", { "llama.attention.layer_norm_rms_epsilon", TINY_DROP, 0, NULL, { 0 } }, NULL },
};

static void refuses_ggufs(void)
{
    for (size_t i = 0; i < sizeof ggufs / sizeof *ggufs; i++) {
        const tiny_edit *e = &ggufs[i].edit;
        char what[200];
        snprintf(what, sizeof what, "%s, %s, how %d, %g", ggufs[i].model, e->name, (int)e->how, e->value);
        write_gguf(tiny_find(ggufs[i].model), e);
        refuses(gguf, what, ggufs[i].says ? ggufs[i].says : e->name);
    }
}

/* A session may ask for more context than there are learned positions; it cannot use them. */
static void keeps_to_its_positions(void)
{
    static const int32_t zeros[17] = { 0 };
    evoke_model *m = NULL;
    evoke_session *s = NULL;
    evoke_error err = { 0 };
    write_gguf(tiny_find("gpt2"), NULL);
    check(evoke_model_open(gguf, NULL, &m, &err) == EVOKE_OK && evoke_session_new(m, 64, &s, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_session_eval(s, zeros, 17, &err) == EVOKE_EARG && strstr(err.text, "16 positions"), "%s", err.text);
    check(evoke_session_eval(s, zeros, 16, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_session_eval(s, zeros, 1, &err) == EVOKE_EARG, "one more");
    evoke_session_free(s);
    evoke_model_free(m);
}

static void one_model(const tiny_model *m)
{
    if (m->family->gguf_arch) {
        write_gguf(m, NULL);
        runs(gguf, m->name);
        sweep_keys(m);
        sweep_gguf_tensors(m);
        remove(gguf);
    }
    write_weights(m, NULL);
    write_config(m, NULL, NULL);
    runs(folder, m->name);
    sweep_config(m);
    sweep_folder_tensors(m);
}

int main(void)
{
    static const char *const made[] = { "config.json", "model.safetensors", "tokenizer.json", "x.gguf", "trace.h5" };
    struct rusage used;
    make_folder(folder);
    snprintf(gguf, sizeof gguf, "%s/x.gguf", folder);
    snprintf(trace, sizeof trace, "%s/trace.h5", folder);
    put_in("tokenizer.json", tiny_tokenizer, strlen(tiny_tokenizer));
    for (size_t i = 0; i < TINY_N_MODELS; i++)
        one_model(&tiny_models[i]);
    refuses_configs();
    refuses_ggufs();
    keeps_to_its_positions();
    check(n_opened > 100 && n_refused > 1000, "%zu opened, %zu refused", n_opened, n_refused);
    getrusage(RUSAGE_SELF, &used);
    check(SANITIZED || used.ru_maxrss < MOST_MEMORY, "%ld KiB", used.ru_maxrss);
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", folder, made[i]);
        remove(path);
    }
    check(rmdir(folder) == 0, "remove %s", folder);
    return check_done();
}
