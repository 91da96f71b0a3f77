/* layers/store.c, store_norms.c, store_create.c, store_write.c: what is written is read; a writer killed at any moment leaves
 * a valid store that goes on to the same bytes; another extraction's store is refused with the reason; files of other
 * programs are read, and every index in them is checked. */
#include "layers/store_data.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/files/hdf5.h"
#include "core/random.h"
#include "tests/check.h"
#include "tests/stop.h"

#define FOLDER "test_store.tmp"
enum { N = 5, S = 2, L = 3, D = 8, N_SITE = 2, N_SPAN = 2, N_PREDICT = 4, MAX_T = 16, NS = N * S };
static const char path[] = FOLDER "/store.h5";

/* ---- an extraction without a model ---- */
typedef struct plan {
    evk_store_spec spec;
    evoke_query queries[N];
    const char *emotions[3], *settings[S], *prompts[NS];
    const int32_t *ids[NS];
    size_t n_ids[NS];
    int32_t all_ids[NS][MAX_T], layers[L];
    evoke_site sites[N_SITE];
    evoke_span spans[N_SPAN];
    evoke_provenance made;
    char recipe[64];
} plan;

static void make_plan(plan *p)
{
    static const char *const texts[N] = { "one", "two\nlines", "tr\xc3\xa8s", "four", "five" };
    static const char *const ids[N] = { "1", "2", "x", "4", "5" };
    *p = (plan){ .emotions = { "joy", "fear", "awe" }, .settings = { "neutral", "emotion" }, .layers = { 0, 5, 9 },
                 .sites = { EVOKE_RESID_POST, EVOKE_ATTN_OUT }, .spans = { EVOKE_SPAN_QUERY, EVOKE_SPAN_RESPONSE },
                 .made = { "evoke extract", 3 }, .recipe = "greedy; wording A" };
    for (size_t q = 0; q < N; q++)
        p->queries[q] = (evoke_query){ texts[q], ids[q], q == 2 ? "fr" : NULL, (int32_t)q % 3 - (q == 4) * 2 };
    for (size_t i = 0; i < NS; i++) {
        p->prompts[i] = i % 2 ? "prompt, with emotion" : "prompt";
        p->n_ids[i] = 3 + i % 5;
        for (size_t t = 0; t < MAX_T; t++)
            p->all_ids[i][t] = (int32_t)(100 * i + t);
        p->ids[i] = p->all_ids[i];
    }
    p->spec = (evk_store_spec){
        .model_name = "tiny", .model_sha256 = "0123", .architecture = "llama", .n_query = N, .n_setting = S, .n_emotion = 3,
        .n_layer = L, .d_model = D, .n_layer_model = 12, .n_site = N_SITE, .n_span = N_SPAN, .queries = p->queries,
        .emotions = p->emotions, .settings = p->settings, .sites = p->sites, .spans = p->spans, .layers = p->layers,
        .prompt_texts = p->prompts, .prompt_ids = p->ids, .n_prompt_ids = p->n_ids, .n_predict = N_PREDICT,
        .store_tokens = true, .recipe = p->recipe, .made = &p->made,
    };
}

/* Value j of token t of prompt i at a site: any function of the indices. */
static float value(size_t i, size_t site, size_t t, size_t j)
{
    return sinf((float)(i * 1000 + site * 300 + t * 29 + j)) * (t == 0 ? 100.0f : 1.0f);
}

typedef struct item_data {
    evk_store_item item;
    float values[N_SITE][MAX_T][L * D], norms[N_SITE][MAX_T][L], means[N_SITE][N_SPAN][L * D];
    const float *mean_at[N_SITE * N_SPAN], *norm_at[N_SITE], *token_at[N_SITE];
    size_t spans[N_SPAN][2];
} item_data;

static void fill_mean(item_data *d, size_t site, size_t k)
{
    for (size_t j = 0; j < L * D; j++) {
        double sum = 0;
        for (size_t t = d->spans[k][0]; t < d->spans[k][1]; t++)
            sum += (double)d->values[site][t][j];
        d->means[site][k][j] = (float)(sum / (double)(d->spans[k][1] - d->spans[k][0]));
    }
    d->mean_at[site * N_SPAN + k] = d->means[site][k];
}

static void make_item(const plan *p, size_t i, item_data *d)
{
    const size_t n_prompt = p->n_ids[i], n_token = n_prompt + 1 + i % N_PREDICT;
    d->spans[0][0] = 1, d->spans[0][1] = n_prompt;
    d->spans[1][0] = n_prompt, d->spans[1][1] = n_token;
    for (size_t site = 0; site < N_SITE; site++) {
        for (size_t t = 0; t < n_token; t++)
            for (size_t l = 0; l < L; l++) {
                double sum = 0;
                for (size_t j = l * D; j < (l + 1) * D; j++) {
                    d->values[site][t][j] = value(i, site, t, j);
                    sum += pow((double)d->values[site][t][j], 2);
                }
                d->norms[site][t][l] = (float)sqrt(sum);
            }
        for (size_t k = 0; k < N_SPAN; k++)
            fill_mean(d, site, k);
        d->norm_at[site] = &d->norms[site][0][0];
        d->token_at[site] = &d->values[site][0][0];
    }
    d->item = (evk_store_item){ .query = i / S, .setting = i % S, .n_token = n_token,
                                .response_ids = p->all_ids[i] + n_prompt, .spans = (const size_t (*)[2])d->spans,
                                .means = d->mean_at, .norms = d->norm_at, .tokens = d->token_at };
}

static bool write_one(const plan *p, evk_store_writer *w, size_t i, evoke_error *err)
{
    static item_data d;
    make_item(p, i, &d);
    return evk_store_write(w, &d.item, 1, err) == EVOKE_OK;
}

static void write_all(const plan *p, const char *to)
{
    evoke_error err = {0};
    evk_store_writer *w = NULL;
    check(evk_store_write_open(to, &p->spec, &w, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; w && i < NS; i++)
        if (!evk_store_write_done(w, i / S, i % S))
            check(write_one(p, w, i, &err), "item %zu: %s", i, err.text);
    evk_store_write_free(w);
}

/* ---- reading what was written ---- */
static void comes_back(const plan *p)
{
    static item_data d;
    static float layer[N * S * D], query[S * L * D];
    evoke_error err = {0};
    evoke_store *s = NULL;
    if (!check(evoke_store_open(path, &s, &err) == EVOKE_OK, "%s", err.text))
        return;
    const evoke_store_info *info = evoke_store_describe(s);
    check(info->n_query == N && info->n_setting == S && info->n_emotion == 3 && info->n_layer == L && info->d_model == D &&
          info->n_site == N_SITE && info->n_done == NS && !strcmp(info->model_name, "tiny") &&
          !strcmp(info->model_sha256, "0123"), "sizes");
    check(!strcmp(evoke_store_emotion(s, 2), "awe") && !strcmp(evoke_store_setting(s, 1), "emotion") &&
          evoke_store_site(s, 0) == EVOKE_ATTN_OUT && evoke_store_layer(s, 2) == 9, "labels");
    check(evk_store_emotion_of(s, 1) == 1 && evk_store_emotion_of(s, 4) == SIZE_MAX && evoke_store_emotion_count(s, 0) == 2 &&
          evoke_store_emotion_count(s, 2) == 1, "emotions");
    check(!strcmp(evk_store_query_id(s, 2), "x"), "ids");
    check(evoke_store_has(s, EVOKE_ATTN_OUT, EVOKE_SPAN_QUERY) && !evoke_store_has(s, EVOKE_ATTN_OUT, EVOKE_SPAN_LAST) &&
          !evoke_store_has(s, EVOKE_MLP_OUT, EVOKE_SPAN_QUERY), "has");
    size_t wrong = 0;
    for (size_t l = 0; l < L; l++) {
        check(evk_store_read_layer(s, EVOKE_ATTN_OUT, EVOKE_SPAN_RESPONSE, l, layer, &err) == EVOKE_OK, "%s", err.text);
        for (size_t i = 0; i < NS; i++) {
            make_item(p, i, &d);
            wrong += memcmp(layer + i * D, d.means[1][1] + l * D, D * sizeof *layer) != 0;
        }
    }
    for (size_t i = 0; i < NS; i++) {
        make_item(p, i, &d);
        check(evk_store_read_query(s, EVOKE_RESID_POST, EVOKE_SPAN_QUERY, i / S, query, &err) == EVOKE_OK, "%s", err.text);
        wrong += memcmp(query + i % S * L * D, d.means[0][0], L * D * sizeof *query) != 0;
    }
    check(wrong == 0, "%zu means are not those that were written", wrong);
    evoke_span span = EVOKE_N_SPAN;
    size_t index = 9;
    check(evk_store_default_span(s, EVOKE_N_SITE, &span, &err) == EVOKE_OK && span == EVOKE_SPAN_RESPONSE, "default span");
    check(evk_store_default_span(s, EVOKE_MLP_OUT, &span, &err) == EVOKE_EDATA, "%s", err.text);
    check(evk_store_find_setting(s, "emotion", &index) && index == 1 && !evk_store_find_setting(s, "x", &index), "settings");
    check(evk_store_read_layer(s, EVOKE_MLP_OUT, EVOKE_SPAN_QUERY, 0, layer, &err) == EVOKE_EDATA, "%s", err.text);
    evoke_store_free(s);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void norms_are_medians(const plan *p)
{
    static item_data d;
    double all[NS * MAX_T];
    float median[L];
    evoke_error err = {0};
    evoke_store *s = NULL;
    if (!check(evoke_store_open(path, &s, &err) == EVOKE_OK, "%s", err.text))
        return;
    check(evk_store_median_norms(s, EVOKE_ATTN_OUT, EVOKE_SPAN_RESPONSE, median, &err) == EVOKE_OK, "%s", err.text);
    for (size_t l = 0; l < L; l++) {
        size_t n = 0;
        for (size_t i = 0; i < NS; i++) {
            make_item(p, i, &d);
            for (size_t t = d.spans[1][0]; t < d.spans[1][1]; t++)
                all[n++] = (double)d.norms[1][t][l];
        }
        qsort(all, n, sizeof *all, by_value);
        const double expected = n % 2 ? all[n / 2] : (all[n / 2 - 1] + all[n / 2]) / 2;
        check(fabs((double)median[l] - expected) < 1e-6, "median of layer %zu: %g, not %g", l, (double)median[l], expected);
    }
    double ratio = -1;
    int32_t layer = 0;
    check(evoke_store_sink(s, EVOKE_ATTN_OUT, EVOKE_SPAN_RESPONSE, &ratio, &layer, &err) == EVOKE_OK && ratio == 0, "no sink");
    check(evoke_store_sink(s, EVOKE_ATTN_OUT, EVOKE_SPAN_LAST, &ratio, &layer, &err) == EVOKE_EDATA, "%s", err.text);
    evoke_store_free(s);
}

/* A span with the first token in it, whose norm is a hundred times the others'. */
static void a_sink_is_seen(void)
{
    static item_data d;
    static plan p;
    evoke_error err = {0};
    evk_store_writer *w = NULL;
    evoke_store *s = NULL;
    make_plan(&p);
    p.spans[0] = EVOKE_SPAN_PROMPT_ALL;
    check(evk_store_write_open(FOLDER "/sink.h5", &p.spec, &w, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; w && i < NS; i++) {
        make_item(&p, i, &d);
        d.spans[0][0] = 0;
        for (size_t site = 0; site < N_SITE; site++)
            fill_mean(&d, site, 0);
        check(evk_store_write(w, &d.item, 1, &err) == EVOKE_OK, "%s", err.text);
    }
    evk_store_write_free(w);
    double ratio = 0;
    int32_t layer = -1;
    check(evoke_store_open(FOLDER "/sink.h5", &s, &err) == EVOKE_OK, "%s", err.text);
    check(s && evoke_store_sink(s, EVOKE_RESID_POST, EVOKE_SPAN_PROMPT_ALL, &ratio, &layer, &err) == EVOKE_OK, "%s", err.text);
    check(ratio > 50 && ratio < 200 && (layer == 0 || layer == 5 || layer == 9), "ratio %g at layer %d", ratio, (int)layer);
    evoke_store_free(s);
    unlink(FOLDER "/sink.h5");
}

/* ---- all the tokens ---- */
static void tokens_are_kept(const plan *p, bool float16)
{
    static item_data d;
    const char *name = "/activations/attn_out/tokens";
    evoke_error err = {0};
    evk_h5 *f = NULL;
    size_t row = 0, wrong = 0;
    int32_t ids[MAX_T];
    int64_t offsets[2];
    static uint16_t halves[MAX_T * L * D];
    static float x[MAX_T * L * D], y[MAX_T * L * D];
    if (!check(evk_h5_open(path, &f, &err) == EVOKE_OK, "%s", err.text))
        return;
    for (size_t i = 0; i < NS; row += p->n_ids[i++] + N_PREDICT) {
        make_item(p, i, &d);
        const size_t n = d.item.n_token;
        check(evk_h5_read(f, "/tokens/ids", EVK_H5_I32, &row, &n, ids, &err) == EVOKE_OK &&
              memcmp(ids, p->all_ids[i], n * sizeof *ids) == 0, "ids of prompt %zu", i);
        check(evk_h5_read(f, "/tokens/offsets", EVK_H5_I64, (size_t[]){ i / S, i % S, 0 }, (size_t[]){ 1, 1, 2 }, offsets, &err)
              == EVOKE_OK && offsets[0] == (int64_t)row && offsets[1] == (int64_t)(row + n), "offsets of prompt %zu", i);
        check(evk_h5_read(f, name, EVK_H5_F32, (size_t[]){ row, 0, 0 }, (size_t[]){ n, L, D }, x, &err) == EVOKE_OK, "%s", err.text);
        if (!float16) {
            wrong += memcmp(x, d.values[1], n * L * D * sizeof *x) != 0;
            continue;
        }
        /* HDF5's own conversion to float16, which rounds to nearest, is the reference */
        evk_h5 *g = NULL;
        check(evk_h5_create(FOLDER "/half.h5", &g, &err) == EVOKE_OK &&
              evk_h5_write(g, "/x", EVK_H5_F32, 1, (size_t[]){ n * L * D }, d.values[1], &err) == EVOKE_OK &&
              evk_h5_commit(g, &err) == EVOKE_OK && evk_h5_open(FOLDER "/half.h5", &g, &err) == EVOKE_OK &&
              evk_h5_read(g, "/x", EVK_H5_F16, NULL, NULL, halves, &err) == EVOKE_OK, "%s", err.text);
        evk_h5_free(g);
        check(evk_h5_read(f, name, EVK_H5_F16, (size_t[]){ row, 0, 0 }, (size_t[]){ n, L, D }, y, &err) == EVOKE_OK, "%s", err.text);
        wrong += memcmp(halves, y, n * L * D * 2) != 0;
    }
    check(wrong == 0, "tokens of %zu prompts are not those that were written", wrong);
    evk_h5_free(f);
    unlink(FOLDER "/half.h5");
}

/* 65519.996 is the largest float32 that rounds to float16's largest; a prompt that does not fit is not done. */
static void too_large_for_float16(const plan *p)
{
    static item_data d;
    evoke_error err = {0};
    evk_store_writer *w = NULL;
    if (!check(evk_store_write_open(path, &p->spec, &w, &err) == EVOKE_OK, "%s", err.text))
        return;
    make_item(p, 0, &d);
    d.values[1][0][4] = -65519.996f;
    check(evk_store_write(w, &d.item, 1, &err) == EVOKE_OK, "%s", err.text);
    make_item(p, 1, &d);
    d.values[1][0][4] = -65520;
    check(evk_store_write(w, &d.item, 1, &err) == EVOKE_EDATA && strstr(err.text, "-65520 does not fit float16"), "%s", err.text);
    check(evk_store_write_done(w, 0, 0) && !evk_store_write_done(w, 0, 1), "done");
    evk_store_write_free(w);
}

/* ---- continuing ---- */
/* Of which no reader would open the file; nor more than there is room for. */
static void no_layer_is_chosen_twice(const plan *p)
{
    static int32_t layers[5000];
    static const size_t counts[] = { 2, 5000 };
    evoke_error err = {0};
    evoke_store *s = NULL;
    check(evoke_store_open(path, &s, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        layers[i] = p->spec.layers[0];
    for (size_t i = 0; s && i < 2; i++)
        check(evoke_store_select(s, &(evoke_store_choice){ .layers = layers, .n_layers = counts[i] }, FOLDER "/twice.h5", NULL, NULL, &err) ==
              EVOKE_EARG && strstr(err.text, "twice") && access(FOLDER "/twice.h5", F_OK) != 0, "%zu times: %s", counts[i], err.text);
    evoke_store_free(s);
}

/* A part of a store, and a table, are whole or not there. */
static void a_part_can_be_stopped(void)
{
    static const char *const parts[] = { FOLDER "/part.h5", FOLDER "/part.npy", FOLDER "/part.csv" };
    evoke_error err = {0};
    evoke_store *s = NULL;
    uint64_t most = 1;
    const evoke_progress progress = { stop_at, &most };
    check(evoke_store_open(path, &s, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; s && i < 3; i++) {
        const evoke_store_choice all = { 0 };
        const evoke_status st = i == 0 ? evoke_store_select(s, &all, parts[i], NULL, &progress, &err)
                                       : evoke_store_table(s, &all, parts[i], &progress, &err);
        check(st == EVOKE_EINTERRUPTED && strstr(err.text, "interrupted after 1 of"), "%s: %s", parts[i], err.text);
        check(access(parts[i], F_OK) != 0, "%s is there", parts[i]);
    }
    evoke_store_free(s);
}

static void refuses(const plan *p, const char *why)
{
    evoke_error err = {0};
    evk_store_writer *w = NULL;
    check(evk_store_write_open(path, &p->spec, &w, &err) == EVOKE_EDATA && !w, "%s is another extraction", why);
    check(strstr(err.text, why) && strstr(err.text, path), "names %s: %s", why, err.text);
    evk_store_write_free(w);
}

static void another_extraction_is_refused(void)
{
    static plan p;
    make_plan(&p), p.spec.model_sha256 = "4567", refuses(&p, "model_sha256");
    make_plan(&p), p.spec.d_model = 4, refuses(&p, "d_model");
    make_plan(&p), p.spec.recipe = "greedy; wording B", refuses(&p, "wording B");
    make_plan(&p), p.spec.n_predict = 5, refuses(&p, "n_predict");
    make_plan(&p), p.settings[1] = "state", refuses(&p, "/settings, entry 1,");
    make_plan(&p), p.emotions[2] = "anger", refuses(&p, "/emotions, entry 2,");
    make_plan(&p), p.sites[1] = EVOKE_MLP_OUT, refuses(&p, "/sites, entry 1,");
    make_plan(&p), p.spec.n_span = 1, refuses(&p, "/spans");
    make_plan(&p), p.layers[1] = 6, refuses(&p, "/layers, entry 1,");
    make_plan(&p), p.queries[3].text = "quatre", refuses(&p, "/queries/text, entry 3,");
    make_plan(&p), p.queries[3].id = "iv", refuses(&p, "/queries/id, entry 3,");
    make_plan(&p), p.queries[3].emotion = 2, refuses(&p, "/queries/emotion, entry 3,");
    make_plan(&p), p.prompts[7] = "another", refuses(&p, "/prompts/text, entry 7,");
    make_plan(&p), p.all_ids[1][0] = 7, refuses(&p, "/tokens/ids, entry");
    make_plan(&p), p.n_ids[9] = 6, refuses(&p, "/tokens/ids");
    make_plan(&p), p.spec.n_query = 4, refuses(&p, "/queries/text has 5 entries");
    make_plan(&p), p.spec.store_tokens = false, refuses(&p, "every token");
    make_plan(&p), p.spec.float16 = true, refuses(&p, "/tokens is of another form");
    make_plan(&p), p.spec.n_query = 0;
    evk_store_writer *w = NULL;
    check(evk_store_write_open(path, &p.spec, &w, NULL) == EVOKE_EARG && !w, "no queries");
}

static void one_writer_many_readers(const plan *p)
{
    evoke_error err = {0};
    evk_store_writer *w = NULL, *second = NULL;
    evoke_store *s = NULL;
    static item_data d;
    check(evk_store_write_open(FOLDER "/lock.h5", &p->spec, &w, &err) == EVOKE_OK, "%s", err.text);
    check(evk_store_write_open(FOLDER "/lock.h5", &p->spec, &second, &err) == EVOKE_EBUSY && !second, "%s", err.text);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0)
        _exit(evk_store_write_open(FOLDER "/lock.h5", &p->spec, &second, &err) != EVOKE_EBUSY);
    int how = -1;
    waitpid(child, &how, 0);
    check(how == 0, "another process is kept out");
    check(evoke_store_open(FOLDER "/lock.h5", &s, &err) == EVOKE_OK && evoke_store_describe(s)->n_done == 0, "%s", err.text);
    evoke_store_free(s);
    check(w && write_one(p, w, 3, &err), "%s", err.text);
    check(evoke_store_open(FOLDER "/lock.h5", &s, &err) == EVOKE_OK && evoke_store_describe(s)->n_done == 1 &&
          evk_store_done(s, 1, 1) && !evk_store_done(s, 1, 0), "a reader sees what is done so far: %s", err.text);
    evoke_store_free(s);
    make_item(p, 3, &d);
    check(w && evk_store_write(w, &d.item, 1, &err) == EVOKE_EARG, "what is done is not written again: %s", err.text);
    make_item(p, 4, &d);
    d.item.n_token = p->n_ids[4] + N_PREDICT + 1;
    check(w && evk_store_write(w, &d.item, 1, &err) == EVOKE_EARG, "a response too long: %s", err.text);
    make_item(p, 4, &d);
    d.item.query = N;
    check(w && evk_store_write(w, &d.item, 1, &err) == EVOKE_EARG, "no such query: %s", err.text);
    evk_store_write_free(w);
    check(evk_store_write_open(FOLDER "/lock.h5", &p->spec, &w, &err) == EVOKE_OK && evk_store_write_done(w, 1, 1) &&
          !evk_store_write_done(w, 1, 0), "the lock goes with the writer: %s", err.text);
    evk_store_write_free(w);
    unlink(FOLDER "/lock.h5");
}

/* ---- killed at any moment ---- */
/* The child: writes what is not done, in a random order, telling the pipe of each item before and after. */
static void write_slowly(const plan *p, int tell, uint64_t seed)
{
    evoke_error err = {0};
    evk_store_writer *w = NULL;
    evk_random r;
    evk_random_stream(&r, seed, 1);
    if (evk_store_write_open(FOLDER "/killed.h5", &p->spec, &w, &err) != EVOKE_OK) {
        printf("# %s\n", err.text);
        _exit(2);
    }
    for (size_t k = 0, start = evk_random_below(&r, NS); k < NS; k++) {
        const unsigned char i = (unsigned char)((start + 3 * k) % NS);
        if (evk_store_write_done(w, i / S, i % S))
            continue;
        usleep((useconds_t)evk_random_below(&r, 6000));
        if (!write_one(p, w, i, &err) || write(tell, &i, 1) != 1)
            _exit(3);
    }
    evk_store_write_free(w);
    _exit(0);
}

static void killed_writers_lose_nothing(const plan *p)
{
    size_t times[NS] = {0}, n_killed = 0, n_valid = 0, n_opened = 0;
    evk_random r;
    evk_random_stream(&r, 2025, 0);
    for (uint64_t round = 0; round < 500 && n_killed < 20; round++) {
        int ends[2], how = 0;
        unsigned char i;
        evoke_error err = {0};
        evoke_store *s = NULL;
        if (!check(pipe(ends) == 0, "pipe"))
            return;
        fflush(stdout);
        const pid_t child = fork();
        if (child == 0)
            write_slowly(p, ends[1], round);
        close(ends[1]);
        for (int wait = 0; round % 4 && wait < 20000 && access(FOLDER "/killed.h5", F_OK) != 0; wait++)
            usleep(500);                        /* one in four may die before there is a file */
        usleep((useconds_t)evk_random_below(&r, 50000));
        kill(child, SIGKILL);
        waitpid(child, &how, 0);
        while (read(ends[0], &i, 1) == 1)
            times[i]++;
        close(ends[0]);
        n_killed += WIFSIGNALED(how);
        check(WIFSIGNALED(how) || WEXITSTATUS(how) == 0, "the writer ends with %d", how);
        if (access(FOLDER "/killed.h5", F_OK) == 0) {
            n_opened++;
            n_valid += evoke_store_open(FOLDER "/killed.h5", &s, &err) == EVOKE_OK;
            size_t told = 0;
            for (size_t k = 0; k < NS; k++)
                told += times[k] > 0;
            check(s && told <= evoke_store_describe(s)->n_done, "what was told done is done: %s", err.text);
            if (s && evoke_store_describe(s)->n_done == NS && n_killed < 20) {      /* all done too soon: again */
                unlink(FOLDER "/killed.h5");
                memset(times, 0, sizeof times);
            }
        }
        evoke_store_free(s);
    }
    check(n_killed == 20 && n_valid == n_opened && n_opened > 5, "%zu killed, %zu of %zu files valid", n_killed, n_valid, n_opened);
    write_all(p, FOLDER "/killed.h5");
    for (size_t k = 0; k < NS; k++)
        check(times[k] <= 1, "item %zu was written and told done %zu times", k, times[k]);
    check(system("cmp " FOLDER "/killed.h5 " FOLDER "/store.h5") == 0, "the bytes are those of an undisturbed store");
    check(system("rm -f " FOLDER "/killed.h5*") == 0, "remove");
}

/* ---- files of other programs ---- */
static void write_foreign(int what)
{
    evk_h5 *f = NULL;
    float x[2 * 2 * 3 * 4];
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)i;
    const char *const emotions[2] = { "joy", what == 1 ? "joy" : "fear" }, *const settings[2] = { "neutral", "emotion" };
    const int64_t index[2] = { what == 2 ? 2 : 1, what == 3 ? -2 : what == 4 ? INT64_MAX : 0 };
    const int64_t offsets[8] = { 0, 3, 3, 6, 6, 9, 9, what == 5 ? 13 : 12 };
    const int64_t span[8] = { 0, 3, 0, 3, 0, 2, what == 6 ? -1 : 1, what == 7 ? 4 : 3 };
    const uint8_t done[4] = { 1, 1, 1, 0 };
    const float norms[12 * 3] = { 1, 2, NAN, 3, 4, 5 };
    evoke_error err = {0};
    bool ok = evk_h5_create(path, &f, &err) == EVOKE_OK &&
        evk_h5_write(f, "/activations/resid_post/query", EVK_H5_F32, 4, (size_t[]){ 2, 2, 3, 4 }, x, &err) == EVOKE_OK &&
        evk_h5_write(f, "/activations/resid_post/last", EVK_H5_F32, 4, (size_t[]){ 2, 2, what == 8 ? 1 : 3, 4 }, x, &err)
            == EVOKE_OK &&
        evk_h5_write_strings(f, "/emotions", 1, (size_t[]){ 2 }, emotions, &err) == EVOKE_OK &&
        evk_h5_write_strings(f, "/settings", 1, (size_t[]){ what == 9 ? 1 : 2 }, settings, &err) == EVOKE_OK &&
        evk_h5_write(f, "/queries/emotion", EVK_H5_I64, 1, (size_t[]){ what == 10 ? 1 : 2 }, index, &err) == EVOKE_OK &&
        evk_h5_write(f, "/activations/resid_post/token_norms", EVK_H5_F32, 2, (size_t[]){ 12, 3 }, norms, &err) == EVOKE_OK &&
        evk_h5_write(f, "/tokens/offsets", EVK_H5_I64, 3, (size_t[]){ 2, 2, 2 }, offsets, &err) == EVOKE_OK &&
        evk_h5_write(f, "/tokens/query", EVK_H5_I64, 3, (size_t[]){ 2, 2, 2 }, span, &err) == EVOKE_OK &&
        (what < 5 || evk_h5_write(f, "/progress/done", EVK_H5_U8, 2, (size_t[]){ 2, 2 }, done, &err) == EVOKE_OK);
    ok = ok && evk_h5_commit(f, &err) == EVOKE_OK;
    check(ok, "%s", err.text);
}

static void foreign_files(void)
{
    evoke_error err = {0};
    evoke_store *s = NULL;
    float norms[3] = {0};
    write_foreign(0);
    if (check(evoke_store_open(path, &s, &err) == EVOKE_OK, "%s", err.text)) {
        check(evoke_store_describe(s)->n_done == 4 && evk_store_done(s, 1, 1), "all done where there is no /progress");
        check(evoke_store_layer(s, 2) == 2 && evk_store_emotion_of(s, 0) == 1 && !evk_store_query_id(s, 0), "defaults");
        check(evk_store_median_norms(s, EVOKE_RESID_POST, EVOKE_SPAN_QUERY, norms, &err) == EVOKE_OK, "%s", err.text);
        check(norms[0] == 0 && norms[2] == 0, "what is not finite is left out");
        check(evk_store_median_norms(s, EVOKE_RESID_POST, EVOKE_SPAN_LAST, norms, &err) == EVOKE_OK, "%s", err.text);
        check(fabs((double)norms[0] - (sqrt(12*12.+13*13+14*14+15*15) + sqrt(24*24.+25*25+26*26+27*27)) / 2) < 1e-4,
              "without bounds, of the means: %g", (double)norms[0]);
    }
    evoke_store_free(s);
    for (int what = 1; what <= 10; what++) {
        write_foreign(what);
        s = NULL;
        evoke_status st = evoke_store_open(path, &s, &err);
        if (what >= 5 && what <= 7) {
            check(st == EVOKE_OK && evk_store_median_norms(s, EVOKE_RESID_POST, EVOKE_SPAN_QUERY, norms, &err) == EVOKE_OK,
                  "rows of what is not done are not looked at, case %d: %s", what, err.text);
            s->done[3] = 1;
            st = evk_store_median_norms(s, EVOKE_RESID_POST, EVOKE_SPAN_QUERY, norms, &err);
        }
        check(st == EVOKE_EFORMAT && strstr(err.text, path), "case %d: %s", what, err.text);
        evoke_store_free(s);
    }
    unlink(path);
}

static void full_disk(const plan *p)
{
    static const char folder[] = FOLDER "/small";
    evoke_error err = {0};
    evk_store_writer *w = NULL;
    plan large = *p;
    mkdir(folder, 0777);
    if (mount("tmpfs", folder, "tmpfs", 0, "size=1m") != 0) {
        check_skip("a store on a full disk", "no right to mount a small file system");
        rmdir(folder);
        return;
    }
    large.spec.d_model = 1 << 15;
    check(evk_store_write_open(FOLDER "/small/store.h5", &large.spec, &w, &err) == EVOKE_EIO && !w, "told when created");
    check(strstr(err.text, "No space left") && strstr(err.text, "small/store.h5"), "%s", err.text);
    check(rmdir(FOLDER "/small/x") != 0 && system("test -z \"$(ls -A " FOLDER "/small)\"") == 0, "nothing is left");
    evk_store_write_free(w);
    umount(folder);
    rmdir(folder);
}

int main(void)
{
    static plan p;
    make_plan(&p);
    if (system("rm -rf " FOLDER) != 0 || mkdir(FOLDER, 0777) != 0)
        return 1;
    write_all(&p, path);
    comes_back(&p);
    norms_are_medians(&p);
    no_layer_is_chosen_twice(&p);
    a_part_can_be_stopped();
    tokens_are_kept(&p, false);
    another_extraction_is_refused();
    one_writer_many_readers(&p);
    killed_writers_lose_nothing(&p);
    a_sink_is_seen();
    unlink(path);
    p.spec.float16 = true;
    write_all(&p, path);
    tokens_are_kept(&p, true);
    unlink(path);
    too_large_for_float16(&p);
    unlink(path);
    foreign_files();
    full_disk(&p);
    check(rmdir(FOLDER) == 0, "nothing is left");
    return check_done();
}
