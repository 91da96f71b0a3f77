/* evoke_claims_run on a tiny model of three layers: in whatever order layers are asked for or the store lists them, the same
 * figures to the last bit; none is steered twice. (tests/python/check_claims.py has the figures themselves.) */
#include "core/evoke.h"
#include "tests/bytes.h"
#include "tests/check.h"
#include "tests/golden.h"

enum { L = 3, ORDERS = 2 };

static void write_text(const char *file, const char *text)
{
    check(write_bytes(file, text, strlen(text)), "write %s", file);
}

static evoke_dataset *queries(void)
{
    char file[256];
    evoke_dataset *d = NULL;
    evoke_error err = {0};
    golden_temporary(file, sizeof file, "claims.json");
    write_text(file, "{\"joy\": [\"We won!\", \"It snowed\", \"A letter came\", \"Look, a fox\", \"The sea\", \"You came back\"],"
                     " \"fear\": [\"Who is there?\", \"It moves\", \"The ice cracked\", \"No way out\", \"A step\", \"Run\"]}");
    check(evoke_dataset_open(file, &d, &err) == EVOKE_OK, "%s", err.text);
    remove(file);
    return d;
}

static evoke_settings *settings(void)
{
    char file[256];
    evoke_settings *s = NULL;
    evoke_error err = {0};
    golden_temporary(file, sizeof file, "settings.json");
    write_text(file, "{\"system\": null, \"settings\": {\"neutral\": \"{query}\", \"emotion\": \"{emotion}: {query}\"}}");
    check(evoke_settings_open(file, &s, &err) == EVOKE_OK, "%s", err.text);
    remove(file);
    return s;
}

/* A store that lists its layers by number, and copies of it in other orders. */
static bool make_stores(const evoke_model *m, char files[1 + ORDERS][256])
{
    static const int32_t orders[ORDERS][L] = { { 1, 2, 0 }, { 2, 1, 0 } };
    static const evoke_site sites[] = { EVOKE_ATTN_OUT, EVOKE_RESID_POST };
    const evoke_extract_options o = { .sites = sites, .n_sites = 2 };
    evoke_dataset *d = queries();
    evoke_settings *how = settings();
    evoke_extract_report report;
    evoke_store *s = NULL;
    evoke_error err = {0};
    bool ok = d && how && evoke_extract(m, d, how, &o, files[0], NULL, NULL, &report, &err) == EVOKE_OK
              && evoke_store_open(files[0], &s, &err) == EVOKE_OK;
    for (size_t i = 0; ok && i < ORDERS; i++) {
        const evoke_store_choice all = { .layers = orders[i], .n_layers = L };
        ok = evoke_store_select(s, &all, files[1 + i], NULL, NULL, &err) == EVOKE_OK;
    }
    evoke_store_free(s);
    evoke_settings_free(how);
    evoke_dataset_free(d);
    return check(ok, "stores: %s", err.text);
}

typedef struct steered { int32_t layers[L]; size_t n; } steered;        /* n 0: none are asked for */

static evoke_status run(const evoke_model *m, evoke_store *s, const evoke_vectors *ev, const steered *at, evoke_claims **out,
                        evoke_error *err)
{
    static const double alphas[] = { -1, 1 };
    evoke_claims_options o = evoke_claims_defaults();
    o.vectors = ev;
    o.layers = at->n ? at->layers : NULL;
    o.n_layers = at->n;
    o.shrinkage = 0.5;
    o.alphas = alphas;
    o.n_alpha = 2;
    o.n_fold = 3;
    o.n_predict = 2;
    o.n_bootstrap = 20;
    *err = (evoke_error){0};
    return evoke_claims_run(m, s, &o, NULL, out, err);
}

/* Every arm has a direction, and all is as in `a`. */
static void same_claims(const evoke_claims *a, const evoke_claims *b, const char *what)
{
    const evoke_figure *f, *g;
    check(strcmp(evoke_claims_text(a), evoke_claims_text(b)) == 0, "%s: '%s', not '%s'", what, evoke_claims_text(b),
          evoke_claims_text(a));
    for (size_t i = 0; (f = evoke_claims_figure(a, i)) && (g = evoke_claims_figure(b, i)); i++) {
        size_t n = 1;
        for (size_t k = 0; k < f->n_dim; k++)
            n *= f->dims[k];
        size_t differ = 0;
        for (size_t k = 0; k < n; k++)
            differ += !(f->values[k] == g->values[k] || (isnan(f->values[k]) && isnan(g->values[k])));
        check(differ == 0, "%s: %s has %zu other values of %zu", what, f->name, differ, n);
    }
    f = evoke_claims_find(b, "near_optimality/cosine_ev");
    for (size_t k = 0; k < f->dims[0] * f->dims[1]; k++)
        check(isfinite(f->values[k]) && f->values[k] != 0, "%s: cosine %zu is %g", what, k, f->values[k]);
    f = evoke_claims_find(b, "preservation/topic_share");
    for (size_t k = 0; k < f->dims[0] * f->dims[1]; k++)
        check(isfinite(f->values[k]), "%s: topic share %zu", what, k);
}

/* What is steered, by number on the store by number, and otherwise. */
static void orders(const evoke_model *m, evoke_store *const *stores, const evoke_vectors *ev)
{
    static const struct { steered as, also; const char *text; } cases[] = {
        { { { 0, 1 }, 2 }, { { 1, 0 }, 2 }, "layers 0 to 1" }, { { { 0 }, 0 }, { { 0 }, 0 }, "layers 1 to 1" },
        { { { 0 }, 1 }, { { 0 }, 1 }, "layer 2, span" },        /* of the layers after it the one half way */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        evoke_claims *plain = NULL, *other = NULL;
        evoke_error err;
        if (!check(run(m, stores[0], ev, &cases[i].as, &plain, &err) == EVOKE_OK, "case %zu: %s", i, err.text))
            continue;
        check(strstr(evoke_claims_text(plain), cases[i].text) != NULL, "case %zu: %s", i, evoke_claims_text(plain));
        for (size_t k = 0; k < 1 + ORDERS; k++) {
            char what[64];
            snprintf(what, sizeof what, "case %zu, order %zu", i, k);
            if (check(run(m, stores[k], ev, &cases[i].also, &other, &err) == EVOKE_OK, "%s: %s", what, err.text))
                same_claims(plain, other, what);
            evoke_claims_free(other);
        }
        evoke_claims_free(plain);
    }
}

static void refused(const evoke_model *m, evoke_store *s, const evoke_vectors *ev)
{
    static const struct { steered at; evoke_status status; const char *text; } cases[] = {
        { { { 0, 1, 0 }, 3 }, EVOKE_EARG, "layer 0 is asked for twice" }, { { { 1, 1 }, 2 }, EVOKE_EARG, "layer 1 is" },
        { { { 1, 7 }, 2 }, EVOKE_EDATA, "layer 7" }, { { { 2, 0 }, 2 }, EVOKE_EDATA, "no layer after 2" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        evoke_claims *c = NULL;
        evoke_error err;
        const evoke_status st = run(m, s, ev, &cases[i].at, &c, &err);
        check(st == cases[i].status && strstr(err.text, cases[i].text) && !c, "case %zu: %d, %s", i, (int)st, err.text);
        evoke_claims_free(c);
    }
}

int main(int argc, char **argv)
{
    char path[512], files[1 + ORDERS][256];
    evoke_model *m = NULL;
    evoke_store *stores[1 + ORDERS] = { NULL };
    evoke_vectors *ev = NULL;
    evoke_error err = {0};
    const evoke_ev_options how = { .any_span = true };
    for (size_t i = 0; i < 1 + ORDERS; i++) {
        char name[32];
        snprintf(name, sizeof name, "claims-%zu.h5", i);
        golden_temporary(files[i], sizeof files[i], name);
    }
    check(argc > 1 && golden_find(argv[1], "gguf/llama_f32/model.gguf", path, sizeof path), "the tiny model");
    bool ok = check(evoke_model_open(path, &(evoke_model_options){ .n_threads = 1 }, &m, &err) == EVOKE_OK, "%s", err.text)
              && make_stores(m, files);
    for (size_t i = 0; ok && i < 1 + ORDERS; i++)
        ok = check(evoke_store_open(files[i], &stores[i], &err) == EVOKE_OK, "%s", err.text);
    if (ok && check(evoke_mean_difference(stores[0], &how, NULL, &ev, NULL, &err) == EVOKE_OK, "%s", err.text)) {
        orders(m, stores, ev);
        refused(m, stores[0], ev);
    }
    evoke_vectors_free(ev);
    for (size_t i = 0; i < 1 + ORDERS; i++) {
        evoke_store_free(stores[i]);
        remove(files[i]);
    }
    evoke_model_free(m);
    return check_done();
}
