/* experiments/cmd_sweep.c: a dataset under a grid of steerings and baselines, to a file that a kill does no harm to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/chat_input.h"
#include "experiments/journal.h"
#include "experiments/json_out.h"
#include "experiments/progress.h"
#include "experiments/shards.h"
#include "experiments/sweep.h"

static const struct poptOption own[] = {
    { "file", 'f', POPT_ARG_STRING, NULL, OPT_FILE, "queries: a dataset (JSON, JSON Lines), or text, one a line", "FILE" },
    { "limit", 0, POPT_ARG_STRING, NULL, OPT_LIMIT, "the first N queries of each emotion", "N" },
    { "n-samples", 0, POPT_ARG_STRING, NULL, OPT_N_SAMPLES, "responses to each query in each cell (default 1)", "K" },
    { "n-predict", 'n', POPT_ARG_STRING, NULL, OPT_N_PREDICT, "tokens at most (default 256)", "N" },
    { "settings", 0, POPT_ARG_STRING, NULL, OPT_SETTINGS,
      "how the baselines prompt and both ask for an emotion, JSON (default: built in, as data/settings.json)", "FILE" },
    { "raw", 0, POPT_ARG_NONE, NULL, OPT_RAW, "the query as it is: no chat template", NULL },
    { "system", 0, POPT_ARG_STRING, NULL, OPT_SYSTEM, "a system message before each (default: that of --settings)", "TEXT" },
    { "template", 0, POPT_ARG_STRING, NULL, OPT_TEMPLATE, "chat template instead of the model's own", "FILE" },
    { "stop", 0, POPT_ARG_STRING, NULL, OPT_STOP, "end at this text, itself left out; may be repeated", "TEXT" },
    { "ignore-eos", 0, POPT_ARG_NONE, NULL, OPT_IGNORE_EOS, "go on past the end token", NULL },
    { "ctx-size", 'c', POPT_ARG_STRING, NULL, OPT_CTX_SIZE, "tokens of prompt and response at most (default: the model's)",
      "N" },
    { "batch-size", 'b', POPT_ARG_STRING, NULL, OPT_BATCH_SIZE, "responses run together (default 32)", "N" },
    { "shard", 0, POPT_ARG_STRING, NULL, OPT_SHARD, SHARD_HELP, "I/N" },
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "the responses, JSON Lines; the same command continues it", "FILE" },
    POPT_TABLEEND
};
static const struct poptOption grid[] = {
    { "ev", 0, POPT_ARG_STRING, NULL, OPT_EV, "emotion vectors", "FILE" },
    { "emotions", 0, POPT_ARG_STRING, NULL, OPT_EMOTIONS, "all (default): those of the file, and base, EVbase; or a list",
      "LIST" },
    { "alphas", 0, POPT_ARG_STRING, NULL, OPT_ALPHAS, "strengths (default -1,0,1,2,4)", "LIST" },
    { "baselines", 0, POPT_ARG_STRING, NULL, OPT_BASELINES,
      "none (unsteered), prompt (the emotion asked for in the prompt), random (random vectors of the same length), both "
      "(prompt and vector)", "LIST" },
    { "steer-mode", 0, POPT_ARG_STRING, NULL, OPT_STEER_MODE, "of add, relative, renorm, ablate, clamp (default: add)", "LIST" },
    { "site", 0, POPT_ARG_STRING, NULL, OPT_SITE, "hook points (default: attn_out if held, else the file's first)", "LIST" },
    { "layers", 0, POPT_ARG_STRING, NULL, OPT_LAYERS, "all, or A-B,C,... counted from 0; may be repeated, one range each",
      "LIST" },
    { "positions", 0, POPT_ARG_STRING, NULL, OPT_POSITIONS, "all, prompt, response or last (default: last)", "WHICH" },
    { "less-base", 0, POPT_ARG_NONE, NULL, OPT_LESS_BASE, "take EVbase off each emotion vector first", NULL },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "-m MODEL -f QUERIES --ev VECTORS [--alphas LIST] [--baselines LIST] [options] -o R.jsonl",
    .about = "Responses to every query under every emotion, strength, mode, site and layer range, and under the baselines;\n"
             "one JSON object a line, with all that reproduces it. The default grid is the paper's. What is unsteered (alpha\n"
             "0, baseline none) is run once a query; 'evoke eval' counts it for every emotion. A killed or interrupted run is\n"
             "continued by the same command, and the file ends with the same bytes; other settings are refused.\n"
             "Random vectors come from PCG64([seed, 8, site, layer, emotion]), at the length that the emotion's vector has\n"
             "in that layer; mode clamp has none, for nothing says where the classes lie along them. prompt and both leave\n"
             "EVbase out: it has no name to ask for.\n"
             "With --shard I/N, I from 1, the I-th of N blocks of responses; 'evoke merge' joins them to the\n"
             "undivided run's bytes. Under mpirun every rank does a block, beside the file, and rank 0 joins them.",
    .examples = "  evoke sweep -m model.gguf -f data/queries_evaluation.jsonl --ev ev.h5 -o r.jsonl       (the paper's grid)\n"
                "  evoke sweep -m model.gguf -f queries.jsonl --ev ev.h5 --alphas 1,2 \\\n"
                "      --baselines none,prompt,random,both -o r.jsonl\n"
                "  evoke sweep -m model.gguf -f queries.jsonl --ev ev.h5 --emotions joy --steer-mode add,relative \\\n"
                "      --layers 5-14 --layers 15-24 -n 64 -o r.jsonl\n"
                "  evoke eval r.jsonl --ppl-model model.gguf\n",
    .own = own,
    .groups = { { "Model:", options_model }, { "Computing:", options_compute }, { "Grid:", grid },
                { "Sampling (default: --temp 0.6 --top-p 0.9):", options_sampling } },
};

typedef struct sweep {
    const options *o;
    const evoke_model *model;
    char model_sha256[65];
    sweep_grid grid;
    prompt_list queries;
    prompt_list asked;          /* [queries.n, n_emotion] in the emotion's setting; none where no cell asks so */
    evoke_settings *settings;
    responder responder;
    size_t n_samples, total;
    work_part part;
    size_t first, n;                            /* responses [first, first + n) of total are this process's */
    char whole_sha256[65];                      /* of what all responses are of, where divided */
    uint64_t n_tokens;
    const char *system;
    bool raw;
    journal file;
} sweep;

/* ---- a response ---- */
typedef struct place { size_t query, sample; const sweep_cell *cell; } place;

static place place_of(const sweep *s, size_t i)
{
    const size_t n = s->grid.n_cell;
    return (place){ i / (s->n_samples * n), i / n % s->n_samples, &s->grid.cells[i % n] };
}

static const prompt_line *prompt_of(const sweep *s, const place *p)
{
    return p->cell->asked ? &s->asked.lines[p->query * s->grid.n_emotion + p->cell->asked - 1] : &s->queries.lines[p->query];
}

static void ask(void *user, size_t i, evoke_request *r)
{
    const sweep *s = user;
    const place p = place_of(s, i);
    const evoke_ids *ids = &prompt_of(s, &p)->ids;
    r->ids = ids->ids;
    r->n_ids = ids->n;
    r->steering = p.cell->steering;
    r->sampling.stream = p.query * s->n_samples + p.sample;
}

static json_t *text_json(const char *text)
{
    return text ? json_text(text, strlen(text)) : json_null();
}

static void put_query(const sweep *s, const place *p, json_t *o)
{
    const prompt_line *query = &s->queries.lines[p->query];
    char number[32];
    snprintf(number, sizeof number, "%zu", p->query);
    json_put(o, "id", text_json(query->id ? query->id : number));
    json_put(o, "query", text_json(query->text));
    json_put(o, "query_emotion", text_json(query->emotion));
    json_put(o, "sample", json_count(p->sample));
    json_put(o, "emotion", text_json(p->cell->emotion));
    json_put(o, "alpha", json_number(p->cell->alpha));
    json_put(o, "baseline", json_string(p->cell->baseline));
    json_put(o, "variant", text_json(p->cell->variant));
    json_put(o, "prompt", text_json(prompt_of(s, p)->text));
    json_put(o, "system", text_json(s->system));
    json_put(o, "raw", json_boolean(s->raw));
}

/* Of the ids as they lie in memory: another template may make as many of them. */
static json_t *hash_prompt(const evoke_request *r)
{
    struct sha256_ctx sha;
    char text[65];
    sha256_init(&sha);
    sha256_update(&sha, r->n_ids * sizeof *r->ids, (const uint8_t *)r->ids);
    digest_text(&sha, text);
    return json_string(text);
}

static json_t *head(void *user, size_t i)
{
    const sweep *s = user;
    const place p = place_of(s, i);
    const evoke_model_info *model = evoke_model_describe(s->model);
    evoke_request r;
    json_t *o = json_object(), *stops = json_array();
    responder_request(&s->responder, i, &r, NULL);              /* all were tried before */
    for (size_t k = 0; k < s->responder.n_stops; k++)
        json_add(stops, text_json(s->responder.stops[k]));
    put_query(s, &p, o);
    json_put(o, "steering", p.cell->how ? json_incref(p.cell->how) : json_null());
    json_put(o, "seed", json_count(r.sampling.seed));
    json_put(o, "stream", json_count(r.sampling.stream));
    json_put(o, "sampling", sampling_json(&r.sampling));
    json_put(o, "n_prompt", json_count(r.n_ids));
    json_put(o, "prompt_sha256", hash_prompt(&r));
    json_put(o, "n_predict", json_count(r.n_predict));
    json_put(o, "stops", stops);
    json_put(o, "ignore_eos", json_boolean(r.ignore_end));
    json_put(o, "model", text_json(model->name));
    json_put(o, "model_sha256", json_string(s->model_sha256));
    json_put(o, "compute", json_string(evoke_compute_name(model->compute)));
    json_put(o, "isa", text_json(model->isa));
    json_put(o, "version", json_string(evoke_version()));
    return o;
}

static evoke_status take(void *user, size_t i, const evoke_response *r, const evoke_text *text, bool stopped, evoke_error *err)
{
    sweep *s = user;
    json_t *o = json_object();
    json_put(o, "text", json_text(text->data, text->n));
    json_put(o, "ids", json_ids(r->ids, r->n));
    json_put(o, "stop", json_string(evoke_stop_name(stopped ? EVOKE_STOP_STRING : r->stop)));
    s->n_tokens += r->n;
    return journal_add(&s->file, head(s, i), o, err);
}

/* ---- the file's lines: of a shard, what it is, then its responses ---- */
static json_t *line_head(void *user, size_t i)
{
    sweep *s = user;
    if (s->part.n_shards && i == 0)
        return responses_shard_head(s->part.shard, s->part.n_shards, s->total, s->whole_sha256);
    return head(s, s->first + i - (s->part.n_shards ? 1 : 0));
}

static evoke_status hash_whole(sweep *s, evoke_error *err)
{
    struct sha256_ctx sha;
    sha256_init(&sha);
    for (size_t i = 0; i < s->total; i++) {
        json_t *o = head(s, i);
        char *text = json_dumps(o, JSON_COMPACT);
        json_decref(o);
        if (!text)
            return fail(err, EVOKE_ENOMEM, "sweep: no memory for the JSON of a response");
        sha256_update(&sha, strlen(text) + 1, (const uint8_t *)text);
        free(text);
    }
    digest_text(&sha, s->whole_sha256);
    return EVOKE_OK;
}

static evoke_status choose_shard(sweep *s, evoke_error *err)
{
    s->n = s->total;
    if (s->part.n_shards == 0)
        return EVOKE_OK;
    evoke_shard_range(s->part.shard, s->part.n_shards, s->total, &s->first, &s->n);
    return hash_whole(s, err);
}

/* ---- setting up ---- */
static evoke_status open_settings(sweep *s, evoke_error *err)
{
    const char *path = option_text(s->o, OPT_SETTINGS);
    const evoke_status st = path ? evoke_settings_open(path, &s->settings, err) : evoke_settings_default(&s->settings, err);
    s->raw = option_given(s->o, OPT_RAW) || (st == EVOKE_OK && evoke_settings_raw(s->settings));
    s->system = option_text(s->o, OPT_SYSTEM);
    if (st == EVOKE_OK && !s->system)
        s->system = evoke_settings_system(s->settings);
    if (st == EVOKE_OK && s->raw && (s->system || option_given(s->o, OPT_TEMPLATE)))
        return fail(err, EVOKE_EARG, "sweep: without a template (--raw, or raw settings) there is no system message and no "
                    "--template");
    return st;
}

/* Every query in the setting of every emotion. EVbase has no name to ask for, and no cell that does. */
static evoke_status ask_in_settings(sweep *s, evoke_error *err)
{
    const size_t n = s->grid.n_emotion;
    evoke_status st = allocate(&s->asked.lines, s->queries.n * n, sizeof *s->asked.lines, err);
    for (size_t i = 0; st == EVOKE_OK && i < s->queries.n * n; i++) {
        evoke_text turn = { 0 };
        st = evoke_settings_ask(s->settings, "emotion", s->queries.lines[i / n].text, s->grid.emotions[i % n], &turn, err);
        s->asked.lines[i].text = turn.data;
        s->asked.n++;
    }
    return st == EVOKE_OK ? prompts_tokenize(&s->asked, s->model, s->raw, s->system, err) : st;
}

static evoke_status check_prompts(const sweep *s, evoke_error *err)
{
    for (size_t i = 0; i < s->total; i++) {
        evoke_error why = { EVOKE_OK, "" };
        evoke_request r;
        const evoke_status st = responder_request(&s->responder, i, &r, &why);
        if (st != EVOKE_OK)
            return fail(err, st, "%.900s (query %zu)", why.text, place_of(s, i).query + 1);
    }
    return EVOKE_OK;
}

static evoke_status count(sweep *s, evoke_error *err)
{
    size_t n = 0;
    if (__builtin_mul_overflow(s->queries.n * s->n_samples, s->grid.n_cell, &n) || n > SIZE_MAX / s->responder.n_predict)
        return fail(err, EVOKE_EARG, "sweep: the grid is too large");
    s->total = n;
    return EVOKE_OK;
}

static evoke_status read_inputs(sweep *s, evoke_error *err)
{
    const char *path = NULL, *whole = NULL;
    s->n_samples = 1;
    evoke_status st = option_need(s->o, OPT_MODEL, "sweep", &path, err);
    if (st == EVOKE_OK)
        st = option_need(s->o, OPT_FILE, "sweep", &path, err);
    if (st == EVOKE_OK)
        st = option_need(s->o, OPT_OUTPUT, "sweep", &whole, err);
    if (st == EVOKE_OK)
        st = template_check(s->o, err);
    if (st == EVOKE_OK)
        st = responder_read(s->o, &s->responder, err);
    if (st == EVOKE_OK)
        st = option_size(s->o, OPT_N_SAMPLES, 1, 1000000, &s->n_samples, err);
    if (st == EVOKE_OK)
        st = part_choose(s->o, whole, true, &s->part, err);
    if (st == EVOKE_OK)
        st = open_settings(s, err);
    if (st == EVOKE_OK)
        st = prompts_read(s->o, &s->queries, err);
    return st == EVOKE_OK ? sweep_grid_read(s->o, s->responder.sampling.seed, &s->grid, err) : st;
}

/* The first cell that is steered by nothing; or that none is steered. */
static void remark(const sweep *s)
{
    bool steered = false;
    for (size_t i = 0; i < s->grid.n_cell; i++) {
        const sweep_cell *c = &s->grid.cells[i];
        const char *idle = c->steering ? evoke_steering_idle(c->steering) : "";
        steered |= c->steering != NULL;
        if (*idle && !s->o->quiet) {
            say("sweep: %s at alpha %g changes nothing: %s", c->emotion, c->alpha, idle);
            return;
        }
    }
    if (!steered && !s->o->quiet)
        say("sweep: nothing is steered: every strength is 0");
}

static evoke_status prepare(sweep *s, evoke_error *err)
{
    evoke_status st = prompts_tokenize(&s->queries, s->model, s->raw, s->system, err);
    if (st == EVOKE_OK && sweep_asks(&s->grid))
        st = ask_in_settings(s, err);
    if (st == EVOKE_OK)
        st = sweep_grid_make(&s->grid, s->model, err);
    if (st == EVOKE_OK)
        st = count(s, err);
    if (st == EVOKE_OK)
        st = evoke_model_sha256(s->model, s->model_sha256, err);
    if (st == EVOKE_OK)
        remark(s);
    responder_use(&s->responder, s->model);
    s->responder.quiet = s->o->quiet;
    s->responder.in_order = true;
    s->responder.what = "sweep, tokens";
    s->responder.ask = ask;
    s->responder.take = take;
    s->responder.user = s;
    if (st == EVOKE_OK)
        st = check_prompts(s, err);
    return st == EVOKE_OK ? choose_shard(s, err) : st;
}

/* ---- running ---- */
static evoke_status summary(const sweep *s, size_t n, size_t before, double seconds, evoke_error *err)
{
    const double rate = seconds > 0 ? (double)s->n_tokens / seconds : 0;
    if (s->o->json) {
        json_t *o = json_object();
        json_put(o, "file", text_json(s->part.whole));
        json_put(o, "n_responses", json_count(n));
        json_put(o, "n_done_before", json_count(before));
        json_put(o, "n_queries", json_count(s->queries.n));
        json_put(o, "n_cells", json_count(s->grid.n_cell));
        json_put(o, "n_tokens", json_count(s->n_tokens));
        json_put(o, "time_s", json_number(seconds));
        json_put(o, "tokens_per_s", json_number(rate));
        return json_print(stdout, o, 9, err);
    }
    printf("responses   %zu: %zu queries x %zu cells", n, s->queries.n, s->grid.n_cell);
    if (s->n_samples > 1)
        printf(" x %zu samples", s->n_samples);
    if (part_to_merge(&s->part))
        printf(", shard %zu of %zu", s->part.shard, s->part.n_shards);
    if (before)
        printf(", %zu of them done before", before);
    printf("\ntokens      %llu\ntime        %.1f s, %.0f tokens/s\nfile        %s\n", (unsigned long long)s->n_tokens, seconds,
           rate, s->part.whole);
    if (part_to_merge(&s->part))
        printf("next        evoke merge, of all %zu shards\n", s->part.n_shards);
    else
        printf("next        evoke eval %s\n", s->part.whole);
    return EVOKE_OK;
}

/* This process's part; *before: responses that were there. */
static evoke_status run_part(sweep *s, size_t *before, evoke_error *err)
{
    const size_t above = s->part.n_shards ? 1 : 0;           /* lines before the first response */
    evoke_status st = journal_open(&s->file, s->part.path, s->n + above, line_head, s, err);
    if (st == EVOKE_OK && s->file.n < above)
        st = journal_add(&s->file, line_head(s, 0), json_object(), err);
    if (st != EVOKE_OK) {
        journal_free(&s->file);
        return st;
    }
    *before = s->file.n - above;
    st = responder_run(&s->responder, s->first + *before, s->first + s->n, err);
    if (st == EVOKE_EINTERRUPTED)
        fail(err, st, "sweep: interrupted, %zu of %zu responses are kept; the same command continues (%s)", s->file.n - above,
             s->n, s->part.path);
    if (st == EVOKE_OK)
        st = journal_close(&s->file, err);
    journal_free(&s->file);
    return st;
}

static evoke_status run(sweep *s, evoke_error *err)
{
    size_t before = 0;
    const double began = seconds_now();
    evoke_status st = s->part.idle ? EVOKE_OK : run_part(s, &before, err);
    uint64_t counts[RANKS_COUNTS] = { s->part.idle ? 0 : s->n, before, s->n_tokens };
    st = part_finish(s->o, &s->part, merge_responses, counts, st, err);
    s->n_tokens = counts[2];
    return st == EVOKE_OK && ranks_place() == 0 ? summary(s, counts[0], counts[1], seconds_now() - began, err) : st;
}

evoke_status cmd_sweep(int argc, const char **argv, evoke_error *err)
{
    options o = { 0 };
    sweep s = { .o = &o };
    evoke_model *m = NULL;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done) {
        st = read_inputs(&s, err);
        if (st == EVOKE_OK)
            st = options_open_model(&o, EVOKE_FAST, true, &m, err);
        s.model = m;
        if (st == EVOKE_OK)
            st = prepare(&s, err);
        if (st == EVOKE_OK)
            st = run(&s, err);
    }
    part_free(&s.part);
    sweep_grid_free(&s.grid);
    prompts_free(&s.queries);
    prompts_free(&s.asked);
    responder_free(&s.responder);
    evoke_settings_free(s.settings);
    evoke_model_free(m);
    options_free(&o);
    return st;
}
