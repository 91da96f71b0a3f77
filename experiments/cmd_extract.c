/* experiments/cmd_extract.c: a dataset in every setting through a model; span means of the activations to a store. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/chat_input.h"
#include "experiments/json_out.h"
#include "experiments/options.h"
#include "experiments/progress.h"
#include "experiments/shards.h"

static const struct poptOption own[] = {
    { "dataset", 'd', POPT_ARG_STRING, NULL, OPT_DATASET, "queries: JSON or JSON Lines", "FILE" },
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "the store, HDF5; an unfinished one is continued", "FILE" },
    { "settings", 0, POPT_ARG_STRING, NULL, OPT_SETTINGS, "how a query is asked: JSON (default: built in)", "FILE" },
    { "sites", 0, POPT_ARG_STRING, NULL, OPT_SITES, "hook points, with commas (default: resid_post)", "LIST" },
    { "span", 0, POPT_ARG_STRING, NULL, OPT_SPAN,
      "tokens to average: query, prompt, prompt_all, response, last; with commas (default: query)", "LIST" },
    { "layers", 0, POPT_ARG_STRING, NULL, OPT_LAYERS, "all, or A-B,C,... counted from 0 (default: all)", "LIST" },
    { "store", 0, POPT_ARG_STRING, NULL, OPT_STORE, "mean, or tokens: every token too (default: mean)", "WHAT" },
    { "float16", 0, POPT_ARG_NONE, NULL, OPT_FLOAT16, "with --store tokens: half precision", NULL },
    { "limit", 0, POPT_ARG_STRING, NULL, OPT_LIMIT, "the first N queries of each emotion only", "N" },
    { "shard", 0, POPT_ARG_STRING, NULL, OPT_SHARD, SHARD_HELP, "I/N" },
    { "n-predict", 'n', POPT_ARG_STRING, NULL, OPT_N_PREDICT, "span response: tokens to generate (default 32)", "N" },
    { "batch-size", 'b', POPT_ARG_STRING, NULL, OPT_BATCH_SIZE, "tokens run together (default 4096)", "N" },
    { "template", 0, POPT_ARG_STRING, NULL, OPT_TEMPLATE, "chat template instead of the model's own", "FILE" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "-m MODEL -d DATASET -o STORE.h5 [options]",
    .about = "Asks every query in every setting (neutral, emotion), runs the prompts, and writes the mean over a span of\n"
             "tokens at each hook point and layer: /activations/<site>/<span> [N, S, L, D]. Run the same command again\n"
             "to continue after an interruption. A dataset is an object emotion -> [queries], a list of queries, or\n"
             "objects with text, id, emotion, language; JSON or JSON Lines.\n"
             "Settings are {\"system\": text or null, \"settings\": {\"neutral\": \"{query}\", \"emotion\": \"...\"}}; with\n"
             "\"raw\": true their text is run as it is, without a chat template (data/settings_text.json).\n"
             "With --store tokens the size that the store will not exceed is told before anything is run (also with --json:\n"
             "\"most_bytes\"); it is taken from the disk at once.\n"
             "With --shard I/N, I from 1, the I-th of N blocks of queries; 'evoke merge' joins the N stores to the one that an\n"
             "undivided run writes. Interrupted (SIGINT, SIGTERM, SIGUSR1) it stops within seconds, with 130.\n"
             "Under mpirun every rank does a shard, beside the store, and rank 0 merges them.",
    .examples = "  evoke extract -m model.gguf -d queries.json -o acts.h5\n"
                "  evoke extract -m model.gguf -d queries.json -o acts.h5 --sites resid_post,attn_out --span query,response\n"
                "  evoke extract -m model.gguf -d queries.json -o few.h5 --limit 4 --layers 8-20\n"
                "  evoke extract -m model.gguf -d queries.json -o acts-2.h5 --shard 2/4\n",
    .own = own,
    .groups = { { "Model:", options_model }, { "Computing:", options_compute },
                { "Sampling of responses (default: greedy):", options_sampling } },
};

typedef struct job {
    evoke_model *model;
    evoke_dataset *dataset;
    evoke_settings *settings;
    evoke_site *sites;
    evoke_span *spans;
    int32_t *layers;
    evoke_extract_options how;
} job;

/* Every token of every layer is much: whoever waits should know before, not by a full disk. */
static void announce(void *user, uint64_t most_bytes)
{
    (void)user;
    say("the store%s will take at most %.2f %s", ranks_number() > 1 ? " of this rank" : "",
        ceil((double)most_bytes / (most_bytes < 1000000000 ? 1e4 : 1e7)) / 100, most_bytes < 1000000000 ? "MB" : "GB");
}

static evoke_status read_how(const options *o, job *j, evoke_error *err)
{
    const char *store = option_text(o, OPT_STORE);
    j->how.sampling = (evoke_sampling){ .top_p = 1 };
    j->how.n_predict = 32;
    evoke_status st = options_sites(o, OPT_SITES, &j->sites, &j->how.n_sites, err);
    if (st == EVOKE_OK)
        st = options_spans(o, &j->spans, &j->how.n_spans, err);
    if (st == EVOKE_OK)
        st = parse_layers(option_text(o, OPT_LAYERS), &j->layers, &j->how.n_layers, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_N_PREDICT, 1, 1000000, &j->how.n_predict, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_BATCH_SIZE, 1, 1 << 24, &j->how.batch_tokens, err);
    if (st == EVOKE_OK)
        st = options_sampling_read(o, &j->how.sampling, err);
    if (st == EVOKE_OK && store && strcmp(store, "mean") != 0 && strcmp(store, "tokens") != 0)
        st = fail(err, EVOKE_EARG, "read --store: '%s' is neither mean nor tokens", store);
    j->how.store_tokens = store && strcmp(store, "tokens") == 0;
    j->how.tokens_float16 = option_given(o, OPT_FLOAT16);
    if (st == EVOKE_OK && j->how.tokens_float16 && !j->how.store_tokens)
        st = fail(err, EVOKE_EARG, "extract: --float16 is for --store tokens (span means are always float32)");
    if (j->how.store_tokens && !o->quiet)
        j->how.on_size = announce;
    j->how.sites = j->sites;
    j->how.spans = j->spans;
    j->how.layers = j->layers;
    return st;
}

static evoke_status open_inputs(const options *o, const char *dataset, job *j, evoke_error *err)
{
    size_t limit = 0;
    const char *settings = option_text(o, OPT_SETTINGS);
    evoke_status st = option_size(o, OPT_LIMIT, 1, SIZE_MAX, &limit, err);
    if (st == EVOKE_OK)
        st = template_check(o, err);
    if (st == EVOKE_OK)
        st = evoke_dataset_open(dataset, &j->dataset, err);
    if (st == EVOKE_OK && limit)
        st = evoke_dataset_limit(j->dataset, limit, err);
    if (st == EVOKE_OK && evoke_dataset_count(j->dataset) == 0)
        st = fail(err, EVOKE_EDATA, "extract: the dataset holds no query (%s)", dataset);
    if (st == EVOKE_OK)
        st = settings ? evoke_settings_open(settings, &j->settings, err) : evoke_settings_default(&j->settings, err);
    if (st == EVOKE_OK)
        st = options_open_model(o, EVOKE_EXACT, true, &j->model, err);
    return st;
}

static evoke_status summary(const options *o, const work_part *part, const evoke_extract_report *r, evoke_error *err)
{
    const char *path = part->whole;
    const double rate = r->seconds > 0 ? (double)r->n_tokens_run / r->seconds : 0;
    if (o->json) {
        json_t *result = json_object();
        json_put(result, "file", json_text(path, strlen(path)));
        json_put(result, "n_prompts", json_count(r->n_prompts));
        json_put(result, "n_done_before", json_count(r->n_done_before));
        json_put(result, "n_tokens_run", json_count(r->n_tokens_run));
        json_put(result, "n_tokens_shared", json_count(r->n_tokens_shared));
        json_put(result, "n_generated", json_count(r->n_generated));
        json_put(result, "most_bytes", json_count(r->n_most_bytes));
        json_put(result, "time_s", json_number(r->seconds));
        json_put(result, "tokens_per_s", json_number(rate));
        return json_print(stdout, result, 9, err);
    }
    printf("prompts     %llu", (unsigned long long)r->n_prompts);
    if (r->n_done_before)
        printf(", %llu of them done before", (unsigned long long)r->n_done_before);
    printf("\ntokens      %llu run", (unsigned long long)r->n_tokens_run);
    if (r->n_generated)
        printf(" (%llu of them generated)", (unsigned long long)r->n_generated);
    printf(", %llu more shared by common beginnings", (unsigned long long)r->n_tokens_shared);
    printf("\ntime        %.1f s, %.0f tokens/s\nstore       %s\n", r->seconds, rate, path);
    if (part_to_merge(part))
        printf("next        evoke merge, of all %zu shards\n", part->n_shards);
    else
        printf("next        evoke ev %s -o ev.h5\n", path);
    return EVOKE_OK;
}

/* This process's part; r becomes that of all ranks. */
static evoke_status run(const options *o, const job *j, const work_part *part, evoke_extract_report *r, evoke_error *err)
{
    progress p;
    const evoke_provenance made = { o->command_line, j->how.sampling.seed };
    const double began = seconds_now();
    evoke_status st = EVOKE_OK;
    progress_begin(&p, o->quiet);
    const evoke_progress hook = progress_hook(&p);
    if (!part->idle)
        st = evoke_extract(j->model, j->dataset, j->settings, &j->how, part->path, &made, &hook, r, err);
    progress_end(&p);
    if (st == EVOKE_EINTERRUPTED)
        st = fail(err, st, "extract: interrupted, what was done is kept; the same command continues (%s)", part->whole);
    uint64_t counts[RANKS_COUNTS] = { r->n_prompts, r->n_done_before, r->n_tokens_run, r->n_tokens_shared, r->n_generated,
                                      r->n_most_bytes };
    st = part_finish(o, part, merge_stores, counts, st, err);
    *r = (evoke_extract_report){ .n_prompts = counts[0], .n_done_before = counts[1], .n_tokens_run = counts[2],
                                 .n_tokens_shared = counts[3], .n_generated = counts[4], .n_most_bytes = counts[5],
                                 .seconds = ranks_number() > 1 ? seconds_now() - began : r->seconds };
    return st;
}

static evoke_status extract(const options *o, const char *dataset, const char *path, evoke_error *err)
{
    job j = { 0 };
    work_part part = { 0 };
    evoke_extract_report r = { 0 };
    evoke_status st = read_how(o, &j, err);
    if (st == EVOKE_OK)
        st = part_choose(o, path, true, &part, err);
    j.how.shard = part.shard;
    j.how.n_shards = part.n_shards;
    if (st == EVOKE_OK)
        st = open_inputs(o, dataset, &j, err);
    if (st == EVOKE_OK)
        st = run(o, &j, &part, &r, err);
    if (st == EVOKE_OK && ranks_place() == 0)
        st = summary(o, &part, &r, err);
    evoke_model_free(j.model);
    evoke_settings_free(j.settings);
    evoke_dataset_free(j.dataset);
    free(j.sites);
    free(j.spans);
    free(j.layers);
    part_free(&part);
    return st;
}

evoke_status cmd_extract(int argc, const char **argv, evoke_error *err)
{
    options o = { 0 };
    const char *model = NULL, *dataset = NULL, *path = NULL;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done) {
        st = option_need(&o, OPT_MODEL, "extract", &model, err);
        if (st == EVOKE_OK)
            st = option_need(&o, OPT_DATASET, "extract", &dataset, err);
        if (st == EVOKE_OK)
            st = option_need(&o, OPT_OUTPUT, "extract", &path, err);
        if (st == EVOKE_OK)
            st = extract(&o, dataset, path, err);
    }
    options_free(&o);
    return st;
}
