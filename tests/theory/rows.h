/* tests/theory/rows.h: matrices of rows for the tests of theory/. */
#ifndef ROWS_H
#define ROWS_H

#include <math.h>
#include <stdlib.h>

#include "core/random.h"
#include "theory/scatter.h"

typedef struct rows { float *data; const float **row; size_t n, d; } rows;

static inline rows rows_new(size_t n, size_t d)
{
    rows r = { calloc(n * d, sizeof *r.data), calloc(n, sizeof *r.row), n, d };
    for (size_t i = 0; i < n; i++)
        r.row[i] = r.data + i * d;
    return r;
}

static inline void rows_free(rows *r)
{
    free(r->data);
    free(r->row);
}

static inline evk_class class_of(const rows *r)
{
    return (evk_class){ r->row, r->n };
}

/* Independent normal values of standard deviation scale[j] (NULL: 1) around mean[j] (NULL: 0). */
static inline rows rows_normal(evk_random *r, size_t n, size_t d, const double *mean, const double *scale)
{
    rows out = rows_new(n, d);
    for (size_t i = 0; i < n * d; i++)
        out.data[i] = (float)((mean ? mean[i % d] : 0) + (scale ? scale[i % d] : 1) * evk_random_normal(r));
    return out;
}

static inline evk_random random_of(uint64_t seed)
{
    evk_random r;
    evk_random_seed(&r, &seed, 1);
    return r;
}

static inline bool near(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * fmax(fabs(a), fabs(b));
}

/* |a - b| / |b| */
static inline double distance(const double *a, const double *b, size_t n)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        difference += (a[i] - b[i]) * (a[i] - b[i]);
        size += b[i] * b[i];
    }
    return sqrt(difference / size);
}

/* Sw [D, D] from its definition. */
static inline double *plain_scatter(evk_class one, evk_class zero, size_t d)
{
    double *sw = calloc(d * d, sizeof *sw), *mean = calloc(d, sizeof *mean);
    const evk_class classes[2] = { one, zero };
    for (int c = 0; c < 2; c++) {
        for (size_t j = 0; j < d; j++) {
            mean[j] = 0;
            for (size_t i = 0; i < classes[c].n; i++)
                mean[j] += (double)classes[c].rows[i][j] / (double)classes[c].n;
        }
        for (size_t i = 0; i < classes[c].n; i++)
            for (size_t j = 0; j < d * d; j++)
                sw[j] += ((double)classes[c].rows[i][j / d] - mean[j / d]) * ((double)classes[c].rows[i][j % d] - mean[j % d])
                         / (double)(one.n + zero.n);
    }
    free(mean);
    return sw;
}

#endif
