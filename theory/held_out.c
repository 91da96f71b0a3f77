#include "theory/held_out.h"

#include <stdlib.h>

#include "theory/fisher.h"
#include "theory/separation.h"
#include "theory/shrinkage.h"

typedef struct fold {
    const float **one, **zero;      /* [n - 1] rows of the queries kept */
    double *origin, *w;             /* [D] zeros; fitted */
    double *scores[2][2];           /* [ev, w][class 0, class 1] [n] */
} fold;

static evoke_status allocate(fold *f, size_t n, size_t d, evoke_error *err)
{
    EVK_TRY(evk_alloc(&f->one, n, sizeof *f->one, "held-out AUC", err));
    EVK_TRY(evk_alloc(&f->zero, n, sizeof *f->zero, "held-out AUC", err));
    EVK_TRY(evk_alloc(&f->origin, d, sizeof *f->origin, "held-out AUC", err));
    EVK_TRY(evk_alloc(&f->w, d, sizeof *f->w, "held-out AUC", err));
    for (int i = 0; i < 4; i++)
        EVK_TRY(evk_alloc(&f->scores[i / 2][i % 2], n, sizeof(double), "held-out AUC", err));
    return EVOKE_OK;
}

static void release(fold *f)
{
    free(f->one);
    free(f->zero);
    free(f->origin);
    free(f->w);
    for (int i = 0; i < 4; i++)
        free(f->scores[i / 2][i % 2]);
}

/* Query i's rows on v / |v|. */
static void score(fold *f, size_t i, int which, const double *v, evk_class one, evk_class zero, size_t d)
{
    const double length = evk_length(v, d);
    evk_project((evk_class){ zero.rows + i, 1 }, f->origin, v, d, &f->scores[which][0][i]);
    evk_project((evk_class){ one.rows + i, 1 }, f->origin, v, d, &f->scores[which][1][i]);
    f->scores[which][0][i] /= length;
    f->scores[which][1][i] /= length;
}

/* Fits all queries but i, and scores i. */
static evoke_status leave_out(fold *f, size_t i, evk_class one, evk_class zero, size_t d, double choice, evoke_error *err)
{
    evk_scatter sc;
    size_t kept = 0;
    for (size_t j = 0; j < one.n; j++) {
        if (j == i)
            continue;
        f->one[kept] = one.rows[j];
        f->zero[kept++] = zero.rows[j];
    }
    evoke_status st = evk_scatter_fit((evk_class){ f->one, kept }, (evk_class){ f->zero, kept }, d, EVK_GRAM_SMALLER, &sc,
                                      err);
    if (st == EVOKE_OK)
        st = evk_fisher_direction(&sc, evk_shrinkage(&sc, choice), f->w, err);
    if (st == EVOKE_OK) {
        score(f, i, 0, sc.ev, one, zero, d);
        score(f, i, 1, f->w, one, zero, d);
    }
    evk_scatter_free(&sc);
    return st;
}

evoke_status evk_leave_one_out(evk_class one, evk_class zero, size_t d, double choice, evk_held_out *out,
                               evoke_error *err)
{
    const size_t n = one.n;
    fold f = {0};
    if (n != zero.n || n < 3)
        return evk_fail(err, EVOKE_EDATA, "held-out AUC: %zu and %zu rows; it takes as many of both classes, three at least",
                        n, zero.n);
    evoke_status st = allocate(&f, n, d, err);
    for (size_t i = 0; i < n && st == EVOKE_OK; i++)
        st = leave_out(&f, i, one, zero, d, choice, err);
    if (st == EVOKE_OK)
        st = evk_auc(f.scores[0][1], n, f.scores[0][0], n, &out->auc_ev, err);
    if (st == EVOKE_OK)
        st = evk_auc(f.scores[1][1], n, f.scores[1][0], n, &out->auc_w, err);
    release(&f);
    return st;
}
