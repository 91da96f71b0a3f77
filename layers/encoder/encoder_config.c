/* layers/encoder/encoder_config.c: an encoder's sizes and constants, from config.json or GGUF metadata.
 *
 * As for decoders: every size is bounded before anything is computed from it, and a setting that would change the numbers
 * and is not done here is an error that names it. */
#include "layers/encoder/encoder_family.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LAYER = 4096, MAX_VOCAB = 1 << 24, MAX_POSITION = 1 << 24, MAX_LABEL = 1 << 20 };

/* ---- one setting ---- */

/* The setting's name in config.json: `other` where that alone has a value. Errors: they differ. */
static evoke_status name_of(const evk_reader *s, evk_setting k, const char **name)
{
    const json_t *a = json_object_get(s->json, k.hf), *b = k.other ? json_object_get(s->json, k.other) : NULL;
    const bool own = a && !json_is_null(a), second = b && !json_is_null(b);
    *name = second && !own ? k.other : k.hf;
    if (own && second && !json_equal(a, b))
        return evk_fail(s->err, EVOKE_EFORMAT, "read config: '%s' and '%s' are two names of one setting with different "
                        "values (%s)", k.hf, k.other, evk_weights_path(s->w));
    return EVOKE_OK;
}

evoke_status evk_setting_size(const evk_reader *s, evk_setting k, size_t most, size_t missing, size_t *out)
{
    const char *name = NULL;
    EVK_TRY(name_of(s, k, &name));
    return evk_read_size(s, k.gguf, name, most, missing, out);
}

evoke_status evk_setting_count(const evk_reader *s, const char *key, size_t most, size_t missing, size_t *out)
{
    const json_t *v = json_object_get(s->json, key);
    *out = v ? 0 : missing;
    if (!v || json_is_null(v))
        return EVOKE_OK;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > most)
        return evk_bad_setting(s, key, "is not a whole number in range");
    *out = (size_t)json_integer_value(v);
    return EVOKE_OK;
}

evoke_status evk_setting_id(const evk_reader *s, const char *key, int32_t missing, int32_t *out)
{
    const json_t *v = json_object_get(s->json, key);
    *out = v ? -1 : missing;
    if (!v || json_is_null(v))
        return EVOKE_OK;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > INT32_MAX)
        return evk_bad_setting(s, key, "is not a token id");
    *out = (int32_t)json_integer_value(v);
    return EVOKE_OK;
}

evoke_status evk_setting_activation(const evk_reader *s, evk_setting k, evk_activation missing, evk_activation *out)
{
    static const struct { const char *name; evk_activation f; } names[] = {
        { "gelu", EVK_GELU }, { "gelu_python", EVK_GELU }, { "gelu_new", EVK_GELU_TANH }, { "gelu_fast", EVK_GELU_TANH },
        { "gelu_pytorch_tanh", EVK_GELU_TANH }, { "gelu_python_tanh", EVK_GELU_TANH }, { "gelu_accurate", EVK_GELU_TANH },
        { "quick_gelu", EVK_QUICK_GELU }, { "relu", EVK_RELU }, { "silu", EVK_SILU }, { "swish", EVK_SILU },
        { "tanh", EVK_TANH },
    };
    const char *name = NULL;
    const json_t *v = NULL;
    *out = missing;
    if (!s->json)
        return EVOKE_OK;
    EVK_TRY(name_of(s, k, &name));
    v = json_object_get(s->json, name);
    if (!v || json_is_null(v))
        return EVOKE_OK;
    for (size_t i = 0; json_is_string(v) && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, json_string_value(v)) == 0) {
            *out = names[i].f;
            return EVOKE_OK;
        }
    return evk_refuse(s, name, v);
}

/* ---- config.json: keys that are known, and what an unknown one means ---- */

/* Read here, in the tokenizer or by other commands, or without any effect on what an encoder computes: training,
 * generation, bookkeeping. */
static const char *const common_keys[] = {
    "architectures", "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "vocab_size", "max_position_embeddings", "layer_norm_eps", "type_vocab_size", "hidden_act", "id2label", "label2id",
    "num_labels", "problem_type", "pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id", "unk_token_id",
    "cls_token_id", "mask_token_id", "is_decoder", "add_cross_attention", "position_embedding_type", "is_encoder_decoder",
    "dtype", "torch_dtype", "transformers_version", "use_cache", "initializer_range", "attention_probs_dropout_prob",
    "hidden_dropout_prob", "attention_dropout", "_name_or_path", "name_or_path", "gradient_checkpointing",
    "tie_word_embeddings", "tie_encoder_decoder", "chunk_size_feed_forward", "transformers.js_config", "output_attentions",
    "output_hidden_states", "output_scores", "return_dict", "return_dict_in_generate", "finetuning_task", "_num_labels",
    "function_to_apply", "task_specific_params", "tokenizer_class", "torchscript", "use_bfloat16", "xla_device", "prefix",
    "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty",
    "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size", "num_return_sequences", "forced_bos_token_id", "forced_eos_token_id",
    "remove_invalid_values", "tf_legacy_loss", "language", "_attn_implementation_autoset", "sentence_transformers", NULL,
};

static bool is_setting(evk_setting k, const char *name)
{
    return (k.hf && strcmp(k.hf, name) == 0) || (k.other && strcmp(k.other, name) == 0);
}

static bool is_known(const evk_encoder_family *f, const char *name)
{
    const evk_setting own[] = { f->width, f->vocabulary, f->layers, f->heads, f->wide, f->activation, f->decoder_layers,
                                f->decoder_heads, f->decoder_wide };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (is_setting(own[i], name))
            return true;
    return evk_in_list(common_keys, name) || evk_in_list(f->hf_keys, name);
}

static evoke_status check_keys(const evk_reader *s, const evk_encoder_family *f)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)s->json, name, value)
        if (!is_known(f, name) && !evk_is_off(value))
            return evk_refuse(s, name, value);
    const json_t *positions = json_object_get(s->json, "position_embedding_type");
    if (positions && !json_is_null(positions) &&
        (!json_is_string(positions) || strcmp(json_string_value(positions), "absolute") != 0))
        return evk_refuse(s, "position_embedding_type", positions);
    static const char *const must_be_off[] = { "is_decoder", "add_cross_attention" };
    for (size_t i = 0; i < sizeof must_be_off / sizeof *must_be_off; i++)
        if (!evk_is_off(json_object_get(s->json, must_be_off[i])) && json_object_get(s->json, must_be_off[i]))
            return evk_refuse(s, must_be_off[i], json_object_get(s->json, must_be_off[i]));
    return EVOKE_OK;
}

/* ---- the head ---- */

/* Does the file say that it is a classifier of whole texts? Where it says nothing its tensors tell. */
static bool says_classifier(const evk_reader *s, bool *says)
{
    const json_t *list = json_object_get(s->json, "architectures");
    *says = json_array_size(list) > 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name && strstr(name, "ForSequenceClassification"))
            return true;
    }
    return false;
}

static evoke_status read_problem(const evk_reader *s, evk_encoder_config *c)
{
    const json_t *v = json_object_get(s->json, "problem_type");
    const char *name = json_string_value(v);
    c->problem = c->n_label == 1 ? EVK_MULTI_LABEL : EVK_SINGLE_LABEL;
    if (!v || json_is_null(v) || (name && strcmp(name, "single_label_classification") == 0))
        return EVOKE_OK;
    if (name && strcmp(name, "multi_label_classification") == 0)
        c->problem = EVK_MULTI_LABEL;
    else if (name && strcmp(name, "regression") == 0)
        c->problem = EVK_REGRESSION;
    else
        return evk_refuse(s, "problem_type", v);
    return EVOKE_OK;
}

/* Number of classes: id2label, or num_labels, or 2, as transformers has it. */
static evoke_status read_head_hf(const evk_reader *s, const evk_encoder_family *f, evk_encoder_config *c)
{
    bool says = false;
    if (!says_classifier(s, &says)) {
        bool there = false;
        for (size_t i = 0; i < f->n_names[0]; i++)
            if (f->names[0][i].slot == EVK_E_OUT)
                there = evk_weights_find(s->w, f->names[0][i].hf) != NULL;
        if (says || !there)
            return EVOKE_OK;
    }
    const json_t *labels = json_object_get(s->json, "id2label");
    if (json_is_object(labels) && json_object_size(labels) > 0)
        c->n_label = json_object_size(labels);
    else
        EVK_TRY(evk_setting_size(s, (evk_setting){ NULL, "num_labels", NULL }, MAX_LABEL, 2, &c->n_label));
    return c->n_label > MAX_LABEL ? evk_bad_setting(s, "id2label", "has too many labels") : read_problem(s, c);
}

static evoke_status read_head_gguf(const evk_reader *s, evk_encoder_config *c)
{
    const evk_tensor *out = evk_weights_find(s->w, "cls.output.weight");
    if (out && evk_weights_find(s->w, "cls.weight") && out->rows <= MAX_LABEL)
        c->n_label = out->rows;
    c->problem = c->n_label == 1 ? EVK_MULTI_LABEL : EVK_SINGLE_LABEL;
    return EVOKE_OK;
}

/* ---- all of it ---- */

static evoke_status read_stack(const evk_reader *s, evk_setting layers, evk_setting heads, evk_setting wide,
                               const evk_encoder_config *c, evk_stack_config *out)
{
    EVK_TRY(evk_setting_size(s, layers, MAX_LAYER, 0, &out->n_layer));
    EVK_TRY(evk_setting_size(s, heads, EVK_MAX_WIDTH, 0, &out->n_head));
    EVK_TRY(evk_setting_size(s, wide, EVK_MAX_WIDTH, 0, &out->d_ff));
    if (c->d_model % out->n_head != 0)
        return evk_bad_setting(s, s->json ? heads.hf : heads.gguf, "does not divide the width");
    out->d_head = c->d_model / out->n_head;
    return EVOKE_OK;
}

/* Rows of a tensor of a GGUF file; 0: it is not there. */
static size_t rows_of(const evk_reader *s, const char *name)
{
    const evk_tensor *t = evk_weights_find(s->w, name);
    return t ? t->rows : 0;
}

static evoke_status read_tables_gguf(const evk_reader *s, evk_encoder_config *c)
{
    char name[128];
    bool causal = false;
    snprintf(name, sizeof name, "%.60s.attention.causal", s->arch);
    if (evk_meta_bool(s->w, name, &causal) && causal)
        return evk_fail(s->err, EVOKE_EUNSUPPORTED, "read config: '%s' = true is not known to this version and may change "
                        "the result (%s)", name, evk_weights_path(s->w));
    c->n_vocab = rows_of(s, "token_embd.weight");
    c->n_type = rows_of(s, "token_types.weight");
    if (c->n_vocab == 0 || c->n_vocab > MAX_VOCAB)
        return evk_bad_setting(s, "token embedding", "is missing or too large");
    EVK_TRY(evk_read_number(s, "attention.layer_norm_epsilon", NULL, c->norm_eps, &c->norm_eps));
    c->n_position = rows_of(s, "position_embd.weight");
    if (c->n_position == 0 || c->n_position > MAX_POSITION)
        return evk_bad_setting(s, "position embedding", "is missing or too large");
    return read_head_gguf(s, c);
}

static evoke_status read_tables_hf(const evk_reader *s, const evk_encoder_family *f, evk_encoder_config *c)
{
    EVK_TRY(evk_setting_size(s, f->vocabulary, MAX_VOCAB, 0, &c->n_vocab));
    EVK_TRY(evk_setting_size(s, (evk_setting){ NULL, "max_position_embeddings", NULL }, MAX_POSITION, f->n_position,
                             &c->n_position));
    if (f->n_type != SIZE_MAX)
        EVK_TRY(evk_setting_count(s, "type_vocab_size", MAX_VOCAB, f->n_type, &c->n_type));
    if (!f->norm_eps_fixed)
        EVK_TRY(evk_read_number(s, NULL, "layer_norm_eps", c->norm_eps, &c->norm_eps));
    EVK_TRY(evk_setting_id(s, "pad_token_id", f->pad, &c->pad));
    EVK_TRY(evk_setting_activation(s, f->activation, EVK_GELU, &c->activation));
    if (f->head_at_end)
        EVK_TRY(evk_setting_id(s, "eos_token_id", f->end, &c->end));
    return read_head_hf(s, f, c);
}

static evoke_status place_positions(const evk_reader *s, const evk_encoder_family *f, evk_encoder_config *c)
{
    c->n_ctx = c->n_position;
    if (!f->position_after_pad)
        return EVOKE_OK;
    if (c->pad < 0)
        return evk_bad_setting(s, "pad_token_id", "is null, but positions count from it");
    c->position_offset = (size_t)c->pad + 1;
    c->position_skips_pad = true;
    if (c->n_position <= c->position_offset)
        return evk_bad_setting(s, "max_position_embeddings", "leaves no position after the padding token's");
    c->n_ctx = c->n_position -= c->position_offset;
    return EVOKE_OK;
}

evoke_status evk_encoder_config_read(const evoke_weights *w, const evk_encoder_family *f, evk_encoder_config *c,
                                     evoke_error *err)
{
    const bool gguf = evk_weights_container(w) == EVK_GGUF;
    const evk_reader s = { .w = w, .json = gguf ? NULL : evk_weights_config(w), .arch = f->gguf_arch, .err = err };
    *c = (evk_encoder_config){ .norm_eps = f->norm_eps, .embed_scale = 1, .position_offset = f->position_offset,
                               .activation = EVK_GELU, .pooler_activation = f->pooler_activation, .pad = f->pad, .end = f->end,
                               .decoder_start = -1, .score_terms = 1, .conv_groups = 1 };
    if (!gguf)
        EVK_TRY(check_keys(&s, f));
    EVK_TRY(evk_setting_size(&s, f->width, EVK_MAX_WIDTH, 0, &c->d_model));
    c->d_embed = c->d_model;
    EVK_TRY(read_stack(&s, f->layers, f->heads, f->wide, c, &c->stack[0]));
    if (f->n_stack > 1)
        EVK_TRY(read_stack(&s, f->decoder_layers, f->decoder_heads, f->decoder_wide, c, &c->stack[1]));
    EVK_TRY(gguf ? read_tables_gguf(&s, c) : read_tables_hf(&s, f, c));
    EVK_TRY(place_positions(&s, f, c));
    EVK_TRY(f->adjust ? f->adjust(&s, c) : EVOKE_OK);
    for (size_t i = 0; i < f->n_stack; i++)
        if (c->stack[i].d_head > EVK_MAX_WIDTH / c->stack[i].n_head)
            return evk_bad_setting(&s, "number of heads", "is too large");
    return EVOKE_OK;
}
