/* theory/claims_file.c: the figures of the claims as HDF5 (format "evoke-claims"): /emotions, /directions, /layers steered, and a
 * dataset of doubles for each figure, under its name ("gain/slope"), with its axes as the attribute `axes`. */
#include <stdlib.h>

#include "core/files/hdf5.h"
#include "layers/store.h"
#include "theory/claims.h"

static evoke_status write_names(evk_h5 *f, const void *what, evoke_error *err)
{
    const evoke_claims *c = what;
    const char *directions[EVK_N_ARM], **emotions = NULL;
    const size_t n_arm = EVK_N_ARM;
    EVK_TRY(evk_alloc(&emotions, c->n_emotion, sizeof *emotions, "save figures", err));
    for (size_t e = 0; e < c->n_emotion; e++)
        emotions[e] = evoke_store_emotion(c->store, e);
    for (size_t b = 0; b < n_arm; b++)
        directions[b] = evoke_claims_direction(b);
    const evoke_status st = evk_h5_write_strings(f, "/emotions", 1, &c->n_emotion, emotions, err);
    free(emotions);
    EVK_TRY(st);
    EVK_TRY(evk_h5_write_strings(f, "/directions", 1, &n_arm, directions, err));
    EVK_TRY(evk_h5_write(f, "/layers", EVK_H5_I32, 1, &c->n_layer, c->layers, err));
    return evk_h5_attr_string(f, "/", "setting", c->text, err);
}

evoke_status evoke_claims_save(const evoke_claims *c, const char *path, const evoke_provenance *made, evoke_error *err)
{
    const evk_h5_signature sign = { .format = "evoke-claims", .model_name = c->info->model_name, .model_sha256 = c->info->model_sha256,
                                    .architecture = "", .n_layer = c->n_layer, .d_model = c->d, .made = made };
    return evk_figures_save(&c->figures, path, &sign, write_names, c, err);
}
