/* layers/reference_layers.c: the layers of the float64 pass: products, norms, attention, feed-forward. */
#include "layers/reference.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/packed.h"

static const double U = EVK_UNIT_ROUNDING;

double evk_reference_error(const evk_reference_pass *p, size_t at, double size)
{
    if (!p->draw)
        return 0;
    uint64_t z = (p->step << 40) + (uint64_t)at + p->draw * 0x9e3779b97f4a7c15u;     /* splitmix64 (Steele and others 2014) */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return size * ((double)(int64_t)(z ^ z >> 31) * 0x1p-63);
}

/* ---- products ---- */

void evk_reference_row(const evk_reference_pass *p, const evk_tensor *w, size_t r, float *value)
{
    const size_t bytes = evk_type_describe(w->type)->bytes;
    if (!w->transposed)
        p->portable.dequantise[w->type](evk_tensor_row(w, r), value, w->cols);
    for (size_t k = 0; w->transposed && k < w->cols; k++)
        p->portable.dequantise[w->type]((const char *)w->data + k * w->row_bytes + r * bytes, &value[k], 1);
}

static double dot(const double *x, const double *y, size_t n)
{
    double s[8] = { 0 };
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            s[j] += x[i + j] * y[i + j];
    for (; i < n; i++)
        s[0] += x[i] * y[i];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

/* By blocks of 32, what a product's error is made of: of x the square of its part, of w the square of its length. */
typedef struct blocks { size_t n; bool eight_bits; double *of_x, *of_w; } blocks;

static void measure_x(const blocks *b, const double *x, size_t cols, double *out)
{
    const double all = U * U * dot(x, x, cols);
    for (size_t i = 0; i < b->n; i++) {
        double most = 0;
        for (size_t j = i * 32; j < cols && j < i * 32 + 32; j++)
            most = fmax(most, fabs(x[j]));
        out[i] = all + (b->eight_bits ? most / 254 * (most / 254) : 0);
    }
}

static void measure_w(const blocks *b, const double *w, size_t cols, double *out)
{
    for (size_t i = 0; i < b->n; i++)
        out[i] = dot(w + i * 32, w + i * 32, cols - i * 32 < 32 ? cols - i * 32 : 32);
}

/* One row of the matrix with every token. wide: room for the row as doubles and, after it, for its blocks. */
static void multiply_row(const evk_reference_pass *p, const evk_tensor *w, size_t r, const blocks *b, double bias,
                         const double *x, double *out, float *value, double *wide)
{
    double *of_w = wide + w->cols;
    evk_reference_row(p, w, r, value);
    for (size_t i = 0; i < w->cols; i++)
        wide[i] = (double)value[i];
    if (p->draw)
        measure_w(b, wide, w->cols, of_w);
    for (size_t t = 0; t < p->n; t++) {
        const double size = p->draw ? sqrt(dot(b->of_x + t * b->n, of_w, b->n)) : 0;
        out[t * w->rows + r] = dot(x + t * w->cols, wide, w->cols) + bias + evk_reference_error(p, t * w->rows + r, size);
    }
}

evoke_status evk_reference_linear(evk_reference_pass *p, evk_slot matrix, evk_slot bias, const double *x, double *out,
                                  evoke_error *err)
{
    const evk_weight *weight = evk_model_weight(p->m, p->layer, matrix);
    const evk_tensor *w = &weight->matrix;
    const float *plus = bias == EVK_N_SLOT ? NULL : evk_model_vector(p->m, p->layer, bias);
    const size_t n_thread = p->m->n_thread;
    blocks b = { .n = (w->cols + 31) / 32, .eight_bits = weight->packed.codes && weight->packed.bits != 16 && p->m->n_digit == 1 };
    float *values = NULL;
    double *wide = NULL;
    evoke_status st = evk_alloc(&b.of_x, p->n * b.n, sizeof(double), "compute in float64", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&values, n_thread * w->cols, sizeof *values, "compute in float64", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&wide, n_thread * (w->cols + b.n), sizeof *wide, "compute in float64", err);
    p->step++;
    for (size_t t = 0; st == EVOKE_OK && p->draw && t < p->n; t++)
        measure_x(&b, x + t * w->cols, w->cols, b.of_x + t * b.n);
    if (st == EVOKE_OK) {
#pragma omp parallel for schedule(static) num_threads((int)n_thread)
        for (size_t r = 0; r < w->rows; r++) {
            const size_t own = (size_t)omp_get_thread_num();
            multiply_row(p, w, r, &b, plus ? (double)plus[r] : 0, x, out, values + own * w->cols, wide + own * (w->cols + b.n));
        }
    }
    free(b.of_x);
    free(values);
    free(wide);
    return st;
}

/* ---- norms ---- */

void evk_reference_norm(evk_reference_pass *p, const float *weight, const float *bias, size_t d, double eps, const double *x,
                        size_t ldx, double *y, size_t ldy, size_t n)
{
    p->step++;
    for (size_t t = 0; t < n; t++, x += ldx, y += ldy) {
        double mean = 0, square = 0;
        for (size_t i = 0; p->m->config.layer_norm && i < d; i++)
            mean += x[i] / (double)d;
        for (size_t i = 0; i < d; i++)
            square += (x[i] - mean) * (x[i] - mean) / (double)d;
        const double scale = 1 / sqrt(square + eps);
        for (size_t i = 0; i < d; i++) {
            const double w = (double)weight[i], normed = (x[i] - mean) * scale;
            const double size = (fabs(normed) + fabs(mean) * scale) * fabs(w);      /* x - mean rounds as x does */
            y[i] = normed * w + (bias ? (double)bias[i] : 0) + evk_reference_error(p, t * d + i, 2 * U * size);
        }
    }
}

/* ---- attention ---- */

/* Heads of x [T, n_head, d_head] turned in place. */
static void rotate(evk_reference_pass *p, double *x, size_t n_head)
{
    const evk_config *c = &p->m->config;
    const size_t half = c->d_rope / 2;
    const bool pairs = c->rope_pairing == EVK_ROPE_PAIRS;
    const int rope = c->layer[p->layer].rope;
    p->step++;
    for (size_t i = 0; rope >= 0 && i < p->n * n_head * half; i++) {
        const size_t t = i / (n_head * half), head = i / half % n_head, j = i % half;
        double *first = x + (t * n_head + head) * c->d_head + c->rope_first + (pairs ? 2 * j : j);
        double *second = first + (pairs ? 1 : half);
        const double cosine = p->cosine[rope][t * half + j], sine = p->sine[rope][t * half + j], a = *first, b = *second;
        const double size = 2 * U * (fabs(a) + fabs(b)) * hypot(cosine, sine);
        *first = a * cosine - b * sine + evk_reference_error(p, 2 * i, size);
        *second = a * sine + b * cosine + evk_reference_error(p, 2 * i + 1, size);
    }
}

/* ALiBi (Press and others 2021): a geometric series over the largest power of two of heads, then one between its members. */
static double alibi_slope(size_t head, size_t n_head)
{
    size_t whole = 1;
    while (whole * 2 <= n_head)
        whole *= 2;
    return head < whole ? pow(2, -8.0 * (double)(head + 1) / (double)whole)
                        : pow(2, -4.0 * (double)(2 * (head - whole) + 1) / (double)whole);
}

/* Scores of a token's head against keys [first, t], to weights; returns their sum. */
static double weigh(const evk_reference_pass *p, size_t head, size_t t, size_t first, double *weight)
{
    const evk_config *c = &p->m->config;
    const size_t kv = head / (c->n_head / c->n_kv_head);
    const double *q = p->q + (t * c->n_head + head) * c->d_head, length = sqrt(dot(q, q, c->d_head));
    const double scale = (double)c->layer[p->layer].attention_scale, cap = (double)c->attention_cap;
    double most = -INFINITY, sum = 0;
    for (size_t j = first; j <= t; j++) {
        const double *k = p->k + (j * c->n_kv_head + kv) * c->d_head;
        const size_t at = (head * p->n + t) * p->n + j;
        double s = scale * dot(q, k, c->d_head), size = scale * length * sqrt(dot(k, k, c->d_head));
        s = cap > 0 ? cap * tanh(s / cap) : s;
        size += c->alibi ? alibi_slope(head, c->n_head) * (double)(t - j) : 0;
        s -= c->alibi ? alibi_slope(head, c->n_head) * (double)(t - j) : 0;
        weight[j] = s + evk_reference_error(p, at, U * (size + fabs(s)));
        most = fmax(most, weight[j]);
    }
    for (size_t j = first; j <= t; j++) {
        weight[j] = exp(weight[j] - most);
        weight[j] += evk_reference_error(p, (head * p->n + t) * p->n + j, 2 * U * weight[j]);
        sum += weight[j];
    }
    return sum;
}

static void attend(const evk_reference_pass *p, size_t head, size_t t, double *weight)
{
    const evk_config *c = &p->m->config;
    const size_t kv = head / (c->n_head / c->n_kv_head), window = c->layer[p->layer].window;
    const size_t first = window && t + 1 > window ? t + 1 - window : 0;
    const double sum = weigh(p, head, t, first, weight);
    for (size_t i = 0; i < c->d_value; i++) {
        double mixed = 0, size = 0;
        for (size_t j = first; j <= t; j++) {
            const double term = weight[j] / sum * p->v[(j * c->n_kv_head + kv) * c->d_value + i];
            mixed += term;
            size += fabs(term);
        }
        const size_t at = (t * c->n_head + head) * c->d_value + i;
        p->mixed[at] = mixed + evk_reference_error(p, at, 2 * U * size);
    }
}

/* Latent attention: attention_latent.c has the equations. */
static evoke_status latent(evk_reference_pass *p, const double *normed, evoke_error *err)
{
    const evk_config *c = &p->m->config;
    const size_t nope = c->d_head - c->d_rope, kv = c->kv_rank + c->d_rope, each = nope + c->d_value;
    const float *q_norm = evk_model_vector(p->m, p->layer, EVK_W_LATENT_Q_NORM);
    const float *kv_norm = evk_model_vector(p->m, p->layer, EVK_W_LATENT_KV_NORM);
    EVK_TRY(evk_reference_linear(p, EVK_W_LATENT_Q, EVK_W_LATENT_Q_BIAS, normed, p->low, err));
    evk_reference_norm(p, q_norm, NULL, c->q_rank, c->latent_eps, p->low, c->q_rank, p->low, c->q_rank, p->n);
    EVK_TRY(evk_reference_linear(p, EVK_W_ATTN_Q, EVK_N_SLOT, p->low, p->q, err));
    EVK_TRY(evk_reference_linear(p, EVK_W_LATENT_KV, EVK_W_LATENT_KV_BIAS, normed, p->low, err));
    evk_reference_norm(p, kv_norm, NULL, c->kv_rank, c->latent_eps, p->low, kv, p->latent, c->kv_rank, p->n);
    EVK_TRY(evk_reference_linear(p, EVK_W_LATENT_KV_UP, EVK_N_SLOT, p->latent, p->up, err));
    for (size_t i = 0; i < p->n * c->n_head; i++) {
        const double *up = p->up + i * each, *shared = p->low + i / c->n_head * kv + c->kv_rank;
        memcpy(p->k + i * c->d_head, up, nope * sizeof *up);
        memcpy(p->k + i * c->d_head + nope, shared, c->d_rope * sizeof *shared);
        memcpy(p->v + i * c->d_value, up + nope, c->d_value * sizeof *up);
    }
    return EVOKE_OK;
}

static void norm_heads(evk_reference_pass *p, evk_slot slot, double *x, size_t n_head)
{
    const evk_config *c = &p->m->config;
    const float *weight = evk_model_vector(p->m, p->layer, slot);
    const size_t d = c->qk_norm_whole ? n_head * c->d_head : c->d_head;
    if (weight)
        evk_reference_norm(p, weight, NULL, d, c->norm_eps, x, d, x, d, p->n * n_head * c->d_head / d);
}

static evoke_status project(evk_reference_pass *p, const double *normed, evoke_error *err)
{
    const evk_config *c = &p->m->config;
    if (c->kv_rank)
        return latent(p, normed, err);
    EVK_TRY(evk_reference_linear(p, EVK_W_ATTN_Q, EVK_W_ATTN_Q_BIAS, normed, p->q, err));
    EVK_TRY(evk_reference_linear(p, EVK_W_ATTN_K, EVK_W_ATTN_K_BIAS, normed, p->k, err));
    EVK_TRY(evk_reference_linear(p, EVK_W_ATTN_V, EVK_W_ATTN_V_BIAS, normed, p->v, err));
    norm_heads(p, EVK_W_ATTN_Q_NORM, p->q, c->n_head);
    norm_heads(p, EVK_W_ATTN_K_NORM, p->k, c->n_kv_head);
    return EVOKE_OK;
}

evoke_status evk_reference_attention(evk_reference_pass *p, const double *normed, double *out, evoke_error *err)
{
    const evk_config *c = &p->m->config;
    double *weights = NULL;
    EVK_TRY(project(p, normed, err));
    rotate(p, p->q, c->n_head);
    rotate(p, p->k, c->n_kv_head);
    EVK_TRY(evk_alloc(&weights, p->m->n_thread * p->n, sizeof *weights, "compute in float64", err));
    p->step++;
#pragma omp parallel for schedule(static) num_threads((int)p->m->n_thread)
    for (size_t i = 0; i < p->n * c->n_head; i++)
        attend(p, i % c->n_head, i / c->n_head, weights + (size_t)omp_get_thread_num() * p->n);
    free(weights);
    return evk_reference_linear(p, EVK_W_ATTN_OUT, EVK_W_ATTN_OUT_BIAS, p->mixed, out, err);
}

/* ---- feed-forward ---- */

static double activation(evk_activation f, double x)
{
    switch (f) {
    case EVK_SILU:       return x / (1 + exp(-x));
    case EVK_GELU:       return 0.5 * x * erfc(-x / sqrt(2));
    case EVK_GELU_TANH:  return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case EVK_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case EVK_RELU:       return fmax(x, 0);
    case EVK_TANH:       return tanh(x);
    default:             return (double)NAN;
    }
}

evoke_status evk_reference_mlp(evk_reference_pass *p, const double *normed, double *out, evoke_error *err)
{
    const evk_config *c = &p->m->config;
    const bool gated = evk_model_matrix(p->m, p->layer, EVK_W_MLP_GATE);
    EVK_TRY(evk_reference_linear(p, EVK_W_MLP_UP, EVK_W_MLP_UP_BIAS, normed, p->up, err));
    if (gated)
        EVK_TRY(evk_reference_linear(p, EVK_W_MLP_GATE, EVK_W_MLP_GATE_BIAS, normed, p->gate, err));
    p->step++;
    for (size_t i = 0; i < p->n * c->d_ff; i++) {
        const double x = gated ? p->gate[i] : p->up[i], by = gated ? p->up[i] : 1;
        p->up[i] = activation(c->activation, x) * by + evk_reference_error(p, i, 2 * U * fabs(x * by));
    }
    return evk_reference_linear(p, EVK_W_MLP_DOWN, EVK_W_MLP_DOWN_BIAS, p->up, out, err);
}
