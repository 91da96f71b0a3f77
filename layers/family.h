/* layers/family.h: what differs between model families, as a table.
 *
 * One file in layers/families/ fills an evk_family, one line in layers/families/list.c lists it; the forward pass reads
 * the config that comes of it and knows no names. What no field can say goes into `adjust`, with the reason. */
#ifndef EVK_FAMILY_H
#define EVK_FAMILY_H

#include "core/files/weights.h"
#include "core/kernels/kernels.h"
#include "layers/rope.h"

/* Where a weight goes. The slots from EVK_W_ATTN_NORM on exist once a layer. Matrices are [out, in]. With n_q = n_head *
 * d_head, n_k = n_kv_head * d_head, n_v = n_kv_head * d_value, n_o = n_head * d_value. */
typedef enum evk_slot {
    EVK_W_EMBED,                /* [V, D] */
    EVK_W_POSITION,             /* [n_ctx, D] learned positions, added to the embedding */
    EVK_W_FINAL_NORM, EVK_W_FINAL_NORM_BIAS,    /* [D] */
    EVK_W_HEAD,                 /* [V, D]; missing: tied to the embedding */
    EVK_W_ROPE_DIVISORS,        /* [d_rope / 2] what each rotary frequency is divided by */
    EVK_W_ROPE_SHORT, EVK_W_ROPE_LONG,          /* the same, for short and for long sequences */
    EVK_FIRST_LAYER_SLOT,
    EVK_W_ATTN_NORM = EVK_FIRST_LAYER_SLOT,     /* [D]; missing: the attention sees the residual stream as it is */
    EVK_W_ATTN_NORM_BIAS,
    EVK_W_ATTN_Q,               /* [n_q, D], or [n_q, q_rank] */
    EVK_W_ATTN_K, EVK_W_ATTN_V,                 /* [n_k, D], [n_v, D] */
    EVK_W_ATTN_OUT,             /* [D, n_o] */
    EVK_W_ATTN_Q_BIAS, EVK_W_ATTN_K_BIAS, EVK_W_ATTN_V_BIAS, EVK_W_ATTN_OUT_BIAS,
    EVK_W_ATTN_Q_NORM, EVK_W_ATTN_K_NORM,       /* [d_head], or of all heads together [n_q], [n_k] */
    EVK_W_ATTN_POST_NORM,       /* [D] on what attention gives, before it is added */
    EVK_W_LATENT_Q, EVK_W_LATENT_Q_BIAS, EVK_W_LATENT_Q_NORM,       /* [q_rank, D], [q_rank], [q_rank] */
    EVK_W_LATENT_KV, EVK_W_LATENT_KV_BIAS,      /* [kv_rank + d_rope, D] */
    EVK_W_LATENT_KV_NORM,       /* [kv_rank] */
    EVK_W_LATENT_KV_UP,         /* [n_head * (d_head - d_rope + d_value), kv_rank] */
    EVK_W_MLP_NORM, EVK_W_MLP_NORM_BIAS,        /* [D]; missing: as above */
    EVK_W_MLP_GATE, EVK_W_MLP_UP,               /* [d_ff, D]; no gate: the layer is not gated */
    EVK_W_MLP_DOWN,                             /* [D, d_ff] */
    EVK_W_MLP_GATE_BIAS, EVK_W_MLP_UP_BIAS, EVK_W_MLP_DOWN_BIAS,
    EVK_W_MLP_POST_NORM,
    EVK_N_SLOT
} evk_slot;

/* Which rows of a tensor a slot takes, where the file holds several fused. */
typedef enum evk_part {
    EVK_WHOLE,
    EVK_Q_OF_QKV, EVK_K_OF_QKV, EVK_V_OF_QKV,               /* rows [q; k; v] */
    EVK_Q_BY_HEAD, EVK_K_BY_HEAD, EVK_V_BY_HEAD,            /* for each head [q; k; v] */
    EVK_FIRST_HALF, EVK_SECOND_HALF
} evk_part;

typedef enum evk_need {
    EVK_NEEDED,                 /* a slot with a needed name must be there by one of its names */
    EVK_OPTIONAL,
    EVK_IF_KEY,                 /* Hugging Face: there if the key is true, left out otherwise; GGUF: optional */
    EVK_UNLESS_KEY_IS_FALSE     /* the same, but a missing key counts as true */
} evk_need;

/* A name of a slot. A slot may have several; the first one in the file counts. */
typedef struct evk_weight_name {
    evk_slot slot;
    const char *gguf, *hf;      /* "%zu" is the layer; NULL: no such name in that kind of file */
    evk_need need;
    const char *key;            /* of config.json, for EVK_IF_KEY */
    evk_part part;
    bool hf_transposed;         /* Hugging Face keeps this one [in, out] */
} evk_weight_name;

/* The last one of a table has the slot EVK_N_SLOT. */
enum { EVK_MAX_NAME_TABLES = 8, EVK_MAX_ROPE = 2 };

/* What may differ from layer to layer. */
typedef struct evk_layer_plan {
    size_t window;              /* a token sees itself and window - 1 before it; 0: all */
    int rope;                   /* which of config.rope; -1: no rotary embedding */
    float attention_scale;
} evk_layer_plan;

/* The sizes and constants of one model, read from its file by layers/config.c. */
typedef struct evk_config {
    size_t n_layer, d_model, n_head, n_kv_head, d_head, d_value, d_ff, n_vocab, n_ctx;
    size_t d_rope, rope_first;  /* rotated dimensions of a head: [rope_first, rope_first + d_rope) */
    size_t q_rank, kv_rank;     /* latent attention: ranks of queries and of keys with values; kv_rank 0: none */
    double norm_eps, latent_eps;
    bool layer_norm;            /* LayerNorm, not RMSNorm */
    bool norm_plus_one;         /* the file holds w where 1 + w is meant */
    bool qk_norm_whole;         /* q and k are normed over all heads together */
    bool parallel;              /* attention and feed-forward layer read the same stream */
    bool alibi;                 /* scores are lowered in proportion to the distance */
    bool tied_head, unit_head;  /* unit_head: rows of the head count with length 1 */
    evk_activation activation;
    float embed_scale, residual_scale, logit_scale;
    float attention_cap, logit_cap;             /* x becomes cap tanh(x / cap); 0: none */
    evk_rope_pairing rope_pairing;
    evk_rope rope[EVK_MAX_ROPE];
    size_t n_rope;
    evk_layer_plan *layer;      /* [n_layer] owned */
} evk_config;

void evk_config_free(evk_config *c);
/* Whether a sequence of that length is beyond the limit of a rotary embedding that has one. All its angles, from the first token's
 * on, are then those of its length, and its keys serve no sequence of another. */
bool evk_config_is_beyond_rope(const evk_config *c, size_t length);

struct evk_reader;

typedef struct evk_family {
    const char *label;                          /* the models it covers, for people */
    const char *gguf_arch, *hf_type;            /* general.architecture; model_type of config.json; NULL: none */
    const char *hf_alias;                       /* another model_type, or NULL */
    const char *hf_class;                       /* of "architectures", where published files have no model_type; or NULL */
    evk_rope_pairing rope_gguf, rope_hf;
    evk_config usual;           /* what holds where the file says nothing, if it is not zero; d_rope in percent of a head */
    double rope_base;           /* the same; 0: 10000 */
    bool tied_if_missing;       /* tie_word_embeddings is true where config.json does not have it */
    const char *activation_key; /* NULL: "hidden_act" */
    const char *hf_prefix;      /* of tensor names; base models are saved without it */
    const evk_weight_name *names[EVK_MAX_NAME_TABLES];      /* the tables that hold, NULL after the last */
    /* Keys of config.json that are read, or that change nothing, beside those common to all families; NULL-terminated. A
     * "-" before a key: it changes nothing, whatever its value. Any other key with a value that switches something on is
     * an error. */
    const char *const *hf_keys;
    const char *const *hf_renamed;              /* pairs: common name, this family's name; NULL-terminated */
    evoke_status (*adjust)(const struct evk_reader *r, evk_config *config);     /* NULL: nothing to say */
} evk_family;

/* NULL past the end. */
const evk_family *evk_family_at(size_t i);
/* The family of a file by its own words. Errors: EVOKE_EUNSUPPORTED, naming what it says and what is known. */
evoke_status evk_family_of(const evoke_weights *w, const evk_family **out, evoke_error *err);
/* Free with evk_config_free, also on failure. Errors: EVOKE_EFORMAT a size is missing, zero, or does not fit another;
 * EVOKE_EUNSUPPORTED a key asks for something that changes the result and is not done here, key and value in the text. */
evoke_status evk_config_read(const evoke_weights *w, const evk_family *family, evk_config *out, evoke_error *err);

#endif
