/* layers/tokenizers/normalize.h: what a tokenizer does to a text before it looks for words. */
#ifndef EVK_TOKENIZERS_NORMALIZE_H
#define EVK_TOKENIZERS_NORMALIZE_H

#include "layers/tokenizers/charsmap.h"
#include "layers/tokenizers/regex.h"
#include "layers/tokenizers/scratch.h"

typedef enum evk_normal_form {
    EVK_NFC, EVK_NFD, EVK_NFKC, EVK_NFKD,
    /* character by character */
    EVK_LOWERCASE,
    EVK_STRIP_ACCENTS,      /* combining marks go */
    EVK_STRIP_NONSPACING,   /* nonspacing marks go, as BERT has it */
    EVK_CLEAN,              /* BERT: control characters go, white space becomes a space */
    EVK_PART_CJK,           /* BERT: a space before and behind each ideograph */
    EVK_NMT,                /* the same two for SentencePiece's nmt rules */
    EVK_BYTES,              /* each byte in GPT-2's alphabet */
    /* the text as a whole */
    EVK_STRIP_LEFT, EVK_STRIP_RIGHT,    /* white space at that end goes */
    EVK_PREPEND,            /* text before whatever is not empty */
    EVK_REPLACE,            /* each match of pattern becomes text */
    EVK_CHARSMAP            /* SentencePiece's precompiled rules */
} evk_normal_form;

typedef struct evk_normal_step {
    evk_normal_form form;
    char *text;
    size_t n;
    evk_regex *pattern;
    evk_charsmap *map;
} evk_normal_step;
typedef struct evk_normalizer { evk_normal_step *step; size_t n, capacity; } evk_normalizer;

/* text, copied, is for EVK_PREPEND and EVK_REPLACE; the pattern goes to the normalizer, also on failure. */
evoke_status evk_normalizer_add(evk_normalizer *z, evk_normal_form form, evk_regex *pattern, const char *text, size_t n,
                                evoke_error *err);
/* EVK_CHARSMAP; the map goes to the normalizer, also on failure. */
evoke_status evk_normalizer_charsmap(evk_normalizer *z, evk_charsmap *map, evoke_error *err);
/* BERT's: the steps that these flags ask for, in its order. */
evoke_status evk_normalizer_bert(evk_normalizer *z, bool clean, bool part_cjk, bool strip_accents, bool lowercase,
                                 evoke_error *err);
void evk_normalizer_free(evk_normalizer *z);

/* Scratch for two passages between which the steps go to and fro. */
typedef struct evk_normalize_scratch { evk_passage passage[2]; int32_t *code; uint8_t *class; size_t code_capacity,
                                       class_capacity; int32_t *sorted; size_t sorted_capacity; } evk_normalize_scratch;
void evk_normalize_scratch_free(evk_normalize_scratch *s);

/* *passage becomes one of the scratch's where a step changes something. */
evoke_status evk_normalize(const evk_normalizer *z, const evk_passage **passage, evk_normalize_scratch *s,
                           evk_matcher *m, evoke_error *err);

/* ---- normal_forms.c ---- */
/* The end of the grapheme cluster that begins at byte `begin` of text [n]. */
size_t evk_cluster_end(const char *text, size_t n, size_t begin);
/* Appends the passage in NFC, NFD, NFKC or NFKD. */
evoke_status evk_put_normal_form(const evk_passage *in, evk_normal_form form, evk_normalize_scratch *s, evk_passage *out,
                                 evoke_error *err);

#endif
