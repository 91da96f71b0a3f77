/* emotion/extraction.h: an extraction while it runs; shared by the files that make prompts, run batches and tie them together. */
#ifndef EVK_EXTRACTION_H
#define EVK_EXTRACTION_H

#include "core/random.h"
#include "emotion/span_means.h"
#include "emotion/tokens.h"
#include "layers/ends.h"
#include "layers/forward.h"
#include "layers/prefixes.h"
#include "layers/store.h"

enum { EVK_MAX_BATCH = 128 };

typedef struct evk_extraction {
    const evoke_model *model;
    const evoke_dataset *dataset;
    const evoke_settings *settings;
    const evoke_extract_options *options;
    size_t n_prompt, n_setting, n_predict;      /* n_predict 0: no response is run */
    size_t begin, end;                          /* the prompts [begin, end) of n_prompt are this shard's */
    evk_span_layout layout;
    evoke_site *sites;
    evoke_span *spans;
    int32_t *layers;
    ptrdiff_t *held;
    char **texts;                               /* [n_prompt] rendered */
    evk_tokens *prompts;                        /* [n_prompt] */
    evk_prefixes prefixes;
    evk_span_means *prefix_means;               /* [prefixes.n] */
    size_t *prefix_sequences;                   /* [prefixes.n] */
    evk_store_writer *store;
    evk_kv_cache cache;
    evk_arena scratch;
    float *logits;                              /* [EVK_MAX_BATCH, V] */
    void *room;
    evk_ends ends;
    size_t batch_tokens;
    evoke_extract_report *report;
    const evoke_progress *progress;             /* may be NULL */
    size_t n_done;                              /* of this shard's prompts */
    double stop_at;                             /* 0: not asked to stop; else when the batch is dropped, evk_seconds */
} evk_extraction;

static inline bool evk_extract_is_done(const evk_extraction *x, size_t prompt)
{
    return evk_store_write_done(x->store, (prompt - x->begin) / x->n_setting, prompt % x->n_setting);
}

/* extract_prompts.c: renders and tokenises every prompt, finds what they share; creates or opens the store for them. */
evoke_status evk_extract_prompts(evk_extraction *x, evoke_error *err);
evoke_status evk_extract_open_store(evk_extraction *x, const char *path, const evoke_provenance *made, evoke_error *err);
/* extract_run.c: makes the cache and scratch; runs whatever is not done, batch after batch. */
evoke_status evk_extract_prepare(evk_extraction *x, evoke_error *err);
evoke_status evk_extract_run(evk_extraction *x, evoke_error *err);

#endif
