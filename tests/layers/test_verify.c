/* The float64 pass against the golden references (how far transformers' float32 is from its own float64 is in the files), and
 * evoke_verify: all golden models hold; a damaged kernel, a damaged weight and a kernel that sees its company do not. */
#include <dirent.h>

#include "core/kernels/packed.h"
#include "layers/verify.h"
#include "tests/check.h"
#include "tests/golden.h"

/* ---- the float64 pass ---- */

/* The reference file's values are float32, `fp64_maxdiff_<site>` from float64 ones at most. transformers takes rotary angles and
 * some norms in float32 even then, so as much again is allowed; and what a float32 of that size rounds by. */
static void check_site(evk_h5 *expected, const char *group, evoke_site site, const evk_reference *r, size_t n_row,
                       const char *label)
{
    char name[96], attribute[64];
    size_t n = 0;
    double own = 0, most = 0, largest = 0;
    snprintf(name, sizeof name, "/%s/%s", group, evoke_site_name(site));
    snprintf(attribute, sizeof attribute, "fp64_maxdiff_%s", evoke_site_name(site));
    double *want = golden_read(expected, name, &n);
    if (!want || evk_h5_get_f64(expected, "/", attribute, &own) != EVOKE_OK) {
        free(want);
        return;
    }
    check(n == n_row, "%s %s: %zu values, not %zu", label, name, n, n_row);
    for (size_t i = 0; n == n_row && i < n; i++) {
        most = fmax(most, fabs(want[i] - r->site[site][i]));
        largest = fmax(largest, fabs(want[i]));
    }
    check(most <= 2 * own + 4 * EVK_UNIT_ROUNDING * largest, "%s %s: off by %.3g, transformers' float32 by %.3g", label, name,
          most, own);
    free(want);
}

static void check_reference(const evoke_model *m, evk_h5 *expected, const char *group, const char *label)
{
    char name[64];
    size_t n = 0;
    evoke_error err = { 0 };
    evk_reference r = { 0 };
    snprintf(name, sizeof name, "/%s/ids", group);
    int32_t *ids = golden_ids(expected, name, &n);
    if (check(ids && evk_reference_run(m, ids, n, 0, &r, &err) == EVOKE_OK, "%s %s: %s", label, group, err.text))
        for (evoke_site s = 0; s < EVOKE_N_SITE; s++)
            check_site(expected, group, s, &r, n * evk_site_rows(m, s) * evk_site_width(m, s), label);
    evk_reference_free(&r);
    free(ids);
}

/* ---- what holds ---- */

static void check_holds(const evoke_model *m, const char *label)
{
    evoke_verification v = { 0 };
    evoke_error err = { 0 };
    if (!check(evoke_verify(m, NULL, 0, NULL, &v, &err) == EVOKE_OK, "%s: %s", label, err.text))
        return;
    for (size_t i = 0; i < EVOKE_N_SITE; i++)
        check(v.points[i].ok, "%s: %s at %.3g of its bound", label, evoke_site_name((evoke_site)i), v.points[i].share);
    const double share = v.points[EVOKE_LOGITS].share;
    check(share > 1e-3 && share < 0.5, "%s: logits at %.3g of their bound, which is too wide or too narrow", label, share);
    for (size_t i = 0; i < EVOKE_N_VERIFY_SAME; i++)
        check(v.same[i].ok, "%s: %s", label, v.same[i].name);
    for (size_t i = 0; i < v.n_isas; i++)
        check(v.isas[i].ok, "%s: %s at %.3g", label, v.isas[i].name, v.isas[i].worst.share);
    for (size_t i = 0; i < v.n_products; i++)
        check(v.products[i].ok, "%s: %s %s %s", label, v.products[i].isa, v.products[i].type,
              evoke_verify_how_name(v.products[i].how));
    check(v.ok && v.n_isas > 0 && v.n_products >= 2 * v.n_isas, "%s: all of it", label);
    evoke_verification_free(&v);
}

/* Hook points at a length of several blocks of attention's keys, where positions are not learned. The bound is one random run's, and
 * among so many rows some come to twice that: ALiBi's, whose scores are large. */
static void check_long(evoke_model *m, const char *label)
{
    enum { N = 280 };
    int32_t ids[N];
    evoke_verification v = { 0 };
    evoke_error err = { 0 };
    if (evk_model_weight(m, 0, EVK_W_POSITION)->there)
        return;
    m->config.n_ctx = N;
    for (size_t i = 0; i < N; i++)
        ids[i] = (int32_t)(i * 7919 % m->config.n_vocab);
    if (!check(evoke_verify(m, ids, N, NULL, &v, &err) == EVOKE_OK, "%s: %s", label, err.text))
        return;
    for (size_t i = 0; i < EVOKE_N_SITE; i++)
        check(v.points[i].share < 1, "%s, %d tokens: %s at %.3g of its bound", label, N, evoke_site_name((evoke_site)i), v.points[i].share);
    evoke_verification_free(&v);
}

static void check_model(const char *path, evk_h5 *expected, const char *label)
{
    evoke_error err = { 0 };
    for (evoke_compute compute = EVOKE_EXACT; compute <= EVOKE_FAST; compute++) {
        const evoke_model_options o = { .n_threads = 1, .compute = compute, .repack = true };
        evoke_model *m = NULL;
        if (!check(evoke_model_open(path, &o, &m, &err) == EVOKE_OK, "%s: %s", label, err.text))
            return;
        for (size_t i = 0; compute == EVOKE_EXACT && i < 3; i++)
            check_reference(m, expected, (const char *[]){ "p1", "p7", "p33" }[i], label);
        if (compute == EVOKE_EXACT || m->info.n_repacked_bytes)
            check_holds(m, label);
        if (compute == EVOKE_EXACT)
            check_long(m, label);
        evoke_model_free(m);
    }
}

/* Every model of a folder with a reference; returns their number. */
static size_t check_folder(const char *root, const char *kind)
{
    char path[1024], form[1100];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/tests/golden/%s", root, kind);
    DIR *d = opendir(path);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        evk_h5 *expected = NULL;
        snprintf(path, sizeof path, "%s/tests/golden/%s/%.200s/expected.h5", root, kind, e->d_name);
        if (e->d_name[0] == '.' || evk_h5_open(path, &expected, NULL) != EVOKE_OK)
            continue;
        path[strlen(path) - strlen("/expected.h5")] = '\0';
        snprintf(form, sizeof form, "%s/config.json", path);
        if (access(form, R_OK) == 0)
            check_model(path, expected, e->d_name), n++;
        snprintf(form, sizeof form, "%s/model.gguf", path);
        if (access(form, R_OK) == 0)
            check_model(form, expected, e->d_name), n++;
        evk_h5_free(expected);
    }
    if (d)
        closedir(d);
    return n;
}

/* ---- what must not hold ---- */

static void (*true_matmul)(const float *, size_t, const float *, size_t, float *, size_t, size_t, size_t, size_t);

/* One term too few. */
static void short_matmul(const float *x, size_t ldx, const float *w, size_t ldw, float *y, size_t ldy, size_t n_token,
                         size_t n_row, size_t k)
{
    true_matmul(x, ldx, w, ldw, y, ldy, n_token, n_row, k - 1);
}

/* A unit in the last place more where several tokens are multiplied together. */
static void sociable_matmul(const float *x, size_t ldx, const float *w, size_t ldw, float *y, size_t ldy, size_t n_token,
                            size_t n_row, size_t k)
{
    true_matmul(x, ldx, w, ldw, y, ldy, n_token, n_row, k);
    if (n_token > 1)
        *y = nextafterf(*y, INFINITY);
}

static void (*true_panels)(const float *x, size_t ldx, const float *panels, float *y, size_t ldy, size_t n_token, size_t n_row, size_t k,
                           bool add);
static void short_panels(const float *x, size_t ldx, const float *panels, float *y, size_t ldy, size_t n_token, size_t n_row, size_t k,
                         bool add)
{
    true_panels(x + 1, ldx, panels + EVK_PACKED_ROWS, y, ldy, n_token, n_row < EVK_PACKED_ROWS ? n_row : EVK_PACKED_ROWS, k - 1, add);
    if (n_row > EVK_PACKED_ROWS)
        short_panels(x, ldx, panels + k * EVK_PACKED_ROWS, y + EVK_PACKED_ROWS, ldy, n_token, n_row - EVK_PACKED_ROWS, k, add);
}

static evoke_model *open_model(const char *root, const char *name, evoke_compute compute)
{
    char path[600];
    evoke_model *m = NULL;
    evoke_error err = { 0 };
    const evoke_model_options o = { .n_threads = 1, .compute = compute };
    if (!check(golden_find(root, name, path, sizeof path) && evoke_model_open(path, &o, &m, &err) == EVOKE_OK, "%s: %s", name,
               err.text))
        exit(check_done());
    true_matmul = m->kernels.matmul;
    return m;
}

static evoke_verification verify(const evoke_model *m)
{
    evoke_verification v = { 0 };
    evoke_error err = { 0 };
    check(evoke_verify(m, NULL, 0, NULL, &v, &err) == EVOKE_OK, "%s", err.text);
    return v;
}

static void test_damaged_kernels(const char *root)
{
    evoke_model *m = open_model(root, "gguf/llama_f32/model.gguf", EVOKE_EXACT);
    m->kernels.matmul = short_matmul;
    evoke_verification v = verify(m);
    check(!v.ok && v.points[EVOKE_EMBED].ok && v.points[EVOKE_ATTN_OUT].share > 10, "a term is missing");
    check(v.same[0].ok && v.isas[0].ok, "and nothing else is wrong");
    evoke_verification_free(&v);
    m->kernels.matmul = sociable_matmul;
    v = verify(m);
    bool cache = true;
    for (size_t i = 0; i < EVOKE_N_VERIFY_SAME; i++)
        cache = cache && (strcmp(v.same[i].name, "cache") != 0 || v.same[i].ok);
    check(!v.ok && !cache, "a product that depends on its company");
    evoke_verification_free(&v);
    evk_kernels broken = m->kernels;
    evoke_verify_product out[EVOKE_N_VERIFY_HOW];
    size_t n = 0;
    broken.matmul = short_matmul;
    true_panels = broken.multiply_panels;
    broken.multiply_panels = short_panels;
    check(evk_verify_products(&broken, evk_model_matrix(m, 0, EVK_W_ATTN_Q), out, &n, NULL) == EVOKE_OK && n == 2, "float32");
    check(out[EVOKE_VERIFY_VALUES].ok && !out[EVOKE_VERIFY_FLOAT32].ok, "a table's product with a term missing");
    evoke_model_free(m);
}

/* The first codes of one packed matrix, which the float64 pass does not read. */
static void test_damaged_weight(const char *root)
{
    evoke_model *m = open_model(root, "gguf/llama_q4_1/model.gguf", EVOKE_FAST);
    const evk_weight *w = evk_model_weight(m, 1, EVK_W_MLP_DOWN);
    if (check(w->packed.codes != NULL, "packed")) {
        memset(w->packed.codes, 0, 2048);
        evoke_verification v = verify(m);
        const evoke_verify_point *p = &v.points[EVOKE_MLP_PROJ];
        check(!v.ok && !p->ok && p->layer == 1, "weights of layer 1: %.3g of its bound", p->share);
        evoke_verification_free(&v);
    }
    evoke_model_free(m);
}

static void test_bad_input(const char *root)
{
    evoke_model *m = open_model(root, "gguf/llama_f32/model.gguf", EVOKE_EXACT);
    evoke_verification v = { 0 };
    evoke_error err = { 0 };
    const int32_t ids[] = { 1, 2, 3, (int32_t)m->config.n_vocab };
    check(evoke_verify(m, ids, 4, NULL, &v, &err) == EVOKE_EDATA && strstr(err.text, "vocabulary"), "%s", err.text);
    check(evoke_verify(m, ids, 3, NULL, &v, &err) == EVOKE_EARG && !v.products, "%s", err.text);
    evoke_model_free(m);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : ".";
    const size_t n = check_folder(root, "families") + check_folder(root, "gguf");
    check(n > 40, "%zu models", n);
    test_damaged_kernels(root);
    test_damaged_weight(root);
    test_bad_input(root);
    return check_done();
}
