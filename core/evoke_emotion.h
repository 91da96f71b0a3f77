/* evoke_emotion.h: section 3 of evoke.h, which includes it: what the paper does with a model. */
#ifndef EVOKE_EMOTION_H
#define EVOKE_EMOTION_H

#include "evoke.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ============================================================================================ 3 emotion
 * ---- dataset: queries with the labels that they come with ---- */
typedef struct evoke_dataset evoke_dataset;
typedef struct evoke_query { const char *text, *id, *language; int32_t emotion; } evoke_query;  /* emotion -1: none */
EVOKE_API evoke_status evoke_dataset_open(const char *path, evoke_dataset **out, evoke_error *err);
EVOKE_API void evoke_dataset_free(evoke_dataset *d);
EVOKE_API size_t evoke_dataset_count(const evoke_dataset *d);
EVOKE_API const evoke_query *evoke_dataset_query(const evoke_dataset *d, size_t i);
EVOKE_API size_t evoke_dataset_emotion_count(const evoke_dataset *d);
EVOKE_API const char *evoke_dataset_emotion(const evoke_dataset *d, size_t e);
/* Keeps the first n queries of each emotion (those without one count as an emotion of their own). */
EVOKE_API evoke_status evoke_dataset_limit(evoke_dataset *d, size_t n, evoke_error *err);

/* ---- settings: how a query is asked, neutrally and in an emotional state ---- */
typedef struct evoke_settings evoke_settings;
EVOKE_API evoke_status evoke_settings_open(const char *path, evoke_settings **out, evoke_error *err);
EVOKE_API evoke_status evoke_settings_default(evoke_settings **out, evoke_error *err);
EVOKE_API void evoke_settings_free(evoke_settings *s);
EVOKE_API size_t evoke_settings_count(const evoke_settings *s);
EVOKE_API const char *evoke_settings_name(const evoke_settings *s, size_t i);
EVOKE_API const char *evoke_settings_system(const evoke_settings *s);           /* NULL: none */
EVOKE_API bool evoke_settings_raw(const evoke_settings *s);                     /* texts as they are: no chat template */
/* The user turn that asks a query in the setting of that name: {query} and {emotion} put into its wording. emotion NULL: the
 * query has none. Errors: EVOKE_EDATA there is no such setting, or it names an emotion and there is none. */
EVOKE_API evoke_status evoke_settings_ask(const evoke_settings *s, const char *setting, const char *query, const char *emotion,
                                          evoke_text *turn, evoke_error *err);

/* ---- steering: h <- h + sum_e alpha_e EV_e at a site, and other modes; emotion/steer.c has their equations ---- */
typedef struct evoke_steering evoke_steering;
typedef enum evoke_steer_mode {
    EVOKE_STEER_ADD, EVOKE_STEER_RELATIVE, EVOKE_STEER_RENORM, EVOKE_STEER_ABLATE, EVOKE_STEER_CLAMP, EVOKE_N_STEER_MODE
} evoke_steer_mode;
typedef enum evoke_positions {
    EVOKE_AT_ALL, EVOKE_AT_PROMPT, EVOKE_AT_RESPONSE, EVOKE_AT_LAST, EVOKE_N_POSITIONS
} evoke_positions;
EVOKE_API const char *evoke_steer_mode_name(evoke_steer_mode mode);
EVOKE_API const char *evoke_positions_name(evoke_positions positions);
EVOKE_API bool evoke_steer_mode_find(const char *name, evoke_steer_mode *mode);
EVOKE_API bool evoke_positions_find(const char *name, evoke_positions *positions);
typedef struct evoke_strength { const char *emotion; double alpha; } evoke_strength;    /* emotion "base": EVbase */
typedef struct evoke_steer_options {
    const evoke_vectors *vectors;
    const evoke_strength *strengths;    /* [n_strengths]; a file of one vector may be named NULL */
    size_t n_strengths;
    evoke_site site;
    evoke_positions positions;
    evoke_steer_mode mode;
    const int32_t *layers;              /* [n_layers]; NULL: all that the vectors hold */
    size_t n_layers;
    bool less_base;                     /* take EVbase off each EV first */
    /* A ramp: strength i runs linearly from starts[i] to its alpha, over the layers edited, from the first to the last by
     * number (ramp_tokens 0), or over tokens, from the prompt's to the ramp_tokens-th generated one. NULL: no ramp. */
    const double *starts;               /* [n_strengths] */
    size_t ramp_tokens;
    double half_life;                   /* generated tokens in which alpha halves; 0: it stays */
} evoke_steer_options;
/* An empty steering for a model; evoke_steering_add puts edits into it, applied in that order: each with modes, site, layers
 * and positions of its own, so that EVs may be mixed freely. Copies what it needs. */
EVOKE_API evoke_status evoke_steering_new(const evoke_model *m, evoke_steering **out, evoke_error *err);
EVOKE_API void evoke_steering_free(evoke_steering *s);
/* Errors: EVOKE_EDATA the vectors have another width, lack the site, the emotion or a layer asked for, or what the mode needs:
 * typical norms (relative), the neutral class's components (clamp); EVOKE_EARG a ramp or decay with ablate, an empty list of layers.
 * A failed call changes nothing. */
EVOKE_API evoke_status evoke_steering_add(evoke_steering *s, const evoke_steer_options *options, evoke_error *err);
/* One line that says what it does, as in the JSON of `generate`; owned by s. */
EVOKE_API const char *evoke_steering_text(const evoke_steering *s);
/* What of it changes nothing, and why ("joy: alpha is 0; ..."); "": all of it does something. Owned by s. */
EVOKE_API const char *evoke_steering_idle(const evoke_steering *s);

/* ---- session: one timeline ---- */
typedef struct evoke_session evoke_session;
/* n_ctx: positions to make room for, 0: the model's own limit or 4096, whichever is less. */
EVOKE_API evoke_status evoke_session_new(const evoke_model *m, size_t n_ctx, evoke_session **out, evoke_error *err);
EVOKE_API void evoke_session_free(evoke_session *s);
EVOKE_API void evoke_session_reset(evoke_session *s);
/* NULL: none. The steering must outlive the session's use of it. Holds from the next evaluation on: it may change between any
 * two tokens. A ramp or decay counts the tokens of the response, not those since the change. */
EVOKE_API void evoke_session_steer(evoke_session *s, const evoke_steering *steering);
/* Runs n ids; a first call, or one after a reset, is the prompt, later ones are the response. logits [V] of the last
 * one are then at evoke_session_logits. */
EVOKE_API evoke_status evoke_session_eval(evoke_session *s, const int32_t *ids, size_t n, evoke_error *err);
EVOKE_API const float *evoke_session_logits(const evoke_session *s);
EVOKE_API size_t evoke_session_position(const evoke_session *s);

/* ---- generate: many prompts at once, each with its own sampling stream and steering ---- */
typedef struct evoke_sampling {
    double temperature;         /* 0: greedy */
    size_t top_k;               /* 0: off */
    double top_p, min_p;        /* 1 and 0: off */
    uint64_t seed, stream;      /* PCG64(seed), stream index: the response's own */
} evoke_sampling;
typedef enum evoke_stop { EVOKE_STOP_LENGTH, EVOKE_STOP_EOS, EVOKE_STOP_STRING, EVOKE_STOP_CALLER } evoke_stop;
EVOKE_API const char *evoke_stop_name(evoke_stop stop);
typedef struct evoke_request {
    const int32_t *ids;                 /* [n_ids] the prompt, at least one */
    size_t n_ids, n_predict;
    evoke_sampling sampling;
    const evoke_steering *steering;     /* NULL: none; read before every token, so that on_token may change it */
    bool ignore_end, at_least_one;      /* go on past EOS; never begin with it */
} evoke_request;
typedef struct evoke_response {
    int32_t *ids;                       /* [n] generated, the end token left out */
    float *logprobs;                    /* [n] natural logarithm, under the unscaled steered logits */
    size_t n;
    evoke_stop stop;
    double seconds, first_seconds;      /* from the start of its prompt to its last token, and to its first */
} evoke_response;
EVOKE_API void evoke_responses_free(evoke_response *r, size_t n);
/* Called for each token as it is drawn, in order within a request; return false to end that request. */
typedef bool (*evoke_on_token)(void *user, size_t request, int32_t id, float logprob);
/* responses: out, [n], zeroed by the caller, freed with evoke_responses_free. n_batch: sequences run together, 0: 32.
 * What prompts with the same steering begin with alike is run once, before the first token (its keys take at most as much memory as
 * those of the sequences that run together). Results do not depend on that, n_batch, threads or order. */
EVOKE_API evoke_status evoke_generate(const evoke_model *m, const evoke_request *requests, size_t n, size_t n_batch,
                                      evoke_on_token on_token, void *user, const evoke_progress *progress,
                                      evoke_response *responses, evoke_error *err);

/* One response on a session: as evoke_generate gives it, but what the session holds already of the beginning of r->ids is not run
 * again (*n_run, may be NULL: prompt tokens that were), and stays as it was steered when it was run. Every token of the response
 * is run, so that a longer prompt may go on from there. steering: r's, as if set by evoke_session_steer. out: zeroed by the
 * caller, freed with evoke_responses_free; what was drawn before an error is in it. on_token, progress (between stretches of the
 * prompt): may be NULL. Errors: those of evoke_generate; EVOKE_EARG more tokens than the session has positions;
 * EVOKE_EINTERRUPTED within the prompt. */
EVOKE_API evoke_status evoke_session_generate(evoke_session *s, const evoke_request *r, evoke_on_token on_token, void *user,
                                              const evoke_progress *progress, evoke_response *out, size_t *n_run,
                                              evoke_error *err);

/* ---- trace: one pass, every hook point, to HDF5 ---- */
typedef struct evoke_trace_options {
    const int32_t *ids;                 /* [n_ids] */
    size_t n_ids, n_predict;            /* greedy continuation */
    const evoke_site *sites;            /* [n_sites]; NULL: all */
    size_t n_sites;
    const evoke_steering *steering;
} evoke_trace_options;
/* progress may be NULL. Errors: EVOKE_EINTERRUPTED: nothing is written. */
EVOKE_API evoke_status evoke_trace(const evoke_model *m, const evoke_trace_options *options, const char *path,
                                   const evoke_provenance *made, const evoke_progress *progress, evoke_error *err);

/* ---- extract: dataset x settings through a model, activations to a store ---- */
typedef struct evoke_extract_options {
    const evoke_site *sites;  size_t n_sites;       /* none: resid_post */
    const evoke_span *spans;  size_t n_spans;       /* none: query */
    const int32_t *layers;    size_t n_layers;      /* none: all */
    size_t n_predict;                               /* tokens of a response; 0: 32 */
    size_t batch_tokens;                            /* tokens run together; 0: 4096 */
    evoke_sampling sampling;                        /* for responses */
    bool store_tokens, tokens_float16;
    size_t shard, n_shards;                         /* the shard-th, from 1, of so many blocks of queries; 0, 0: all of them */
    /* Told how large the store will be at most, in bytes, before it is made or anything is run; NULL: nobody. */
    void (*on_size)(void *user, uint64_t most_bytes);
    void *user;
} evoke_extract_options;
typedef struct evoke_extract_report {
    uint64_t n_prompts, n_done_before, n_tokens_run, n_tokens_shared, n_generated;     /* n_prompts: of the shard */
    uint64_t n_most_bytes;      /* what on_size was told */
    double seconds, run_seconds;        /* in all; after prompts were made and the model's files hashed */
} evoke_extract_report;
/* Items [*first, *first + *n) of `total` are those of a shard, from 1, of n_shards: blocks whose sizes differ by one at most,
 * those without an item last. */
EVOKE_API void evoke_shard_range(size_t shard, size_t n_shards, size_t total, size_t *first, size_t *n);
/* Errors: EVOKE_EDATA the store at path is of another model, dataset, or settings; EVOKE_EBUSY another process writes
 * it; EVOKE_EIO the disk is full; EVOKE_EINTERRUPTED the callback said stop: call again to continue. */
EVOKE_API evoke_status evoke_extract(const evoke_model *m, const evoke_dataset *dataset, const evoke_settings *settings,
                                     const evoke_extract_options *options, const char *path,
                                     const evoke_provenance *made, const evoke_progress *progress,
                                     evoke_extract_report *report, evoke_error *err);

/* ---- store: what an extraction wrote, or another program in the same layout ---- */
typedef struct evoke_store evoke_store;
typedef struct evoke_store_info {
    size_t n_query, n_setting, n_emotion, n_layer, d_model, n_site, n_done;     /* n_done of n_query * n_setting */
    const char *model_name, *model_sha256;
} evoke_store_info;
EVOKE_API evoke_status evoke_store_open(const char *path, evoke_store **out, evoke_error *err);
/* Joins the shards of one extraction, given in any order, to the store that an undivided run writes: the same in every dataset.
 * Holds all texts and token ids, as an extraction does, and activations a few MiB at a time. Errors: EVOKE_EDATA a shard is
 * unfinished, missing or there twice, or of another model, version, dataset or settings; the file at fault is named. */
EVOKE_API evoke_status evoke_store_merge(const char *const *paths, size_t n, const char *path, const evoke_provenance *made,
                                         const evoke_progress *progress, evoke_error *err);
EVOKE_API void evoke_store_free(evoke_store *s);
EVOKE_API const evoke_store_info *evoke_store_describe(const evoke_store *s);
EVOKE_API const char *evoke_store_emotion(const evoke_store *s, size_t e);
EVOKE_API const char *evoke_store_setting(const evoke_store *s, size_t i);
EVOKE_API evoke_site evoke_store_site(const evoke_store *s, size_t i);
EVOKE_API bool evoke_store_has(const evoke_store *s, evoke_site site, evoke_span span);
EVOKE_API int32_t evoke_store_layer(const evoke_store *s, size_t l);
EVOKE_API size_t evoke_store_emotion_count(const evoke_store *s, size_t e);     /* queries of that emotion */
/* Where one position's norm is over ten times the median of a span's tokens: the largest ratio, its layer; 0: none, or
 * the store holds no token norms. */
EVOKE_API evoke_status evoke_store_sink(evoke_store *s, evoke_site site, evoke_span span, double *ratio,
                                        int32_t *layer, evoke_error *err);

/* What of a store is meant; nothing given: all of it. */
typedef struct evoke_store_choice {
    const char *const *emotions; size_t n_emotions;     /* queries of these */
    const char *const *ids;      size_t n_ids;          /* and of these ids */
    const char *const *settings; size_t n_settings;     /* in this order */
    const int32_t *layers;       size_t n_layers;       /* by number, in this order */
    const evoke_site *sites;     size_t n_sites;
    const evoke_span *span;
    bool no_tokens;                                     /* leave out what was stored of every token */
    bool float16;                                       /* a store: its means and tokens rounded to half precision */
    bool compressed;                                    /* a store: its arrays by shuffle and deflate, without loss */
} evoke_store_choice;
/* A smaller store, of the same layout. Memory: one prompt's. progress may be NULL. Errors: EVOKE_EDATA what is chosen is not held;
 * EVOKE_EIO; EVOKE_EINTERRUPTED: nothing is written. */
EVOKE_API evoke_status evoke_store_select(evoke_store *s, const evoke_store_choice *choice, const char *path,
                                          const evoke_provenance *made, const evoke_progress *progress, evoke_error *err);
/* Span means of one site and span (the choice's; where it has none: the store's first site, the span that evoke_mean_difference
 * takes) for other programs: a name in .npy: float32 [N, S, L, D]; in .csv: a line a query, setting and layer, "id,emotion,setting,
 * layer,x0,...", numbers with 9 digits, which give a float32 back. Memory: all of the result. Errors: as above; EVOKE_EARG
 * another ending; EVOKE_EDATA a prompt is not done. */
EVOKE_API evoke_status evoke_store_table(evoke_store *s, const evoke_store_choice *choice, const char *path,
                                         const evoke_progress *progress, evoke_error *err);

/* ---- emotion vectors: EV[e] = mean over queries of (emotion - neutral), EVbase = mean over emotions ---- */
typedef struct evoke_ev_options { evoke_span span; bool any_span; bool partial; } evoke_ev_options;
typedef struct evoke_ev_report { size_t n_used, n_left_out; evoke_span span; } evoke_ev_report;
/* any_span: the only span held, or `response` before `query` where there are several. progress and report may be NULL.
 * Errors: EVOKE_EDATA a query is incomplete and `partial` is not set; EVOKE_EINTERRUPTED. */
EVOKE_API evoke_status evoke_mean_difference(evoke_store *s, const evoke_ev_options *options, const evoke_progress *progress,
                                             evoke_vectors **out, evoke_ev_report *report, evoke_error *err);

/* ---- observe: one text under many steerings: what it is inside, and how likely what follows stays ---- */
typedef struct evoke_observed {
    const int32_t *ids;                 /* [n_ids] */
    size_t n_ids, n_prompt;             /* the prompt, and what follows it, which may be nothing */
    evoke_site site; int32_t layer;     /* where activations are averaged, */
    size_t first, last;                 /* over these tokens of the prompt */
} evoke_observed;
/* steerings [n], NULL in it: none. rows [n, D], NULL: not wanted; nll [n] and kl [n] of what follows, in nats a token: its mean
 * negative log-likelihood, and the mean divergence KL(unsteered || steered) of the next-token distribution; left as they are where
 * nothing follows. Results do not depend on the company or the threads. */
EVOKE_API evoke_status evoke_observe(const evoke_model *m, const evoke_observed *text, const evoke_steering *const *steerings,
                                     size_t n, float *rows, double *nll, double *kl, evoke_error *err);

/* ---- emotion mix: how far a text moves the model towards each emotion, as it is read and not steered (emotion/mix.c) ---- */
typedef struct evoke_mix_options {
    const evoke_vectors *vectors;
    evoke_site site;
    const int32_t *layers; size_t n_layers;     /* NULL: all that the vectors hold */
    const int32_t *ids; size_t n_ids;           /* the text */
    size_t first, last;                         /* the tokens averaged over */
} evoke_mix_options;
/* mix [E]: 0 where the neutral class's mean lies, 1 where the emotion's does, less what all emotions share. Errors: EVOKE_EDATA the
 * vectors are of another width or layers, lack the site, a layer asked for or the neutral class's components
 * (evoke_vectors_neutral); EVOKE_EARG no token, or too many. */
EVOKE_API evoke_status evoke_emotion_mix(const evoke_model *m, const evoke_mix_options *options, double *mix, evoke_error *err);

/* ---- measures of a text ---- */
/* How likely a model finds texts, one after the other. What a text begins with as the one before did is not run again, so the
 * responses to a prompt are best scored together; the figures are the same in any order, bit for bit. A text of more than `window`
 * tokens (0: the model's context) is read in windows of that length half of it apart, each for the tokens that the one before left
 * (as transformers' guide to perplexity has it). The model must outlive the scorer; one thread at a time.
 * Errors: EVOKE_EARG window beyond the model's context or under 2. */
typedef struct evoke_scorer evoke_scorer;
EVOKE_API evoke_status evoke_scorer_new(const evoke_model *m, size_t window, evoke_scorer **out, evoke_error *err);
EVOKE_API void evoke_scorer_free(evoke_scorer *s);
/* Mean negative log-likelihood, in nats a token, of ids[n_context..n) given what stands before them; n_context >= 1.
 * Errors: EVOKE_EARG no context, or nothing after it; EVOKE_EDATA an id outside the vocabulary. */
EVOKE_API evoke_status evoke_scorer_nll(evoke_scorer *s, const int32_t *ids, size_t n, size_t n_context, double *nll,
                                        evoke_error *err);
/* Different word n-grams / word n-grams (words: runs of letters and digits, case folded); 1 where there is none. */
EVOKE_API double evoke_distinct_n(const char *text, size_t n);
/* Letters of scripts that the reference has none of / letters: a sign that a text left its language. NaN: no letters. */
EVOKE_API double evoke_script_drift(const char *text, const char *reference);
/* A mean and its 95 % percentile bootstrap interval; NaN where there is none (n < 2: bounds). */
typedef struct evoke_interval { double mean, low, high; } evoke_interval;
EVOKE_API evoke_status evoke_mean_interval(const double *x, size_t n, size_t n_replicate, uint64_t seed, evoke_interval *out,
                                           evoke_error *err);
/* Agreement with people's labels: truth, guess [n] of n_class classes, scores [n, n_class] higher where likelier. */
typedef struct evoke_agreement {
    size_t n;
    evoke_interval macro_f1, accuracy;  /* over the classes that truth has; 95 % bootstrap over texts */
    double chance_f1;                   /* of as many guesses of each class, given at random */
    double auc;                         /* mean over classes, one against the rest */
} evoke_agreement;
EVOKE_API evoke_status evoke_agree(const int32_t *truth, const int32_t *guess, const double *scores, size_t n, size_t n_class,
                                   size_t n_replicate, uint64_t seed, evoke_agreement *out, evoke_error *err);
/* How well x [n] tells the texts that `is` [n] marks from the others: the chance that one of them has more, ties one half; 95 %
 * bootstrap over either kind. One half is chance. NaN where one kind is missing. */
EVOKE_API evoke_status evoke_auc(const double *x, const bool *is, size_t n, size_t n_replicate, uint64_t seed,
                                 evoke_interval *auc, evoke_error *err);
/* Rank correlation; NaN where x or y never changes. */
EVOKE_API evoke_status evoke_spearman(const double *x, const double *y, size_t n, double *rho, evoke_error *err);
/* A linear probe on sentence embeddings: multinomial logistic regression, weights from a JSON file (data/README.md). */
typedef struct evoke_probe evoke_probe;
EVOKE_API evoke_status evoke_probe_open(const char *path, evoke_probe **out, evoke_error *err);
EVOKE_API void evoke_probe_free(evoke_probe *p);
EVOKE_API size_t evoke_probe_width(const evoke_probe *p);                       /* D of the embeddings that it reads */
EVOKE_API const char *evoke_probe_label(const evoke_probe *p, size_t k);        /* NULL past the end */
/* scores [n, K]: probabilities of the labels for vectors [n, D]. */
EVOKE_API void evoke_probe_read(const evoke_probe *p, const float *vectors, size_t n, double *scores);
typedef struct evoke_lexicon evoke_lexicon;         /* emotion -> words */
EVOKE_API evoke_status evoke_lexicon_open(const char *path, evoke_lexicon **out, evoke_error *err);
EVOKE_API void evoke_lexicon_free(evoke_lexicon *l);
/* The i-th emotion's name, in the order of the file; NULL past the end. */
EVOKE_API const char *evoke_lexicon_emotion(const evoke_lexicon *l, size_t i);
/* How many words of the text are in the emotion's list. Errors: EVOKE_EDATA no such emotion. */
EVOKE_API evoke_status evoke_lexicon_count(const evoke_lexicon *l, const char *emotion, const char *text, size_t *n,
                                           evoke_error *err);

/* ---- judge: a chat model's choice among fixed options, read from its logits ----
 * The question is put by the model's own chat template; an option's score is the log-probability of its words as the answer,
 * less that after texts without content (calibration: Zhao and others 2021, arXiv 2102.09690). Without it small models name
 * what they always name: SmolLM2-135M finds joy in four neutral texts of five. */
typedef struct evoke_judge evoke_judge;
typedef struct evoke_judge_options {
    const char *question;               /* {} in the place of the text, {options} (if wanted) in that of their list; NULL: what
                                         * emotion does this text express? */
    const char *answer;                 /* how the answer begins, before the option; NULL: by the option itself, and where the
                                         * question is NULL too, "This text expresses" */
    const char *const *options; size_t n_option;   /* 2..26 */
    size_t n_order;                     /* orders of {options} that are averaged, 0: as many as there are options */
    bool uncalibrated;                  /* leave out the calibration by texts without content */
} evoke_judge_options;
/* m must outlive the judge, which serves any number of threads. Errors: EVOKE_EARG no {} in the question; EVOKE_EUNSUPPORTED
 * the model has no chat template, or an option is not tokens of its own after the answer's beginning. */
EVOKE_API evoke_status evoke_judge_new(const evoke_model *m, const evoke_judge_options *o, evoke_judge **out, evoke_error *err);
EVOKE_API void evoke_judge_free(evoke_judge *j);
/* scores [n, n_option]: calibrated log-probabilities of the options, normalised over them. Long texts are cut to 1024 tokens, or
 * to what the model's context holds. Results do not depend on the other texts or the threads. progress may be NULL. */
EVOKE_API evoke_status evoke_judge_read(const evoke_judge *j, const char *const *texts, size_t n, const evoke_progress *progress,
                                        double *scores, evoke_error *err);

#ifdef __cplusplus
}
#endif

#endif
