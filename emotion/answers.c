#include "emotion/answers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers/forward.h"
#include "layers/sampler.h"

enum { BATCH = 32, BATCH_TOKENS = 2048, ROWS = 32 };    /* prompts and their tokens that run together; rows of logits */

typedef struct scorer {
    const evk_answers *a;
    const evk_tokens *prompts;
    double *logp;               /* [n, n_answer] */
    evk_kv_cache cache;
    evk_arena scratch;
    float *logits;              /* [ROWS, V] */
    ptrdiff_t *parents;         /* [n_group] sequence of the beginning; EVK_NO_PARENT: none */
} scorer;

/* Tokens of a prompt that its group's beginning holds already. */
static size_t shared(const scorer *s, const evk_tokens *p)
{
    const evk_beginning *b = &s->a->beginnings[p->group];
    if (b->n == 0 || b->n >= p->n || memcmp(b->ids, p->ids, b->n * sizeof *b->ids) != 0)
        return 0;
    return evk_config_is_beyond_rope(&s->a->model->config, p->n) ? 0 : b->n;
}

/* ---- before the first batch ---- */

static evoke_status make(scorer *s, size_t n, evoke_error *err)
{
    const evk_config *c = &s->a->model->config;
    size_t longest = 0, answers = 0, beginnings = 0, own = BATCH_TOKENS;
    for (size_t i = 0; i < n; i++)
        longest = s->prompts[i].n > longest ? s->prompts[i].n : longest;
    for (size_t k = 0; k < s->a->n_answer; k++)
        answers += s->a->answers[k].n - 1;
    for (size_t g = 0; g < s->a->n_group; g++) {
        beginnings += s->a->beginnings[g].n;
        own = s->a->beginnings[g].n > own ? s->a->beginnings[g].n : own;
    }
    own = longest > own ? longest : own;
    EVK_TRY(evk_kv_init(&s->cache, s->a->model, beginnings + own + BATCH * answers, s->a->n_group + BATCH * (s->a->n_answer + 1), err));
    EVK_TRY(evk_alloc(&s->logits, ROWS, c->n_vocab * sizeof *s->logits, "judge", err));
    EVK_TRY(evk_alloc(&s->parents, s->a->n_group, sizeof *s->parents, "judge", err));
    return evk_arena_init(&s->scratch, evk_forward_scratch(s->a->model, own), "judge", err);
}

static evoke_status run_beginnings(scorer *s, evoke_error *err)
{
    for (size_t g = 0; g < s->a->n_group; g++) {
        const evk_beginning *b = &s->a->beginnings[g];
        size_t sequence = 0;
        s->parents[g] = EVK_NO_PARENT;
        if (b->n == 0)
            continue;
        EVK_TRY(evk_kv_open(&s->cache, EVK_NO_PARENT, b->n, &sequence, err));
        const evk_run run = { sequence, b->ids, b->n, EVK_PROMPT, EVK_WANT_NONE, NULL, 0, 0 };
        EVK_TRY(evk_forward(s->a->model, &s->cache, &run, 1, NULL, NULL, &s->scratch, err));
        s->parents[g] = (ptrdiff_t)sequence;
    }
    return EVOKE_OK;
}

/* ---- a batch ---- */

/* First tokens of all answers under the logits at a prompt's end. */
static void score_first(scorer *s, float *logits, double *logp)
{
    for (size_t k = 0; k < s->a->n_answer; k++)
        logp[k] = (double)logits[s->a->answers[k].ids[0]];
    const double all = evk_log_sum_exp(&s->a->model->kernels, logits, s->a->model->config.n_vocab);
    for (size_t k = 0; k < s->a->n_answer; k++)
        logp[k] -= all;
}

/* Answers that are run together after their prompts, and where their sums go. */
typedef struct rest { evk_run runs[ROWS]; double *sums[ROWS]; size_t n, n_row; } rest;

static evoke_status run_rest(scorer *s, rest *r, evoke_error *err)
{
    float *row = s->logits;
    if (r->n == 0)
        return EVOKE_OK;
    EVK_TRY(evk_forward(s->a->model, &s->cache, r->runs, r->n, NULL, s->logits, &s->scratch, err));
    for (size_t i = 0; i < r->n; i++)
        for (size_t t = 0; t < r->runs[i].n; t++, row += s->a->model->config.n_vocab) {
            const double own = (double)row[r->runs[i].ids[t + 1]];
            *r->sums[i] += own - evk_log_sum_exp(&s->a->model->kernels, row, s->a->model->config.n_vocab);
        }
    r->n = r->n_row = 0;
    return EVOKE_OK;
}

/* Later tokens of the answers that have several, after the prompts [first, first + n) in sequences from `sequence` on. */
static evoke_status score_rest(scorer *s, size_t first, size_t n, size_t sequence, evoke_error *err)
{
    rest r = { .n = 0 };
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < s->a->n_answer; k++) {
            const evoke_ids *answer = &s->a->answers[k];
            evk_run *run = &r.runs[r.n];
            if (answer->n < 2)
                continue;
            if (r.n_row + answer->n - 1 > ROWS) {
                EVK_TRY(run_rest(s, &r, err));
                run = r.runs;
            }
            *run = (evk_run){ 0, answer->ids, answer->n - 1, EVK_RESPONSE, EVK_WANT_ALL, NULL, 0, 1 };
            EVK_TRY(evk_kv_open(&s->cache, (ptrdiff_t)(sequence + i), run->n, &run->sequence, err));
            r.sums[r.n++] = &s->logp[(first + i) * s->a->n_answer + k];
            r.n_row += run->n;
        }
    return run_rest(s, &r, err);
}

/* The prompts from `first` on that run together; at least one. */
static size_t count_batch(const scorer *s, size_t first, size_t end)
{
    size_t n = 0, tokens = 0;
    while (first + n < end && n < BATCH) {
        const evk_tokens *p = &s->prompts[first + n];
        tokens += p->n - shared(s, p);
        if (n > 0 && tokens > BATCH_TOKENS)
            break;
        n++;
    }
    return n;
}

static evoke_status run_batch(scorer *s, size_t first, size_t n, evoke_error *err)
{
    evk_run runs[BATCH] = {{0}};
    const size_t mark = s->cache.n_sequence;
    for (size_t i = 0; i < n; i++) {
        const evk_tokens *p = &s->prompts[first + i];
        const size_t skip = shared(s, p);
        runs[i] = (evk_run){ 0, p->ids + skip, p->n - skip, EVK_PROMPT_END, EVK_WANT_LAST, NULL, p->n, 0 };
        EVK_TRY(evk_kv_open(&s->cache, skip ? s->parents[p->group] : EVK_NO_PARENT, runs[i].n, &runs[i].sequence, err));
    }
    EVK_TRY(evk_forward(s->a->model, &s->cache, runs, n, NULL, s->logits, &s->scratch, err));
    for (size_t i = 0; i < n; i++)
        score_first(s, s->logits + i * s->a->model->config.n_vocab, s->logp + (first + i) * s->a->n_answer);
    EVK_TRY(score_rest(s, first, n, mark, err));
    evk_kv_rewind(&s->cache, mark);
    return EVOKE_OK;
}

evoke_status evk_answers_score(const evk_answers *a, const evk_tokens *prompts, size_t n, const evoke_progress *progress,
                               double *logp, evoke_error *err)
{
    scorer s = { .a = a, .prompts = prompts, .logp = logp };
    evoke_status st = make(&s, n, err);
    if (st == EVOKE_OK)
        st = run_beginnings(&s, err);
    for (size_t first = 0; st == EVOKE_OK && first < n;) {
        const size_t count = count_batch(&s, first, n);
        st = run_batch(&s, first, count, err);
        first += count;
        if (st == EVOKE_OK)
            st = evk_report(progress, "judge", first, n, err);
    }
    evk_kv_free(&s.cache);
    evk_arena_free(&s.scratch);
    free(s.logits);
    free(s.parents);
    return st;
}
