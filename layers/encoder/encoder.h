/* layers/encoder/encoder.h: an open encoder: its file, its sizes, its weights bound to slots, its kernels. Never changes
 * once open; the public type is evoke_encoder. */
#ifndef EVK_ENCODER_H
#define EVK_ENCODER_H

#include "layers/encoder/encoder_family.h"

typedef struct evk_encoder_weight {
    const evk_tensor *matrix;       /* as it lies in the file; NULL: there is none */
    float *vector;                  /* float32 copy of a norm's weight or a bias */
} evk_encoder_weight;

typedef struct evk_encoder_stack {
    evk_encoder_weight slots[EVK_E_FIRST_LAYER_SLOT];
    evk_encoder_weight *layers;     /* [n_layer, EVK_E_N_SLOT - EVK_E_FIRST_LAYER_SLOT] */
} evk_encoder_stack;

/* How a text becomes one vector: the modules of a sentence-transformers folder, or mean and unit length. */
typedef enum evk_pooling_mode {
    EVK_POOL_CLS, EVK_POOL_MAX, EVK_POOL_MEAN, EVK_POOL_MEAN_SQRT, EVK_POOL_WEIGHTED, EVK_POOL_LAST, EVK_N_POOL
} evk_pooling_mode;
typedef struct evk_pooling {
    unsigned modes;                 /* bit 1 << mode; several are put one after the other, in the order above */
    bool normalise, lower_case;
    size_t max_tokens;              /* 0: the file says nothing */
    char *prompt;                   /* put before each text; NULL: nothing */
} evk_pooling;

struct evoke_encoder {
    evoke_weights *weights;
    const evk_encoder_family *family;
    evk_encoder_config config;
    evk_kernels kernels;
    size_t n_thread;
    evk_encoder_stack stack[EVK_MAX_STACK];
    float *relative;                /* [2 span, D] vectors of relative positions, normed where the model does; or NULL */
    evoke_tokenizer *tokenizer;     /* NULL: none that this version reads, for the reason in no_tokenizer */
    evoke_error no_tokenizer;
    size_t tokenizer_limit;         /* tokens that the tokenizer cuts texts to; 0: the file says nothing */
    bool cut_left, gives_types;     /* tokens go from the text's beginning; the tokenizer's type ids count */
    evk_pooling pooling;
    char **labels;                  /* [n_label] */
    char *path, *name;
    int32_t entailment;             /* index of the class "entail..." by label2id; -1: none */
    evoke_encoder_info info;
};

static inline const evk_encoder_weight *evk_encoder_weight_at(const evoke_encoder *e, size_t stack, size_t layer,
                                                              evk_encoder_slot slot)
{
    const evk_encoder_stack *s = &e->stack[stack];
    return slot < EVK_E_FIRST_LAYER_SLOT
               ? &s->slots[slot]
               : &s->layers[layer * (EVK_E_N_SLOT - EVK_E_FIRST_LAYER_SLOT) + (slot - EVK_E_FIRST_LAYER_SLOT)];
}

/* encoder_bind.c: finds every tensor that the config asks for and checks its shape. */
evoke_status evk_encoder_bind(evoke_encoder *e, evoke_error *err);
/* encoder_labels.c */
evoke_status evk_encoder_labels_read(evoke_encoder *e, evoke_error *err);
/* pooling.c: the folder that the weights are in, where the modules.json of a sentence-transformers folder puts them into one
 * of its own; otherwise the path itself. *out is the caller's. */
evoke_status evk_pooling_folder(const char *path, char **out, evoke_error *err);
/* modules.json and what it names, in the folder that was opened; GGUF: pooling_type; otherwise mean and unit length. */
evoke_status evk_pooling_read(evoke_encoder *e, const char *path, evoke_error *err);
/* One text: rows x [n, D] of its last layer to out [modes * D]. */
void evk_pool(const evoke_encoder *e, const float *x, size_t n, float *out);
/* out [D] = the mean of rows x [n, D], in double. */
void evk_mean_rows(const float *x, size_t n, size_t d, float *out);
/* x [n] to length 1; zeros stay. */
void evk_unit_length(float *x, size_t n);
/* encoder_text.c: opens the tokenizer beside the weights, and its limits. */
evoke_status evk_encoder_open_tokenizer(evoke_encoder *e, evoke_error *err);
/* A text, or two, with the special tokens around them; `most` tokens, 0: as many as there are. */
typedef struct evk_text_ids { int32_t *ids, *types; size_t n; bool cut; } evk_text_ids;
void evk_text_ids_free(evk_text_ids *t);
evoke_status evk_encoder_tokenize(const evoke_encoder *e, const char *text, const char *second, size_t most, evk_text_ids *out,
                                  evoke_error *err);

#endif
