/* core/kernels/matmul.c: activations times a stored weight matrix, y[t, r] = sum_k x[t, k] W[r, k] + bias[r].
 *
 * W is cut into panels of rows. A thread dequantises one panel into its own scratch, small enough to stay in its L2
 * cache, and multiplies it with every token before it takes the next; float32 weights are used where they lie. Which
 * thread does which panel does not matter: by the rule of kernels.h an element is a function of x[t, :] and W[r, :].
 *
 * Distances between rows that are a large power of two make all rows compete for the same few cache lines, so rows of
 * scratch are kept off them. */
#include "core/kernels/matmul.h"

#include <assert.h>
#include <omp.h>

enum {
    PANEL_FLOATS = 48 * 1024,   /* 192 KB */
    LEAST_ROWS = 12,            /* a few tiles of any instruction set */
    MOST_ROWS = 96,
    PANELS_A_THREAD = 4,        /* enough to share out evenly where the matrix is small */
    WORTH_THREADS = 1 << 16     /* multiplications below which waking threads costs more than it brings */
};

/* Floats from one row of scratch to the next. */
static size_t row_distance(size_t k)
{
    const size_t padded = (k + 15) / 16 * 16;
    return padded % 256 == 0 ? padded + 16 : padded;
}

static size_t panel_floats(size_t k)
{
    const size_t least = LEAST_ROWS * row_distance(k);
    return (least > PANEL_FLOATS ? least : PANEL_FLOATS) + 16;
}

size_t evk_matmul_scratch(size_t n_thread, size_t k)
{
    return (n_thread ? n_thread : 1) * panel_floats(k);
}

/* Rows of a panel: as many as fit, but so few that every thread gets several. */
static size_t panel_rows(size_t n_row, size_t k, size_t n_thread)
{
    size_t rows = PANEL_FLOATS / row_distance(k);
    if (rows > MOST_ROWS)
        rows = MOST_ROWS;
    const size_t share = n_row / (n_thread * PANELS_A_THREAD) + 1;
    if (rows > share && n_thread > 1)
        rows = share;
    rows = rows / LEAST_ROWS * LEAST_ROWS;
    return rows ? rows : LEAST_ROWS;
}

static bool usable_in_place(const evk_tensor *w)
{
    return w->type == EVK_F32 && (uintptr_t)w->data % sizeof(float) == 0 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}

/* Rows [first, first + n_row) of w as floats; *distance between them. */
static const float *fetch_panel(const evk_kernels *kernels, const evk_tensor *w, size_t first, size_t n_row,
                                float *scratch, size_t *distance)
{
    const char *rows = (const char *)w->data + first * w->row_bytes;
    if (usable_in_place(w)) {
        *distance = w->cols;
        return (const float *)(const void *)rows;
    }
    *distance = row_distance(w->cols);
    for (size_t r = 0; r < n_row; r++)
        kernels->dequantise[w->type](rows + r * w->row_bytes, scratch + r * *distance, w->cols);
    return scratch;
}

static void add_bias(const float *bias, size_t n_row, size_t n_token, float *y, size_t ldy)
{
    for (size_t t = 0; t < n_token; t++)
        for (size_t r = 0; r < n_row; r++)
            y[t * ldy + r] += bias[r];
}

void evk_matmul(const evk_kernels *kernels, size_t n_thread, const evk_tensor *w, const float *bias, const float *x,
                size_t ldx, size_t n_token, float *y, size_t ldy, float *scratch)
{
    assert(kernels->dequantise[w->type]);
    if (n_thread == 0 || (double)n_token * (double)w->rows * (double)w->cols < WORTH_THREADS)
        n_thread = 1;
    const size_t step = panel_rows(w->rows, w->cols, n_thread), n_panel = (w->rows + step - 1) / step;
#pragma omp parallel for num_threads((int)n_thread) schedule(dynamic) if (n_thread > 1)
    for (size_t p = 0; p < n_panel; p++) {
        const size_t first = p * step, n_row = w->rows - first < step ? w->rows - first : step;
        size_t distance;
        const float *panel = fetch_panel(kernels, w, first, n_row,
                                         scratch + (size_t)omp_get_thread_num() * panel_floats(w->cols), &distance);
        kernels->matmul(x, ldx, panel, distance, y + first, ldy, n_token, n_row, w->cols);
        if (bias)
            add_bias(bias + first, n_row, n_token, y + first, ldy);
    }
}
