/* layers/tokenizers/vocabulary.h: the tokens of a model by id, and ids by text. */
#ifndef EVK_TOKENIZERS_VOCABULARY_H
#define EVK_TOKENIZERS_VOCABULARY_H

#include "core/status.h"

typedef enum evk_token_kind {
    EVK_TOKEN_UNUSED,       /* a hole in the numbering */
    EVK_TOKEN_NORMAL,
    EVK_TOKEN_USER,         /* always one token wherever its text stands */
    EVK_TOKEN_CONTROL       /* the same, where the caller asks for it; left out of detokenized text */
} evk_token_kind;

/* A token while a vocabulary is read: text [n] is borrowed. hidden: not found by its text (an added token that is no
 * part of the model's own vocabulary). */
typedef struct evk_token { const char *text; size_t n; evk_token_kind kind; bool hidden; } evk_token;

typedef struct evk_vocabulary {
    char *text;             /* all tokens, a NUL behind each */
    size_t *at;             /* [n + 1] where they begin */
    uint8_t *kind;          /* [n] evk_token_kind */
    size_t n, longest;      /* bytes of the longest that can be found */
    struct evk_vocabulary_slot *slot;
    size_t n_slot;
} evk_vocabulary;

/* Copies the tokens. Errors: EVOKE_EFORMAT none, too many, two of the same text. `where` names the file. */
evoke_status evk_vocabulary_build(evk_vocabulary *v, const evk_token *tokens, size_t n, const char *where,
                                  evoke_error *err);
void evk_vocabulary_free(evk_vocabulary *v);
/* The id of a text, or -1. */
int32_t evk_vocabulary_find(const evk_vocabulary *v, const char *text, size_t n);
/* The id of the concatenation of two texts, or -1. */
int32_t evk_vocabulary_find_pair(const evk_vocabulary *v, const char *a, size_t n_a, const char *b, size_t n_b);

static inline const char *evk_vocabulary_text(const evk_vocabulary *v, int32_t id, size_t *n)
{
    *n = v->at[id + 1] - v->at[id] - 1;
    return v->text + v->at[id];
}

#endif
