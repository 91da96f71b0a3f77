/* layers/verify_points.c: every hook point of a pass against float64. */
#include <math.h>
#include <stdlib.h>

#include "layers/forward.h"
#include "layers/verify.h"

/* How many times what perturbed float64 passes stray (and a rounding of the row's largest value) a float32 pass may be off by.
 * All are maxima over a row of one draw of the same kind of error. Where a row hangs on one direction such a draw is now and then
 * next to nothing, so the largest of a few draws counts, and no less than what most tokens' rows of the layer stray by, in
 * proportion. A defect is off by orders of magnitude. */
static const double FACTOR = 16;
enum { N_DRAW = 2 };

static double largest(const double *x, const double *less, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(x[i] - (less ? less[i] : 0)));
    return most;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What the rows of a layer strayed by, stray[t * step], t < n, to what they may be off by; x: what is exact. share [n]: room. */
static void widen(const double *x, size_t n, size_t step, size_t width, double *share, double *stray)
{
    for (size_t t = 0; t < n; t++) {
        const double size = largest(x + t * step * width, NULL, width);
        share[t] = size > 0 ? stray[t * step] / size : 0;
    }
    qsort(share, n, sizeof *share, by_size);
    for (size_t t = 0; t < n; t++) {
        const double size = largest(x + t * step * width, NULL, width);
        stray[t * step] = FACTOR * (fmax(stray[t * step], share[n / 2] * size) + EVK_UNIT_ROUNDING * size);
    }
}

static evoke_status stray(const evoke_model *m, uint64_t draw, evk_truth *t, evoke_error *err)
{
    evk_reference strayed = { 0 };
    const evoke_status st = evk_reference_run(m, t->ids, t->n, draw, &strayed, err);
    for (evoke_site s = 0; st == EVOKE_OK && s < EVOKE_N_SITE; s++) {
        const size_t width = evk_site_width(m, s);
        for (size_t r = 0; r < t->n * evk_site_rows(m, s); r++)
            t->bound[s][r] = fmax(t->bound[s][r], largest(strayed.site[s] + r * width, t->exact.site[s] + r * width, width));
    }
    evk_reference_free(&strayed);
    return st;
}

void evk_truth_free(evk_truth *t)
{
    evk_reference_free(&t->exact);
    for (size_t i = 0; i < EVOKE_N_SITE; i++)
        free(t->bound[i]);
    *t = (evk_truth){ 0 };
}

evoke_status evk_truth_make(const evoke_model *m, const int32_t *ids, size_t n, evk_truth *out, evoke_error *err)
{
    double *share = NULL;
    *out = (evk_truth){ .ids = ids, .n = n };
    evoke_status st = evk_reference_run(m, ids, n, 0, &out->exact, err);
    for (evoke_site s = 0; st == EVOKE_OK && s < EVOKE_N_SITE; s++)
        st = evk_alloc(&out->bound[s], n * evk_site_rows(m, s), sizeof(double), "verify", err);
    for (uint64_t draw = 1; st == EVOKE_OK && draw <= N_DRAW; draw++)
        st = stray(m, draw, out, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&share, n, sizeof *share, "verify", err);
    for (evoke_site s = 0; st == EVOKE_OK && s < EVOKE_N_SITE; s++)
        for (size_t r = 0, rows = evk_site_rows(m, s), width = evk_site_width(m, s); r < rows; r++)
            widen(out->exact.site[s] + r * width, n, rows, width, share, out->bound[s] + r);
    free(share);
    return st;
}

typedef struct watch { const evoke_model *m; const evk_truth *truth; evoke_verify_point *points; } watch;

/* One token's row against the truth; a NaN is beyond every bound. */
static void compare_row(const float *x, const double *truth, size_t width, double bound, size_t layer, size_t token,
                        evoke_verify_point *out)
{
    const double size = largest(truth, NULL, width);
    double error = 0;
    for (size_t i = 0; i < width; i++) {
        const double d = fabs((double)x[i] - truth[i]);
        error = d <= error ? error : isnan(d) ? INFINITY : d;
    }
    const double relative = error > 0 ? error / size : 0, share = error > 0 ? error / bound : 0;
    out->max_abs = fmax(out->max_abs, error);
    out->max_rel = fmax(out->max_rel, relative);
    out->bound = fmax(out->bound, bound);
    if (share > out->share || !isfinite(share)) {
        out->share = isfinite(share) ? share : INFINITY;
        out->layer = layer;
        out->token = token;
    }
    out->ok = out->ok && error <= bound;
}

static evoke_status take(void *user, evoke_site site, size_t layer, const float *x, size_t width, evoke_error *err)
{
    (void)err;
    const watch *w = user;
    const size_t rows = evk_site_rows(w->m, site);
    for (size_t t = 0; t < w->truth->n; t++) {
        const size_t row = t * rows + layer;
        compare_row(x + t * width, w->truth->exact.site[site] + row * width, width, w->truth->bound[site][row], layer, t,
                    &w->points[site]);
    }
    return EVOKE_OK;
}

evoke_status evk_verify_points(const evoke_model *m, const evk_truth *truth, evoke_verify_point out[EVOKE_N_SITE],
                               evoke_error *err)
{
    evk_kv_cache cache = { 0 };
    evk_arena scratch = { 0 };
    float *logits = NULL;
    size_t sequence = 0;
    watch w = { m, truth, out };
    const evk_capture capture = { (1u << EVOKE_LOGITS) - 1, take, &w };
    for (evoke_site s = 0; s < EVOKE_N_SITE; s++)
        out[s] = (evoke_verify_point){ .site = s, .ok = true };
    evoke_status st = evk_alloc(&logits, truth->n, m->config.n_vocab * sizeof *logits, "verify", err);
    if (st == EVOKE_OK)
        st = evk_kv_init(&cache, m, truth->n, 1, err);
    if (st == EVOKE_OK)
        st = evk_kv_open(&cache, EVK_NO_PARENT, truth->n, &sequence, err);
    if (st == EVOKE_OK)
        st = evk_arena_init(&scratch, evk_forward_scratch(m, truth->n), "verify", err);
    const evk_run run = { sequence, truth->ids, truth->n, EVK_PROMPT_END, EVK_WANT_ALL, NULL, truth->n, 0 };
    if (st == EVOKE_OK)
        st = evk_forward(m, &cache, &run, 1, &capture, logits, &scratch, err);
    if (st == EVOKE_OK)
        st = take(&w, EVOKE_LOGITS, 0, logits, m->config.n_vocab, err);
    free(logits);
    evk_kv_free(&cache);
    evk_arena_free(&scratch);
    return st;
}
