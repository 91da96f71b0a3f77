/* layers/vectors_random.c: directions that mean nothing, of the lengths of vectors that do: the control of a steering.
 *
 *     R[site,e,l,:] = |V[site,e,l,:]| g / |g|,   g [D] standard normal from PCG64([seed, 8, site, layer, e])
 *
 * so that NumPy makes the same ones (core/random.h), and a selection of layers does not change them. The base is no mean of
 * the others here: that would be shorter than EVbase; it is drawn like them, e = n_emotion. */
#include "layers/vectors.h"

#include <math.h>
#include <stdlib.h>

#include "core/random.h"
#include "core/vector_norm.h"

enum { PURPOSE = 8 };       /* other draws from the same seed have other numbers here */

/* g [d] is scratch. */
static void random_row(uint64_t seed, evoke_site site, int32_t layer, size_t e, double length, double *g, float *out, size_t d)
{
    evk_random r;
    evk_random_seed(&r, (const uint64_t[]){ seed, PURPOSE, (uint64_t)site, (uint64_t)layer, e }, 5);
    double squares = 0;
    for (size_t j = 0; j < d; j++) {
        g[j] = evk_random_normal(&r);
        squares += g[j] * g[j];
    }
    for (size_t j = 0; j < d; j++)
        out[j] = (float)(length * (g[j] / sqrt(squares)));
}

evoke_status evoke_vectors_random(const evoke_vectors *like, uint64_t seed, evoke_vectors **out, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(like);
    const size_t d = info->d_model;
    double *g = NULL;
    *out = NULL;
    EVK_TRY(evk_alloc(&g, d, sizeof *g, "make random vectors", err));
    const evoke_status st = evk_vectors_like(like, "random", out, err);
    for (size_t i = 0; st == EVOKE_OK && i < info->n_site; i++) {
        const evoke_site site = evoke_vectors_site(like, i);
        for (size_t e = 0; e <= info->n_emotion; e++) {
            const float *v = evoke_vectors_get(like, site, e);
            float *row = evk_vectors_ev(*out, i, e);
            for (size_t l = 0; l < info->n_layer; l++)
                random_row(seed, site, evoke_vectors_layer(like, l), e, evk_norm(v + l * d, d), g, row + l * d, d);
        }
    }
    free(g);
    return st;
}
