/* theory/geometry_vectors.c: the principal plane of a vectors file, whoever wrote it. */
#include <stdlib.h>

#include "theory/geometry.h"

evoke_status evoke_vectors_plane(const evoke_vectors *v, evoke_site site, size_t l, double *plane, double share[2],
                                 evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(v);
    const size_t n = info->n_emotion, d = info->d_model;
    double *ev = NULL, *cosines = NULL, *base_share = NULL;
    if (l >= info->n_layer || n == 0 || !evoke_vectors_get(v, site, 0))
        return evk_fail(err, EVOKE_EARG, "find the principal plane: the vectors have no layer %zu at %s", l,
                        evoke_site_name(site));
    evoke_status st = evk_alloc(&ev, n * d, sizeof *ev, "find the principal plane", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&cosines, n * n, sizeof *cosines, "find the principal plane", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&base_share, n, sizeof *base_share, "find the principal plane", err);
    for (size_t e = 0; st == EVOKE_OK && e < n; e++)
        for (size_t j = 0; j < d; j++)
            ev[e * d + j] = (double)evoke_vectors_get(v, site, e)[l * d + j];
    for (size_t e = 0; st == EVOKE_OK && e < n; e++)
        plane[2 * e] = plane[2 * e + 1] = 0;
    if (st == EVOKE_OK)
        st = evk_geometry(ev, n, d, cosines, base_share, plane, share, err);
    free(base_share);
    free(cosines);
    free(ev);
    return st;
}
