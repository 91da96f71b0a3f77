/* experiments/steering.h: from --ev, --alpha and the rest of the steering options to an evoke_steering.
 *
 * Several files: with as many --alpha as --ev they pair up in order; otherwise each name is looked up in all the files,
 * and the first that holds it is taken. */
#ifndef STEERING_H
#define STEERING_H

#include <jansson.h>

#include "experiments/options.h"

typedef struct strength { char *emotion; double alpha; size_t file; } strength;     /* emotion NULL: the only vector */

typedef struct steer_plan {
    evoke_vectors **files;          /* [n_files], with the names that were typed */
    const char **paths;
    size_t n_files;
    strength *strengths;            /* [n_strengths] in the order given; none where --alpha was not given */
    size_t n_strengths;
    double alpha;                   /* of `--alpha X` where X is a number alone */
    double base_alpha;              /* of `--alpha X,base=Y` in a comparison */
    int32_t *layers;                /* [n_layers]; NULL: all */
    size_t n_layers;
    bool site_given, less_base;
    evoke_site site;                /* where given; else chosen by file */
    evoke_positions positions;
    evoke_steer_mode mode;
} steer_plan;

/* Opens the files and reads the options. No --ev: an empty plan. `compare`: strengths come from the caller, so --alpha
 * is X, or X,base=Y, for a file of many vectors. Free whatever it returns. */
evoke_status steer_plan_read(const options *o, bool compare, steer_plan *plan, evoke_error *err);
void steer_plan_free(steer_plan *plan);
/* The site at which a file is applied. */
evoke_site steer_plan_site(const steer_plan *plan, size_t file);
/* The plan's own strengths; NULL in *out where the plan is empty. */
evoke_status steer_plan_apply(const steer_plan *plan, const evoke_model *m, evoke_steering **out, evoke_error *err);
/* One emotion of one file at alpha, with the plan's EVbase beside it. */
evoke_status steer_plan_apply_one(const steer_plan *plan, const evoke_model *m, size_t file, const char *emotion,
                                  double alpha, evoke_steering **out, evoke_error *err);
/* True where the strengths move nothing: all alphas are 0 in a mode that scales by alpha. */
bool steer_plan_idle(const steer_plan *plan);
/* What was asked for; `only` (or NULL) replaces the plan's strengths. */
json_t *steer_plan_json(const steer_plan *plan, const strength *only, const evoke_steering *s);

#endif
