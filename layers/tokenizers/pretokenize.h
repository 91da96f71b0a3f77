/* layers/tokenizers/pretokenize.h: a passage into words, which no token crosses. */
#ifndef EVK_TOKENIZERS_PRETOKENIZE_H
#define EVK_TOKENIZERS_PRETOKENIZE_H

#include "layers/tokenizers/split.h"

typedef enum evk_word_action {
    EVK_WORD_SPLIT,         /* cut as `split` says */
    EVK_WORD_SPACE,         /* a space before each word that does not begin with one */
    EVK_WORD_METASPACE,     /* spaces become `mark`; a mark before each word that does not begin with one, as `when` says */
    EVK_WORD_BYTES          /* each byte in GPT-2's alphabet */
} evk_word_action;

typedef enum evk_when { EVK_ALWAYS, EVK_FIRST, EVK_NEVER } evk_when;     /* first: only where the text begins */

typedef struct evk_word_step { evk_word_action action; evk_split split; int32_t mark; evk_when when; } evk_word_step;

/* Steps in order, each applied to each word that the last one left. None: the passage is one word. */
typedef struct evk_pretokenizer { evk_word_step *step; size_t n, capacity; } evk_pretokenizer;

/* Split by a pattern; `where` names the file in errors. */
evoke_status evk_pretokenizer_split(evk_pretokenizer *p, const char *pattern, size_t n, bool literal,
                                    evk_behavior behavior, bool invert, const char *where, evoke_error *err);
/* Split by each character of a class. */
evoke_status evk_pretokenizer_class(evk_pretokenizer *p, bool (*in_class)(int32_t), evk_behavior behavior,
                                    evoke_error *err);
evoke_status evk_pretokenizer_space(evk_pretokenizer *p, evoke_error *err);
evoke_status evk_pretokenizer_bytes(evk_pretokenizer *p, evoke_error *err);
/* split: cut before each mark. */
evoke_status evk_pretokenizer_metaspace(evk_pretokenizer *p, int32_t mark, evk_when when, bool split, evoke_error *err);
/* BERT's: white space goes, each punctuation character is a word. */
evoke_status evk_pretokenizer_bert(evk_pretokenizer *p, evoke_error *err);
/* Any other step. Its pattern goes to the pre-tokenizer, also on failure. */
evoke_status evk_pretokenizer_add(evk_pretokenizer *p, evk_word_step step, evoke_error *err);
void evk_pretokenizer_free(evk_pretokenizer *p);

typedef struct evk_pretokenize_scratch { evk_matcher matcher; evk_spans words, next; evk_passage passage[2]; }
    evk_pretokenize_scratch;
evoke_status evk_pretokenize_scratch_init(evk_pretokenize_scratch *s, size_t n_bytes, evoke_error *err);
void evk_pretokenize_scratch_free(evk_pretokenize_scratch *s);

/* s->words are then the words of *passage, none empty; *passage becomes one of the scratch's where a step rewrites it. */
evoke_status evk_pretokenize(const evk_pretokenizer *p, const evk_passage **passage, evk_pretokenize_scratch *s,
                             evoke_error *err);

#endif
