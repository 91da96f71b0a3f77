/* experiments/cmd_bench.c: how fast a model runs on this machine, each figure beside the bound that it is held against.
 *
 * What multiplies many tokens at once is bound by arithmetic (exact: OpenBLAS's sgemm at the same shapes; fast: integer dot
 * products), what makes one token after the other by reading the weights from memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "experiments/bench_kernels.h"
#include "experiments/json_out.h"
#include "experiments/options.h"
#include "experiments/progress.h"
#include "experiments/restart.h"

static const struct poptOption own[] = {
    { "kernels", 0, POPT_ARG_NONE, NULL, OPT_KERNELS, "each kernel instead, by instruction set; needs no model", NULL },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "-m MODEL [-t N] [--json] | --kernels [--isa NAME] [--json]",
    .about = "First the machine, at the model's own shapes: OpenBLAS's sgemm and this program's products by number of tokens,\n"
             "integer dot products, memory, with one thread and with all. Then extraction, prompts of 512 tokens, one stream of\n"
             "generated tokens and 32 at once, unsteered and steered, exact and fast: tokens a second, and the share of the\n"
             "bound. With --kernels every kernel alone, on one thread, its operands in cache, by each instruction set of this CPU:\n"
             "how many times the portable code's rate the best of them has (or --isa), and the share of what its units or the\n"
             "cache allow. Measure only when nothing else runs.\n"
             "  --json: {\"cpu\", \"isa\", \"blas_core\", \"threads\", \"machine\": {\"sgemm_gflops\", \"read_gb_s\", ...},\n"
             "          \"extract\": {\"tokens_per_s\", \"bound_tokens_per_s\", \"share\", ...}, \"prompt\", \"generate\", \"batched\",\n"
             "          \"work\": [all of them], \"peak_rss_mb\", \"load\"}, and \"left_out\": what cannot be run with the model, and why;\n"
             "          with --kernels {\"cpu\", \"caches_gb_s\", \"peaks\": [{\"isa\", \"floats_gflops\", \"integers_gops\"}],\n"
             "          \"kernels\": [{\"kernel\", \"isa\", \"rate\", \"unit\", \"times_ref\", \"bound\", \"share\", ...}]}",
    .examples = "  evoke bench -m model.gguf\n"
                "  evoke bench --kernels --isa avx2\n",
    .own = own,
    .groups = { { "Model:", options_model } },
};

enum { N_PROMPT = 512, N_START = 16, N_SINGLE = 96, N_BATCH = 32, N_EACH = 32, N_QUERY = 32, MOST_WORK = 24, REPEATS = 3 };
static const double BUSY = 0.5;         /* processes that run */
static const double MOST_SECONDS = 8;   /* of all runs of one kind of work, but the first: a slow machine is done in two minutes too */

enum { MOST_PATH = 4200 };
typedef struct work { const char *what; evoke_compute compute; bool steered; double rate, bound; const char *bound_by; } work;
typedef struct machine { evoke_compute compute; evoke_machine figures; } machine;

typedef struct bench {
    const options *o;
    evoke_model *m;
    evoke_compute compute;
    progress stops;                 /* shows nothing; asks whether a signal came */
    evoke_steering *steering;       /* NULL: there was no extraction to make vectors of */
    char store[MOST_PATH];
    machine machines[4];
    work done[MOST_WORK];
    size_t n_machine, n_done;
    double read;                    /* GB/s, the best reading of memory between the runs of one stream */
    double load;                    /* of the machine in the minute before */
    int32_t ids[N_PROMPT];
    char left_out[2 * sizeof(evoke_error)];     /* what, and why; "": nothing */
} bench;

static const evoke_machine *all_threads(const bench *b)
{
    return &b->machines[b->n_machine - 1].figures;
}

/* Notes a rate. many: several tokens at once, bound by arithmetic; logits: the share of tokens whose logits are computed. */
static void note(bench *b, const char *what, bool steered, double rate, bool many, double logits)
{
    const evoke_machine *f = all_threads(b);
    const double flop = f->layer_flop + logits * f->head_flop;
    const double peak = b->compute == EVOKE_FAST ? f->integers : f->sgemm[EVOKE_N_BATCH - 1];
    work *w = &b->done[b->n_done++];
    *w = (work){ what, b->compute, steered, rate, 0, "memory" };
    if (!many)
        w->bound = b->read * 1e9 / f->weight_bytes;
    else {
        w->bound = peak * 1e9 / flop;
        w->bound_by = b->compute == EVOKE_FAST && f->integers > 0 ? "integers" : "sgemm";
        if (b->compute == EVOKE_FAST && f->integers == 0)
            w->bound = f->sgemm[EVOKE_N_BATCH - 1] * 1e9 / flop;
    }
}

static void leave_out(bench *b, const char *what, const char *why)
{
    const size_t used = strlen(b->left_out);
    if (!strstr(b->left_out, what))         /* exact has said so already */
        snprintf(b->left_out + used, sizeof b->left_out - used, "%s%s, as %s", used ? "; " : "", what, why);
}

/* ---- what is run ---- */

static evoke_status go_on(evoke_error *err)
{
    return interrupted() ? fail(err, EVOKE_EINTERRUPTED, "bench: interrupted") : EVOKE_OK;
}

/* Whether to run something once more, that was begun at `begin` and run `done` times. */
static bool again(double begin, int done)
{
    return done < REPEATS && (done == 0 || (seconds_now() - begin) / done * (done + 1) < MOST_SECONDS);
}

static evoke_status run_prompt(bench *b, evoke_error *err)
{
    evoke_session *s = NULL;
    double best = 1e30;
    const size_t most = evoke_model_describe(b->m)->n_ctx, n = most < N_PROMPT ? most : N_PROMPT;
    evoke_status st = evoke_session_new(b->m, n, &s, err);
    const double first = seconds_now();
    for (int i = 0; st == EVOKE_OK && again(first, i); i++) {
        evoke_session_reset(s);
        const double begin = seconds_now();
        st = evoke_session_eval(s, b->ids, n, err);
        if (st == EVOKE_OK)
            st = go_on(err);
        best = seconds_now() - begin < best ? seconds_now() - begin : best;
    }
    evoke_session_free(s);
    if (st == EVOKE_OK)
        note(b, "prompt", false, (double)n / best, true, 1.0 / (double)n);
    return st;
}

/* Memory's rate varies with the machine's neighbours, so it is taken between the runs that are held against it. */
static evoke_status read_memory(bench *b, evoke_error *err)
{
    double read;
    const evoke_status st = evoke_measure_read(b->m, &read, err);
    b->read = st == EVOKE_OK && read > b->read ? read : b->read;
    return st;
}

/* n_seq sequences of n_each tokens, or of as many as the context has room for, after prompts of 16. */
static evoke_status run_generation(bench *b, const char *what, size_t n_seq, size_t n_each, bool steered, evoke_error *err)
{
    const size_t n_ctx = evoke_model_describe(b->m)->n_ctx, n_prompt = n_ctx < 2 * N_START ? n_ctx / 2 : N_START;
    evoke_request requests[N_BATCH];
    double best = 1e30, prompt = 1e30;
    const evoke_progress hook = progress_hook(&b->stops);
    evoke_status st = EVOKE_OK;
    if (n_each > n_ctx - n_prompt)
        n_each = n_ctx - n_prompt;
    if (n_each < 2) {
        leave_out(b, "generation", "the context has no room for two tokens after a prompt");
        return EVOKE_OK;
    }
    for (size_t i = 0; i < n_seq; i++)
        requests[i] = (evoke_request){ .ids = b->ids + i, .n_ids = n_prompt, .ignore_end = true,
                                       .steering = steered ? b->steering : NULL };
    const double first = seconds_now();
    b->read = 0;
    for (int i = 0; st == EVOKE_OK && (i % 2 || again(first, i / 2)); i++) {    /* with one token, which is the prompts' time, and with all */
        evoke_response responses[N_BATCH] = { { 0 } };
        if (n_seq == 1 && i % 2)
            st = read_memory(b, err);
        if (st != EVOKE_OK)
            break;
        double *least = i % 2 ? &best : &prompt;
        for (size_t k = 0; k < n_seq; k++)
            requests[k].n_predict = i % 2 ? n_each : 1;
        const double begin = seconds_now();
        st = evoke_generate(b->m, requests, n_seq, n_seq, NULL, NULL, &hook, responses, err);
        *least = seconds_now() - begin < *least ? seconds_now() - begin : *least;
        evoke_responses_free(responses, n_seq);
    }
    if (st == EVOKE_OK && best <= prompt)
        leave_out(b, what, "its tokens took no time beside the prompt's");
    else if (st == EVOKE_OK)
        note(b, what, steered, (double)(n_seq * (n_each - 1)) / (best - prompt), n_seq > 1, 1);
    return st;
}

/* Queries that differ enough, as a file: the library reads datasets from files. */
static evoke_status write_queries(char path[MOST_PATH - 8], const char *after, evoke_error *err)
{
    const char *folder = getenv("TMPDIR");
    if (!folder || !*folder || strlen(folder) > 4000)
        folder = "/tmp";
    snprintf(path, MOST_PATH - 8, "%s/evoke-bench-XXXXXX", folder);
    const int fd = mkstemp(path);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f)
        return fail(err, EVOKE_EIO, "bench: cannot make a file (%s)", folder);
    for (int i = 0; i < N_QUERY; i++)
        fprintf(f, "{\"text\": \"Tell me what happened on day %d%s.\", \"emotion\": \"%s\"}\n", i, after, i % 2 ? "joy" : "fear");
    return fclose(f) == 0 ? EVOKE_OK : fail(err, EVOKE_EIO, "bench: cannot write (%s)", path);
}

static evoke_status extract(bench *b, const evoke_dataset *d, const evoke_settings *s, evoke_error *err)
{
    const evoke_span span = EVOKE_SPAN_QUERY;
    const evoke_site sites[] = { EVOKE_RESID_POST, EVOKE_ATTN_OUT };
    const evoke_extract_options how = { .sites = sites, .n_sites = 2, .spans = &span, .n_spans = 1, .sampling = { .top_p = 1 } };
    const evoke_provenance made = { b->o->command_line, 0 };
    const evoke_progress hook = progress_hook(&b->stops);
    evoke_extract_report best = { 0 };
    evoke_status st = EVOKE_OK;
    const double first = seconds_now();
    for (int i = 0; st == EVOKE_OK && again(first, i); i++) {
        evoke_extract_report r = { 0 };
        unlink(b->store);
        st = evoke_extract(b->m, d, s, &how, b->store, &made, &hook, &r, err);
        if (st == EVOKE_OK)
            st = go_on(err);
        if (i == 0 || r.run_seconds < best.run_seconds)
            best = r;
    }
    if (st == EVOKE_OK)
        note(b, "extraction", false, (double)best.n_tokens_run / best.run_seconds, true, 0);
    return st;
}

/* Of queries that end in `after`. */
static evoke_status run_extraction(bench *b, const char *after, evoke_error *err)
{
    char queries[MOST_PATH - 8] = "";
    evoke_dataset *d = NULL;
    evoke_settings *s = NULL;
    evoke_status st = write_queries(queries, after, err);
    snprintf(b->store, sizeof b->store, "%s.h5", queries);
    if (st == EVOKE_OK)
        st = evoke_dataset_open(queries, &d, err);
    if (st == EVOKE_OK)
        st = evoke_settings_default(&s, err);
    if (st == EVOKE_OK)
        st = extract(b, d, s, err);
    evoke_dataset_free(d);
    evoke_settings_free(s);
    unlink(queries);
    return st;
}

static evoke_status make_steering(bench *b, evoke_error *err)
{
    evoke_store *store = NULL;
    evoke_vectors *v = NULL;
    const evoke_ev_options how = { .any_span = true };
    const evoke_strength joy = { "joy", 0.5 };
    evoke_ev_report r;
    evoke_status st = evoke_store_open(b->store, &store, err);
    if (st == EVOKE_OK)
        st = evoke_mean_difference(store, &how, NULL, &v, &r, err);
    const evoke_steer_options steer = { .vectors = v, .strengths = &joy, .n_strengths = 1, .site = EVOKE_RESID_POST,
                                        .positions = EVOKE_AT_ALL };
    if (st == EVOKE_OK)
        st = evoke_steering_new(b->m, &b->steering, err);
    if (st == EVOKE_OK)
        st = evoke_steering_add(b->steering, &steer, err);
    evoke_vectors_free(v);
    evoke_store_free(store);
    return st;
}

/* Extraction of queries that fit into the context, and from it a vector to steer by; or why there are none. */
static evoke_status run_extraction_that_fits(bench *b, evoke_error *err)
{
    static const char what[] = "extraction and steering";
    static const char *const endings[] = { ", where you went, and what you and the others saw there", "" };
    evoke_error why = { 0 };
    evoke_status st = EVOKE_EDATA;
    if (!evoke_model_tokenizer(b->m) || !evoke_model_template(b->m)) {
        leave_out(b, what, evoke_model_tokenizer(b->m) ? "the model has no chat template" : "the model has no tokenizer");
        return EVOKE_OK;
    }
    for (size_t i = 0; st == EVOKE_EDATA && i < sizeof endings / sizeof *endings; i++)
        st = run_extraction(b, endings[i], &why);
    if (st == EVOKE_OK)
        st = make_steering(b, err);
    else if (st != EVOKE_EDATA)
        *err = why;
    else {
        leave_out(b, what, why.text);
        st = EVOKE_OK;
    }
    unlink(b->store);
    return st;
}

static evoke_status run_all(bench *b, evoke_error *err)
{
    evoke_status st = run_extraction_that_fits(b, err);
    if (st == EVOKE_OK)
        st = run_prompt(b, err);
    for (int steered = 0; st == EVOKE_OK && steered <= (b->steering != NULL); steered++) {
        st = run_generation(b, "generation, one stream", 1, N_SINGLE, steered, err);
        if (st == EVOKE_OK)
            st = run_generation(b, "generation, 32 streams", N_BATCH, N_EACH, steered, err);
    }
    evoke_steering_free(b->steering);
    b->steering = NULL;
    return st;
}

static evoke_status measure(bench *b, evoke_error *err)
{
    const size_t n = evoke_model_describe(b->m)->n_threads;
    const evoke_progress hook = progress_hook(&b->stops);
    evoke_status st = EVOKE_OK;
    for (size_t threads = 1; st == EVOKE_OK && threads <= n; threads = threads < n ? n : n + 1) {
        b->machines[b->n_machine].compute = b->compute;
        st = evoke_measure_machine(b->m, threads, &hook, &b->machines[b->n_machine++].figures, err);
    }
    return st;
}

static evoke_status bench_one(bench *b, const char *path, evoke_compute compute, evoke_error *err)
{
    evoke_model_options how = { .isa = option_text(b->o, OPT_ISA), .compute = compute, .repack = true };
    evoke_status st = option_size(b->o, OPT_THREADS, 1, 4096, &how.n_threads, err);
    b->compute = compute;
    if (st == EVOKE_OK)
        st = evoke_model_open(path, &how, &b->m, err);
    for (size_t i = 0; st == EVOKE_OK && i < N_PROMPT; i++)
        b->ids[i] = (int32_t)((i * 7919 + 3) % evoke_model_describe(b->m)->n_vocab);
    if (st == EVOKE_OK)
        st = measure(b, err);
    if (st == EVOKE_OK)
        st = run_all(b, err);
    return st;
}

/* ---- what is said ---- */

static double peak_megabytes(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / 1000;
}

static void print_table(const bench *b)
{
    const evoke_model_info *i = evoke_model_describe(b->m);
    printf("%s: %s, %s weights, %s kernels, %zu threads; OpenBLAS with its kernels for %s\n\n%-34s", i->path, i->family, i->storage,
           i->isa, i->n_threads, evoke_blas_core(), "GFLOP/s, by tokens at once");
    for (size_t k = 0; k < EVOKE_N_BATCH; k++)
        printf("%8zu", b->machines[0].figures.batch[k]);
    printf("\n");
    for (size_t k = 0; k < b->n_machine; k++) {
        const evoke_machine *f = &b->machines[k].figures;
        const char *rows[] = { "OpenBLAS sgemm", "own products" };
        for (size_t row = b->machines[k].compute == EVOKE_EXACT ? 0 : 1; row < 2; row++) {
            printf("%-16s%-7s%zu thread%-3s", rows[row], row ? evoke_compute_name(b->machines[k].compute) : "", f->n_threads,
                   f->n_threads > 1 ? "s" : "");
            for (size_t n = 0; n < EVOKE_N_BATCH; n++)
                printf("%8.0f", row ? f->multiply[n] : f->sgemm[n]);
            printf("\n");
        }
        if (f->integers > 0)
            printf("integer products: %.0f GOP/s; ", f->integers);
        printf("memory: %.1f GB/s with %zu thread%s\n", f->read, f->n_threads, f->n_threads > 1 ? "s" : "");
    }
    printf("\n%-26s%-9s%-11s%12s%12s  %s\n", "", "", "", "tokens/s", "bound", "share");
    for (size_t k = 0; k < b->n_done; k++) {
        const work *w = &b->done[k];
        printf("%-26s%-9s%-11s%12.1f%12.0f  %.0f %% of %s\n", w->what, evoke_compute_name(w->compute),
               w->steered ? "steered" : "unsteered", w->rate, w->bound, 100 * w->rate / w->bound, w->bound_by);
    }
    if (*b->left_out)
        printf("left out: %s\n", b->left_out);
    printf("\npeak memory %.0f MB\n", peak_megabytes());
    if (b->load > BUSY)
        printf("the machine was busy (load %.1f in the minute before): these figures say little\n", b->load);
}

static json_t *numbers(const double *x, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_add(list, json_number(x[i]));
    return list;
}

static json_t *machine_json(const machine *m)
{
    const evoke_machine *f = &m->figures;
    json_t *o = json_object(), *batch = json_array();
    for (size_t k = 0; k < EVOKE_N_BATCH; k++)
        json_add(batch, json_count(f->batch[k]));
    json_put(o, "compute", json_string(evoke_compute_name(m->compute)));
    json_put(o, "threads", json_count(f->n_threads));
    json_put(o, "batch", batch);
    json_put(o, "sgemm_gflops", numbers(f->sgemm, EVOKE_N_BATCH));
    json_put(o, "multiply_gflops", numbers(f->multiply, EVOKE_N_BATCH));
    json_put(o, "integer_gops", json_number(f->integers));
    json_put(o, "read_gb_s", json_number(f->read));
    return o;
}

static json_t *work_json(const work *w)
{
    json_t *o = json_object();
    json_put(o, "what", json_string(w->what));
    json_put(o, "compute", json_string(evoke_compute_name(w->compute)));
    json_put(o, "steered", json_boolean(w->steered));
    json_put(o, "tokens_per_s", json_number(w->rate));
    json_put(o, "bound_tokens_per_s", json_number(w->bound));
    json_put(o, "bound", json_string(w->bound_by));
    json_put(o, "share", json_number(w->rate / w->bound));
    return o;
}

/* As the commands compute where nothing is said: what stores activations exactly, what writes text fast. */
static void put_usual(json_t *o, const bench *b)
{
    static const struct { const char *key, *what; evoke_compute compute; } usual[] = {
        { "extract", "extraction", EVOKE_EXACT }, { "prompt", "prompt", EVOKE_EXACT },
        { "generate", "generation, one stream", EVOKE_FAST }, { "batched", "generation, 32 streams", EVOKE_FAST },
    };
    for (size_t k = 0; k < sizeof usual / sizeof *usual; k++)
        for (size_t i = 0; i < b->n_done; i++)
            if (strcmp(b->done[i].what, usual[k].what) == 0 && b->done[i].compute == usual[k].compute && !b->done[i].steered)
                json_put(o, usual[k].key, work_json(&b->done[i]));
}

static evoke_status print_json(const bench *b, evoke_error *err)
{
    const evoke_model_info *info = evoke_model_describe(b->m);
    json_t *o = json_object(), *machines = json_array(), *done = json_array();
    char cpu[128];
    for (size_t i = 0; i < b->n_machine; i++)
        json_add(machines, machine_json(&b->machines[i]));
    for (size_t i = 0; i < b->n_done; i++)
        json_add(done, work_json(&b->done[i]));
    json_put(o, "cpu", json_string(cpu_name(cpu)));
    json_put(o, "isa", json_string(info->isa));
    json_put(o, "blas_core", json_string(evoke_blas_core()));
    json_put(o, "threads", json_count(info->n_threads));
    json_put(o, "model", json_text(info->path, strlen(info->path)));
    json_put(o, "machine", machine_json(&b->machines[info->n_threads > 1]));
    put_usual(o, b);
    if (*b->left_out)
        json_put(o, "left_out", json_text(b->left_out, strlen(b->left_out)));
    json_put(o, "machines", machines);
    json_put(o, "work", done);
    json_put(o, "peak_rss_mb", json_number(peak_megabytes()));
    json_put(o, "load", json_number(b->load));
    return json_print(stdout, o, 6, err);
}

static evoke_status run(const options *o, evoke_error *err)
{
    bench b = { .o = o };
    const char *path = NULL;
    getloadavg(&b.load, 1);         /* 0 where it cannot be told */
    progress_begin(&b.stops, true);
    evoke_status st = option_need(o, OPT_MODEL, "bench", &path, err);
    if (st == EVOKE_OK)
        st = bench_one(&b, path, EVOKE_EXACT, err);
    if (st == EVOKE_OK) {
        evoke_model_free(b.m);
        b.m = NULL;
        st = bench_one(&b, path, EVOKE_FAST, err);
    }
    if (st == EVOKE_EINTERRUPTED)           /* whatever was run: what it keeps is deleted, and no other command goes on from it */
        st = go_on(err);
    if (st == EVOKE_OK && o->json)
        st = print_json(&b, err);
    else if (st == EVOKE_OK)
        print_table(&b);
    evoke_model_free(b.m);
    return st;
}

/* A bound is what OpenBLAS can do here, not what it does by default where it does not know the CPU. */
static void use_faster_blas(const char **argv)
{
    const char *faster = evoke_blas_faster_core();
    if (faster && !getenv("OPENBLAS_CORETYPE"))
        restart_with("OPENBLAS_CORETYPE", faster, (char *const *)argv);
}

evoke_status cmd_bench(int argc, const char **argv, evoke_error *err)
{
    options o;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done && option_given(&o, OPT_KERNELS)) {
        st = bench_kernels(&o, err);
    } else if (st == EVOKE_OK && !o.done) {
        use_faster_blas(argv);
        st = run(&o, err);
    }
    options_free(&o);
    return st;
}
