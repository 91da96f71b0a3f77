/* core/kernels/measure_kernels.c: how fast each kernel of each table runs on one thread with its operands in cache, beside
 * the bound that holds for it.
 *
 * A case says what one call adds and multiplies and what it must at least read and write. Its bound is whichever takes
 * longest: the arithmetic at the peak of the kernel's own instruction set (peak.h), or the bytes at the speed of the first
 * or the second cache, by the best loads and stores of this machine. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/kernels/packed.h"
#include "core/kernels/peak.h"
#include "core/threads.h"

enum {
    N = 2048,                       /* floats of a vector, 8 KB: three of them lie in the first cache */
    HEAD = 64, QUERIES = 24,        /* keys, values and their width, as of an attention head, and tokens that attend at once */
    ROWS = 96, K = 512,             /* of w, a panel of matmul.c: 192 KB, in the second cache */
    PACKED_ROWS = 768,              /* by K: 200 to 500 KB, in the second cache */
    MOST_TOKENS = 512, MOST_CASES = 256,
    L1_BYTES = 24 << 10, L2_BYTES = 256 << 10,
    N_RUN = 3
};
static const double RUN_SECONDS = 0.003;

typedef struct work work;
typedef struct kernel_case {
    char name[40], size[40];
    evoke_kernel_group group;
    void (*call)(const work *w);
    size_t which, n_token, n_digit; /* an activation or a type */
    double flop, op;                /* of floats, of integers */
    double read, written;           /* bytes */
    bool in_l2;
} kernel_case;

/* What a call works on. */
struct work {
    const kernel_case *c;
    evk_kernels k;
    float *x, *y, *w, *out;         /* [512, K], [512, PACKED_ROWS], [ROWS, K], [N] */
    uint8_t *blocks;                /* N values of any type */
    evk_packed packed;
    evk_arena arena;
    void *room, *scratch;           /* of packed; of evk_matmul_packed */
};

/* ---- a call of each kernel ---- */

static void call_axpy(const work *w) { w->k.axpy(1e-9f, w->x, w->y, N); }
static void call_axpy_rows(const work *w)
{
    w->k.axpy_rows(w->x, HEAD, w->w, HEAD, HEAD, w->y, HEAD, w->c->n_token, HEAD);
}
static void call_scores(const work *w) { w->k.matmul(w->x, HEAD, w->w, HEAD, w->y, HEAD, w->c->n_token, HEAD, HEAD); }
static void call_scaled_max(const work *w) { w->out[0] = w->k.scaled_max(w->out, 1, N) * 0; }
static void call_matmul(const work *w) { w->k.matmul(w->x, K, w->w, K, w->y, ROWS, w->c->n_token, ROWS, K); }
static void call_matvec_f16(const work *w) { w->k.matvec_f16(w->x, (const uint16_t *)(void *)w->w, K, w->y, ROWS, K); }
static void call_matvec_bf16(const work *w) { w->k.matvec_bf16(w->x, (const uint16_t *)(void *)w->w, K, w->y, ROWS, K); }
static void call_matmul_add(const work *w) { w->k.matmul_add(w->x, K, w->w, K, w->y, ROWS, w->c->n_token, ROWS, K); }
static void call_panels(const work *w) { w->k.multiply_panels(w->x, K, w->w, w->y, ROWS, w->c->n_token, ROWS, K, false); }
static void call_make_panel(const work *w)
{
    w->k.make_panel((evk_type)w->c->which, w->w, K * evk_type_describe((evk_type)w->c->which)->bytes, EVK_PACKED_ROWS, K, w->y);
}
static void call_unpack_panel(const work *w) { w->k.unpack_panel(&w->packed, 0, 0, K, w->y); }
static void call_sum_squares(const work *w) { w->out[0] = (float)w->k.sum_squares(w->x, N); }
static void call_sum(const work *w) { w->out[0] = (float)w->k.sum(w->x, N); }
static void call_sum_squared_from(const work *w) { w->out[0] = (float)w->k.sum_squared_from(w->x, 0.25, N); }
static void call_scale_mul(const work *w) { w->k.scale_mul(w->x, 1.5f, w->w, w->out, N); }
static void call_normalise(const work *w) { w->k.normalise(w->x, 0.25f, 1.5f, w->w, NULL, w->out, N); }
static void call_activate(const work *w) { w->k.activate[w->c->which](w->x, NULL, w->out, N); }
static void call_softcap(const work *w) { w->k.softcap(w->out, 30, N); }
static void call_exp_sum(const work *w) { w->out[0] = (float)w->k.exp_sum(w->out, 1, 1, N) * 0; }
static void call_to_f16(const work *w) { w->k.to_f16(w->x, (uint16_t *)(void *)w->out, N); }
static void call_dequantise(const work *w) { w->k.dequantise[w->c->which](w->blocks, w->out, N); }
static void call_take_digits(const work *w)
{
    const size_t width = w->k.tile_tokens, n_digit = w->c->n_digit;
    const evk_digits d = { .n_token = EVK_PACKED_TILE_MOST, .n_block = K / EVK_PACKED_BLOCK, .n_digit = n_digit, .width = width,
                           .record = evk_record_bytes(n_digit, width), .records = w->scratch };
    for (size_t t = 0; t < d.n_token; t += width)
        w->k.take_digits(&d, t / width, w->x + t * K, K);
}
static void call_packed(const work *w)
{
    const evk_product product = { &w->packed, NULL, w->y, PACKED_ROWS };
    evk_matmul_packed(&w->k, 1, &product, 1, w->c->n_digit, w->x, K, w->c->n_token, w->scratch);
}

/* ---- the cases ---- */

typedef struct cases { kernel_case list[MOST_CASES]; size_t n; } cases;

static kernel_case *add(cases *all, evoke_kernel_group group, void (*call)(const work *w), double flop, double read,
                        double written)
{
    kernel_case *c = &all->list[all->n++];
    *c = (kernel_case){ .group = group, .call = call, .flop = flop, .read = 4 * read, .written = 4 * written };
    snprintf(c->size, sizeof c->size, "%d floats, L1", N);
    return c;
}

static void EVK_PRINTF(2, 3) name(kernel_case *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->name, sizeof c->name, format, args);
    va_end(args);
}

/* Bound by multiply-adds, or where each operand is used but once, by loads. */
static void add_products(cases *all)
{
    static const size_t tokens[] = { 1, 8, 128, MOST_TOKENS, MOST_TOKENS };
    name(add(all, EVOKE_KERNEL_FLOATS, call_axpy, 2 * N, 2 * N, N), "axpy");
    kernel_case *c;
    for (size_t t = 1; t <= EVK_MIX_TILE; t += EVK_MIX_TILE - 1) {
        c = add(all, EVOKE_KERNEL_FLOATS, call_axpy_rows, 2.0 * (double)t * HEAD * HEAD, HEAD * HEAD + (double)t * HEAD, (double)t * HEAD);
        c->n_token = t;
        name(c, "axpy_rows, %zu token%s", t, t > 1 ? "s" : "");
        snprintf(c->size, sizeof c->size, "%d x %d, L1", HEAD, HEAD);
    }
    c = add(all, EVOKE_KERNEL_FLOATS, call_scores, 2.0 * QUERIES * HEAD * HEAD, (QUERIES + HEAD) * HEAD,
            QUERIES * HEAD);
    c->n_token = QUERIES;
    name(c, "matmul, %d tokens", QUERIES);
    snprintf(c->size, sizeof c->size, "%d x %d, L1", HEAD, HEAD);
    for (size_t i = 0; i < 2; i++) {
        c = add(all, EVOKE_KERNEL_FLOATS, i ? call_matvec_bf16 : call_matvec_f16, 2.0 * ROWS * K, ROWS * K / 2, ROWS);
        c->in_l2 = true;
        name(c, i ? "matvec_bf16, 1 token" : "matvec_f16, 1 token");
        snprintf(c->size, sizeof c->size, "w %d x %d, L2", ROWS, K);
    }
    for (size_t i = 0; i < 4; i++) {
        const size_t t = tokens[i];
        c = add(all, EVOKE_KERNEL_FLOATS, call_panels, 2.0 * (double)t * ROWS * K, (double)t * K + ROWS * K, (double)t * ROWS);
        c->n_token = t;
        c->in_l2 = true;
        name(c, "multiply_panels, %zu token%s", t, t > 1 ? "s" : "");
        snprintf(c->size, sizeof c->size, "w %d x %d, L2", ROWS, K);
    }
    for (size_t i = 0; i < 5; i++) {
        const size_t t = tokens[i];
        c = add(all, EVOKE_KERNEL_FLOATS, i < 4 ? call_matmul : call_matmul_add, 2.0 * (double)t * ROWS * K,
                (double)t * K + ROWS * K, (double)t * ROWS);
        c->n_token = t;
        c->in_l2 = true;
        name(c, i < 4 ? "matmul, %zu token%s" : "matmul_add, %zu token%s", t, t > 1 ? "s" : "");
        snprintf(c->size, sizeof c->size, "w %d x %d, L2", ROWS, K);
    }
}

/* By how many times lanes.h and lanes_activate.h multiply (a fused multiply-add counts once, a division too) for an element,
 * or where they add more often, add; sums in double take two vectors. */
static void add_elementwise(cases *all)
{
    static const struct { const char *name; void (*call)(const work *w); size_t which, steps, read, written; } list[] = {
        { "sum_squares", call_sum_squares, 0, 2, 1, 0 },      { "sum", call_sum, 0, 2, 1, 0 },
        { "sum_squared_from", call_sum_squared_from, 0, 2, 1, 0 }, { "scale_mul", call_scale_mul, 0, 2, 2, 1 },
        { "normalise", call_normalise, 0, 2, 2, 1 },          { "exp_sum", call_exp_sum, 0, 9, 1, 1 },
        { "scaled_max", call_scaled_max, 0, 2, 1, 0 },
        { "silu", call_activate, EVK_SILU, 10, 1, 1 },        { "gelu", call_activate, EVK_GELU, 27, 1, 1 },
        { "gelu_tanh", call_activate, EVK_GELU_TANH, 13, 1, 1 }, { "quick_gelu", call_activate, EVK_QUICK_GELU, 11, 1, 1 },
        { "relu", call_activate, EVK_RELU, 0, 1, 1 },         { "tanh", call_activate, EVK_TANH, 17, 1, 1 },
        { "softcap", call_softcap, 0, 19, 1, 1 },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        kernel_case *c = add(all, EVOKE_KERNEL_ELEMENTS, list[i].call, 2.0 * (double)list[i].steps * N,
                             (double)list[i].read * N, (double)list[i].written * N);
        c->which = list[i].which;
        name(c, "%s", list[i].name);
    }
    name(add(all, EVOKE_KERNEL_ELEMENTS, call_to_f16, 0, N, N / 2), "to_f16");
}

/* Of rows as they are stored, and of packed ones of any type of a form. */
static void add_panels(cases *all)
{
    static const evk_type stored[] = { EVK_F32, EVK_F16, EVK_BF16 };
    for (size_t i = 0; i < 3; i++) {
        const double bytes = (double)evk_type_describe(stored[i])->bytes;
        kernel_case *c = add(all, EVOKE_KERNEL_VALUES, call_make_panel, 0, EVK_PACKED_ROWS * K * bytes / 4, EVK_PACKED_ROWS * K);
        c->which = stored[i];
        c->in_l2 = true;
        name(c, "make_panel, %s", evk_type_describe(stored[i])->name);
        snprintf(c->size, sizeof c->size, "%d x %d, L2", EVK_PACKED_ROWS, K);
    }
}

/* Of every type that weights are stored in. */
static void add_values(cases *all)
{
    for (evk_type type = 0; type < EVK_I8; type++) {
        const evk_type_info *info = evk_type_describe(type);
        kernel_case *c = add(all, EVOKE_KERNEL_VALUES, call_dequantise, 0, 0, N);
        c->which = type;
        c->read = (double)(N / info->block * info->bytes);
        name(c, "%s", info->name);
    }
}

static evk_tensor matrix(const work *w, evk_type type, size_t rows)
{
    evk_tensor t = { .name = "w", .type = type, .n_dim = 2, .dims = { rows, K }, .data = w->blocks };
    evk_tensor_shape(&t, "measure kernels", NULL);
    return t;
}

/* Below N_FORM, the same for weights that are packed alike. */
enum { N_FORM = 9 * 8 };
static size_t form_of(const evk_packed *p)
{
    return 8u * (size_t)p->bits + p->groups_of_16 + 2u * p->half_scales + 4u * p->has_min;
}

/* Packed weights as floats: a panel of 16 rows, and products. */
static void add_floats(cases *all, evk_type type, double bytes)
{
    static const size_t tokens[] = { 0, 1, EVK_FEW_TOKENS, 32 };
    for (size_t i = 0; i < 4; i++) {
        const size_t n = tokens[i];
        kernel_case *c = n ? add(all, EVOKE_KERNEL_PACKED, call_packed, 2.0 * (double)n * PACKED_ROWS * K, bytes / 4 + (double)(n * K),
                                 (double)(n * PACKED_ROWS))
                           : add(all, EVOKE_KERNEL_PACKED, call_unpack_panel, 0, bytes / 4 * EVK_PACKED_ROWS / PACKED_ROWS, EVK_PACKED_ROWS * K);
        c->which = type, c->n_token = n;
        c->in_l2 = true;
        if (n) {
            name(c, "%s as floats, %zu token%s", evk_type_describe(type)->name, n, n > 1 ? "s" : "");
            snprintf(c->size, sizeof c->size, "w %d x %d, L2", PACKED_ROWS, K);
        } else {
            c->op = 2.0 * EVK_PACKED_ROWS * K;
            name(c, "%s as floats, a panel", evk_type_describe(type)->name);
            snprintf(c->size, sizeof c->size, "w %d x %d, L2", EVK_PACKED_ROWS, K);
        }
    }
}

/* Every form of packed weights, by the first type that has it. */
static void add_packed(cases *all, const work *w)
{
    static const size_t tokens[] = { 1, 4, 32 };
    bool seen[N_FORM] = { false };
    add_floats(all, EVK_F16, 2.0 * PACKED_ROWS * K);
    add_floats(all, EVK_BF16, 2.0 * PACKED_ROWS * K);
    for (evk_type type = 0; type < EVK_N_TYPE; type++) {
        if (!evk_packs(type))
            continue;
        const evk_tensor t = matrix(w, type, PACKED_ROWS);
        const evk_packed p = evk_packed_form(&t);
        const double bytes = (double)evk_packed_bytes(&p);
        const size_t form = form_of(&p), n_case = seen[form] ? 0 : 6;
        if (n_case)
            add_floats(all, type, bytes);
        seen[form] = true;
        for (size_t i = 0; i < n_case; i++) {
            const size_t n_digit = i < 3 ? 1 : EVK_MAX_DIGIT, n = tokens[i % 3];
            kernel_case *c = add(all, EVOKE_KERNEL_PACKED, call_packed, 0, bytes / 4 + (double)(n * K),
                                 (double)(n * PACKED_ROWS));
            c->op = 2.0 * (double)(n * n_digit) * PACKED_ROWS * K;
            c->which = type, c->n_digit = n_digit, c->n_token = n;
            c->in_l2 = true;
            name(c, "%s, %zu digit%s, %zu token%s", evk_type_describe(type)->name, n_digit, n_digit > 1 ? "s" : "", n,
                 n > 1 ? "s" : "");
            snprintf(c->size, sizeof c->size, "w %d x %d, L2", PACKED_ROWS, K);
        }
    }
}

static void add_digits(cases *all)
{
    for (size_t n_digit = 1; n_digit <= EVK_MAX_DIGIT; n_digit += 2) {
        const double n = EVK_PACKED_TILE_MOST * K;
        kernel_case *c = add(all, EVOKE_KERNEL_ELEMENTS, call_take_digits, 0, n, n * (double)n_digit / 4);
        c->n_digit = n_digit;
        name(c, "take_digits, %zu", n_digit);
        snprintf(c->size, sizeof c->size, "%d x %d, L2", EVK_PACKED_TILE_MOST, K);
        c->in_l2 = true;
    }
}

static void list_cases(cases *all, const work *w)
{
    add_products(all);
    add_elementwise(all);
    add_digits(all);
    add_values(all);
    add_panels(all);
    add_packed(all, w);
}

/* ---- measuring ---- */

/* Bytes of the largest packed weights. */
static size_t most_packed(const work *w)
{
    size_t most = 0;
    for (evk_type type = 0; type < EVK_N_TYPE; type++) {
        const evk_tensor t = matrix(w, type, PACKED_ROWS);
        const evk_packed form = evk_packed_form(&t);
        if (evk_packs_as_codes(&t) || evk_packs_as_halves(&t))
            most = evk_packed_bytes(&form) > most ? evk_packed_bytes(&form) : most;
    }
    return most;
}

static evoke_status make(work *w, evoke_error *err)
{
    const size_t floats = MOST_TOKENS * (K + PACKED_ROWS) + ROWS * K + N, blocks = PACKED_ROWS * K * 2;
    const size_t scratch = evk_packed_scratch(1, MOST_TOKENS, K, EVK_MAX_DIGIT), packed = most_packed(w);
    EVK_TRY(evk_arena_init(&w->arena, 4 * floats + blocks + scratch + packed + 1024, "measure kernels", err));
    w->x = evk_arena_floats(&w->arena, MOST_TOKENS * K);
    w->y = evk_arena_floats(&w->arena, MOST_TOKENS * PACKED_ROWS);
    w->w = evk_arena_floats(&w->arena, ROWS * K);
    w->out = evk_arena_floats(&w->arena, N);
    w->blocks = evk_arena_bytes(&w->arena, blocks);
    w->scratch = evk_arena_bytes(&w->arena, scratch);
    w->room = evk_arena_bytes(&w->arena, packed);
    for (size_t i = 0; i < MOST_TOKENS * K; i++)
        w->x[i] = (float)(i % 97) * 0.01f - 0.5f;
    for (size_t i = 0; i < ROWS * K; i++)
        w->w[i] = (float)(i % 89) * 0.01f - 0.4f;
    for (size_t i = 0; i < blocks; i++)
        w->blocks[i] = (uint8_t)((i * 2654435761u >> 13 & 0x1b) | 0x20);        /* any two: a float16 or bfloat16 below 1, no subnormal */
    memset(w->y, 0, MOST_TOKENS * PACKED_ROWS * sizeof *w->y);
    return EVOKE_OK;
}

/* Calls a second, best of N_RUN runs. */
static double calls(const work *w)
{
    double best = 0;
    for (int run = 0; run < N_RUN; run++) {
        const double begin = evk_seconds();
        size_t n = 0;
        for (; n == 0 || evk_seconds() - begin < RUN_SECONDS; n++)
            w->c->call(w);
        best = fmax(best, (double)n / (evk_seconds() - begin));
    }
    return best;
}

static double memory_rate(evk_memory_loop *loop, void *p, size_t n)
{
    volatile double sink = 0;
    double best = 0;
    for (int run = 0; run < 3 * N_RUN; run++) {
        const double begin = evk_seconds();
        size_t times = 0;
        for (; evk_seconds() - begin < RUN_SECONDS; times += 8)
            for (size_t i = 0; i < 8; i++)
                sink = loop(p, n, 0);
        best = fmax(best, (double)(n * times) / (evk_seconds() - begin));
    }
    (void)sink;
    return 1e-9 * best;
}

/* The widest vectors are not always the fastest. */
static void measure_caches(work *w, evoke_kernel_speeds *out)
{
    const char *isa;
    for (size_t i = 0; (isa = evoke_isa_name(i)); i++) {
        const evk_peak p = evk_peak_of(isa);
        out->l1_read = fmax(out->l1_read, memory_rate(p.read, w->y, L1_BYTES));
        out->l1_write = fmax(out->l1_write, memory_rate(p.write, w->y, L1_BYTES));
        out->l2_read = fmax(out->l2_read, memory_rate(p.read, w->y, L2_BYTES));
        out->l2_write = fmax(out->l2_write, memory_rate(p.write, w->y, L2_BYTES));
    }
}

/* 1e9 times the seconds that a call takes at least, and by what. */
static double least_time(const kernel_case *c, const evoke_kernel_speeds *s, const evoke_core_peak *peak, const char **bound)
{
    const struct { double time; const char *by; } each[] = {
        { c->flop / peak->floats, "floats" },
        { c->op / peak->integers, "integers" },
        { c->read / (c->in_l2 ? s->l2_read : s->l1_read), c->in_l2 ? "L2 read" : "L1 read" },
        { c->written / (c->in_l2 ? s->l2_write : s->l1_write), c->in_l2 ? "L2 write" : "L1 write" },
    };
    double most = 0;
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        if (each[i].time > most) {
            most = each[i].time;
            *bound = each[i].by;
        }
    return most;
}

static void measure(work *w, const evoke_kernel_speeds *s, const evoke_core_peak *peak, evoke_kernel_rate *out)
{
    const kernel_case *c = w->c;
    const double done = c->op > 0 ? c->op : c->group == EVOKE_KERNEL_VALUES || c->group == EVOKE_KERNEL_ELEMENTS ? c->read + c->written : c->flop;
    const evk_tensor t = matrix(w, c->group == EVOKE_KERNEL_PACKED ? (evk_type)c->which : EVK_F32, PACKED_ROWS);
    if (c->group == EVOKE_KERNEL_PACKED)
        w->packed = evk_pack(&t, 1, w->room);
    for (size_t i = 0; i < N; i++)
        w->out[i] = w->x[i];
    *out = (evoke_kernel_rate){ .group = c->group, .isa = peak->isa };
    snprintf(out->kernel, sizeof out->kernel, "%s", c->name);
    snprintf(out->size, sizeof out->size, "%s", c->size);
    out->rate = 1e-9 * done * calls(w);
    out->peak = done / least_time(c, s, peak, &out->bound);
}

/* All cases by one table: every n_isas-th rate from the i-th on. */
static evoke_status measure_isa(work *w, const cases *all, size_t i, evoke_kernel_speeds *out, evoke_error *err)
{
    evoke_core_peak *peak = &out->peaks[i];
    EVK_TRY(evk_kernels_select(peak->isa, &w->k, err));
    const evk_peak loops = evk_peak_of(peak->isa);
    peak->floats = evk_peak_floats(&loops);
    peak->integers = evk_peak_integers(&loops);
    for (size_t c = 0; c < all->n; c++) {
        evoke_kernel_rate *r = &out->rates[c * out->n_isas];
        w->c = &all->list[c];
        measure(w, out, peak, r + i);
        r[i].speedup = r[i].rate / r->rate;
    }
    return EVOKE_OK;
}

/* ref, and the one named or all. */
static void list_isas(const char *isa, evoke_kernel_speeds *out)
{
    const char *name;
    for (size_t i = 0; (name = evoke_isa_name(i)) && out->n_isas < EVOKE_MOST_ISAS; i++)
        if (i == 0 || !isa || strcmp(isa, name) == 0)
            out->peaks[out->n_isas++].isa = name;
}

evoke_status evoke_measure_kernels(const char *isa, evoke_kernel_speeds *out, evoke_error *err)
{
    work w = { 0 };
    cases *all = NULL;
    *out = (evoke_kernel_speeds){ 0 };
    EVK_TRY(evk_kernels_select(isa, &w.k, err));
    list_isas(isa, out);
    evoke_status st = make(&w, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&all, 1, sizeof *all, "measure kernels", err);
    if (st == EVOKE_OK) {
        list_cases(all, &w);
        st = evk_alloc(&out->rates, all->n * out->n_isas, sizeof *out->rates, "measure kernels", err);
    }
    if (st == EVOKE_OK) {
        out->n_kernels = all->n;
        measure_caches(&w, out);
    }
    for (size_t i = 0; st == EVOKE_OK && i < out->n_isas; i++)
        st = measure_isa(&w, all, i, out, err);
    free(all);
    evk_arena_free(&w.arena);
    if (st != EVOKE_OK)
        evoke_kernel_speeds_free(out);
    return st;
}

void evoke_kernel_speeds_free(evoke_kernel_speeds *s)
{
    free(s->rates);
    *s = (evoke_kernel_speeds){ 0 };
}
