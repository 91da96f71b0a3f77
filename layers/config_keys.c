/* layers/config_keys.c: no setting that changes the numbers is silently ignored.
 *
 * A key of config.json is read, or known to change nothing, or an error that names it and its value, unless the value
 * switches nothing on. GGUF metadata has no such rule (anybody may add keys); those that are known to change the result in
 * some architecture are errors where the family does not read them. */
#include "layers/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Read in config*.c or by the tokenizer, whatever the family. */
static const char *const read_keys[] = {
    "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "intermediate_size", "vocab_size", "max_position_embeddings", "rms_norm_eps", "layer_norm_eps", "rope_theta",
    "rope_parameters", "rope_scaling", "tie_word_embeddings", "hidden_act", "is_causal", "rope_interleaved",
    "chat_template", NULL,
};

/* Without effect on a forward pass, whatever the value. */
static const char *const harmless_keys[] = {
    "_name_or_path", "name_or_path", "architectures", "auto_map", "transformers_version", "torch_dtype", "dtype", "use_cache",
    "initializer_range", "tokenizer_class", "id2label", "label2id", "num_labels", "problem_type", "finetuning_task",
    "task_specific_params", "output_attentions", "output_hidden_states", "return_dict", "use_return_dict",
    "chunk_size_feed_forward", "is_decoder", "prefix", "gradient_checkpointing", "tie_encoder_decoder", "torchscript",
    "use_bfloat16", "remove_invalid_values", "keys_to_ignore_at_inference", "pretraining_tp", "cache_implementation",
    "_attn_implementation", "attn_implementation", "_flash_attn_2_enabled", "use_flash_attn", "transformers.js_config",
    "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty",
    "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "output_scores", "return_dict_in_generate",
    "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens", "tf_legacy_loss", "tokens_to_suppress",
    "sequence_length", "max_sequence_length", "is_llama_config", "_from_model_config", "model_max_length",
    "_attn_implementation_autoset", "_num_labels", "output_past", "custom_pipelines", NULL,
};

/* Dropouts act in training; ids of special tokens are the tokenizer's. */
static bool harmless_by_form(const char *name)
{
    static const char *const parts[] = { "dropout", "pdrop", "_token_id", "summary_", "unsloth_" };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(name, parts[i]))
            return true;
    return false;
}

static bool is_known(const evk_family *f, const char *name)
{
    if (evk_in_list(read_keys, name) || harmless_by_form(name) || evk_in_list(harmless_keys, name))
        return true;
    for (size_t i = 0; f->hf_keys && f->hf_keys[i]; i++)
        if (strcmp(f->hf_keys[i] + (f->hf_keys[i][0] == '-'), name) == 0)
            return true;
    for (size_t i = 0; f->hf_renamed && f->hf_renamed[i]; i += 2)
        if (strcmp(f->hf_renamed[i + 1], name) == 0)
            return true;
    for (size_t t = 0; t < EVK_MAX_NAME_TABLES; t++)
        for (const evk_weight_name *n = f->names[t]; n && n->slot != EVK_N_SLOT; n++)
            if (n->key && strcmp(n->key, name) == 0)
                return true;
    return f->activation_key && strcmp(f->activation_key, name) == 0;
}

static evoke_status check_json(const evk_reader *r)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)r->json, name, value)
        if (!is_known(r->family, name) && !evk_is_off(value))
            return evk_refuse(r, name, value);
    const json_t *interleaved = json_object_get(r->json, "rope_interleaved");
    if (interleaved && !evk_is_off(interleaved))
        return evk_refuse(r, "rope_interleaved", interleaved);
    return evk_only(r, "is_causal", true);
}

/* The keys that a family reads stand in its list of keys, GGUF's beside config.json's. */
static evoke_status check_gguf(const evk_reader *r)
{
    static const char *const keys[] = {
        "expert_count", "attention.sliding_window", "attn_logit_softcapping", "final_logit_softcapping", "embedding_scale",
        "residual_scale", "logit_scale", "attention.scale", "attention.max_alibi_bias", "attention.clamp_kqv",
        "attention.temperature_scale", "attention.q_lora_rank", "attention.kv_lora_rank",
        "rope.scaling.alpha", "rope.scaling.yarn_log_multiplier", "rope.scaling.yarn_ext_factor",
    };
    char name[128];
    double context = 0;
    snprintf(name, sizeof name, "%s.context_length", r->arch);
    (void)evk_meta_f64(r->w, name, &context);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        double value = 0;
        snprintf(name, sizeof name, "%s.%s", r->arch, keys[i]);
        if (evk_in_list(r->family->hf_keys, keys[i]) || !evk_meta_f64(r->w, name, &value) || value == 0)
            continue;
        if (strcmp(keys[i], "rope.scaling.yarn_ext_factor") == 0 && value == 1)     /* plain YaRN */
            continue;
        if (strcmp(keys[i], "attention.sliding_window") != 0 || value < context)    /* a wide one never bites */
            return evk_fail(r->err, EVOKE_EUNSUPPORTED, "read config: '%s' = %g is not known to this version and may change "
                            "the result (%s)", name, value, evk_weights_path(r->w));
    }
    bool causal = true;
    snprintf(name, sizeof name, "%s.attention.causal", r->arch);
    if (evk_meta_bool(r->w, name, &causal) && !causal)
        return evk_fail(r->err, EVOKE_EUNSUPPORTED, "read config: '%s' = false is not done in this version (%s)", name,
                        evk_weights_path(r->w));
    return EVOKE_OK;
}

evoke_status evk_check_keys(const evk_reader *r)
{
    return r->json ? check_json(r) : check_gguf(r);
}
