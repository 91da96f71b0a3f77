/* core/kernels/matmul.c: activations times a stored weight matrix, y[t, r] = sum_k x[t, k] W[r, k] + bias[r].
 *
 * W is cut into panels of rows, the tokens into chunks, k into the blocks of kernels.h. A thread takes a panel and a
 * chunk; block by block it dequantises the panel's part into its own scratch, small enough to stay in its L2 cache, and
 * multiplies it with the chunk's tokens. Float32 weights are used where they lie. (Tables of kernels for which 16 rows lie
 * side by side, term by term, do all this in panels.c, but for float32 weights.) Which thread does which panel does not
 * matter: by the rule of kernels.h an element is a function of x[t, :] and W[r, :].
 *
 * Distances between rows that are a large power of two make all rows compete for the same few cache lines, so rows of
 * scratch are kept off them. */
#include "core/kernels/matmul.h"

#include <assert.h>
#include <omp.h>

#include "core/kernels/packed.h"
#include "core/kernels/panels.h"

enum {
    PANEL_FLOATS = 48 * 1024,   /* scratch of a thread, 192 KB */
    PANEL_MOST = 96,            /* rows */
    PANEL_STEP = 12,            /* rows: whole tiles of any instruction set */
    HALVES_STEP = 48,           /* the same for one token with rows of 16 bits */
    PANELS_A_THREAD = 4,        /* enough to share out evenly where the matrix is small */
    CHUNK_MOST = 528,           /* tokens, of which a block of k takes 1 MB: rows become floats anew for each chunk */
    CHUNK_STEP = 24,            /* tokens: whole tiles */
    FEW_TOKENS = 4,             /* speed is that of reading weights: parts of a panel that fit in the first cache */
    PAGE_FLOATS = 1024,
    WORTH_COPYING = 8,          /* tokens that make up for a copy of float32 weights */
    WORTH_THREADS = 1 << 16     /* multiplications below which waking threads costs more than it brings */
};

size_t evk_matmul_scratch(size_t n_thread)
{
    return (n_thread ? n_thread : 1) * EVK_PANEL_SCRATCH;
}

size_t evk_threads_worth(size_t n_thread, size_t n_token, size_t rows, size_t cols)
{
    return n_thread == 0 || (double)n_token * (double)rows * (double)cols < WORTH_THREADS ? 1 : n_thread;
}

/* Floats from one row of scratch to the next. */
static size_t row_distance(size_t k)
{
    const size_t first = evk_k_block(k);
    const size_t last = k > first ? (k - 129) % 512 + 129 : k;          /* 129..640 are left at the end */
    const size_t padded = ((first > last ? first : last) + 15) / 16 * 16;
    return padded % 256 == 0 ? padded + 16 : padded;
}

/* Rows of a panel: as many as fit, but so few that every thread gets several. */
static size_t panel_rows(size_t n_row, size_t k, size_t n_thread)
{
    const size_t fit = PANEL_FLOATS / row_distance(k), fair = n_row / (n_thread * PANELS_A_THREAD) + 1;
    size_t rows = fit < PANEL_MOST ? fit : PANEL_MOST;
    if (rows > fair && n_thread > 1)
        rows = fair;
    rows = rows / PANEL_STEP * PANEL_STEP;
    return rows ? rows : PANEL_STEP;
}

/* Tokens of a chunk, of which there are as few as can be. */
static size_t chunk_tokens(size_t n_token)
{
    const size_t n_chunk = (n_token + CHUNK_MOST - 1) / CHUNK_MOST;
    return ((n_token + n_chunk - 1) / n_chunk + CHUNK_STEP - 1) / CHUNK_STEP * CHUNK_STEP;
}

static bool usable_in_place(const evk_tensor *w, size_t n_token)
{
    return w->type == EVK_F32 && !w->group && !w->transposed && (uintptr_t)w->data % sizeof(float) == 0 &&
           (w->cols % PAGE_FLOATS != 0 || n_token < WORTH_COPYING) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}

/* Rows of 16 bits that one token is multiplied with as they lie. */
static bool usable_as_halves(const evk_tensor *w, size_t n_token)
{
    return n_token == 1 && evk_is_half(w->type) && !w->group && !w->transposed &&
           (uintptr_t)w->data % sizeof(uint16_t) == 0 && w->row_bytes % sizeof(uint16_t) == 0 &&
           __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}

void evk_prefetch_rows(const evk_tensor *w, size_t first, size_t n_row, size_t skipped, size_t n)
{
    for (size_t r = first; r < first + n_row && r < w->rows; r++)
        for (size_t c = 0; c < n; c += 64)
            __builtin_prefetch(evk_tensor_row(w, r) + skipped + c, 0, 2);
}

/* Terms [i, i + n) of n_row <= PANEL_MOST rows of a transposed w: a term of all rows lies side by side. */
static void fetch_transposed(const evk_kernels *kernels, const evk_tensor *w, size_t first, size_t n_row, size_t i,
                             size_t n, float *scratch, size_t distance)
{
    const size_t bytes = evk_type_describe(w->type)->bytes;
    float term[PANEL_MOST];
    for (size_t k = 0; k < n; k++) {
        kernels->dequantise[w->type]((const char *)w->data + (i + k) * w->row_bytes + first * bytes, term, n_row);
        for (size_t r = 0; r < n_row; r++)
            scratch[r * distance + k] = term[r];
    }
}

/* Terms [i, i + n) of rows [first, first + n_row) of w as floats; *distance between rows. scratch NULL: as they lie. */
static const float *fetch(const evk_kernels *kernels, const evk_tensor *w, size_t first, size_t n_row, size_t i,
                          size_t n, float *scratch, size_t *distance)
{
    const evk_type_info *type = evk_type_describe(w->type);
    const size_t skipped = i / type->block * type->bytes, n_bytes = n / type->block * type->bytes;
    *distance = w->cols;
    if (!scratch)
        return (const float *)(const void *)(evk_tensor_row(w, first) + skipped);
    *distance = row_distance(w->cols);
    if (w->transposed) {
        fetch_transposed(kernels, w, first, n_row, i, n, scratch, *distance);
        return scratch;
    }
    if (i + n < w->cols)
        evk_prefetch_rows(w, first, n_row, skipped + n_bytes, n_bytes);
    else if (first + 2 * n_row <= w->rows)
        evk_prefetch_rows(w, first + n_row, n_row, 0, n_bytes);
    for (size_t r = 0; r < n_row; r++)
        kernels->dequantise[w->type](evk_tensor_row(w, first + r) + skipped, scratch + r * *distance, n);
    return scratch;
}

/* One panel, rows [first, first + n_row), for all tokens of a chunk. */
static void multiply_panel(const evk_kernels *kernels, const evk_tensor *w, size_t first, size_t n_row,
                           const float *x, size_t ldx, size_t n_token, float *y, size_t ldy, float *scratch)
{
    for (size_t i = 0, n; i < w->cols; i += n) {
        n = evk_k_block(w->cols - i);
        size_t distance;
        const float *part = fetch(kernels, w, first, n_row, i, n, scratch, &distance);
        (i ? kernels->matmul_add : kernels->matmul)(x + i, ldx, part, distance, y, ldy, n_token, n_row, n);
    }
}

void evk_add_bias(const float *bias, size_t n_row, size_t n_token, float *y, size_t ldy)
{
    for (size_t t = 0; t < n_token; t++)
        for (size_t r = 0; r < n_row; r++)
            y[t * ldy + r] += bias[r];
}

/* One token; a thread takes rows that lie together. */
static void multiply_halves(const evk_kernels *kernels, size_t n_thread, const evk_tensor *w, const float *bias, const float *x, float *y)
{
    const size_t share = (w->rows + n_thread - 1) / n_thread, step = (share + HALVES_STEP - 1) / HALVES_STEP * HALVES_STEP;
    const size_t ldw = w->row_bytes / sizeof(uint16_t);
#pragma omp parallel for num_threads((int)n_thread) schedule(static) if (n_thread > 1)
    for (size_t r = 0; r < w->rows; r += step) {
        const size_t nr = w->rows - r < step ? w->rows - r : step;
        const uint16_t *rows = (const uint16_t *)(const void *)evk_tensor_row(w, r);
        (w->type == EVK_F16 ? kernels->matvec_f16 : kernels->matvec_bf16)(x, rows, ldw, y + r, nr, w->cols);
        if (bias)
            evk_add_bias(bias + r, nr, 1, y + r, 0);
    }
}

void evk_matmul(const evk_kernels *kernels, size_t n_thread, const evk_tensor *w, const float *bias, const float *x,
                size_t ldx, size_t n_token, float *y, size_t ldy, float *scratch)
{
    assert(kernels->dequantise[w->type] && w->cols > 0);
    if (n_token == 0)
        return;
    n_thread = evk_threads_worth(n_thread, n_token, w->rows, w->cols);
    if (usable_as_halves(w, n_token)) {
        multiply_halves(kernels, n_thread, w, bias, x, y);
        return;
    }
    if (kernels->by_panels && w->type != EVK_F32) {
        evk_multiply_panels(kernels, n_thread, &(evk_panel_source){ .tensor = w, .rows = w->rows, .cols = w->cols }, bias, x, ldx, n_token,
                            y, ldy, scratch);
        return;
    }
    const bool in_place = usable_in_place(w, n_token);
    const size_t step = panel_rows(w->rows, w->cols, n_thread), n_panel = (w->rows + step - 1) / step;
    const size_t chunk = chunk_tokens(n_token), n_chunk = (n_token + chunk - 1) / chunk;
#pragma omp parallel for num_threads((int)n_thread) schedule(dynamic) if (n_thread > 1)
    for (size_t p = 0; p < n_chunk * n_panel; p++) {
        const size_t t = p / n_panel * chunk, nt = n_token - t < chunk ? n_token - t : chunk;
        const size_t r = p % n_panel * step, nr = w->rows - r < step ? w->rows - r : step;
        float *own = in_place ? NULL : scratch + (size_t)omp_get_thread_num() * PANEL_FLOATS;
        const size_t sub = nt <= FEW_TOKENS ? PANEL_STEP : nr;
        for (size_t q = 0; q < nr; q += sub)
            multiply_panel(kernels, w, r + q, nr - q < sub ? nr - q : sub, x + t * ldx, ldx, nt,
                           y + t * ldy + r + q, ldy, own);
        if (bias)
            evk_add_bias(bias + r, nr, nt, y + t * ldy + r, ldy);
    }
}
