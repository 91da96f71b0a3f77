#include "theory/fisher.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "theory/linear.h"

static const int n_refine = 3;
static const double largest_residual = 1e-7;    /* of |ev|, after refinement */

/* Sw(s) factored, and room to solve in. */
typedef struct solver {
    const evk_scatter *sc;
    double a, t, s;
    double *factor;                     /* [k, k] lower triangle */
    double *by_row;                     /* [n] */
    double *residual, *step;            /* [D] */
} solver;

static evoke_status not_invertible(const evk_scatter *sc, double s, evoke_error *err)
{
    return evk_fail(err, EVOKE_ESINGULAR, "Fisher direction: the scatter of %zu rows in %zu dimensions cannot be inverted"
                    " at shrinkage %g; take Ledoit-Wolf, OAS or a larger number, up to 1", sc->n, sc->d, s);
}

/* a gram + t I = L L^T */
static evoke_status factor(solver *so, evoke_error *err)
{
    const evk_scatter *sc = so->sc;
    const size_t k = sc->k;
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j <= i; j++)
            so->factor[i * k + j] = so->a * sc->gram[i * k + j] + (i == j ? so->t : 0);
    return evk_cholesky(so->factor, k) ? EVOKE_OK : not_invertible(sc, so->s, err);
}

/* v [k] becomes (L L^T)^-1 v. */
static void substitute(const solver *so, double *v)
{
    evk_cholesky_solve(so->factor, so->sc->k, v);
}

/* v [D] becomes Sw(s)^-1 v. */
static void solve(const solver *so, double *v)
{
    const evk_scatter *sc = so->sc;
    const size_t n = sc->n, d = sc->d;
    if (!sc->by_rows) {
        substitute(so, v);
        return;
    }
    for (size_t i = 0; i < n; i++)
        so->by_row[i] = evk_dot(sc->x + i * d, v, d);
    substitute(so, so->by_row);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            v[j] -= so->a * so->by_row[i] * sc->x[i * d + j];
    for (size_t j = 0; j < d; j++)
        v[j] /= so->t;
}

/* residual = ev - Sw(s) w; returns its length as a share of ev's. */
static double measure_residual(const solver *so, const double *w)
{
    const evk_scatter *sc = so->sc;
    evk_scatter_apply(sc, so->s, w, so->residual, so->by_row);
    for (size_t j = 0; j < sc->d; j++)
        so->residual[j] = sc->ev[j] - so->residual[j];
    return evk_length(so->residual, sc->d) / evk_length(sc->ev, sc->d);
}

/* Each step is kept only where it makes the residual less. */
static double refine(const solver *so, double *w)
{
    const size_t d = so->sc->d;
    double left = measure_residual(so, w);
    for (int r = 0; r < n_refine && left > DBL_EPSILON; r++) {
        memcpy(so->step, so->residual, d * sizeof *w);
        solve(so, so->step);
        for (size_t j = 0; j < d; j++)
            w[j] += so->step[j];
        const double now = measure_residual(so, w);
        if (!(now < left)) {
            for (size_t j = 0; j < d; j++)
                w[j] -= so->step[j];
            break;
        }
        left = now;
    }
    return left;
}

static evoke_status run(solver *so, double *w, evoke_error *err)
{
    const evk_scatter *sc = so->sc;
    EVK_TRY(evk_alloc(&so->factor, sc->k * sc->k, sizeof *so->factor, "Fisher direction", err));
    EVK_TRY(evk_alloc(&so->by_row, sc->n, sizeof *so->by_row, "Fisher direction", err));
    EVK_TRY(evk_alloc(&so->residual, sc->d, sizeof *so->residual, "Fisher direction", err));
    EVK_TRY(evk_alloc(&so->step, sc->d, sizeof *so->step, "Fisher direction", err));
    EVK_TRY(factor(so, err));
    memcpy(w, sc->ev, sc->d * sizeof *w);
    solve(so, w);
    return refine(so, w) <= largest_residual ? EVOKE_OK : not_invertible(sc, so->s, err);   /* NaN: not */
}

evoke_status evk_fisher_direction(const evk_scatter *sc, double s, double *w, evoke_error *err)
{
    solver so = { .sc = sc, .s = s, .a = (1 - s) / (double)sc->n, .t = s * sc->m };
    if (!(so.t > 0) && (sc->by_rows || sc->n - 2 < sc->d))      /* the rank of X is n - 2 at most */
        return not_invertible(sc, s, err);
    const evoke_status st = run(&so, w, err);
    free(so.factor);
    free(so.by_row);
    free(so.residual);
    free(so.step);
    return st;
}
