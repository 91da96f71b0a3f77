/* The config.json of a model folder, beside the weights of a Llama of one layer: the folder is opened as weights and as a
 * model, and a model that opens runs two tokens. */
#include "tests/fuzz/fuzz.h"

#include "tests/tiny_model.h"

static void write_weights(void)
{
    static bytes b;
    tiny_safetensors(&b, NULL);
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
        tiny_config,
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
