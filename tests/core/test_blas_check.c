/* tests/core/test_blas_check.c: OpenBLAS as it is passes; a routine with one kind of fault does not, and the text tells. */
#include <string.h>

#include "core/kernels/blas_check.h"
#include "core/kernels/matmul.h"
#include "tests/check.h"

extern void dpotrf_(char *triangle, int *n, double *a, int *lda, int *info);

/* Wrong where m and n are no whole tiles: the last element is off. */
static void sgemm_edge(CBLAS_ORDER order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k,
                       float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c,
                       blasint ldc)
{
    cblas_sgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    if (m % 16 && n % 16 && m > 16 && n > 16)
        c[(m - 1) * ldc + n - 1] += 0.25f;
}

/* Adds to what is there although beta is 0. */
static void dgemm_beta(CBLAS_ORDER order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k,
                       double alpha, const double *a, blasint lda, const double *b, blasint ldb, double beta, double *c,
                       blasint ldc)
{
    cblas_dgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, m > 50 ? 1 : beta, c, ldc);
}

static void sgemv_nan(CBLAS_ORDER order, CBLAS_TRANSPOSE t, blasint m, blasint n, float alpha, const float *a,
                      blasint lda, const float *x, blasint incx, float beta, float *y, blasint incy)
{
    cblas_sgemv(order, t, m, n, alpha, a, lda, x, incx, beta, y, incy);
    if (t == CblasTrans && n == 31)
        y[30] = 0.0f / beta;
}

static void dsyrk_scaled(CBLAS_ORDER order, CBLAS_UPLO triangle, CBLAS_TRANSPOSE t, blasint n, blasint k, double alpha,
                         const double *a, blasint lda, double beta, double *c, blasint ldc)
{
    cblas_dsyrk(order, triangle, t, n, k, triangle == CblasLower ? alpha : alpha * (1 + 1e-9), a, lda, beta, c, ldc);
}

static void dpotrf_lazy(char *triangle, int *n, double *a, int *lda, int *info)
{
    if (*n == 90)
        *info = 0;
    else
        dpotrf_(triangle, n, a, lda, info);
}

static void dtrsv_unit(CBLAS_ORDER order, CBLAS_UPLO triangle, CBLAS_TRANSPOSE t, CBLAS_DIAG diagonal, blasint n,
                       const double *a, blasint lda, double *x, blasint incx)
{
    cblas_dtrsv(order, triangle, t, n == 5 ? CblasUnit : diagonal, n, a, lda, x, incx);
}

static void finds(evk_blas blas, const char *text)
{
    evoke_error err = { 0 };
    check(evk_blas_check_routines(&blas, &err) == EVOKE_ECOMPUTE, "%s not found", text);
    check(strstr(err.text, text) && strstr(err.text, "kernel 'Testwell'") && strstr(err.text, "OPENBLAS_CORETYPE=") &&
          strstr(err.text, "(openblas 9.9)"), "'%s' does not tell '%s'", err.text, text);
    check(!strchr(err.text, '\n'), "one line");
}

int main(void)
{
    evoke_error err = { 0 };
    check(evk_blas_check(&err) == EVOKE_OK, "%s", err.text);
    const evk_blas good = { cblas_sgemm, cblas_dgemm, cblas_sgemv, cblas_dsyrk, dpotrf_, cblas_dtrsv,
                            "Testwell", "9.9" };
    check(evk_blas_check_routines(&good, &err) == EVOKE_OK, "%s", err.text);
    evk_kernels k = { 0 };
    const bool avx2 = evk_kernels_select("avx2", &k, NULL) == EVOKE_OK;
    const char *faster = evoke_blas_faster_core(), *core = evoke_blas_core();
    check((faster != NULL) == (avx2 && strcmp(core, "Prescott") == 0), "kernels for %s, and %s would be faster", core,
          faster ? faster : "none");
    evk_blas bad = good;
    bad.sgemm = sgemm_edge;
    finds(bad, "check OpenBLAS: sgemm 17x33x65 is off by 0.25");
    bad = good;
    bad.dgemm = dgemm_beta;
    finds(bad, "check OpenBLAS: dgemm 64x48x32 is off by 1e+06");
    bad = good;
    bad.sgemv = sgemv_nan;
    finds(bad, "check OpenBLAS: sgemv 31x1x112 is off by inf");
    bad = good;
    bad.dsyrk = dsyrk_scaled;
    finds(bad, "check OpenBLAS: dsyrk");
    bad = good;
    bad.dpotrf = dpotrf_lazy;
    finds(bad, "check OpenBLAS: dpotrf 90x90x90 is off by");
    bad = good;
    bad.dtrsv = dtrsv_unit;
    finds(bad, "check OpenBLAS: dtrsv 5x1x5 is off by");
    return check_done();
}
