/* Extraction: every span mean of SmolLM2 against transformers (tests/golden/smollm2), and on a tiny model what must not
 * change a byte: the batch, the threads, an interruption, company. */
#include <jansson.h>

#include "core/evoke.h"
#include "tests/bytes.h"
#include "tests/check.h"
#include "tests/golden.h"
#include "tests/stop.h"

static const evoke_site sites[] = { EVOKE_RESID_POST, EVOKE_ATTN_OUT };
static const evoke_span spans[] = { EVOKE_SPAN_QUERY, EVOKE_SPAN_LAST, EVOKE_SPAN_RESPONSE, EVOKE_SPAN_PROMPT };

/* The reference's own queries, the first n of each emotion, as a dataset. */
static evoke_dataset *reference_queries(const char *root, size_t n)
{
    char path[512], file[256];
    evoke_dataset *d = NULL;
    evoke_error err = {0};
    const char *emotion;
    json_t *list;
    snprintf(path, sizeof path, "%s/tests/golden/smollm2/prompts.json", root);
    json_t *all = json_load_file(path, 0, NULL);
    json_object_foreach(json_object_get(all, "queries"), emotion, list)
        while (json_array_size(list) > n)
            json_array_remove(list, n);
    golden_temporary(file, sizeof file, "queries.json");
    json_dump_file(json_object_get(all, "queries"), file, 0);
    check(evoke_dataset_open(file, &d, &err) == EVOKE_OK, "%s", err.text);
    remove(file);
    json_decref(all);
    return d;
}

static void write_text(const char *file, const char *text)
{
    check(write_bytes(file, text, strlen(text)), "write %s", file);
}

static evoke_dataset *dataset_of(const char *json)
{
    char file[256];
    evoke_dataset *d = NULL;
    evoke_error err = {0};
    golden_temporary(file, sizeof file, "short.json");
    write_text(file, json);
    check(evoke_dataset_open(file, &d, &err) == EVOKE_OK, "%s", err.text);
    remove(file);
    return d;
}

static evoke_settings *settings_of(const char *json)
{
    char file[256];
    evoke_settings *s = NULL;
    evoke_error err = {0};
    golden_temporary(file, sizeof file, "settings.json");
    write_text(file, json);
    check(evoke_settings_open(file, &s, &err) == EVOKE_OK, "%s", err.text);
    remove(file);
    return s;
}

/* Short queries and settings: the tiny model has room for 128 tokens, and its vocabulary makes many of a word. */
static evoke_dataset *short_queries(void)
{
    return dataset_of("{\"joy\": [\"We won!\", \"It snowed\", \"A letter came\", \"Look, a fox\"],"
                      " \"fear\": [\"Who is there?\", \"It moves\", \"The ice cracked\", \"No way out\"]}");
}

static evoke_settings *short_settings(void)
{
    return settings_of("{\"system\": \"Be kind.\", \"settings\": {\"neutral\": \"{query}\","
                       " \"emotion\": \"full of {emotion}: {query}\"}}");
}

/* Extracts into a file of this test's own, again and again where it is interrupted; the status of the last call. */
static evoke_status extract(const evoke_model *m, const evoke_dataset *d, evoke_settings *s, const evoke_extract_options *o,
                            bool interrupted, const char *file)
{
    evoke_error err = {0};
    evoke_extract_report report = {0};
    uint64_t at_once = 0;
    const evoke_progress stop = { stop_at, &at_once };
    evoke_status st;
    size_t calls = 0;
    do
        st = evoke_extract(m, d, s, o, file, NULL, interrupted ? &stop : NULL, &report, &err);
    while (st == EVOKE_EINTERRUPTED && calls++ < 1000);
    check(st == EVOKE_OK, "%s", err.text);
    check(!interrupted || calls > 1, "%zu interruptions", calls);
    evoke_settings_free(s);
    return st;
}

/* ---- a tiny model: the same bytes however it is run ---- */

static void same_datasets(const char *a, const char *b, const char *what)
{
    static const char *const names[] = {
        "/activations/resid_post/query", "/activations/resid_post/last", "/activations/resid_post/response",
        "/activations/resid_post/prompt", "/activations/attn_out/query", "/activations/attn_out/response",
        "/activations/attn_out/prompt", "/activations/resid_post/token_norms", "/activations/resid_post/tokens",
    };
    evk_h5 *x = NULL, *y = NULL;
    check(evk_h5_open(a, &x, NULL) == EVOKE_OK && evk_h5_open(b, &y, NULL) == EVOKE_OK, "%s: open", what);
    for (size_t i = 0; x && y && i < sizeof names / sizeof *names; i++)
        check(golden_difference(x, names[i], y, names[i]) == 0, "%s: %s differs", what, names[i]);
    evk_h5_free(x);
    evk_h5_free(y);
}

static void test_same_bytes(const char *root)
{
    char path[512], one[256], other[256];
    evoke_error err = {0};
    evoke_dataset *d = short_queries();
    static const struct { const char *what; size_t batch, threads; bool interrupted; } ways[] = {
        { "batches of 64 tokens", 64, 2, false }, { "batches of 1 token", 1, 1, false }, { "3 threads", 4096, 3, false },
        { "interrupted after every batch", 60, 2, true },
    };
    evoke_extract_options o = { .sites = sites, .n_sites = 2, .spans = spans, .n_spans = 4, .n_predict = 9, .store_tokens = true };
    golden_temporary(one, sizeof one, "one.h5");
    golden_temporary(other, sizeof other, "other.h5");
    check(golden_find(root, "gguf/llama_f32/model.gguf", path, sizeof path), "the tiny model");
    for (size_t i = 0; d && i <= sizeof ways / sizeof *ways; i++) {
        evoke_model *m = NULL;
        const bool first = i == 0;
        o.batch_tokens = first ? 0 : ways[i - 1].batch;
        check(evoke_model_open(path, &(evoke_model_options){ .n_threads = first ? 1 : ways[i - 1].threads }, &m, &err) == EVOKE_OK,
              "%s", err.text);
        if (m && extract(m, d, short_settings(), &o, !first && ways[i - 1].interrupted, first ? one : other) == EVOKE_OK && !first)
            same_datasets(one, other, ways[i - 1].what);
        evoke_model_free(m);
        remove(other);
    }
    remove(one);
    evoke_dataset_free(d);
}

/* Worst difference between the means that a store holds and the means of the token rows that it holds. */
static double gap_of_means(evk_h5 *f, const char *span, const double *tokens, const double *offsets, size_t row)
{
    char name[64];
    size_t n_mean, n_range;
    snprintf(name, sizeof name, "/activations/resid_post/%s", span);
    double *mean = golden_read(f, name, &n_mean);
    snprintf(name, sizeof name, "/tokens/%s", span);
    double *range = golden_read(f, name, &n_range), worst = mean && range && n_range / 2 * row == n_mean ? 0 : HUGE_VAL;
    for (size_t p = 0; mean && range && p < n_range / 2; p++)
        for (size_t j = 0; j < row; j++) {
            double sum = 0;
            for (size_t t = (size_t)range[2 * p]; t < (size_t)range[2 * p + 1]; t++)
                sum += tokens[((size_t)offsets[2 * p] + t) * row + j];
            const double gap = fabs(sum / (range[2 * p + 1] - range[2 * p]) - mean[p * row + j]);
            worst = gap > worst || isnan(gap) ? gap : worst;
        }
    free(mean);
    free(range);
    return worst;
}

static void test_means_of_tokens(const char *root)
{
    char path[512], file[256];
    evoke_model *m = NULL;
    evoke_error err = {0};
    evoke_dataset *d = short_queries();
    evk_h5 *f = NULL;
    size_t n;
    const evoke_extract_options o = { .sites = sites, .n_sites = 1, .spans = spans, .n_spans = 4, .n_predict = 5, .store_tokens = true };
    golden_temporary(file, sizeof file, "tokens.h5");
    check(golden_find(root, "gguf/llama_f32/model.gguf", path, sizeof path), "the tiny model");
    check(evoke_model_open(path, NULL, &m, &err) == EVOKE_OK, "%s", err.text);
    if (m && d && extract(m, d, short_settings(), &o, false, file) == EVOKE_OK && evk_h5_open(file, &f, &err) == EVOKE_OK) {
        double *tokens = golden_read(f, "/activations/resid_post/tokens", &n), *offsets = golden_read(f, "/tokens/offsets", &n);
        const size_t row = evoke_model_describe(m)->n_layer * evoke_model_describe(m)->d_model;
        check(tokens && offsets, "token rows and their offsets");
        for (size_t s = 0; tokens && offsets && s < 4; s++) {
            const double gap = gap_of_means(f, evoke_span_name(spans[s]), tokens, offsets, row);
            check(gap < 1e-6, "%s: the mean is off by %g", evoke_span_name(spans[s]), gap);
        }
        free(tokens);
        free(offsets);
    }
    evk_h5_free(f);
    remove(file);
    evoke_dataset_free(d);
    evoke_model_free(m);
}

/* With the span `query` alone what follows the query is not run: the same means and norms to there, none after. */
static void check_unrun(evk_h5 *whole, evk_h5 *part)
{
    static const char *const norms_name = "/activations/resid_post/token_norms", *const mean_name = "/activations/resid_post/query";
    size_t n_range = 0, n_norm = 0, k, n_row = 0;
    check(golden_difference(whole, mean_name, part, mean_name) == 0, "query alone: other means");
    double *want = golden_read(whole, norms_name, &n_norm), *got = golden_read(part, norms_name, &k);
    double *range = golden_read(part, "/tokens/query", &n_range), *offsets = golden_read(part, "/tokens/offsets", &n_row);
    if (check(want && got && range && offsets && k == n_norm && n_range == n_row, "query alone: the same rows")) {
        const size_t width = n_norm / (size_t)offsets[n_row - 1];
        for (size_t p = 0; p < n_row; p += 2)
            for (size_t t = (size_t)offsets[p]; t < (size_t)offsets[p + 1]; t++) {
                const bool run = (double)t < offsets[p] + range[p + 1];
                const double norm = got[t * width];
                check(run ? norm == want[t * width] : isnan(norm), "query alone: the norm of row %zu is %g", t, norm);
            }
    }
    free(want), free(got), free(range), free(offsets);
}

static void test_query_alone(const char *root)
{
    char path[512], files[2][256];
    evoke_model *m = NULL;
    evoke_error err = {0};
    evoke_dataset *d = short_queries();
    evk_h5 *stores[2] = { NULL };
    golden_temporary(files[0], sizeof files[0], "whole.h5");
    golden_temporary(files[1], sizeof files[1], "part.h5");
    check(golden_find(root, "gguf/llama_f32/model.gguf", path, sizeof path), "the tiny model");
    check(evoke_model_open(path, NULL, &m, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; m && d && i < 2; i++) {
        const evoke_extract_options o = { .sites = sites, .n_sites = 1, .spans = spans, .n_spans = 2 - i, .batch_tokens = 20 };
        if (extract(m, d, short_settings(), &o, false, files[i]) == EVOKE_OK)
            check(evk_h5_open(files[i], &stores[i], &err) == EVOKE_OK, "%s", err.text);
    }
    if (stores[0] && stores[1])
        check_unrun(stores[0], stores[1]);
    for (size_t i = 0; i < 2; i++) {
        evk_h5_free(stores[i]);
        remove(files[i]);
    }
    evoke_dataset_free(d);
    evoke_model_free(m);
}

/* ---- longrope: a prompt beyond the limit (24 tokens) has other angles from its first token on ---- */

static const char *const templates[] = { "say of it, {query}", "say in {emotion}, {query}" };
typedef struct shared_case { const char *queries[2]; bool shares; const char *what; } shared_case;
static const shared_case shared_cases[] = {
    { { "a fox", "it ran" }, true, "short prompts" },
    { { "the ice is thin and cracks", "who is at the door, in all this wind?" }, false, "long prompts" },
    { { "a fox", "who is at the door, in all this wind?" }, false, "short and long prompts" },
};
static const evoke_span whole_spans[] = { EVOKE_SPAN_PROMPT_ALL, EVOKE_SPAN_PROMPT, EVOKE_SPAN_QUERY, EVOKE_SPAN_LAST };

static uint64_t extract_whole(const evoke_model *m, const char *queries, const char *settings, const char *file)
{
    evoke_error err = {0};
    evoke_extract_report report = {0};
    evoke_dataset *d = dataset_of(queries);
    evoke_settings *s = settings_of(settings);
    const evoke_extract_options o = { .sites = sites, .n_sites = 2, .spans = whole_spans, .n_spans = 4 };
    check(d && s && evoke_extract(m, d, s, &o, file, NULL, NULL, &report, &err) == EVOKE_OK, "%s", err.text);
    evoke_dataset_free(d);
    evoke_settings_free(s);
    return report.n_tokens_shared;
}

/* The means of prompt p of a store are, bit for bit, those of a store of that prompt alone. */
static void same_means(const char *store, const char *alone, size_t p, const char *what)
{
    char name[96];
    evk_h5 *all = NULL, *one = NULL;
    check(evk_h5_open(store, &all, NULL) == EVOKE_OK && evk_h5_open(alone, &one, NULL) == EVOKE_OK, "%s: stores", what);
    for (size_t i = 0; all && one && i < 8; i++) {
        size_t n_all, n;
        snprintf(name, sizeof name, "/activations/%s/%s", evoke_site_name(sites[i / 4]), evoke_span_name(whole_spans[i % 4]));
        double *x = golden_read(all, name, &n_all), *y = golden_read(one, name, &n);
        check(x && y && n_all == 4 * n && memcmp(x + p * n, y, n * sizeof *y) == 0, "%s: prompt %zu, %s", what, p, name);
        free(x);
        free(y);
    }
    evk_h5_free(all);
    evk_h5_free(one);
}

static void test_shared_case(const evoke_model *m, const shared_case *c)
{
    static const char *const emotions[] = { "joy", "fear" };
    char queries[512], settings[512], store[256], alone[256];
    golden_temporary(store, sizeof store, "store.h5");
    golden_temporary(alone, sizeof alone, "alone.h5");
    snprintf(queries, sizeof queries, "{\"joy\": [\"%s\"], \"fear\": [\"%s\"]}", c->queries[0], c->queries[1]);
    snprintf(settings, sizeof settings, "{\"settings\": {\"neutral\": \"%s\", \"emotion\": \"%s\"}}", templates[0], templates[1]);
    const uint64_t n_shared = extract_whole(m, queries, settings, store);
    check((n_shared > 0) == c->shares, "%s: %d tokens shared", c->what, (int)n_shared);
    for (size_t p = 0; p < 4; p++) {
        snprintf(queries, sizeof queries, "{\"%s\": [\"%s\"]}", emotions[p / 2], c->queries[p / 2]);
        snprintf(settings, sizeof settings, "{\"settings\": {\"s\": \"%s\"}}", templates[p % 2]);
        check(extract_whole(m, queries, settings, alone) == 0, "%s: one prompt shares nothing", c->what);
        same_means(store, alone, p, c->what);
        remove(alone);
    }
    remove(store);
}

static void test_shared_beginnings(const char *root)
{
    char path[512], file[256];
    evoke_model *m = NULL;
    evoke_error err = {0};
    golden_temporary(file, sizeof file, "template.jinja");
    write_text(file, "{% for m in messages %}{{ m.content }}{% endfor %}");
    check(golden_find(root, "families/phi3_longrope/model.gguf", path, sizeof path), "the tiny model");
    if (check(evoke_model_open(path, &(evoke_model_options){ .template_path = file }, &m, &err) == EVOKE_OK, "%s", err.text))
        for (size_t i = 0; i < sizeof shared_cases / sizeof *shared_cases; i++)
            test_shared_case(m, &shared_cases[i]);
    evoke_model_free(m);
    remove(file);
}

/* ---- SmolLM2 against transformers ---- */

/* Largest element of the difference over the norm of the reference's mean, over the reference's layers. */
static double mean_error(evk_h5 *reference, evk_h5 *store, const char *span, const char *site, const bool *use)
{
    char a[96], b[96];
    size_t n = 0, m = 0, n_held = 0, w = 576;
    snprintf(a, sizeof a, "/spans/%s/activations/%s/mean", span, site);
    snprintf(b, sizeof b, "/activations/%s/%s", site, span);
    double *x = golden_read(reference, a, &n), *y = golden_read(store, b, &m), worst = x && y ? 0 : HUGE_VAL;
    int32_t *layers = golden_ids(reference, "/layers", &n_held);
    for (size_t p = 0; x && y && p < n / (n_held * w); p++)
        for (size_t l = 0; use[p] && l < n_held; l++) {
            const double *want = x + (p * n_held + l) * w, *got = y + (p * 30 + (size_t)layers[l]) * w;
            double norm = 0, gap = 0;
            for (size_t j = 0; j < w; j++) {
                norm += want[j] * want[j];
                gap = fabs(want[j] - got[j]) > gap ? fabs(want[j] - got[j]) : gap;
            }
            worst = gap / sqrt(norm) > worst || isnan(gap) ? gap / sqrt(norm) : worst;
        }
    free(x);
    free(y);
    free(layers);
    return worst;
}

/* Which responses are the reference's, token by token; each must be, where its margins are clear. */
static void compare_responses(evk_h5 *reference, evk_h5 *store, bool *same)
{
    size_t k, n_same = 0;
    double *ids = golden_read(store, "/tokens/ids", &k), *offsets = golden_read(store, "/tokens/offsets", &k);
    double *range = golden_read(store, "/tokens/response", &k), *margin = golden_read(reference, "/response/min_margin", &k);
    double *want = golden_read(reference, "/response/ids", &k), *at = golden_read(reference, "/response/offsets", &k);
    check(ids && offsets && range && margin && want && at, "ids of the responses");
    for (size_t p = 0; p < 40 && ids && offsets && range && margin && want && at; p++) {
        const size_t first = (size_t)offsets[2 * p] + (size_t)range[2 * p], length = (size_t)(range[2 * p + 1] - range[2 * p]);
        same[p] = length == (size_t)(at[2 * p + 1] - at[2 * p]);
        for (size_t t = 0; same[p] && t < length; t++)
            same[p] = ids[first + t] == want[(size_t)at[2 * p] + t];
        check(same[p] || margin[p] < 1e-3, "response %zu differs, margin %g", p, margin[p]);
        n_same += same[p];
    }
    printf("responses equal to the reference's: %zu of 40\n", n_same);
    free(ids), free(offsets), free(range), free(margin), free(want), free(at);
}

static void check_prompts(evk_h5 *reference, evk_h5 *store)
{
    char **a = NULL, **b = NULL;
    size_t n = 0, m = 0, k;
    check(evk_h5_read_strings(reference, "/prompts/text", &a, &n, NULL) == EVOKE_OK &&
          evk_h5_read_strings(store, "/prompts/text", &b, &m, NULL) == EVOKE_OK && n == 40 && m == 40, "prompts");
    for (size_t i = 0; a && b && i < 40; i++)
        check(strcmp(a[i], b[i]) == 0, "prompt %zu", i);
    free(a);
    free(b);
    double *want = golden_read(reference, "/tokens/query_span", &k), *got = golden_read(store, "/tokens/query", &k);
    check(want && got && memcmp(want, got, 80 * sizeof *want) == 0, "tokens of the queries");
    free(want);
    free(got);
}

static evoke_settings *default_settings(void)
{
    evoke_settings *s = NULL;
    evoke_error err = {0};
    check(evoke_settings_default(&s, &err) == EVOKE_OK, "%s", err.text);
    return s;
}

static void test_reference(const char *root)
{
    static const struct { const char *span, *site; } pairs[] = {
        { "query", "resid_post" }, { "query", "attn_out" }, { "last", "resid_post" }, { "response", "resid_post" } };
    char model[512], path[512], file[256];
    evoke_model *m = NULL;
    evoke_error err = {0};
    evk_h5 *reference = NULL, *store = NULL;
    bool all[40], same[40] = {0};
    if (!golden_real_model(model, sizeof model)) {
        check_skip("SmolLM2's span means", "the default model is not in the cache; experiments/quickstart.sh gets it");
        return;
    }
    if (SANITIZED) {
        check_skip("SmolLM2's span means", "a real model takes minutes in a sanitised build");
        return;
    }
    evoke_dataset *d = reference_queries(root, 4);
    const evoke_extract_options o = { .sites = sites, .n_sites = 2, .spans = spans, .n_spans = 4 };
    memset(all, true, sizeof all);
    golden_temporary(file, sizeof file, "smollm2.h5");
    snprintf(path, sizeof path, "%s/tests/golden/smollm2/reference.h5", root);
    check(evoke_model_open(model, NULL, &m, &err) == EVOKE_OK, "%s", err.text);
    check(evk_h5_open(path, &reference, &err) == EVOKE_OK, "%s", err.text);
    if (m && d && reference && extract(m, d, default_settings(), &o, false, file) == EVOKE_OK && evk_h5_open(file, &store, &err) == EVOKE_OK) {
        check_prompts(reference, store);
        compare_responses(reference, store, same);
        for (size_t i = 0; i < 4; i++) {
            const double e = mean_error(reference, store, pairs[i].span, pairs[i].site, i == 3 ? same : all);
            check(e < 1e-5, "%s over %s: off by %.2g of the mean's norm", pairs[i].site, pairs[i].span, e);
            printf("%s over %s: largest error %.2g of the mean's norm\n", pairs[i].site, pairs[i].span, e);
        }
    }
    evk_h5_free(store);
    evk_h5_free(reference);
    remove(file);
    evoke_dataset_free(d);
    evoke_model_free(m);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : ".";
    test_same_bytes(root);
    test_means_of_tokens(root);
    test_query_alone(root);
    test_shared_beginnings(root);
    test_reference(root);
    return check_done();
}
