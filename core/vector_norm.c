#include "core/vector_norm.h"

#include <math.h>

double evk_norm(const float *x, size_t n)
{
    double sum[4] = {0};                    /* four chains, so that one addition need not wait for the last */
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t j = 0; j < 4; j++)
            sum[j] += (double)x[i + j] * (double)x[i + j];
    for (; i < n; i++)
        sum[0] += (double)x[i] * (double)x[i];
    return sqrt((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

double evk_cosine(const float *a, const float *b, size_t n)
{
    double dot = 0;
    for (size_t i = 0; i < n; i++)
        dot += (double)a[i] * (double)b[i];
    return dot / (evk_norm(a, n) * evk_norm(b, n));
}
