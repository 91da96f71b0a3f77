/* layers/encoder/classify.c: texts to probabilities of classes, by a model's own head or by inference from a hypothesis.
 *
 * A head's logits z become softmax(z), or 1 / (1 + exp(-z)) where classes are independent of each other or there is but
 * one, or stay as they are in a regression: transformers' text-classification pipeline. Zero-shot (Yin and others 2019,
 * arXiv 1909.00161): for each label the pair (text, hypothesis with the label) goes through a model of natural language
 * inference, and with e the logit of entailment and c that of contradiction
 *
 *     p(label) = softmax over labels of e,   or for labels that are independent, or a single one,   exp(e) / (exp(e) + exp(c))
 *
 * as transformers' zero-shot-classification pipeline has it, c being class 0, or the last where entailment is class 0. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "core/text.h"
#include "layers/encoder/encoder.h"

enum { GROUP = 512 };           /* texts whose ids are held at a time */

static void softmax(float *z, size_t n)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        most = (double)z[i] > most ? (double)z[i] : most;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)z[i] - most);
    for (size_t i = 0; i < n; i++)
        z[i] = (float)(exp((double)z[i] - most) / sum);
}

static void probabilities(const evk_encoder_config *c, float *z)
{
    if (c->problem == EVK_SINGLE_LABEL)
        softmax(z, c->n_label);
    for (size_t i = 0; c->problem == EVK_MULTI_LABEL && i < c->n_label; i++)
        z[i] = (float)(1.0 / (1.0 + exp(-(double)z[i])));
}

/* ---- many texts ---- */

typedef struct job {
    const evoke_encoder *encoder;
    const char *const *texts;
    size_t n, n_second, most;           /* n_second: hypotheses that each text is paired with; 0: none */
    char **seconds;
    bool lower_case;
    const char *prompt;
    const evoke_progress *progress;
    size_t n_done;                      /* sequences */
    size_t n_cut, last_cut;             /* texts, and the number of the last one counted, from 1 */
} job;

static evoke_status add_lower_case(evk_buffer *out, const char *text, evoke_error *err)
{
    const size_t n = strlen(text);
    char bytes[4];
    int32_t code = 0;
    for (size_t i = 0, step; i < n; i += step) {
        step = evk_utf8_next(text + i, n - i, &code);
        if (step == 0)
            return evk_fail(err, EVOKE_EDATA, "tokenise: invalid UTF-8 at byte %zu", i);
        EVK_TRY(evk_buffer_add(out, bytes, evk_utf8_put(code == 0x130 ? 'i' : utf8proc_tolower(code), bytes), err));
        if (code == 0x130)                      /* the one letter whose lower case is two characters */
            EVK_TRY(evk_buffer_add(out, "\xcc\x87", 2, err));
    }
    return EVOKE_OK;
}

/* Texts of sentence-transformers folders, as its version 6 has it: a prompt before them, all in lower case where the folder says so;
 * white space at the ends stays. */
static evoke_status prepare(const job *j, const char *text, evk_buffer *out, evoke_error *err)
{
    const char *const parts[] = { j->prompt ? j->prompt : "", text };
    for (size_t i = 0; i < 2; i++)
        EVK_TRY(j->lower_case ? add_lower_case(out, parts[i], err) : evk_buffer_add(out, parts[i], strlen(parts[i]), err));
    return EVOKE_OK;
}

static evoke_status tokenize_one(job *j, size_t i, evk_text_ids *out, evoke_error *err)
{
    const size_t pairs = j->n_second ? j->n_second : 1;
    evoke_error why = { EVOKE_OK, "" };
    evk_buffer text = { 0 };
    evoke_status st = j->lower_case || j->prompt ? prepare(j, j->texts[i / pairs], &text, &why) : EVOKE_OK;
    const char *own = text.data ? text.data : j->lower_case || j->prompt ? "" : j->texts[i / pairs];
    if (st == EVOKE_OK)
        st = evk_encoder_tokenize(j->encoder, own, j->n_second ? j->seconds[i % pairs] : NULL, j->most, out, &why);
    if (st == EVOKE_OK && out->cut && j->last_cut != i / pairs + 1) {
        j->last_cut = i / pairs + 1;
        j->n_cut++;
    }
    if (st != EVOKE_OK)
        evk_fail(err, st, j->n > 1 ? "%.900s (text %zu)" : "%.900s", why.text, i / pairs + 1);
    evk_buffer_free(&text);
    return st;
}

/* Sequences [first, first + n) through the model; out begins at the first of them. */
static evoke_status run_group(job *j, size_t first, size_t n, const evoke_encodings *out, evoke_error *err)
{
    evk_text_ids ids[GROUP] = { { .ids = NULL } };
    evoke_sequence sequences[GROUP];
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        st = tokenize_one(j, first + i, &ids[i], err);
        if (st == EVOKE_OK && ids[i].n == 0)
            st = evk_fail(err, EVOKE_EDATA, "tokenise: text %zu has no token", first + i + 1);
        sequences[i] = (evoke_sequence){ ids[i].ids, ids[i].types, ids[i].n };
    }
    if (st == EVOKE_OK)
        st = evoke_encode(j->encoder, sequences, n, 0, NULL, out, err);
    for (size_t i = 0; i < n; i++)
        evk_text_ids_free(&ids[i]);
    return st;
}

/* All sequences in groups; scores [all, width] goes to the output `logits`, or to `sentence`. */
static evoke_status run_all(job *j, const char *what, bool sentence, size_t width, float *scores, evoke_error *err)
{
    const size_t all = j->n * (j->n_second ? j->n_second : 1);
    for (size_t i = 0; i < all; i += GROUP) {
        const size_t n = all - i < GROUP ? all - i : GROUP;
        float *rows = scores + i * width;
        const evoke_encodings out = { .logits = sentence ? NULL : rows, .sentence = sentence ? rows : NULL };
        EVK_TRY(run_group(j, i, n, &out, err));
        j->n_done = i + n;
        EVK_TRY(evk_report(j->progress, what, i + n, all, err));
    }
    return EVOKE_OK;
}

static evoke_status need_head(const evoke_encoder *e, evoke_error *err)
{
    if (e->config.n_label > 0)
        return EVOKE_OK;
    return evk_fail(err, EVOKE_EUNSUPPORTED, "classify: the model is no classifier of texts: its file holds no such head (%s)",
                    e->path);
}

evoke_status evoke_classify(const evoke_encoder *e, const char *const *texts, size_t n, const evoke_progress *progress,
                            float *scores, size_t *n_cut, evoke_error *err)
{
    job j = { .encoder = e, .texts = texts, .n = n, .most = e->info.max_tokens, .progress = progress };
    EVK_TRY(need_head(e, err));
    const evoke_status st = run_all(&j, "classify", false, e->config.n_label, scores, err);
    for (size_t i = 0; i < j.n_done; i++)
        probabilities(&e->config, scores + i * e->config.n_label);
    if (n_cut)
        *n_cut = j.n_cut;
    return st;
}

evoke_status evoke_embed(const evoke_encoder *e, const char *const *texts, size_t n, const evoke_progress *progress,
                         float *vectors, size_t *n_cut, evoke_error *err)
{
    size_t most = e->pooling.max_tokens ? e->pooling.max_tokens : e->info.max_tokens;
    if (most == 0 || most > e->config.n_ctx)
        most = e->config.n_ctx;
    job j = { .encoder = e, .texts = texts, .n = n, .most = most, .lower_case = e->pooling.lower_case,
              .prompt = e->pooling.prompt, .progress = progress };
    const evoke_status st = run_all(&j, "embed", true, e->info.d_embedding, vectors, err);
    if (n_cut)
        *n_cut = j.n_cut;
    return st;
}

/* ---- zero-shot ---- */

/* Python's str.format with one argument: {} once, or {0}; {{ and }} are braces. */
static evoke_status fill_in(const char *hypothesis, const char *label, evk_buffer *out, evoke_error *err)
{
    size_t plain = 0, numbered = 0;
    for (const char *c = hypothesis; *c; c++) {
        const bool doubled = (*c == '{' || *c == '}') && c[1] == *c;
        const size_t n = strncmp(c, "{}", 2) == 0 ? 2 : strncmp(c, "{0}", 3) == 0 ? 3 : 0;
        if (!n && !doubled && (*c == '{' || *c == '}'))
            return evk_fail(err, EVOKE_EARG, "fill in the hypothesis: '%.100s' has a brace that is neither {} nor doubled",
                            hypothesis);
        EVK_TRY(n ? evk_buffer_add(out, label, strlen(label), err) : evk_buffer_add(out, c, 1, err));
        plain += n == 2;
        numbered += n == 3;
        c += n ? n - 1 : doubled;
    }
    if (plain + numbered == 0)
        return evk_fail(err, EVOKE_EARG, "fill in the hypothesis: '%.100s' has no {} where the label goes", hypothesis);
    if (plain > 1 || (plain && numbered))
        return evk_fail(err, EVOKE_EARG, "fill in the hypothesis: '%.100s' has more than one {} (write {0} for the same label "
                        "again)", hypothesis);
    return EVOKE_OK;
}

static evoke_status write_hypotheses(job *j, const char *hypothesis, const char *const *labels, evoke_error *err)
{
    EVK_TRY(evk_alloc(&j->seconds, j->n_second, sizeof *j->seconds, "classify", err));
    for (size_t l = 0; l < j->n_second; l++) {
        evk_buffer b = { 0 };
        evoke_text text = { 0 };
        evoke_status st = fill_in(hypothesis, labels[l], &b, err);
        if (st == EVOKE_OK)
            st = evk_buffer_take(&b, &text, err);
        evk_buffer_free(&b);
        EVK_TRY(st);
        j->seconds[l] = text.data;
    }
    return EVOKE_OK;
}

/* One text's logits [L, C] to its scores [L]. */
static void judge(const evoke_encoder *e, const float *logits, size_t n_label, bool independent, float *scores)
{
    const size_t c = e->config.n_label, yes = e->entailment < 0 ? c - 1 : (size_t)e->entailment, no = yes == 0 ? c - 1 : 0;
    for (size_t l = 0; l < n_label; l++) {
        float two[] = { logits[l * c + no], logits[l * c + yes] };
        if (independent)
            softmax(two, 2);
        scores[l] = two[1];
    }
    if (!independent)
        softmax(scores, n_label);
}

evoke_status evoke_zero_shot(const evoke_encoder *e, const char *const *texts, size_t n, const char *const *labels,
                             size_t n_labels, const char *hypothesis, bool independent, const evoke_progress *progress,
                             float *scores, size_t *n_cut, evoke_error *err)
{
    job j = { .encoder = e, .texts = texts, .n = n, .n_second = n_labels, .most = e->info.max_tokens, .progress = progress };
    float *logits = NULL;
    size_t rows = 0;
    EVK_TRY(need_head(e, err));
    if (n_labels == 0)
        return evk_fail(err, EVOKE_EARG, "classify: there is no label to choose from");
    if (!evk_mul(n, n_labels, &rows))
        return evk_fail(err, EVOKE_ENOMEM, "classify: %zu texts with %zu labels are too many", n, n_labels);
    evoke_status st = write_hypotheses(&j, hypothesis, labels, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&logits, rows, e->config.n_label * sizeof *logits, "classify", err);
    if (st == EVOKE_OK)
        st = run_all(&j, "classify", false, e->config.n_label, logits, err);
    for (size_t i = 0; i < j.n_done / n_labels; i++)
        judge(e, logits + i * n_labels * e->config.n_label, n_labels, independent || n_labels == 1, scores + i * n_labels);
    if (n_cut)
        *n_cut = j.n_cut;
    for (size_t l = 0; j.seconds && l < n_labels; l++)
        free(j.seconds[l]);
    free(j.seconds);
    free(logits);
    return st;
}
