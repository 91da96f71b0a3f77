/* layers/verify_products.c: one table's kernels on a stored matrix, against plain float64 and against the portable table.
 *
 * Bounds, with u = 2^-24, b running over blocks of 32 terms:
 *
 *     float32      min(n, 8 sqrt n) u sum |x_i w_i|: the worst case of n roundings in any order, or where that is less what
 *                  random ones exceed once in 10^13 (Higham and Mary 2019, SIAM J. Sci. Comput. 41, A2815)
 *     repacked     (2 + 8 + 8 sqrt(n / 32)) u sum_b 96 max |x_b| max |w_b|: x is rounded to 2 u max |x_b|, the sums round once a
 *                  block; scale * code and min may each be larger than w
 *     fast         sum_b max |x_b| / 254 sum |w_b|, and the above
 *
 * Dequantised values, and repacked and fast products, are the portable table's bit for bit; float32 products are the same of stored
 * weights and, where a table makes floats of packed ones, of those. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/matmul.h"
#include "core/kernels/packed.h"
#include "core/random.h"
#include "layers/verify.h"

enum { N_TOKEN = 9, MOST_ROWS = 64, BLOCK = 32 };

typedef struct work {
    const evk_kernels *k;
    evk_kernels portable;
    evk_tensor w;               /* at most MOST_ROWS of the matrix */
    float *value, *x, *y, *y_portable, *panels;         /* [R, K], [T, K], [T, R], [T, R] */
    evk_packed packed;          /* w laid out anew, in room; room NULL: it cannot be */
    void *room, *digits;
} work;

/* Normal numbers, and in each token one that is thirty times as large: language models have such. */
static void fill_x(work *w)
{
    evk_random r;
    for (size_t t = 0; t < N_TOKEN; t++) {
        evk_random_stream(&r, 9, t);
        for (size_t i = 0; i < w->w.cols; i++)
            w->x[t * w->w.cols + i] = (float)evk_random_normal(&r);
        w->x[t * w->w.cols + evk_random_below(&r, w->w.cols)] *= 30;
    }
}

static void fetch(const work *w, const evk_kernels *k, size_t r, float *out)
{
    const evk_tensor *t = &w->w;
    const size_t bytes = evk_type_describe(t->type)->bytes;
    if (!t->transposed)
        k->dequantise[t->type](evk_tensor_row(t, r), out, t->cols);
    for (size_t i = 0; t->transposed && i < t->cols; i++)
        k->dequantise[t->type]((const char *)t->data + i * t->row_bytes + r * bytes, out + i, 1);
}

static size_t differing(const float *a, const float *b, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += memcmp(a + i, b + i, sizeof *a) != 0;
    return count;
}

static void check_values(work *w, evoke_verify_product *out)
{
    const size_t cols = w->w.cols;
    for (size_t r = 0; r < w->w.rows; r++) {
        fetch(w, w->k, r, w->y);
        for (size_t i = 0; i < cols; i++)
            out->max_abs = fmax(out->max_abs, fabs((double)w->y[i] - (double)w->value[r * cols + i]));
        out->n_differing += differing(w->y, w->value + r * cols, cols);
        out->n_values += cols;
    }
    out->ok = out->n_differing == 0;
}

/* A product and its bound. */
static double exactly(const float *x, const float *w, size_t n, evoke_verify_how how, double *bound)
{
    double y = 0, size = 0, coarse = 0, eighth = 0;
    for (size_t i = 0; i < n; i += BLOCK) {
        double most_x = 0, most_w = 0, sum_w = 0;
        for (size_t j = i; j < n && j < i + BLOCK; j++) {
            const double term = (double)x[j] * (double)w[j];
            y += term;
            size += fabs(term);
            most_x = fmax(most_x, fabs((double)x[j]));
            most_w = fmax(most_w, fabs((double)w[j]));
            sum_w += fabs((double)w[j]);
        }
        coarse += 3 * BLOCK * most_x * most_w;
        eighth += most_x / 254 * sum_w;
    }
    const double terms = (double)n, u = EVK_UNIT_ROUNDING;
    const double packed = (10 + 8 * sqrt(terms / BLOCK)) * u * coarse;
    *bound = how == EVOKE_VERIFY_FLOAT32 ? fmin(terms, 8 * sqrt(terms)) * u * size
             : how == EVOKE_VERIFY_FAST  ? packed + eighth
                                         : packed;
    return y;
}

static void compare(const work *w, evoke_verify_how how, evoke_verify_product *out)
{
    const size_t rows = w->w.rows, cols = w->w.cols;
    out->ok = true;
    for (size_t i = 0; i < N_TOKEN * rows; i++) {
        double bound = 0;
        const double y = exactly(w->x + i / rows * cols, w->value + i % rows * cols, cols, how, &bound);
        const double off = fabs((double)w->y[i] - y), error = isnan(off) ? INFINITY : off;
        out->ok = out->ok && error <= bound;
        out->share = fmax(out->share, error > 0 ? error / bound : 0);
        out->max_abs = fmax(out->max_abs, error);
        out->bound = fmax(out->bound, bound);
    }
    out->n_values = N_TOKEN * rows;
    if (how == EVOKE_VERIFY_FLOAT32)
        return;
    out->n_differing = differing(w->y, w->y_portable, out->n_values);
    out->ok = out->ok && out->n_differing == 0;
}

/* Products of packed weights as floats, of many tokens and of few, against those in w->y of the stored ones: the same bits. */
static void check_unpacked(work *w, evoke_verify_product *out)
{
    const size_t rows = w->w.rows, cols = w->w.cols;
    for (size_t t = 0, n = 1; t < N_TOKEN; t += n, n = N_TOKEN - t) {     /* one, and the others */
        const evk_product p = { &w->packed, NULL, w->y_portable + t * rows, rows };
        evk_matmul_packed(w->k, 1, &p, 1, 0, w->x + t * cols, cols, n, w->digits);
    }
    out->n_differing = differing(w->y, w->y_portable, out->n_values);
    out->ok = out->ok && out->n_differing == 0;
}

static void check_packed(work *w, evoke_verify_how how, evoke_verify_product *out)
{
    const size_t n_digit = how == EVOKE_VERIFY_FAST ? 1 : EVK_MAX_DIGIT;
    evk_product p = { &w->packed, NULL, w->y, w->w.rows };
    evk_matmul_packed(w->k, 1, &p, 1, n_digit, w->x, w->w.cols, N_TOKEN, w->digits);
    p.y = w->y_portable;
    evk_matmul_packed(&w->portable, 1, &p, 1, n_digit, w->x, w->w.cols, N_TOKEN, w->digits);
    compare(w, how, out);
}

static evoke_status take_room(work *w, bool packs, evk_arena *arena, evoke_error *err)
{
    const evk_packed form = evk_packed_form(&w->w);
    const size_t packed = packs ? evk_packed_bytes(&form) : 0;
    const size_t rows = w->w.rows, cols = w->w.cols, y = N_TOKEN * rows > cols ? N_TOKEN * rows : cols;
    const size_t digits = evk_packed_scratch(1, N_TOKEN, cols, EVK_MAX_DIGIT);
    EVK_TRY(evk_arena_init(arena, (rows * cols + N_TOKEN * cols + 2 * y + evk_matmul_scratch(1)) * sizeof(float) + digits +
                                      packed + 1024, "verify", err));
    w->value = evk_arena_floats(arena, rows * cols);
    w->x = evk_arena_floats(arena, N_TOKEN * cols);
    w->y = evk_arena_floats(arena, y);
    w->y_portable = evk_arena_floats(arena, y);
    w->panels = evk_arena_floats(arena, evk_matmul_scratch(1));
    w->digits = evk_arena_bytes(arena, digits);
    w->room = packs ? evk_arena_bytes(arena, packed) : NULL;
    return EVOKE_OK;
}

evoke_status evk_verify_products(const evk_kernels *k, const evk_tensor *matrix, evoke_verify_product *out, size_t *n,
                                 evoke_error *err)
{
    work w = { .k = k, .w = *matrix };
    evk_arena arena = { 0 };
    const bool packs = evk_packs_as_codes(matrix);
    evk_kernels_add_ref(&w.portable);
    w.w.rows = matrix->rows < MOST_ROWS ? matrix->rows : MOST_ROWS;
    *n = packs ? EVOKE_N_VERIFY_HOW : EVOKE_VERIFY_REPACKED;
    for (size_t i = 0; i < *n; i++)
        out[i] = (evoke_verify_product){ .isa = k->isa, .type = evk_type_describe(matrix->type)->name,
                                         .how = (evoke_verify_how)i };
    EVK_TRY(take_room(&w, packs || evk_packs_as_halves(matrix), &arena, err));
    fill_x(&w);
    for (size_t r = 0; r < w.w.rows; r++)
        fetch(&w, &w.portable, r, w.value + r * w.w.cols);
    check_values(&w, &out[EVOKE_VERIFY_VALUES]);
    evk_matmul(k, 1, &w.w, NULL, w.x, w.w.cols, N_TOKEN, w.y, w.w.rows, w.panels);
    compare(&w, EVOKE_VERIFY_FLOAT32, &out[EVOKE_VERIFY_FLOAT32]);
    if (w.room)
        w.packed = evk_pack(&w.w, 1, w.room);
    if (w.room && k->by_panels)
        check_unpacked(&w, &out[EVOKE_VERIFY_FLOAT32]);
    for (evoke_verify_how how = EVOKE_VERIFY_REPACKED; packs && how < EVOKE_N_VERIFY_HOW; how++)
        check_packed(&w, how, &out[how]);
    evk_arena_free(&arena);
    return EVOKE_OK;
}
