#include "theory/row_space.h"

#include <stdlib.h>

#include "theory/linear.h"

static evoke_status allocate(evk_row_space *s, size_t n, size_t d, evoke_error *err)
{
    size_t values = 0, cells = 0;
    *s = (evk_row_space){ .n = n, .d = d };
    if (!evk_mul(n, d, &values) || !evk_mul(n, n, &cells))
        return evk_fail(err, EVOKE_ENOMEM, "products of rows: %zu rows of %zu are too many", n, d);
    EVK_TRY(evk_alloc(&s->centre, d, sizeof *s->centre, "products of rows", err));
    EVK_TRY(evk_alloc(&s->x, values, sizeof *s->x, "products of rows", err));
    return evk_alloc(&s->gram, cells, sizeof *s->gram, "products of rows", err);
}

evoke_status evk_row_space_fit(const float *const *rows, size_t n, size_t d, bool centred, size_t n_thread,
                               evk_row_space *out, evoke_error *err)
{
    EVK_TRY(allocate(out, n, d, err));
    for (size_t i = 0; i < n && centred; i++)
        for (size_t j = 0; j < d; j++)
            out->centre[j] += (double)rows[i][j] / (double)n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            out->x[i * d + j] = (double)rows[i][j] - out->centre[j];
    evk_gram(out->x, n, d, n_thread, out->gram);
    return EVOKE_OK;
}

evoke_status evk_row_space_fit_offsets(const float *const *plus, const float *const *minus, size_t n, size_t d,
                                       size_t n_thread, evk_row_space *out, evoke_error *err)
{
    EVK_TRY(allocate(out, n, d, err));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            out->x[i * d + j] = (double)plus[i][j] - (double)minus[i][j];
    evk_gram(out->x, n, d, n_thread, out->gram);
    return EVOKE_OK;
}

void evk_row_space_free(evk_row_space *s)
{
    if (!s)
        return;
    free(s->centre);
    free(s->x);
    free(s->gram);
    *s = (evk_row_space){0};
}

void evk_row_space_project(const evk_row_space *s, const double *v, double *scores)
{
    for (size_t i = 0; i < s->n; i++)
        scores[i] = evk_dot(s->x + i * s->d, v, s->d);
}

void evk_row_space_combine(const evk_row_space *s, const double *c, double *out)
{
    for (size_t j = 0; j < s->d; j++)
        out[j] = 0;
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j < s->d; j++)
            out[j] += c[i] * s->x[i * s->d + j];
}
