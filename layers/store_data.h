/* layers/store_data.h: an open store, between store.c, store_norms.c and store_prompts.c. */
#ifndef EVK_STORE_DATA_H
#define EVK_STORE_DATA_H

#include "core/files/hdf5.h"
#include "layers/store.h"

struct evoke_store {
    evk_h5 *file;
    evoke_store_info info;
    char *model_name, *model_sha256, *architecture;
    size_t n_layer_model;
    char **emotions, **settings;        /* [E], [S] */
    char **ids;                         /* [N]; NULL: the file has none */
    int32_t *layers;                    /* [L] */
    int32_t *emotion_of;                /* [N]; -1: none */
    size_t *counts;                     /* [E] */
    uint8_t *done;                      /* [N, S] */
    evoke_site sites[EVOKE_N_SITE];
    bool has[EVOKE_N_SITE][EVOKE_N_SPAN];
};

/* "/activations/<site>/<what>", into room for 96 bytes. */
void evk_store_name(char name[96], evoke_site site, const char *what);

/* The name of the dataset [N, S, 2] that says where the span lies: /tokens/<span>, or /tokens/span where that is the one asked
 * for; false: there is none. */
bool evk_store_bounds(evoke_store *s, evoke_site site, evoke_span span, char name[96]);

#endif
