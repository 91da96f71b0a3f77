/* layers/verify_points.c: every hook point of a pass against float64. */
#include <math.h>
#include <stdlib.h>

#include "layers/forward.h"
#include "layers/verify.h"

/* How many times what one perturbed float64 pass strays (and a rounding of the row's largest value) a float32 pass may be off
 * by. Both are maxima over a row of one draw of the same kind of error, alike to within a factor of a few (of all models in
 * tests/golden, 4 to 128 wide, the worst row comes to a third of its bound); a defect is off by orders of magnitude. */
static const double FACTOR = 16;

static double largest(const double *x, const double *less, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(x[i] - (less ? less[i] : 0)));
    return most;
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
    evk_reference rounded = { 0 };
    *out = (evk_truth){ .ids = ids, .n = n };
    evoke_status st = evk_reference_run(m, ids, n, false, &out->exact, err);
    if (st == EVOKE_OK)
        st = evk_reference_run(m, ids, n, true, &rounded, err);
    for (evoke_site s = 0; st == EVOKE_OK && s < EVOKE_N_SITE; s++) {
        const size_t rows = n * evk_site_rows(m, s), width = evk_site_width(m, s);
        st = evk_alloc(&out->bound[s], rows, sizeof(double), "verify", err);
        for (size_t r = 0; st == EVOKE_OK && r < rows; r++) {
            const double *x = out->exact.site[s] + r * width;
            out->bound[s][r] = FACTOR * (largest(rounded.site[s] + r * width, x, width) +
                                         EVK_UNIT_ROUNDING * largest(x, NULL, width));
        }
    }
    evk_reference_free(&rounded);
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
        st = evk_kv_init(&cache, &m->config, truth->n, 1, err);
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
