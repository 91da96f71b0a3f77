/* layers/tokenizers/pretokenize.c: a passage into words.
 *
 * A step cuts each word where its pattern matches: matches and the texts between them, in order, with the behaviour that
 * says which of them join or go. A pattern sees one word only: its lookahead ends where the word ends. */
#include "layers/tokenizers/pretokenize.h"

#include <stdlib.h>

static evoke_status add_step(evk_pretokenizer *p, evk_split_step step, evoke_error *err)
{
    EVK_TRY(evk_grow(&p->step, &p->capacity, p->n + 1, sizeof *p->step, err));
    p->step[p->n++] = step;
    return EVOKE_OK;
}

evoke_status evk_pretokenizer_split(evk_pretokenizer *p, const char *pattern, size_t n, bool literal,
                                    evk_behavior behavior, bool invert, const char *where, evoke_error *err)
{
    if (literal && n == 0)
        return EVOKE_OK;                /* an empty string is found nowhere */
    evk_split_step step = { .behavior = behavior, .invert = invert };
    EVK_TRY(evk_regex_compile(pattern, n, literal, where, &step.pattern, err));
    const evoke_status st = add_step(p, step, err);
    if (st != EVOKE_OK)
        pcre2_code_free(step.pattern);
    return st;
}

evoke_status evk_pretokenizer_space(evk_pretokenizer *p, evoke_error *err)
{
    return add_step(p, (evk_split_step){0}, err);
}

void evk_pretokenizer_free(evk_pretokenizer *p)
{
    for (size_t i = 0; i < p->n; i++)
        pcre2_code_free(p->step[i].pattern);
    free(p->step);
    *p = (evk_pretokenizer){0};
}

evoke_status evk_pretokenize_scratch_init(evk_pretokenize_scratch *s, size_t n_bytes, evoke_error *err)
{
    *s = (evk_pretokenize_scratch){0};
    return evk_matcher_init(&s->matcher, n_bytes, err);
}

void evk_pretokenize_scratch_free(evk_pretokenize_scratch *s)
{
    evk_matcher_free(&s->matcher);
    evk_spans_free(&s->words);
    evk_spans_free(&s->next);
    evk_passage_free(&s->spaced);
}

/* The pieces of one word as they come, and what they become. */
typedef struct cutter {
    evk_spans *out;
    size_t first;               /* out->item[first..] are this word's */
    evk_behavior behavior;
    bool any, last_match;       /* a piece came before; it was a match */
    evk_span held;              /* WITH_NEXT: a match that waits for what follows */
    bool holds;
} cutter;

static evoke_status keep(cutter *c, evk_span s, evoke_error *err)
{
    return evk_spans_add(c->out, s.begin, s.end, err);
}

/* The piece joins the last one kept; false: there is none. */
static bool join_last(cutter *c, evk_span s)
{
    if (c->out->n == c->first)
        return false;
    c->out->item[c->out->n - 1].end = s.end;
    return true;
}

static evoke_status hold_for_next(cutter *c, evk_span s, bool match, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    if (c->holds && match)
        st = keep(c, c->held, err);
    else if (!match)
        st = keep(c, (evk_span){ c->holds ? c->held.begin : s.begin, s.end }, err);
    c->holds = match;
    c->held = s;
    return st;
}

static evoke_status cut(cutter *c, evk_span s, bool match, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    switch (c->behavior) {
    case EVK_SPLIT_ISOLATED:
        st = keep(c, s, err);
        break;
    case EVK_SPLIT_REMOVED:
        st = match ? EVOKE_OK : keep(c, s, err);
        break;
    case EVK_SPLIT_CONTIGUOUS:
        st = c->any && c->last_match == match && join_last(c, s) ? EVOKE_OK : keep(c, s, err);
        break;
    case EVK_SPLIT_WITH_PREVIOUS:
        st = match && !c->last_match && join_last(c, s) ? EVOKE_OK : keep(c, s, err);
        break;
    case EVK_SPLIT_WITH_NEXT:
        st = hold_for_next(c, s, match, err);
        break;
    }
    c->any = true;
    c->last_match = match;
    return st;
}

/* Where to look on after an empty match at byte i: past the character there. */
static size_t past_character(const char *text, size_t n, size_t i)
{
    int32_t code = 0;
    const size_t length = i < n ? evk_utf8_next(text + i, n - i, &code) : 0;
    return i + (length ? length : 1);
}

static evoke_status split_word(const evk_split_step *step, evk_matcher *m, const evk_passage *p, evk_span word,
                               evk_spans *out, evoke_error *err)
{
    cutter c = { .out = out, .first = out->n, .behavior = step->behavior };
    const char *text = p->text + word.begin;
    const size_t n = word.end - word.begin;
    size_t done = 0;                                    /* all before is cut */
    bool any = false;
    for (size_t at = 0; at <= n;) {
        size_t begin = 0, end = 0;
        bool found = false;
        EVK_TRY(evk_regex_find(step->pattern, m, text, n, at, &begin, &end, &found, err));
        if (!found)
            break;
        at = end > begin ? end : past_character(text, n, end);
        if (begin == end && any && end == done)         /* nothing, right behind a match, is no match */
            continue;
        any = true;
        if (begin > done)
            EVK_TRY(cut(&c, (evk_span){ word.begin + done, word.begin + begin }, step->invert, err));
        EVK_TRY(cut(&c, (evk_span){ word.begin + begin, word.begin + end }, !step->invert, err));
        done = end;
    }
    if (done < n)
        EVK_TRY(cut(&c, (evk_span){ word.begin + done, word.end }, step->invert, err));
    return c.holds ? keep(&c, c.held, err) : EVOKE_OK;
}

static void drop_empty(evk_spans *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->item[i].begin < s->item[i].end)
            s->item[n++] = s->item[i];
    s->n = n;
}

/* Copies the passage with a space before each word that lacks one; the words follow. */
static evoke_status put_spaces(const evk_passage **passage, evk_pretokenize_scratch *s, evoke_error *err)
{
    const evk_passage *p = *passage;
    if (p == &s->spaced)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "tokenize: two steps that put spaces before words");
    evk_passage_begin(&s->spaced);
    for (size_t i = 0; i < s->words.n; i++) {
        evk_span *w = s->words.item + i;
        const size_t begin = s->spaced.n;
        if (p->text[w->begin] != ' ')
            EVK_TRY(evk_passage_put(&s->spaced, " ", 1, evk_passage_from(p, w->begin), err));
        EVK_TRY(evk_passage_copy(&s->spaced, p, w->begin, w->end, err));
        *w = (evk_span){ begin, s->spaced.n };
    }
    *passage = &s->spaced;
    return EVOKE_OK;
}

evoke_status evk_pretokenize(const evk_pretokenizer *p, const evk_passage **passage, evk_pretokenize_scratch *s,
                             evoke_error *err)
{
    s->words.n = 0;
    if ((*passage)->n > 0)
        EVK_TRY(evk_spans_add(&s->words, 0, (*passage)->n, err));
    for (size_t i = 0; i < p->n && s->words.n > 0; i++) {
        if (!p->step[i].pattern) {
            EVK_TRY(put_spaces(passage, s, err));
            continue;
        }
        s->next.n = 0;
        for (size_t w = 0; w < s->words.n; w++)
            EVK_TRY(split_word(p->step + i, &s->matcher, *passage, s->words.item[w], &s->next, err));
        drop_empty(&s->next);
        const evk_spans words = s->words;
        s->words = s->next;
        s->next = words;
    }
    return EVOKE_OK;
}
