/* experiments/eval_texts.c: what can be counted in a text.
 *
 *   lexicon        hit: has a word of the emotion; lex: such words; other: words of the other emotions, mean over them
 *   degeneration   distinct1, distinct2; repetition: 1 - distinct4; words; empty; cut: it ran into its limit of tokens;
 *                  drift: letters in scripts that the query has none of */
#include <math.h>
#include <string.h>

#include "experiments/eval.h"

/* Words of one list, where the text is not empty. */
static evoke_status count_words(evaluation *e, double *hit, double *lex, double *other, evoke_error *err)
{
    const size_t n = e->n_emotion;
    evoke_status st = EVOKE_OK;
    for (size_t i = e->first; i < e->end && st == EVOKE_OK; i++) {
        size_t all = 0, count = 0;
        for (size_t k = 0; st == EVOKE_OK && k < n && !e->set.lines[i].left_out; k++) {
            st = evoke_lexicon_count(e->words, e->emotions[k], e->set.lines[i].text, &count, err);
            lex[i * n + k] = (double)count;
            hit[i * n + k] = count > 0;
            all += count;
        }
        for (size_t k = 0; n > 1 && k < n; k++)
            other[i * n + k] = ((double)all - lex[i * n + k]) / (double)(n - 1);
    }
    return st;
}

static evoke_status lexicon(evaluation *e, evoke_error *err)
{
    double *hit = NULL, *lex = NULL, *other = NULL;
    evoke_status st = eval_column(e, "hit", COLUMN_SHARE, true, &hit, err);
    if (st == EVOKE_OK)
        st = eval_column(e, "lex", COLUMN_MEAN, true, &lex, err);
    if (st == EVOKE_OK)
        st = eval_column(e, "other", COLUMN_MEAN, true, &other, err);
    return st == EVOKE_OK ? count_words(e, hit, lex, other, err) : st;
}

/* Runs of anything but white space. */
static size_t word_count(const char *text)
{
    size_t n = 0;
    for (text += strspn(text, " \t\r\n"); *text; text += strspn(text, " \t\r\n")) {
        text += strcspn(text, " \t\r\n");
        n++;
    }
    return n;
}

static evoke_status degeneration(evaluation *e, evoke_error *err)
{
    static const struct { const char *name; column_kind kind; } columns[] = {
        { "distinct1", COLUMN_MEAN }, { "distinct2", COLUMN_MEAN }, { "repetition", COLUMN_MEAN }, { "words", COLUMN_MEAN },
        { "drift", COLUMN_MEAN }, { "empty", COLUMN_SHARE }, { "cut", COLUMN_SHARE },
    };
    enum { N_COLUMN = sizeof columns / sizeof *columns };
    double *x[N_COLUMN] = { NULL };
    evoke_status st = EVOKE_OK;
    for (size_t c = 0; st == EVOKE_OK && c < N_COLUMN; c++) {
        st = eval_column(e, columns[c].name, columns[c].kind, false, &x[c], err);
        if (st == EVOKE_OK)
            e->columns[e->n_column - 1].of_all = columns[c].kind == COLUMN_SHARE;
    }
    for (size_t i = e->first; st == EVOKE_OK && i < e->end; i++) {
        const response_line *r = &e->set.lines[i];
        x[5][i] = r->left_out;
        x[6][i] = *r->stop ? strcmp(r->stop, "length") == 0 : NAN;
        if (r->left_out)
            continue;
        x[0][i] = evoke_distinct_n(r->text, 1);
        x[1][i] = evoke_distinct_n(r->text, 2);
        x[2][i] = 1 - evoke_distinct_n(r->text, 4);
        x[3][i] = (double)word_count(r->text);
        x[4][i] = r->query ? evoke_script_drift(r->text, r->query) : NAN;
    }
    return st;
}

evoke_status eval_texts(evaluation *e, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    if (eval_wants(e, "lexicon", true))
        st = lexicon(e, err);
    if (st == EVOKE_OK && eval_wants(e, "degeneration", true))
        st = degeneration(e, err);
    return st;
}
