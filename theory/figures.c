#include "theory/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/geometry.h"

#define ONE(id, name, axes) { name, axes },
#define TWO(id, name, axes) { name, axes }, { name "_interval", axes "I" },
static const struct { const char *name, *axes; } figures[EVK_N_FIGURE] = { EVK_FIGURES(ONE, TWO) };

static evoke_status allocate(evk_figures *f, size_t id, evoke_error *err)
{
    evoke_figure *d = &f->described[id];
    size_t n = 1;
    *d = (evoke_figure){ .name = figures[id].name, .axes = figures[id].axes, .n_dim = strlen(figures[id].axes) };
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

evoke_status evk_figures_new(size_t n_layer, size_t n_emotion, size_t n_value, evk_figures *out, evoke_error *err)
{
    *out = (evk_figures){0};
    out->size['L'] = out->size['G'] = n_layer;
    out->size['E'] = out->size['F'] = n_emotion;
    out->size['I'] = out->size['P'] = out->size['S'] = 2;
    out->size['K'] = n_value;
    out->size['D'] = n_emotion > 1 ? n_emotion - 1 : 1;
    out->size['M'] = EVK_LEARNING_SIZES;
    for (size_t id = 0; id < EVK_N_FIGURE; id++)
        EVK_TRY(allocate(out, id, err));
    return EVOKE_OK;
}

void evk_figures_free(evk_figures *f)
{
    for (size_t id = 0; id < EVK_N_FIGURE; id++)
        free(f->values[id]);
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
