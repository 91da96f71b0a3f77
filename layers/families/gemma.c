/* layers/families/gemma.c: Gemma 1, 2 and 3 (text).
 *
 *     h0 = sqrt(D) embedding;   rmsnorm weighs by 1 + w (GGUF files hold 1 + w already);   tanh GELU in the gate
 *     2: scores and logits pass c tanh(x / c); norms before and after each layer; every other layer slides
 *     3: q and k are normed by head; most layers slide, and have a rotary base of their own
 *
 * Sources: Gemma Team 2024 (arXiv 2403.08295, 2408.00118), 2025 (2503.19786); transformers' modeling_gemma, gemma2, gemma3;
 * llama.cpp's models/gemma2.cpp and gemma3.cpp for what their files leave out. */
#include "layers/config.h"
#include "layers/families/list.h"
#include "layers/families/names.h"

#include <math.h>

static void scale_embedding(evk_config *c)
{
    c->embed_scale = (float)sqrt((double)c->d_model);
}

static evoke_status adjust_gemma(const evk_reader *r, evk_config *c)
{
    (void)r;
    scale_embedding(c);
    if (c->activation == EVK_GELU)          /* an error of the first files, which the reference corrects too */
        c->activation = EVK_GELU_TANH;
    return EVOKE_OK;
}

/* 1 / sqrt(query_pre_attn_scalar). GGUF files do not have it: it is the head's width but in the 27B model, where it is
 * d_model / n_head. */
static evoke_status scale_attention(const evk_reader *r, evk_config *c, size_t layers_of_27b)
{
    const size_t even = c->d_model / c->n_head;
    double scalar = 0;
    EVK_TRY(evk_read_number(r, NULL, "query_pre_attn_scalar",
                            r->json ? 256 : (double)(c->n_layer == layers_of_27b ? even : c->d_head), &scalar));
    for (size_t i = 0; i < c->n_layer; i++)
        c->layer[i].attention_scale = (float)(1.0 / sqrt(scalar));
    return EVOKE_OK;
}

static evoke_status read_cap(const evk_reader *r, const char *name, double missing, float *out)
{
    double cap = 0;
    EVK_TRY(evk_read_or_off(r, name, name, missing, &cap));
    *out = (float)cap;
    return EVOKE_OK;
}

static evoke_status adjust_gemma2(const evk_reader *r, evk_config *c)
{
    enum { LAYERS_OF_27B = 46 };
    size_t window = 0;
    scale_embedding(c);
    EVK_TRY(scale_attention(r, c, LAYERS_OF_27B));
    EVK_TRY(read_cap(r, "attn_logit_softcapping", 50, &c->attention_cap));
    EVK_TRY(read_cap(r, "final_logit_softcapping", 30, &c->logit_cap));
    EVK_TRY(evk_read_count_or_off(r, "attention.sliding_window", "sliding_window", 4096, &window));
    const json_t *again = evk_read_json(r, "sliding_window_size");      /* the 9B's first files say it twice */
    if (again && !json_is_null(again) && json_number_value(again) != (double)window)
        return evk_refuse(r, "sliding_window_size", again);
    return evk_plan_windows(r, c, window, 2, 0);
}

static evoke_status adjust_gemma3(const evk_reader *r, evk_config *c)
{
    enum { LAYERS_OF_27B = 62 };
    size_t window = 0, pattern = 6;
    scale_embedding(c);
    EVK_TRY(scale_attention(r, c, LAYERS_OF_27B));
    EVK_TRY(read_cap(r, "final_logit_softcapping", 0, &c->logit_cap));
    EVK_TRY(evk_read_count_or_off(r, "attention.sliding_window", "sliding_window", r->json ? 4096 : 0, &window));
    if (r->json)
        EVK_TRY(evk_read_size(r, NULL, "sliding_window_pattern", 4096, 6, &pattern));
    EVK_TRY(evk_plan_windows(r, c, window, pattern, 0));
    for (size_t i = 0; i < c->n_layer; i++)
        c->layer[i].rope = c->layer[i].window > 0;
    return EVOKE_OK;
}

static const char *const gemma_keys[] = { "-hidden_activation", NULL };
static const char *const gemma2_keys[] = {
    "query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping", "sliding_window", "sliding_window_size",
    "layer_types", "-hidden_act", "attention.sliding_window", NULL,
};
static const char *const gemma3_keys[] = {
    "query_pre_attn_scalar", "final_logit_softcapping", "sliding_window", "layer_types",
    "sliding_window_pattern", "-_sliding_window_pattern", "rope_local_base_freq", "-hidden_act", "attention.sliding_window", NULL,
};

const evk_family evk_family_gemma = {
    .label = "Gemma 1",
    .gguf_arch = "gemma", .hf_type = "gemma",
    .rope_gguf = EVK_ROPE_HALVES, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-6, .n_ctx = 8192, .n_kv_head = 16, .d_head = 256, .norm_plus_one = true,
               .activation = EVK_GELU_TANH },
    .tied_if_missing = true,
    .hf_prefix = "model.",
    .names = { evk_names_ends, evk_names_pre_norms, evk_names_attention, evk_names_attention_biases, evk_names_mlp },
    .hf_keys = gemma_keys,
    .adjust = adjust_gemma,
};

const evk_family evk_family_gemma2 = {
    .label = "Gemma 2",
    .gguf_arch = "gemma2", .hf_type = "gemma2",
    .rope_gguf = EVK_ROPE_HALVES, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-6, .n_ctx = 8192, .n_kv_head = 4, .d_head = 256, .norm_plus_one = true,
               .activation = EVK_GELU_TANH },
    .tied_if_missing = true,
    .activation_key = "hidden_activation",
    .hf_prefix = "model.",
    .names = { evk_names_ends, evk_names_sandwich_pre_norms, evk_names_post_norms, evk_names_attention,
               evk_names_attention_biases, evk_names_mlp },
    .hf_keys = gemma2_keys,
    .adjust = adjust_gemma2,
};

const evk_family evk_family_gemma3 = {
    .label = "Gemma 3 (text)",
    .gguf_arch = "gemma3", .hf_type = "gemma3_text",
    .rope_gguf = EVK_ROPE_HALVES, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-6, .n_ctx = 131072, .n_kv_head = 4, .d_head = 256, .norm_plus_one = true,
               .activation = EVK_GELU_TANH, .rope = { { .base = 0 }, { .base = 10000 } } },
    .rope_base = 1e6,
    .tied_if_missing = true,
    .activation_key = "hidden_activation",
    .hf_prefix = "model.",
    .names = { evk_names_ends, evk_names_sandwich_pre_norms, evk_names_post_norms, evk_names_attention,
               evk_names_attention_biases, evk_names_qk_norms, evk_names_mlp },
    .hf_keys = gemma3_keys,
    .adjust = adjust_gemma3,
};
