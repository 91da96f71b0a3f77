#include "theory/component.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/linear.h"

static const size_t most_steps = 2000;

/* c less its mean over the rows kept, 0 elsewhere. */
static void centre(const double *kept, size_t n, double *c)
{
    double sum = 0, of = 0;
    for (size_t i = 0; i < n; i++)
        if (kept[i] > 0) {
            sum += c[i];
            of++;
        }
    for (size_t i = 0; i < n; i++)
        c[i] = kept[i] > 0 ? c[i] - sum / of : 0;
}

/* scores = x x^T c: of all rows along sum_i c_i x_i. */
static void multiply(const evk_row_space *s, const double *c, double *scores)
{
    for (size_t i = 0; i < s->n; i++)
        scores[i] = evk_dot(s->gram + i * s->n, c, s->n);
}

/* tr(H K H) over the rows kept; *farthest has the greatest cell of its diagonal. */
static double trace_of(const evk_row_space *s, const double *kept, double *scratch, size_t *farthest)
{
    double total = 0, most = -1, trace = 0, of = 0;
    multiply(s, kept, scratch);
    for (size_t i = 0; i < s->n; i++)
        of += kept[i];
    for (size_t i = 0; i < s->n; i++)
        total += kept[i] * scratch[i] / (of * of);
    for (size_t i = 0; i < s->n; i++) {
        const double cell = kept[i] > 0 ? s->gram[i * s->n + i] - 2 * scratch[i] / of + total : -1;
        trace += kept[i] > 0 ? cell : 0;
        if (cell > most) {
            most = cell;
            *farthest = i;
        }
    }
    return trace;
}

static evoke_status iterate(const evk_row_space *s, const double *kept, double settled, double *c, double *scores,
                            double *share, evoke_error *err)
{
    size_t first = 0;
    double value = 0;
    const double trace = trace_of(s, kept, scores, &first);
    c[first] = 1;
    centre(kept, s->n, c);
    for (size_t step = 0; step < most_steps; step++) {
        if (step > 0) {
            memcpy(c, scores, s->n * sizeof *c);
            centre(kept, s->n, c);
        }
        const double before = value, length = evk_length(c, s->n);
        for (size_t i = 0; i < s->n; i++)
            c[i] /= length;
        multiply(s, c, scores);
        value = evk_dot(c, scores, s->n);           /* |sum_i c_i x_i|^2 for unit c */
        if (!(value > 0) || !isfinite(value))
            return evk_fail(err, EVOKE_EDATA, "principal component: the rows do not vary");
        if (fabs(value - before) <= settled * value)
            break;
    }
    for (size_t i = 0; i < s->n; i++) {
        c[i] /= sqrt(value);
        scores[i] /= sqrt(value);
    }
    *share = value / trace;
    return EVOKE_OK;
}

evoke_status evk_component(const evk_row_space *space, const double *kept, double settled, double *scores, double *v,
                           double *share, evoke_error *err)
{
    double *c = NULL;
    EVK_TRY(evk_alloc(&c, space->n, sizeof *c, "principal component", err));
    const evoke_status st = iterate(space, kept, settled, c, scores, share, err);
    if (st == EVOKE_OK && v)
        evk_row_space_combine(space, c, v);
    free(c);
    return st;
}
