/* layers/tokenizers/pretokenize.h: a passage into words, which no token crosses. */
#ifndef EVK_TOKENIZERS_PRETOKENIZE_H
#define EVK_TOKENIZERS_PRETOKENIZE_H

#include "layers/tokenizers/regex.h"
#include "layers/tokenizers/scratch.h"

/* What becomes of the matches of a pattern, as Hugging Face's tokenizers name it. */
typedef enum evk_behavior {
    EVK_SPLIT_ISOLATED,         /* each match is a word, and each text between */
    EVK_SPLIT_REMOVED,          /* matches are dropped */
    EVK_SPLIT_CONTIGUOUS,       /* matches that touch are one word */
    EVK_SPLIT_WITH_PREVIOUS,    /* a match ends the word before it */
    EVK_SPLIT_WITH_NEXT         /* a match begins the word after it */
} evk_behavior;

typedef struct evk_split_step {
    evk_regex *pattern;         /* NULL: put a space before each word that does not begin with one */
    evk_behavior behavior;
    bool invert;                /* what lies between the matches counts as the matches */
} evk_split_step;

/* Steps in order, each applied to each word that the last one left. None: the passage is one word. */
typedef struct evk_pretokenizer { evk_split_step *step; size_t n, capacity; } evk_pretokenizer;

/* `where` names the file in errors. */
evoke_status evk_pretokenizer_split(evk_pretokenizer *p, const char *pattern, size_t n, bool literal,
                                    evk_behavior behavior, bool invert, const char *where, evoke_error *err);
evoke_status evk_pretokenizer_space(evk_pretokenizer *p, evoke_error *err);
void evk_pretokenizer_free(evk_pretokenizer *p);

typedef struct evk_pretokenize_scratch { evk_matcher matcher; evk_spans words, next; evk_passage spaced; }
    evk_pretokenize_scratch;
evoke_status evk_pretokenize_scratch_init(evk_pretokenize_scratch *s, size_t n_bytes, evoke_error *err);
void evk_pretokenize_scratch_free(evk_pretokenize_scratch *s);

/* s->words are then the words of *passage, none empty; *passage may have been exchanged for one with spaces put in. */
evoke_status evk_pretokenize(const evk_pretokenizer *p, const evk_passage **passage, evk_pretokenize_scratch *s,
                             evoke_error *err);

#endif
