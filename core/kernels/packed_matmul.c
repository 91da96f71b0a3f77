/* core/kernels/packed_matmul.c: products of packed weights: how tokens, rows and scratch are divided over threads and caches. */
#include <omp.h>
#include <string.h>

#include "core/kernels/matmul.h"
#include "core/kernels/packed.h"
#include "core/kernels/panels.h"

/* Rows of y of tokens far apart are more pages than a processor keeps track of. */
enum { CHUNK_TOKENS = 128, CHUNK_TOKENS_MOST = 256, CHUNK_LEAST = 32, CHUNK_BYTES_LEAST = 384 << 10, CHUNK_BYTES_MOST = 1 << 20 };
enum { PREPARED_LEAST = 12 };   /* tokens: for fewer the codes are not worth preparing */

static size_t tiles(size_t n_token, size_t width) { return (n_token + width - 1) / width; }

/* Of a tile of the usual width, of whichever records are the larger: prepared ones may have a digit's 32 bytes twice. */
static size_t record_room(size_t n_digit)
{
    return evk_record_bytes(n_digit, EVK_PACKED_TILE) + (n_digit == 1 ? 64 : 0);
}

static size_t chunk_bytes(const evk_kernels *kernels)
{
    const size_t bytes = kernels->second_cache / 4 * 3;
    return bytes < CHUNK_BYTES_LEAST ? CHUNK_BYTES_LEAST : bytes < CHUNK_BYTES_MOST ? bytes : CHUNK_BYTES_MOST;
}

/* Tokens, at most, whose digits pass over all rows together, and so stay in the second cache. */
static size_t chunk_tokens(const evk_kernels *kernels, size_t cols, size_t n_digit)
{
    const size_t each = cols / EVK_PACKED_BLOCK * record_room(n_digit) / EVK_PACKED_TILE, bytes = chunk_bytes(kernels);
    const size_t fit = bytes / (each + 1) / CHUNK_LEAST * CHUNK_LEAST, most = bytes < CHUNK_BYTES_MOST ? CHUNK_TOKENS : CHUNK_TOKENS_MOST;
    return fit < CHUNK_LEAST ? CHUNK_LEAST : fit < most ? fit : most;
}

/* Whether each thread takes chunks of tokens through all rows, rather than rows through all tokens: the digits of a chunk are
 * then the thread's own, and codes of four bits are spread to bytes once for the chunk. */
static bool by_tokens(size_t n_thread, size_t n_token) { return n_token >= CHUNK_LEAST * n_thread; }

static size_t digit_bytes(size_t n_token, size_t cols, size_t n_digit)
{
    const size_t most = EVK_PACKED_TILE_MOST, records = tiles(n_token, most) * most / EVK_PACKED_TILE * (cols / EVK_PACKED_BLOCK);
    return records * record_room(n_digit);        /* wider tiles need no more */
}

/* The codes of a pair of groups as bytes, or prepared. */
static size_t code_room(size_t cols) { return (EVK_PREPARED_CODES * cols + 63) / 64 * 64; }

/* Of a thread that goes by tokens: digits of a chunk, at most, and codes. Wider rows never need less. */
static size_t thread_bytes(size_t cols, size_t n_digit)
{
    const size_t least = digit_bytes(CHUNK_LEAST, cols, n_digit);
    return (least > CHUNK_BYTES_MOST ? least : CHUNK_BYTES_MOST) + code_room(cols);
}

size_t evk_packed_scratch(size_t n_thread, size_t n_token, size_t cols, size_t n_digit)
{
    const size_t floats = n_thread * EVK_PANEL_SCRATCH * sizeof(float);
    if (n_digit == 0)
        return 64 + floats;
    const size_t together = n_token < CHUNK_LEAST * n_thread ? n_token : CHUNK_LEAST * n_thread;
    const size_t alone = n_thread * digit_bytes(EVK_PACKED_TILE_MOST, cols, n_digit), shared = digit_bytes(together, cols, n_digit);
    const size_t rows = (alone > shared ? alone : shared) + n_thread * code_room(cols), tokens = n_thread * thread_bytes(cols, n_digit);
    const size_t digits = n_token < CHUNK_LEAST || rows > tokens ? rows : tokens;
    return 64 + (digits > floats ? digits : floats);
}

static void take_tile(const evk_kernels *kernels, const evk_digits *d, size_t tile, const float *x, size_t ldx)
{
    (d->prepared ? kernels->take_prepared : kernels->take_digits)(d, tile, x, ldx);
}

/* The last rows of a matrix: those of a whole group or pair's products that there are. part [n_token, width]. */
static void copy_rows(const float *part, size_t width, size_t n_row, size_t n_token, float *y, size_t ldy)
{
    for (size_t i = 0; i < n_token; i++)
        memcpy(y + i * ldy, part + i * width, n_row * sizeof *y);
}

/* The which'th rows that are prepared together for a chunk's tiles. codes: room for theirs. */
static void multiply_prepared(const evk_kernels *kernels, const evk_product *p, size_t which, const evk_digits *x, float *y, void *codes)
{
    const size_t rows = kernels->prepared_rows, first = which * rows, left = p->w->rows - first, n_row = left < rows ? left : rows;
    kernels->prepare_codes(p->w, which, codes);
    for (size_t t = 0; t < x->n_token; t += x->width) {
        const size_t tile = t / x->width;
        float part[EVK_PACKED_TILE_MOST * EVK_PACKED_PAIR], *out = y + t * p->ldy + first;
        if (n_row == rows) {
            kernels->multiply_prepared(p->w, which, codes, x, tile, out, p->ldy);
        } else {
            kernels->multiply_prepared(p->w, which, codes, x, tile, part, rows);
            copy_rows(part, rows, n_row, evk_tile_tokens(x, tile), out, p->ldy);
        }
    }
    if (p->bias)
        evk_add_bias(p->bias + first, n_row, x->n_token, y + first, p->ldy);
}

static void multiply_prepared_pair(const evk_kernels *kernels, const evk_product *p, size_t pair, const evk_digits *x, float *y,
                                   void *codes)
{
    const size_t each = EVK_PACKED_PAIR / kernels->prepared_rows;
    for (size_t i = pair * each; i < (pair + 1) * each && i * kernels->prepared_rows < p->w->rows; i++)
        multiply_prepared(kernels, p, i, x, y, codes);
}

/* A pair of groups of rows for a chunk's tiles; y is that of the chunk's first token. The last rows may be fewer than 32. */
static void multiply_pair(const evk_kernels *kernels, const evk_product *p, const evk_packed *w, size_t pair, size_t first,
                          const evk_digits *x, float *y)
{
    const size_t left = p->w->rows - first, n_row = left < EVK_PACKED_PAIR ? left : EVK_PACKED_PAIR;
    for (size_t t = 0; t < x->n_token; t += x->width) {
        const size_t tile = t / x->width, nt = evk_tile_tokens(x, tile);
        float part[EVK_PACKED_TILE_MOST * EVK_PACKED_PAIR], *out = y + t * p->ldy + first;
        if (n_row == EVK_PACKED_PAIR) {
            kernels->multiply_packed(w, pair, x, tile, out, p->ldy);
        } else {
            kernels->multiply_packed(w, pair, x, tile, part, EVK_PACKED_PAIR);
            copy_rows(part, EVK_PACKED_PAIR, n_row, nt, out, p->ldy);
        }
        if (p->bias)
            evk_add_bias(p->bias + first, n_row, nt, out, p->ldy);
    }
}

/* A pair of a matrix whose codes are spread to bytes: a matrix of 32 rows. */
static evk_packed spread(const evk_kernels *kernels, const evk_packed *w, size_t pair, uint8_t *bytes)
{
    evk_packed one = *w;
    const size_t blocks = 2 * pair * w->n_block, scales = blocks * evk_packed_scales(w) * EVK_PACKED_ROWS * (w->half_scales ? 2 : 4);
    kernels->spread_codes(w->codes + blocks * 256, 2 * w->n_block * 256, bytes);
    one.rows = EVK_PACKED_PAIR;
    one.four_bits = false;
    one.codes = bytes;
    one.scales = (char *)w->scales + scales;
    one.mins = w->mins ? (char *)w->mins + scales : NULL;
    return one;
}

/* The pair'th pair of all products' rows, counted through; returns its product and leaves its number there in *pair. */
static const evk_product *find_pair(const evk_product *p, size_t *pair)
{
    for (; *pair >= evk_packed_pairs(p->w); p++)
        *pair -= evk_packed_pairs(p->w);
    return p;
}

/* All rows of all products for the chunk of tokens [begin, end), by one thread. */
static void multiply_chunk(const evk_kernels *kernels, const evk_product *products, size_t n, evk_digits d, const float *x, size_t ldx,
                           size_t begin, size_t end)
{
    uint8_t *bytes = (uint8_t *)d.records + digit_bytes(end - begin, d.n_block * EVK_PACKED_BLOCK, d.n_digit);
    d.n_token = end - begin;
    for (size_t t = 0; t < d.n_token; t += d.width)
        take_tile(kernels, &d, t / d.width, x + (begin + t) * ldx, ldx);
    for (size_t i = 0; i < n; i++)
        for (size_t pair = 0; pair < evk_packed_pairs(products[i].w); pair++) {
            const evk_packed *w = products[i].w;
            float *y = products[i].y + begin * products[i].ldy;
            if (d.prepared) {
                multiply_prepared_pair(kernels, &products[i], pair, &d, y, bytes);
            } else if (w->four_bits) {
                const evk_packed one = spread(kernels, w, pair, bytes);
                multiply_pair(kernels, &products[i], &one, 0, pair * EVK_PACKED_PAIR, &d, y);
            } else {
                multiply_pair(kernels, &products[i], w, pair, pair * EVK_PACKED_PAIR, &d, y);
            }
        }
}

/* Chunks of tokens over threads, as many for each. */
static void multiply_by_tokens(const evk_kernels *kernels, size_t n_thread, const evk_product *products, size_t n, evk_digits d,
                               const float *x, size_t ldx)
{
    const size_t cols = d.n_block * EVK_PACKED_BLOCK, most = chunk_tokens(kernels, cols, d.n_digit), n_token = d.n_token;
    const size_t n_chunk = (n_token + most * n_thread - 1) / (most * n_thread) * n_thread;
    const size_t each = tiles((n_token + n_chunk - 1) / n_chunk, d.width) * d.width, apart = thread_bytes(cols, d.n_digit);
    char *scratch = d.records;
#pragma omp parallel for schedule(static) num_threads((int)n_thread) if (n_thread > 1)
    for (size_t begin = 0; begin < n_token; begin += each) {
        evk_digits own = d;
        own.records = scratch + apart * (size_t)omp_get_thread_num();
        multiply_chunk(kernels, products, n, own, x, ldx, begin, begin + each < n_token ? begin + each : n_token);
    }
}

/* Pairs of groups of rows over threads, all tokens for each. The digits of one tile every thread takes for itself: that is less
 * than to wait for another's and to fetch them from its cache. */
static void multiply_by_rows(const evk_kernels *kernels, size_t n_thread, const evk_product *products, size_t n, const evk_digits *d,
                             const float *x, size_t ldx)
{
    const bool alone = d->n_token <= d->width;
    const size_t cols = d->n_block * EVK_PACKED_BLOCK, apart = digit_bytes(d->n_token, cols, d->n_digit);
    size_t n_pair = 0;
    for (size_t i = 0; i < n; i++)
        n_pair += evk_packed_pairs(products[i].w);
#pragma omp parallel num_threads((int)n_thread) if (n_thread > 1)
    {
        evk_digits own = *d;
        char *codes = d->records + (alone ? (size_t)omp_get_num_threads() : 1) * apart + (size_t)omp_get_thread_num() * code_room(cols);
        if (alone) {
            own.records += apart * (size_t)omp_get_thread_num();
            take_tile(kernels, &own, 0, x, ldx);
        } else {
#pragma omp for schedule(static)
            for (size_t t = 0; t < d->n_token; t += d->width)
                take_tile(kernels, d, t / d->width, x + t * ldx, ldx);
        }
#pragma omp for schedule(static) nowait
        for (size_t i = 0; i < n_pair; i++) {
            size_t pair = i;
            const evk_product *p = find_pair(products, &pair);
            if (own.prepared)
                multiply_prepared_pair(kernels, p, pair, &own, p->y, codes);
            else
                multiply_pair(kernels, p, p->w, pair, pair * EVK_PACKED_PAIR, &own, p->y);
        }
    }
}

/* Weights as floats, for as few tokens as meet them in registers: pairs of groups of all products over threads. */
static void multiply_few(const evk_kernels *kernels, size_t n_thread, const evk_product *products, size_t n, const float *x, size_t ldx,
                         size_t n_token)
{
    size_t n_pair = 0;
    for (size_t i = 0; i < n; i++)
        n_pair += evk_packed_pairs(products[i].w);
#pragma omp parallel for schedule(static) num_threads((int)n_thread) if (n_thread > 1)
    for (size_t i = 0; i < n_pair; i++) {
        size_t pair = i;
        const evk_product *p = find_pair(products, &pair);
        const size_t first = pair * EVK_PACKED_PAIR, left = p->w->rows - first, n_row = left < EVK_PACKED_PAIR ? left : EVK_PACKED_PAIR;
        float part[EVK_FEW_TOKENS * EVK_PACKED_PAIR], *out = p->y + first;
        if (n_row == EVK_PACKED_PAIR) {
            kernels->multiply_unpacked(p->w, pair, x, ldx, out, p->ldy, n_token);
        } else {
            kernels->multiply_unpacked(p->w, pair, x, ldx, part, EVK_PACKED_PAIR, n_token);
            copy_rows(part, EVK_PACKED_PAIR, n_row, n_token, out, p->ldy);
        }
        if (p->bias)
            evk_add_bias(p->bias + first, n_row, n_token, out, p->ldy);
    }
}

/* Weights as floats. */
static void multiply_as_floats(const evk_kernels *kernels, size_t n_thread, const evk_product *products, size_t n, const float *x,
                               size_t ldx, size_t n_token, float *scratch)
{
    if (n_token <= EVK_FEW_TOKENS) {
        multiply_few(kernels, n_thread, products, n, x, ldx, n_token);
        return;
    }
    for (const evk_product *p = products; p < products + n; p++) {
        const evk_panel_source w = { .packed = p->w, .rows = p->w->rows, .cols = p->w->cols };
        evk_multiply_panels(kernels, n_thread, &w, p->bias, x, ldx, n_token, p->y, p->ldy, scratch);
    }
}

/* Whether all these products go by prepared codes, and there are tokens enough. */
static bool all_prepared(const evk_kernels *kernels, const evk_product *products, size_t n, size_t n_digit, size_t n_token)
{
    bool all = kernels->prepares && n_token >= PREPARED_LEAST;
    for (size_t i = 0; i < n && all; i++)
        all = kernels->prepares(products[i].w, n_digit);
    return all;
}

/* By digits; all of them are codes. */
static void multiply_by_digits(const evk_kernels *kernels, size_t n_thread, const evk_product *products, size_t n, size_t n_digit,
                               const float *x, size_t ldx, size_t n_token, void *scratch)
{
    const size_t width = kernels->tile_tokens, n_block = products->w->n_block;
    const bool prepared = all_prepared(kernels, products, n, n_digit, n_token);
    const size_t record = prepared ? (width * kernels->prepared_bytes + 63) / 64 * 64 : evk_record_bytes(n_digit, width);
    const evk_digits d = { .n_token = n_token, .n_block = n_block, .n_digit = n_digit, .width = width, .prepared = prepared,
                           .record = record, .records = scratch };
    if (by_tokens(n_thread, n_token))
        multiply_by_tokens(kernels, n_thread, products, n, d, x, ldx);
    else
        multiply_by_rows(kernels, n_thread, products, n, &d, x, ldx);
}

void evk_matmul_packed(const evk_kernels *kernels, size_t n_thread, const evk_product *products, size_t n, size_t n_digit,
                       const float *x, size_t ldx, size_t n_token, void *scratch)
{
    for (size_t first = 0, end; first < n; first = end) {       /* as many as go the same way */
        const bool floats = n_digit == 0 || products[first].w->bits == 16;
        size_t rows = products[first].w->rows;
        for (end = first + 1; end < n && floats == (n_digit == 0 || products[end].w->bits == 16); end++)
            rows += products[end].w->rows;
        const size_t threads = evk_threads_worth(n_thread, n_token, rows, products[first].w->cols);
        if (floats)
            multiply_as_floats(kernels, threads, products + first, end - first, x, ldx, n_token, scratch);
        else
            multiply_by_digits(kernels, threads, products + first, end - first, n_digit, x, ldx, n_token, scratch);
    }
}
