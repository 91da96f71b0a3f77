/* layers/tokenizers/split.c: a word into smaller ones.
 *
 * Matches and the texts between them come in order, and the behaviour says which of them join or go. A pattern sees one
 * word only: its lookahead ends where the word ends. */
#include "layers/tokenizers/split.h"

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

/* The first character at byte `at` or later that is of the class, or the one. */
static bool find_character(const evk_split *split, const char *text, size_t n, size_t at, size_t *begin, size_t *end)
{
    for (size_t length = 0; at < n; at += length) {
        int32_t code = 0;
        length = evk_utf8_next(text + at, n - at, &code);
        length = length ? length : 1;
        if (split->in_class ? split->in_class(code) : code == split->character) {
            *begin = at;
            *end = at + length;
            return true;
        }
    }
    return false;
}

static bool find_length(const evk_split *split, const char *text, size_t n, size_t at, size_t *begin, size_t *end)
{
    *begin = *end = at;
    for (size_t i = 0; i < split->length && *end < n; i++)
        *end = past_character(text, n, *end);
    return at < n;
}

static evoke_status find(const evk_split *split, evk_matcher *m, const char *text, size_t n, size_t at, size_t *begin,
                         size_t *end, bool *found, evoke_error *err)
{
    if (split->pattern)
        return evk_regex_find(split->pattern, m, text, n, at, begin, end, found, err);
    *found = !split->in_class && split->length > 0 ? find_length(split, text, n, at, begin, end)
                                                   : find_character(split, text, n, at, begin, end);
    return EVOKE_OK;
}

static void drop_empty(evk_spans *s, size_t first)
{
    size_t n = first;
    for (size_t i = first; i < s->n; i++)
        if (s->item[i].begin < s->item[i].end)
            s->item[n++] = s->item[i];
    s->n = n;
}

evoke_status evk_split_word(const evk_split *split, evk_matcher *m, const evk_passage *p, evk_span word, evk_spans *out,
                            evoke_error *err)
{
    cutter c = { .out = out, .first = out->n, .behavior = split->behavior };
    const char *text = p->text + word.begin;
    const size_t n = word.end - word.begin;
    size_t done = 0;                                    /* all before is cut */
    bool any = false;
    for (size_t at = 0; at <= n;) {
        size_t begin = 0, end = 0;
        bool found = false;
        EVK_TRY(find(split, m, text, n, at, &begin, &end, &found, err));
        if (!found)
            break;
        at = end > begin ? end : past_character(text, n, end);
        if (begin == end && any && end == done)         /* nothing, right behind a match, is no match */
            continue;
        any = true;
        if (begin > done)
            EVK_TRY(cut(&c, (evk_span){ word.begin + done, word.begin + begin }, split->invert, err));
        EVK_TRY(cut(&c, (evk_span){ word.begin + begin, word.begin + end }, !split->invert, err));
        done = end;
    }
    if (done < n)
        EVK_TRY(cut(&c, (evk_span){ word.begin + done, word.end }, split->invert, err));
    if (c.holds)
        EVK_TRY(keep(&c, c.held, err));
    drop_empty(out, c.first);
    return EVOKE_OK;
}
