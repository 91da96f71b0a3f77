/* experiments/tuning.h: what `evoke tune` found for a file of vectors and a model, kept beside the vectors as FILE.tune.json.
 *
 *   {"format": "evoke-tuning", "version": 1, "models": [{"model", "model_sha256", "vectors_norm", "site", "layers", "positions",
 *    "mode", "base_share", "alpha": {EMOTION: A}, "safe": [LOW, HIGH], "max_loss", "figures"}]}
 *
 * Under it, strength x of an emotion is x A (EV - base_share EVbase): 1 is the strongest that the model takes within the loss
 * of perplexity asked for, whatever the model; safe is the range of x within that loss. An entry holds for one model (by
 * SHA-256) and for these vectors (by their norm at the site): other vectors are not steered by what was found for these. */
#ifndef TUNING_H
#define TUNING_H

#include <jansson.h>

#include "experiments/command.h"

typedef struct tuning {
    evoke_site site;
    evoke_positions positions;
    evoke_steer_mode mode;
    int32_t *layers;            /* [n_layers] */
    size_t n_layers;
    double base_share;
    char **emotions;            /* [n] */
    double *alphas;             /* [n] */
    size_t n;
    double low, high;           /* safe strengths */
    double max_loss;
} tuning;

/* VECTORS.tune.json; the caller's. NULL: no memory. */
char *tuning_path(const char *vectors_path);
/* The entry for this model and these vectors; *out NULL where there is no file, or none in it. Errors: EVOKE_EFORMAT. */
evoke_status tuning_read(const char *path, const evoke_vectors *v, const evoke_model *m, tuning **out, evoke_error *err);
void tuning_free(tuning *t);
/* Adds an entry, or puts it in the place of this model's; entries of other models stay. figures: taken, kept for readers. */
evoke_status tuning_write(const char *path, const evoke_vectors *v, const evoke_model *m, const tuning *t, json_t *figures,
                          evoke_error *err);
/* The alpha that strength 1 is for an emotion; for one that was not tuned, and for "base", the geometric mean of the others'. */
double tuning_alpha(const tuning *t, const char *emotion);

#endif
