/* layers/model.h: an open model: its file, its sizes, its weights bound to slots, its kernels. Never changes once open. */
#ifndef EVK_MODEL_H
#define EVK_MODEL_H

#include "core/arena.h"
#include "core/files/weights.h"
#include "core/kernels/packed.h"
#include "layers/family.h"

typedef struct evk_weight {
    bool there;
    evk_tensor matrix;              /* as stored, or a view of its part of a fused tensor */
    float *vector;                  /* owned float32 copy, for norms and biases; NULL: none */
    evk_packed packed;              /* the matrix laid out anew, in the model's room; codes NULL: it is not */
} evk_weight;

struct evoke_model {
    evoke_weights *weights;
    evoke_tokenizer *tokenizer;     /* NULL: none in the file */
    evoke_template *chat_template;  /* NULL: none */
    const evk_family *family;
    evk_config config;
    evk_kernels kernels;
    size_t n_thread;
    evk_weight slots[EVK_FIRST_LAYER_SLOT];
    evk_weight *layers;             /* [n_layer, EVK_N_SLOT - EVK_FIRST_LAYER_SLOT] */
    size_t n_digit;                 /* of activations, where weights are packed: packed.h */
    float *head_scale;              /* [n_vocab] 1 / length of each row of the head; NULL: rows count as they are */
    evk_arena packed_room;
    double *rope_frequency[EVK_MAX_ROPE];       /* [d_rope / 2] radians a position, of sequences within evk_rope.original */
    char *path, *name;
    evoke_model_info info;
};

static inline const evk_weight *evk_model_weight(const evoke_model *m, size_t layer, evk_slot slot)
{
    return slot < EVK_FIRST_LAYER_SLOT
               ? &m->slots[slot]
               : &m->layers[layer * (EVK_N_SLOT - EVK_FIRST_LAYER_SLOT) + (slot - EVK_FIRST_LAYER_SLOT)];
}
/* Whether products are of the packed weights. No digits: where the table of kernels makes floats of them. */
static inline bool evk_takes_packed(const evoke_model *m, const evk_weight *w)
{
    return w->packed.codes && ((m->n_digit > 0 && w->packed.bits != 16) || m->kernels.by_panels);
}
static inline const evk_tensor *evk_model_matrix(const evoke_model *m, size_t layer, evk_slot slot)
{
    const evk_weight *w = evk_model_weight(m, layer, slot);
    return w->there ? &w->matrix : NULL;
}
static inline const float *evk_model_vector(const evoke_model *m, size_t layer, evk_slot slot)
{
    return evk_model_weight(m, layer, slot)->vector;
}

/* frequency [d_rope / 2] of a rotary embedding for sequences of `length` positions. */
void evk_model_frequencies(const evoke_model *m, size_t rope, size_t length, double *frequency);
/* Errors: EVOKE_EDATA an id is outside the vocabulary. what: err's beginning. */
evoke_status evk_model_check_ids(const evoke_model *m, const char *what, const int32_t *ids, size_t n, evoke_error *err);

#endif
