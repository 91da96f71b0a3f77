/* layers/tokenizers/added_tokens.h: tokens that are found in the text itself, before anything else looks at it. */
#ifndef EVK_TOKENIZERS_ADDED_TOKENS_H
#define EVK_TOKENIZERS_ADDED_TOKENS_H

#include "layers/tokenizers/scratch.h"

typedef struct evk_added_token {
    char *text;                         /* [n] its own; may hold NULs */
    size_t n;
    int32_t id;
    bool control;                       /* only where the caller parses special tokens */
    bool strip_left, strip_right;       /* takes the white space on that side with it */
    bool single_word;                   /* not where a letter, mark or digit stands beside it */
} evk_added_token;

/* In the order of their bytes, so that all that share a beginning are neighbours. */
typedef struct evk_added_tokens { evk_added_token *token; size_t n, capacity; bool first[256]; } evk_added_tokens;

/* Copies text. Errors: EVOKE_EFORMAT empty, or not UTF-8. Call evk_added_tokens_sort after the last. */
evoke_status evk_added_tokens_add(evk_added_tokens *a, const char *text, const evk_added_token *token, evoke_error *err);
void evk_added_tokens_sort(evk_added_tokens *a);
void evk_added_tokens_free(evk_added_tokens *a);

/* Where a search stands: all before `done` has been dealt with, looking goes on at `next`. The two differ after a token
 * that took white space behind it: that white space may be a token once more, as it is in Hugging Face's search. */
typedef struct evk_added_search { size_t done, next; } evk_added_search;

/* The first token in text [n] that begins at s->next or later, of those that begin there the longest; *span is what it
 * takes, never from before s->done, and s moves past it. NULL: none. special: control tokens too. text is valid UTF-8. */
const evk_added_token *evk_added_tokens_find(const evk_added_tokens *a, const char *text, size_t n, bool special,
                                             evk_added_search *s, evk_span *span);

#endif
