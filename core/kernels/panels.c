/* core/kernels/panels.c: activations times weights by panels.
 *
 * The rows are cut into parts of several panels, the tokens into chunks. A thread takes a part and a chunk; block by block of k
 * (evk_k_block) it makes panels of floats in its own scratch, small enough to stay in its second cache, and multiplies them with the
 * chunk's tokens. Which thread does which part does not matter: an element is a function of x[t, :] and W[r, :]. */
#include "core/kernels/panels.h"

#include <omp.h>

#include "core/kernels/matmul.h"
#include "core/kernels/packed.h"

enum {
    PART_MOST = 96,             /* rows */
    PARTS_A_THREAD = 4,         /* enough to share out evenly where the matrix is small */
    CHUNK_FLOATS = 256 * 1024,  /* of x, 1 MB */
    CHUNK_STEP = 24,            /* tokens: whole tiles */
    PIECE = 256,                /* terms of rows that are dequantised at a time, to stay in the first cache: whole blocks of any type */
    ROW_APART = PIECE + 16,     /* floats from one row of scratch to the next: no power of two, whose rows share cache lines */
};
_Static_assert(EVK_PANEL_ROW_FLOATS == EVK_PACKED_ROWS * ROW_APART, "a panel's rows");

/* Rows of a part: as many as fit, but so few that every thread gets several. */
static size_t part_rows(size_t n_row, size_t k, size_t n_thread)
{
    const size_t fit = EVK_PANEL_FLOATS / (k < EVK_K_BLOCK_MOST ? k : EVK_K_BLOCK_MOST) / EVK_PACKED_ROWS * EVK_PACKED_ROWS;
    const size_t most = fit < PART_MOST ? fit : PART_MOST;
    const size_t fair = (n_row / (n_thread * PARTS_A_THREAD) / EVK_PACKED_ROWS + 1) * EVK_PACKED_ROWS;
    return n_thread > 1 && fair < most ? fair : most;
}

/* Tokens of k floats each that pass over all rows before the next ones do: as many as fit in a core's share of the last cache. */
static size_t chunk_tokens(size_t k)
{
    const size_t n = CHUNK_FLOATS / (k + 1) / CHUNK_STEP * CHUNK_STEP;
    return n ? n : CHUNK_STEP;
}

/* Terms [i, i + n) of 16 rows, or n_row, of a transposed w: a term of all rows lies side by side, as in a panel. */
static void panel_of_columns(const evk_kernels *kernels, const evk_tensor *w, size_t first, size_t n_row, size_t i, size_t n,
                             float *panel)
{
    const size_t bytes = evk_type_describe(w->type)->bytes;
    for (size_t k = 0; k < n; k++, panel += EVK_PACKED_ROWS) {
        kernels->dequantise[w->type]((const char *)w->data + (i + k) * w->row_bytes + first * bytes, panel, n_row);
        for (size_t r = n_row; r < EVK_PACKED_ROWS; r++)
            panel[r] = 0;
    }
}

/* Whether rows are read as they lie. */
static bool usable_as_stored(const evk_tensor *w)
{
    return evk_is_half(w->type) && !w->group && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}

/* The same of rows, those that are quantised through `rows`, scratch of 16 of them. */
static void panel_of_rows(const evk_kernels *kernels, const evk_tensor *w, size_t first, size_t n_row, size_t i, size_t n, float *rows,
                          float *panel)
{
    const evk_type_info *type = evk_type_describe(w->type);
    const size_t skipped = i / type->block * type->bytes, n_bytes = n / type->block * type->bytes;
    if (i + n < w->cols)
        evk_prefetch_rows(w, first, n_row, skipped + n_bytes, n_bytes);
    else
        evk_prefetch_rows(w, first + EVK_PACKED_ROWS, EVK_PACKED_ROWS, 0, n_bytes);
    if (usable_as_stored(w)) {
        kernels->make_panel(w->type, evk_tensor_row(w, first) + skipped, w->row_bytes, n_row, n, panel);
        return;
    }
    for (size_t j = 0; j < n; j += PIECE) {
        const size_t piece = n - j < PIECE ? n - j : PIECE, at = (i + j) / type->block * type->bytes;
        for (size_t r = 0; r < n_row; r++)
            kernels->dequantise[w->type](evk_tensor_row(w, first + r) + at, rows + r * ROW_APART, piece);
        kernels->make_panel(EVK_F32, rows, ROW_APART * sizeof *rows, n_row, piece, panel + j * EVK_PACKED_ROWS);
    }
}

/* Terms [i, i + n) of rows [first, first + n_row) as panels; scratch of a thread. */
static void make_panels(const evk_kernels *kernels, const evk_panel_source *w, size_t first, size_t n_row, size_t i, size_t n,
                        float *scratch)
{
    for (size_t r = 0; r < n_row; r += EVK_PACKED_ROWS) {
        const size_t there = n_row - r < EVK_PACKED_ROWS ? n_row - r : EVK_PACKED_ROWS;
        float *panel = scratch + r * n;
        if (w->packed)
            kernels->unpack_panel(w->packed, (first + r) / EVK_PACKED_ROWS, i, n, panel);
        else if (w->tensor->transposed)
            panel_of_columns(kernels, w->tensor, first + r, there, i, n, panel);
        else
            panel_of_rows(kernels, w->tensor, first + r, there, i, n, scratch + EVK_PANEL_FLOATS, panel);
    }
}

void evk_multiply_panels(const evk_kernels *kernels, size_t n_thread, const evk_panel_source *w, const float *bias, const float *x,
                         size_t ldx, size_t n_token, float *y, size_t ldy, float *scratch)
{
    const size_t step = part_rows(w->rows, w->cols, n_thread), n_part = (w->rows + step - 1) / step;
    const size_t chunk = chunk_tokens(w->cols), n_chunk = (n_token + chunk - 1) / chunk;
#pragma omp parallel for num_threads((int)n_thread) schedule(dynamic) if (n_thread > 1)
    for (size_t p = 0; p < n_chunk * n_part; p++) {
        const size_t t = p / n_part * chunk, nt = n_token - t < chunk ? n_token - t : chunk;
        const size_t r = p % n_part * step, nr = w->rows - r < step ? w->rows - r : step;
        float *own = scratch + (size_t)omp_get_thread_num() * EVK_PANEL_SCRATCH;
        for (size_t i = 0, n; i < w->cols; i += n) {
            n = evk_k_block(w->cols - i);
            make_panels(kernels, w, r, nr, i, n, own);
            kernels->multiply_panels(x + t * ldx + i, ldx, own, y + t * ldy + r, ldy, nt, nr, n, i > 0);
        }
        if (bias)
            evk_add_bias(bias + r, nr, nt, y + t * ldy + r, ldy);
    }
}
