#include "theory/pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/linear.h"
#include "theory/shrinkage_cv.h"

static const char *const what = "fit pairs of rows";

evoke_status evk_pairs_new(const float *const *one, const float *const *zero, size_t n, size_t d, size_t n_thread,
                           evk_pairs *out, evoke_error *err)
{
    const float **both = NULL;
    *out = (evk_pairs){ .n = n, .d = d };
    EVK_TRY(evk_alloc(&both, 2 * n, sizeof *both, what, err));
    memcpy(both, one, n * sizeof *both);
    memcpy(both + n, zero, n * sizeof *both);
    evoke_status st = evk_row_space_fit(both, 2 * n, d, true, n_thread, &out->rows, err);
    if (st == EVOKE_OK)
        st = evk_row_space_fit_offsets(one, zero, n, d, n_thread, &out->offsets, err);
    free(both);
    return st;
}

void evk_pairs_free(evk_pairs *p)
{
    evk_row_space_free(&p->rows);
    evk_row_space_free(&p->offsets);
}

evoke_status evk_pairs_fit_new(const evk_pairs *p, evk_pairs_fit *out, evoke_error *err)
{
    *out = (evk_pairs_fit){ .pairs = p };
    EVK_TRY(evk_alloc(&out->row, 2 * p->n, sizeof(size_t), what, err));
    EVK_TRY(evk_alloc(&out->label, 2 * p->n, sizeof(size_t), what, err));
    EVK_TRY(evk_alloc(&out->query, p->n, sizeof(size_t), what, err));
    EVK_TRY(evk_alloc(&out->one_class, p->n, sizeof(size_t), what, err));
    EVK_TRY(evk_alloc(&out->row_count, 2 * p->n, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&out->query_count, p->n, sizeof(double), what, err));
    EVK_TRY(evk_pooled_new(&p->rows, 2 * p->n, 2, &out->two, err));
    EVK_TRY(evk_pooled_new(&p->offsets, p->n, 1, &out->single, err));
    EVK_TRY(evk_discriminant_new(&out->two, &out->fisher, err));
    return evk_discriminant_new(&out->single, &out->offset, err);
}

void evk_pairs_fit_free(evk_pairs_fit *f)
{
    free(f->row);
    free(f->label);
    free(f->query);
    free(f->one_class);
    free(f->row_count);
    free(f->query_count);
    evk_pooled_free(&f->two);
    evk_pooled_free(&f->single);
    evk_discriminant_free(&f->fisher);
    evk_discriminant_free(&f->offset);
    *f = (evk_pairs_fit){0};
}

/* Also those of the offsets. */
const evk_sample *evk_pairs_keep(evk_pairs_fit *f, const double *count)
{
    size_t kept = 0, n = f->pairs->n;
    for (size_t q = 0; q < n; q++)
        if (count[q] > 0) {
            f->query[kept] = q;
            f->query_count[kept++] = count[q];
        }
    for (size_t i = 0; i < kept; i++) {
        f->row[i] = f->query[i];
        f->row[kept + i] = n + f->query[i];
        f->label[i] = 1;
        f->label[kept + i] = 0;
        f->row_count[i] = f->row_count[kept + i] = f->query_count[i];
    }
    f->rows = (evk_sample){ f->row, f->label, f->row_count, 2 * kept, 2 };
    f->offsets = (evk_sample){ f->query, f->one_class, f->query_count, kept, 1 };
    return &f->rows;
}

evoke_status evk_pairs_refit(evk_pairs_fit *f, const double *count, double s_two, double s_offset)
{
    evk_pairs_keep(f, count);
    if (f->offsets.n < 2)
        return EVOKE_EDATA;
    EVK_TRY(evk_pooled_fit(&f->two, &f->rows, s_two));
    evk_pooled_solve(&f->two, (const double[]){ -1, 1 }, &f->fisher);
    f->offset_fits = evk_pooled_fit(&f->single, &f->offsets, s_offset) == EVOKE_OK;
    if (f->offset_fits)
        evk_pooled_solve(&f->single, (const double[]){ 1 }, &f->offset);
    return EVOKE_OK;
}

/* x_row . sum_i part_i d_i */
static double offset_score(const evk_pairs_fit *f, size_t row)
{
    const evk_row_space *space = &f->pairs->rows;
    double sum = 0;
    if (!f->offset_fits)
        return NAN;
    if (!f->single.by_rows)
        return evk_dot(space->x + row * space->d, f->offset.w_part, space->d);
    for (size_t i = 0; i < f->offsets.n; i++) {
        const double *cells = space->gram + row * space->n + f->query[i];
        sum += f->offset.w_part[i] * (cells[0] - cells[f->pairs->n]);
    }
    return sum;
}

void evk_pairs_scores(const evk_pairs_fit *f, evk_fitted which, double *scores, double *vv)
{
    for (size_t row = 0; row < 2 * f->pairs->n; row++)
        scores[row] = which == EVK_FITTED_EV ? evk_pooled_u_score(&f->two, &f->fisher, row)
                      : which == EVK_FITTED_W ? evk_pooled_w_score(&f->two, &f->fisher, row) : offset_score(f, row);
    *vv = which == EVK_FITTED_EV ? f->fisher.uu : which == EVK_FITTED_W ? f->fisher.ww : f->offset.ww;
}

/* ---- shrinkage ---- */

static evoke_status by_likelihood(evk_pairs_fit *f, size_t k, double *s_two, double *s_offset, evoke_error *err)
{
    const size_t n = f->offsets.n;
    size_t *fold = NULL;
    if (n < 3)
        return evk_fail(err, EVOKE_EDATA, "shrinkage by likelihood: %zu queries; three are the least", n);
    k = k < n ? k : n;
    EVK_TRY(evk_alloc(&fold, 2 * n, sizeof *fold, what, err));
    for (size_t i = 0; i < n; i++)
        fold[i] = fold[n + i] = evk_fold(i, k);
    evoke_status st = evk_shrinkage_cv(&f->pairs->rows, &f->rows, fold, k, s_two, err);
    if (st == EVOKE_OK)
        st = evk_shrinkage_cv(&f->pairs->offsets, &f->offsets, fold, k, s_offset, err);
    free(fold);
    return st;
}

evoke_status evk_pairs_shrinkage(const evk_pairs *p, const double *count, double choice, size_t k, double *s_two,
                                 double *s_offset, evoke_error *err)
{
    evk_pairs_fit f;
    *s_two = *s_offset = choice;
    if (choice >= 0)
        return EVOKE_OK;
    evoke_status st = evk_pairs_fit_new(p, &f, err);
    if (st == EVOKE_OK) {
        evk_pairs_keep(&f, count);
        if (choice == EVOKE_SHRINK_CV) {
            st = by_likelihood(&f, k, s_two, s_offset, err);
        } else if (evk_pooled_fit(&f.two, &f.rows, choice) == EVOKE_EDATA) {
            st = evk_fail(err, EVOKE_EDATA, "within-class scatter: zero, all rows of a class are the same");
        } else {                                    /* offsets that do not vary have no fit, whatever s */
            *s_two = f.two.s;
            *s_offset = evk_pooled_fit(&f.single, &f.offsets, choice) == EVOKE_EDATA ? 1 : f.single.s;
        }
    }
    evk_pairs_fit_free(&f);
    return st;
}
