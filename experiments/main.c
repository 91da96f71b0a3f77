/* experiments/main.c: the program `evoke`: a table of commands over evoke.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/command.h"
#include "experiments/progress.h"
#include "experiments/ranks.h"
#include "experiments/restart.h"

typedef struct command {
    const char *name, *about;
    command_function *run;
    bool divides;               /* its work, among the ranks of mpirun */
} command;

static const command commands[] = {
    { "families", "the families of models that can be run",                          cmd_families, false },
    { "inspect",  "say what a model, dataset, store or vectors file holds",          cmd_inspect, false },
    { "tokenize", "text to token ids and back, with or without the chat template",   cmd_tokenize, false },
    { "trace",    "one forward pass, every hook point to HDF5",                      cmd_trace, false },
    { "extract",  "run a dataset through a model, activations to an HDF5 store",     cmd_extract, true },
    { "merge",    "join the shards of a divided extract, sweep or eval",              cmd_merge, false },
    { "query",    "part of a store: a smaller store, NumPy's .npy, or CSV",          cmd_query, false },
    { "ev",       "average a store into emotion vectors",                            cmd_ev, false },
    { "compare",  "two stores or vectors of the same queries, by layer and emotion",  cmd_compare, false },
    { "convert",  "vectors to and from other tools' files",                          cmd_convert, false },
    { "generate", "steered generation: one prompt, or a file of prompts",            cmd_generate, false },
    { "chat",     "the same, as a conversation",                                     cmd_chat, false },
    { "sweep",    "a dataset under a grid of steerings and baselines; resumable",    cmd_sweep, true },
    { "theory",   "Fisher directions of a store, and how near the vectors are",      cmd_theory, true },
    { "tune",     "the strongest steering that a model takes without harm",          cmd_tune, false },
    { "eval",     "responses to metrics: perplexity, repetition, words of emotion",  cmd_eval, true },
    { "report",   "results as one HTML page, and a notebook of its figures",         cmd_report, false },
    { "bench",    "how fast a model runs here, and against what bounds",             cmd_bench, false },
    { "verify",   "how exact this build is here, and whether it keeps its promises", cmd_verify, false },
    { "classify", "texts to class probabilities, or to labels by an NLI model",      cmd_classify, false },
    { "embed",    "texts to vectors, by an encoder",                                 cmd_embed, false },
};

static const command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_commands(void)
{
    printf("evoke %s: emotion vectors in language models (arXiv 2502.04075)\n\nUsage: evoke COMMAND [options]\n\n",
           evoke_version());
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("  %-10s%s\n", commands[i].name, commands[i].about);
    printf("  %-10s%s\n\n", "help", "this list; 'evoke help COMMAND' is 'evoke COMMAND --help'");
    fputs("From nothing to a steered answer:\n"
          "  evoke extract -m model.gguf -d queries.json -o acts.h5\n"
          "  evoke ev acts.h5 -o ev.h5\n"
          "  evoke generate -m model.gguf --ev ev.h5 --alpha joy=2 -p \"How was your day?\"\n\n"
          "Results go to stdout, progress and remarks to stderr. Exit status: 0 done, 1 the work failed,\n"
          "2 wrong usage, 130 interrupted.\n", stdout);
}

static evoke_status run(int argc, const char **argv, evoke_error *err)
{
    if (argc < 2)
        return fail(err, EVOKE_EARG, "choose a command: none given (evoke help lists them)");
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        printf("evoke %s\n", evoke_version());
        return EVOKE_OK;
    }
    const bool help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    if (help && argc == 2) {
        print_commands();
        return EVOKE_OK;
    }
    if (help)
        name = argv[2];
    const command *c = find_command(name);
    if (!c)
        return fail(err, EVOKE_EARG, "choose a command: '%s' is none (evoke help lists them)", name);
    const char *for_help[] = { argv[0], name, "--help", NULL };
    if (help)
        return c->run(3, for_help, err);
    const evoke_status st = ranks_begin(name, err);
    if (st == EVOKE_OK && ranks_number() > 1 && !c->divides)
        return fail(err, EVOKE_EARG, "%s: mpirun has started %zu processes, and this command does not divide its work", name,
                    ranks_number());
    return st == EVOKE_OK ? c->run(argc, argv, err) : st;
}

/* GNU OpenMP's threads spin for milliseconds before they sleep. On a machine that also does other work, a thread that spins takes
 * the core from the one that it waits for: 3 tokens/s instead of 27 were measured with four busy processes on two cores. */
static void shorten_waiting(char *const *argv)
{
    if (!getenv("OMP_WAIT_POLICY") && !getenv("GOMP_SPINCOUNT"))
        restart_with("GOMP_SPINCOUNT", "10000", argv);
}

int main(int argc, char **argv)
{
    evoke_error err = { EVOKE_OK, "" };
    shorten_waiting(argv);
    signals_install();
    evoke_status st = run(argc, (const char **)argv, &err);
    errno = 0;
    if (st == EVOKE_OK && (fflush(stdout) != 0 || ferror(stdout)))
        st = fail(&err, EVOKE_EIO, "write the result: %s (standard output)", strerror(errno ? errno : EPIPE));
    st = ranks_join(st, NULL, &err);
    if (st != EVOKE_OK && ranks_place() == 0)
        say("%s", err.text);
    ranks_end();
    return st == EVOKE_OK ? 0 : st == EVOKE_EARG ? 2 : st == EVOKE_EINTERRUPTED ? 130 : 1;
}
