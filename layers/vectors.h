/* layers/vectors.h: making a set of named directions [E, L, D]; evoke.h has the reading side.
 *
 * File (format "evoke-vectors"): /emotions [E]; /sites; /layers [L]; /ev/<site> [E, L, D] float32; /base/<site> [L, D];
 * /norms/<site>/residual [L]; /norms/<site>/ev [E, L]; /count [E]; attributes method, span. Where the classes are known,
 * /neutral/<site>/ev [E, L] and /neutral/<site>/base [L]: the neutral class's mean component along each unit vector. */
#ifndef EVK_VECTORS_H
#define EVK_VECTORS_H

#include "core/status.h"

typedef struct evk_vectors_spec {           /* all copied */
    size_t n_emotion, n_layer, d_model, n_site;
    const char *const *emotions;
    const int32_t *layers;
    const evoke_site *sites;
    const char *method, *span, *model_name, *model_sha256, *architecture;
    size_t n_layer_model;
} evk_vectors_spec;
/* All zeros; fill it through the pointers below. */
evoke_status evk_vectors_new(const evk_vectors_spec *spec, evoke_vectors **out, evoke_error *err);
/* Of the same emotions, layers, sites, model and residual norms as another; all zeros, counts too. */
evoke_status evk_vectors_like(const evoke_vectors *v, const char *method, evoke_vectors **out, evoke_error *err);
float *evk_vectors_ev(evoke_vectors *v, size_t site, size_t e);         /* [L, D]; site by index; e = n_emotion: the base */
float *evk_vectors_norm(evoke_vectors *v, size_t site);                 /* residual [L]; NaN: not known */
float *evk_vectors_neutral(evoke_vectors *v, size_t site, size_t e);    /* [L]; e = n_emotion: the base; NaN: not known */
void evk_vectors_set_count(evoke_vectors *v, size_t e, size_t n);
/* EVbase as the mean over emotions, in double. */
void evk_vectors_set_base(evoke_vectors *v);

/* The place of an emotion by its name; n_emotion, EVbase's, where there is none. Of a layer by its number; n_layer: none. */
size_t evk_vectors_find(const evoke_vectors *v, const char *emotion);
size_t evk_vectors_find_layer(const evoke_vectors *v, int32_t layer);

/* An evoke-vectors file. */
evoke_status evk_vectors_open_hdf5(const char *path, evoke_vectors **out, evoke_error *err);
/* The JSON of the paper's authors: a file or a folder of them. */
evoke_status evk_vectors_open_authors(const char *path, evoke_vectors **out, evoke_error *err);

#endif
