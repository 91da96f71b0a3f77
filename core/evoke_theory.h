/* evoke_theory.h: section 4 of evoke.h, which includes it: how good the emotion vector is as a direction. */
#ifndef EVOKE_THEORY_H
#define EVOKE_THEORY_H

#include "evoke.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ============================================================================================ 4 theory
 * Two-class Fisher discriminants against emotion vectors, per layer and emotion. Class 1: an emotion's queries in the
 * emotion setting; class 0: the same queries in the neutral setting. In sample. */
enum { EVOKE_SHRINK_LEDOIT_WOLF = -1, EVOKE_SHRINK_OAS = -2, EVOKE_SHRINK_CV = -3 };    /* CV: by held-out likelihood */
typedef struct evoke_fisher_options {
    evoke_site site;
    evoke_span span; bool any_span;
    int32_t first_layer, last_layer;    /* by number; last < 0: to the end */
    double shrinkage;                   /* 0..1, or one of the above */
    const evoke_vectors *vectors;       /* compare with these; NULL: the store's own mean differences */
    bool raw;                           /* keep w as Sw^-1 ev; otherwise scaled to the EV's norm */
} evoke_fisher_options;
typedef struct evoke_fisher_row {
    int32_t layer;
    size_t emotion, n;                  /* index into the store's emotions; queries used */
    double cosine, whitened_cosine, fisher_ratio_ev, fisher_ratio_w, efficiency;
    double dprime_ev, dprime_w, auc_ev, auc_w, shrinkage;
} evoke_fisher_row;
typedef struct evoke_fisher_result {
    evoke_fisher_row *rows;             /* [n_rows] layer by layer, emotion by emotion */
    size_t n_rows;
    evoke_vectors *directions;          /* method "fisher" */
} evoke_fisher_result;
EVOKE_API void evoke_fisher_result_free(evoke_fisher_result *r);
/* Errors: EVOKE_EDATA fewer than two complete queries in an emotion, or a value that is not finite; EVOKE_ESINGULAR
 * shrinkage is 0 and Sw is not invertible (D >= N). Memory: O(N * D) doubles, one layer at a time. */
EVOKE_API evoke_status evoke_fisher(evoke_store *s, const evoke_fisher_options *options, const evoke_progress *progress,
                                    evoke_fisher_result *out, evoke_error *err);

/* ---- two stores, or two vectors files, of the same queries: what another model, or one in fewer bits, makes of the EVs ---- */
typedef struct evoke_comparison_row {
    evoke_site site;
    int32_t layer;
    size_t emotion, n;                  /* index into the emotions of the first; its queries, 0: the file does not say */
    double cosine;                      /* of the two EVs; NaN where one has no length */
    double norm_a, norm_b, norm_ratio;  /* lengths of the EVs, and that of the second over that of the first */
    double fisher_a, fisher_b, fisher_change;   /* of stores: J along each one's own EV (fisher_ratio_ev of evoke_fisher_row), and
                                                 * the second's over the first's; otherwise NaN */
} evoke_comparison_row;
typedef struct evoke_comparison {
    evoke_comparison_row *rows;         /* [n_rows] site by site, layer by layer, emotion by emotion, in the order of the first */
    size_t n_rows;
    bool same_prompts;                  /* of stores: the queries were asked in the same words, as far as the files say */
} evoke_comparison;
EVOKE_API void evoke_comparison_free(evoke_comparison *c);
/* span NULL: the one that evoke_mean_difference takes of the first. Errors: EVOKE_EDATA queries, emotions, settings, layers,
 * sites or the width are not the same in both, the first difference in the text; those of evoke_fisher. Memory: that of evoke_fisher
 * for both. */
EVOKE_API evoke_status evoke_compare_stores(evoke_store *a, evoke_store *b, const evoke_span *span,
                                            const evoke_progress *progress, evoke_comparison *out, evoke_error *err);
/* The same of vectors, which know their queries by number alone. Errors: EVOKE_EDATA emotions, numbers of queries, layers, sites,
 * span, method or the width are not the same in both. */
EVOKE_API evoke_status evoke_compare_vectors(const evoke_vectors *a, const evoke_vectors *b, evoke_comparison *out,
                                             evoke_error *err);

/* ---- all of theory/: directions, intervals, controls, out of sample, whiteness, geometry (theory/README.md) ---- */
typedef struct evoke_theory_options {
    evoke_fisher_options fisher;        /* what is compared; raw is for all directions */
    size_t n_bootstrap;                 /* replicates of intervals; 0: none */
    size_t n_permutation;               /* of signs, for p-values; 0: none */
    size_t n_control;                   /* random directions and permuted EVs; 0: none */
    size_t n_fold;                      /* of queries, for figures out of sample; under 2: none */
    uint64_t seed;
    size_t n_threads;                   /* 0: the cores this process may use; the results do not depend on it */
    const char *replicates;             /* file of all fits' replicates, made in shards and merged; NULL: they are made */
} evoke_theory_options;
EVOKE_API evoke_theory_options evoke_theory_defaults(void);     /* 1000, 1000, 200, 10, seed 0; fisher: lw, all layers */

typedef struct evoke_figure {
    const char *name;                   /* "efficiency", "efficiency_interval" */
    const char *axes;                   /* a letter a dimension: L layer, E or F emotion, G layer, I ends of an interval, ... */
    size_t n_dim, dims[4];
    const double *values;               /* NaN where a figure could not be computed */
} evoke_figure;
typedef enum evoke_direction {
    EVOKE_DIRECTION_FISHER, EVOKE_DIRECTION_OFFSET, EVOKE_DIRECTION_REST, EVOKE_DIRECTION_DISCRIMINANTS,
    EVOKE_DIRECTION_COMPONENT, EVOKE_N_DIRECTION
} evoke_direction;
EVOKE_API const char *evoke_direction_name(evoke_direction direction);          /* "fisher", "offset", "rest", ... */
EVOKE_API bool evoke_direction_find(const char *name, evoke_direction *direction);

typedef struct evoke_theory evoke_theory;
/* Errors: those of evoke_fisher. Memory: O(N * D + N^2) doubles, one layer at a time. */
EVOKE_API evoke_status evoke_theory_run(evoke_store *s, const evoke_theory_options *options, const evoke_progress *progress,
                                        evoke_theory **out, evoke_error *err);
/* The costly part alone, divided: a shard (1 to n_shards; 1 of 1: all) of the refits' replicates and jackknife, to a file; merged
 * they are options.replicates of evoke_theory_run, whose result is then the same in every bit. Errors: EVOKE_EARG no such shard, no
 * replicates asked for, or options.replicates set; those of evoke_theory_run. */
EVOKE_API evoke_status evoke_theory_replicates(evoke_store *s, const evoke_theory_options *options, size_t shard, size_t n_shards,
                                               const char *path, const evoke_provenance *made, const evoke_progress *progress,
                                               evoke_error *err);
/* Errors: EVOKE_EDATA a shard is missing, there twice, or of another analysis. Memory: all replicates twice. */
EVOKE_API evoke_status evoke_replicates_merge(const char *const *paths, size_t n, const char *path, const evoke_provenance *made,
                                              evoke_error *err);
EVOKE_API void evoke_theory_free(evoke_theory *t);
EVOKE_API const evoke_fisher_result *evoke_theory_fisher(const evoke_theory *t);
EVOKE_API const evoke_figure *evoke_theory_figure(const evoke_theory *t, size_t i);         /* NULL past the end */
EVOKE_API const evoke_figure *evoke_theory_find(const evoke_theory *t, const char *name);   /* NULL: there is none */
/* Vectors that --ev takes, at the EV's length unless raw. Discriminants are named discriminant1, ...; NULL: one emotion. */
EVOKE_API const evoke_vectors *evoke_theory_directions(const evoke_theory *t, evoke_direction direction);
/* All figures to HDF5 (format "evoke-theory"). Errors: EVOKE_EIO. */
EVOKE_API evoke_status evoke_theory_save(const evoke_theory *t, const char *path, const evoke_provenance *made,
                                         evoke_error *err);

/* ---- the paper's four claims on the running model, on queries held out (theory/README.md) ---- */
typedef struct evoke_claims_options {
    const evoke_vectors *vectors;       /* the EVs */
    evoke_site site; bool any_site;     /* where they are added; any: attn_out, or the first that vectors and store both hold */
    const int32_t *layers; size_t n_layers;     /* in which layers, in any order; NULL: the middle third of those both hold */
    evoke_positions positions;
    evoke_site score_site; bool any_score_site; /* where emotion is read; any: resid_post, or the first that the store holds */
    int32_t score_layer;                /* after the last one steered; -1: half way from there to the end */
    evoke_span span; bool any_span;     /* of the prompt, whose mean is read */
    double shrinkage;                   /* as in evoke_fisher_options */
    const double *alphas; size_t n_alpha;       /* rising; 0 is added where it lacks; NULL: -2 .. 4 */
    size_t n_fold, n_held;              /* every n_fold-th query is held out, at most n_held an emotion */
    size_t n_predict;                   /* tokens of a response */
    size_t n_bootstrap;
    uint64_t seed;
    const evoke_encoder *encoder;       /* of sentences, for the similarity of responses; NULL: that is left out */
    const evoke_model *judge;           /* chat model that says what emotion responses express; NULL: that is left out */
} evoke_claims_options;
EVOKE_API evoke_claims_options evoke_claims_defaults(void);     /* 5 folds, 10 queries, 24 tokens, 1000 replicates, seed 0 */

typedef struct evoke_claims evoke_claims;
/* The store must outlive the result. Errors: EVOKE_EDATA the model is not the store's, no site or layer in common, too few
 * queries; EVOKE_EARG a layer asked for twice; those of evoke_fisher. */
EVOKE_API evoke_status evoke_claims_run(const evoke_model *m, evoke_store *s, const evoke_claims_options *options,
                                        const evoke_progress *progress, evoke_claims **out, evoke_error *err);
EVOKE_API void evoke_claims_free(evoke_claims *c);
/* Figures by name, "gain/slope": the claim before the slash. NULL past the end. Axes: E, F emotion, A alpha, B direction, R range,
 * L steered layer, I ends of an interval, S mean and 95 % point. */
EVOKE_API const evoke_figure *evoke_claims_figure(const evoke_claims *c, size_t i);
EVOKE_API const evoke_figure *evoke_claims_find(const evoke_claims *c, const char *name);
/* The directions compared, in order: "ev", "fisher", ...; NULL past the end. */
EVOKE_API const char *evoke_claims_direction(size_t i);
/* What was steered and read, in a line. */
EVOKE_API const char *evoke_claims_text(const evoke_claims *c);
/* All figures to HDF5 (format "evoke-claims"). Errors: EVOKE_EIO. */
EVOKE_API evoke_status evoke_claims_save(const evoke_claims *c, const char *path, const evoke_provenance *made, evoke_error *err);

/* ---- against people: directions fitted to a store's queries, on texts that people labelled (theory/README.md) ---- */
/* What people said of the texts of a store: any number of labels each. */
typedef struct evoke_labels evoke_labels;
/* From JSON Lines (or a list) of objects with "id" and, under `key`, a label or a list of some. Objects of no text of the store
 * are not looked at. Errors: EVOKE_EFORMAT; EVOKE_EDATA a text of the store is not in the file. */
EVOKE_API evoke_status evoke_labels_open(const char *path, const char *key, const evoke_store *s, evoke_labels **out,
                                         evoke_error *err);
/* The store's own emotions. Errors: EVOKE_EDATA its texts have none. */
EVOKE_API evoke_status evoke_labels_of_store(const evoke_store *s, evoke_labels **out, evoke_error *err);
EVOKE_API void evoke_labels_free(evoke_labels *l);
/* Words' valence and arousal, as data/valence_arousal.json has them. */
typedef struct evoke_ratings evoke_ratings;
EVOKE_API evoke_status evoke_ratings_open(const char *path, evoke_ratings **out, evoke_error *err);
EVOKE_API void evoke_ratings_free(evoke_ratings *r);

typedef struct evoke_labelled_options {
    evoke_fisher_options fisher;        /* how directions are fitted; raw is not read */
    evoke_span text_span; bool any_text_span;   /* of the texts; any: the directions' span if held, else as for a store */
    const evoke_ratings *ratings;       /* NULL: none */
    size_t n_bootstrap;                 /* draws of texts for the intervals; 0: none */
    uint64_t seed;
    size_t n_threads;                   /* 0: the cores this process may use; the results do not depend on it */
} evoke_labelled_options;
typedef struct evoke_labelled_info {
    evoke_site site;
    evoke_span span, text_span;
    size_t n_text, n_left_out;          /* complete; not */
    bool has_neutral;                   /* labels' EVs are against texts labelled `neutral`; otherwise against all texts */
} evoke_labelled_info;
typedef struct evoke_labelled evoke_labelled;
/* queries: the store that directions are fitted to, as evoke_fisher takes it. texts: of one setting. Emotions that are both
 * the queries' and labels are judged. Errors: those of evoke_fisher; EVOKE_EDATA the stores are of two models, there is no
 * emotion in common, or a label that all texts have. Memory: O((N + texts) * D) doubles, one layer at a time. */
EVOKE_API evoke_status evoke_labelled_run(evoke_store *queries, evoke_store *texts, const evoke_labels *labels,
                                          const evoke_labelled_options *options, const evoke_progress *progress,
                                          evoke_labelled **out, evoke_error *err);
EVOKE_API void evoke_labelled_free(evoke_labelled *t);
EVOKE_API const evoke_labelled_info *evoke_labelled_describe(const evoke_labelled *t);
EVOKE_API const evoke_figure *evoke_labelled_figure(const evoke_labelled *t, size_t i);         /* NULL past the end */
EVOKE_API const evoke_figure *evoke_labelled_find(const evoke_labelled *t, const char *name);   /* NULL: there is none */
/* Name of the i-th on an axis: A direction, X pair of directions (by the second), E or F emotion, C or B label; NULL past the
 * end or for another axis. */
EVOKE_API const char *evoke_labelled_name(const evoke_labelled *t, char axis, size_t i);
EVOKE_API int32_t evoke_labelled_layer(const evoke_labelled *t, size_t i);                      /* its number */
/* All figures to HDF5 (format "evoke-labelled"). Errors: EVOKE_EIO. */
EVOKE_API evoke_status evoke_labelled_save(const evoke_labelled *t, const char *path, const evoke_provenance *made,
                                           evoke_error *err);

/* ---- figures read back from a file that evoke_theory_save, evoke_claims_save or evoke_labelled_save wrote ---- */
typedef struct evoke_figures evoke_figures;
/* Errors: EVOKE_EIO; EVOKE_EFORMAT no such file, or figures and names that do not fit together. */
EVOKE_API evoke_status evoke_figures_open(const char *path, evoke_figures **out, evoke_error *err);
EVOKE_API void evoke_figures_free(evoke_figures *f);
EVOKE_API const evoke_figure *evoke_figures_at(const evoke_figures *f, size_t i);           /* NULL past the end */
EVOKE_API const evoke_figure *evoke_figures_find(const evoke_figures *f, const char *name); /* NULL: there is none */
/* Name of the i-th on an axis: E or F emotion, B direction, of labelled texts A direction, B or C label; NULL past the end or for
 * another axis. */
EVOKE_API const char *evoke_figures_name(const evoke_figures *f, char axis, size_t i);
/* 0: no figure has it. Of C and B of texts none of whose labels has an EV 1: a place without a name. */
EVOKE_API size_t evoke_figures_size(const evoke_figures *f, char axis);
EVOKE_API int32_t evoke_figures_layer(const evoke_figures *f, size_t l);                    /* its number; -1 past the end */

/* The principal plane of a site's EVs at the l-th layer held, less EVbase: plane [E, 2] their coordinates on the first two
 * principal axes, share [2] those axes' shares of the variance (theory/geometry.h). Errors: EVOKE_EARG no such site or layer; EVOKE_ENOMEM,
 * EVOKE_ECOMPUTE. */
EVOKE_API evoke_status evoke_vectors_plane(const evoke_vectors *v, evoke_site site, size_t l, double *plane, double share[2],
                                           evoke_error *err);

#ifdef __cplusplus
}
#endif

#endif
