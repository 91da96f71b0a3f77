/* experiments/steering.h: from --ev, --alpha and the rest of the steering options to an evoke_steering.
 *
 * Several files: with as many --alpha as --ev they pair up in order; otherwise each name is looked up in all the files,
 * and the first that holds it is taken. --site, --layers, --positions, --steer-mode, --ramp and --decay given once hold for
 * all the files; given as often as --ev they pair up in order too. The files' edits are applied in that order. */
#ifndef STEERING_H
#define STEERING_H

#include <jansson.h>

#include "experiments/options.h"
#include "experiments/tuning.h"

/* emotion NULL: the only vector. start: where a ramp to alpha begins; alpha itself where there is none. */
typedef struct strength { char *emotion; double alpha; size_t file; double start; } strength;

/* How a file's vectors are applied. */
typedef struct steer_detail {
    int32_t *layers;                /* [n_layers]; NULL: all */
    size_t n_layers;
    bool site_given;
    evoke_site site;                /* where given; else chosen by file */
    evoke_positions positions;
    evoke_steer_mode mode;
    size_t ramp_tokens;             /* that a ramp rises over; 0: it rises over the layers */
    double half_life;               /* tokens; 0: no decay */
    bool in_detail;                 /* a site, layers, positions or a mode were given */
    tuning *tuned;                  /* what evoke tune found, where that holds; NULL: alpha as it is */
} steer_detail;

typedef struct steer_plan {
    evoke_vectors **files;          /* [n_files], with the names that were typed */
    const char **paths;
    steer_detail *details;          /* [n_files] */
    size_t n_files;
    strength *strengths;            /* [n_strengths] in the order given; none where --alpha was not given */
    size_t n_strengths;
    double alpha;                   /* of `--alpha X` where X is a number alone */
    double base_alpha;              /* of `--alpha X,base=Y` in a comparison */
    bool less_base, no_tuned;
} steer_plan;

/* Where a plan's strengths are from: --alpha, which must be there; the caller, who compares, so that --alpha is X, or X,base=Y,
 * for a file of many vectors; --alpha where it is given, and steer_plan_set. */
typedef enum steer_source { STEER_BY_ALPHA, STEER_COMPARE, STEER_BY_HAND } steer_source;
/* Opens the files and reads the options. No --ev: an empty plan. Free whatever it returns. */
evoke_status steer_plan_read(const options *o, steer_source source, steer_plan *plan, evoke_error *err);
/* Sets the strength of a vector of the first file that holds the name: "2", or a ramp, "0:2"; 0 takes it out of the plan. */
evoke_status steer_plan_set(steer_plan *plan, const char *name, const char *text, evoke_error *err);
/* Takes all strengths out. */
void steer_plan_clear(steer_plan *plan);
/* The name of a strength's vector. */
const char *steer_plan_name(const steer_plan *plan, const strength *s);
void steer_plan_free(steer_plan *plan);
/* Once the model is open: a file of whose steering no detail was given (and no EVbase named) is steered as evoke tune found best
 * for this model, if it has looked, which is said on stderr. */
evoke_status steer_plan_tune(steer_plan *plan, const evoke_model *m, bool quiet, evoke_error *err);
/* Where vectors are added when nothing else is said: at attn_out if they hold it, as the authors do. */
evoke_site usual_site(const evoke_vectors *v);
/* The site at which a file is applied. */
evoke_site steer_plan_site(const steer_plan *plan, size_t file);
/* The plan's own strengths; NULL in *out where the plan is empty. */
evoke_status steer_plan_apply(const steer_plan *plan, const evoke_model *m, evoke_steering **out, evoke_error *err);
/* One emotion of one file at alpha, with the plan's EVbase beside it. */
evoke_status steer_plan_apply_one(const steer_plan *plan, const evoke_model *m, size_t file, const char *emotion,
                                  double alpha, evoke_steering **out, evoke_error *err);
/* Says on stderr, in one line, what of a steering changes nothing where n_predict tokens are generated. */
void steer_plan_remark(const steer_plan *plan, const evoke_steering *s, size_t n_predict);
/* What was asked for; `only` (or NULL) replaces the plan's strengths. */
json_t *steer_plan_json(const steer_plan *plan, const strength *only, const evoke_steering *s);

#endif
