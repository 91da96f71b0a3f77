/* core/kernels/blas_check.c: does OpenBLAS compute right on this CPU?
 *
 * OpenBLAS chooses its kernels by CPU when the program starts. Some builds choose wrongly, or hold a kernel that is wrong
 * (0.3.21's SkylakeX on some virtual machines), and every result is then silently off. So before the first use, products
 * of small matrices are compared with plain loops: whole tiles, odd edges, transposed operands, one large enough to be
 * divided over threads (once each: where other programs have the cores, OpenBLAS's threads wait for each other long).
 * Entries are multiples of 1/1024, so the loops' sums are exact. Takes about 2 ms. */
#include "core/kernels/blas_check.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/evoke.h"
#include "core/kernels/matmul.h"

extern void dpotrf_(char *triangle, int *n, double *a, int *lda, int *info);       /* LAPACK, in OpenBLAS */

enum {
    MOST = 112 * 112,           /* entries of a matrix */
    THREADED = 1 << 18          /* multiplications above which OpenBLAS divides a product over threads */
};

static const struct { size_t m, n, k; } shapes[] = {
    { 1, 1, 1 }, { 2, 3, 5 }, { 4, 8, 16 }, { 17, 33, 65 }, { 31, 7, 112 }, { 64, 48, 32 }, { 5, 111, 37 },
    { 90, 80, 100 },
};

/* A [m, k] and B [k, n] as they are and transposed, in double and float; exact results; room for OpenBLAS's. */
typedef struct work {
    double a[2][MOST], b[2][MOST], exact[MOST], c[MOST], fit[MOST];
    float fa[2][MOST], fb[2][MOST], fc[MOST];
} work;

static void fill(size_t rows, size_t cols, size_t seed, double x[2][MOST], float f[2][MOST])
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            const double v = ((double)((i * 7919 + j * 104729 + seed) * 2654435761u % 1024) - 511) / 1024;
            x[0][i * cols + j] = x[1][j * rows + i] = v;
            f[0][i * cols + j] = f[1][j * rows + i] = (float)v;
        }
}

static void multiply(size_t m, size_t n, size_t k, const double *a, const double *b, double *c)
{
    memset(c, 0, m * n * sizeof *c);
    for (size_t i = 0; i < m; i++)
        for (size_t p = 0; p < k; p++)
            for (size_t j = 0; j < n; j++)
                c[i * n + j] += a[i * k + p] * b[p * n + j];
}

static evoke_status wrong(const evk_blas *blas, const char *routine, size_t m, size_t n, size_t k, double off,
                          evoke_error *err)
{
#if defined(__aarch64__)
    const char *other = strcmp(blas->core, "armv8") == 0 ? "CORTEXA53" : "ARMV8";
#else
    const char *other = strcmp(blas->core, "Haswell") == 0 ? "Prescott" : "Haswell";
#endif
    return evk_fail(err, EVOKE_ECOMPUTE, "check OpenBLAS: %s %zux%zux%zu is off by %.2g: this build's kernel '%s' computes "
                    "wrong results on this CPU; set OPENBLAS_CORETYPE=%s (openblas %s)", routine, m, n, k, off, blas->core,
                    other, blas->version);
}

/* Largest difference; a NaN counts as infinite. */
static double distance(const double *x, const double *exact, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = fabs(x[i] - exact[i]);
        most = d <= most ? most : isnan(d) ? INFINITY : d;
    }
    return most;
}

static double distance_float(work *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        w->c[i] = (double)w->fc[i];
    return distance(w->c, w->exact, n);
}

static evoke_status check_gemm(const evk_blas *blas, work *w, size_t m, size_t n, size_t k, evoke_error *err)
{
    static const CBLAS_TRANSPOSE transpose[2] = { CblasNoTrans, CblasTrans };
    const int im = (int)m, in = (int)n, ik = (int)k;
    multiply(m, n, k, w->a[0], w->b[0], w->exact);
    for (size_t which = m * n * k < THREADED ? 0 : 3; which < 4; which++) {
        const size_t ta = which / 2, tb = which % 2;
        const int lda = ta ? im : ik, ldb = tb ? ik : in;
        for (size_t i = 0; i < m * n; i++)
            w->fc[i] = 1e6f, w->c[i] = 1e6;                     /* must not count, beta is 0 */
        blas->dgemm(CblasRowMajor, transpose[ta], transpose[tb], im, in, ik, 1, w->a[ta], lda, w->b[tb], ldb, 0, w->c, in);
        double off = distance(w->c, w->exact, m * n);
        if (off > (double)k * DBL_EPSILON)
            return wrong(blas, "dgemm", m, n, k, off, err);
        blas->sgemm(CblasRowMajor, transpose[ta], transpose[tb], im, in, ik, 1, w->fa[ta], lda, w->fb[tb], ldb, 0, w->fc,
                    in);
        off = distance_float(w, m * n);
        if (off > (double)k * (double)FLT_EPSILON)
            return wrong(blas, "sgemm", m, n, k, off, err);
    }
    return EVOKE_OK;
}

/* A times a vector, the first k entries of B as they lie; and the same by the transposed copy of A. */
static evoke_status check_gemv(const evk_blas *blas, work *w, size_t m, size_t k, evoke_error *err)
{
    multiply(m, 1, k, w->a[0], w->b[0], w->exact);
    for (size_t t = 0; t < 2; t++) {
        blas->sgemv(CblasRowMajor, t ? CblasTrans : CblasNoTrans, (int)(t ? k : m), (int)(t ? m : k), 1, w->fa[t],
                    (int)(t ? m : k), w->fb[0], 1, 0, w->fc, 1);
        const double off = distance_float(w, m);
        if (off > (double)k * (double)FLT_EPSILON)
            return wrong(blas, "sgemv", m, 1, k, off, err);
    }
    return EVOKE_OK;
}

/* A A^T, either triangle, from A and from its transpose. */
static evoke_status check_syrk(const evk_blas *blas, work *w, size_t m, size_t k, evoke_error *err)
{
    multiply(m, m, k, w->a[0], w->a[1], w->exact);
    for (size_t which = 0; which < 4; which++) {
        const bool t = which / 2, upper = which % 2;
        memset(w->c, 0, m * m * sizeof *w->c);
        blas->dsyrk(CblasRowMajor, upper ? CblasUpper : CblasLower, t ? CblasTrans : CblasNoTrans, (int)m, (int)k, 1,
                    w->a[t], (int)(t ? m : k), 0, w->c, (int)m);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < i; j++)
                w->c[upper ? i * m + j : j * m + i] = w->c[upper ? j * m + i : i * m + j];
        const double off = distance(w->c, w->exact, m * m);
        if (off > (double)k * DBL_EPSILON)
            return wrong(blas, "dsyrk", m, m, k, off, err);
    }
    return EVOKE_OK;
}

/* Cholesky factor L of G = A A^T + k I, against G; and G^-1 b by two triangular solves, against b, the start of B. */
static evoke_status check_cholesky(const evk_blas *blas, work *w, size_t m, size_t k, evoke_error *err)
{
    const double bound = 4 * (double)(m * k) * DBL_EPSILON;
    double *l = w->c, *solved = w->fit, off = 0;
    int side = (int)m, info = 0;
    for (size_t i = 0; i < m; i++)
        w->exact[i * m + i] += (double)k;
    memcpy(l, w->exact, m * m * sizeof *l);
    blas->dpotrf((char[]){ 'U', 0 }, &side, l, &side, &info);           /* its upper, by columns: our lower, by rows */
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t p = 0; p <= j; p++)
                sum += l[i * m + p] * l[j * m + p];
            off = fmax(off, isnan(sum) ? INFINITY : fabs(sum - w->exact[i * m + j]));
        }
    if (off > bound || info != 0)
        return wrong(blas, "dpotrf", m, m, m, off, err);

    memcpy(solved, w->b[0], m * sizeof *solved);
    blas->dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, side, l, side, solved, 1);
    blas->dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, side, l, side, solved, 1);
    multiply(m, 1, m, w->exact, solved, w->c);
    off = distance(w->c, w->b[0], m);
    return off > bound ? wrong(blas, "dtrsv", m, 1, m, off, err) : EVOKE_OK;
}

evoke_status evk_blas_check_routines(const evk_blas *blas, evoke_error *err)
{
    work *w;
    EVK_TRY(evk_alloc(&w, 1, sizeof *w, "check OpenBLAS", err));
    evoke_status st = EVOKE_OK;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes && st == EVOKE_OK; s++) {
        const size_t m = shapes[s].m, n = shapes[s].n, k = shapes[s].k;
        fill(m, k, 1, w->a, w->fa);
        fill(k, n, 2, w->b, w->fb);
        st = check_gemm(blas, w, m, n, k, err);
        if (st == EVOKE_OK)
            st = check_gemv(blas, w, m, k, err);
        if (st == EVOKE_OK)
            st = check_syrk(blas, w, m, k, err);
        if (st == EVOKE_OK && m != 64)                          /* dpotrf takes threads from 64 on: once, for the last */
            st = check_cholesky(blas, w, m, k, err);
    }
    free(w);
    return st;
}

/* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …": its second word. */
static void version_of(const char *config, char *version, size_t size)
{
    const char *word = strchr(config, ' ');
    word = word ? word + 1 : config;
    size_t n = strcspn(word, " ");
    n = n < size ? n : size - 1;
    memcpy(version, word, n);
    version[n] = '\0';
}

evoke_status evk_blas_check(evoke_error *err)
{
    char version[32];
    version_of(openblas_get_config(), version, sizeof version);
    const evk_blas blas = { cblas_sgemm, cblas_dgemm, cblas_sgemv, cblas_dsyrk, dpotrf_, cblas_dtrsv,
                            evoke_blas_core(), version };
    return evk_blas_check_routines(&blas, err);
}

const char *evoke_blas_core(void)
{
    return openblas_get_corename();
}

const char *evoke_blas_faster_core(void)
{
    const char *faster = NULL, *isa;
    for (size_t i = 0; strcmp(evoke_blas_core(), "Prescott") == 0 && (isa = evoke_isa_name(i)); i++)
        faster = strcmp(isa, "avx512") == 0 ? "SkylakeX" : strcmp(isa, "avx2") == 0 ? "Haswell" : faster;
    return faster;
}
