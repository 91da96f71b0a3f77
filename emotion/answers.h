/* emotion/answers.h: how probable a model finds each of a few answers after each of many prompts.
 *
 *     log p(answer | prompt) = sum_t log p(answer[t] | prompt, answer[0..t))
 *
 * Prompts of one group begin alike; what they share is run once. A result depends on its own prompt and the group's beginning
 * alone, never on the other prompts, the batch or the threads. */
#ifndef EVK_ANSWERS_H
#define EVK_ANSWERS_H

#include "emotion/tokens.h"

enum { EVK_MOST_ANSWER_TOKENS = 32 };

/* Common beginning of a group's prompts, borrowed; n 0: they share nothing. A prompt that does not begin so is run whole. */
typedef struct evk_beginning { const int32_t *ids; size_t n; } evk_beginning;

typedef struct evk_answers {
    const evoke_model *model;
    const evk_beginning *beginnings;    /* [n_group] */
    size_t n_group;
    const evoke_ids *answers;           /* [n_answer], each of 1 to EVK_MOST_ANSWER_TOKENS tokens */
    size_t n_answer;
} evk_answers;

/* logp: out, [n, n_answer]. Each prompt and answer must fit the model's context. */
evoke_status evk_answers_score(const evk_answers *a, const evk_tokens *prompts, size_t n, const evoke_progress *progress,
                               double *logp, evoke_error *err);

#endif
