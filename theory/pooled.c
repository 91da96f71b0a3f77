#include "theory/pooled.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/linear.h"
#include "theory/scatter.h"
#include "theory/shrinkage.h"

evoke_status evk_pooled_new(const evk_row_space *space, size_t room, size_t most_classes, evk_pooled *out, evoke_error *err)
{
    const char *what = "discriminant";
    const bool primal = space->d < room;
    const size_t side = primal ? space->d : room, longest = room > space->d && primal ? room : side;
    *out = (evk_pooled){ .space = space, .room = room, .most_classes = most_classes };
    EVK_TRY(evk_alloc(&out->of, most_classes, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&out->weight, room, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&out->factor, side * side, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&out->means, most_classes * longest, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&out->grand, most_classes * most_classes, sizeof(double), what, err));
    if (!primal)
        return EVOKE_OK;
    EVK_TRY(evk_alloc(&out->x, room * space->d, sizeof(double), what, err));
    return evk_alloc(&out->turned, room * space->d, sizeof(double), what, err);
}

void evk_pooled_free(evk_pooled *p)
{
    free(p->of);
    free(p->factor);
    free(p->weight);
    free(p->means);
    free(p->grand);
    free(p->x);
    free(p->turned);
    *p = (evk_pooled){0};
}

evoke_status evk_discriminant_new(const evk_pooled *p, evk_discriminant *out, evoke_error *err)
{
    const char *what = "discriminant";
    const size_t part = p->room < p->space->d ? p->space->d : p->room;
    *out = (evk_discriminant){0};
    EVK_TRY(evk_alloc(&out->u_scores, p->room, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&out->w_scores, p->room, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&out->u_part, part, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&out->w_part, part, sizeof(double), what, err));
    return evk_alloc(&out->target, p->most_classes, sizeof(double), what, err);
}

void evk_discriminant_free(evk_discriminant *f)
{
    free(f->u_scores);
    free(f->w_scores);
    free(f->u_part);
    free(f->w_part);
    free(f->target);
    *f = (evk_discriminant){0};
}

/* ---- the scatter ---- */

/* The mean product of each row with the rows of each class, and of two classes. */
static void find_means(evk_pooled *p)
{
    const evk_sample *s = &p->sample;
    const size_t n = s->n, classes = s->n_class;
    memset(p->grand, 0, classes * classes * sizeof *p->grand);
    for (size_t k = 0; k < classes; k++) {
        for (size_t j = 0; j < n; j++)
            p->weight[j] = s->label[j] == k ? s->count[j] / p->of[k] : 0;
        for (size_t i = 0; i < n; i++)
            p->means[k * n + i] = evk_dot(p->factor + i * n, p->weight, n);
        for (size_t i = 0; i < n; i++)
            p->grand[k * classes + s->label[i]] += s->count[i] * p->means[k * n + i] / p->of[s->label[i]];
    }
}

/* X X^T from the Gram matrix, its lower triangle. */
static void centre_gram(evk_pooled *p)
{
    const evk_sample *s = &p->sample;
    const size_t n = s->n, classes = s->n_class;
    for (size_t i = 0; i < n; i++) {
        const double *row = p->space->gram + s->row[i] * p->space->n;
        for (size_t j = 0; j < n; j++)
            p->factor[i * n + j] = row[s->row[j]];
    }
    find_means(p);
    for (size_t i = 0; i < n; i++)
        p->weight[i] = sqrt(s->count[i]);
    for (size_t i = 0; i < n; i++) {
        const double *own = p->means + s->label[i] * n, *grand = p->grand + s->label[i] * classes;
        double *cells = p->factor + i * n;
        for (size_t j = 0; j <= i; j++)
            cells[j] = p->weight[i] * p->weight[j]
                       * (cells[j] - own[j] - (p->means[s->label[j] * n + i] - grand[s->label[j]]));
    }
}

/* X, its columns as rows, and X^T X; the products of means. */
static void centre_rows(evk_pooled *p)
{
    const evk_sample *s = &p->sample;
    const size_t n = s->n, d = p->space->d, classes = s->n_class;
    memset(p->means, 0, classes * d * sizeof *p->means);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            p->means[s->label[i] * d + j] += s->count[i] * p->space->x[s->row[i] * d + j] / p->of[s->label[i]];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            p->x[i * d + j] = sqrt(s->count[i]) * (p->space->x[s->row[i] * d + j] - p->means[s->label[i] * d + j]);
            p->turned[j * n + i] = p->x[i * d + j];
        }
    evk_gram(p->turned, d, n, 1, p->factor);
    for (size_t k = 0; k < classes; k++)
        for (size_t l = 0; l < classes; l++)
            p->grand[k * classes + l] = evk_dot(p->means + k * d, p->means + l * d, d);
}

/* What shrinkage is chosen from; a row that counts twice is two rows. */
static evk_spread spread_of(const evk_pooled *p, size_t side)
{
    evk_spread spread = { .n = p->total, .d = (double)p->space->d };
    for (size_t i = 0; i < side; i++) {
        const double *row = p->factor + i * side;
        spread.trace += row[i] / p->total;
        spread.norm2 += (2 * evk_dot(row, row, i) + row[i] * row[i]) / p->total / p->total;
    }
    for (size_t i = 0; i < p->sample.n; i++) {
        const double length2 = p->by_rows ? p->factor[i * side + i]
                                          : evk_dot(p->x + i * p->space->d, p->x + i * p->space->d, p->space->d);
        spread.fourth += length2 * length2 / p->sample.count[i];
    }
    return spread;
}

size_t evk_pooled_scatter(evk_pooled *p, const evk_sample *sample)
{
    p->sample = *sample;
    p->by_rows = !p->x || sample->n <= p->space->d;
    p->total = 0;
    memset(p->of, 0, sample->n_class * sizeof *p->of);
    for (size_t i = 0; i < sample->n; i++) {
        p->of[sample->label[i]] += sample->count[i];
        p->total += sample->count[i];
    }
    if (p->by_rows)
        centre_gram(p);
    else
        centre_rows(p);
    return p->by_rows ? sample->n : p->space->d;
}

evoke_status evk_pooled_fit(evk_pooled *p, const evk_sample *sample, double choice)
{
    const size_t side = evk_pooled_scatter(p, sample);
    const evk_spread spread = spread_of(p, side);
    p->m = spread.trace / spread.d;
    if (!(p->m > 0) || !isfinite(p->m))
        return EVOKE_EDATA;
    p->purity = spread.norm2 / (spread.trace * spread.trace);
    p->s = evk_shrinkage_of(&spread, choice);
    p->a = (1 - p->s) / p->total;
    p->t = p->s * p->m;
    if (!(p->t > 0) && (p->by_rows || p->total - (double)sample->n_class < spread.d))
        return EVOKE_ESINGULAR;
    for (size_t i = 0; i < side; i++)
        for (size_t j = 0; j <= i; j++)
            p->factor[i * side + j] = p->a * p->factor[i * side + j] + (i == j ? p->t : 0);
    return evk_cholesky(p->factor, side) ? EVOKE_OK : EVOKE_ESINGULAR;
}

/* ---- directions ---- */

static void solve_by_rows(const evk_pooled *p, evk_discriminant *f)
{
    const evk_sample *s = &p->sample;
    const size_t n = s->n, classes = s->n_class;
    f->uu = 0;
    for (size_t k = 0; k < classes; k++)
        for (size_t l = 0; l < classes; l++)
            f->uu += f->target[k] * f->target[l] * p->grand[k * classes + l];
    for (size_t i = 0; i < n; i++) {
        double score = 0, mean = 0;
        for (size_t k = 0; k < classes; k++) {
            score += f->target[k] * p->means[k * n + i];
            mean += f->target[k] * p->grand[k * classes + s->label[i]];
        }
        f->u_part[i] = f->target[s->label[i]] * s->count[i] / p->of[s->label[i]];
        f->u_scores[i] = f->w_scores[i] = sqrt(s->count[i]) * (score - mean);
    }
    evk_cholesky_solve(p->factor, n, f->w_scores);
    for (size_t k = 0; k < classes; k++) {              /* X^T y as a sum of rows: each less its class's mean */
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += s->label[i] == k ? sqrt(s->count[i]) * f->w_scores[i] : 0;
        for (size_t i = 0; i < n; i++)
            if (s->label[i] == k) {
                const double part = sqrt(s->count[i]) * f->w_scores[i] - s->count[i] * sum / p->of[k];
                f->w_part[i] = (f->u_part[i] - p->a * part) / p->t;
            }
    }
    f->uw = (f->uu - p->a * evk_dot(f->u_scores, f->w_scores, n)) / p->t;
    f->ww = (f->uw - p->a * evk_dot(f->w_scores, f->w_scores, n)) / p->t;
}

static void solve_by_columns(const evk_pooled *p, evk_discriminant *f)
{
    const size_t d = p->space->d;
    for (size_t j = 0; j < d; j++) {
        f->u_part[j] = 0;
        for (size_t k = 0; k < p->sample.n_class; k++)
            f->u_part[j] += f->target[k] * p->means[k * d + j];
        f->w_part[j] = f->u_part[j];
    }
    evk_cholesky_solve(p->factor, d, f->w_part);
    for (size_t i = 0; i < p->sample.n; i++) {
        f->u_scores[i] = evk_dot(p->x + i * d, f->u_part, d);
        f->w_scores[i] = evk_dot(p->x + i * d, f->w_part, d);
    }
    f->uu = evk_dot(f->u_part, f->u_part, d);
    f->uw = evk_dot(f->u_part, f->w_part, d);
    f->ww = evk_dot(f->w_part, f->w_part, d);
}

void evk_pooled_solve(const evk_pooled *p, const double *target, evk_discriminant *out)
{
    memcpy(out->target, target, p->sample.n_class * sizeof *target);
    if (p->by_rows)
        solve_by_rows(p, out);
    else
        solve_by_columns(p, out);
}

double evk_pooled_product(const evk_pooled *p, const evk_discriminant *f, const evk_discriminant *g)
{
    const size_t classes = p->sample.n_class;
    double product = 0;
    if (!p->by_rows)
        return evk_dot(f->u_part, g->w_part, p->space->d);
    for (size_t k = 0; k < classes; k++)
        for (size_t l = 0; l < classes; l++)
            product += f->target[k] * g->target[l] * p->grand[k * classes + l];
    return (product - p->a * evk_dot(f->u_scores, g->w_scores, p->sample.n)) / p->t;
}
