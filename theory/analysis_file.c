/* theory/analysis_file.c: the figures of an analysis as HDF5 (format "evoke-theory"): /emotions [E], /layers [L] and a dataset
 * of doubles for each figure, under its name, with its axes as the attribute `axes`. */
#include <stdlib.h>

#include "core/files/hdf5.h"
#include "theory/analysis.h"

static evoke_status write_names(evk_h5 *f, const evoke_vectors *v, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(v);
    const char **emotions = NULL;
    int32_t *layers = NULL;
    evoke_status st = evk_alloc(&emotions, info->n_emotion, sizeof *emotions, "save figures", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&layers, info->n_layer, sizeof *layers, "save figures", err);
    if (st == EVOKE_OK) {
        for (size_t e = 0; e < info->n_emotion; e++)
            emotions[e] = evoke_vectors_emotion(v, e);
        for (size_t l = 0; l < info->n_layer; l++)
            layers[l] = evoke_vectors_layer(v, l);
        st = evk_h5_write_strings(f, "/emotions", 1, &info->n_emotion, emotions, err);
    }
    if (st == EVOKE_OK)
        st = evk_h5_write(f, "/layers", EVK_H5_I32, 1, &info->n_layer, layers, err);
    free(layers);
    free(emotions);
    return st;
}

static evoke_status write_options(evk_h5 *f, const evoke_theory *t, evoke_error *err)
{
    const evoke_theory_options *o = &t->options;
    EVK_TRY(evk_h5_attr_string(f, "/", "site", evoke_site_name(o->fisher.site), err));
    EVK_TRY(evk_h5_attr_string(f, "/", "span", evoke_vectors_describe(t->fisher.directions)->span, err));
    EVK_TRY(evk_h5_attr_f64(f, "/", "shrinkage_asked", o->fisher.shrinkage, err));
    EVK_TRY(evk_h5_attr_i64(f, "/", "n_bootstrap", (int64_t)o->n_bootstrap, err));
    EVK_TRY(evk_h5_attr_i64(f, "/", "n_permutation", (int64_t)o->n_permutation, err));
    EVK_TRY(evk_h5_attr_i64(f, "/", "n_control", (int64_t)o->n_control, err));
    return evk_h5_attr_i64(f, "/", "n_fold", (int64_t)o->n_fold, err);
}

static evoke_status describe(evk_h5 *f, const void *what, evoke_error *err)
{
    const evoke_theory *t = what;
    EVK_TRY(write_names(f, t->fisher.directions, err));
    return write_options(f, t, err);
}

evoke_status evoke_theory_save(const evoke_theory *t, const char *path, const evoke_provenance *made, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(t->fisher.directions);
    const evk_h5_signature sign = {
        .format = "evoke-theory", .model_name = info->model_name, .model_sha256 = info->model_sha256, .architecture = "",
        .n_layer = info->n_layer, .d_model = info->d_model, .made = made,
    };
    return evk_figures_save(&t->figures, path, &sign, describe, t, err);
}
