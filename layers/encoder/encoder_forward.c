/* layers/encoder/encoder_forward.c: embedding and post-norm blocks.
 *
 *     e = LN( scale * word[id] + type[t] + position[p] )            then in each block (Vaswani and others 2017):
 *     h <- LN(h + Wo attention(h)),   h <- LN(h + Wo' attention(h, memory)) in a decoder,   h <- LN(h + Wdown f(Wup h))
 *
 * A first block may be followed by a convolution over neighbouring tokens of the embedding:
 *     h <- LN(h + f(conv(e)))                                        (He and others 2020, arXiv 2006.03654) */
#include "layers/encoder/encoder_forward.h"

#include <math.h>
#include <string.h>

#include "core/kernels/matmul.h"

enum { SLACK = 1 << 16 };       /* alignment of each piece of scratch */

float *evk_encoder_floats(evk_encoder_pass *p, size_t rows, size_t cols, evoke_error *err)
{
    size_t n = 0;
    float *x = evk_mul(rows, cols, &n) ? evk_arena_floats(&p->scratch, n) : NULL;
    if (!x)
        evk_fail(err, EVOKE_ENOMEM, "run encoder: scratch of %zu bytes is too small for %zu tokens", p->scratch.capacity,
                 p->n_token);
    return x;
}

/* Rows and columns of the convolution's unfolded input, for one group. */
static size_t conv_width(const evk_encoder_config *c)
{
    return c->d_model / c->conv_groups * c->conv_kernel;
}

evoke_status evk_encoder_scratch(const evoke_encoder *e, size_t n_token, size_t longest, size_t *bytes, evoke_error *err)
{
    const evk_encoder_config *c = &e->config;
    const size_t slice = n_token < EVK_ENCODER_SLICE ? n_token : EVK_ENCODER_SLICE;
    size_t most = 0, rows = c->relative_span ? 2 * c->relative_span : 0;
    double all = 0;
    for (size_t i = 0; i < e->family->n_stack; i++) {
        const evk_stack_config *s = &c->stack[i];
        const size_t heads = s->n_head * s->d_head;
        const double attention = 4.0 * (double)n_token * (double)heads + 2.0 * (double)rows * (double)heads +
                                 (double)e->n_thread * (double)evk_encoder_room(e, longest);
        const double mlp = (double)slice * (double)s->d_ff;
        all = attention + mlp > all ? attention + mlp : all;
    }
    const double conv = c->conv_kernel ? (double)n_token * (double)(conv_width(c) + 2 * c->d_model) : 0;
    all += conv + (double)n_token * (6.0 * (double)c->d_model + 2.0 * (double)c->d_embed + 8) +
           (double)evk_matmul_scratch(e->n_thread) + SLACK;
    if (all * sizeof(float) > 9e18 || !evk_mul((size_t)all, sizeof(float), &most))
        return evk_fail(err, EVOKE_ENOMEM, "run encoder: %zu tokens are too many for one batch", n_token);
    *bytes = most;
    return EVOKE_OK;
}

evoke_status evk_encoder_begin(evk_encoder_pass *p, const evoke_encoder *e, const evk_text_run *runs, size_t n_run,
                               const evk_encoder_capture *capture, const evk_arena *scratch, evoke_error *err)
{
    *p = (evk_encoder_pass){ .encoder = e, .runs = runs, .n_run = n_run, .capture = capture, .scratch = *scratch };
    for (size_t r = 0; r < n_run; r++) {
        if (runs[r].n == 0)
            return evk_fail(err, EVOKE_EDATA, "run encoder: text %zu has no token", r + 1);
        p->longest = runs[r].n > p->longest ? runs[r].n : p->longest;
        p->n_token += runs[r].n;
    }
    p->panels = evk_encoder_floats(p, 1, evk_matmul_scratch(e->n_thread), err);
    return p->panels ? EVOKE_OK : EVOKE_ENOMEM;
}

static const float *vector(const evk_encoder_pass *p, size_t stack, size_t layer, evk_encoder_slot slot)
{
    return evk_encoder_weight_at(p->encoder, stack, layer, slot)->vector;
}

void evk_encoder_linear(const evk_encoder_pass *p, size_t stack, size_t layer, evk_encoder_slot matrix,
                        evk_encoder_slot bias, const float *x, size_t n, float *out)
{
    const evoke_encoder *e = p->encoder;
    const evk_tensor *w = evk_encoder_weight_at(e, stack, layer, matrix)->matrix;
    const float *b = bias == EVK_E_N_SLOT ? NULL : vector(p, stack, layer, bias);
    evk_matmul(&e->kernels, e->n_thread, w, b, x, w->cols, n, out, w->rows, p->panels);
}

void evk_layer_norm(const evoke_encoder *e, float *x, const float *add, const float *w, const float *b, float *y, size_t n)
{
    const size_t d = e->config.d_model;
#pragma omp parallel for schedule(static) num_threads((int)e->n_thread) if (n > 8)
    for (size_t t = 0; t < n; t++) {
        float *row = x + t * d;
        if (add)
            e->kernels.axpy(1.0f, add + t * d, row, d);
        const double mean = e->kernels.sum(row, d) / (double)d;
        const double variance = e->kernels.sum_squared_from(row, mean, d) / (double)d;
        e->kernels.normalise(row, (float)mean, (float)(1.0 / sqrt(variance + e->config.norm_eps)), w, b, y + t * d, d);
    }
}

void evk_encoder_activate(const evoke_encoder *e, evk_activation f, float *x, size_t n, size_t width)
{
#pragma omp parallel for schedule(static) num_threads((int)e->n_thread) if (n > 8)
    for (size_t t = 0; t < n; t++)
        e->kernels.activate[f](x + t * width, NULL, x + t * width, width);
}

/* ---- embedding ---- */

static void fetch(const evoke_encoder *e, const evk_tensor *table, size_t row, float *out)
{
    e->kernels.dequantise[table->type]((const char *)table->data + row * table->row_bytes, out, table->cols);
}

static evoke_status fail_row(const char *what, size_t i, long id, size_t rows, evoke_error *err)
{
    return evk_fail(err, EVOKE_EDATA, "run encoder: token %zu has %s %ld, beyond the %zu of the model", i + 1, what, id, rows);
}

/* One text: x, out, [n, d_embed]; row: scratch of as many floats. */
static evoke_status embed_run(const evk_encoder_pass *p, size_t stack, const int32_t *ids, const int32_t *types, size_t n,
                              float *x, float *row, evoke_error *err)
{
    const evoke_encoder *e = p->encoder;
    const evk_encoder_config *c = &e->config;
    const evk_encoder_weight *s = e->stack[stack].slots;
    const size_t d = c->d_embed;
    size_t position = 0;
    for (size_t t = 0; t < n; t++, x += d) {
        const bool skip = c->position_skips_pad && ids[t] == c->pad;
        const size_t at = skip ? c->position_offset - 1 : c->position_offset + position++;
        const int32_t type = types && c->n_type ? types[t] : 0;
        if (ids[t] < 0 || (size_t)ids[t] >= c->n_vocab)
            return fail_row("id", t, (long)ids[t], c->n_vocab, err);
        if (c->n_type && (type < 0 || (size_t)type >= c->n_type))
            return fail_row("type", t, (long)type, c->n_type, err);
        if (c->n_position && at >= c->n_position + c->position_offset)
            return fail_row("position", t, (long)(position - 1), c->n_position, err);
        fetch(e, s[EVK_E_EMBED].matrix, (size_t)ids[t], x);
        for (size_t i = 0; c->embed_scale != 1 && i < d; i++)
            x[i] *= c->embed_scale;
        if (c->n_type && s[EVK_E_TYPE].matrix) {
            fetch(e, s[EVK_E_TYPE].matrix, (size_t)type, row);
            e->kernels.axpy(1.0f, row, x, d);
        }
        if (c->n_position) {
            fetch(e, s[EVK_E_POSITION].matrix, at, row);
            e->kernels.axpy(1.0f, row, x, d);
        }
    }
    return EVOKE_OK;
}

static evoke_status embed(evk_encoder_pass *p, size_t stack, const int32_t *ids, const int32_t *types, float *h, evoke_error *err)
{
    const evoke_encoder *e = p->encoder;
    const size_t mark = evk_arena_used(&p->scratch);
    const bool project = e->config.d_embed != e->config.d_model;
    float *row = evk_encoder_floats(p, 1, e->config.d_embed, err);
    float *x = project && row ? evk_encoder_floats(p, p->n_token, e->config.d_embed, err) : h;
    if (!row || !x)
        return EVOKE_ENOMEM;
    for (size_t r = 0; r < p->n_run; r++) {
        const size_t first = p->runs[r].first;
        EVK_TRY(embed_run(p, stack, ids + first, types ? types + first : NULL, p->runs[r].n, x + first * e->config.d_embed, row,
                          err));
    }
    if (project)
        evk_encoder_linear(p, stack, 0, EVK_E_EMBED_PROJ, EVK_E_N_SLOT, x, p->n_token, h);
    evk_layer_norm(e, h, NULL, vector(p, stack, 0, EVK_E_EMBED_NORM), vector(p, stack, 0, EVK_E_EMBED_NORM_BIAS), h, p->n_token);
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}

/* ---- blocks ---- */

/* The rows of the table of relative positions that this batch can need, through a layer's projections. */
static evoke_status project_relative(evk_encoder_pass *p, size_t layer, evk_relative *rel, evoke_error *err)
{
    const evk_encoder_config *c = &p->encoder->config;
    const size_t heads = c->stack[0].n_head * c->stack[0].d_head;
    const ptrdiff_t most = (ptrdiff_t)p->longest - 1;
    const bool shared = c->relative_shares_keys;
    rel->first = evk_relative_row(c, -most);
    rel->n = evk_relative_row(c, most) - rel->first + 1;
    float *k = evk_encoder_floats(p, rel->n, heads, err), *q = k ? evk_encoder_floats(p, rel->n, heads, err) : NULL;
    if (!k || !q)
        return EVOKE_ENOMEM;
    const float *rows = p->encoder->relative + rel->first * c->d_model;
    if (c->relative_c2p)
        evk_encoder_linear(p, 0, layer, shared ? EVK_E_K : EVK_E_RELATIVE_K, shared ? EVK_E_K_BIAS : EVK_E_RELATIVE_K_BIAS, rows,
                           rel->n, k);
    if (c->relative_p2c)
        evk_encoder_linear(p, 0, layer, shared ? EVK_E_Q : EVK_E_RELATIVE_Q, shared ? EVK_E_Q_BIAS : EVK_E_RELATIVE_Q_BIAS, rows,
                           rel->n, q);
    rel->k = c->relative_c2p ? k : NULL;
    rel->q = c->relative_p2c ? q : NULL;
    return EVOKE_OK;
}

/* Slots of self attention, or of attention to the other stack: Q, K, V, their biases, output and its norm. */
typedef struct attention_slots { evk_encoder_slot q, k, v, q_bias, k_bias, v_bias, out, out_bias, norm, norm_bias; } attention_slots;
static const attention_slots self_slots = {
    EVK_E_Q, EVK_E_K, EVK_E_V, EVK_E_Q_BIAS, EVK_E_K_BIAS, EVK_E_V_BIAS, EVK_E_ATTN_OUT, EVK_E_ATTN_OUT_BIAS, EVK_E_ATTN_NORM,
    EVK_E_ATTN_NORM_BIAS,
};
static const attention_slots cross_slots = {
    EVK_E_CROSS_Q, EVK_E_CROSS_K, EVK_E_CROSS_V, EVK_E_CROSS_Q_BIAS, EVK_E_CROSS_K_BIAS, EVK_E_CROSS_V_BIAS, EVK_E_CROSS_OUT,
    EVK_E_CROSS_OUT_BIAS, EVK_E_CROSS_NORM, EVK_E_CROSS_NORM_BIAS,
};

/* h <- LN(h + Wo attention(h, from)). */
static evoke_status attention(evk_encoder_pass *p, size_t stack, size_t layer, const attention_slots *s, const float *from,
                              float *h, evoke_error *err)
{
    const evoke_encoder *e = p->encoder;
    const evk_stack_config *c = &e->config.stack[stack];
    const size_t n = p->n_token, heads = c->n_head * c->d_head, mark = evk_arena_used(&p->scratch);
    float *x[4];                                /* q, k, v, mixed */
    for (size_t i = 0; i < 4; i++)
        if (!(x[i] = evk_encoder_floats(p, n, heads, err)))
            return EVOKE_ENOMEM;
    float *added = evk_encoder_floats(p, n, e->config.d_model, err);
    if (!added)
        return EVOKE_ENOMEM;
    evk_relative rel = { 0 };
    const bool own = from == h, relative = own && e->relative && (e->config.relative_c2p || e->config.relative_p2c);
    evk_encoder_linear(p, stack, layer, s->q, s->q_bias, h, n, x[0]);
    evk_encoder_linear(p, stack, layer, s->k, s->k_bias, from, n, x[1]);
    evk_encoder_linear(p, stack, layer, s->v, s->v_bias, from, n, x[2]);
    if (relative)
        EVK_TRY(project_relative(p, layer, &rel, err));
    const evk_attending a = {
        .q = x[0], .k = x[1], .v = x[2], .n_head = c->n_head, .d_head = c->d_head, .causal = own && stack > 0,
        .scale = (float)(1.0 / sqrt((double)(c->d_head * e->config.score_terms))), .relative = relative ? &rel : NULL,
    };
    EVK_TRY(evk_encoder_attend(p, &a, x[3], err));
    evk_encoder_linear(p, stack, layer, s->out, s->out_bias, x[3], n, added);
    evk_layer_norm(e, h, added, vector(p, stack, layer, s->norm), vector(p, stack, layer, s->norm_bias), h, n);
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}

/* h <- LN(h + Wdown f(Wup h)), in slices of tokens. */
static evoke_status feed_forward(evk_encoder_pass *p, size_t stack, size_t layer, float *h, evoke_error *err)
{
    const evoke_encoder *e = p->encoder;
    const size_t d = e->config.d_model, d_ff = e->config.stack[stack].d_ff, mark = evk_arena_used(&p->scratch);
    const size_t slice = p->n_token < EVK_ENCODER_SLICE ? p->n_token : EVK_ENCODER_SLICE;
    float *wide = evk_encoder_floats(p, slice, d_ff, err), *added = wide ? evk_encoder_floats(p, slice, d, err) : NULL;
    if (!added)
        return EVOKE_ENOMEM;
    for (size_t begin = 0; begin < p->n_token; begin += slice) {
        const size_t n = p->n_token - begin < slice ? p->n_token - begin : slice;
        float *rows = h + begin * d;
        evk_encoder_linear(p, stack, layer, EVK_E_UP, EVK_E_UP_BIAS, rows, n, wide);
        evk_encoder_activate(e, e->config.activation, wide, n, d_ff);
        evk_encoder_linear(p, stack, layer, EVK_E_DOWN, EVK_E_DOWN_BIAS, wide, n, added);
        evk_layer_norm(e, rows, added, vector(p, stack, layer, EVK_E_MLP_NORM), vector(p, stack, layer, EVK_E_MLP_NORM_BIAS),
                       rows, n);
    }
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}

/* ---- convolution ---- */

/* The neighbours of each token of a group's channels, [n, channels, kernel]: zeros beyond a text's ends. */
static void unfold(const evk_encoder_pass *p, const evk_text_run *run, size_t group, const float *x, float *out)
{
    const evk_encoder_config *c = &p->encoder->config;
    const size_t channels = c->d_model / c->conv_groups, reach = c->conv_kernel / 2;
    for (size_t t = 0; t < run->n; t++)
        for (size_t ch = 0; ch < channels; ch++)
            for (size_t j = 0; j < c->conv_kernel; j++) {
                const bool inside = t + j >= reach && t + j - reach < run->n;
                *out++ = inside ? x[(run->first + t + j - reach) * c->d_model + group * channels + ch] : 0;
            }
}

/* h <- LN(h + f(conv(embedded))). */
static evoke_status convolve(evk_encoder_pass *p, const float *embedded, float *h, evoke_error *err)
{
    const evoke_encoder *e = p->encoder;
    const evk_encoder_config *c = &e->config;
    const size_t d = c->d_model, channels = d / c->conv_groups, width = conv_width(c), mark = evk_arena_used(&p->scratch);
    const evk_tensor *w = e->stack[0].slots[EVK_E_CONV].matrix;
    float *near = evk_encoder_floats(p, p->n_token, width, err), *out = near ? evk_encoder_floats(p, p->n_token, d, err) : NULL;
    if (!out)
        return EVOKE_ENOMEM;
    for (size_t g = 0; g < c->conv_groups; g++) {
        evk_tensor part = *w;                   /* the rows of this group's channels, a row for each of them */
        part.rows = channels;
        part.cols = width;
        part.row_bytes = w->row_bytes * channels;
        part.n_bytes = part.row_bytes * channels;
        part.data = (const char *)w->data + g * part.n_bytes;
        for (size_t r = 0; r < p->n_run; r++)
            unfold(p, &p->runs[r], g, embedded, near + p->runs[r].first * width);
        evk_matmul(&e->kernels, e->n_thread, &part, vector(p, 0, 0, EVK_E_CONV_BIAS) + g * channels, near, width, p->n_token,
                   out + g * channels, d, p->panels);
    }
    evk_encoder_activate(e, c->conv_activation, out, p->n_token, d);
    evk_layer_norm(e, h, out, vector(p, 0, 0, EVK_E_CONV_NORM), vector(p, 0, 0, EVK_E_CONV_NORM_BIAS), h, p->n_token);
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}

/* ---- a stack ---- */

static evoke_status take(const evk_encoder_pass *p, size_t stack, ptrdiff_t layer, const float *h, evoke_error *err)
{
    return p->capture ? p->capture->take(p->capture->user, stack, layer, h, err) : EVOKE_OK;
}

evoke_status evk_encoder_stack_forward(evk_encoder_pass *p, size_t stack, const int32_t *ids, const int32_t *types,
                                       const float *memory, float *h, evoke_error *err)
{
    const evk_encoder_config *c = &p->encoder->config;
    const size_t mark = evk_arena_used(&p->scratch);
    float *embedded = NULL;
    EVK_TRY(embed(p, stack, ids, types, h, err));
    EVK_TRY(take(p, stack, -1, h, err));
    if (c->conv_kernel) {
        if (!(embedded = evk_encoder_floats(p, p->n_token, c->d_model, err)))
            return EVOKE_ENOMEM;
        memcpy(embedded, h, p->n_token * c->d_model * sizeof *h);
    }
    for (size_t layer = 0; layer < c->stack[stack].n_layer; layer++) {
        EVK_TRY(attention(p, stack, layer, &self_slots, h, h, err));
        if (memory)
            EVK_TRY(attention(p, stack, layer, &cross_slots, memory, h, err));
        EVK_TRY(feed_forward(p, stack, layer, h, err));
        if (layer == 0 && embedded)
            EVK_TRY(convolve(p, embedded, h, err));
        EVK_TRY(take(p, stack, (ptrdiff_t)layer, h, err));
    }
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}

/* ---- heads ---- */

void evk_encoder_pooler(evk_encoder_pass *p, const float *h, float *first, float *pooler)
{
    const evk_encoder_config *c = &p->encoder->config;
    for (size_t r = 0; r < p->n_run; r++)
        memcpy(first + r * c->d_model, h + p->runs[r].first * c->d_model, c->d_model * sizeof *h);
    if (!pooler)
        return;
    evk_encoder_linear(p, 0, 0, EVK_E_POOLER, EVK_E_POOLER_BIAS, first, p->n_run, pooler);
    evk_encoder_activate(p->encoder, c->pooler_activation, pooler, p->n_run, c->d_model);
}

evoke_status evk_encoder_head(evk_encoder_pass *p, const float *state, float *logits, evoke_error *err)
{
    const evoke_encoder *e = p->encoder;
    const size_t mark = evk_arena_used(&p->scratch);
    if (e->stack[0].slots[EVK_E_DENSE].matrix) {
        float *x = evk_encoder_floats(p, p->n_run, e->config.d_model, err);
        if (!x)
            return EVOKE_ENOMEM;
        evk_encoder_linear(p, 0, 0, EVK_E_DENSE, EVK_E_DENSE_BIAS, state, p->n_run, x);
        evk_encoder_activate(e, e->family->dense_activation, x, p->n_run, e->config.d_model);
        state = x;
    }
    evk_encoder_linear(p, 0, 0, EVK_E_OUT, EVK_E_OUT_BIAS, state, p->n_run, logits);
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}
