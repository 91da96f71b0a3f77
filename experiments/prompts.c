#include "experiments/prompts.h"

#include <stdlib.h>
#include <string.h>

#include "experiments/files.h"

static evoke_status add_line(prompt_list *list, const char *text, size_t n, const char *id, evoke_error *err)
{
    prompt_line *grown = realloc(list->lines, (list->n + 1) * sizeof *grown);
    if (grown)
        list->lines = grown;
    char *copy = grown ? strndup(text, n) : NULL, *name = copy && id ? strdup(id) : NULL;
    if (!copy || (id && !name)) {
        free(copy);
        return fail(err, EVOKE_ENOMEM, "read the prompts: no memory");
    }
    list->lines[list->n++] = (prompt_line){ .text = copy, .id = name };
    return EVOKE_OK;
}

static evoke_status from_text(prompt_list *list, const char *text, size_t limit, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    while (st == EVOKE_OK && *text && list->n < limit) {
        size_t n = strcspn(text, "\n");
        const char *next = text + n + (text[n] == '\n');
        n -= n > 0 && text[n - 1] == '\r';
        if (n > 0 && strspn(text, " \t") < n)
            st = add_line(list, text, n, NULL, err);
        text = next;
    }
    return st;
}

static evoke_status from_dataset(prompt_list *list, const char *path, size_t limit, evoke_error *err)
{
    evoke_status st = evoke_dataset_open(path, &list->dataset, err);
    if (st == EVOKE_OK && limit < SIZE_MAX)
        st = evoke_dataset_limit(list->dataset, limit, err);
    const size_t n = st == EVOKE_OK ? evoke_dataset_count(list->dataset) : 0;
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        const evoke_query *q = evoke_dataset_query(list->dataset, i);
        st = add_line(list, q->text, strlen(q->text), q->id, err);
        if (st == EVOKE_OK && q->emotion >= 0)
            list->lines[i].emotion = evoke_dataset_emotion(list->dataset, (size_t)q->emotion);
    }
    return st;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

evoke_status prompts_open(const char *path, size_t limit, prompt_list *list, evoke_error *err)
{
    char *text = NULL;
    *list = (prompt_list){ .lines = NULL };
    evoke_status st = file_read(path, &text, NULL, err);
    if (st != EVOKE_OK)
        return st;
    const char *begin = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
    const char first = begin[strspn(begin, " \t\r\n")];
    const bool named = ends_with(path, ".json") || ends_with(path, ".jsonl");
    const bool json = named || (!ends_with(path, ".txt") && (first == '[' || first == '{'));
    st = json ? from_dataset(list, path, limit, err) : from_text(list, begin, limit, err);
    free(text);
    if (st == EVOKE_OK && list->n == 0)
        st = fail(err, EVOKE_EDATA, "read the prompts: there is none (%s)", path);
    return st;
}

evoke_status prompts_read(const options *o, prompt_list *list, evoke_error *err)
{
    const char *prompt = option_text(o, OPT_PROMPT), *path = option_text(o, OPT_FILE);
    size_t limit = SIZE_MAX;
    *list = (prompt_list){ .lines = NULL };
    if (!prompt == !path)
        return fail(err, EVOKE_EARG, "generate: give %s (-p TEXT or -f FILE)", prompt ? "one of the two" : "a prompt");
    const evoke_status st = option_size(o, OPT_LIMIT, 1, SIZE_MAX, &limit, err);
    if (st != EVOKE_OK)
        return st;
    return prompt ? add_line(list, prompt, strlen(prompt), NULL, err) : prompts_open(path, limit, list, err);
}

void prompts_free(prompt_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->lines[i].text);
        free(list->lines[i].id);
        evoke_ids_free(&list->lines[i].ids);
    }
    free(list->lines);
    evoke_dataset_free(list->dataset);
    *list = (prompt_list){ .lines = NULL };
}

evoke_status prompt_tokens(const evoke_model *m, const char *text, bool raw, const char *system, evoke_ids *ids,
                           evoke_error *err)
{
    const evoke_tokenizer *t = evoke_model_tokenizer(m);
    if (!t)
        return fail(err, EVOKE_EDATA, "tokenise the prompt: the model has no tokenizer");
    if (raw)
        return evoke_tokenize(t, text, strlen(text), EVOKE_TOKENIZE_ADD_SPECIAL | EVOKE_TOKENIZE_PARSE_SPECIAL, ids, err);
    if (!evoke_model_template(m))
        return fail(err, EVOKE_EDATA, "render the prompt: the model has no chat template (give --template FILE, or --raw "
                    "for the text as it is)");
    const evoke_message messages[] = { { "system", system }, { "user", text } };
    evoke_prompt p = { 0 };
    evoke_status st = evoke_model_prompt(m, messages + (system ? 0 : 1), system ? 2 : 1, true, &p, err);
    if (st == EVOKE_OK)
        st = evoke_prompt_tokenize(&p, t, 0, 0, 0, ids, NULL, NULL, err);
    evoke_prompt_free(&p);
    return st;
}

evoke_status prompts_tokenize(prompt_list *list, const evoke_model *m, bool raw, const char *system, evoke_error *err)
{
    for (size_t i = 0; i < list->n; i++) {
        evoke_error why = { EVOKE_OK, "" };
        evoke_status st = prompt_tokens(m, list->lines[i].text, raw, system, &list->lines[i].ids, &why);
        if (st == EVOKE_OK && list->lines[i].ids.n == 0)
            st = fail(&why, EVOKE_EDATA, "run the prompt: it has no token");
        if (st != EVOKE_OK)
            return list->n == 1 ? fail(err, st, "%s", why.text) : fail(err, st, "%.900s (prompt %zu)", why.text, i + 1);
    }
    return EVOKE_OK;
}

evoke_status score_after(evoke_scorer *s, const evoke_ids *context, const int32_t *ids, size_t n, double *nll, evoke_error *err)
{
    int32_t *all = NULL;
    if (context->n + n < 2 || n == 0)
        return EVOKE_OK;
    evoke_status st = allocate(&all, context->n + n, sizeof *all, err);
    if (st == EVOKE_OK) {
        if (context->n)
            memcpy(all, context->ids, context->n * sizeof *all);
        memcpy(all + context->n, ids, n * sizeof *all);
        st = evoke_scorer_nll(s, all, context->n + n, context->n ? context->n : 1, nll, err);
    }
    free(all);
    return st;
}
