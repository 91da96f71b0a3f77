/* experiments/prompts.h: the prompts of `generate`: -p, or a file of them, as token ids for a model. */
#ifndef PROMPTS_H
#define PROMPTS_H

#include "experiments/options.h"

typedef struct prompt_line {
    char *text, *id;                /* id NULL: none; what the file calls it */
    const char *emotion;            /* the query's own label, or NULL; lives as long as the list */
    evoke_ids ids;
} prompt_line;

typedef struct prompt_list {
    prompt_line *lines;             /* [n] */
    size_t n;
    evoke_dataset *dataset;         /* keeps the labels */
} prompt_list;

/* From -p or -f: text with a prompt a line, or any dataset; --limit N: the first N lines, or N of each emotion. Free whatever it
 * returns. */
evoke_status prompts_read(const options *o, prompt_list *list, evoke_error *err);
/* The first `limit` of each emotion of a file. */
evoke_status prompts_open(const char *path, size_t limit, prompt_list *list, evoke_error *err);
void prompts_free(prompt_list *list);
/* raw: the text as it is; else a user turn (after a system one, where system is not NULL) of the model's template. */
evoke_status prompt_tokens(const evoke_model *m, const char *text, bool raw, const char *system, evoke_ids *ids,
                           evoke_error *err);
/* Mean negative log-likelihood of ids [n] after a context, which may be empty: then the first of them is the context. *nll stays as it
 * is where there is nothing to score. */
evoke_status score_after(evoke_scorer *s, const evoke_ids *context, const int32_t *ids, size_t n, double *nll, evoke_error *err);
/* All of them; an error names the prompt. */
evoke_status prompts_tokenize(prompt_list *list, const evoke_model *m, bool raw, const char *system, evoke_error *err);

#endif
