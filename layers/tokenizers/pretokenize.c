/* layers/tokenizers/pretokenize.c: a passage into words, step by step. A step cuts each word (split.c), or rewrites it:
 * then a new passage is written, which holds the words and nothing else. */
#include "layers/tokenizers/pretokenize.h"

#include <stdlib.h>

#include "layers/tokenizers/byte_level.h"
#include "layers/tokenizers/characters.h"

/* ---- the list ---- */
evoke_status evk_pretokenizer_add(evk_pretokenizer *p, evk_word_step step, evoke_error *err)
{
    const evoke_status st = evk_grow(&p->step, &p->capacity, p->n + 1, sizeof *p->step, err);
    if (st == EVOKE_OK)
        p->step[p->n++] = step;
    else
        pcre2_code_free(step.split.pattern);
    return st;
}

evoke_status evk_pretokenizer_split(evk_pretokenizer *p, const char *pattern, size_t n, bool literal,
                                    evk_behavior behavior, bool invert, const char *where, evoke_error *err)
{
    evk_word_step step = { .split = { .behavior = behavior, .invert = invert } };
    EVK_TRY(evk_regex_compile(pattern, n, literal, where, &step.split.pattern, err));
    return evk_pretokenizer_add(p, step, err);
}

evoke_status evk_pretokenizer_class(evk_pretokenizer *p, bool (*in_class)(int32_t), evk_behavior behavior,
                                    evoke_error *err)
{
    return evk_pretokenizer_add(p, (evk_word_step){ .split = { .in_class = in_class, .behavior = behavior } }, err);
}

evoke_status evk_pretokenizer_space(evk_pretokenizer *p, evoke_error *err)
{
    return evk_pretokenizer_add(p, (evk_word_step){ .action = EVK_WORD_SPACE }, err);
}

evoke_status evk_pretokenizer_bytes(evk_pretokenizer *p, evoke_error *err)
{
    return evk_pretokenizer_add(p, (evk_word_step){ .action = EVK_WORD_BYTES }, err);
}

evoke_status evk_pretokenizer_metaspace(evk_pretokenizer *p, int32_t mark, evk_when when, bool split, evoke_error *err)
{
    const evk_split cut = { .character = mark, .behavior = EVK_SPLIT_WITH_NEXT };
    EVK_TRY(evk_pretokenizer_add(p, (evk_word_step){ .action = EVK_WORD_METASPACE, .mark = mark, .when = when }, err));
    return split ? evk_pretokenizer_add(p, (evk_word_step){ .split = cut }, err) : EVOKE_OK;
}

evoke_status evk_pretokenizer_bert(evk_pretokenizer *p, evoke_error *err)
{
    EVK_TRY(evk_pretokenizer_class(p, evk_is_white_space, EVK_SPLIT_REMOVED, err));
    return evk_pretokenizer_class(p, evk_is_punctuation, EVK_SPLIT_ISOLATED, err);
}

void evk_pretokenizer_free(evk_pretokenizer *p)
{
    for (size_t i = 0; i < p->n; i++)
        pcre2_code_free(p->step[i].split.pattern);
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
    evk_passage_free(s->passage);
    evk_passage_free(s->passage + 1);
}

/* ---- words rewritten ---- */
static evoke_status put_spaced(const evk_passage *p, evk_span word, evk_passage *out, evoke_error *err)
{
    if (p->text[word.begin] != ' ')
        EVK_TRY(evk_passage_put(out, " ", 1, evk_passage_from(p, word.begin), err));
    return evk_passage_copy(out, p, word.begin, word.end, err);
}

static evoke_status put_metaspaced(const evk_word_step *step, const evk_passage *p, evk_span word, evk_passage *out,
                                   evoke_error *err)
{
    char mark[4];
    const size_t n_mark = evk_utf8_put(step->mark, mark);
    int32_t first = 0;
    evk_utf8_next(p->text + word.begin, word.end - word.begin, &first);
    const bool here = step->when == EVK_ALWAYS || (step->when == EVK_FIRST && evk_passage_from(p, word.begin) == 0);
    if (here && first != ' ' && first != step->mark)
        EVK_TRY(evk_passage_put(out, mark, n_mark, evk_passage_from(p, word.begin), err));
    size_t same = word.begin;
    for (size_t i = word.begin; i < word.end; i++)
        if (p->text[i] == ' ') {
            EVK_TRY(evk_passage_copy(out, p, same, i, err));
            EVK_TRY(evk_passage_put(out, mark, n_mark, evk_passage_from(p, i), err));
            same = i + 1;
        }
    return evk_passage_copy(out, p, same, word.end, err);
}

static evoke_status put_bytes(const evk_passage *p, evk_span word, evk_passage *out, evoke_error *err)
{
    size_t from = 0;
    for (size_t i = word.begin; i < word.end; i++) {
        char text[4];
        const unsigned char byte = (unsigned char)p->text[i];
        if ((byte & 0xC0) != 0x80 || i == word.begin)
            from = evk_passage_from(p, i);
        EVK_TRY(evk_passage_put(out, text, evk_utf8_put(evk_byte_level_char(byte), text), from, err));
    }
    return EVOKE_OK;
}

static evoke_status rewrite(const evk_word_step *step, const evk_passage **passage, evk_pretokenize_scratch *s,
                            evoke_error *err)
{
    const evk_passage *p = *passage;
    evk_passage *out = s->passage + (p == s->passage);
    evk_passage_begin(out);
    for (size_t i = 0; i < s->words.n; i++) {
        evk_span *w = s->words.item + i;
        const size_t begin = out->n;
        if (step->action == EVK_WORD_SPACE)
            EVK_TRY(put_spaced(p, *w, out, err));
        else if (step->action == EVK_WORD_METASPACE)
            EVK_TRY(put_metaspaced(step, p, *w, out, err));
        else
            EVK_TRY(put_bytes(p, *w, out, err));
        *w = (evk_span){ begin, out->n };
    }
    *passage = out;
    return EVOKE_OK;
}

static evoke_status split(const evk_word_step *step, const evk_passage *p, evk_pretokenize_scratch *s, evoke_error *err)
{
    s->next.n = 0;
    for (size_t i = 0; i < s->words.n; i++)
        EVK_TRY(evk_split_word(&step->split, &s->matcher, p, s->words.item[i], &s->next, err));
    const evk_spans words = s->words;
    s->words = s->next;
    s->next = words;
    return EVOKE_OK;
}

evoke_status evk_pretokenize(const evk_pretokenizer *p, const evk_passage **passage, evk_pretokenize_scratch *s,
                             evoke_error *err)
{
    s->words.n = 0;
    if ((*passage)->n > 0)
        EVK_TRY(evk_spans_add(&s->words, 0, (*passage)->n, err));
    for (size_t i = 0; i < p->n && s->words.n > 0; i++) {
        const evk_word_step *step = p->step + i;
        EVK_TRY(step->action == EVK_WORD_SPLIT ? split(step, *passage, s, err) : rewrite(step, passage, s, err));
    }
    return EVOKE_OK;
}
