/* layers/measure.c: the speed of this machine at the shapes of a model. Best of several runs each. */
#include <cblas.h>
#include <math.h>
#include <omp.h>

#include "core/arena.h"
#include "core/kernels/matmul.h"
#include "core/kernels/packed.h"
#include "core/kernels/peak.h"
#include "core/threads.h"
#include "layers/model.h"

enum { N_RUN = 3, MOST_TOKENS = 512, READ_FLOATS = 64 << 20 };
static const double RUN_SECONDS = 0.03;
static const evk_slot matrices[] = {
    EVK_W_ATTN_Q, EVK_W_ATTN_K, EVK_W_ATTN_V, EVK_W_ATTN_OUT, EVK_W_LATENT_Q, EVK_W_LATENT_KV, EVK_W_LATENT_KV_UP,
    EVK_W_MLP_GATE, EVK_W_MLP_UP, EVK_W_MLP_DOWN,
};
enum { N_MATRIX = sizeof matrices / sizeof *matrices };

typedef struct bench {
    const evoke_model *m;
    size_t n_thread, n_token;
    float *x, *y, *w, *panels;          /* [512, widest], [512, widest], [widest, widest] of the matrices */
    void *digits;                       /* scratch of evk_matmul_packed */
    evk_arena arena;
    volatile double sink;
} bench;

/* Work a second, best of N_RUN runs of at least RUN_SECONDS; `work` is what one call does. */
static double rate(bench *b, void (*call)(bench *b), double work)
{
    double best = 0;
    call(b);
    for (int run = 0; run < N_RUN; run++) {
        const double begin = evk_seconds();
        size_t n = 0;
        do {
            call(b);
            n++;
        } while (evk_seconds() - begin < RUN_SECONDS);
        best = fmax(best, work * (double)n / (evk_seconds() - begin));
    }
    return best;
}

static void call_sgemm(bench *b)
{
    for (size_t i = 0; i < N_MATRIX; i++) {
        const evk_tensor *w = evk_model_matrix(b->m, 0, matrices[i]);
        if (w)
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)b->n_token, (int)w->rows, (int)w->cols, 1, b->x,
                        (int)w->cols, b->w, (int)w->cols, 0, b->y, (int)w->rows);
    }
}

static void multiply(bench *b, size_t layer, evk_slot slot)
{
    const evk_weight *w = evk_model_weight(b->m, layer, slot);
    if (!w->there)
        return;
    if (evk_takes_packed(b->m, w))
        evk_matmul_packed(&b->m->kernels, b->n_thread, &(evk_product){ &w->packed, NULL, b->y, w->matrix.rows }, 1, b->m->n_digit,
                          b->x, w->matrix.cols, b->n_token, b->digits);
    else
        evk_matmul(&b->m->kernels, b->n_thread, &w->matrix, NULL, b->x, w->matrix.cols, b->n_token, b->y,
                   w->matrix.rows, b->panels);
}

static void call_multiply(bench *b)
{
    for (size_t layer = 0; layer < b->m->config.n_layer; layer++)
        for (size_t i = 0; i < N_MATRIX; i++)
            multiply(b, layer, matrices[i]);
}

/* Of all threads at once. */
static double peak_integers(const bench *b)
{
    const evk_peak peak = evk_peak_of(b->m->kernels.isa);
    double sum = 0;
#pragma omp parallel num_threads((int)b->n_thread) reduction(+ : sum)
    sum = evk_peak_integers(&peak);
    return sum;
}

static void call_read(bench *b)
{
    const evk_peak peak = evk_peak_of(b->m->kernels.isa);
    double sum = 0;
#pragma omp parallel for num_threads((int)b->n_thread) schedule(static) reduction(+ : sum)
    for (size_t i = 0; i < READ_FLOATS; i += 1 << 16)
        sum += peak.read(b->w + i, sizeof(float) << 16, 0);
    b->sink = sum;
}

static double weight_bytes(const evk_tensor *w)
{
    const evk_type_info *type = evk_type_describe(w->type);
    return (double)w->rows * (double)w->cols / (double)type->block * (double)type->bytes;
}

static void count(bench *b, evoke_machine *out, size_t *widest, size_t *largest)
{
    const evk_tensor *head = evk_model_matrix(b->m, 0, EVK_W_HEAD);
    *widest = *largest = 0;
    out->layer_flop = 0;
    out->weight_bytes = weight_bytes(head);
    out->head_flop = 2.0 * (double)head->rows * (double)head->cols;
    for (size_t layer = 0; layer < b->m->config.n_layer; layer++)
        for (size_t i = 0; i < N_MATRIX; i++) {
            const evk_tensor *w = evk_model_matrix(b->m, layer, matrices[i]);
            if (!w)
                continue;
            out->layer_flop += 2.0 * (double)w->rows * (double)w->cols;
            out->weight_bytes += weight_bytes(w);
            *widest = w->rows > *widest ? w->rows : *widest;
            *widest = w->cols > *widest ? w->cols : *widest;
            *largest = w->rows * w->cols > *largest ? w->rows * w->cols : *largest;
        }
}

static evoke_status make(bench *b, size_t widest, size_t largest, evoke_error *err)
{
    const size_t n_w = largest > READ_FLOATS ? largest : READ_FLOATS, panels = evk_matmul_scratch(b->n_thread);
    const size_t digits = evk_packed_scratch(b->n_thread, MOST_TOKENS, widest, EVK_MAX_DIGIT);
    EVK_TRY(evk_arena_init(&b->arena, (2 * MOST_TOKENS * widest + n_w + panels) * sizeof(float) + digits + 1024, "measure", err));
    b->x = evk_arena_floats(&b->arena, MOST_TOKENS * widest);
    b->y = evk_arena_floats(&b->arena, MOST_TOKENS * widest);
    b->w = evk_arena_floats(&b->arena, n_w);
    b->panels = evk_arena_floats(&b->arena, panels);
    b->digits = evk_arena_bytes(&b->arena, digits);
    for (size_t i = 0; i < MOST_TOKENS * widest; i++)
        b->x[i] = (float)(i % 97) * 0.01f - 0.5f;
    for (size_t i = 0; i < n_w; i++)        /* also makes the pages real */
        b->w[i] = (float)(i % 89) * 0.01f - 0.4f;
    return EVOKE_OK;
}

evoke_status evoke_measure_machine(const evoke_model *m, size_t n_threads, const evoke_progress *progress, evoke_machine *out,
                                   evoke_error *err)
{
    static const size_t batches[EVOKE_N_BATCH] = { 8, 32, 128, MOST_TOKENS };
    bench b = { .m = m, .n_thread = n_threads ? n_threads : m->n_thread };
    size_t widest, largest;
    EVK_TRY(evk_blas_check(err));
    *out = (evoke_machine){ .n_threads = b.n_thread };
    count(&b, out, &widest, &largest);
    evoke_status st = make(&b, widest, largest, err);
    const int blas_threads = openblas_get_num_threads();
    openblas_set_num_threads((int)b.n_thread);
    for (size_t i = 0; st == EVOKE_OK && i < EVOKE_N_BATCH; i++) {
        out->batch[i] = b.n_token = batches[i];
        out->sgemm[i] = 1e-9 * rate(&b, call_sgemm, out->layer_flop / (double)m->config.n_layer * (double)b.n_token);
        out->multiply[i] = 1e-9 * rate(&b, call_multiply, out->layer_flop * (double)b.n_token);
        st = evk_report(progress, "measure", i + 1, EVOKE_N_BATCH, err);
    }
    openblas_set_num_threads(blas_threads);
    const evk_weight *q = evk_model_weight(m, 0, EVK_W_ATTN_Q);
    if (st == EVOKE_OK && q->packed.codes && q->packed.bits != 16 && m->n_digit > 0)
        out->integers = peak_integers(&b);
    if (st == EVOKE_OK)
        out->read = 1e-9 * rate(&b, call_read, (double)READ_FLOATS * sizeof(float));
    evk_arena_free(&b.arena);
    return st;
}

evoke_status evoke_measure_read(const evoke_model *m, double *gb_s, evoke_error *err)
{
    bench b = { .m = m, .n_thread = m->n_thread };
    *gb_s = 0;
    EVK_TRY(evk_arena_init(&b.arena, READ_FLOATS * sizeof(float) + 64, "measure", err));
    b.w = evk_arena_floats(&b.arena, READ_FLOATS);
#pragma omp parallel for num_threads((int)b.n_thread) schedule(static)
    for (size_t i = 0; i < READ_FLOATS; i++)
        b.w[i] = 1;
    *gb_s = 1e-9 * rate(&b, call_read, (double)READ_FLOATS * sizeof(float));
    evk_arena_free(&b.arena);
    return EVOKE_OK;
}
