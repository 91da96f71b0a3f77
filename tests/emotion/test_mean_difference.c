/* emotion/mean_difference.c: against sums made here from a small store, with what is incomplete left out, and against the
 * emotion vectors that PyTorch and NumPy made from SmolLM2-135M (golden/smollm2/reference.h5). */
#include "core/evoke.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/files/hdf5.h"
#include "tests/check.h"
#include "tests/stop.h"

enum { N = 7, S = 3, L = 2, D = 3, SIZE = L * D };
static const char path[] = "test_mean_difference.h5";
static const int64_t labels[N] = { 1, 0, 0, -1, 1, 0, 1 };
static const int32_t layers[L] = { 4, 8 };

static float value(size_t site, size_t q, size_t s, size_t j)
{
    return (float)((q * 37 + s * 101 + j * 13 + site * 7) % 29) / 8 + (s == 2 ? 100.0f : 0);
}

/* The settings are, in order, emotion, neutral, other. `missing` [N]: 1 not done in neutral, 2 NaN at the second site, 3 NaN in
 * a setting that does not count. */
static void write_store(const int *missing)
{
    static float x[2][N][S][SIZE];
    uint8_t done[N][S];
    memset(done, 1, sizeof done);
    for (size_t site = 0; site < 2; site++)
        for (size_t q = 0; q < N; q++)
            for (size_t s = 0; s < S; s++)
                for (size_t j = 0; j < SIZE; j++)
                    x[site][q][s][j] = value(site, q, s, j);
    for (size_t q = 0; missing && q < N; q++) {
        done[q][1] = missing[q] != 1;
        if (missing[q] >= 2)
            x[1][q][missing[q] == 2 ? 0 : 2][3] = missing[q] == 2 ? NAN : INFINITY;
    }
    const char *const emotions[2] = { "joy", "fear" }, *const settings[S] = { "emotion", "neutral", "other" };
    const char *const ids[N] = { "a", "b", "c", "d", "e", "f", "g" };
    const size_t dims[4] = { N, S, L, D };
    evk_h5 *f = NULL;
    evoke_error err = {0};
    bool ok = evk_h5_create(path, &f, &err) == EVOKE_OK &&
        evk_h5_write(f, "/activations/resid_post/query", EVK_H5_F32, 4, dims, x[1], &err) == EVOKE_OK &&
        evk_h5_write(f, "/activations/attn_out/query", EVK_H5_F32, 4, dims, x[0], &err) == EVOKE_OK &&
        evk_h5_write(f, "/activations/attn_out/last", EVK_H5_F32, 4, dims, x[1], &err) == EVOKE_OK &&
        evk_h5_write_strings(f, "/emotions", 1, (size_t[]){ 2 }, emotions, &err) == EVOKE_OK &&
        evk_h5_write_strings(f, "/settings", 1, (size_t[]){ S }, settings, &err) == EVOKE_OK &&
        evk_h5_write_strings(f, "/queries/id", 1, dims, ids, &err) == EVOKE_OK &&
        evk_h5_write(f, "/queries/emotion", EVK_H5_I64, 1, dims, labels, &err) == EVOKE_OK &&
        evk_h5_write(f, "/layers", EVK_H5_I32, 1, (size_t[]){ L }, layers, &err) == EVOKE_OK &&
        evk_h5_write(f, "/progress/done", EVK_H5_U8, 2, dims, done, &err) == EVOKE_OK &&
        evk_h5_attr_string(f, "/", "architecture", "llama", &err) == EVOKE_OK && evk_h5_commit(f, &err) == EVOKE_OK;
    check(ok, "%s", err.text);
}

static evoke_status average(const evoke_ev_options *options, evoke_vectors **v, evoke_ev_report *report, evoke_error *err)
{
    evoke_store *s = NULL;
    *v = NULL;
    if (!check(evoke_store_open(path, &s, err) == EVOKE_OK, "%s", err->text))
        return EVOKE_EIO;
    const evoke_status st = evoke_mean_difference(s, options, NULL, v, report, err);
    evoke_store_free(s);
    return st;
}

static void is_mean(const evoke_vectors *v, evoke_site site, size_t index, const int *missing)
{
    size_t count[2] = {0};
    double ev[2][SIZE] = {{0}}, neutral[2][SIZE] = {{0}};
    for (size_t q = 0; q < N; q++) {
        if (labels[q] < 0 || (missing && (missing[q] == 1 || missing[q] == 2)))
            continue;
        count[labels[q]]++;
        for (size_t j = 0; j < SIZE; j++)
            ev[labels[q]][j] += (double)value(index, q, 0, j) - (double)value(index, q, 1, j);
        for (size_t j = 0; j < SIZE; j++)
            neutral[labels[q]][j] += (double)value(index, q, 1, j);
    }
    const float *base = evoke_vectors_get(v, site, 2);
    for (size_t j = 0; j < SIZE; j++) {
        for (size_t e = 0; e < 2; e++)
            check(fabs((double)evoke_vectors_get(v, site, e)[j] - ev[e][j] / (double)count[e]) < 1e-6, "emotion %zu, value %zu", e, j);
        check(fabs((double)base[j] - (ev[0][j] / (double)count[0] + ev[1][j] / (double)count[1]) / 2) < 1e-6, "base %zu", j);
    }
    for (size_t e = 0; e < 3; e++)
        for (size_t l = 0; l < L; l++) {
            const float *vector = evoke_vectors_get(v, site, e) + l * D;
            double dot = 0, square = 0;
            for (size_t j = 0; j < D; j++) {
                const double joy = neutral[0][l * D + j] / (double)count[0], fear = neutral[1][l * D + j] / (double)count[1];
                dot += (double)vector[j] * (e == 0 ? joy : e == 1 ? fear : (joy + fear) / 2);
                square += (double)vector[j] * (double)vector[j];
            }
            check(fabs((double)evoke_vectors_neutral(v, site, e)[l] - dot / sqrt(square)) < 1e-5, "neutral along %zu, layer %zu", e, l);
        }
    check(evoke_vectors_count(v, 0) == count[0] && evoke_vectors_count(v, 1) == count[1], "counts");
}

static void can_be_stopped(void)
{
    evoke_error err = {0};
    evoke_store *s = NULL;
    evoke_vectors *v = NULL;
    uint64_t most = N;                  /* into the second site */
    write_store(NULL);
    if (check(evoke_store_open(path, &s, &err) == EVOKE_OK, "%s", err.text))
        check(evoke_mean_difference(s, &(evoke_ev_options){ .any_span = true }, &(evoke_progress){ stop_at, &most }, &v, NULL, &err) ==
              EVOKE_EINTERRUPTED && !v && strstr(err.text, "interrupted after"), "%s", err.text);
    evoke_store_free(s);
}

static void complete(void)
{
    evoke_error err = {0};
    evoke_vectors *v = NULL;
    evoke_ev_report report = {0};
    evoke_ev_options options = { .any_span = true };
    write_store(NULL);
    check(average(&options, &v, &report, &err) == EVOKE_OK, "%s", err.text);
    if (v) {
        const evoke_vectors_info *info = evoke_vectors_describe(v);
        check(info->n_site == 2 && info->n_layer == L && evoke_vectors_layer(v, 1) == 8 && !strcmp(info->span, "query") &&
              !strcmp(info->method, "mean_difference"), "labels");
        check(report.n_used == 6 && report.n_left_out == 0 && report.span == EVOKE_SPAN_QUERY, "report");
        is_mean(v, EVOKE_ATTN_OUT, 0, NULL);
        is_mean(v, EVOKE_RESID_POST, 1, NULL);
        check(evoke_vectors_residual_norm(v, EVOKE_ATTN_OUT) != NULL, "norms, of the means");
    }
    evoke_vectors_free(v);
    options = (evoke_ev_options){ .span = EVOKE_SPAN_LAST };
    check(average(&options, &v, &report, &err) == EVOKE_OK && evoke_vectors_describe(v)->n_site == 1, "%s", err.text);
    if (v)
        is_mean(v, EVOKE_ATTN_OUT, 1, NULL);
    evoke_vectors_free(v);
    options.span = EVOKE_SPAN_PROMPT;
    check(average(&options, &v, &report, &err) == EVOKE_EDATA && !v && strstr(err.text, "no span prompt"), "%s", err.text);
}

static void incomplete(void)
{
    static const int missing[N] = { 0, 1, 0, 1, 2, 0, 3 }, none_of_joy[N] = { 0, 1, 1, 0, 0, 1, 0 };
    evoke_error err = {0};
    evoke_vectors *v = NULL;
    evoke_ev_report report = {0};
    evoke_ev_options options = { .span = EVOKE_SPAN_QUERY };
    write_store(missing);
    check(average(&options, &v, &report, &err) == EVOKE_EDATA && !v, "incomplete queries are an error");
    check(strstr(err.text, "1 of 7 queries are incomplete, the first is 'b'") && strstr(err.text, path), "%s", err.text);
    options.partial = true;
    check(average(&options, &v, &report, &err) == EVOKE_OK, "%s", err.text);
    check(report.n_used == 4 && report.n_left_out == 2, "%zu used, %zu left out", report.n_used, report.n_left_out);
    if (v) {
        is_mean(v, EVOKE_ATTN_OUT, 0, missing);
        is_mean(v, EVOKE_RESID_POST, 1, missing);
    }
    evoke_vectors_free(v);
    write_store((const int[N]){ 0, 0, 0, 0, 2, 0, 0 });
    options.partial = false;
    check(average(&options, &v, &report, &err) == EVOKE_EDATA && strstr(err.text, "the first is 'e'"), "not finite: %s", err.text);
    write_store(none_of_joy);
    options.partial = true;
    check(average(&options, &v, &report, &err) == EVOKE_EDATA && !v && strstr(err.text, "emotion 'joy'"), "%s", err.text);
    unlink(path);
}

/* ---- SmolLM2 ---- */
typedef struct reference { evk_h5 *f; float *x, *ev, *base; size_t n_ev, dims[EVK_H5_MAX_DIM]; } reference;

static bool copy_strings(evk_h5 *from, evk_h5 *to, const char *name, evoke_error *err)
{
    char **texts = NULL;
    size_t n = 0;
    const bool ok = evk_h5_read_strings(from, name, &texts, &n, err) == EVOKE_OK &&
                    evk_h5_write_strings(to, name, 1, &n, (const char *const *)texts, err) == EVOKE_OK;
    free(texts);
    return ok;
}

/* A store in our layout of one site and span of the reference. */
static bool convert(evk_h5 *from, evoke_site site, evoke_span span, reference *r, evoke_error *err)
{
    char name[128], ours[96];
    size_t n_dim = 0, n_ev = 0, dims[EVK_H5_MAX_DIM];
    int16_t emotions[1000];
    evk_h5 *to = NULL;
    snprintf(name, sizeof name, "/spans/%s/activations/%s/mean", evoke_span_name(span), evoke_site_name(site));
    snprintf(ours, sizeof ours, "/activations/%s/%s", evoke_site_name(site), evoke_span_name(span));
    if (evk_h5_shape(from, name, &n_dim, r->dims, err) != EVOKE_OK || n_dim != 4 || r->dims[0] > 1000)
        return false;
    r->x = malloc(r->dims[0] * r->dims[1] * r->dims[2] * r->dims[3] * sizeof *r->x);
    bool ok = evk_h5_read(from, name, EVK_H5_F32, NULL, NULL, r->x, err) == EVOKE_OK &&
        evk_h5_read(from, "/queries/emotion", EVK_H5_I16, NULL, NULL, emotions, err) == EVOKE_OK;
    ok = ok && evk_h5_create(path, &to, err) == EVOKE_OK && copy_strings(from, to, "/emotions", err) &&
        copy_strings(from, to, "/settings", err) && evk_h5_write(to, ours, EVK_H5_F32, 4, r->dims, r->x, err) == EVOKE_OK &&
        evk_h5_write(to, "/queries/emotion", EVK_H5_I16, 1, r->dims, emotions, err) == EVOKE_OK &&
        evk_h5_commit(to, err) == EVOKE_OK;
    snprintf(name, sizeof name, "/spans/%s/ev/%s", evoke_span_name(span), evoke_site_name(site));
    ok = ok && evk_h5_shape(from, name, &n_ev, dims, err) == EVOKE_OK && n_ev == 3;
    r->n_ev = ok ? dims[0] : 0;
    r->ev = malloc((r->n_ev + 1) * r->dims[2] * r->dims[3] * sizeof *r->ev);
    r->base = r->ev + r->n_ev * r->dims[2] * r->dims[3];
    ok = ok && evk_h5_read(from, name, EVK_H5_F32, NULL, NULL, r->ev, err) == EVOKE_OK;
    snprintf(name, sizeof name, "/spans/%s/base/%s", evoke_span_name(span), evoke_site_name(site));
    return ok && evk_h5_read(from, name, EVK_H5_F32, NULL, NULL, r->base, err) == EVOKE_OK;
}

/* Greatest |a - b| of a layer over the norm of b's layer. */
static double relative(const float *a, const float *b, size_t n_layer, size_t d)
{
    double greatest = 0;
    for (size_t l = 0; l < n_layer; l++) {
        double off = 0, sum = 0;
        for (size_t j = l * d; j < (l + 1) * d; j++) {
            off = fmax(off, fabs((double)a[j] - (double)b[j]));
            sum += (double)b[j] * (double)b[j];
        }
        greatest = fmax(greatest, off / sqrt(sum));
    }
    return greatest;
}

static void agrees(evk_h5 *from, evoke_site site, evoke_span span)
{
    reference r = {0};
    evoke_error err = {0};
    evoke_vectors *v = NULL;
    evoke_ev_report report = {0};
    const evoke_ev_options options = { .any_span = true };
    if (check(convert(from, site, span, &r, &err), "%s", err.text) &&
        check(average(&options, &v, &report, &err) == EVOKE_OK, "%s", err.text)) {
        double greatest = 0;
        for (size_t e = 0; e <= r.n_ev; e++)
            greatest = fmax(greatest, relative(evoke_vectors_get(v, site, e), r.ev + e * r.dims[2] * r.dims[3], r.dims[2], r.dims[3]));
        check(greatest < 1e-5, "%s, %s: %g of the norm", evoke_site_name(site), evoke_span_name(span), greatest);
        printf("# %s, %s: greatest difference / norm %.2g\n", evoke_site_name(site), evoke_span_name(span), greatest);
    }
    evoke_vectors_free(v);
    free(r.x);
    free(r.ev);
    unlink(path);
}

static void smollm2(const char *root)
{
    char name[4096];
    evoke_error err = {0};
    evk_h5 *f = NULL;
    snprintf(name, sizeof name, "%s/../shared/golden/smollm2/reference.h5", root);
    if (access(name, R_OK) != 0) {
        check_skip("emotion vectors of SmolLM2", "golden/smollm2/reference.h5 is not here");
        return;
    }
    if (!check(evk_h5_open(name, &f, &err) == EVOKE_OK, "%s", err.text))
        return;
    agrees(f, EVOKE_RESID_POST, EVOKE_SPAN_QUERY);
    agrees(f, EVOKE_RESID_POST, EVOKE_SPAN_PROMPT_ALL);
    agrees(f, EVOKE_RESID_POST, EVOKE_SPAN_RESPONSE);
    agrees(f, EVOKE_ATTN_OUT, EVOKE_SPAN_LAST);
    evk_h5_free(f);
}

int main(int argc, char **argv)
{
    complete();
    can_be_stopped();
    incomplete();
    smollm2(argc > 1 ? argv[1] : ".");
    return check_done();
}
