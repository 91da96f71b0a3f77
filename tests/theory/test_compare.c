/* evoke_fisher over stores written here: figures against theory/'s own parts (test_reference.c checks those), which rows
 * are used, what is refused. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/files/hdf5.h"
#include "layers/vectors.h"
#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/alignment.h"
#include "theory/fisher.h"
#include "theory/linear.h"
#include "theory/separation.h"

enum { N = 11, S = 2, L = 3, D = 20, E = 2 };
static const int32_t layers[L] = { 9, 2, 5 };                  /* in no order: a file may hold them so */
static const int16_t which[N] = { 0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0 };
static const char *const emotions[E] = { "joy", "d\xc3\xa9go\xc3\xbbt" };

typedef struct data {
    float x[N][S][L][D];
    uint8_t done[N][S];
    const char *settings[S];
} data;

static data fresh(void)
{
    evk_random r = random_of(41);
    data out = { .settings = { "neutral", "emotion" } };
    for (size_t i = 0; i < N; i++)
        for (size_t s = 0; s < S; s++) {
            out.done[i][s] = 1;
            for (size_t l = 0; l < L; l++)
                for (size_t j = 0; j < D; j++)
                    out.x[i][s][l][j] = (float)(5 + evk_random_normal(&r) * (double)(j + 1)
                                                + (double)s * (double)(j % 3 + l) * (which[i] ? 1 : -0.5));
        }
    return out;
}

static bool write_store(const char *path, const data *x)
{
    const evk_h5_signature sign = { .format = "evoke-activations", .model_name = "random", .model_sha256 = "",
                                    .architecture = "llama", .n_layer = 10, .d_model = D };
    const char *texts[N * S], *ids[N], *languages[N], *site = "resid_post";
    evk_h5 *f = NULL;
    evoke_error err = {0};
    for (size_t i = 0; i < N; i++)
        texts[i] = texts[N + i] = ids[i] = languages[i] = "x";
    bool ok = evk_h5_create(path, &f, &err) == EVOKE_OK && evk_h5_sign(f, &sign, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/queries/text", 1, (size_t[]){ N }, texts, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/queries/id", 1, (size_t[]){ N }, ids, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/queries/language", 1, (size_t[]){ N }, languages, &err) == EVOKE_OK
        && evk_h5_write(f, "/queries/emotion", EVK_H5_I16, 1, (size_t[]){ N }, which, &err) == EVOKE_OK
        && evk_h5_write(f, "/layers", EVK_H5_I32, 1, (size_t[]){ L }, layers, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/emotions", 1, (size_t[]){ E }, emotions, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/settings", 1, (size_t[]){ S }, x->settings, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/sites", 1, (size_t[]){ 1 }, &site, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/prompts/text", 2, (size_t[]){ N, S }, texts, &err) == EVOKE_OK
        && evk_h5_write(f, "/activations/resid_post/query", EVK_H5_F32, 4, (size_t[]){ N, S, L, D }, x->x, &err) == EVOKE_OK
        && evk_h5_write(f, "/progress/done", EVK_H5_U8, 2, (size_t[]){ N, S }, x->done, &err) == EVOKE_OK;
    ok = ok && evk_h5_commit(f, &err) == EVOKE_OK;
    return check(ok, "write %s: %s", path, err.text);
}

static evoke_fisher_options options_of(double shrinkage)
{
    return (evoke_fisher_options){ .site = EVOKE_RESID_POST, .any_span = true, .last_layer = -1, .shrinkage = shrinkage };
}

/* Writes x as a store and runs. The result is zero where it fails. */
static evoke_status run(const char *path, const data *x, const evoke_fisher_options *o, const evoke_progress *progress,
                        evoke_fisher_result *out, evoke_error *err)
{
    evoke_store *store = NULL;
    *out = (evoke_fisher_result){0};
    *err = (evoke_error){0};
    if (!write_store(path, x))
        return EVOKE_EIO;
    evoke_status st = evoke_store_open(path, &store, err);
    if (st == EVOKE_OK)
        st = evoke_fisher(store, o, progress, out, err);
    evoke_store_free(store);
    check(st == EVOKE_OK || (!out->rows && !out->directions && out->n_rows == 0), "a failure leaves nothing");
    return st;
}

/* The complete queries of emotion e at layer l, in order. */
static size_t gather(const data *x, size_t e, size_t l, size_t setting, const float **out)
{
    size_t n = 0;
    for (size_t i = 0; i < N; i++)
        if ((size_t)which[i] == e && x->done[i][0] && x->done[i][1])
            out[n++] = x->x[i][setting][l];
    return n;
}

static void check_row(const data *x, const evoke_fisher_row *row, size_t e, size_t l, size_t one, const double *other,
                      const float *direction, bool raw)
{
    const float *rows1[N], *rows0[N];
    const size_t n = gather(x, e, l, one, rows1);
    gather(x, e, l, 1 - one, rows0);
    double w[D], ratio = 0, scaled[D], got[D];
    evk_scatter sc;
    evk_alignment a = {0};
    evk_separation s = {0};
    check(evk_scatter_fit((evk_class){ rows1, n }, (evk_class){ rows0, n }, D, EVK_GRAM_COLUMNS, &sc, NULL) == EVOKE_OK, "fit");
    const double *v = other ? other : sc.ev;
    check(evk_fisher_direction(&sc, 0.3, w, NULL) == EVOKE_OK && evk_align(&sc, 0.3, v, w, &a, NULL) == EVOKE_OK
          && evk_fisher_ratio(&sc, v, &ratio, NULL) == EVOKE_OK
          && evk_separate((evk_class){ rows1, n }, (evk_class){ rows0, n }, sc.mean0, v, D, &s, NULL) == EVOKE_OK, "parts");
    check(row->layer == layers[l] && row->emotion == e && row->n == n && row->shrinkage == 0.3, "row %d %zu %zu", row->layer,
          row->emotion, row->n);
    check(near(row->cosine, a.cosine, 1e-9) && near(row->whitened_cosine, a.whitened_cosine, 1e-9)
          && near(row->efficiency, a.efficiency, 1e-9) && near(row->fisher_ratio_ev, ratio, 1e-9)
          && near(row->dprime_ev, s.dprime, 1e-9) && row->auc_ev == s.auc, "figures of layer %d, emotion %zu", row->layer, e);
    check(row->fisher_ratio_w > row->fisher_ratio_ev && row->auc_w >= row->auc_ev, "w does better");
    for (size_t j = 0; j < D; j++) {
        scaled[j] = raw ? w[j] : w[j] * evk_length(v, D) / evk_length(w, D);
        got[j] = (double)direction[j];
    }
    check(distance(got, scaled, D) < 1e-6, "direction of layer %d, emotion %zu", row->layer, e);
    evk_scatter_free(&sc);
}

static void figures(const char *path)
{
    data x = fresh();
    evoke_fisher_result r;
    evoke_error err;
    for (int turn = 0; turn < 3; turn++) {
        evoke_fisher_options o = options_of(0.3);
        o.raw = turn == 1;
        if (turn == 2) {                    /* the settings the other way round; two queries incomplete */
            x.settings[0] = "emotion", x.settings[1] = "neutral";
            x.done[2][0] = 0, x.done[5][1] = 0;
            x.x[2][0][1][3] = NAN, x.x[5][0][0][0] = INFINITY;
        }
        if (!check(run(path, &x, &o, NULL, &r, &err) == EVOKE_OK && r.n_rows == L * E, "%s", err.text))
            continue;
        for (size_t l = 0; l < L; l++)
            for (size_t e = 0; e < E; e++)
                check_row(&x, &r.rows[l * E + e], e, l, turn == 2 ? 0 : 1, NULL,
                          evoke_vectors_get(r.directions, EVOKE_RESID_POST, e) + l * D, o.raw);
        const evoke_vectors_info *info = evoke_vectors_describe(r.directions);
        check(strcmp(info->method, "fisher") == 0 && strcmp(info->span, "query") == 0 && info->n_layer == L, "directions");
        check(evoke_vectors_count(r.directions, 0) == (turn == 2 ? 5 : 6), "count");
        check(evoke_vectors_residual_norm(r.directions, EVOKE_RESID_POST)[0] > 0, "norms");
        check(evoke_vectors_get(r.directions, EVOKE_RESID_POST, E)[0] != 0, "base");
        evoke_fisher_result_free(&r);
    }
}

static void some_layers(const char *path)
{
    const data x = fresh();
    evoke_fisher_options o = options_of(0.3);
    evoke_fisher_result r;
    evoke_error err;
    o.first_layer = 3;
    o.last_layer = 9;
    if (check(run(path, &x, &o, NULL, &r, &err) == EVOKE_OK && r.n_rows == 2 * E, "%s", err.text)) {
        check_row(&x, &r.rows[0], 0, 0, 1, NULL, evoke_vectors_get(r.directions, EVOKE_RESID_POST, 0), false);
        check_row(&x, &r.rows[E + 1], 1, 2, 1, NULL, evoke_vectors_get(r.directions, EVOKE_RESID_POST, 1) + D, false);
        check(evoke_vectors_layer(r.directions, 1) == 5, "layer");
    }
    evoke_fisher_result_free(&r);
    o.last_layer = 4;
    check(run(path, &x, &o, NULL, &r, &err) == EVOKE_EDATA && strstr(err.text, "from 3 to 4"), "%s", err.text);
}

/* Vectors whose emotions and layers are in another order than the store's. */
static evoke_vectors *other_vectors(size_t d, const char *const *names, double (*values)[L][D])
{
    const evk_vectors_spec spec = {
        .n_emotion = E, .n_layer = L, .d_model = d, .n_site = 1, .emotions = names, .layers = (int32_t[]){ 2, 5, 9 },
        .sites = (evoke_site[]){ EVOKE_RESID_POST }, .method = "mean_difference", .span = "query", .model_name = "",
        .model_sha256 = "", .architecture = "", .n_layer_model = 10,
    };
    evk_random r = random_of(43);
    evoke_vectors *v = NULL;
    evoke_error err = {0};
    if (!check(evk_vectors_new(&spec, &v, &err) == EVOKE_OK, "%s", err.text))
        return NULL;
    for (size_t e = 0; e < E; e++)
        for (size_t i = 0; i < L * d; i++) {
            evk_vectors_ev(v, 0, e)[i] = (float)(1 + evk_random_normal(&r));
            if (d == D)
                values[e][i / d][i % d] = (double)evk_vectors_ev(v, 0, e)[i];
        }
    return v;
}

static void with_vectors(const char *path)
{
    static double values[E][L][D];
    const data x = fresh();
    evoke_fisher_options o = options_of(0.3);
    evoke_fisher_result r;
    evoke_error err;
    evoke_vectors *v = other_vectors(D, (const char *[]){ emotions[1], emotions[0] }, values);
    o.vectors = v;
    if (check(run(path, &x, &o, NULL, &r, &err) == EVOKE_OK, "%s", err.text)) {
        check_row(&x, &r.rows[0], 0, 0, 1, values[1][2], evoke_vectors_get(r.directions, EVOKE_RESID_POST, 0), false);
        check_row(&x, &r.rows[E + 1], 1, 1, 1, values[0][0], evoke_vectors_get(r.directions, EVOKE_RESID_POST, 1) + D, false);
    }
    evoke_fisher_result_free(&r);
    o.site = EVOKE_ATTN_OUT;
    check(run(path, &x, &o, NULL, &r, &err) != EVOKE_OK, "a site that the store lacks");
    evoke_vectors_free(v);
    o.site = EVOKE_RESID_POST;
    o.vectors = v = other_vectors(D, (const char *[]){ emotions[0], "calm" }, values);
    check(run(path, &x, &o, NULL, &r, &err) == EVOKE_EDATA && strstr(err.text, "no such emotion")
          && strstr(err.text, emotions[1]), "%s", err.text);
    evoke_vectors_free(v);
    o.vectors = v = other_vectors(D + 1, emotions, values);
    check(run(path, &x, &o, NULL, &r, &err) == EVOKE_EDATA && strstr(err.text, "wide"), "%s", err.text);
    evoke_vectors_free(v);
}

static void refuses(const char *path, data x, double shrinkage, evoke_status expected, const char *words, const char *where)
{
    evoke_fisher_options o = options_of(shrinkage);
    evoke_fisher_result r;
    evoke_error err;
    check(run(path, &x, &o, NULL, &r, &err) == expected, "%s: %s", words, err.text);
    check(strstr(err.text, words) && strstr(err.text, where), "%s, %s: %s", words, where, err.text);
}

static void refusals(const char *path)
{
    data x = fresh();
    refuses(path, x, 0, EVOKE_ESINGULAR, "cannot be inverted", "emotion 'joy', layer 9");
    refuses(path, x, 1.5, EVOKE_EARG, "shrinkage", "1.5");
    x.x[4][1][2][6] = NAN;
    refuses(path, x, 0.1, EVOKE_EDATA, "not finite", "query 4, setting 'emotion', layer 5, dimension 6");
    x = fresh();
    for (size_t i = 0; i < N; i++)
        memcpy(x.x[i][1][1], x.x[i][0][1], sizeof x.x[i][0][1]);
    refuses(path, x, 0.1, EVOKE_EDATA, "same mean", "emotion 'joy', layer 2");
    x = fresh();
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < D; j++)
            x.x[i][0][0][j] = 1, x.x[i][1][0][j] = (float)j;
    refuses(path, x, EVOKE_SHRINK_LEDOIT_WOLF, EVOKE_EDATA, "rows of a class are the same", "layer 9");
    x = fresh();
    for (size_t i = 2; i < N; i++)
        x.done[i][i % 2] = which[i] == 1 ? 0 : 1;
    refuses(path, x, 0.1, EVOKE_EDATA, "1 complete", emotions[1]);
    x = fresh();
    x.settings[0] = "plain";
    refuses(path, x, 0.1, EVOKE_EDATA, "setting", "neutral");
}

static bool stop_at_third(void *user, const char *what, uint64_t done, uint64_t total)
{
    (void)what;
    *(uint64_t *)user = total;
    return done < 3;
}

static void interruption(const char *path)
{
    const data x = fresh();
    evoke_fisher_options o = options_of(EVOKE_SHRINK_OAS);
    uint64_t total = 0;
    const evoke_progress progress = { stop_at_third, &total };
    evoke_fisher_result r;
    evoke_error err;
    check(run(path, &x, &o, &progress, &r, &err) == EVOKE_EINTERRUPTED && total == L * E, "%s", err.text);
    evoke_fisher_result_free(NULL);
}

int main(void)
{
    char path[] = "/tmp/evoke_test_compare_XXXXXX";
    const int file = mkstemp(path);
    if (!check(file >= 0, "temporary file"))
        return check_done();
    close(file);
    figures(path);
    some_layers(path);
    with_vectors(path);
    refusals(path);
    interruption(path);
    unlink(path);
    return check_done();
}
