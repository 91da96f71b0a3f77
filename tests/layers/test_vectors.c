/* layers/vectors.c: a set of vectors comes back from its file; the authors' JSON; what is damaged is refused. */
#include "layers/vectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files/hdf5.h"
#include "core/vector_norm.h"
#include "tests/check.h"

enum { E = 3, L = 2, D = 5 };
static const char path[] = "test_vectors.h5";

static evoke_vectors *make(void)
{
    const char *const emotions[E] = { "joy", "Schadenfreude \xc3\xa9", "fear" };
    const int32_t layers[L] = { 7, 12 };
    const evoke_site sites[2] = { EVOKE_RESID_POST, EVOKE_ATTN_OUT };
    const evk_vectors_spec s = { .n_emotion = E, .n_layer = L, .d_model = D, .n_site = 2, .emotions = emotions,
        .layers = layers, .sites = sites, .method = "mean_difference", .span = "query", .model_name = "tiny",
        .model_sha256 = "abc", .architecture = "llama", .n_layer_model = 13 };
    evoke_vectors *v = NULL;
    evoke_error err = {0};
    check(evk_vectors_new(&s, &v, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; i < 2; i++)
        for (size_t e = 0; e < E; e++)
            for (size_t j = 0; j < L * D; j++)
                evk_vectors_ev(v, i, e)[j] = (float)(100 * i + 10 * e) + (float)j / 8;
    for (size_t l = 0; l < L; l++)
        evk_vectors_norm(v, 0)[l] = 200 + (float)l;
    for (size_t j = 0; j < (E + 1) * L; j++)
        evk_vectors_neutral(v, 0, 0)[j] = (float)j;
    evk_vectors_set_count(v, 1, 12);
    evk_vectors_set_base(v);
    return v;
}

static void holds_what_was_made(const evoke_vectors *v)
{
    const evoke_vectors_info *info = evoke_vectors_describe(v);
    check(info->n_emotion == E && info->n_layer == L && info->d_model == D && info->n_site == 2, "sizes");
    check(!strcmp(info->method, "mean_difference") && !strcmp(info->span, "query") && !strcmp(info->model_name, "tiny") &&
          !strcmp(info->model_sha256, "abc"), "attributes");
    check(!strcmp(evoke_vectors_emotion(v, 1), "Schadenfreude \xc3\xa9") && !evoke_vectors_emotion(v, E), "emotions");
    check(evoke_vectors_layer(v, 1) == 12 && evoke_vectors_count(v, 1) == 12 && evoke_vectors_count(v, 0) == 0, "labels");
    const float *ev = evoke_vectors_get(v, EVOKE_ATTN_OUT, 2), *base = evoke_vectors_get(v, EVOKE_ATTN_OUT, E);
    check(ev && ev[9] == 120 + 9 / 8.0f, "a vector");
    check(base && base[9] == 110 + 9 / 8.0f, "the base is the mean");
    check(!evoke_vectors_get(v, EVOKE_MLP_OUT, 0) && !evoke_vectors_get(v, EVOKE_ATTN_OUT, E + 1), "what is not held");
    const float *norm = evoke_vectors_residual_norm(v, EVOKE_RESID_POST);
    check(norm && norm[1] == 201, "norms");
    const float *fear = evoke_vectors_neutral(v, EVOKE_RESID_POST, 2), *all = evoke_vectors_neutral(v, EVOKE_RESID_POST, E);
    check(fear && fear[1] == 2 * L + 1 && all && all[0] == E * L, "where the neutral class lies");
    check(!evoke_vectors_neutral(v, EVOKE_ATTN_OUT, 0) && !evoke_vectors_neutral(v, EVOKE_RESID_POST, E + 1), "or not known");
    check(!evoke_vectors_residual_norm(v, EVOKE_ATTN_OUT) && !evoke_vectors_residual_norm(v, EVOKE_MLP_OUT), "no norms");
}

static void comes_back(void)
{
    evoke_error err = {0};
    evoke_vectors *v = make(), *back = NULL;
    const evoke_provenance made = { "evoke ev", 7 };
    holds_what_was_made(v);
    check(evoke_vectors_save(v, path, &made, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_vectors_open(path, &back, &err) == EVOKE_OK, "%s", err.text);
    if (back)
        holds_what_was_made(back);
    check(evoke_vectors_save(v, "no/such/folder.h5", NULL, &err) == EVOKE_EIO, "%s", err.text);
    evoke_vectors_free(v);
    evoke_vectors_free(back);
    evk_h5 *f = NULL;
    float norms[E * L];
    if (check(evk_h5_open(path, &f, &err) == EVOKE_OK &&
              evk_h5_read(f, "/norms/attn_out/ev", EVK_H5_F32, NULL, NULL, norms, &err) == EVOKE_OK, "%s", err.text)) {
        double sum = 0;
        for (int j = 0; j < D; j++)
            sum += pow(110 + (D + j) / 8.0, 2);
        check(fabs(norms[3] - sqrt(sum)) < 1e-4, "norm of a vector: %g", (double)norms[3]);
    }
    evk_h5_free(f);
}

/* Of how many layers the model is: at least those held. */
static void layers_of_the_model(void)
{
    const char *const name = "joy";
    evk_vectors_spec s = { .n_emotion = 1, .n_layer = 2, .d_model = D, .n_site = 1, .emotions = &name,
        .layers = (const int32_t[]){ 20, 10 }, .sites = (const evoke_site[]){ EVOKE_RESID_POST } };
    for (size_t says = 0; says < 40; says += 13) {
        evoke_vectors *v = NULL;
        s.n_layer_model = says;
        if (check(evk_vectors_new(&s, &v, NULL) == EVOKE_OK, "make"))
            check(evoke_vectors_describe(v)->n_layer_model == (says > 21 ? says : 21), "says %zu", says);
        evoke_vectors_free(v);
    }
}

static void export_names_no_layer_twice(void)
{
    static const char *const to[] = { "twice.h5", "twice.npz", "twice.safetensors" };
    const int32_t twice[] = { 7, 12, 7 };
    const evoke_vectors_choice choice = { .layers = twice, .n_layers = 3 };
    evoke_vectors *v = make();
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        evoke_error err = {0};
        check(evoke_vectors_export(v, to[i], &choice, NULL, NULL, &err) == EVOKE_EARG && strstr(err.text, "twice"), "%s: '%s'", to[i],
              err.text);
        check(access(to[i], F_OK) != 0, "%s is there", to[i]);
    }
    evoke_vectors_free(v);
}

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t j = 0; j < n; j++) {
        ab += (double)a[j] * (double)b[j];
        aa += (double)a[j] * (double)a[j];
        bb += (double)b[j] * (double)b[j];
    }
    return ab / sqrt(aa * bb);
}

/* NumPy:  u = Generator(PCG64([42, 8, site, layer, e])).random(10);  g = sqrt(-2 log1p(-u[::2])) cos(2 pi u[1::2]);
 * length * g / |g|,  site 3 (attn_out), layer 12, e 1; and site 7 (resid_post), layer 7, e 3 (the base). */
static void random_are_numpys(void)
{
    static const float attn[D] = { 72.0516995f, 163.413744f, 5.66208106f, -105.715228f, 135.510947f };
    static const float base[D] = { -5.66511207f, 17.3796215f, 8.00141757f, 10.9778468f, 2.60541933f };
    evoke_vectors *like = make(), *r = NULL;
    evoke_error err = {0};
    if (check(evoke_vectors_random(like, 42, &r, &err) == EVOKE_OK, "%s", err.text)) {
        const float *a = evoke_vectors_get(r, EVOKE_ATTN_OUT, 1) + D, *b = evoke_vectors_get(r, EVOKE_RESID_POST, E);
        for (int j = 0; j < D; j++)
            check(fabsf(a[j] - attn[j]) <= 1e-5f * 246 && fabsf(b[j] - base[j]) <= 1e-5f * 23, "%d: %.9g %.9g", j, (double)a[j],
                  (double)b[j]);
        check(!strcmp(evoke_vectors_describe(r)->method, "random") && !strcmp(evoke_vectors_emotion(r, 2), "fear") &&
              evoke_vectors_layer(r, 1) == 12 && evoke_vectors_residual_norm(r, EVOKE_RESID_POST)[1] == 201 &&
              !evoke_vectors_residual_norm(r, EVOKE_ATTN_OUT), "what stays");
    }
    evoke_vectors_free(r);
    evoke_vectors_free(like);
}

/* Lengths kept, also of nothing; directions at right angles, all but 5 / sqrt(D); another seed, other directions. */
static void random_are_random(void)
{
    enum { WIDE = 4096 };
    const char *const emotions[] = { "joy", "fear", "none" };
    const evk_vectors_spec s = { .n_emotion = 3, .n_layer = 2, .d_model = WIDE, .n_site = 1, .emotions = emotions,
        .layers = (const int32_t[]){ 0, 1 }, .sites = (const evoke_site[]){ EVOKE_RESID_POST }, .n_layer_model = 2 };
    evoke_vectors *like = NULL, *r = NULL, *other = NULL;
    check(evk_vectors_new(&s, &like, NULL) == EVOKE_OK, "make");
    for (size_t e = 0; e < 2; e++)
        for (size_t j = 0; j < 2 * WIDE; j++)
            evk_vectors_ev(like, 0, e)[j] = sinf((float)(j + 7 * e)) * (float)(1 + e);
    evk_vectors_set_base(like);
    check(evoke_vectors_random(like, 1, &r, NULL) == EVOKE_OK && evoke_vectors_random(like, 2, &other, NULL) == EVOKE_OK, "make");
    const float *v = evoke_vectors_get(like, EVOKE_RESID_POST, 0), *x = evoke_vectors_get(r, EVOKE_RESID_POST, 0);
    for (size_t i = 0; i < 8; i++) {                    /* rows: E + 1 emotions of two layers */
        const double length = evk_norm(v + i * WIDE, WIDE), got = evk_norm(x + i * WIDE, WIDE);
        check(fabs(got - length) <= 1e-6 * length, "row %zu: length %g, not %g", i, got, length);
        for (size_t k = 0; k < i && length > 0; k++)
            check(k / 2 == 2 || fabs(cosine(x + i * WIDE, x + k * WIDE, WIDE)) < 5 / sqrt(WIDE), "rows %zu and %zu", i, k);
        check(length == 0 || fabs(cosine(x + i * WIDE, v + i * WIDE, WIDE)) < 5 / sqrt(WIDE), "row %zu and its like", i);
    }
    check(fabs(cosine(x, evoke_vectors_get(other, EVOKE_RESID_POST, 0), WIDE)) < 5 / sqrt(WIDE), "another seed");
    evoke_vectors_free(like);
    evoke_vectors_free(r);
    evoke_vectors_free(other);
}

static void bad_specs(void)
{
    evoke_vectors *v = NULL;
    const char *const twice[2] = { "joy", "joy" };
    const int32_t layer = 0;
    const evoke_site site = EVOKE_RESID_POST;
    evk_vectors_spec s = { .n_emotion = 2, .n_layer = 1, .d_model = 1, .n_site = 1, .emotions = twice, .layers = &layer,
                           .sites = &site };
    check(evk_vectors_new(&s, &v, NULL) == EVOKE_EARG && !v, "an emotion twice");
    s.n_emotion = 0;
    check(evk_vectors_new(&s, &v, NULL) == EVOKE_EARG && !v, "no emotion");
    s.n_emotion = SIZE_MAX / 2;
    check(evk_vectors_new(&s, &v, NULL) == EVOKE_EARG && !v, "too many emotions");
}

/* A file with one thing wrong; `what` picks it. */
static void write_foreign(int what)
{
    evk_h5 *f = NULL;
    float x[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, what == 1 ? NAN : 12 };
    const char *const names[2] = { what == 2 ? "anger" : "joy", what == 3 ? "" : "anger" };
    const int64_t layers[3] = { 4, what == 4 ? 4 : 9, what == 5 ? -1 : 11 };
    evoke_error err = {0};
    bool ok = evk_h5_create(path, &f, &err) == EVOKE_OK &&
        evk_h5_write(f, "/ev/resid_post", EVK_H5_F32, what == 6 ? 2 : 3, (size_t[]){ 2, 3, 2 }, x, &err) == EVOKE_OK &&
        evk_h5_write_strings(f, "/emotions", 1, (size_t[]){ 2 }, names, &err) == EVOKE_OK &&
        evk_h5_write(f, "/layers", EVK_H5_I64, 1, (size_t[]){ what == 7 ? 2 : 3 }, layers, &err) == EVOKE_OK &&
        evk_h5_write(f, "/base/resid_post", EVK_H5_F32, 2, (size_t[]){ 3, what == 8 ? 1 : 2 }, x + 6, &err) == EVOKE_OK &&
        evk_h5_attr_string(f, "/", "format", what == 9 ? "evoke-activations" : "evoke-vectors", &err) == EVOKE_OK &&
        evk_h5_attr_i64(f, "/", "version", what == 10 ? 2 : 1, &err) == EVOKE_OK;
    ok = ok && evk_h5_commit(f, &err) == EVOKE_OK;
    check(ok, "%s", err.text);
}

static void foreign_files(void)
{
    evoke_error err = {0};
    evoke_vectors *v = NULL;
    write_foreign(0);
    if (check(evoke_vectors_open(path, &v, &err) == EVOKE_OK, "%s", err.text)) {
        check(evoke_vectors_layer(v, 2) == 11 && evoke_vectors_get(v, EVOKE_RESID_POST, 1)[5] == 12, "values");
        check(evoke_vectors_get(v, EVOKE_RESID_POST, 2)[0] == 7, "its own base");
        check(!evoke_vectors_residual_norm(v, EVOKE_RESID_POST), "no norms");
    }
    evoke_vectors_free(v);
    for (int what = 1; what <= 10; what++) {
        write_foreign(what);
        const evoke_status st = evoke_vectors_open(path, &v, &err);
        check(st == (what == 10 ? EVOKE_EUNSUPPORTED : EVOKE_EFORMAT) && !v && strstr(err.text, path), "case %d: %s", what,
              err.text);
    }
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    if (check(f != NULL, "%s", name)) {
        fputs(text, f);
        fclose(f);
    }
}

static void authors_json(void)
{
    evoke_error err = {0};
    evoke_vectors *v = NULL;
    mkdir("test_vectors.tmp", 0777);
    put("test_vectors.tmp/m_joy.json", "{\"10\": [[1, 2.5]], \"2\": [[-3, 4e-3]]}");
    put("test_vectors.tmp/m_anger.json", "{\"2\": [[5, 6]], \"10\": [[7, 8]]}");
    put("test_vectors.tmp/notes.txt", "no vectors");
    if (check(evoke_vectors_open("test_vectors.tmp", &v, &err) == EVOKE_OK, "%s", err.text)) {
        const evoke_vectors_info *info = evoke_vectors_describe(v);
        check(info->n_emotion == 2 && info->n_layer == 2 && info->d_model == 2 && !strcmp(info->span, ""), "sizes");
        check(!strcmp(evoke_vectors_emotion(v, 0), "anger") && evoke_vectors_layer(v, 0) == 2 &&
              evoke_vectors_layer(v, 1) == 10, "labels");
        const float *joy = evoke_vectors_get(v, EVOKE_ATTN_OUT, 1), *base = evoke_vectors_get(v, EVOKE_ATTN_OUT, 2);
        check(joy[0] == -3 && joy[1] == 4e-3f && joy[3] == 2.5f && base[2] == 4, "values");
    }
    evoke_vectors_free(v);
    static const char *const bad[] = {
        "{}", "[1]", "{\"2\": [[1, 2]]}", "{\"2\": [[1, 2, 3]], \"10\": [[1, 2]]}", "{\"2\": [[1, 2]], \"10\": [[1, \"x\"]]}",
        "{\"2\": [[1, 2]], \"x\": [[1, 2]]}", "{\"2\": [[1, 2]], \"10\": {}}", "{\"2\": [], \"10\": [[1, 2]]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put("test_vectors.tmp/m_joy.json", bad[i]);
        check(evoke_vectors_open("test_vectors.tmp", &v, &err) == EVOKE_EFORMAT && !v && strstr(err.text, "m_joy.json"),
              "case %zu: %s", i, err.text);
    }
    check(system("rm -r test_vectors.tmp") == 0, "remove");
    check(evoke_vectors_open("test_vectors.tmp", &v, &err) == EVOKE_EIO, "%s", err.text);
}

static void authors_published(const char *root)
{
    char name[4096];
    evoke_error err = {0};
    evoke_vectors *v = NULL;
    snprintf(name, sizeof name, "%s/../shared/authors/qwen2.5-ev", root);
    if (access(name, R_OK) != 0) {
        check_skip("the authors' vectors", "not here");
        return;
    }
    if (check(evoke_vectors_open(name, &v, &err) == EVOKE_OK, "%s", err.text)) {
        const evoke_vectors_info *info = evoke_vectors_describe(v);
        check(info->n_emotion == 5 && info->n_layer == 28 && info->d_model == 3584, "sizes");
        check(evoke_vectors_get(v, EVOKE_ATTN_OUT, 0)[0] == 0.004055743105709553f &&
              evoke_vectors_get(v, EVOKE_ATTN_OUT, 0)[3] == -0.020031312480568886f, "anger's first values");
    }
    evoke_vectors_free(v);
}

int main(int argc, char **argv)
{
    comes_back();
    layers_of_the_model();
    export_names_no_layer_twice();
    random_are_numpys();
    random_are_random();
    bad_specs();
    foreign_files();
    authors_json();
    if (argc > 1)
        authors_published(argv[1]);
    unlink(path);
    return check_done();
}
