/* theory/labelled_file.c: a result as HDF5 (format "evoke-labelled"): /emotions [E], /labels [C] (not there where no label has an EV),
 * /directions [A], /layers [L] and a dataset of doubles for each figure, under its name, with its axes as the attribute `axes`. */
#include "core/files/hdf5.h"
#include "theory/labelled.h"

static evoke_status write_names(evk_h5 *f, const void *what, evoke_error *err)
{
    const evoke_labelled *t = what;
    const size_t n_layer = t->figures.size['L'], n_direction = t->n_direction;
    const char *directions[EVK_MOST_DIRECTIONS];
    for (size_t a = 0; a < n_direction; a++)
        directions[a] = evoke_labelled_name(t, 'A', a);
    EVK_TRY(evk_h5_write_strings(f, "/emotions", 1, &t->n_emotion, (const char *const *)t->emotions, err));
    if (t->n_label > 0)
        EVK_TRY(evk_h5_write_strings(f, "/labels", 1, &t->n_label, (const char *const *)t->labels, err));
    EVK_TRY(evk_h5_write_strings(f, "/directions", 1, &n_direction, directions, err));
    EVK_TRY(evk_h5_write(f, "/layers", EVK_H5_I32, 1, &n_layer, t->layers, err));
    EVK_TRY(evk_h5_attr_string(f, "/", "site", evoke_site_name(t->info.site), err));
    EVK_TRY(evk_h5_attr_string(f, "/", "span", evoke_span_name(t->info.span), err));
    EVK_TRY(evk_h5_attr_string(f, "/", "text_span", evoke_span_name(t->info.text_span), err));
    EVK_TRY(evk_h5_attr_f64(f, "/", "shrinkage_asked", t->options.fisher.shrinkage, err));
    EVK_TRY(evk_h5_attr_i64(f, "/", "n_bootstrap", (int64_t)t->options.n_bootstrap, err));
    return evk_h5_attr_i64(f, "/", "n_text", (int64_t)t->info.n_text, err);
}

evoke_status evoke_labelled_save(const evoke_labelled *t, const char *path, const evoke_provenance *made, evoke_error *err)
{
    const evk_h5_signature sign = {
        .format = "evoke-labelled", .model_name = t->model_name, .model_sha256 = t->model_sha256,
        .architecture = t->architecture, .n_layer = t->figures.size['L'], .d_model = t->d, .made = made,
    };
    return evk_figures_save(&t->figures, path, &sign, write_names, t, err);
}
