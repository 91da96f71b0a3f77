/* emotion/judge.c: a chat model as a judge of texts, by its logits at the place of the answer and not by what it would say.
 *
 *     raw[i, k, o] = log p(option o | question about text i, options in order k), normalised over o
 *     score[i, o]  = mean_k ( raw[i, k, o] - mean_c raw[c, k, o] ), normalised over o;   c texts without content
 *
 * A small model prefers some words, and some places of a list, whatever the text. Texts without content show that preference
 * alone (Zhao and others 2021, "Calibrate before use"), and rotating the list gives every option every place. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "emotion/answers.h"
#include "layers/model.h"

enum { MOST_OPTIONS = 26, MOST_TEXT_TOKENS = 1024 };

static const char default_question[] = "What emotion does this text express?\n\nText: \"{}\"";
static const char default_answer[] = "This text expresses";
static const char *const content_free[] = { "", "N/A", "[MASK]" };
enum { N_FREE = sizeof content_free / sizeof *content_free };

struct evoke_judge {
    const evoke_model *model;
    char *question, *answer;
    char **options;                 /* [n_option] */
    size_t n_option, n_order;
    evoke_ids *answers;             /* [n_option] */
    evk_tokens *beginnings;         /* [n_order] what every question in that order begins with */
    double *bias;                   /* [n_order, n_option] of texts without content; zeros: uncalibrated */
    size_t most_text_tokens;
};

/* ---- questions ---- */

/* The options' list in an order: rotations of the list, then of the reversed list. */
static evoke_status add_options(const evoke_judge *j, size_t order, evk_buffer *b, evoke_error *err)
{
    const size_t n = j->n_option;
    for (size_t i = 0; i < n; i++) {
        const size_t at = (i + order) % n, o = order < n ? at : n - 1 - at;
        EVK_TRY(evk_buffer_format(b, err, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", j->options[o]));
    }
    return EVOKE_OK;
}

/* The question about a text of n bytes. *begin: where the text stands in it. */
static evoke_status ask(const evoke_judge *j, size_t order, const char *text, size_t n, evk_buffer *b, size_t *begin,
                        evoke_error *err)
{
    for (const char *at = j->question; *at;) {
        const bool is_text = strncmp(at, "{}", 2) == 0, is_options = strncmp(at, "{options}", 9) == 0;
        if (is_text) {
            *begin = b->n;
            EVK_TRY(evk_buffer_add(b, text, n, err));
        } else if (is_options) {
            EVK_TRY(add_options(j, order, b, err));
        } else {
            EVK_TRY(evk_buffer_add(b, at, 1, err));
        }
        at += is_text ? 2 : is_options ? 9 : 1;
    }
    return evk_buffer_format(b, err, "%s", "");     /* also of nothing a text */
}

/* Appends how the answer begins, and the option unless NULL, to a rendered prompt. */
static evoke_status begin_answer(const evoke_judge *j, const char *option, evoke_prompt *p, evoke_error *err)
{
    evk_buffer b = {0};
    evoke_status st = evk_buffer_add(&b, p->text.data, p->text.n, err);
    if (st == EVOKE_OK)
        st = evk_buffer_format(&b, err, "%s%s%s", j->answer, option && *j->answer ? " " : "", option ? option : "");
    if (st == EVOKE_OK) {
        evoke_text_free(&p->text);
        st = evk_buffer_take(&b, &p->text, err);
    }
    evk_buffer_free(&b);
    return st;
}

/* ids of the question about a text, by the chat template, up to the answer; with an option: and that option. */
static evoke_status make_prompt(const evoke_judge *j, size_t order, const char *text, size_t n, const char *option,
                                evk_tokens *out, evoke_error *err)
{
    evk_buffer b = {0};
    evoke_prompt rendered = {0};
    evoke_ids ids = {0};
    size_t begin = 0;
    evoke_status st = ask(j, order, text, n, &b, &begin, err);
    if (st == EVOKE_OK)
        st = evoke_model_prompt(j->model, &(evoke_message){ "user", b.data }, 1, true, &rendered, err);
    if (st == EVOKE_OK)
        st = begin_answer(j, option, &rendered, err);
    if (st == EVOKE_OK)
        st = evoke_prompt_tokenize(&rendered, j->model->tokenizer, 0, begin, begin + n, &ids, &out->query_first,
                                   &out->query_last, err);
    if (st == EVOKE_OK) {
        out->ids = ids.ids;
        out->n = ids.n;
        out->group = order;
        ids.ids = NULL;
    }
    evk_buffer_free(&b);
    evoke_prompt_free(&rendered);
    evoke_ids_free(&ids);
    return st;
}

/* Bytes of a text that are judged: of its first tokens, whole characters. */
static evoke_status judged_bytes(const evoke_judge *j, const char *text, size_t *n, evoke_error *err)
{
    evoke_ids ids = {0};
    *n = strlen(text);
    EVK_TRY(evoke_tokenize(j->model->tokenizer, text, *n, 0, &ids, err));
    if (ids.n > j->most_text_tokens)
        *n = ids.starts[j->most_text_tokens];
    while (*n > 0 && ((unsigned char)text[*n] & 0xC0) == 0x80)
        --*n;
    evoke_ids_free(&ids);
    return EVOKE_OK;
}

static void free_prompts(evk_tokens *prompts, size_t n)
{
    for (size_t i = 0; prompts && i < n; i++)
        free(prompts[i].ids);
    free(prompts);
}

/* raw [n, n_order, n_option] */
static evoke_status read_raw(const evoke_judge *j, const char *const *texts, size_t n, const evoke_progress *progress,
                             double *raw, evoke_error *err)
{
    const size_t n_prompt = n * j->n_order;
    evk_tokens *prompts = NULL;
    evk_beginning *beginnings = NULL;
    evoke_status st = evk_alloc(&prompts, n_prompt, sizeof *prompts, "judge", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&beginnings, j->n_order, sizeof *beginnings, "judge", err);
    for (size_t k = 0; st == EVOKE_OK && k < j->n_order; k++)
        beginnings[k] = (evk_beginning){ j->beginnings[k].ids, j->beginnings[k].n };
    for (size_t i = 0, bytes = 0; st == EVOKE_OK && i < n_prompt; i++) {
        if (i % j->n_order == 0)
            st = judged_bytes(j, texts[i / j->n_order], &bytes, err);
        if (st == EVOKE_OK)
            st = make_prompt(j, i % j->n_order, texts[i / j->n_order], bytes, NULL, &prompts[i], err);
    }
    const evk_answers answers = { j->model, beginnings, j->n_order, j->answers, j->n_option };
    if (st == EVOKE_OK)
        st = evk_answers_score(&answers, prompts, n_prompt, progress, raw, err);
    free_prompts(prompts, n_prompt);
    free(beginnings);
    return st;
}

/* x - log sum exp(x), in place. */
static void normalise(double *x, size_t n)
{
    double most = x[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        most = fmax(most, x[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp(x[i] - most);
    for (size_t i = 0; i < n; i++)
        x[i] -= most + log(sum);
}

/* ---- making ---- */

/* What the questions in an order begin with, whatever the text: of two texts that share no letter. */
static evoke_status find_beginning(evoke_judge *j, size_t order, evoke_error *err)
{
    evk_tokens *own = &j->beginnings[order], other = {0};
    EVK_TRY(make_prompt(j, order, "I see.", 6, NULL, own, err));
    const evoke_status st = make_prompt(j, order, "12 %", 4, NULL, &other, err);
    size_t n = 0;
    while (st == EVOKE_OK && n < own->n && n < other.n && own->ids[n] == other.ids[n])
        n++;
    own->n = n;
    free(other.ids);
    return st;
}

/* An option's tokens after the answer's beginning. */
static evoke_status find_answer(evoke_judge *j, size_t option, evoke_error *err)
{
    evk_tokens without = {0}, with = {0};
    evoke_ids *out = &j->answers[option];
    evoke_status st = make_prompt(j, 0, "I see.", 6, NULL, &without, err);
    if (st == EVOKE_OK)
        st = make_prompt(j, 0, "I see.", 6, j->options[option], &with, err);
    if (st == EVOKE_OK && (with.n <= without.n || with.n - without.n > EVK_MOST_ANSWER_TOKENS ||
                           memcmp(with.ids, without.ids, without.n * sizeof *with.ids) != 0))
        st = evk_fail(err, EVOKE_EUNSUPPORTED, "make judge: option '%.60s' is not 1 to %d tokens of its own after \"%.60s\"",
                      j->options[option], EVK_MOST_ANSWER_TOKENS, j->answer);
    if (st == EVOKE_OK)
        st = evk_alloc(&out->ids, with.n - without.n, sizeof *out->ids, "make judge", err);
    if (st == EVOKE_OK) {
        out->n = with.n - without.n;
        memcpy(out->ids, with.ids + without.n, out->n * sizeof *out->ids);
    }
    free(without.ids);
    free(with.ids);
    return st;
}

static evoke_status calibrate(evoke_judge *j, evoke_error *err)
{
    const size_t n = j->n_order * j->n_option;
    double *raw = NULL;
    EVK_TRY(evk_alloc(&raw, N_FREE * n, sizeof *raw, "make judge", err));
    const evoke_status st = read_raw(j, content_free, N_FREE, NULL, raw, err);
    for (size_t i = 0; st == EVOKE_OK && i < N_FREE * j->n_order; i++)
        normalise(raw + i * j->n_option, j->n_option);
    for (size_t i = 0; st == EVOKE_OK && i < N_FREE * n; i++)
        j->bias[i % n] += raw[i] / N_FREE;
    free(raw);
    return st;
}

/* How many tokens a text may have beside the question's own. */
static evoke_status measure_room(evoke_judge *j, evoke_error *err)
{
    const size_t n_ctx = j->model->config.n_ctx, reserve = EVK_MOST_ANSWER_TOKENS + 16;    /* seams may cost some tokens */
    evk_tokens empty = {0};
    EVK_TRY(make_prompt(j, 0, "", 0, NULL, &empty, err));
    free(empty.ids);
    if (empty.n + reserve >= n_ctx)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "make judge: the question has %zu tokens; the model's context is %zu", empty.n,
                        n_ctx);
    const size_t left = n_ctx - empty.n - reserve;
    j->most_text_tokens = left < MOST_TEXT_TOKENS ? left : MOST_TEXT_TOKENS;
    return EVOKE_OK;
}

static evoke_status check(const evoke_judge_options *o, evoke_error *err)
{
    if (o->n_option < 2 || o->n_option > MOST_OPTIONS)
        return evk_fail(err, EVOKE_EARG, "make judge: %zu options are not 2 to %d", o->n_option, MOST_OPTIONS);
    for (size_t i = 0; i < o->n_option; i++)
        if (!o->options[i] || !*o->options[i])
            return evk_fail(err, EVOKE_EARG, "make judge: option %zu is empty", i + 1);
    if (o->question && !strstr(o->question, "{}"))
        return evk_fail(err, EVOKE_EARG, "make judge: the question has no {} in the place of the text (%.80s)", o->question);
    return EVOKE_OK;
}

static evoke_status copy_options(evoke_judge *j, const evoke_judge_options *o, evoke_error *err)
{
    const bool listed = o->question && strstr(o->question, "{options}");
    const size_t orders = o->n_order ? o->n_order : o->n_option;
    j->n_order = !listed ? 1 : orders < 2 * o->n_option ? orders : 2 * o->n_option;
    EVK_TRY(evk_alloc(&j->options, o->n_option, sizeof *j->options, "make judge", err));
    EVK_TRY(evk_alloc(&j->answers, o->n_option, sizeof *j->answers, "make judge", err));
    EVK_TRY(evk_alloc(&j->beginnings, j->n_order, sizeof *j->beginnings, "make judge", err));
    EVK_TRY(evk_alloc(&j->bias, j->n_order * o->n_option, sizeof *j->bias, "make judge", err));
    j->question = strdup(o->question ? o->question : default_question);
    j->answer = strdup(o->answer ? o->answer : o->question ? "" : default_answer);
    bool ok = j->question && j->answer;
    for (; ok && j->n_option < o->n_option; j->n_option++)
        ok = (j->options[j->n_option] = strdup(o->options[j->n_option])) != NULL;
    return ok ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "make judge: no memory");
}

evoke_status evoke_judge_new(const evoke_model *m, const evoke_judge_options *o, evoke_judge **out, evoke_error *err)
{
    evoke_judge *j = NULL;
    *out = NULL;
    EVK_TRY(check(o, err));
    EVK_TRY(evk_alloc(&j, 1, sizeof *j, "make judge", err));
    j->model = m;
    evoke_status st = copy_options(j, o, err);
    if (st == EVOKE_OK)
        st = measure_room(j, err);
    for (size_t k = 0; st == EVOKE_OK && k < j->n_order; k++)
        st = find_beginning(j, k, err);
    for (size_t i = 0; st == EVOKE_OK && i < j->n_option; i++)
        st = find_answer(j, i, err);
    if (st == EVOKE_OK && !o->uncalibrated)
        st = calibrate(j, err);
    if (st == EVOKE_OK)
        *out = j;
    else
        evoke_judge_free(j);
    return st;
}

void evoke_judge_free(evoke_judge *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < j->n_option; i++) {
        free(j->options[i]);
        evoke_ids_free(&j->answers[i]);
    }
    for (size_t k = 0; j->beginnings && k < j->n_order; k++)
        free(j->beginnings[k].ids);
    free(j->options);
    free(j->answers);
    free(j->beginnings);
    free(j->bias);
    free(j->question);
    free(j->answer);
    free(j);
}

/* ---- reading ---- */

evoke_status evoke_judge_read(const evoke_judge *j, const char *const *texts, size_t n, const evoke_progress *progress,
                              double *scores, evoke_error *err)
{
    const size_t n_option = j->n_option;
    double *raw = NULL;
    EVK_TRY(evk_alloc(&raw, n * j->n_order, n_option * sizeof *raw, "judge", err));
    const evoke_status st = read_raw(j, texts, n, progress, raw, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        double *score = scores + i * n_option;
        memset(score, 0, n_option * sizeof *score);
        for (size_t k = 0; k < j->n_order; k++) {
            double *row = raw + (i * j->n_order + k) * n_option;
            normalise(row, n_option);
            for (size_t o = 0; o < n_option; o++)
                score[o] += (row[o] - j->bias[k * n_option + o]) / (double)j->n_order;
        }
        normalise(score, n_option);
    }
    free(raw);
    return st;
}
