/* layers/model_settings.c: what a model does, in words, for `evoke inspect`. */
#include "layers/model.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

EVK_PRINTF(2, 3)
static void put(evoke_setting *s, const char *format, ...)
{
    const size_t n = strlen(s->value);
    va_list args;
    va_start(args, format);
    vsnprintf(s->value + n, sizeof s->value - n, format, args);
    va_end(args);
}

static bool norm(const evoke_model *m, evoke_setting *s)
{
    const evk_config *c = &m->config;
    const bool before = evk_model_vector(m, 0, EVK_W_ATTN_NORM), after = evk_model_vector(m, 0, EVK_W_ATTN_POST_NORM);
    put(s, "%s %s each layer, eps %g", c->layer_norm ? "LayerNorm" : "RMSNorm",
        before && after ? "before and after" : after ? "after" : "before", c->norm_eps);
    if (c->norm_plus_one)
        put(s, ", weights 1 + w");
    s->unusual = c->norm_eps > 1e-4 || c->norm_eps < 1e-7;
    return true;
}

static size_t layers_without_rope(const evk_config *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_layer; i++)
        n += c->layer[i].rope < 0;
    return n;
}

static void put_scaling(evoke_setting *s, const evk_rope *r)
{
    static const char *const names[] = { [EVK_ROPE_LINEAR] = "linear", [EVK_ROPE_LLAMA3] = "llama3", [EVK_ROPE_YARN] = "yarn",
                                         [EVK_ROPE_LONG] = "longrope", [EVK_ROPE_DYNAMIC] = "dynamic" };
    if (r->scaling == EVK_ROPE_PLAIN)
        return;
    put(s, ", scaled: %s", names[r->scaling]);
    if (r->scaling != EVK_ROPE_LONG)
        put(s, ", factor %g", r->factor);
    if (r->scaling != EVK_ROPE_LINEAR)
        put(s, ", from %g positions", r->original);
    if (r->amplitude != 1)
        put(s, ", amplitude %.4g", r->amplitude);
}

static bool positions(const evoke_model *m, evoke_setting *s)
{
    const evk_config *c = &m->config;
    const size_t none = layers_without_rope(c);
    if (c->alibi || evk_model_matrix(m, 0, EVK_W_POSITION)) {
        put(s, c->alibi ? "ALiBi" : "learned, %zu of them", c->n_ctx);
        return true;
    }
    put(s, "rotary, base %g", c->rope[0].base);
    put_scaling(s, &c->rope[0]);
    if (m->slots[EVK_W_ROPE_DIVISORS].vector)
        put(s, ", frequencies divided as the file says");
    if (c->d_rope < c->d_head)
        put(s, ", on %zu of %zu dimensions of a head", c->d_rope, c->d_head);
    if (c->n_rope > 1)
        put(s, "; base %g in sliding layers", c->rope[1].base);
    if (none > 0)
        put(s, "; none in %zu of %zu layers", none, c->n_layer);
    s->unusual = c->rope[0].base < 10000 || c->rope[0].scaling == EVK_ROPE_LINEAR || c->rope[0].scaling == EVK_ROPE_DYNAMIC;
    return true;
}

static bool window(const evoke_model *m, evoke_setting *s)
{
    const evk_config *c = &m->config;
    size_t n = 0, width = 0;
    for (size_t i = 0; i < c->n_layer; i++) {
        n += c->layer[i].window > 0;
        width = c->layer[i].window ? c->layer[i].window : width;
    }
    put(s, "the last %zu tokens in %zu of %zu layers%s", width, n, c->n_layer, width >= c->n_ctx ? " (the whole context)" : "");
    s->unusual = width < 256;
    return n > 0;
}

static bool heads(const evoke_model *m, evoke_setting *s)
{
    const evk_config *c = &m->config;
    if (c->kv_rank)
        put(s, "latent attention: queries of rank %zu, keys and values of rank %zu, values %zu wide", c->q_rank,
            c->kv_rank, c->d_value);
    else if (c->n_head * c->d_head != c->d_model)
        put(s, "together %zu wide, the stream %zu", c->n_head * c->d_head, c->d_model);
    if (evk_model_vector(m, 0, EVK_W_ATTN_Q_NORM))
        put(s, "%sq and k normed%s", s->value[0] ? "; " : "", c->qk_norm_whole ? " over all heads together" : "");
    s->unusual = c->d_head % 8 != 0;
    return s->value[0];
}

static bool scores(const evoke_model *m, evoke_setting *s)
{
    const evk_config *c = &m->config;
    const double plain = 1 / sqrt((double)c->d_head), own = (double)c->layer[0].attention_scale;
    if (fabs(own / plain - 1) > 1e-6)
        put(s, "times %.5g instead of 1 / sqrt(%zu)", own, c->d_head);
    if (c->attention_cap > 0)
        put(s, "%scapped at %g", s->value[0] ? "; " : "", (double)c->attention_cap);
    return s->value[0];
}

static bool residual(const evoke_model *m, evoke_setting *s)
{
    if (m->config.parallel)
        put(s, "attention and MLP side by side");
    if (m->config.residual_scale != 1)
        put(s, "%slayers times %.5g", s->value[0] ? "; " : "", (double)m->config.residual_scale);
    return s->value[0];
}

static bool embedding(const evoke_model *m, evoke_setting *s)
{
    put(s, "times %.5g", (double)m->config.embed_scale);
    return m->config.embed_scale != 1;
}

static bool logits(const evoke_model *m, evoke_setting *s)
{
    const evk_config *c = &m->config;
    if (c->logit_scale != 1)
        put(s, "times %.5g", (double)c->logit_scale);
    if (c->logit_cap > 0)
        put(s, "%scapped at %g", s->value[0] ? "; " : "", (double)c->logit_cap);
    if (c->unit_head)
        put(s, "%srows of the head count with length 1", s->value[0] ? "; " : "");
    return s->value[0];
}

static bool mlp(const evoke_model *m, evoke_setting *s)
{
    static const char *const names[] = { [EVK_SILU] = "SiLU", [EVK_GELU] = "GELU", [EVK_GELU_TANH] = "GELU (tanh)",
                                         [EVK_QUICK_GELU] = "quick GELU", [EVK_RELU] = "ReLU", [EVK_TANH] = "tanh" };
    const bool gated = evk_model_matrix(m, 0, EVK_W_MLP_GATE);
    put(s, "%s, %s", names[m->config.activation], gated ? "gated" : "no gate");
    s->unusual = m->config.activation == EVK_RELU || m->config.activation == EVK_TANH || m->config.activation == EVK_QUICK_GELU;
    return true;
}

static bool biases(const evoke_model *m, evoke_setting *s)
{
    static const struct { evk_slot slot; const char *name; } all[] = {
        { EVK_W_ATTN_Q_BIAS, "q" }, { EVK_W_ATTN_K_BIAS, "k" }, { EVK_W_ATTN_V_BIAS, "v" },
        { EVK_W_ATTN_OUT_BIAS, "attention's output" },
        { EVK_W_MLP_GATE_BIAS, "gate" }, { EVK_W_MLP_UP_BIAS, "up" }, { EVK_W_MLP_DOWN_BIAS, "down" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t n = 0;
        for (size_t layer = 0; layer < m->config.n_layer; layer++)
            n += evk_model_vector(m, layer, all[i].slot) != NULL;
        if (n > 0)
            put(s, "%s%s", s->value[0] ? ", " : "", all[i].name);
        s->unusual = s->unusual || (n > 0 && n < m->config.n_layer);
    }
    return s->value[0];
}

static bool vocabulary(const evoke_model *m, evoke_setting *s)
{
    const size_t own = m->config.n_vocab, tokens = m->tokenizer ? evoke_tokenizer_n_vocab(m->tokenizer) : own;
    put(s, "%zu rows, the tokenizer has %zu tokens", own, tokens);
    s->unusual = tokens > own;
    return tokens != own;
}

bool evoke_model_setting(const evoke_model *m, size_t i, evoke_setting *out)
{
    static const struct { const char *name; bool (*describe)(const evoke_model *m, evoke_setting *s); } all[] = {
        { "norm", norm }, { "positions", positions }, { "window", window }, { "heads", heads }, { "scores", scores },
        { "residual", residual }, { "embedding", embedding }, { "logits", logits }, { "mlp", mlp }, { "biases", biases },
        { "vocabulary", vocabulary },
    };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        *out = (evoke_setting){ .name = all[k].name };
        if (all[k].describe(m, out) && i-- == 0)
            return true;
    }
    return false;
}
