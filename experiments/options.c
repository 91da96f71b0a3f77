/* experiments/options.c: the tables of options and their parsing; numbers.c has the values. */
#include "experiments/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "experiments/ranks.h"

static const struct poptOption options_common[] = {
    { "json", 0, POPT_ARG_NONE, NULL, OPT_JSON, "machine-readable result on stdout", NULL },
    { "quiet", 'q', POPT_ARG_NONE, NULL, OPT_QUIET, "no progress, no remarks", NULL },
    { "verbose", 'v', POPT_ARG_NONE, NULL, OPT_VERBOSE, "say more", NULL },
    { "help", 'h', POPT_ARG_NONE, NULL, OPT_HELP, "this text", NULL },
    { "version", 0, POPT_ARG_NONE, NULL, OPT_VERSION, "the program's version", NULL },
    POPT_TABLEEND
};
const struct poptOption options_model[] = {
    { "model", 'm', POPT_ARG_STRING, NULL, OPT_MODEL, "GGUF file or Hugging Face folder", "FILE" },
    { "threads", 't', POPT_ARG_STRING, NULL, OPT_THREADS, "threads (default: the cores this process may use)", "N" },
    { "isa", 0, POPT_ARG_STRING, NULL, OPT_ISA, "kernels: ref, avx2, avx512, neon, ... (default: the best here)", "NAME" },
    POPT_TABLEEND
};
const struct poptOption options_compute[] = {
    { "compute", 0, POPT_ARG_STRING, NULL, OPT_COMPUTE, "exact (as float32) or fast (activations in 8 bits); default: fast where texts are "
      "written (generate, chat, sweep, tune), exact elsewhere", "HOW" },
    POPT_TABLEEND
};
const struct poptOption options_sampling[] = {
    { "temp", 0, POPT_ARG_STRING, NULL, OPT_TEMP, "temperature; 0 is greedy", "X" },
    { "top-k", 0, POPT_ARG_STRING, NULL, OPT_TOP_K, "draw from the K likeliest tokens (0: off)", "K" },
    { "top-p", 0, POPT_ARG_STRING, NULL, OPT_TOP_P, "draw from the likeliest tokens of total probability P (1: off)",
      "P" },
    { "min-p", 0, POPT_ARG_STRING, NULL, OPT_MIN_P, "leave out tokens under P times the likeliest (0: off)", "P" },
    { "seed", 0, POPT_ARG_STRING, NULL, OPT_SEED, "seed of the random numbers (default 0)", "N" },
    POPT_TABLEEND
};
const struct poptOption options_steering[] = {
    { "ev", 0, POPT_ARG_STRING, NULL, OPT_EV, "emotion vectors; may be repeated", "FILE" },
    { "alpha", 0, POPT_ARG_STRING, NULL, OPT_ALPHA,
      "strengths: joy=2,anger=-0.5; base=1 for EVbase; a number alone for a file of one vector; A:B: a ramp from A to B, over "
      "the layers steered (first to last) unless --ramp is given", "LIST" },
    { "layers", 0, POPT_ARG_STRING, NULL, OPT_LAYERS, "all, or A-B,C,... counted from 0 (default: all the file holds)",
      "LIST" },
    { "site", 0, POPT_ARG_STRING, NULL, OPT_SITE,
      "resid_post, resid_mid, resid_pre, attn_out, mlp_out, attn_proj, mlp_proj (default: attn_out if held, else the first)",
      "SITE" },
    { "positions", 0, POPT_ARG_STRING, NULL, OPT_POSITIONS, "all, prompt, response or last (default: last)", "WHICH" },
    { "steer-mode", 0, POPT_ARG_STRING, NULL, OPT_STEER_MODE, "add, relative, renorm, ablate, clamp (default: add)",
      "MODE" },
    { "ramp", 0, POPT_ARG_STRING, NULL, OPT_RAMP,
      "a ramp A:B goes over tokens: A at the prompt's, B from the N-th generated one on, linearly between", "N" },
    { "decay", 0, POPT_ARG_STRING, NULL, OPT_DECAY, "alpha halves every H generated tokens", "H" },
    { "no-tuned", 0, POPT_ARG_NONE, NULL, OPT_NO_TUNED, "as if 'evoke tune' had never found how to steer with these vectors", NULL },
    { "less-base", 0, POPT_ARG_NONE, NULL, OPT_LESS_BASE, "take EVbase off each emotion vector first", NULL },
    POPT_TABLEEND
};

/* ---- parsing ---- */
enum { MAX_TABLE = 8 };

static size_t build_table(const command_options *takes, struct poptOption table[MAX_TABLE])
{
    size_t n = 0;
    if (takes->own)
        table[n++] = (struct poptOption){ NULL, 0, POPT_ARG_INCLUDE_TABLE, (void *)takes->own, 0, "Options:", NULL };
    for (size_t i = 0; i < sizeof takes->groups / sizeof *takes->groups && takes->groups[i].title; i++)
        table[n++] = (struct poptOption){ NULL, 0, POPT_ARG_INCLUDE_TABLE, (void *)takes->groups[i].table, 0,
                                          takes->groups[i].title, NULL };
    table[n++] = (struct poptOption){ NULL, 0, POPT_ARG_INCLUDE_TABLE, (void *)options_common, 0, "Common:", NULL };
    table[n] = (struct poptOption)POPT_TABLEEND;
    return n;
}

static const char *name_in(const struct poptOption *table, option_id id)
{
    for (; table && (table->longName || table->shortName); table++)
        if (table->val == (int)id)
            return table->longName;
    return NULL;
}

const char *option_name(const options *o, option_id id)
{
    const char *name = name_in(o->takes->own, id);
    for (size_t i = 0; !name && i < sizeof o->takes->groups / sizeof *o->takes->groups; i++)
        name = name_in(o->takes->groups[i].table, id);
    if (!name)
        name = name_in(options_common, id);
    return name ? name : "?";
}

static evoke_status keep_value(options *o, option_id id, char *text, evoke_error *err)
{
    option_value *grown = realloc(o->values, (o->n_values + 1) * sizeof *grown);
    if (!grown) {
        free(text);
        return fail(err, EVOKE_ENOMEM, "read the options: no memory");
    }
    o->values = grown;
    o->values[o->n_values++] = (option_value){ id, text };
    return EVOKE_OK;
}

static evoke_status keep_argument(options *o, const char *text, evoke_error *err)
{
    char **grown = realloc(o->arguments, (o->n_arguments + 1) * sizeof *grown);
    if (grown)
        o->arguments = grown;
    char *copy = grown ? strdup(text) : NULL;
    if (!copy)
        return fail(err, EVOKE_ENOMEM, "read the options: no memory");
    o->arguments[o->n_arguments++] = copy;
    return EVOKE_OK;
}

/* Text within single quotes where a shell would want them. */
static void quote(FILE *f, const char *text)
{
    if (*text && !text[strcspn(text, " \t\n\"'\\$&|;<>()*?[]{}#~`!")]) {
        fputs(text, f);
        return;
    }
    fputc('\'', f);
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", f);
        else
            fputc(*text, f);
    }
    fputc('\'', f);
}

static char *join_command_line(int argc, const char **argv)
{
    char *line = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&line, &size);
    if (!f)
        return NULL;
    fputs("evoke", f);
    for (int i = 1; i < argc; i++) {
        fputc(' ', f);
        quote(f, argv[i]);
    }
    return fclose(f) == 0 ? line : (free(line), NULL);
}

static void print_help(poptContext context, const command_options *takes)
{
    poptSetOtherOptionHelp(context, takes->usage);
    printf("%s\n\n", takes->about);
    poptPrintHelp(context, stdout, 0);
    printf("\nExamples:\n%s", takes->examples);
    printf("\nExit status: 0 done, 1 the work failed, 2 wrong usage, 130 interrupted. 'evoke help' lists all commands.\n");
}

static evoke_status read_context(poptContext context, const char *command, options *o, evoke_error *err)
{
    int id;
    while ((id = poptGetNextOpt(context)) > 0) {
        if (id == OPT_HELP || id == OPT_VERSION) {
            if (id == OPT_HELP)
                print_help(context, o->takes);
            else
                printf("evoke %s\n", evoke_version());
            o->done = true;
            return EVOKE_OK;
        }
        const evoke_status st = keep_value(o, (option_id)id, poptGetOptArg(context), err);
        if (st != EVOKE_OK)
            return st;
    }
    if (id < -1)
        return fail(err, EVOKE_EARG, "read the options of '%s': %s (%s; evoke %s --help lists them)", command,
                    id == POPT_ERROR_BADOPT ? "there is no such option"
                    : id == POPT_ERROR_NOARG ? "a value is missing" : poptStrerror(id),
                    poptBadOption(context, POPT_BADOPTION_NOALIAS), command);
    const char **rest = poptGetArgs(context);
    evoke_status st = EVOKE_OK;
    for (; rest && *rest && st == EVOKE_OK; rest++)
        st = keep_argument(o, *rest, err);
    return st;
}

static evoke_status check_arguments(const options *o, const char *command, evoke_error *err)
{
    if (o->n_arguments > o->takes->most)
        return fail(err, EVOKE_EARG, "read the options of '%s': '%s' is one argument too many (usage: evoke %s %s)",
                    command, o->arguments[o->takes->most], command, o->takes->usage);
    if (o->n_arguments < o->takes->least)
        return fail(err, EVOKE_EARG, "read the options of '%s': an argument is missing (usage: evoke %s %s)", command,
                    command, o->takes->usage);
    return EVOKE_OK;
}

static bool is_file(const char *path, const struct stat *file)
{
    struct stat info;
    return path && stat(path, &info) == 0 && info.st_dev == file->st_dev && info.st_ino == file->st_ino;
}

evoke_status options_check_output(const options *o, option_id id, const char *path, evoke_error *err)
{
    static const bool is_input[OPT_COUNT] = {
        [OPT_MODEL] = true, [OPT_FILE] = true, [OPT_TEMPLATE] = true, [OPT_EV] = true, [OPT_DATASET] = true,
        [OPT_SETTINGS] = true, [OPT_PPL_MODEL] = true, [OPT_LEXICON] = true, [OPT_STORE] = true,
        [OPT_LABELLED] = true, [OPT_REPLICATES] = true, [OPT_LABEL_FILE] = true, [OPT_RATINGS] = true,
        [OPT_QUERIES] = true, [OPT_PROBE] = true, [OPT_HUMAN] = true, [OPT_JUDGE_MODEL] = true,
    };
    const char *input = NULL;
    struct stat output;
    if (path && !*path)
        return fail(err, EVOKE_EARG, "read the options of '%s': --%s is empty", o->command, option_name(o, id));
    if (!path || stat(path, &output) != 0 || !S_ISREG(output.st_mode))
        return EVOKE_OK;
    for (size_t i = 0; i < o->n_arguments; i++)
        if (is_file(o->arguments[i], &output))
            input = o->arguments[i];
    for (size_t i = 0; i < o->n_values; i++)
        if (is_input[o->values[i].id] && is_file(o->values[i].text, &output))
            input = o->values[i].text;
    return input ? fail(err, EVOKE_EARG, "read the options of '%s': the output would replace an input (%s)", o->command,
                        input) : EVOKE_OK;
}

evoke_status options_parse(int argc, const char **argv, const command_options *takes, options *o, evoke_error *err)
{
    struct poptOption table[MAX_TABLE];
    char title[64];
    memset(o, 0, sizeof *o);
    o->takes = takes;
    const char *command = argv[1];              /* main has seen that it is there */
    o->command = command;
    o->command_line = join_command_line(argc, argv);
    build_table(takes, table);
    snprintf(title, sizeof title, "evoke %s", command);
    argv[1] = title;                            /* popt prints argv[0] of what it is given in the line of usage */
    poptContext context = poptGetContext(NULL, argc - 1, argv + 1, table, 0);
    evoke_status st = context ? read_context(context, command, o, err)
                              : fail(err, EVOKE_ENOMEM, "read the options: no memory");
    poptFreeContext(context);
    argv[1] = command;
    if (st == EVOKE_OK && !o->done)
        st = check_arguments(o, command, err);
    if (st == EVOKE_OK && !o->done)
        st = options_check_output(o, OPT_OUTPUT, option_text(o, OPT_OUTPUT), err);
    o->json = option_given(o, OPT_JSON);
    o->quiet = option_given(o, OPT_QUIET) || ranks_place() > 0;             /* rank 0 speaks for all */
    o->verbose = option_given(o, OPT_VERBOSE) && ranks_place() == 0;
    return st;
}

void options_free(options *o)
{
    for (size_t i = 0; i < o->n_values; i++)
        free(o->values[i].text);
    free(o->values);
    names_free(o->arguments, o->n_arguments);
    free(o->command_line);
    memset(o, 0, sizeof *o);
}

/* ---- looking values up ---- */
bool option_given(const options *o, option_id id)
{
    return option_times(o, id) > 0;
}

size_t option_times(const options *o, option_id id)
{
    size_t n = 0;
    for (size_t i = 0; i < o->n_values; i++)
        n += o->values[i].id == id;
    return n;
}

const char *option_text(const options *o, option_id id)
{
    const char *text = NULL;
    for (size_t i = 0; i < o->n_values; i++)
        if (o->values[i].id == id)
            text = o->values[i].text;
    return text;
}

const char *option_nth(const options *o, option_id id, size_t nth)
{
    for (size_t i = 0; i < o->n_values; i++)
        if (o->values[i].id == id && nth-- == 0)
            return o->values[i].text;
    return NULL;
}

evoke_status option_need(const options *o, option_id id, const char *why, const char **text, evoke_error *err)
{
    *text = option_text(o, id);
    if (!*text)
        return fail(err, EVOKE_EARG, "%s: --%s is missing (usage: %s)", why, option_name(o, id), o->takes->usage);
    if (!**text)
        return fail(err, EVOKE_EARG, "%s: --%s is empty", why, option_name(o, id));
    return EVOKE_OK;
}

evoke_status options_shrinkage(const options *o, double *value, evoke_error *err)
{
    static const struct { const char *name; int value; } named[] = {
        { "lw", EVOKE_SHRINK_LEDOIT_WOLF }, { "oas", EVOKE_SHRINK_OAS }, { "cv", EVOKE_SHRINK_CV },
    };
    const char *text = option_text(o, OPT_SHRINKAGE);
    for (size_t i = 0; text && i < sizeof named / sizeof *named; i++)
        if (strcmp(text, named[i].name) == 0) {
            *value = named[i].value;
            return EVOKE_OK;
        }
    return text ? parse_real(text, "--shrinkage (lw, oas, cv or a number)", 0, 1, value, err) : EVOKE_OK;
}

evoke_status options_alphas(const options *o, double **alphas, size_t *n, evoke_error *err)
{
    char **names = NULL;
    *alphas = NULL;
    evoke_status st = option_names(o, OPT_ALPHAS, &names, n, err);
    if (st == EVOKE_OK && *n > 0)
        st = allocate(alphas, *n, sizeof **alphas, err);
    for (size_t i = 0; st == EVOKE_OK && i < *n; i++) {
        st = parse_real(names[i], "--alphas", -1e6, 1e6, &(*alphas)[i], err);
        for (size_t k = 0; st == EVOKE_OK && k < i; k++)
            if ((*alphas)[i] == (*alphas)[k])
                st = fail(err, EVOKE_EARG, "read --alphas: %g is given twice", (*alphas)[i]);
    }
    names_free(names, *n);
    return st;
}
