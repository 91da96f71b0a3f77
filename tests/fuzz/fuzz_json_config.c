/* The config.json of a model folder, beside the weights of the tiny model whose family the text names: the folder is opened as
 * weights and as a model, and a model that opens runs three tokens. */
#define _GNU_SOURCE             /* memmem */
#include "tests/fuzz/fuzz.h"

#include "tests/tiny_model.h"

/* The last of the family's models has its optional tensors, if any has. */
static const tiny_model *named(const char *text, size_t n)
{
    const tiny_model *found = &tiny_models[0];
    for (size_t i = 0; i < TINY_N_MODELS; i++) {
        char type[40];
        snprintf(type, sizeof type, "\"%s\"", tiny_models[i].family->hf_type);
        found = memmem(text, n, type, strlen(type)) ? &tiny_models[i] : found;
    }
    return found;
}

static void write_weights(const tiny_model *m)
{
    static const tiny_model *last;
    static bytes b;
    if (m == last)
        return;
    last = m;
    tiny_safetensors(&b, m, NULL);
    fuzz_write("model.safetensors", b.data, b.n);
}

static void run(const evoke_model *m)
{
    evoke_session *s = NULL;
    evoke_error err;
    if (fuzz_ok(evoke_session_new(m, 4, &s, &err), &err))
        fuzz_ok(evoke_session_eval(s, (const int32_t[]){ 1, 2, 7 }, 3, &err), &err);
    evoke_session_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    evoke_weights *w = NULL;
    evoke_model *m = NULL;
    evoke_error err;
    write_weights(named((const char *)data, size));
    fuzz_write("config.json", data, size);
    if (fuzz_ok(evoke_weights_open(fuzz_folder(), &w, &err), &err))
        fuzz_touch_weights(w);
    evoke_weights_free(w);
    if (fuzz_ok(evoke_model_open(fuzz_folder(), &(evoke_model_options){ .n_threads = 1 }, &m, &err), &err))
        run(m);
    evoke_model_free(m);
    return 0;
}

/* Every model's own; and one with the old form of a rotary scaling. */
size_t fuzz_seed(size_t i, uint8_t *out, size_t capacity)
{
    static const char old[] =
        "{\"model_type\": \"mistral\", \"hidden_size\": 4, \"num_attention_heads\": 2, \"num_key_value_heads\": 1, "
        "\"num_hidden_layers\": 1, \"intermediate_size\": 6, \"vocab_size\": 8, \"hidden_act\": \"silu\", "
        "\"rms_norm_eps\": 1e-05, \"max_position_embeddings\": 16, \"rope_theta\": 10000.0, \"rope_scaling\": "
        "{\"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, "
        "\"original_max_position_embeddings\": 8, \"rope_type\": \"llama3\"}}";
    const char *text = i < TINY_N_MODELS ? tiny_config_text(&tiny_models[i]) : i == TINY_N_MODELS ? old : "";
    const size_t n = strlen(text);
    if (n > capacity)
        return 0;
    memcpy(out, text, n);
    return n;
}
