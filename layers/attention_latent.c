/* layers/attention_latent.c: queries, keys and values of multi-head latent attention (DeepSeek-AI 2024, arXiv 2405.04434).
 *
 *     q = Wq norm(Wqa n);   [c; k_r] = Wkva n;   [k_n; v] by head = Wkvb norm(c);   k = [k_n; k_r], k_r the same in all heads
 *
 * Keys and values are written out by head, as the rest of the attention takes them; rotary embedding comes after. */
#include "layers/layers.h"

#include <string.h>

/* k [n_head, d_head] and v [n_head, d_value] of one token, from the heads' [k_n; v] and the shared k_r. */
static void spread(const evk_config *c, const float *up, const float *shared, float *k, float *v)
{
    const size_t nope = c->d_head - c->d_rope;
    for (size_t h = 0; h < c->n_head; h++, up += nope + c->d_value, k += c->d_head, v += c->d_value) {
        memcpy(k, up, nope * sizeof *k);
        memcpy(k + nope, shared, c->d_rope * sizeof *k);
        memcpy(v, up + nope, c->d_value * sizeof *v);
    }
}

evoke_status evk_latent_qkv(evk_pass *p, size_t layer, const float *normed, float *q, float *k, float *v, evoke_error *err)
{
    const evoke_model *m = p->model;
    const evk_config *c = &m->config;
    const size_t n = p->n_token, mark = evk_arena_used(&p->scratch), kv = c->kv_rank + c->d_rope;
    const size_t up_width = c->n_kv_head * c->d_value + c->n_head * (c->d_head - c->d_rope);
    const evk_norm q_norm = { evk_model_vector(m, layer, EVK_W_LATENT_Q_NORM), NULL, c->q_rank, c->latent_eps };
    const evk_norm kv_norm = { evk_model_vector(m, layer, EVK_W_LATENT_KV_NORM), NULL, c->kv_rank, c->latent_eps };
    float *low = evk_pass_floats(p, n, c->q_rank > kv ? c->q_rank : kv, err), *latent = evk_pass_floats(p, n, c->kv_rank, err);
    float *up = evk_pass_floats(p, n, up_width, err);
    if (!low || !latent || !up)
        return EVOKE_ENOMEM;
    evk_linear(p, layer, EVK_W_LATENT_Q, EVK_W_LATENT_Q_BIAS, normed, n, low);
    evk_norm_rows(m, &q_norm, low, c->q_rank, low, c->q_rank, n);
    evk_linear(p, layer, EVK_W_ATTN_Q, EVK_N_SLOT, low, n, q);
    evk_linear(p, layer, EVK_W_LATENT_KV, EVK_W_LATENT_KV_BIAS, normed, n, low);
    evk_norm_rows(m, &kv_norm, low, kv, latent, c->kv_rank, n);
    evk_linear(p, layer, EVK_W_LATENT_KV_UP, EVK_N_SLOT, latent, n, up);
    for (size_t t = 0; t < n; t++)
        spread(c, up + t * up_width, low + t * kv + c->kv_rank, k + t * c->n_kv_head * c->d_head, v + t * c->n_kv_head * c->d_value);
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}
