#include "theory/claims_figures.h"

#define ONE(id, name, axes) { name, axes },
#define TWO(id, name, axes) { name, axes }, { name "_interval", axes "I" },
static const evk_figure_name figures[EVK_N_CLAIM] = { EVK_CLAIM_FIGURES(ONE, TWO) };

evoke_status evk_claim_figures_new(size_t n_emotion, size_t n_alpha, size_t n_direction, size_t n_range, size_t n_layer,
                                   evk_figures *out, evoke_error *err)
{
    *out = (evk_figures){0};
    out->size['E'] = out->size['F'] = n_emotion;
    out->size['A'] = n_alpha;
    out->size['B'] = n_direction;
    out->size['R'] = n_range;
    out->size['L'] = n_layer;
    out->size['I'] = out->size['S'] = 2;
    return evk_figures_allocate(out, figures, EVK_N_CLAIM, err);
}

double *evk_claim_at(const evk_figures *f, evk_claim_id id, size_t i, size_t j, size_t k)
{
    const evoke_figure *d = &f->described[id];
    const size_t places[] = { i, j, k, 0 };
    size_t at = 0;
    for (size_t x = 0; x < d->n_dim; x++)
        at = at * d->dims[x] + (x < 3 && d->axes[x] != 'I' && d->axes[x] != 'S' ? places[x] : 0);
    return f->values[id] + at;
}
