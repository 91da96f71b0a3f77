#include "theory/linear.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>


/* Two versions where the CPU may have wider registers; the sums, and so the results, are the same. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

enum { LANES = 4, COLS = 4, PANEL = 32 };       /* COLS: a tile is two rows by four; PANEL: rows between two passes over L */

typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));

static inline __attribute__((always_inline)) void load(lanes *v, const double *p)
{
    memcpy(v, p, sizeof *v);
}

static inline __attribute__((always_inline)) double sum(const lanes *v)
{
    double x[LANES];
    memcpy(x, v, sizeof x);
    return (x[0] + x[2]) + (x[1] + x[3]);
}

WIDE double evk_dot(const double *a, const double *b, size_t n)
{
    lanes s[4] = {{0}}, x, y;
    size_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        for (size_t j = 0; j < 4; j++) {
            load(&x, a + i + j * LANES);
            load(&y, b + i + j * LANES);
            s[j] += x * y;
        }
    for (; i + LANES <= n; i += LANES) {
        load(&x, a + i);
        load(&y, b + i);
        s[0] += x * y;
    }
    const lanes all = (s[0] + s[2]) + (s[1] + s[3]);
    double last = 0;
    for (; i < n; i++)
        last += a[i] * b[i];
    return sum(&all) + last;
}

double evk_length(const double *a, size_t n)
{
    return sqrt(evk_dot(a, a, n));
}

/* out[r][c] = a_r . b_c over d values, for two rows and four. */
static inline __attribute__((always_inline)) void tile(const double *const a[2], const double *const b[COLS], size_t d,
                                                       double out[2][COLS])
{
    lanes s[2][COLS] = {{{0}}};
    size_t k = 0;
    for (; k + LANES <= d; k += LANES) {
        lanes a0, a1, x;
        load(&a0, a[0] + k);
        load(&a1, a[1] + k);
        for (int c = 0; c < COLS; c++) {
            load(&x, b[c] + k);
            s[0][c] += a0 * x;
            s[1][c] += a1 * x;
        }
    }
    for (int r = 0; r < 2; r++)
        for (int c = 0; c < COLS; c++) {
            out[r][c] = sum(&s[r][c]);
            for (size_t j = k; j < d; j++)
                out[r][c] += a[r][j] * b[c][j];
        }
}

/* Rows [i, i + 2) of the lower triangle, and a few cells above it. A row past the end is the last one again. */
WIDE static void gram_rows(const double *a, size_t n, size_t d, size_t i, double *gram)
{
    const size_t next = i + 1 < n ? i + 1 : i;
    const double *const left[2] = { a + i * d, a + next * d };
    for (size_t j = 0; j <= next; j += COLS) {
        const double *right[COLS];
        double out[2][COLS];
        for (size_t c = 0; c < COLS; c++)
            right[c] = a + (j + c < n ? j + c : n - 1) * d;
        tile(left, right, d, out);
        for (size_t c = 0; c < COLS && j + c <= next; c++) {
            if (j + c <= i)
                gram[i * n + j + c] = out[0][c];
            gram[next * n + j + c] = out[next > i][c];
        }
    }
}

void evk_gram(const double *a, size_t n, size_t d, size_t n_thread, double *gram)
{
    const int threads = n_thread > 1 && n * n * d > 1 << 18 ? (int)n_thread : 1;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (size_t pair = 0; pair < (n + 1) / 2; pair++)
        gram_rows(a, n, d, 2 * ((n + 1) / 2 - 1 - pair), gram);             /* the long rows first */
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            gram[j * n + i] = gram[i * n + j];
}

/* Row i's cells in columns [j, j + COLS) up to the diagonal, once those left of j and the rows above are final. */
static inline __attribute__((always_inline)) bool finish(double *a, size_t k, size_t i, size_t j, const double dots[COLS])
{
    double *row = a + i * k;
    for (size_t c = 0; c < COLS && j + c <= i; c++) {
        const double *above = a + (j + c) * k, whole = row[j + c];
        double x = whole - dots[c];
        for (size_t b = j; b < j + c; b++)
            x -= row[b] * above[b];
        if (j + c < i) {
            row[j + c] = x / above[j + c];
        } else {
            if (!(x > (double)k * DBL_EPSILON * whole))
                return false;
            row[j + c] = sqrt(x);
        }
    }
    return true;
}

/* By rows, each less what the columns before have explained; a panel of rows goes through all columns before the next. */
WIDE bool evk_cholesky(double *a, size_t k)
{
    for (size_t panel = 0; panel < k; panel += PANEL) {
        const size_t end = panel + PANEL < k ? panel + PANEL : k;
        for (size_t j = 0; j < end; j += COLS) {
            const double *above[COLS];
            for (size_t c = 0; c < COLS; c++)
                above[c] = a + (j + c < k ? j + c : k - 1) * k;
            for (size_t i = j > panel ? j : panel; i < end; i += 2) {
                const size_t next = i + 1 < end ? i + 1 : i;
                const double *const rows[2] = { a + i * k, a + next * k };
                double dots[2][COLS];
                tile(rows, above, j, dots);
                if (!finish(a, k, i, j, dots[0]))
                    return false;
                if (next > i && !finish(a, k, next, j, dots[1]))
                    return false;
            }
        }
    }
    return true;
}

void evk_cholesky_solve(const double *l, size_t k, double *b)
{
    for (size_t i = 0; i < k; i++)
        b[i] = (b[i] - evk_dot(l + i * k, b, i)) / l[i * k + i];
    for (size_t i = k; i-- > 0;) {
        b[i] /= l[i * k + i];
        for (size_t j = 0; j < i; j++)
            b[j] -= l[i * k + j] * b[i];
    }
}

double evk_cholesky_log_det(const double *l, size_t k)
{
    double total = 0;
    for (size_t i = 0; i < k; i++)
        total += 2 * log(l[i * k + i]);
    return total;
}

/* LAPACK, by columns: a row-major lower triangle is its upper one, and its eigenvectors come out as our rows. */
extern void dsyevd_(char *job, char *uplo, int *n, double *a, int *lda, double *w, double *work, int *lwork, int *iwork,
                    int *liwork, int *info);

evoke_status evk_eigen(double *a, size_t k, bool vectors, double *values, evoke_error *err)
{
    char job[2] = { vectors ? 'V' : 'N', 0 }, uplo[2] = "U";
    int side = (int)k, info = 0, n_work = -1, n_iwork = -1, few = 0;
    double size = 0, *work = NULL;
    int *iwork = NULL;
    if (k > INT_MAX / 4)
        return evk_fail(err, EVOKE_ENOMEM, "eigenvalues: a matrix of side %zu is too large", k);
    dsyevd_(job, uplo, &side, a, &side, values, &size, &n_work, &few, &n_iwork, &info);
    n_work = (int)size;
    n_iwork = few;
    evoke_status st = evk_alloc(&work, (size_t)n_work, sizeof *work, "eigenvalues", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&iwork, (size_t)n_iwork, sizeof *iwork, "eigenvalues", err);
    if (st == EVOKE_OK) {
        dsyevd_(job, uplo, &side, a, &side, values, work, &n_work, iwork, &n_iwork, &info);
        if (info != 0)
            st = evk_fail(err, EVOKE_ECOMPUTE, "eigenvalues: no convergence; is a value not finite?");
    }
    free(iwork);
    free(work);
    return st;
}
