#include "theory/classes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/linear.h"

typedef struct solution {
    evk_pooled pooled;
    evk_discriminant *by_class;             /* [E] for mu_k - mu */
    double *target, *b, *values, *w;        /* [E], [E, E], [E], [D] */
    size_t n_class;
} solution;

static evoke_status allocate(solution *c, const evk_row_space *space, const evk_sample *sample, evoke_error *err)
{
    const char *what = "multi-class discriminants";
    c->n_class = sample->n_class;
    EVK_TRY(evk_alloc(&c->target, c->n_class, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&c->b, c->n_class * c->n_class, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&c->values, c->n_class, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&c->w, space->d, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&c->by_class, c->n_class, sizeof *c->by_class, what, err));
    EVK_TRY(evk_pooled_new(space, sample->n, c->n_class, &c->pooled, err));
    for (size_t k = 0; k < c->n_class; k++)
        EVK_TRY(evk_discriminant_new(&c->pooled, &c->by_class[k], err));
    return EVOKE_OK;
}

static void release(solution *c)
{
    for (size_t k = 0; c->by_class && k < c->n_class; k++)
        evk_discriminant_free(&c->by_class[k]);
    evk_pooled_free(&c->pooled);
    free(c->by_class);
    free(c->target);
    free(c->b);
    free(c->values);
    free(c->w);
}

static void turn(double *v, size_t d)
{
    size_t largest = 0;
    for (size_t j = 1; j < d; j++)
        largest = fabs(v[j]) > fabs(v[largest]) ? j : largest;
    const double sign = v[largest] < 0 ? -1 : 1;
    for (size_t j = 0; j < d; j++)
        v[j] *= sign;
}

/* Row e of b is the unit eigenvector of values[e], rising: the last one is v_1's. */
static void combine(solution *c, double *values, double *vectors)
{
    const size_t n = c->n_class, d = c->pooled.space->d;
    memset(vectors, 0, (n - 1) * d * sizeof *vectors);
    for (size_t k = 0; k < n; k++) {
        evk_pooled_vector(&c->pooled, &c->by_class[k], c->w);
        for (size_t j = 0; j < n - 1; j++) {
            const double value = c->values[n - 1 - j];
            const double part = value > 1e-12 * c->values[n - 1] ? sqrt(c->pooled.of[k] / c->pooled.total / value) : 0;
            for (size_t i = 0; i < d; i++)
                vectors[j * d + i] += part * c->b[(n - 1 - j) * n + k] * c->w[i];
        }
    }
    for (size_t j = 0; j < n - 1; j++) {
        values[j] = fmax(c->values[n - 1 - j], 0);
        turn(vectors + j * d, d);
    }
}

static evoke_status solve(solution *c, const evk_sample *sample, double choice, double *values, double *vectors,
                          evoke_error *err)
{
    const size_t n = c->n_class;
    const evoke_status st = evk_pooled_fit(&c->pooled, sample, choice);
    if (st != EVOKE_OK)
        return evk_fail(err, st, "multi-class discriminants: the scatter of %zu rows in %zu dimensions cannot be inverted",
                        sample->n, c->pooled.space->d);
    for (size_t k = 0; k < n; k++) {
        for (size_t l = 0; l < n; l++)
            c->target[l] = (l == k) - c->pooled.of[l] / c->pooled.total;
        evk_pooled_solve(&c->pooled, c->target, &c->by_class[k]);
    }
    for (size_t k = 0; k < n; k++)
        for (size_t l = 0; l <= k; l++)
            c->b[k * n + l] = sqrt(c->pooled.of[k] * c->pooled.of[l]) / c->pooled.total
                              * evk_pooled_product(&c->pooled, &c->by_class[k], &c->by_class[l]);
    EVK_TRY(evk_eigen(c->b, n, true, c->values, err));
    combine(c, values, vectors);
    return EVOKE_OK;
}

evoke_status evk_classes_fit(const evk_row_space *space, const evk_sample *sample, double choice, double *s, double *values,
                             double *vectors, evoke_error *err)
{
    solution c = {0};
    if (sample->n_class < 2)
        return evk_fail(err, EVOKE_EDATA, "multi-class discriminants: one emotion; two are the least");
    evoke_status st = allocate(&c, space, sample, err);
    if (st == EVOKE_OK)
        st = solve(&c, sample, choice, values, vectors, err);
    *s = c.pooled.s;
    release(&c);
    return st;
}
