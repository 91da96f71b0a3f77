/* experiments/options.h: options named alike in every command.
 *
 * A command lists what it takes: its own popt table and the groups that it shares with others. All values are kept as
 * the text that was typed, in order; the getters below turn them into numbers and lists, strictly: the whole text, in
 * range, never NaN, and the error names the option. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <jansson.h>
#include <popt.h>

#include "experiments/command.h"

typedef enum option_id {
    OPT_HELP = 1, OPT_VERSION, OPT_JSON, OPT_QUIET, OPT_VERBOSE, OPT_OUTPUT,                        /* common */
    OPT_MODEL, OPT_THREADS, OPT_ISA, OPT_CTX_SIZE, OPT_BATCH_SIZE, OPT_TEMPLATE, OPT_COMPUTE,                   /* model */
    OPT_PROMPT, OPT_FILE, OPT_N_PREDICT,                                                            /* input */
    OPT_TEMP, OPT_TOP_K, OPT_TOP_P, OPT_MIN_P, OPT_SEED,                                            /* sampling */
    OPT_EV, OPT_ALPHA, OPT_LAYERS, OPT_SITE, OPT_POSITIONS, OPT_STEER_MODE, OPT_LESS_BASE,          /* steering */
    OPT_RAMP, OPT_DECAY,
    OPT_TENSOR,                                                                                     /* inspect */
    OPT_ADD_SPECIAL, OPT_PARSE_SPECIAL, OPT_DECODE, OPT_CHAT, OPT_VAR,                              /* tokenize */
    OPT_IDS, OPT_SITES, OPT_TOKEN_TYPES, OPT_TOLERANCE,                                             /* trace, verify */
    OPT_LABELS, OPT_HYPOTHESIS, OPT_MULTI_LABEL,                                                    /* classify */
    OPT_DATASET, OPT_SETTINGS, OPT_SPAN, OPT_STORE, OPT_FLOAT16, OPT_LIMIT, OPT_SHARD,              /* extract */
    OPT_PARTIAL,                                                                                    /* ev */
    OPT_RAW, OPT_SYSTEM, OPT_STOP, OPT_N_SAMPLES, OPT_COMPARE, OPT_IGNORE_EOS,                      /* generate */
    OPT_NO_METER,                                                                                   /* chat */
    OPT_MAX_LOSS, OPT_NO_TUNED,                                                                     /* tune */
    OPT_EMOTIONS, OPT_ALPHAS, OPT_BASELINES,                                                        /* sweep */
    OPT_KERNELS,                                                                                    /* bench */
    OPT_REPLICATES, OPT_SHRINKAGE, OPT_BOOTSTRAP, OPT_PERMUTATIONS, OPT_CONTROLS, OPT_FOLDS, OPT_SAVE, OPT_STATS, OPT_FIGURES,
    OPT_CLAIMS, OPT_SCORE_LAYER, OPT_EMBED_MODEL, OPT_JUDGE_MODEL,                                      /* theory */
    OPT_LABELLED, OPT_LABEL_FILE, OPT_LABEL_KEY, OPT_TEXT_SPAN, OPT_RATINGS,                        /* theory --labelled */
    OPT_METRICS, OPT_PPL_MODEL, OPT_LEXICON,                                                        /* eval */
    OPT_PPL_WINDOW, OPT_QUERIES, OPT_NLI_MODEL, OPT_PROBE, OPT_CSV, OPT_TABLES, OPT_HUMAN, OPT_JUDGE_URL, OPT_JUDGE_NAME,
    OPT_JUDGE_TIMEOUT, OPT_JUDGE_RETRIES, OPT_JUDGE_PAUSE, OPT_JUDGE_RATE, OPT_JUDGE_CACHE, OPT_JUDGE_PRICE,
    OPT_FROM, OPT_TO, OPT_LAYER_OFFSET, OPT_EMOTION, OPT_FORMATS,                                              /* convert */
    OPT_SETTING, OPT_ID, OPT_NO_TOKENS, OPT_COMPRESS,                                                             /* query */
    OPT_NOTEBOOK,                                                                                   /* report */
    OPT_COUNT
} option_id;

/* Groups that commands share; each ends with POPT_TABLEEND. */
extern const struct poptOption options_model[], options_compute[], options_sampling[], options_steering[];

typedef struct option_group { const char *title; const struct poptOption *table; } option_group;

typedef struct command_options {
    const char *usage;              /* what follows "evoke COMMAND", for one line */
    const char *about, *examples;   /* paragraphs of --help */
    const struct poptOption *own;
    option_group groups[5];         /* ends with a NULL title */
    size_t least, most;             /* arguments that are no options */
} command_options;

typedef struct option_value { option_id id; char *text; } option_value;     /* text NULL: a flag */
typedef struct options {
    const command_options *takes;
    const char *command;            /* its name */
    char **arguments;               /* [n_arguments] */
    size_t n_arguments;
    option_value *values;           /* [n_values] in the order given */
    size_t n_values;
    bool done;                      /* --help or --version was asked for and answered: nothing is left to do */
    bool json, quiet, verbose;
    char *command_line;             /* all of it, quoted for a shell */
} options;

/* Errors: EVOKE_EARG wrong usage. Free whatever it returns. */
evoke_status options_parse(int argc, const char **argv, const command_options *takes, options *o, evoke_error *err);
void options_free(options *o);

/* A result takes the place of the file that had its name: that must not be one that is read. id: the option that names path;
 * NULL: nothing to check. options_parse sees to --output. Errors: EVOKE_EARG. */
evoke_status options_check_output(const options *o, option_id id, const char *path, evoke_error *err);

bool option_given(const options *o, option_id id);
/* The last value given; NULL where there is none. */
const char *option_text(const options *o, option_id id);
/* The i-th value given, NULL past the end. */
const char *option_nth(const options *o, option_id id, size_t i);
size_t option_times(const options *o, option_id id);
/* "--n-predict": as an error names it. */
const char *option_name(const options *o, option_id id);
/* Errors: EVOKE_EARG the option is missing. */
evoke_status option_need(const options *o, option_id id, const char *why, const char **text, evoke_error *err);
/* The value where the option was given; otherwise *value stays. */
evoke_status option_size(const options *o, option_id id, size_t least, size_t most, size_t *value, evoke_error *err);
evoke_status option_seed(const options *o, option_id id, uint64_t *value, evoke_error *err);
evoke_status option_real(const options *o, option_id id, double least, double most, double *value, evoke_error *err);
/* All values, each split at its commas: *names [n], owned by the caller: free with names_free. Empty names are errors. */
evoke_status option_names(const options *o, option_id id, char ***names, size_t *n, evoke_error *err);
void names_free(char **names, size_t n);

/* The same on any text; `what` is named by the error. */
evoke_status parse_real(const char *text, const char *what, double least, double most, double *value, evoke_error *err);
evoke_status parse_uint(const char *text, const char *what, uint64_t least, uint64_t most, uint64_t *value,
                        evoke_error *err);
/* Numbers separated by blanks or commas, or a JSON array; *ids [n] is the caller's. what: the option that they stand in, or
 * the file. Errors: EVOKE_EARG for an option, EVOKE_EFORMAT for a file. */
evoke_status parse_ids(const char *text, const char *what, int32_t **ids, size_t *n, evoke_error *err);
/* The same of a JSON array at hand. */
evoke_status parse_json_ids(const json_t *array, const char *what, int32_t **ids, size_t *n, evoke_error *err);
/* "all" (NULL, 0) or "A-B,C,...": layers in rising order without repeats. */
evoke_status parse_layers(const char *text, int32_t **layers, size_t *n, evoke_error *err);
/* One hook point by its name; the error names all of them. option: without its dashes. */
evoke_status parse_site(const char *option, const char *name, evoke_site *site, evoke_error *err);

/* What several commands do with them. */
evoke_status options_sampling_read(const options *o, evoke_sampling *sampling, evoke_error *err);
evoke_status options_sites(const options *o, option_id id, evoke_site **sites, size_t *n, evoke_error *err);
evoke_status options_spans(const options *o, evoke_span **spans, size_t *n, evoke_error *err);
/* The one span of --span; any is true where none was named. */
evoke_status options_one_span(const options *o, evoke_span *span, bool *any, evoke_error *err);
/* --alphas, finite and none of them twice, in the order given: the caller's; NULL where it is not given. */
evoke_status options_alphas(const options *o, double **alphas, size_t *n, evoke_error *err);
/* --shrinkage: lw, oas, cv or a number; *value stays where it is not given. */
evoke_status options_shrinkage(const options *o, double *value, evoke_error *err);
/* Opens -m with --threads, --isa, --template, --compute (`usual` where it is not given); many: many tokens will be run. */
evoke_status options_open_model(const options *o, evoke_compute usual, bool many, evoke_model **m, evoke_error *err);
/* Vectors of any tool's, with the remarks about how they were taken. */
evoke_status options_open_vectors(const options *o, const char *path, evoke_vectors **v, evoke_error *err);

#endif
