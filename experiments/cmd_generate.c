/* experiments/cmd_generate.c: steered generation: one prompt, or a file of prompts, plainly or under every emotion. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/chat_input.h"
#include "experiments/generation.h"

static const struct poptOption own[] = {
    { "prompt", 'p', POPT_ARG_STRING, NULL, OPT_PROMPT, "one prompt", "TEXT" },
    { "file", 'f', POPT_ARG_STRING, NULL, OPT_FILE, "prompts: text, one a line; or a dataset (JSON, JSON Lines)", "FILE" },
    { "n-predict", 'n', POPT_ARG_STRING, NULL, OPT_N_PREDICT, "tokens at most (default 256)", "N" },
    { "raw", 0, POPT_ARG_NONE, NULL, OPT_RAW, "the prompt as it is: no chat template", NULL },
    { "system", 0, POPT_ARG_STRING, NULL, OPT_SYSTEM, "a system message before the prompt", "TEXT" },
    { "template", 0, POPT_ARG_STRING, NULL, OPT_TEMPLATE, "chat template instead of the model's own", "FILE" },
    { "stop", 0, POPT_ARG_STRING, NULL, OPT_STOP, "end at this text, itself left out; may be repeated", "TEXT" },
    { "n-samples", 0, POPT_ARG_STRING, NULL, OPT_N_SAMPLES, "responses to each prompt (default 1)", "K" },
    { "compare", 0, POPT_ARG_NONE, NULL, OPT_COMPARE,
      "each prompt unsteered and under every emotion of --ev (--alpha X or X,base=Y; default 1)", NULL },
    { "ignore-eos", 0, POPT_ARG_NONE, NULL, OPT_IGNORE_EOS, "go on past the end token", NULL },
    { "ctx-size", 'c', POPT_ARG_STRING, NULL, OPT_CTX_SIZE, "tokens of prompt and response at most (default: the model's)",
      "N" },
    { "batch-size", 'b', POPT_ARG_STRING, NULL, OPT_BATCH_SIZE, "tokens run together, one a response (default 32)", "N" },
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "write to a file instead of stdout", "FILE" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "-m MODEL (-p TEXT | -f FILE) [--ev VECTORS --alpha LIST] [options]",
    .about = "Generates under H <- H + sum_e alpha_e EV_e, as in arXiv 2502.04075. Where --ev comes without details, the\n"
             "steering is the authors' own: added at attn_out (where the file holds it), in all layers, at the last\n"
             "position of every pass. The prompt becomes a user turn of the model's chat template unless --raw.\n"
             "Several --ev: as many --alpha pair up with them in order; otherwise each name is looked up in all files.\n"
             "--layers, --site, --positions, --steer-mode, --ramp, --decay: once for all --ev, or once for each in order.\n"
             "--steer-mode: add; relative (alpha in units of the typical residual norm); renorm (add, keep the norm);\n"
             "ablate (remove the component along the EV); clamp (set it: 0 to where the neutral class's mean has it,\n"
             "1 to where the emotion's has, linear between and beyond; needs a file that evoke ev made).\n"
             "--json: one object a line: index, prompt, text, ids, logprobs, stop, n_prompt, emotion, alpha, steering,\n"
             "time_s and first_token_s (since the prompt's start), ...",
    .examples = "  evoke generate -m model.gguf -p \"How was your day?\" --temp 0\n"
                "  evoke generate -m model.gguf --ev ev.h5 --alpha joy=2 -p \"How was your day?\"\n"
                "  evoke generate -m model.gguf --ev ev.h5 --alpha joy=1,fear=-0.5 --site resid_post --layers 8-20 -p Hi\n"
                "  evoke generate -m model.gguf --ev ev.h5 --alpha joy=0:2 --ramp 16 --decay 100 -p \"How was your day?\"\n"
                "  evoke generate -m model.gguf --ev ev.h5 --alpha joy=1 --steer-mode clamp --site resid_post --layers 10-14 \\\n"
                "        --ev ev.h5 --alpha fear=1 --steer-mode ablate --site attn_out --layers all -p Hi\n"
                "  evoke generate -m model.gguf --ev ev.h5 --compare --alpha 2 -f queries.jsonl --json -o responses.jsonl\n",
    .own = own,
    .groups = { { "Model:", options_model }, { "Computing:", options_compute }, { "Steering:", options_steering },
                { "Sampling (default: --temp 0.6 --top-p 0.9):", options_sampling } },
};

/* ---- variants ---- */
static evoke_status add_variant(generation *g, const char *emotion, double alpha, evoke_error *err)
{
    variant *v = &g->variants[g->n_variants];
    v->emotion = strdup(emotion);
    v->alpha = alpha;
    if (!v->emotion)
        return fail(err, EVOKE_ENOMEM, "generate: no memory");
    g->n_variants++;
    return EVOKE_OK;
}

static evoke_status compare_variants(generation *g, evoke_error *err)
{
    size_t room = 1;
    for (size_t f = 0; f < g->plan->n_files; f++)
        room += evoke_vectors_describe(g->plan->files[f])->n_emotion;
    evoke_status st = allocate(&g->variants, room, sizeof *g->variants, err);
    if (st == EVOKE_OK)
        st = add_variant(g, "", 0, err);
    for (size_t f = 0; st == EVOKE_OK && f < g->plan->n_files; f++) {
        const size_t n = evoke_vectors_describe(g->plan->files[f])->n_emotion;
        for (size_t e = 0; st == EVOKE_OK && e < n; e++) {
            const char *name = evoke_vectors_emotion(g->plan->files[f], e);
            st = add_variant(g, name, g->plan->alpha, err);
            if (st != EVOKE_OK)
                break;
            variant *v = &g->variants[g->n_variants - 1];
            v->one = (strength){ v->emotion, v->alpha, f, v->alpha };
            st = steer_plan_apply_one(g->plan, g->model, f, name, v->alpha, &v->steering, err);
        }
    }
    return st;
}

/* "joy" for one strength; "joy=2,anger=-0.5" for several. */
static void label(const steer_plan *plan, char text[512], double *alpha)
{
    size_t used = 0;
    text[0] = '\0';
    *alpha = plan->n_strengths == 0 ? 0 : plan->n_strengths == 1 ? plan->strengths[0].alpha : 1;
    for (size_t i = 0; i < plan->n_strengths && used < 480; i++) {
        const strength *s = &plan->strengths[i];
        const char *name = steer_plan_name(plan, s);
        const int n = plan->n_strengths == 1 ? snprintf(text, 512, "%s", name)
                                       : snprintf(text + used, 512 - used, "%s%s=%g", i ? "," : "", name, s->alpha);
        used += n > 0 ? (size_t)n : 0;
    }
}

static evoke_status plain_variant(generation *g, evoke_error *err)
{
    char text[512];
    double alpha = 0;
    label(g->plan, text, &alpha);
    evoke_status st = allocate(&g->variants, 1, sizeof *g->variants, err);
    if (st == EVOKE_OK)
        st = add_variant(g, text, alpha, err);
    if (st == EVOKE_OK)
        st = steer_plan_apply(g->plan, g->model, &g->variants[0].steering, err);
    return st;
}

static evoke_status make_variants(generation *g, evoke_error *err)
{
    const evoke_status st = g->compare ? compare_variants(g, err) : plain_variant(g, err);
    if (st == EVOKE_OK && !g->o->quiet)
        steer_plan_remark(g->plan, g->variants[g->n_variants - 1].steering, g->responder.n_predict);
    return st;
}

/* ---- reading ---- */
static evoke_status read_settings(generation *g, evoke_error *err)
{
    const options *o = g->o;
    g->n_samples = 1;
    g->raw = option_given(o, OPT_RAW);
    g->system = option_text(o, OPT_SYSTEM);
    g->compare = option_given(o, OPT_COMPARE);
    if (g->raw && (g->system || option_given(o, OPT_TEMPLATE)))
        return fail(err, EVOKE_EARG, "generate: --raw leaves the template out, so --system and --template do "
                    "not go with it");
    if (g->compare && !option_given(o, OPT_EV))
        return fail(err, EVOKE_EARG, "generate: --compare wants the emotions of a file (--ev FILE)");
    const evoke_status st = responder_read(o, &g->responder, err);
    return st == EVOKE_OK ? option_size(o, OPT_N_SAMPLES, 1, 1000000, &g->n_samples, err) : st;
}

static void free_generation(generation *g)
{
    for (size_t i = 0; i < g->n_variants; i++) {
        free(g->variants[i].emotion);
        evoke_steering_free(g->variants[i].steering);
    }
    free(g->variants);
    responder_free(&g->responder);
}

static evoke_status run_and_commit(generation *g, evoke_error *err)
{
    output out;
    evoke_error why = { EVOKE_OK, "" };
    evoke_status st = output_open(&out, option_text(g->o, OPT_OUTPUT), err);
    if (st != EVOKE_OK)
        return st;
    g->out = &out;
    st = generation_run(g, err);
    if (st == EVOKE_OK || (st == EVOKE_EINTERRUPTED && g->responder.n_taken > 0)) {     /* whole lines: what was done is kept */
        const evoke_status kept = output_commit(&out, st == EVOKE_OK ? err : &why);
        if (kept != EVOKE_OK && st != EVOKE_OK)
            fail(err, kept, "%s", why.text);
        st = kept != EVOKE_OK ? kept : st;
    }
    output_discard(&out);
    return st;
}

static evoke_status generate(const options *o, evoke_error *err)
{
    generation g = { .o = o };
    steer_plan plan = { 0 };
    prompt_list prompts = { 0 };
    evoke_model *m = NULL;
    const char *path = NULL;
    evoke_status st = option_need(o, OPT_MODEL, "generate", &path, err);
    if (st == EVOKE_OK)
        st = template_check(o, err);
    if (st == EVOKE_OK)
        st = read_settings(&g, err);
    if (st == EVOKE_OK)
        st = prompts_read(o, &prompts, err);
    if (st == EVOKE_OK)
        st = steer_plan_read(o, g.compare ? STEER_COMPARE : STEER_BY_ALPHA, &plan, err);
    if (st == EVOKE_OK)
        st = options_open_model(o, EVOKE_FAST, true, &m, err);
    g.model = m;
    g.plan = &plan;
    g.prompts = &prompts;
    if (st == EVOKE_OK)
        st = prompts_tokenize(&prompts, m, g.raw, g.system, err);
    if (st == EVOKE_OK)
        st = steer_plan_tune(&plan, m, o->quiet, err);
    if (st == EVOKE_OK)
        st = make_variants(&g, err);
    if (st == EVOKE_OK) {
        responder_use(&g.responder, m);
        st = run_and_commit(&g, err);
    }
    free_generation(&g);
    prompts_free(&prompts);
    steer_plan_free(&plan);
    evoke_model_free(m);
    return st;
}

evoke_status cmd_generate(int argc, const char **argv, evoke_error *err)
{
    options o;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done)
        st = generate(&o, err);
    options_free(&o);
    return st;
}
