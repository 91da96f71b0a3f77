/* layers/store.h: the activation store, an HDF5 file of span means [N, S, L, D], created whole and filled in place.
 *
 * Created: all metadata and text are written, the space of every array is allocated, under a temporary name, and the file
 * is renamed. Filled: by pwrite at the offsets that HDF5 gave, so HDF5's own structures never change after creation and
 * the file is valid at every moment, whatever kills the writer. A prompt's data are on disk (fdatasync) before its byte in
 * /progress/done is set. Writers exclude each other by an open-file-description lock on the file; readers are not kept
 * out. The disk space is reserved (posix_fallocate) when the file is created, so that a full disk is told then.
 *
 *   /activations/<site>/<span>        [N, S, L, D] float32   mean over the span's tokens
 *   /activations/<site>/tokens        [R, L, D] float16/32   every token, when asked for
 *   /activations/<site>/token_norms   [R, L] float32         Euclidean norm of every token's row, always
 *   /tokens/ids [R] int32, -1 unused; /tokens/offsets [N, S, 2] int64 first row and row after the last;
 *   /tokens/<span> [N, S, 2] int32 first and last+1 token of each span, counted from the prompt's first token;
 *   /tokens/span [N, S, 2] int32: the same of the first span asked for (attribute `span` names it)
 *   /progress/done [N, S] uint8
 * R, the rows, leaves room for the longest response of each prompt.
 *
 * A shard of a divided extraction holds a block of its queries, and says which by attributes of "/": shard, n_shards,
 * first_query, n_queries, whole_sha256. One whose block is empty holds nothing but attributes. */
#ifndef EVK_STORE_H
#define EVK_STORE_H

#include "core/status.h"

/* ---- reading (evoke_store) ---- */
/* One layer of all queries: out [N, S, D]. l is an index into /layers. */
evoke_status evk_store_read_layer(evoke_store *s, evoke_site site, evoke_span span, size_t l, float *out,
                                  evoke_error *err);
/* All layers of one query: out [S, L, D]. */
evoke_status evk_store_read_query(evoke_store *s, evoke_site site, evoke_span span, size_t query, float *out,
                                  evoke_error *err);
size_t evk_store_find_layer(const evoke_store *s, int32_t layer);            /* its place; n_layer: not held */
bool evk_store_done(const evoke_store *s, size_t query, size_t setting);    /* true where the file has no /progress */
size_t evk_store_emotion_of(const evoke_store *s, size_t query);            /* SIZE_MAX: none */
const char *evk_store_query_id(const evoke_store *s, size_t query);         /* NULL: the file has no ids */
const char *evk_store_path(const evoke_store *s);
const char *evk_store_architecture(const evoke_store *s);
size_t evk_store_model_layers(const evoke_store *s);                        /* of the model, at least those held */
/* Index of a setting by name; false: not held. */
bool evk_store_find_setting(const evoke_store *s, const char *name, size_t *index);
/* The span to take where the user names none: the only one held, else response, query, last, prompt, prompt_all. At one
 * site, or at any for EVOKE_N_SITE. */
evoke_status evk_store_default_span(const evoke_store *s, evoke_site site, evoke_span *span, evoke_error *err);
/* Norms at a site of the span's tokens of all finished queries and settings: the median for each layer, out [L]. Where the
 * store has no token norms, the median norm of the span means. */
evoke_status evk_store_median_norms(evoke_store *s, evoke_site site, evoke_span span, float *out, evoke_error *err);

/* The tokens of a prompt without its response, and where the span lies in it: not one of the response. ids is the caller's, also
 * after a failure. Errors: EVOKE_EDATA the store does not have them; EVOKE_EFORMAT they do not fit together. */
typedef struct evk_store_prompt { int32_t *ids; size_t n, first, last; } evk_store_prompt;
evoke_status evk_store_read_prompt(evoke_store *s, size_t query, size_t setting, evoke_site site, evoke_span span,
                                   evk_store_prompt *out, evoke_error *err);

/* ---- writing, by extract ---- */
typedef struct evk_store_part {             /* which block of queries of a divided extraction; zeroed: all of them */
    size_t shard, n_shard, first_query, n_query;    /* shard from 1; n_query: of all shards */
    char whole[65];                         /* SHA-256 of all queries and prompts, the same in every shard */
} evk_store_part;

typedef struct evk_store_spec {             /* everything that a store of one extraction is; all borrowed */
    const char *model_name, *model_sha256, *architecture;
    size_t n_query, n_setting, n_emotion, n_layer, d_model, n_layer_model, n_site, n_span;
    const evoke_query *queries;             /* [N] */
    const char *const *emotions, *const *settings;
    const evoke_site *sites;
    const evoke_span *spans;
    const int32_t *layers;                  /* [L] */
    const char *const *prompt_texts;        /* [N * S] rendered */
    const int32_t *const *prompt_ids;       /* [N * S] */
    const size_t *n_prompt_ids;             /* [N * S] */
    size_t n_predict;                       /* rows kept free after each prompt; 0 where no response is run */
    bool store_tokens, float16;
    const char *recipe;                     /* what else must agree to continue: sampling, settings' texts; one line */
    const evoke_provenance *made;
    evk_store_part part;
} evk_store_spec;

/* What the store will take at most, in bytes. Errors: EVOKE_EARG the spec contradicts itself. */
evoke_status evk_store_spec_size(const evk_store_spec *spec, uint64_t *most, evoke_error *err);

typedef struct evk_store_writer evk_store_writer;
/* Creates the store, or opens the one at path where it is of the same spec (attributes, names, texts, layers, ids and
 * recipe are compared; the first difference is named). Errors: EVOKE_EDATA another extraction's file; EVOKE_EBUSY. */
evoke_status evk_store_write_open(const char *path, const evk_store_spec *spec, evk_store_writer **out, evoke_error *err);
void evk_store_write_free(evk_store_writer *w);
bool evk_store_write_done(const evk_store_writer *w, size_t query, size_t setting);

typedef struct evk_store_item {             /* what one prompt gives */
    size_t query, setting;
    size_t n_token;                         /* prompt and response */
    const int32_t *response_ids;            /* [n_token - prompt's] */
    const size_t (*spans)[2];               /* [n_span] first and last+1 token */
    const float *const *means;              /* [n_site * n_span] each [L, D] */
    const float *const *norms;              /* [n_site] each [n_token, L]; NaN: not run */
    const float *const *tokens;             /* [n_site] each [n_token, L, D]; NULL unless store_tokens */
} evk_store_item;
/* Writes a batch of items, then marks them done. */
evoke_status evk_store_write(evk_store_writer *w, const evk_store_item *items, size_t n, evoke_error *err);

#endif
