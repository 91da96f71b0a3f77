/* theory/pooled_along.c: what is asked of directions once they are solved: scores, the vectors themselves, figures. */
#include <math.h>
#include <string.h>

#include "theory/linear.h"
#include "theory/pooled.h"

static double score_of(const evk_pooled *p, const double *part, size_t row)
{
    double sum = 0;
    if (!p->by_rows)
        return evk_dot(p->space->x + row * p->space->d, part, p->space->d);
    for (size_t i = 0; i < p->sample.n; i++)
        sum += part[i] * p->space->gram[row * p->space->n + p->sample.row[i]];
    return sum;
}

double evk_pooled_u_score(const evk_pooled *p, const evk_discriminant *f, size_t row)
{
    return score_of(p, f->u_part, row);
}

double evk_pooled_w_score(const evk_pooled *p, const evk_discriminant *f, size_t row)
{
    return score_of(p, f->w_part, row);
}

static void vector_of(const evk_pooled *p, const double *part, double *out)
{
    const size_t d = p->space->d;
    if (!p->by_rows) {
        memcpy(out, part, d * sizeof *out);
        return;
    }
    memset(out, 0, d * sizeof *out);
    for (size_t i = 0; i < p->sample.n; i++)
        for (size_t j = 0; j < d; j++)
            out[j] += part[i] * p->space->x[p->sample.row[i] * d + j];
}

void evk_pooled_vector(const evk_pooled *p, const evk_discriminant *f, double *out)
{
    vector_of(p, f->w_part, out);
}

void evk_pooled_u_vector(const evk_pooled *p, const evk_discriminant *f, double *out)
{
    vector_of(p, f->u_part, out);
}

/* ---- figures ---- */

/* Rounding may carry a cosine past one. */
static double bounded(double cosine)
{
    return cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
}

/* gap = v.u, within = v^T Sw v, vw = v.w */
static void figures(const evk_pooled *p, const evk_discriminant *f, double gap, double within, double vv, double vw,
                    evk_along *out)
{
    const double shrunk = (1 - p->s) * within + p->t * vv;
    out->cosine = bounded(vw / sqrt(vv * f->ww));
    out->whitened_cosine = bounded(gap / sqrt(shrunk * f->uw));
    out->efficiency = out->whitened_cosine * out->whitened_cosine;
    out->fisher_ratio = gap * gap / within;
}

void evk_pooled_along(const evk_pooled *p, const evk_discriminant *f, const double *scores, double vv, double vw,
                      evk_along *out)
{
    const evk_sample *s = &p->sample;
    double gap = 0, within = 0, both = 0;
    for (size_t k = 0; k < s->n_class; k++) {
        double mean = 0;
        for (size_t i = 0; i < s->n; i++)
            mean += s->label[i] == k ? s->count[i] * scores[s->row[i]] / p->of[k] : 0;
        gap += f->target[k] * mean;
        for (size_t i = 0; i < s->n; i++)
            if (s->label[i] == k) {
                const double part = sqrt(s->count[i]) * (scores[s->row[i]] - mean);
                within += part * part / p->total;
                both += part * f->w_scores[i];
            }
    }
    figures(p, f, gap, within, vv, p->t > 0 ? (gap - p->a * both) / p->t : vw, out);
}

void evk_pooled_along_u(const evk_pooled *p, const evk_discriminant *f, evk_along *out)
{
    figures(p, f, f->uu, evk_dot(f->u_scores, f->u_scores, p->sample.n) / p->total, f->uu, f->uw, out);
}
