/* layers/encoder/encoder_family.h: what differs between families of encoders, as a table.
 *
 * An encoder reads a whole text at once and gives a vector for each token, and where it has a head, scores of classes.
 * One file in layers/encoder/families/ fills an evk_encoder_family, one line in list.c lists it; the forward pass reads
 * fields and knows no names. A model has one stack of blocks, or two: an encoder and a decoder that attends to it. */
#ifndef EVK_ENCODER_FAMILY_H
#define EVK_ENCODER_FAMILY_H

#include "core/files/weights.h"
#include "core/kernels/kernels.h"
#include "layers/settings.h"

enum { EVK_MAX_STACK = 2 };

/* Where a weight goes. Matrices are [out, in]. The slots from EVK_E_Q on exist once a layer, the others once a stack; what
 * is the model's own (pooler, head) is in the first stack. */
typedef enum evk_encoder_slot {
    EVK_E_EMBED,                                /* [V, d_embed] */
    EVK_E_POSITION, EVK_E_TYPE,                 /* [rows, d_embed] */
    EVK_E_EMBED_PROJ,                           /* [D, d_embed], where d_embed is not D */
    EVK_E_EMBED_NORM, EVK_E_EMBED_NORM_BIAS,    /* [D] */
    EVK_E_RELATIVE,                             /* [2 span, D] a vector for each relative position */
    EVK_E_RELATIVE_NORM, EVK_E_RELATIVE_NORM_BIAS,
    EVK_E_CONV, EVK_E_CONV_BIAS,                /* [D, D / groups, kernel] */
    EVK_E_CONV_NORM, EVK_E_CONV_NORM_BIAS,
    EVK_E_POOLER, EVK_E_POOLER_BIAS,            /* [D, D] of the first token */
    EVK_E_DENSE, EVK_E_DENSE_BIAS,              /* [D, D] the head's first layer */
    EVK_E_OUT, EVK_E_OUT_BIAS,                  /* [C, D] the head's last */
    EVK_E_FIRST_LAYER_SLOT,
    EVK_E_Q = EVK_E_FIRST_LAYER_SLOT,           /* [n_head * d_head, D] */
    EVK_E_K, EVK_E_V, EVK_E_Q_BIAS, EVK_E_K_BIAS, EVK_E_V_BIAS,
    EVK_E_ATTN_OUT, EVK_E_ATTN_OUT_BIAS,        /* [D, n_head * d_head] */
    EVK_E_ATTN_NORM, EVK_E_ATTN_NORM_BIAS,
    EVK_E_RELATIVE_K, EVK_E_RELATIVE_K_BIAS,    /* projections of the relative positions */
    EVK_E_RELATIVE_Q, EVK_E_RELATIVE_Q_BIAS,
    EVK_E_CROSS_Q, EVK_E_CROSS_K, EVK_E_CROSS_V, EVK_E_CROSS_Q_BIAS, EVK_E_CROSS_K_BIAS, EVK_E_CROSS_V_BIAS,
    EVK_E_CROSS_OUT, EVK_E_CROSS_OUT_BIAS, EVK_E_CROSS_NORM, EVK_E_CROSS_NORM_BIAS,
    EVK_E_UP, EVK_E_UP_BIAS,                    /* [d_ff, D] */
    EVK_E_DOWN, EVK_E_DOWN_BIAS,                /* [D, d_ff] */
    EVK_E_MLP_NORM, EVK_E_MLP_NORM_BIAS,
    EVK_E_N_SLOT
} evk_encoder_slot;

typedef struct evk_encoder_name {
    evk_encoder_slot slot;
    const char *gguf, *hf;      /* "%zu" is the layer; gguf NULL: there is none. A slot may have several names, the first
                                   one found counts. */
    bool optional;
} evk_encoder_name;

/* What classes mean: transformers' problem_type, and what its pipeline does with the logits. */
typedef enum evk_encoder_problem { EVK_SINGLE_LABEL, EVK_MULTI_LABEL, EVK_REGRESSION } evk_encoder_problem;

typedef struct evk_stack_config { size_t n_layer, n_head, d_head, d_ff; } evk_stack_config;

/* The sizes and constants of one model, read from its file by encoder_config.c. */
typedef struct evk_encoder_config {
    evk_stack_config stack[EVK_MAX_STACK];
    size_t d_model, d_embed, n_vocab, n_type;
    size_t n_position;          /* positions of the table that a text may use; 0: there is no table */
    size_t position_offset;     /* row of a text's first token */
    bool position_skips_pad;    /* padding tokens in a text stay at row position_offset - 1 and are not counted */
    size_t n_ctx;               /* what the model is made for */
    double norm_eps;
    float embed_scale;
    evk_activation activation, pooler_activation, conv_activation;
    int32_t pad, end, decoder_start;            /* -1: none */
    bool relative_c2p, relative_p2c;            /* scores from content to position, from position to content */
    bool relative_shares_keys;                  /* positions go through the content's own projections */
    bool relative_norm;
    size_t n_bucket, max_relative, relative_span;   /* n_bucket 0: one vector a distance; relative_span 0: no table */
    size_t score_terms;                         /* scores are divided by sqrt(d_head * score_terms) */
    size_t conv_kernel, conv_groups;            /* conv_kernel 0: none */
    size_t n_label;                             /* 0: there is no head */
    evk_encoder_problem problem;
} evk_encoder_config;

/* Readers for `adjust` beside those of layers/settings.h: one setting of config.json. `other` is a second name that some files use, or NULL; where both are
 * there they must agree. Errors name the key and its value. */
typedef struct evk_setting { const char *gguf, *hf, *other; } evk_setting;
/* A whole number in [1, most]; `missing` where the key is not there (0: it must be). */
evoke_status evk_setting_size(const evk_reader *s, evk_setting k, size_t most, size_t missing, size_t *out);
/* The same, with 0 and null allowed. */
evoke_status evk_setting_count(const evk_reader *s, const char *key, size_t most, size_t missing, size_t *out);
/* A token id, or -1 for null; `missing` where the key is not there. */
evoke_status evk_setting_id(const evk_reader *s, const char *key, int32_t missing, int32_t *out);
/* "gelu", "relu", ... */
evoke_status evk_setting_activation(const evk_reader *s, evk_setting k, evk_activation missing, evk_activation *out);

typedef struct evk_encoder_family {
    const char *label;                          /* "RoBERTa, DistilRoBERTa" */
    const char *hf_type, *gguf_arch;            /* model_type; general.architecture, or NULL */
    const char *prefix;                         /* what names in safetensors may begin with */
    size_t n_stack;
    const evk_encoder_name *names[EVK_MAX_STACK];
    size_t n_names[EVK_MAX_STACK];
    /* Settings by name; a NULL `hf` in decoder_*: one stack. */
    evk_setting width, vocabulary, layers, heads, wide, activation, decoder_layers, decoder_heads, decoder_wide;
    double norm_eps;                            /* where the file has none; norm_eps_fixed: no file does */
    bool norm_eps_fixed;
    size_t n_type, n_position;                  /* where the file has none; n_type SIZE_MAX: no table in any file */
    int32_t pad, end;
    size_t position_offset;
    bool position_after_pad;                    /* offset is pad + 1, padding is not counted */
    evk_activation pooler_activation, dense_activation;
    bool head_on_pooler;                        /* the head has no first layer of its own: it reads the pooler */
    bool head_at_end;                           /* the head reads the last end-of-text token, not the first token */
    /* Keys of config.json that are read by `adjust` or that change nothing, beside the common ones; NULL-terminated. */
    const char *const *hf_keys;
    evoke_status (*adjust)(const evk_reader *s, evk_encoder_config *c);   /* NULL: nothing to say */
} evk_encoder_family;

/* NULL past the end. */
const evk_encoder_family *evk_encoder_family_at(size_t i);
/* The family of a file by its own words; NULL: none of these. */
const evk_encoder_family *evk_encoder_family_of(const evoke_weights *w);
/* Errors: EVOKE_EFORMAT a size is missing, zero, or does not fit another; EVOKE_EUNSUPPORTED a key asks for something
 * that changes the result and is not done here, key and value in the text. */
evoke_status evk_encoder_config_read(const evoke_weights *w, const evk_encoder_family *family, evk_encoder_config *out,
                                     evoke_error *err);

#endif
