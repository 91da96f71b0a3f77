#include "theory/alignment.h"

#include <math.h>
#include <stdlib.h>

#include "theory/linear.h"

/* Rounding may carry a cosine past one. */
static double bounded(double cosine)
{
    return cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
}

evoke_status evk_align(const evk_scatter *sc, double s, const double *v, const double *w, evk_alignment *out,
                       evoke_error *err)
{
    const double lengths = evk_length(v, sc->d) * evk_length(w, sc->d);
    if (!(lengths > 0) || !isfinite(lengths))
        return evk_fail(err, EVOKE_EDATA, "compare directions: one is zero or not finite");
    double *sw = NULL, *scratch = NULL;
    evoke_status st = evk_alloc(&sw, sc->d, sizeof *sw, "compare directions", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&scratch, sc->n, sizeof *scratch, "compare directions", err);
    if (st == EVOKE_OK) {
        evk_scatter_apply(sc, s, w, sw, scratch);
        const double whitened = sqrt(evk_scatter_form(sc, s, v)) * sqrt(evk_scatter_form(sc, s, w));
        out->cosine = bounded(evk_dot(v, w, sc->d) / lengths);
        out->whitened_cosine = bounded(evk_dot(v, sw, sc->d) / whitened);
        out->efficiency = out->whitened_cosine * out->whitened_cosine;
        if (!isfinite(out->efficiency))
            st = evk_fail(err, EVOKE_EDATA, "compare directions: no scatter along one of them");
    }
    free(scratch);
    free(sw);
    return st;
}

evoke_status evk_fisher_ratio(const evk_scatter *sc, const double *v, double *ratio, evoke_error *err)
{
    const double gap = evk_dot(v, sc->ev, sc->d), within = evk_scatter_form(sc, 0, v);
    *ratio = gap * gap / within;
    if (!isfinite(*ratio))
        return evk_fail(err, EVOKE_EDATA, "Fisher ratio: no scatter within the classes along the direction");
    return EVOKE_OK;
}
