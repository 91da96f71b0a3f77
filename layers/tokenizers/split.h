/* layers/tokenizers/split.h: a word into smaller ones, where something matches. */
#ifndef EVK_TOKENIZERS_SPLIT_H
#define EVK_TOKENIZERS_SPLIT_H

#include "layers/tokenizers/regex.h"
#include "layers/tokenizers/scratch.h"

/* What becomes of the matches, as Hugging Face's tokenizers name it. */
typedef enum evk_behavior {
    EVK_SPLIT_ISOLATED,         /* each match is a word, and each text between */
    EVK_SPLIT_REMOVED,          /* matches are dropped */
    EVK_SPLIT_CONTIGUOUS,       /* matches that touch are one word */
    EVK_SPLIT_WITH_PREVIOUS,    /* a match ends the word before it */
    EVK_SPLIT_WITH_NEXT         /* a match begins the word after it */
} evk_behavior;

/* What matches is the first of these that is set. */
typedef struct evk_split {
    evk_regex *pattern;
    bool (*in_class)(int32_t);  /* each character of a class */
    size_t length;              /* this many characters, or what is left */
    int32_t character;          /* each of these */
    evk_behavior behavior;
    bool invert;                /* what lies between the matches counts as the matches */
} evk_split;

/* Appends the words, none empty, that the bytes [word) of a passage become. */
evoke_status evk_split_word(const evk_split *split, evk_matcher *m, const evk_passage *p, evk_span word, evk_spans *out,
                            evoke_error *err);

#endif
