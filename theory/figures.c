#include "theory/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/geometry.h"

#define ONE(id, name, axes) { name, axes },
#define TWO(id, name, axes) { name, axes }, { name "_interval", axes "I" },
static const evk_figure_name figures[EVK_N_FIGURE] = { EVK_FIGURES(ONE, TWO) };

static evoke_status allocate(evk_figures *f, const evk_figure_name *of, size_t id, evoke_error *err)
{
    evoke_figure *d = &f->described[id];
    size_t n = 1;
    *d = (evoke_figure){ .name = of->name, .axes = of->axes, .n_dim = strlen(of->axes) };
    for (size_t i = 0; i < d->n_dim; i++) {
        d->dims[i] = f->size[(unsigned char)d->axes[i]];
        if (!evk_mul(n, d->dims[i], &n))
            return evk_fail(err, EVOKE_ENOMEM, "theory: too many layers and emotions");
    }
    EVK_TRY(evk_alloc(&f->values[id], n, sizeof(double), "theory", err));
    for (size_t i = 0; i < n; i++)
        f->values[id][i] = NAN;
    d->values = f->values[id];
    return EVOKE_OK;
}

evoke_status evk_figures_allocate(evk_figures *f, const evk_figure_name *list, size_t n, evoke_error *err)
{
    EVK_TRY(evk_alloc(&f->values, n, sizeof *f->values, "theory", err));
    EVK_TRY(evk_alloc(&f->described, n, sizeof *f->described, "theory", err));
    f->n = n;
    for (size_t id = 0; id < n; id++)
        EVK_TRY(allocate(f, &list[id], id, err));
    return EVOKE_OK;
}

evoke_status evk_figures_new(size_t n_layer, size_t n_emotion, size_t n_value, evk_figures *out, evoke_error *err)
{
    *out = (evk_figures){0};
    out->size['L'] = out->size['G'] = n_layer;
    out->size['E'] = out->size['F'] = n_emotion;
    out->size['I'] = out->size['P'] = out->size['S'] = 2;
    out->size['K'] = n_value;
    out->size['D'] = n_emotion > 1 ? n_emotion - 1 : 1;
    out->size['M'] = EVK_LEARNING_SIZES;
    return evk_figures_allocate(out, figures, EVK_N_FIGURE, err);
}

void evk_figures_free(evk_figures *f)
{
    for (size_t id = 0; id < f->n; id++)
        free(f->values[id]);
    free(f->values);
    free(f->described);
    *f = (evk_figures){0};
}

double *evk_figure_at(evk_figures *f, evk_figure_id id, size_t layer, size_t emotion)
{
    const evoke_figure *d = &f->described[id];
    size_t each = 1;
    for (size_t i = 2; i < d->n_dim; i++)
        each *= d->dims[i];
    return f->values[id] + (layer * d->dims[1] + emotion) * each;
}

const evoke_figure *evk_figures_find(const evk_figures *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->described[i].name, name) == 0)
            return &f->described[i];
    return NULL;
}

static evoke_status write_all(evk_h5 *file, const evk_figures *f, evoke_error *err)
{
    for (size_t i = 0; i < f->n; i++) {
        const evoke_figure *figure = &f->described[i];
        EVK_TRY(evk_h5_write(file, figure->name, EVK_H5_F64, figure->n_dim, figure->dims, figure->values, err));
        EVK_TRY(evk_h5_attr_string(file, figure->name, "axes", figure->axes, err));
    }
    return EVOKE_OK;
}

evoke_status evk_figures_save(const evk_figures *f, const char *path, const evk_h5_signature *sign,
                              evk_figures_describe *describe, const void *what, evoke_error *err)
{
    evk_h5 *file = NULL;
    EVK_TRY(evk_h5_create(path, &file, err));
    evoke_status st = evk_h5_sign(file, sign, err);
    if (st == EVOKE_OK)
        st = describe(file, what, err);
    if (st == EVOKE_OK)
        st = write_all(file, f, err);
    if (st == EVOKE_OK)
        return evk_h5_commit(file, err);
    evk_h5_free(file);
    return st;
}
