/* experiments/eval.h: an evaluation: responses, and a column of figures for each metric.
 *
 * A column has a value a response, or one a response and target emotion (E of them: what the response scores for joy, for
 * anger, ...), NaN where it was not measured. A cell of (emotion, alpha, baseline) averages a column over its responses;
 * unsteered responses (emotion "") have no target and are a cell for each emotion. */
#ifndef EVAL_H
#define EVAL_H

#include "experiments/progress.h"
#include "experiments/responses.h"
#include "experiments/shards.h"

enum { MOST_COLUMNS = 64, N_REPLICATE = 1000 };     /* the last: of each interval's bootstrap */

typedef enum column_kind {
    COLUMN_MEAN,
    COLUMN_SHARE,               /* 0 or 1 */
    COLUMN_EXP                  /* logarithms: the cell shows exp of their mean, a geometric mean */
} column_kind;

typedef struct column {
    const char *name;
    column_kind kind;
    bool by_target;             /* x [n, E]; else [n] */
    bool of_all;                /* empty responses count too */
    double *x;
} column;

typedef struct evaluation {
    const options *o;
    response_set set;
    size_t first, end;          /* those measured here: all, or a shard's */
    evoke_lexicon *words;       /* NULL: none at hand */
    char **emotions;            /* [E] targets */
    size_t n_emotion;
    column columns[MOST_COLUMNS];
    size_t n_column;
    json_t *methods;            /* column -> who measured it */
    json_t *validity;           /* NULL: not measured */
    evoke_error later;          /* work that failed for some responses only: told after the result, with its status */
} evaluation;

/* A new column, all NaN. name is not copied. */
evoke_status eval_column(evaluation *e, const char *name, column_kind kind, bool by_target, double **x, evoke_error *err);
/* Is a metric of --metrics wanted? by_default: where the list is not given. */
bool eval_wants(const evaluation *e, const char *metric, bool by_default);
/* Opens an encoder at a path with --threads. */
evoke_status eval_open_encoder(const evaluation *e, const char *path, evoke_encoder **out, evoke_error *err);
evoke_status eval_open_model(const evaluation *e, const char *path, evoke_model **out, evoke_error *err);
/* Indices of the responses measured here that say something: *which [n], the caller's. */
evoke_status eval_spoken(const evaluation *e, size_t **which, size_t *n, evoke_error *err);
size_t eval_target(const evaluation *e, const char *emotion);          /* n_emotion: none of them */
/* Texts of some responses, [n], the caller's array. */
evoke_status eval_texts_of(const evaluation *e, const size_t *which, size_t n, const char ***texts, evoke_error *err);

/* ---- estimators: who says which emotion a text expresses ---- */
typedef struct estimator {
    const char *name;           /* "nli", "judge", "probe" */
    evoke_encoder *encoder;
    evoke_model *model;
    evoke_judge *judge;
    evoke_probe *probe;
} estimator;
enum { MOST_ESTIMATORS = 3 };
/* Those whose models are named, the paper's own first. estimators [MOST_ESTIMATORS]. */
evoke_status estimators_open(const evaluation *e, estimator *list, size_t *n, evoke_error *err);
void estimators_free(estimator *list, size_t n);
/* p [n, E]: probability of each emotion among them, tec; emotional [n]: that there is any, eps. */
evoke_status estimate(const evaluation *e, const estimator *by, const char *const *texts, size_t n, double *p,
                      double *emotional, evoke_error *err);
/* rating [n]: how much of emotion k a judge's model finds in texts, 0 to 100: the expected value over the numbers that it could
 * say. */
evoke_status estimate_rating(const evaluation *e, const estimator *by, size_t k, const char *const *texts, size_t n,
                             double *rating, evoke_error *err);

/* ---- metrics, a file each; each adds its columns where it is wanted ---- */
evoke_status eval_texts(evaluation *e, evoke_error *err);              /* lexicon, degeneration */
evoke_status eval_perplexity(evaluation *e, evoke_error *err);         /* ppl */
evoke_status eval_emotions(evaluation *e, evoke_error *err);           /* eps, tec, course; eas by a local judge */
evoke_status eval_topic(evaluation *e, evoke_error *err);              /* topic */
evoke_status eval_endpoint(evaluation *e, evoke_error *err);           /* eas and topic by --judge-url */
/* Whether the endpoint's options can be used: before the others measure for hours. */
evoke_status eval_endpoint_check(const options *o, evoke_error *err);

/* ---- eval_cells.c: the result ---- */
/* A response's own figures. raw: of COLUMN_EXP the logarithms, from which the cells are made, and the variant. */
json_t *eval_score(const evaluation *e, size_t i, bool raw);
/* Scores of every response to --output, and cells and validity to stdout, as --json, --csv or --tables say. Errors: at the end also
 * e->later's. */
evoke_status eval_result(evaluation *e, evoke_error *err);
void eval_free(evaluation *e);

/* ---- eval_shards.c: an evaluation divided ---- */
/* What belongs to responses [first, end) to --output, for 'evoke merge'. */
evoke_status eval_write_shard(const evaluation *e, const work_part *p, evoke_error *err);

#endif
