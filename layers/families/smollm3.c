/* layers/families/smollm3.c: SmolLM3: Llama's block, and every fourth layer has no rotary embedding (Yang and others 2025,
 * arXiv 2501.18795). Source: transformers' modeling_smollm3. Layers without one slide, if any do. */
#include "layers/config.h"
#include "layers/families/list.h"
#include "layers/families/names.h"

static const char *const keys[] = { "no_rope_layers", "no_rope_layer_interval", "use_sliding_window", "sliding_window",
                                    "layer_types", "-max_window_layers", NULL };

/* no_rope_layers: 1 for each layer that has a rotary embedding, in spite of its name. */
static evoke_status plan_rope(const evk_reader *r, evk_config *c)
{
    const json_t *list = evk_read_json(r, "no_rope_layers");
    size_t interval = 4;
    EVK_TRY(evk_read_size(r, NULL, "no_rope_layer_interval", EVK_MAX_CONTEXT, 4, &interval));
    const bool listed = list && !json_is_null(list);
    if (listed && (!json_is_array(list) || json_array_size(list) < c->n_layer))
        return evk_bad_setting(r, "no_rope_layers", "is not a list with an entry for each layer");
    for (size_t i = 0; i < c->n_layer; i++) {
        const json_t *own = json_array_get(list, i);
        if (listed && !json_is_integer(own) && !json_is_boolean(own))
            return evk_bad_setting(r, "no_rope_layers", "holds something that is neither 0 nor 1");
        const bool rotates = listed ? json_is_true(own) || json_integer_value(own) != 0 : (i + 1) % interval != 0;
        c->layer[i].rope = rotates ? 0 : -1;
    }
    return EVOKE_OK;
}

static evoke_status adjust(const evk_reader *r, evk_config *c)
{
    bool on = false;
    size_t window = 0;
    EVK_TRY(plan_rope(r, c));
    EVK_TRY(evk_read_flag(r, NULL, "use_sliding_window", false, &on));
    EVK_TRY(evk_read_count_or_off(r, NULL, "sliding_window", 0, &window));
    EVK_TRY(evk_plan_windows(r, c, on ? window : 0, 0, 0));
    const json_t *types = evk_read_json(r, "layer_types");
    for (size_t i = 0; i < c->n_layer; i++)
        if (c->layer[i].rope == 0 && (!types || json_is_null(types)))
            c->layer[i].window = 0;
    return EVOKE_OK;
}

const evk_family evk_family_smollm3 = {
    .label = "SmolLM3",
    .gguf_arch = "smollm3", .hf_type = "smollm3",
    .rope_gguf = EVK_ROPE_PAIRS, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-6, .n_kv_head = 4, .n_ctx = 32768 },
    .rope_base = 2e6,
    .tied_if_missing = true,
    .hf_prefix = "model.",
    .names = { evk_names_ends, evk_names_pre_norms, evk_names_attention, evk_names_attention_biases, evk_names_mlp,
               evk_names_mlp_biases },
    .hf_keys = keys,
    .adjust = adjust,
};
