/* layers/bind.c: finds the tensor of each slot by the family's names, checks its shape, and notes it as it lies: whole, as
 * rows of a fused one, or transposed. Norms and biases are copied to float32; matrices stay in the file. */
#include "layers/bind.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/files/mapped.h"
#include "core/kernels/packed.h"
#include "layers/config.h"

/* ---- what a slot must look like ---- */

typedef struct shape {
    size_t rows, cols;          /* rows 0: a vector */
    bool is_norm;               /* weights of a norm */
} shape;

static shape slot_shape(const evk_config *c, evk_slot slot)
{
    const size_t q = c->n_head * c->d_head, k = c->n_kv_head * c->d_head, v = c->n_kv_head * c->d_value, d = c->d_model;
    const size_t nope = c->d_head - c->d_rope, half = c->d_rope / 2;
    const shape shapes[EVK_N_SLOT] = {
        [EVK_W_EMBED] = { c->n_vocab, d, false }, [EVK_W_HEAD] = { c->n_vocab, d, false },
        [EVK_W_POSITION] = { c->n_ctx, d, false },
        [EVK_W_FINAL_NORM] = { 0, d, true }, [EVK_W_FINAL_NORM_BIAS] = { 0, d, false },
        [EVK_W_ROPE_DIVISORS] = { 0, half, false }, [EVK_W_ROPE_SHORT] = { 0, half, false },
        [EVK_W_ROPE_LONG] = { 0, half, false },
        [EVK_W_ATTN_NORM] = { 0, d, true }, [EVK_W_ATTN_NORM_BIAS] = { 0, d, false },
        [EVK_W_ATTN_Q] = { q, c->q_rank ? c->q_rank : d, false }, [EVK_W_ATTN_K] = { k, d, false },
        [EVK_W_ATTN_V] = { v, d, false }, [EVK_W_ATTN_OUT] = { d, c->n_head * c->d_value, false },
        [EVK_W_ATTN_Q_BIAS] = { 0, q, false }, [EVK_W_ATTN_K_BIAS] = { 0, k, false },
        [EVK_W_ATTN_V_BIAS] = { 0, v, false }, [EVK_W_ATTN_OUT_BIAS] = { 0, d, false },
        [EVK_W_ATTN_Q_NORM] = { 0, c->qk_norm_whole ? q : c->d_head, true },
        [EVK_W_ATTN_K_NORM] = { 0, c->qk_norm_whole ? k : c->d_head, true },
        [EVK_W_ATTN_POST_NORM] = { 0, d, true },
        [EVK_W_LATENT_Q] = { c->q_rank, d, false }, [EVK_W_LATENT_Q_BIAS] = { 0, c->q_rank, false },
        [EVK_W_LATENT_Q_NORM] = { 0, c->q_rank, true },
        [EVK_W_LATENT_KV] = { c->kv_rank + c->d_rope, d, false },
        [EVK_W_LATENT_KV_BIAS] = { 0, c->kv_rank + c->d_rope, false },
        [EVK_W_LATENT_KV_NORM] = { 0, c->kv_rank, true },
        [EVK_W_LATENT_KV_UP] = { c->n_head * (nope + c->d_value), c->kv_rank, false },
        [EVK_W_MLP_NORM] = { 0, d, true }, [EVK_W_MLP_NORM_BIAS] = { 0, d, false },
        [EVK_W_MLP_GATE] = { c->d_ff, d, false }, [EVK_W_MLP_UP] = { c->d_ff, d, false },
        [EVK_W_MLP_DOWN] = { d, c->d_ff, false },
        [EVK_W_MLP_GATE_BIAS] = { 0, c->d_ff, false }, [EVK_W_MLP_UP_BIAS] = { 0, c->d_ff, false },
        [EVK_W_MLP_DOWN_BIAS] = { 0, d, false }, [EVK_W_MLP_POST_NORM] = { 0, d, true },
    };
    return shapes[slot];
}

/* Where a slot's rows (or a vector's values) lie in a fused tensor of `all` of them. */
typedef struct place { size_t all, first, group, step; } place;

static place place_of(const evk_config *c, evk_part part, size_t own)
{
    const size_t q = c->n_head * c->d_head, k = c->n_kv_head * c->d_head, v = c->n_kv_head * c->d_value, h = c->d_head;
    const place places[] = {
        [EVK_WHOLE] = { own, 0, 0, 0 },
        [EVK_Q_OF_QKV] = { q + k + v, 0, 0, 0 }, [EVK_K_OF_QKV] = { q + k + v, q, 0, 0 },
        [EVK_V_OF_QKV] = { q + k + v, q + k, 0, 0 },
        [EVK_Q_BY_HEAD] = { 3 * q, 0, h, 3 * h }, [EVK_K_BY_HEAD] = { 3 * q, h, h, 3 * h },
        [EVK_V_BY_HEAD] = { 3 * q, 2 * h, h, 3 * h },
        [EVK_FIRST_HALF] = { 2 * own, 0, 0, 0 }, [EVK_SECOND_HALF] = { 2 * own, own, 0, 0 },
    };
    return places[part];
}

/* ---- one tensor ---- */

static evoke_status fail_shape(const evoke_model *m, const evk_tensor *t, size_t rows, size_t cols, evoke_error *err)
{
    return evk_fail(err, EVOKE_EFORMAT, "bind weights: '%s' is [%zu, %zu], the model wants [%zu, %zu] (%s)", t->name,
                    t->rows, t->cols, rows, cols, m->path);
}

static evoke_status bind_vector(const evoke_model *m, const evk_tensor *t, place at, shape want, float **out, evoke_error *err)
{
    float *whole = NULL;
    if (t->rows != 1 || t->cols != at.all)
        return fail_shape(m, t, 1, at.all, err);
    free(*out);
    EVK_TRY(evk_alloc(out, want.cols, sizeof **out, "bind weights", err));
    EVK_TRY(evk_alloc(&whole, at.all, sizeof *whole, "bind weights", err));
    m->kernels.dequantise[t->type](t->data, whole, at.all);
    const float plus = want.is_norm && m->config.norm_plus_one ? 1 : 0;
    bool finite = true;
    for (size_t i = 0; i < want.cols; i++) {
        const size_t from = at.group ? i / at.group * at.step + i % at.group : i;
        (*out)[i] = whole[at.first + from] + plus;
        finite = finite && isfinite((*out)[i]);
    }
    free(whole);
    return finite ? EVOKE_OK
                  : evk_fail(err, EVOKE_EFORMAT, "bind weights: '%s' holds a value that is not finite (%s)", t->name, m->path);
}

static evoke_status bind_matrix(const evoke_model *m, const evk_tensor *t, place at, shape want, bool transposed,
                                evk_tensor *out, evoke_error *err)
{
    const size_t rows = transposed ? want.cols : at.all, cols = transposed ? at.all : want.cols;
    if (t->rows != rows || t->cols != cols)
        return fail_shape(m, t, rows, cols, err);
    *out = *t;
    out->rows = want.rows;
    out->cols = want.cols;
    out->transposed = transposed;
    out->group = at.group;
    out->group_step = at.step;
    out->data = (const char *)t->data + at.first * (transposed ? evk_type_describe(t->type)->bytes : t->row_bytes);
    return EVOKE_OK;
}

static evoke_status bind_tensor(evoke_model *m, const evk_tensor *t, const evk_weight_name *n, size_t layer, evoke_error *err)
{
    const shape want = slot_shape(&m->config, n->slot);
    const place at = place_of(&m->config, n->part, want.rows ? want.rows : want.cols);
    const bool transposed = n->hf_transposed && evk_weights_container(m->weights) == EVK_SAFETENSORS;
    evk_weight *w = (evk_weight *)(uintptr_t)evk_model_weight(m, layer, n->slot);
    if (!m->kernels.dequantise[t->type])
        return evk_fail(err, EVOKE_EUNSUPPORTED, "bind weights: '%s' is stored as %s, which this version cannot read (%s)",
                        t->name, evk_weights_type(t), m->path);
    w->there = true;
    return want.rows ? bind_matrix(m, t, at, want, transposed, &w->matrix, err) : bind_vector(m, t, at, want, &w->vector, err);
}

/* ---- which tensor ---- */

static const evk_tensor *find(const evoke_model *m, const char *pattern, size_t layer, char name[160])
{
    const bool hf = evk_weights_container(m->weights) == EVK_SAFETENSORS;
    const char *prefix = hf && m->family->hf_prefix ? m->family->hf_prefix : "";
    const size_t n = (size_t)snprintf(name, 160, "%s", prefix);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(name + n, 160 - n, pattern, layer);    /* patterns come from the family's own tables */
#pragma GCC diagnostic pop
    const evk_tensor *t = evk_weights_find(m->weights, name);
    return t || n == 0 ? t : evk_weights_find(m->weights, name + n);
}

typedef enum rule { MAY, MUST, MUST_NOT } rule;

static rule rule_of(const evoke_model *m, const evk_weight_name *n)
{
    const bool hf = evk_weights_container(m->weights) == EVK_SAFETENSORS;
    if (n->need == EVK_NEEDED || n->need == EVK_OPTIONAL || !hf)
        return n->need == EVK_NEEDED ? MUST : MAY;
    return evk_key_is_on(m->weights, n->key, n->need == EVK_UNLESS_KEY_IS_FALSE) ? MUST : MUST_NOT;
}

/* A slot's first name that the file has. */
static evoke_status bind_slot(evoke_model *m, evk_slot slot, size_t layer, evoke_error *err)
{
    const bool gguf = evk_weights_container(m->weights) == EVK_GGUF;
    char name[160], missing[160] = "";
    const char *key = NULL;
    for (size_t t = 0; t < EVK_MAX_NAME_TABLES && m->family->names[t]; t++)
        for (const evk_weight_name *n = m->family->names[t]; n->slot != EVK_N_SLOT; n++) {
            const char *pattern = gguf ? n->gguf : n->hf;
            const rule how = n->slot == slot && pattern ? rule_of(m, n) : MUST_NOT;
            if (how == MUST_NOT)
                continue;
            const evk_tensor *found = find(m, pattern, layer, name);
            if (found)
                return bind_tensor(m, found, n, layer, err);
            if (how == MUST && !missing[0]) {
                memcpy(missing, name, sizeof missing);
                key = gguf || n->need == EVK_NEEDED ? NULL : n->key;
            }
        }
    if (missing[0] && key)
        return evk_fail(err, EVOKE_EFORMAT, "bind weights: '%s' asks for a tensor '%s', and there is none (%s)", key,
                        missing, m->path);
    return missing[0] ? evk_fail(err, EVOKE_EFORMAT, "bind weights: no tensor '%s' (%s)", missing, m->path) : EVOKE_OK;
}

/* The head is the embedding where the file has none and, in config.json, says so. */
static evoke_status bind_head(evoke_model *m, evoke_error *err)
{
    evk_weight *head = &m->slots[EVK_W_HEAD];
    const bool hf = evk_weights_container(m->weights) == EVK_SAFETENSORS;
    if (!head->there && hf && !m->config.tied_head)
        return evk_fail(err, EVOKE_EFORMAT, "bind weights: no tensor for the head, and config.json does not tie it to the "
                        "embedding (%s)", m->path);
    m->config.tied_head = !head->there;
    if (!head->there)
        *head = m->slots[EVK_W_EMBED];
    return EVOKE_OK;
}

/* The length of each row of the head, to divide logits by. */
static evoke_status measure_head(evoke_model *m, evoke_error *err)
{
    const evk_tensor *w = evk_model_matrix(m, 0, EVK_W_HEAD);
    float *rows = NULL;
    EVK_TRY(evk_alloc(&m->head_scale, w->rows, sizeof *m->head_scale, "bind weights", err));
    EVK_TRY(evk_alloc(&rows, m->n_thread * w->cols, sizeof *rows, "bind weights", err));
#pragma omp parallel for schedule(static) num_threads((int)m->n_thread)
    for (size_t r = 0; r < w->rows; r++) {
        float *row = rows + (size_t)omp_get_thread_num() * w->cols;
        m->kernels.dequantise[w->type](evk_tensor_row(w, r), row, w->cols);
        m->head_scale[r] = (float)(1.0 / fmax(sqrt(m->kernels.sum_squares(row, w->cols)), 1e-12));
    }
    free(rows);
    return EVOKE_OK;
}

evoke_status evk_bind(evoke_model *m, evoke_error *err)
{
    const size_t n_layer_slot = EVK_N_SLOT - EVK_FIRST_LAYER_SLOT;
    EVK_TRY(evk_alloc(&m->layers, m->config.n_layer * n_layer_slot, sizeof *m->layers, "bind weights", err));
    for (evk_slot slot = 0; slot < EVK_N_SLOT; slot++)
        for (size_t layer = 0; layer < (slot < EVK_FIRST_LAYER_SLOT ? 1 : m->config.n_layer); layer++)
            EVK_TRY(bind_slot(m, slot, layer, err));
    EVK_TRY(bind_head(m, err));
    return m->config.unit_head ? measure_head(m, err) : EVOKE_OK;
}

/* ---- laying out anew ---- */

/* The weights that multiply: the head, then those of layers; NULL: no more. */
static evk_weight *nth_weight(evoke_model *m, size_t i)
{
    const size_t n = m->config.n_layer * (EVK_N_SLOT - EVK_FIRST_LAYER_SLOT);
    return i == 0 ? &m->slots[EVK_W_HEAD] : i <= n ? &m->layers[i - 1] : NULL;
}

static bool packs(const evoke_model *m, const evk_weight *w)
{
    return w->there && !w->vector && (evk_packs_as_codes(&w->matrix) || (m->kernels.by_panels && evk_packs_as_halves(&w->matrix)));
}

evoke_status evk_pack_weights(evoke_model *m, evoke_error *err)
{
    size_t bytes = 0;
    evk_weight *w;
    for (size_t i = 0; (w = nth_weight(m, i)); i++) {
        if (!packs(m, w))
            continue;
        w->packed = evk_packed_form(&w->matrix);
        if (!evk_sum(bytes, evk_packed_bytes(&w->packed), &bytes))
            return evk_fail(err, EVOKE_ENOMEM, "pack weights: they are too large");
    }
    if (bytes == 0)
        return EVOKE_OK;
    EVK_TRY(evk_arena_init(&m->packed_room, bytes, "pack weights", err));
    m->info.n_repacked_bytes = bytes;
    for (size_t i = 0; (w = nth_weight(m, i)); i++) {
        if (w->packed.bits == 0)
            continue;
        w->packed = evk_pack(&w->matrix, m->n_thread, evk_arena_bytes(&m->packed_room, evk_packed_bytes(&w->packed)));
        if (!w->matrix.group)
            evk_mapped_release(w->matrix.data, w->matrix.rows * w->matrix.row_bytes);
    }
    return EVOKE_OK;
}
