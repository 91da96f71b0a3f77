/* experiments/cmd_chat.c: a conversation, typed or from a pipe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/chat.h"
#include "experiments/chat_input.h"
#include "experiments/line_reader.h"
#include "experiments/progress.h"

enum { USUAL_CONTEXT = 4096, USUAL_LENGTH = 512, PROMPT_ROOM = 512 };

static const struct poptOption own[] = {
    { "n-predict", 'n', POPT_ARG_STRING, NULL, OPT_N_PREDICT, "tokens of an answer at most (default 512)", "N" },
    { "ctx-size", 'c', POPT_ARG_STRING, NULL, OPT_CTX_SIZE,
      "tokens of the conversation that the model sees (default: 4096, or the model's own if fewer)", "N" },
    { "system", 0, POPT_ARG_STRING, NULL, OPT_SYSTEM, "a system message", "TEXT" },
    { "template", 0, POPT_ARG_STRING, NULL, OPT_TEMPLATE, "chat template instead of the model's own", "FILE" },
    { "stop", 0, POPT_ARG_STRING, NULL, OPT_STOP, "end an answer at this text, itself left out; may be repeated", "TEXT" },
    { "ignore-eos", 0, POPT_ARG_NONE, NULL, OPT_IGNORE_EOS, "go on past the end token", NULL },
    { "no-meter", 0, POPT_ARG_NONE, NULL, OPT_NO_METER, "do not measure the emotion mix", NULL },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "-m MODEL [--ev VECTORS [--alpha LIST]] [options]",
    .about = "Talks with a model, steered as by generate. A line is a message; one that begins with / is a command:\n"
             "/joy 2 (any vector of --ev, base too; 0 or off ends it), /off, /mix, /system TEXT, /undo, /clear, /save FILE,\n"
             "/help, /quit. Ctrl-C stops an answer, which stays as far as it came; Ctrl-D ends. Typed lines are edited, and\n"
             "kept in ~/.local/state/evoke/chat_history. Answers alone go to stdout. From a pipe, a line is a turn and the\n"
             "first error ends it; --json: one object a turn: text, ids, logprobs, stop, n_prompt, n_run, steering, mix, ...\n\n"
             "The KV cache is kept: a turn runs only what is new (n_run of n_prompt tokens), from the first token on in which\n"
             "the rendered conversation differs from what was run. What was run stays as it was steered then: a new strength\n"
             "holds from the next token on. When the context is full the oldest turns are left out until half of it is free;\n"
             "the system message stays. The i-th answer is drawn from random stream i of the seed.\n\n"
             "The emotion mix in the prompt says what the last answer's text is to the model, not what was added to it: the\n"
             "model reads the last exchange once more, unsteered; m is the mean over the answer's tokens of the activations at\n"
             "the site and layers of the first --ev, n the neutral class's mean, d = EV - EVbase, and over the layers\n"
             "mix = sum (m - n).d / sum |d|^2. 0: as neutral answers; 1: as those that the emotion was asked for. It needs a\n"
             "file that evoke ev made, best of --span response.",
    .examples = "  evoke chat -m model.gguf\n"
                "  evoke chat -m model.gguf --ev ev.h5 --alpha joy=2 --system \"You are brief.\"\n"
                "  printf 'How was your day?\\n/joy 2\\nAnd now?\\n' | evoke chat -m model.gguf --ev ev.h5 --json\n",
    .own = own,
    .groups = { { "Model:", options_model }, { "Computing:", options_compute }, { "Steering:", options_steering },
                { "Sampling (default: --temp 0.6 --top-p 0.9):", options_sampling } },
};

/* ---- setting up ---- */
static evoke_status check_model(const evoke_model *m, evoke_error *err)
{
    if (!evoke_model_tokenizer(m))
        return fail(err, EVOKE_EDATA, "chat: the model has no tokenizer");
    return evoke_model_template(m) ? EVOKE_OK
                                   : fail(err, EVOKE_EDATA, "chat: the model has no chat template (give --template FILE)");
}

static evoke_status open_session(chat *c, evoke_error *err)
{
    responder *r = &c->responder;
    responder_use(r, c->model);
    if (r->n_ctx == 0 || (!option_given(c->o, OPT_CTX_SIZE) && r->n_ctx > USUAL_CONTEXT))
        r->n_ctx = USUAL_CONTEXT;
    if (!option_given(c->o, OPT_N_PREDICT))
        r->n_predict = USUAL_LENGTH;
    return evoke_session_new(c->model, r->n_ctx, &c->session, err);
}

static evoke_status make_meter(chat *c, evoke_error *err)
{
    if (c->plan.n_files == 0 || option_given(c->o, OPT_NO_METER))
        return EVOKE_OK;
    return allocate(&c->mix, evoke_vectors_describe(c->plan.files[0])->n_emotion, sizeof *c->mix, err);
}

static evoke_status set_up(chat *c, evoke_model **m, evoke_error *err)
{
    const options *o = c->o;
    const char *path = NULL, *system = option_text(o, OPT_SYSTEM);
    evoke_status st = option_need(o, OPT_MODEL, "chat", &path, err);
    if (st == EVOKE_OK)
        st = template_check(o, err);
    if (st == EVOKE_OK)
        st = responder_read(o, &c->responder, err);
    if (st == EVOKE_OK)
        st = steer_plan_read(o, STEER_BY_HAND, &c->plan, err);
    if (st == EVOKE_OK)
        st = options_open_model(o, EVOKE_FAST, true, m, err);
    c->model = *m;
    if (st == EVOKE_OK)
        st = check_model(*m, err);
    if (st == EVOKE_OK)
        st = steer_plan_tune(&c->plan, *m, o->quiet, err);
    if (st == EVOKE_OK)
        st = open_session(c, err);
    if (st == EVOKE_OK)
        st = chat_steer(c, err);
    if (st == EVOKE_OK)
        st = make_meter(c, err);
    if (st == EVOKE_OK && system && !(c->system = strdup(system)))
        st = fail(err, EVOKE_ENOMEM, "chat: no memory for the system message");
    return st;
}

/* ---- lines ---- */
/* A line, with those after it where it ends in a backslash. */
static evoke_status read_message(line_reader *r, const char *prompt, char **text, evoke_error *err)
{
    evoke_status st = line_read(r, prompt, text, err);
    size_t n = *text ? strlen(*text) : 0;
    while (st == EVOKE_OK && n > 0 && (*text)[n - 1] == '\\') {
        char *more = NULL;
        st = line_read(r, "... ", &more, err);
        if (!more)
            break;
        const size_t n_more = strlen(more);
        char *joined = realloc(*text, n + n_more + 1);
        if (joined) {
            *text = joined;
            joined[n - 1] = '\n';
            memcpy(joined + n, more, n_more + 1);
            n += n_more;
        } else {
            st = fail(err, EVOKE_ENOMEM, "read a line: no memory");
        }
        free(more);
    }
    return st;
}

/* What failed ends a script; somebody who types is told, and goes on, while there is somewhere to write to. */
static evoke_status judge(const chat *c, const line_reader *r, evoke_status st, evoke_error *err)
{
    if (st == EVOKE_OK || (st == EVOKE_EINTERRUPTED && c->terminal))
        return st;
    if (c->terminal && !ferror(stdout)) {
        say("%s", err->text);
        return EVOKE_OK;
    }
    evoke_error why = *err;
    return st == EVOKE_EINTERRUPTED ? fail(err, st, "chat: interrupted")
                                    : fail(err, st == EVOKE_EARG ? EVOKE_EDATA : st, "%.950s (line %zu)", why.text, r->n);
}

static evoke_status talk(chat *c, line_reader *r, evoke_error *err)
{
    char prompt[PROMPT_ROOM];
    bool go = true;
    evoke_status st = EVOKE_OK;
    while (st == EVOKE_OK && go) {
        char *text = NULL;
        chat_prompt(c, prompt, sizeof prompt);
        st = read_message(r, prompt, &text, err);
        if (st == EVOKE_EINTERRUPTED && c->terminal && interrupt_taken()) {
            say("chat: Ctrl-D or /quit ends");
            st = EVOKE_OK;
        } else if (st == EVOKE_OK && text) {
            st = judge(c, r, chat_line(c, text, &go, err), err);
        } else {
            go = false;
            st = st == EVOKE_OK ? st : judge(c, r, st, err);
        }
        free(text);
    }
    if (st == EVOKE_EINTERRUPTED)
        fail(err, st, "chat: interrupted");
    return st;
}

static evoke_status run(const options *o, evoke_error *err)
{
    chat c = { .o = o };
    line_reader r = { 0 };
    evoke_model *m = NULL;
    evoke_status st = set_up(&c, &m, err);
    if (st == EVOKE_OK) {
        line_reader_open(&r);
        c.terminal = r.terminal;
        if (c.terminal)
            signals_keep_running();
        if (c.terminal && !o->quiet)
            say("chat: %s; /help lists the commands", evoke_model_describe(m)->name);
        st = talk(&c, &r, err);
        line_reader_close(&r);
    }
    chat_free(&c);
    evoke_model_free(m);
    return st;
}

evoke_status cmd_chat(int argc, const char **argv, evoke_error *err)
{
    options o;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done)
        st = run(&o, err);
    options_free(&o);
    return st;
}
