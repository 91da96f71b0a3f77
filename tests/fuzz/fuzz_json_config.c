/* The config.json of a model folder, beside the weights of a Llama of one layer: the folder is opened as weights and as a
 * model, and a model that opens runs two tokens. */
#include "tests/fuzz/fuzz.h"

#include <math.h>

#include "tests/bytes.h"

static const struct { const char *name; size_t n_dim, dims[2]; } tensors[] = {
    { "model.embed_tokens.weight", 2, { 8, 4 } }, { "model.norm.weight", 1, { 4 } }, { "lm_head.weight", 2, { 8, 4 } },
    { "model.layers.0.input_layernorm.weight", 1, { 4 } }, { "model.layers.0.self_attn.q_proj.weight", 2, { 4, 4 } },
    { "model.layers.0.self_attn.k_proj.weight", 2, { 2, 4 } }, { "model.layers.0.self_attn.v_proj.weight", 2, { 2, 4 } },
    { "model.layers.0.self_attn.o_proj.weight", 2, { 4, 4 } },
    { "model.layers.0.post_attention_layernorm.weight", 1, { 4 } },
    { "model.layers.0.mlp.gate_proj.weight", 2, { 6, 4 } }, { "model.layers.0.mlp.up_proj.weight", 2, { 6, 4 } },
    { "model.layers.0.mlp.down_proj.weight", 2, { 4, 6 } },
};

static void write_weights(void)
{
    static char header[4096];
    static bytes b;
    size_t at = 0, n = 0;
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        const size_t cols = tensors[i].n_dim == 2 ? tensors[i].dims[1] : 1, size = 4 * tensors[i].dims[0] * cols;
        n += (size_t)snprintf(header + n, sizeof header - n, "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[%zu", i ? ',' : '{',
                              tensors[i].name, tensors[i].dims[0]);
        if (tensors[i].n_dim == 2)
            n += (size_t)snprintf(header + n, sizeof header - n, ",%zu", cols);
        n += (size_t)snprintf(header + n, sizeof header - n, "],\"data_offsets\":[%zu,%zu]}", at, at + size);
        at += size;
    }
    snprintf(header + n, sizeof header - n, "}");
    put_string(&b, header);
    for (size_t i = 0; i < at / 4; i++)
        put(&b, &(float){ sinf((float)i) }, 4);
    fuzz_write("model.safetensors", b.data, b.n);
}

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
    static bool ready;
    evoke_weights *w = NULL;
    evoke_model *m = NULL;
    evoke_error err;
    if (!ready)
        write_weights();
    ready = true;
    fuzz_write("config.json", data, size);
    if (fuzz_ok(evoke_weights_open(fuzz_folder(), &w, &err), &err))
        fuzz_touch_weights(w);
    evoke_weights_free(w);
    if (fuzz_ok(evoke_model_open(fuzz_folder(), &(evoke_model_options){ .n_threads = 1 }, &m, &err), &err))
        run(m);
    evoke_model_free(m);
    return 0;
}

size_t fuzz_seed(size_t i, uint8_t *out, size_t capacity)
{
    static const char *const configs[] = {
        "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"hidden_size\": 4, \"head_dim\": 2, "
        "\"num_attention_heads\": 2, \"num_key_value_heads\": 1, \"num_hidden_layers\": 1, \"intermediate_size\": 6, "
        "\"vocab_size\": 8, \"hidden_act\": \"silu\", \"rms_norm_eps\": 1e-05, \"max_position_embeddings\": 16, "
        "\"tie_word_embeddings\": false, \"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 10000.0}}",
        "{\"model_type\": \"llama\", \"hidden_size\": 4, \"num_attention_heads\": 2, \"num_key_value_heads\": 1, "
        "\"num_hidden_layers\": 1, \"intermediate_size\": 6, \"vocab_size\": 8, \"hidden_act\": \"silu\", "
        "\"rms_norm_eps\": 1e-05, \"max_position_embeddings\": 16, \"rope_theta\": 10000.0, \"rope_scaling\": "
        "{\"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, "
        "\"original_max_position_embeddings\": 8, \"rope_type\": \"llama3\"}}",
    };
    const size_t n = i < sizeof configs / sizeof *configs ? strlen(configs[i]) : 0;
    if (n > capacity)
        return 0;
    if (n)
        memcpy(out, configs[i], n);
    return n;
}
