/* experiments/chat_commands.c: what a line of a chat means, and what is shown beside the answers (on stderr). */
#include <ctype.h>
#include <langinfo.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/chat.h"
#include "experiments/json_out.h"
#include "experiments/output.h"

enum { NAME_ROOM = 128, MOST_SHOWN = 3 };

/* argument: what follows the name, without blanks around it; "" nothing. */
typedef evoke_status command_line_function(chat *c, const char *argument, bool *go, evoke_error *err);
typedef struct chat_command { const char *name, *usage, *about; command_line_function *run; } chat_command;
static command_line_function run_help, run_quit, run_clear, run_undo, run_system, run_off, run_mix, run_save;

static const chat_command commands[] = {
    { "off",    "/off",          "steer no more",                                               run_off },
    { "mix",    "/mix",          "the emotion mix of the last answer, in full",                 run_mix },
    { "system", "/system TEXT",  "the system message from here on; without TEXT: none",         run_system },
    { "undo",   "/undo",         "take back the last message and its answer",                   run_undo },
    { "clear",  "/clear",        "start anew; the system message and the strengths stay",       run_clear },
    { "save",   "/save FILE",    "write the conversation and its settings as JSON",             run_save },
    { "help",   "/help",         "this list",                                                   run_help },
    { "quit",   "/quit",         "end, as Ctrl-D does; Ctrl-C stops an answer",                 run_quit },
};

/* ---- the emotion mix ---- */
static const char *level(double x)
{
    static const char *const blocks[] = { "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588" };
    const double at = floor(x * 8);
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        return "";
    return at < 0 ? " " : blocks[at > 7 ? 7 : (size_t)at];
}

static void append(char *text, size_t size, const char *format, ...) COMMAND_PRINTF(3, 4);
static void append(char *text, size_t size, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

void chat_prompt(const chat *c, char *text, size_t size)
{
    const size_t n = c->has_mix ? evoke_vectors_describe(c->plan.files[0])->n_emotion : 0;
    double under = INFINITY;
    text[0] = '\0';
    for (size_t k = 0; k < n && k < MOST_SHOWN; k++) {
        size_t best = n;
        for (size_t e = 0; e < n; e++)
            if (c->mix[e] < under && (best == n || c->mix[e] > c->mix[best]))
                best = e;
        if (best == n)
            break;
        under = c->mix[best];
        append(text, size, "%s%.20s %s%.2f", k ? " " : "[", evoke_vectors_emotion(c->plan.files[0], best), level(under), under);
    }
    for (size_t i = 0; i < c->plan.n_strengths && i < 2 * MOST_SHOWN; i++)
        append(text, size, "%s%.20s=%g", i ? "," : *text ? " | " : "[", steer_plan_name(&c->plan, &c->plan.strengths[i]),
               c->plan.strengths[i].alpha);
    append(text, size, "%s> ", *text ? "] " : "");
}

static evoke_status run_mix(chat *c, const char *argument, bool *go, evoke_error *err)
{
    (void)argument;
    (void)go;
    if (!c->has_mix)
        return fail(err, EVOKE_EDATA, "show the emotion mix: none is measured (it wants --ev and an answer)");
    for (size_t e = 0; e < evoke_vectors_describe(c->plan.files[0])->n_emotion; e++)
        fprintf(stderr, "%-16s%6.2f %s\n", evoke_vectors_emotion(c->plan.files[0], e), c->mix[e], level(c->mix[e]));
    return EVOKE_OK;
}

/* ---- the conversation ---- */
static evoke_status run_help(chat *c, const char *argument, bool *go, evoke_error *err)
{
    (void)argument;
    (void)go;
    (void)err;
    fprintf(stderr, "%-16s%s\n", "/EMOTION X",
            "the strength of a vector (/joy 2, /base -1), or a ramp (/joy 0:2); 0 or off ends it");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(stderr, "%-16s%s\n", commands[i].usage, commands[i].about);
    fputs("A line that begins with // is said with one of them; one that ends in \\ goes on in the next.\n", stderr);
    for (size_t f = 0; f < c->plan.n_files; f++) {
        fprintf(stderr, "vectors         %s: base", c->plan.paths[f]);
        for (size_t e = 0; e < evoke_vectors_describe(c->plan.files[f])->n_emotion; e++)
            fprintf(stderr, ", %s", evoke_vectors_emotion(c->plan.files[f], e));
        fputc('\n', stderr);
    }
    return EVOKE_OK;
}

static evoke_status run_quit(chat *c, const char *argument, bool *go, evoke_error *err)
{
    (void)c;
    (void)argument;
    (void)err;
    *go = false;
    return EVOKE_OK;
}

static evoke_status run_clear(chat *c, const char *argument, bool *go, evoke_error *err)
{
    (void)argument;
    (void)go;
    (void)err;
    chat_clear(c);
    return EVOKE_OK;
}

static evoke_status run_undo(chat *c, const char *argument, bool *go, evoke_error *err)
{
    (void)argument;
    (void)go;
    return chat_undo(c) ? EVOKE_OK : fail(err, EVOKE_EDATA, "take a message back: there is none");
}

static evoke_status run_system(chat *c, const char *argument, bool *go, evoke_error *err)
{
    char *text = *argument ? strdup(argument) : NULL;
    (void)go;
    if (*argument && !text)
        return fail(err, EVOKE_ENOMEM, "chat: no memory for the system message");
    free(c->system);
    c->system = text;
    return EVOKE_OK;
}

static evoke_status run_off(chat *c, const char *argument, bool *go, evoke_error *err)
{
    (void)argument;
    (void)go;
    steer_plan_clear(&c->plan);
    return chat_steer(c, err);
}

/* ---- saving ---- */
static json_t *conversation_json(const chat *c)
{
    const evoke_model_info *m = evoke_model_describe(c->model);
    json_t *o = json_object(), *messages = json_array();
    json_put(o, "format", json_string("evoke-chat"));
    json_put(o, "version", json_string(evoke_version()));
    json_put(o, "command_line", json_text(c->o->command_line, strlen(c->o->command_line)));
    json_put(o, "model", json_text(m->name, strlen(m->name)));
    json_put(o, "model_path", json_text(m->path, strlen(m->path)));
    json_put(o, "compute", json_string(evoke_compute_name(m->compute)));
    json_put(o, "sampling", sampling_json(&c->responder.sampling));
    json_put(o, "seed", json_count(c->responder.sampling.seed));
    json_put(o, "n_predict", json_count(c->responder.n_predict));
    json_put(o, "n_ctx", json_count(c->responder.n_ctx));
    json_put(o, "n_forgotten", json_count(c->n_forgotten));
    json_put(o, "steering", steer_plan_json(&c->plan, NULL, c->steering));
    for (size_t i = 0; i < c->n + (c->system ? 1 : 0); i++) {
        const chat_message *m_i = c->system ? (i ? &c->messages[i - 1] : NULL) : &c->messages[i];
        const char *content = m_i ? m_i->content : c->system;
        json_t *message = json_object();
        json_put(message, "role", json_string(!m_i ? "system" : m_i->facts ? "assistant" : "user"));
        json_put(message, "content", json_text(content, strlen(content)));
        if (m_i && m_i->facts)
            json_object_update(message, m_i->facts);
        json_add(messages, message);
    }
    json_put(o, "messages", messages);
    return o;
}

static evoke_status run_save(chat *c, const char *argument, bool *go, evoke_error *err)
{
    output out;
    (void)go;
    if (!*argument)
        return fail(err, EVOKE_EARG, "save the conversation: the file's name is missing (/save FILE)");
    evoke_status st = options_check_output(c->o, OPT_OUTPUT, argument, err);
    if (st == EVOKE_OK)
        st = output_open(&out, argument, err);
    if (st != EVOKE_OK)
        return st;
    st = json_print(out.file, conversation_json(c), 9, err);
    if (st == EVOKE_OK)
        st = output_commit(&out, err);
    output_discard(&out);
    if (st == EVOKE_OK && !c->o->quiet)
        say("chat: %zu messages saved (%s)", c->n, argument);
    return st;
}

/* ---- a line ---- */
static evoke_status set_strength(chat *c, const char *name, const char *argument, evoke_error *err)
{
    evoke_error why = { EVOKE_OK, "" };
    if (!*argument)
        return fail(err, EVOKE_EARG, "chat: '/%s' is no command (/help lists them); a strength wants a number, as in /joy 2",
                    name);
    const evoke_status st = steer_plan_set(&c->plan, name, strcmp(argument, "off") == 0 ? "0" : argument, &why);
    if (st != EVOKE_OK)
        return fail(err, st, "chat: '/%s' is no command (/help lists them); %.900s", name, why.text);
    return chat_steer(c, err);
}

static evoke_status run_command(chat *c, const char *line, bool *go, evoke_error *err)
{
    char name[NAME_ROOM], *argument = NULL;
    const size_t n = strcspn(line, " \t");
    if (n >= sizeof name)
        return fail(err, EVOKE_EARG, "chat: '/%.40s...' is no command (/help lists them)", line);
    memcpy(name, line, n);
    name[n] = '\0';
    line += n + strspn(line + n, " \t");
    argument = strdup(line);
    if (!argument)
        return fail(err, EVOKE_ENOMEM, "chat: no memory");
    for (size_t end = strlen(argument); end > 0 && isspace((unsigned char)argument[end - 1]); end--)
        argument[end - 1] = '\0';
    const chat_command *found = NULL;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            found = &commands[i];
    const evoke_status st = found ? found->run(c, argument, go, err) : set_strength(c, name, argument, err);
    free(argument);
    return st;
}

evoke_status chat_line(chat *c, const char *line, bool *go, evoke_error *err)
{
    *go = true;
    if (!line[strspn(line, " \t\n")])
        return EVOKE_OK;
    if (line[0] == '/' && line[1] != '/')
        return run_command(c, line + 1, go, err);
    return chat_say(c, line + (line[0] == '/'), err);
}
