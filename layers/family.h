/* layers/family.h: what differs between model families, as a table.
 *
 * One file in layers/families/ fills an evk_family, one line in layers/families/list.c lists it; the forward pass reads
 * fields and knows no names. What no field can say goes into `adjust`, with the reason. */
#ifndef EVK_FAMILY_H
#define EVK_FAMILY_H

#include "core/files/weights.h"
#include "core/tensor.h"

/* Where a weight goes. The slots from EVK_W_ATTN_NORM on exist once a layer. Matrices are [out, in]. */
typedef enum evk_slot {
    EVK_W_EMBED,                /* [V, D] */
    EVK_W_FINAL_NORM,           /* [D] */
    EVK_W_HEAD,                 /* [V, D]; missing: tied to the embedding */
    EVK_W_ROPE_DIVISORS,        /* [d_rope / 2] what each rotary frequency is divided by */
    EVK_FIRST_LAYER_SLOT,
    EVK_W_ATTN_NORM = EVK_FIRST_LAYER_SLOT,     /* [D] */
    EVK_W_ATTN_Q,               /* [n_head * d_head, D], and so on */
    EVK_W_ATTN_K, EVK_W_ATTN_V, EVK_W_ATTN_OUT,
    EVK_W_ATTN_Q_BIAS, EVK_W_ATTN_K_BIAS, EVK_W_ATTN_V_BIAS, EVK_W_ATTN_OUT_BIAS,
    EVK_W_MLP_NORM,             /* [D] */
    EVK_W_MLP_GATE, EVK_W_MLP_UP,               /* [d_ff, D] */
    EVK_W_MLP_DOWN,                             /* [D, d_ff] */
    EVK_W_MLP_GATE_BIAS, EVK_W_MLP_UP_BIAS, EVK_W_MLP_DOWN_BIAS,
    EVK_N_SLOT
} evk_slot;

typedef struct evk_weight_name {
    evk_slot slot;
    const char *gguf, *hf;      /* "%zu" is the layer */
    bool optional;
} evk_weight_name;

typedef enum evk_rope_pairing {
    EVK_ROPE_HALVES,            /* dimension i turns with i + d_rope / 2 */
    EVK_ROPE_PAIRS              /* dimension 2 i turns with 2 i + 1 */
} evk_rope_pairing;

/* The sizes and constants of one model, read from its file by layers/config.c. */
typedef struct evk_config {
    size_t n_layer, d_model, n_head, n_kv_head, d_head, d_rope, d_ff, n_vocab, n_ctx;
    double norm_eps, rope_base, attention_scale;
    double rope_linear;         /* every rotary frequency is divided by it; 1: plain */
    struct { double factor, low, high, original; } rope_llama3;     /* factor 0: off */
    evk_rope_pairing rope_pairing;
    bool tied_head;
} evk_config;

typedef struct evk_family {
    const char *gguf_arch, *hf_type;            /* general.architecture; model_type of config.json */
    evk_rope_pairing rope_gguf, rope_hf;
    const evk_weight_name *names;
    size_t n_names;
    /* Keys of config.json that are read or that change nothing, beside those common to all families; NULL-terminated.
     * Any other key that is there with a value that switches something on is an error. */
    const char *const *hf_keys;
    evoke_status (*adjust)(evk_config *config, const evoke_weights *w, evoke_error *err);   /* NULL: nothing to say */
} evk_family;

/* NULL past the end. */
const evk_family *evk_family_at(size_t i);
/* The family of a file by its own words. Errors: EVOKE_EUNSUPPORTED, naming what it says and what is known. */
evoke_status evk_family_of(const evoke_weights *w, const evk_family **out, evoke_error *err);
/* Errors: EVOKE_EFORMAT a size is missing, zero, or does not fit another; EVOKE_EUNSUPPORTED a key asks for something
 * that changes the result and is not done here, key and value in the text. */
evoke_status evk_config_read(const evoke_weights *w, const evk_family *family, evk_config *out, evoke_error *err);

#endif
