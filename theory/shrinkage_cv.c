#include "theory/shrinkage_cv.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "theory/linear.h"

enum { GRID = 41 };

typedef struct search {
    const evk_row_space *space;
    const evk_sample *all;
    const size_t *fold;
    size_t *kept, n;            /* the rows of a fold's fit, as places in the sample */
    double *of;                 /* [C] their numbers by class */
    double *g, *values;         /* [n, n] X X^T, then its eigenvectors; [n] eigenvalues */
    double *means, *grand;      /* [C, all] mean product of a row of the sample with a class; [C, C] of two classes */
    double *cross, *q;          /* [n] X r; its shares */
    double total[GRID];
} search;

static double grid(size_t i)
{
    return pow(10, -4 + (double)i / 10);
}

static double product(const search *c, size_t i, size_t j)
{
    return c->space->gram[c->all->row[i] * c->space->n + c->all->row[j]];
}

static evoke_status keep_others(search *c, size_t fold, evoke_error *err)
{
    const size_t classes = c->all->n_class;
    c->n = 0;
    for (size_t k = 0; k < classes; k++)
        c->of[k] = 0;
    for (size_t i = 0; i < c->all->n; i++)
        if (c->fold[i] != fold) {
            c->kept[c->n++] = i;
            c->of[c->all->label[i]]++;
        }
    for (size_t k = 0; k < classes; k++)
        if (!(c->of[k] > 0))
            return evk_fail(err, EVOKE_EDATA, "shrinkage by likelihood: too few queries to leave a fold out");
    return EVOKE_OK;
}

static void find_means(search *c)
{
    const size_t classes = c->all->n_class, all = c->all->n;
    for (size_t k = 0; k < classes * all; k++)
        c->means[k] = 0;
    for (size_t k = 0; k < classes * classes; k++)
        c->grand[k] = 0;
    for (size_t i = 0; i < all; i++)
        for (size_t j = 0; j < c->n; j++) {
            const size_t k = c->all->label[c->kept[j]];
            c->means[k * all + i] += product(c, i, c->kept[j]) / c->of[k];
        }
    for (size_t k = 0; k < classes; k++)
        for (size_t j = 0; j < c->n; j++) {
            const size_t l = c->all->label[c->kept[j]];
            c->grand[k * classes + l] += c->means[k * all + c->kept[j]] / c->of[l];
        }
}

/* (x_i - mu of its class) . (x_j - mu of its class), for any two rows of the sample. */
static double centred(const search *c, size_t i, size_t j)
{
    const size_t k = c->all->label[i], l = c->all->label[j], all = c->all->n;
    return product(c, i, j) - c->means[k * all + j] - c->means[l * all + i] + c->grand[k * c->all->n_class + l];
}

/* Adds -2 log p of one row to all of the grid; m = tr(Sw) / D. */
static void add_row(search *c, size_t row, double m)
{
    const double n = (double)c->n, d = (double)c->space->d, least = n * DBL_EPSILON * c->values[c->n - 1];
    double explained = 0, used = 0;
    for (size_t i = 0; i < c->n; i++)
        c->cross[i] = centred(c, c->kept[i], row);
    for (size_t j = 0; j < c->n; j++) {
        const double along = evk_dot(c->g + j * c->n, c->cross, c->n);
        const bool real = c->values[j] > least && used + 1 <= d;
        c->q[j] = real ? along * along / c->values[j] : NAN;
        explained += real ? c->q[j] : 0;
        used += real;
    }
    const double rest = fmax(centred(c, row, row) - explained, 0);
    for (size_t i = 0; i < GRID; i++) {
        const double a = (1 - grid(i)) / n, t = grid(i) * m;
        double sum = (d - used) * log(t) + rest / t;
        for (size_t j = 0; j < c->n; j++)
            if (!isnan(c->q[j]))
                sum += log(a * c->values[j] + t) + c->q[j] / (a * c->values[j] + t);
        c->total[i] += sum;
    }
}

static evoke_status add_fold(search *c, size_t fold, evoke_error *err)
{
    double trace = 0;
    EVK_TRY(keep_others(c, fold, err));
    find_means(c);
    for (size_t i = 0; i < c->n; i++) {
        for (size_t j = 0; j <= i; j++)
            c->g[i * c->n + j] = centred(c, c->kept[i], c->kept[j]);
        trace += c->g[i * c->n + i];
    }
    if (!(trace > 0) || !isfinite(trace))
        return evk_fail(err, EVOKE_EDATA, "shrinkage by likelihood: the rows of a fold's fit do not vary");
    EVK_TRY(evk_eigen(c->g, c->n, true, c->values, err));
    for (size_t i = 0; i < c->all->n; i++)
        if (c->fold[i] == fold)
            add_row(c, i, trace / (double)c->n / (double)c->space->d);
    return EVOKE_OK;
}

static evoke_status allocate(search *c, evoke_error *err)
{
    const char *what = "shrinkage by likelihood";
    const size_t n = c->all->n, classes = c->all->n_class;
    EVK_TRY(evk_alloc(&c->kept, n, sizeof *c->kept, what, err));
    EVK_TRY(evk_alloc(&c->of, classes, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&c->g, n * n, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&c->values, n, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&c->means, classes * n, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&c->grand, classes * classes, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&c->cross, n, sizeof(double), what, err));
    return evk_alloc(&c->q, n, sizeof(double), what, err);
}

evoke_status evk_shrinkage_cv(const evk_row_space *space, const evk_sample *sample, const size_t *fold, size_t n_fold,
                              double *s, evoke_error *err)
{
    search c = { .space = space, .all = sample, .fold = fold };
    evoke_status st = allocate(&c, err);
    for (size_t f = 0; f < n_fold && st == EVOKE_OK; f++)
        st = add_fold(&c, f, err);
    size_t best = 0;
    for (size_t i = 1; i < GRID; i++)
        best = c.total[i] < c.total[best] ? i : best;
    *s = grid(best);
    free(c.kept);
    free(c.of);
    free(c.g);
    free(c.values);
    free(c.means);
    free(c.grand);
    free(c.cross);
    free(c.q);
    return st;
}
