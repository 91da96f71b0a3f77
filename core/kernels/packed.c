/* core/kernels/packed.c: weights into packed form, activations into digits, and the product's division over threads. */
#include "core/kernels/packed.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "core/kernels/matmul.h"
#include "core/kernels/quants.h"

/* ---- codes, scales and minima of a type ---- */

/* The codes of one unit of n values (32 or 256) and the scale and minimum of each of its groups. */
typedef void code_function(const uint8_t *b, uint8_t *code, float *scale, float *min);

static void nibbles(const uint8_t *q, uint8_t *code)
{
    for (size_t j = 0; j < 16; j++) {
        code[j] = q[j] & 15;
        code[j + 16] = q[j] >> 4;
    }
}

static void fifths(const uint8_t *b, uint8_t *code)
{
    const uint32_t h = evk_read_u32(b);
    nibbles(b + 4, code);
    for (size_t j = 0; j < 32; j++)
        code[j] = (uint8_t)(code[j] | (h >> j & 1) << 4);
}

static void code_q4_0(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    *scale = evk_read_f16(b);
    nibbles(b + 2, code);
}

static void code_q4_1(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    *scale = evk_read_f16(b);
    *min = evk_read_f16(b + 2);
    nibbles(b + 4, code);
}

static void code_q5_0(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    *scale = evk_read_f16(b);
    fifths(b + 2, code);
}

static void code_q5_1(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    *scale = evk_read_f16(b);
    *min = evk_read_f16(b + 2);
    fifths(b + 4, code);
}

static void code_q8_0(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    *scale = evk_read_f16(b);
    for (size_t j = 0; j < 32; j++)
        code[j] = b[2 + j] ^ 0x80;
}

static void code_q2_k(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    const float d = evk_read_f16(b + 80), dmin = evk_read_f16(b + 82);
    for (size_t g = 0; g < 16; g++) {
        scale[g] = d * (float)(b[g] & 15);
        min[g] = -(dmin * (float)(b[g] >> 4));
    }
    for (size_t i = 0; i < 256; i++)
        code[i] = b[16 + 32 * (i / 128) + i % 32] >> 2 * (i / 32 % 4) & 3;
}

static void code_q3_k(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    for (size_t g = 0; g < 16; g++)
        scale[g] = evk_read_f16(b + 108) * (float)evk_q3_k_scale(b + 96, g);
    for (size_t i = 0; i < 256; i++) {
        const int two = b[32 + 32 * (i / 128) + i % 32] >> 2 * (i / 32 % 4) & 3, high = b[i % 32] >> i / 32 & 1;
        code[i] = (uint8_t)(two | high << 2);
    }
}

/* Of the eight groups of a Q4_K or Q5_K block. */
static void k_scales(const uint8_t *b, float *scale, float *min)
{
    const float d = evk_read_f16(b), dmin = evk_read_f16(b + 2);
    for (size_t g = 0; g < 8; g++) {
        uint8_t s, m;
        evk_k_scale_min(b + 4, g, &s, &m);
        scale[g] = d * (float)s;
        min[g] = -(dmin * (float)m);
    }
}

static void code_q4_k(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    k_scales(b, scale, min);
    for (size_t i = 0; i < 256; i++)
        code[i] = b[16 + 32 * (i / 64) + i % 32] >> 4 * (i / 32 % 2) & 15;
}

static void code_q5_k(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    k_scales(b, scale, min);
    for (size_t i = 0; i < 256; i++) {
        const int four = b[48 + 32 * (i / 64) + i % 32] >> 4 * (i / 32 % 2) & 15, fifth = b[16 + i % 32] >> i / 32 & 1;
        code[i] = (uint8_t)(four | fifth << 4);
    }
}

static void code_q6_k(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    for (size_t g = 0; g < 16; g++)
        scale[g] = evk_read_f16(b + 208) * (float)(int8_t)b[192 + g];
    for (size_t i = 0; i < 256; i++) {
        const size_t n = i / 128, j = i / 32 % 4, l = i % 32;
        const int low = b[64 * n + 32 * (j % 2) + l] >> 4 * (j / 2) & 15, high = b[128 + 32 * n + l] >> 2 * j & 3;
        code[i] = (uint8_t)(low | high << 4);
    }
}

/* Levels are whole numbers in [-127, 127]. */
static void levels(const uint8_t *q, const float level[16], uint8_t *code)
{
    nibbles(q, code);
    for (size_t j = 0; j < 32; j++)
        code[j] = (uint8_t)(128 + (int)level[code[j]]);
}

static void code_iq4_nl(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    *scale = evk_read_f16(b);
    levels(b + 2, evk_iq4_levels, code);
}

static void code_iq4_xs(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    for (size_t g = 0; g < 8; g++) {
        scale[g] = evk_read_f16(b) * (float)evk_iq4_xs_scale(b, g);
        levels(b + 8 + 16 * g, evk_iq4_levels, code + 32 * g);
    }
}

static void code_mxfp4(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    *scale = evk_mxfp4_scale(b[0]);
    levels(b + 1, evk_float4_levels, code);
}

typedef struct recipe {
    code_function *code;
    size_t n;                       /* values of a unit */
    int bits;                       /* of a code; those of four are kept two a byte */
    bool groups_of_16, half_scales, has_min;
    int offset;
} recipe;

static const recipe recipes[EVK_N_TYPE] = {
    [EVK_Q4_0] = { code_q4_0, 32, 4, false, true, false, 8 },
    [EVK_Q4_1] = { code_q4_1, 32, 4, false, true, true, 0 },
    [EVK_Q5_0] = { code_q5_0, 32, 5, false, true, false, 16 },
    [EVK_Q5_1] = { code_q5_1, 32, 5, false, true, true, 0 },
    [EVK_Q8_0] = { code_q8_0, 32, 8, false, true, false, 128 },
    [EVK_Q2_K] = { code_q2_k, 256, 4, true, false, true, 0 },
    [EVK_Q3_K] = { code_q3_k, 256, 4, true, false, false, 4 },
    [EVK_Q4_K] = { code_q4_k, 256, 4, false, false, true, 0 },
    [EVK_Q5_K] = { code_q5_k, 256, 5, false, false, true, 0 },
    [EVK_Q6_K] = { code_q6_k, 256, 6, true, false, false, 32 },
    [EVK_IQ4_NL] = { code_iq4_nl, 32, 8, false, true, false, 128 },
    [EVK_IQ4_XS] = { code_iq4_xs, 256, 8, false, false, false, 128 },
    [EVK_MXFP4] = { code_mxfp4, 32, 8, false, false, false, 128 },
};

bool evk_packs(evk_type type)
{
    return recipes[type].code != NULL;
}

/* ---- packing ---- */

static size_t code_bytes(const evk_packed *p) { return p->four_bits ? 256 : 512; }
static size_t block_groups(const evk_packed *p) { return p->groups_of_16 ? 2 : 1; }
static size_t pairs(const evk_packed *p) { return (p->rows + EVK_PACKED_PAIR - 1) / EVK_PACKED_PAIR; }
static size_t row_groups(const evk_packed *p) { return 2 * pairs(p); }

static void put_scale(const evk_packed *p, void *scales, size_t at, float value)
{
    if (p->half_scales)
        ((uint16_t *)scales)[at] = evk_to_f16(value);       /* exact: it was one in the file */
    else
        ((float *)scales)[at] = value;
}

/* 32 codes of row r of a group of rows. */
static void put_codes(const evk_packed *p, uint8_t *block, size_t r, const uint8_t *code)
{
    for (size_t j = 0; j < (p->four_bits ? 4 : 8); j++) {
        uint32_t quad, high = 0;
        memcpy(&quad, code + 4 * j, 4);
        if (p->four_bits)
            memcpy(&high, code + 16 + 4 * j, 4);
        quad |= high << 4;
        memcpy(block + j * 64 + r * 4, &quad, 4);
    }
}

static void pack_row(const evk_packed *p, const recipe *how, const evk_tensor *w, size_t row)
{
    const uint8_t *from = (const uint8_t *)evk_tensor_row(w, row);
    const size_t unit_bytes = evk_type_describe(w->type)->bytes, per_unit = how->n / EVK_PACKED_BLOCK, n_group = block_groups(p);
    const size_t first = row / EVK_PACKED_ROWS * p->n_block, r = row % EVK_PACKED_ROWS;
    for (size_t u = 0; u < w->cols / how->n; u++, from += unit_bytes) {
        uint8_t code[256];
        float scale[16], min[16] = { 0 };
        how->code(from, code, scale, min);
        for (size_t b = 0; b < per_unit; b++) {
            const size_t block = first + u * per_unit + b;
            put_codes(p, p->codes + block * code_bytes(p), r, code + b * EVK_PACKED_BLOCK);
            for (size_t g = 0; g < n_group; g++) {
                const size_t at = (block * n_group + g) * EVK_PACKED_ROWS + r;
                put_scale(p, p->scales, at, scale[b * n_group + g]);
                if (p->mins)
                    put_scale(p, p->mins, at, min[b * n_group + g]);
            }
        }
    }
}

static evoke_status allocate(void *out, size_t n, size_t size, evoke_error *err)
{
    size_t bytes = 0;
    void *p = evk_mul(n, size, &bytes) && bytes <= SIZE_MAX - 63 ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    if (!p)
        return evk_fail(err, EVOKE_ENOMEM, "pack weights: no memory for %zu x %zu bytes", n, size);
    memset(p, 0, (bytes + 63) / 64 * 64);
    memcpy(out, &p, sizeof p);
    return EVOKE_OK;
}

evoke_status evk_pack(const evk_tensor *w, size_t n_thread, evk_packed *p, evoke_error *err)
{
    const recipe *how = &recipes[w->type];
    *p = (evk_packed){ .rows = w->rows, .cols = w->cols, .n_block = w->cols / EVK_PACKED_BLOCK, .four_bits = how->bits == 4,
                       .bits = how->bits, .groups_of_16 = how->groups_of_16, .half_scales = how->half_scales, .offset = how->offset };
    const size_t n = row_groups(p) * p->n_block, n_scale = n * block_groups(p), size = EVK_PACKED_ROWS * (p->half_scales ? 2 : 4);
    EVK_TRY(allocate(&p->codes, n, code_bytes(p), err));
    EVK_TRY(allocate(&p->scales, n_scale, size, err));
    if (how->has_min)
        EVK_TRY(allocate(&p->mins, n_scale, size, err));
#pragma omp parallel for schedule(static) num_threads((int)(n_thread ? n_thread : 1))
    for (size_t g = 0; g < row_groups(p); g++)
        for (size_t r = g * EVK_PACKED_ROWS; r < w->rows && r < (g + 1) * EVK_PACKED_ROWS; r++)
            pack_row(p, how, w, r);
    return EVOKE_OK;
}

void evk_packed_free(evk_packed *p)
{
    free(p->codes);
    free(p->scales);
    free(p->mins);
    *p = (evk_packed){ 0 };
}

size_t evk_packed_bytes(const evk_packed *p)
{
    const size_t n = row_groups(p) * p->n_block;
    return n * (code_bytes(p) + block_groups(p) * EVK_PACKED_ROWS * (p->half_scales ? 2u : 4u) * (p->mins ? 2u : 1u));
}

/* ---- the product ---- */

/* Rows of y of tokens far apart are more pages than a processor keeps track of. */
enum { CHUNK_BYTES = 384 << 10, CHUNK_TOKENS = 128, CHUNK_LEAST = 32 };
enum { WIDE_LEAST = 12 };       /* tokens: for fewer the codes are not worth widening */

static size_t tiles(size_t n_token, size_t width) { return (n_token + width - 1) / width; }

/* Of a tile of the usual width, of whichever records are the larger. */
static size_t record_room(size_t n_digit)
{
    return n_digit == 1 ? evk_wide_record_bytes(EVK_PACKED_TILE) : evk_record_bytes(n_digit, EVK_PACKED_TILE);
}

/* Tokens, at most, whose digits pass over all rows together, and so stay in the second cache. */
static size_t chunk_tokens(size_t cols, size_t n_digit)
{
    const size_t each = cols / EVK_PACKED_BLOCK * record_room(n_digit) / EVK_PACKED_TILE;
    const size_t fit = CHUNK_BYTES / (each + 1) / CHUNK_LEAST * CHUNK_LEAST;
    return fit < CHUNK_LEAST ? CHUNK_LEAST : fit < CHUNK_TOKENS ? fit : CHUNK_TOKENS;
}

/* Whether each thread takes chunks of tokens through all rows, rather than rows through all tokens: the digits of a chunk are
 * then the thread's own, and codes of four bits are spread to bytes once for the chunk. */
static bool by_tokens(size_t n_thread, size_t n_token) { return n_token >= CHUNK_LEAST * n_thread; }

static size_t digit_bytes(size_t n_token, size_t cols, size_t n_digit)
{
    const size_t most = EVK_PACKED_TILE_MOST, records = tiles(n_token, most) * most / EVK_PACKED_TILE * (cols / EVK_PACKED_BLOCK);
    return records * record_room(n_digit);        /* wider tiles need no more */
}

/* The codes of a pair of groups as bytes, or of a group widened: as much. */
static size_t code_room(size_t cols) { return EVK_PACKED_PAIR * cols; }

/* Of a thread that goes by tokens: digits of a chunk, at most, and codes. Wider rows never need less. */
static size_t thread_bytes(size_t cols, size_t n_digit)
{
    const size_t least = digit_bytes(CHUNK_LEAST, cols, n_digit);
    return (least > CHUNK_BYTES ? least : CHUNK_BYTES) + code_room(cols);
}

size_t evk_packed_scratch(size_t n_thread, size_t n_token, size_t cols, size_t n_digit)
{
    const size_t together = n_token < CHUNK_LEAST * n_thread ? n_token : CHUNK_LEAST * n_thread;
    const size_t alone = n_thread * digit_bytes(EVK_PACKED_TILE_MOST, cols, n_digit), shared = digit_bytes(together, cols, n_digit);
    const size_t rows = (alone > shared ? alone : shared) + n_thread * code_room(cols), tokens = n_thread * thread_bytes(cols, n_digit);
    return 64 + (n_token < CHUNK_LEAST || rows > tokens ? rows : tokens);
}

static void take_tile(const evk_kernels *kernels, const evk_digits *d, size_t tile, const float *x, size_t ldx)
{
    (d->wide ? kernels->take_wide : kernels->take_digits)(d, tile, x, ldx);
}

/* A group of rows for a chunk's tiles, by wide digits. codes: room for the group's. */
static void multiply_wide_group(const evk_kernels *kernels, const evk_product *p, size_t group, const evk_digits *x, float *y,
                                int16_t *codes)
{
    const size_t first = group * EVK_PACKED_ROWS, left = p->w->rows - first, n_row = left < EVK_PACKED_ROWS ? left : EVK_PACKED_ROWS;
    kernels->widen_codes(p->w, group, codes);
    for (size_t t = 0; t < x->n_token; t += x->width) {
        const size_t tile = t / x->width, nt = evk_tile_tokens(x, tile);
        float part[EVK_PACKED_TILE_MOST * EVK_PACKED_ROWS], *out = y + t * p->ldy + first;
        if (n_row == EVK_PACKED_ROWS) {
            kernels->multiply_wide(p->w, group, codes, x, tile, out, p->ldy);
        } else {
            kernels->multiply_wide(p->w, group, codes, x, tile, part, EVK_PACKED_ROWS);
            for (size_t i = 0; i < nt; i++)
                memcpy(out + i * p->ldy, part + i * EVK_PACKED_ROWS, n_row * sizeof *y);
        }
    }
    if (p->bias)
        evk_add_bias(p->bias + first, n_row, x->n_token, y + first, p->ldy);
}

static void multiply_wide_pair(const evk_kernels *kernels, const evk_product *p, size_t pair, const evk_digits *x, float *y,
                               int16_t *codes)
{
    for (size_t group = 2 * pair; group < 2 * pair + 2 && group * EVK_PACKED_ROWS < p->w->rows; group++)
        multiply_wide_group(kernels, p, group, x, y, codes);
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
            for (size_t i = 0; i < nt; i++)
                memcpy(out + i * p->ldy, part + i * EVK_PACKED_PAIR, n_row * sizeof *y);
        }
        if (p->bias)
            evk_add_bias(p->bias + first, n_row, nt, out, p->ldy);
    }
}

/* A pair of a matrix whose codes are spread to bytes: a matrix of 32 rows. */
static evk_packed spread(const evk_kernels *kernels, const evk_packed *w, size_t pair, uint8_t *bytes)
{
    evk_packed one = *w;
    const size_t blocks = 2 * pair * w->n_block, scales = blocks * block_groups(w) * EVK_PACKED_ROWS * (w->half_scales ? 2 : 4);
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
    for (; *pair >= pairs(p->w); p++)
        *pair -= pairs(p->w);
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
        for (size_t pair = 0; pair < pairs(products[i].w); pair++) {
            const evk_packed *w = products[i].w;
            float *y = products[i].y + begin * products[i].ldy;
            if (d.wide) {
                multiply_wide_pair(kernels, &products[i], pair, &d, y, (int16_t *)(void *)bytes);
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
    const size_t cols = d.n_block * EVK_PACKED_BLOCK, most = chunk_tokens(cols, d.n_digit), n_token = d.n_token;
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
        n_pair += pairs(products[i].w);
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
            if (own.wide)
                multiply_wide_pair(kernels, p, pair, &own, p->y, (int16_t *)(void *)codes);
            else
                multiply_pair(kernels, p, p->w, pair, pair * EVK_PACKED_PAIR, &own, p->y);
        }
    }
}

/* Whether x is better taken as wide digits: where all weights are such codes, and there are tokens enough. */
static bool takes_wide(const evk_kernels *kernels, const evk_product *products, size_t n, size_t n_digit, size_t n_token)
{
    bool wide = kernels->multiply_wide && n_digit == 1 && n_token >= WIDE_LEAST;
    for (size_t i = 0; i < n; i++)
        wide = wide && products[i].w->bits == 8 && !products[i].w->groups_of_16 && !products[i].w->mins;
    return wide;
}

void evk_matmul_packed(const evk_kernels *kernels, size_t n_thread, const evk_product *products, size_t n, size_t n_digit,
                       const float *x, size_t ldx, size_t n_token, void *scratch)
{
    const size_t width = kernels->tile_tokens, n_block = products->w->n_block;
    const bool wide = takes_wide(kernels, products, n, n_digit, n_token);
    const evk_digits d = { .n_token = n_token, .n_block = n_block, .n_digit = n_digit, .width = width, .wide = wide, .records = scratch,
                           .record = wide ? evk_wide_record_bytes(width) : evk_record_bytes(n_digit, width) };
    size_t rows = 0;
    for (size_t i = 0; i < n; i++)
        rows += products[i].w->rows;
    n_thread = evk_threads_worth(n_thread, n_token, rows, products->w->cols);
    if (by_tokens(n_thread, n_token))
        multiply_by_tokens(kernels, n_thread, products, n, d, x, ldx);
    else
        multiply_by_rows(kernels, n_thread, products, n, &d, x, ldx);
}
