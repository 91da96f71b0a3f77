/* experiments/sweep.h: a grid of steered responses: queries x samples x cells.
 *
 * A cell is one way to get a response: unsteered, an emotion's vector at a strength, or a baseline to hold it against. What
 * alpha 0 would leave unsteered is one cell, and not one for each emotion: eval counts it for every one. Response i is of
 * query i / (K C), sample i / C mod K, cell i mod C (K samples, C cells); its random stream is (seed, query * K + sample), as
 * in `generate`, so that the cells of one query differ by the cell alone. */
#ifndef SWEEP_H
#define SWEEP_H

#include <jansson.h>

#include "experiments/digest.h"
#include "experiments/prompts.h"
#include "experiments/responder.h"

typedef struct sweep_cell {
    const char *emotion, *baseline;     /* "" and "none": unsteered; baseline "": the emotion vector alone */
    double alpha;
    size_t asked;                       /* 0: the query as it is; 1 + e: in the setting of emotion e */
    evoke_steering *steering;           /* NULL: none */
    json_t *how;                        /* what it is, for the file; null where there is none */
    char variant[160];                  /* "relative attn_out 5-14": in a grid of several such; "" elsewhere */
} sweep_cell;

typedef struct layer_range { int32_t *list; size_t n; const char *text; } layer_range;      /* list NULL: all */

typedef struct sweep_grid {
    evoke_vectors *ev, *random;         /* random: of the same lengths; NULL: not asked for */
    const char *path;
    char ev_sha256[65];                 /* of the values */
    uint64_t seed;                      /* of the random vectors */
    char **emotions;                    /* [n_emotion] "base" is EVbase */
    double *alphas;                     /* [n_alpha] */
    evoke_steer_mode *modes;            /* [n_mode] */
    evoke_site *sites;                  /* [n_site] */
    layer_range *layers;                /* [n_range] */
    size_t n_emotion, n_alpha, n_mode, n_site, n_range;
    evoke_positions positions;
    bool less_base, unsteered, prompted, random_given, both;
    sweep_cell *cells;                  /* [n_cell] */
    size_t n_cell;
} sweep_grid;

/* From --ev, --emotions, --alphas, --baselines, --steer-mode, --site, --layers, --positions, --less-base. Free whatever it
 * returns. */
evoke_status sweep_grid_read(const options *o, uint64_t seed, sweep_grid *g, evoke_error *err);
/* Makes the cells for a model. */
evoke_status sweep_grid_make(sweep_grid *g, const evoke_model *m, evoke_error *err);
void sweep_grid_free(sweep_grid *g);
/* Is any query asked in an emotional setting? */
bool sweep_asks(const sweep_grid *g);

#endif
