/* layers/bind.h: weights of a file to slots of a model. */
#ifndef EVK_BIND_H
#define EVK_BIND_H

#include "layers/model.h"

/* Fills slots, layers and head_scale; the model's weights, family, config, kernels, path and number of threads are there.
 * Errors: EVOKE_EFORMAT a tensor is missing or has another shape, a vector is not finite; EVOKE_EUNSUPPORTED a type. */
evoke_status evk_bind(evoke_model *m, evoke_error *err);
/* Lays the matrices out anew whose types packed.h takes, once they are bound, and fills info.n_repacked_bytes. */
evoke_status evk_pack_weights(evoke_model *m, evoke_error *err);

#endif
