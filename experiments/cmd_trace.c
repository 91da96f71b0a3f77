/* experiments/cmd_trace.c: one forward pass over given ids or text, every hook point to HDF5. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/encoders.h"
#include "experiments/json_out.h"
#include "experiments/progress.h"
#include "experiments/steering.h"

static const struct poptOption own[] = {
    { "ids", 0, POPT_ARG_STRING, NULL, OPT_IDS, "token ids: a JSON array, numbers, or @FILE with either", "LIST" },
    { "prompt", 'p', POPT_ARG_STRING, NULL, OPT_PROMPT, "text, tokenised as it is: no chat template", "TEXT" },
    { "token-types", 0, POPT_ARG_STRING, NULL, OPT_TOKEN_TYPES, "for an encoder: the segment of each id (default: all 0)",
      "LIST" },
    { "n-predict", 'n', POPT_ARG_STRING, NULL, OPT_N_PREDICT, "tokens to continue by, greedily (default 0)", "N" },
    { "sites", 0, POPT_ARG_STRING, NULL, OPT_SITES, "hook points to keep, with commas (default: all)", "LIST" },
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "the trace, HDF5", "FILE" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "-m MODEL (--ids LIST | -p TEXT) [-n N] -o TRACE.h5",
    .about = "One forward pass, and with -n a greedy continuation; what every hook point saw goes to HDF5:\n"
             "/ids [T], /<site> [T, L, D], /embed and /final_norm [T, D], /logits [T, V]; with -n also /generated [N]\n"
             "and /step_logits [N, V]. Steering acts as in 'generate'. Of an encoder: /embed [T, D], /hidden [T, L, D],\n"
             "/mean and /embedding [D], and where it has them /pooler [D], /logits [C] and the decoder's states.",
    .examples = "  evoke trace -m model.gguf -p \"The cat sat.\" -o trace.h5\n"
                "  evoke trace -m model.gguf --ids \"[1, 5, 9]\" -n 8 --sites resid_post,attn_out -o trace.h5\n"
                "  evoke trace -m model.gguf -p Hello --ev ev.h5 --alpha joy=2 --positions all -o steered.h5\n",
    .own = own,
    .groups = { { "Model:", options_model }, { "Computing:", options_compute }, { "Steering:", options_steering } },
};

static evoke_status read_ids(const options *o, const evoke_model *m, int32_t **ids, size_t *n, evoke_error *err)
{
    const char *prompt = option_text(o, OPT_PROMPT);
    if (option_given(o, OPT_IDS))
        return option_ids(o, OPT_IDS, ids, n, err);
    const evoke_tokenizer *t = evoke_model_tokenizer(m);
    if (!t)
        return fail(err, EVOKE_EDATA, "tokenise the prompt: the model has no tokenizer (give --ids)");
    evoke_ids tokens = { 0 };
    const evoke_status st = evoke_tokenize(t, prompt, strlen(prompt),
                                           EVOKE_TOKENIZE_ADD_SPECIAL | EVOKE_TOKENIZE_PARSE_SPECIAL, &tokens, err);
    if (st == EVOKE_OK) {
        *ids = tokens.ids;
        *n = tokens.n;
        tokens.ids = NULL;
    }
    evoke_ids_free(&tokens);
    return st;
}

static evoke_status report(const options *o, const evoke_trace_options *t, const char *path, evoke_error *err)
{
    if (!o->json) {
        printf("%zu tokens, %zu generated: %s\n", t->n_ids, t->n_predict, path);
        return EVOKE_OK;
    }
    json_t *result = json_object();
    json_put(result, "file", json_text(path, strlen(path)));
    json_put(result, "ids", json_ids(t->ids, t->n_ids));
    json_put(result, "n_generated", json_count(t->n_predict));
    return json_print(stdout, result, 9, err);
}

static evoke_status trace(const options *o, const char *path, evoke_error *err)
{
    evoke_model *m = NULL;
    evoke_steering *steering = NULL;
    steer_plan plan = { 0 };
    int32_t *ids = NULL;
    evoke_site *sites = NULL;
    evoke_trace_options t = { 0 };
    evoke_status st = options_sites(o, OPT_SITES, &sites, &t.n_sites, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_N_PREDICT, 0, 1000000, &t.n_predict, err);
    if (st == EVOKE_OK)
        st = steer_plan_read(o, STEER_BY_ALPHA, &plan, err);
    if (st == EVOKE_OK)
        st = options_open_model(o, EVOKE_EXACT, false, &m, err);
    if (st == EVOKE_OK)
        st = steer_plan_tune(&plan, m, o->quiet, err);
    if (st == EVOKE_OK)
        st = steer_plan_apply(&plan, m, &steering, err);
    if (st == EVOKE_OK)
        st = read_ids(o, m, &ids, &t.n_ids, err);
    if (st == EVOKE_OK && t.n_ids == 0)
        st = fail(err, EVOKE_EARG, "trace: there is no token to run");
    if (st == EVOKE_OK && !o->quiet)
        steer_plan_remark(&plan, steering, t.n_predict);
    if (st == EVOKE_OK) {
        const evoke_provenance made = { o->command_line, 0 };
        t.ids = ids;
        t.sites = sites;
        t.steering = steering;
        progress p;
        progress_begin(&p, o->quiet);
        const evoke_progress hook = progress_hook(&p);
        st = evoke_trace(m, &t, path, &made, &hook, err);
        progress_end(&p);
    }
    if (st == EVOKE_OK)
        st = report(o, &t, path, err);
    free(ids);
    free(sites);
    evoke_steering_free(steering);
    steer_plan_free(&plan);
    evoke_model_free(m);
    return st;
}

evoke_status cmd_trace(int argc, const char **argv, evoke_error *err)
{
    options o;
    const char *path = NULL;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done) {
        const bool ids = option_given(&o, OPT_IDS), prompt = option_given(&o, OPT_PROMPT);
        st = option_need(&o, OPT_OUTPUT, "trace", &path, err);
        if (st == EVOKE_OK && ids == prompt)
            st = fail(err, EVOKE_EARG, "trace: give %s (--ids LIST or -p TEXT)", ids ? "one of the two" : "something to run");
        const char *model = option_text(&o, OPT_MODEL);
        const bool encoder = st == EVOKE_OK && model && evoke_file_is_encoder(model);
        if (st == EVOKE_OK && !encoder && option_given(&o, OPT_TOKEN_TYPES))
            st = fail(err, EVOKE_EARG, "trace: --token-types goes with an encoder, and the model is none");
        if (st == EVOKE_OK)
            st = encoder ? trace_encoder(&o, path, err) : trace(&o, path, err);
    }
    options_free(&o);
    return st;
}
