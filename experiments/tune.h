/* experiments/tune.h: the search for the strongest steering that a model takes within a given loss of perplexity.
 *
 * A setting is where and how (site, layers, positions, mode, share of EVbase taken off) and how much (alpha); a trial is a
 * setting with what was measured on some of the prompts, over all emotions. All prompts' random streams are the same in every
 * trial, so that trials differ by their setting alone. */
#ifndef TUNE_H
#define TUNE_H

#include "experiments/prompts.h"
#include "experiments/responder.h"

enum { TUNE_MOST_EMOTIONS = 64, TUNE_MOST_LAYERS = 1024 };

/* How emotional a text is: own, of the emotion that was steered to, and other, the mean over the others, each 0 to 1. Another
 * judge of texts becomes another one of these. */
typedef evoke_status tune_judge(void *user, const char *text, size_t emotion, double *own, double *other, evoke_error *err);

typedef struct tune_setting {
    evoke_site site;
    size_t first, last;             /* layers, by number, of those held */
    evoke_positions positions;
    evoke_steer_mode mode;
    double base_share, alpha;
} tune_setting;

typedef struct tune_figures {
    size_t n;                       /* texts that are not empty */
    double own, other;              /* mean of the judge's */
    double log_ppl, distinct2;      /* log of the perplexity under the unsteered model, given the prompt */
    double own_of[TUNE_MOST_EMOTIONS];
} tune_figures;

typedef struct tune_trial {
    tune_setting setting;
    tune_figures figures;
    size_t first, n_prompts;        /* prompts that it was measured on */
    const char *stage;
} tune_trial;

typedef struct tuner {
    const evoke_model *model;
    const evoke_vectors *vectors;
    const size_t *emotions;         /* [n_emotions] of the vectors */
    size_t n_emotions;
    const prompt_list *prompts;     /* the last n_validation are for the last word alone */
    size_t n_validation;
    responder responder;
    tune_judge *judge;
    void *judge_user;
    double max_loss, least_distinct;    /* limits: perplexity at most (1 + max_loss) times, distinct-2 at least this share */
    tune_figures *plain;            /* [prompts->n] unsteered, each prompt by itself */
    tune_trial *trials;             /* [n_trials] all that were measured */
    size_t n_trials;
    bool quiet;
} tuner;

/* Measures the unsteered texts of all prompts, once. */
evoke_status tune_measure_plain(tuner *t, evoke_error *err);
/* Those of prompts [first, first + n). */
tune_figures tune_plain(const tuner *t, size_t first, size_t n);
/* Measures n settings on prompts [first, first + n_prompts), all in one batch, into trials of t. *out: the first of the n trials,
 * good until the next call. */
evoke_status tune_measure(tuner *t, const tune_setting *settings, size_t n, size_t first, size_t n_prompts, const char *stage,
                          tune_trial **out, evoke_error *err);
/* The layers of the vectors that a setting steers; how many. */
size_t tune_layers(const tuner *t, const tune_setting *s, int32_t layers[TUNE_MOST_LAYERS]);
/* Of a trial: log perplexity over the unsteered one's on the same prompts, over what may be lost (1: all of it). */
double tune_spent(const tuner *t, const tune_figures *f, const tune_figures *unsteered);
bool tune_within(const tuner *t, const tune_figures *f, const tune_figures *unsteered);

/* What may be searched: the fixed ones are given by the user. */
typedef struct tune_space {
    evoke_site sites[EVOKE_N_SITE]; size_t n_sites;
    evoke_positions positions[EVOKE_N_POSITIONS]; size_t n_positions;
    size_t ranges[8][2]; size_t n_ranges;           /* layers, first and last */
    double shares[4]; size_t n_shares;
} tune_space;

/* Finds the best trial; *within false: none keeps the limits, and it is the one that breaks them least. */
evoke_status tune_search(tuner *t, const tune_space *space, tune_trial *best, bool *within, evoke_error *err);

/* The best, and what it does at several strengths, in units of its alpha, on the prompts for the last word: the last trials. */
enum { TUNE_AS_FOUND = 4, TUNE_N_STRENGTHS = 6 };        /* the strength of 1 is number 4 */
extern const double tune_strengths[TUNE_N_STRENGTHS];
typedef struct tune_outcome {
    tune_trial best;
    tune_trial *tried;              /* [TUNE_N_STRENGTHS] of the tuner */
    double low, high;               /* the safe range of strengths */
    bool within;
} tune_outcome;
double tune_safe_end(const tuner *t, const tune_trial *tried, int sign);
void tune_print(const tuner *t, const tune_outcome *outcome);
evoke_status tune_print_json(const tuner *t, const tune_outcome *outcome, const char *path, evoke_error *err);
evoke_status tune_keep(const options *o, const tuner *t, const tune_outcome *outcome, const char *path, evoke_error *err);

#endif
