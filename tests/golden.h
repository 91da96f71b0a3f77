/* tests/golden.h: reading the reference files (expected.h5) of tests/golden and, where it is present, ../shared/golden. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/files/hdf5.h"
#include "tests/check.h"

/* A dataset, of floats or integers, as float64; *n its number of values. NULL: not there. */
static inline double *golden_read(evk_h5 *f, const char *name, size_t *n)
{
    size_t n_dim, dims[EVK_H5_MAX_DIM];
    *n = 1;
    if (!evk_h5_has(f, name) || evk_h5_shape(f, name, &n_dim, dims, NULL) != EVOKE_OK)
        return NULL;
    for (size_t i = 0; i < n_dim; i++)
        *n *= dims[i];
    double *x = malloc(*n * sizeof *x);
    int64_t *whole = malloc(*n * sizeof *whole);
    bool ok = evk_h5_read(f, name, EVK_H5_F64, NULL, NULL, x, NULL) == EVOKE_OK;
    if (!ok && evk_h5_read(f, name, EVK_H5_I64, NULL, NULL, whole, NULL) == EVOKE_OK) {
        ok = true;
        for (size_t i = 0; i < *n; i++)
            x[i] = (double)whole[i];
    }
    free(whole);
    if (!ok)
        free(x);
    return ok ? x : NULL;
}

static inline int32_t *golden_ids(evk_h5 *f, const char *name, size_t *n)
{
    size_t n_dim, dims[EVK_H5_MAX_DIM];
    if (!evk_h5_has(f, name) || evk_h5_shape(f, name, &n_dim, dims, NULL) != EVOKE_OK || n_dim != 1)
        return NULL;
    *n = dims[0];
    int32_t *x = malloc(*n * sizeof *x);
    if (evk_h5_read(f, name, EVK_H5_I32, NULL, NULL, x, NULL) != EVOKE_OK) {
        free(x);
        return NULL;
    }
    return x;
}

/* Largest difference between two datasets; HUGE_VAL where one is missing or the sizes differ. */
static inline double golden_difference(evk_h5 *a, const char *name_a, evk_h5 *b, const char *name_b)
{
    size_t n, m;
    double *x = golden_read(a, name_a, &n), *y = golden_read(b, name_b, &m), most = x && y && n == m ? 0 : HUGE_VAL;
    for (size_t i = 0; most < HUGE_VAL && i < n; i++) {
        const double d = fabs(x[i] - y[i]);
        most = d > most || isnan(d) ? (isnan(d) ? HUGE_VAL : d) : most;
    }
    free(x);
    free(y);
    return most;
}

/* What golden's README allows: max(1e-5, 10 * the reference's own float32 error). */
static inline double golden_tolerance(evk_h5 *f, const char *object, const char *site)
{
    char name[64];
    double own = 0;
    snprintf(name, sizeof name, "fp64_maxdiff_%s", site);
    evk_h5_get_f64(f, object, name, &own);
    return own * 10 > 1e-5 ? own * 10 : 1e-5;
}

/* root/tests/golden/NAME or root/../shared/golden/NAME, whichever is there; false: neither. */
static inline bool golden_find(const char *root, const char *name, char *out, size_t n)
{
    snprintf(out, n, "%s/tests/golden/%s", root, name);
    if (access(out, R_OK) == 0)
        return true;
    snprintf(out, n, "%s/../shared/golden/%s", root, name);
    return access(out, R_OK) == 0;
}

/* A name for a file of this test's own. */
static inline void golden_temporary(char *out, size_t n, const char *what)
{
    const char *folder = getenv("TMPDIR");
    snprintf(out, n, "%s/evoke-test-%d-%s", folder ? folder : "/tmp", (int)getpid(), what);
}

/* The default model: $EVOKE_TEST_MODEL, or the user's cache; false: it is not there. */
static inline bool golden_real_model(char *out, size_t n)
{
    const char *named = getenv("EVOKE_TEST_MODEL"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (named)
        snprintf(out, n, "%s", named);
    else if (cache && *cache)
        snprintf(out, n, "%s/evoke/SmolLM2-135M-Instruct.Q4_1.gguf", cache);
    else
        snprintf(out, n, "%s/.cache/evoke/SmolLM2-135M-Instruct.Q4_1.gguf", home ? home : "");
    return access(out, R_OK) == 0;
}

#endif
