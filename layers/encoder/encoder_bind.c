/* layers/encoder/encoder_bind.c: finds every tensor that an encoder's config asks for, and checks its shape.
 *
 * Names come from the family's table. A file may leave out the prefix that the model has inside a larger one, and files
 * from before 2019 call a norm's weight and bias gamma and beta. What the config does not ask for is not looked for. */
#include "layers/encoder/encoder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct shape { size_t rows, cols; bool vector; } shape;     /* rows 0: the model has none */

static shape matrix(size_t rows, size_t cols) { return (shape){ cols ? rows : 0, cols, false }; }
static shape vector(bool wanted, size_t cols) { return (shape){ wanted ? 1 : 0, cols, true }; }

/* Slots of a stack that exist once. */
static shape once_shape(const evoke_encoder *e, size_t stack, evk_encoder_slot slot)
{
    const evk_encoder_config *c = &e->config;
    const size_t d = c->d_model;
    const bool head = stack == 0 && c->n_label > 0, own_dense = !e->family->head_on_pooler ||
                                                                evk_weights_container(e->weights) == EVK_GGUF;
    switch (slot) {
    case EVK_E_EMBED:              return matrix(c->n_vocab, c->d_embed);
    case EVK_E_POSITION:           return matrix(c->n_position ? c->n_position + c->position_offset : 0, c->d_embed);
    case EVK_E_TYPE:               return matrix(c->n_type, c->d_embed);
    case EVK_E_EMBED_PROJ:         return matrix(c->d_embed == d ? 0 : d, c->d_embed);
    case EVK_E_EMBED_NORM:
    case EVK_E_EMBED_NORM_BIAS:    return vector(true, d);
    case EVK_E_RELATIVE:           return matrix(2 * c->relative_span, d);
    case EVK_E_RELATIVE_NORM:
    case EVK_E_RELATIVE_NORM_BIAS: return vector(c->relative_span && c->relative_norm, d);
    case EVK_E_CONV:               return matrix(c->conv_kernel ? d * (d / c->conv_groups) : 0, c->conv_kernel);
    case EVK_E_CONV_BIAS:
    case EVK_E_CONV_NORM:
    case EVK_E_CONV_NORM_BIAS:     return vector(c->conv_kernel > 0, d);
    case EVK_E_POOLER:             return matrix(stack == 0 ? d : 0, d);
    case EVK_E_POOLER_BIAS:        return vector(stack == 0, d);
    case EVK_E_DENSE:              return matrix(head && own_dense ? d : 0, d);
    case EVK_E_DENSE_BIAS:         return vector(head && own_dense, d);
    case EVK_E_OUT:                return matrix(head ? c->n_label : 0, d);
    case EVK_E_OUT_BIAS:           return vector(head, c->n_label);
    default:                       return (shape){ 0, 0, false };
    }
}

static shape layer_shape(const evoke_encoder *e, size_t stack, evk_encoder_slot slot)
{
    const evk_encoder_config *c = &e->config;
    const evk_stack_config *s = &c->stack[stack];
    const size_t d = c->d_model, heads = s->n_head * s->d_head;
    const bool own = c->relative_span && !c->relative_shares_keys;
    switch (slot) {
    case EVK_E_Q: case EVK_E_K: case EVK_E_V:
    case EVK_E_CROSS_Q: case EVK_E_CROSS_K: case EVK_E_CROSS_V: return matrix(heads, d);
    case EVK_E_RELATIVE_K:      return matrix(own && c->relative_c2p ? heads : 0, d);
    case EVK_E_RELATIVE_Q:      return matrix(own && c->relative_p2c ? heads : 0, d);
    case EVK_E_RELATIVE_K_BIAS: return vector(own && c->relative_c2p, heads);
    case EVK_E_RELATIVE_Q_BIAS: return vector(own && c->relative_p2c, heads);
    case EVK_E_Q_BIAS: case EVK_E_K_BIAS: case EVK_E_V_BIAS:
    case EVK_E_CROSS_Q_BIAS: case EVK_E_CROSS_K_BIAS: case EVK_E_CROSS_V_BIAS: return vector(true, heads);
    case EVK_E_ATTN_OUT:
    case EVK_E_CROSS_OUT:       return matrix(d, heads);
    case EVK_E_UP:              return matrix(s->d_ff, d);
    case EVK_E_UP_BIAS:         return vector(true, s->d_ff);
    case EVK_E_DOWN:            return matrix(d, s->d_ff);
    default:                    return vector(true, d);         /* norms, and biases of the stream's width */
    }
}

/* ---- one tensor ---- */

static void spell(char out[256], const char *prefix, const char *pattern, size_t layer)
{
    const int n = snprintf(out, 256, "%s", prefix);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(out + n, 256 - (size_t)n, pattern, layer);     /* patterns come from the family's own table */
#pragma GCC diagnostic pop
}

/* LayerNorm.weight by its old name, LayerNorm.gamma; .bias by .beta. */
static bool old_norm_name(char name[256])
{
    char *dot = strrchr(name, '.');
    if (!dot || !strstr(name, "LayerNorm"))
        return false;
    strcpy(dot, strcmp(dot, ".weight") == 0 ? ".gamma" : ".beta");
    return true;
}

/* The tensor by the names that files may give it; `name` is left as the first of them, for an error. */
static const evk_tensor *find(const evoke_encoder *e, const evk_encoder_name *n, size_t layer, char name[256])
{
    const bool gguf = evk_weights_container(e->weights) == EVK_GGUF;
    const char *pattern = gguf ? n->gguf : n->hf, *prefixes[] = { gguf ? "" : e->family->prefix, "" };
    char other[256];
    const evk_tensor *t = NULL;
    if (!pattern)
        return NULL;
    for (size_t i = 0; !t && i < 2; i++) {
        spell(other, prefixes[i], pattern, layer);
        t = evk_weights_find(e->weights, other);
        if (!t && old_norm_name(other))
            t = evk_weights_find(e->weights, other);
    }
    spell(name, prefixes[0], pattern, layer);
    return t;
}

static evoke_status copy_vector(const evoke_encoder *e, const evk_tensor *t, float **out, evoke_error *err)
{
    EVK_TRY(evk_alloc(out, t->cols, sizeof **out, "bind weights", err));
    e->kernels.dequantise[t->type](t->data, *out, t->cols);
    for (size_t i = 0; i < t->cols; i++)
        if (!isfinite((*out)[i]))
            return evk_fail(err, EVOKE_EFORMAT, "bind weights: '%s' holds a value that is not finite (%s)", t->name, e->path);
    return EVOKE_OK;
}

static evoke_status bind_one(evoke_encoder *e, size_t stack, const evk_encoder_name *n, size_t layer, evoke_error *err)
{
    char name[256] = "";
    const bool gguf = evk_weights_container(e->weights) == EVK_GGUF;
    const shape want = n->slot < EVK_E_FIRST_LAYER_SLOT ? once_shape(e, stack, n->slot) : layer_shape(e, stack, n->slot);
    evk_encoder_weight *w = (evk_encoder_weight *)(uintptr_t)evk_encoder_weight_at(e, stack, layer, n->slot);
    if (want.rows == 0 || w->matrix || !(gguf ? n->gguf : n->hf))
        return EVOKE_OK;
    const evk_tensor *t = find(e, n, layer, name);
    if (!t)
        return n->optional ? EVOKE_OK : evk_fail(err, EVOKE_EFORMAT, "bind weights: no tensor '%s' (%s)", name, e->path);
    if (t->rows != want.rows || t->cols != want.cols)
        return evk_fail(err, EVOKE_EFORMAT, "bind weights: '%s' is [%zu, %zu], the model wants [%zu, %zu] (%s)", t->name,
                        t->rows, t->cols, want.rows, want.cols, e->path);
    if (!e->kernels.dequantise[t->type])
        return evk_fail(err, EVOKE_EUNSUPPORTED, "bind weights: '%s' is stored as %s, which this version cannot read (%s)",
                        t->name, evk_type_describe(t->type)->name, e->path);
    w->matrix = t;
    return want.vector ? copy_vector(e, t, &w->vector, err) : EVOKE_OK;
}

/* A pooler's weight without its bias, or the reverse, and a head that reads a pooler that is not there. */
static evoke_status check_pooler(const evoke_encoder *e, evoke_error *err)
{
    const evk_encoder_weight *s = e->stack[0].slots;
    const bool weight = s[EVK_E_POOLER].matrix != NULL, bias = s[EVK_E_POOLER_BIAS].matrix != NULL;
    const bool needed = e->config.n_label > 0 && !s[EVK_E_DENSE].matrix;
    if (weight != bias || (needed && !weight))
        return evk_fail(err, EVOKE_EFORMAT, "bind weights: no tensor 'pooler.dense.%s' (%s)", weight ? "bias" : "weight",
                        e->path);
    return EVOKE_OK;
}

evoke_status evk_encoder_bind(evoke_encoder *e, evoke_error *err)
{
    const evk_encoder_family *f = e->family;
    for (size_t stack = 0; stack < f->n_stack; stack++) {
        const size_t n_layer = e->config.stack[stack].n_layer;
        EVK_TRY(evk_alloc(&e->stack[stack].layers, n_layer * (EVK_E_N_SLOT - EVK_E_FIRST_LAYER_SLOT),
                          sizeof *e->stack[stack].layers, "bind weights", err));
        for (size_t i = 0; i < f->n_names[stack]; i++) {
            const evk_encoder_name *n = &f->names[stack][i];
            for (size_t layer = 0; layer < (n->slot < EVK_E_FIRST_LAYER_SLOT ? 1 : n_layer); layer++)
                EVK_TRY(bind_one(e, stack, n, layer, err));
        }
    }
    return check_pooler(e, err);
}
