/* layers/tokenizers/added_tokens.c: tokens that are found in the text itself.
 *
 * The tokens are sorted by their bytes. Those that match at a place are found by narrowing a range: of the tokens that
 * agree with the text in d bytes, the ones that agree in d + 1 are neighbours again. The longest that is whole wins. */
#include "layers/tokenizers/added_tokens.h"

#include <stdlib.h>
#include <string.h>

#include "layers/tokenizers/characters.h"

evoke_status evk_added_tokens_add(evk_added_tokens *a, const char *text, const evk_added_token *token, evoke_error *err)
{
    if (token->n == 0)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: added token %d is empty", (int)token->id);
    if (evk_utf8_check(text, token->n, "added token", NULL) != EVOKE_OK)    /* or it would cut characters apart */
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: added token %d is not UTF-8", (int)token->id);
    EVK_TRY(evk_grow(&a->token, &a->capacity, a->n + 1, sizeof *a->token, err));
    evk_added_token *t = a->token + a->n;
    *t = *token;
    EVK_TRY(evk_alloc(&t->text, t->n + 1, 1, "open tokenizer", err));
    memcpy(t->text, text, t->n);
    a->n++;
    a->first[(unsigned char)text[0]] = true;
    return EVOKE_OK;
}

static int by_text(const void *x, const void *y)
{
    const evk_added_token *a = x, *b = y;
    const int order = memcmp(a->text, b->text, a->n < b->n ? a->n : b->n);
    if (order != 0)
        return order;
    return a->n != b->n ? (a->n < b->n ? -1 : 1) : (a->id > b->id) - (a->id < b->id);
}

void evk_added_tokens_sort(evk_added_tokens *a)
{
    if (a->n > 1)
        qsort(a->token, a->n, sizeof *a->token, by_text);
}

void evk_added_tokens_free(evk_added_tokens *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->token[i].text);
    free(a->token);
    *a = (evk_added_tokens){0};
}

/* In [low, high), whose tokens agree in d bytes: the first that has no byte d below `byte`. Shorter ones come first. */
static size_t lower_bound(const evk_added_tokens *a, size_t low, size_t high, size_t d, unsigned byte)
{
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const evk_added_token *t = a->token + middle;
        if (t->n <= d || (unsigned char)t->text[d] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const evk_added_token *longest_at(const evk_added_tokens *a, const char *text, size_t n, bool special)
{
    const evk_added_token *best = NULL;
    size_t low = 0, high = a->n;
    for (size_t d = 0; d < n && low < high; d++) {
        low = lower_bound(a, low, high, d, (unsigned char)text[d]);
        high = lower_bound(a, low, high, d, (unsigned char)text[d] + 1u);
        for (size_t i = low; i < high && a->token[i].n == d + 1; i++)
            if (special || !a->token[i].control) {
                best = a->token + i;
                break;
            }
    }
    return best;
}

/* The character that ends before byte i, and its length; 0 at the beginning. */
static size_t previous_character(const char *text, size_t i, int32_t *code)
{
    size_t length = 0;
    while (length < i && length < 4) {
        length++;
        if (((unsigned char)text[i - length] & 0xC0) != 0x80)
            break;
    }
    return length && evk_utf8_next(text + i - length, length, code) == length ? length : 0;
}

static bool stands_alone(const char *text, size_t n, size_t begin, size_t end)
{
    int32_t c = 0;
    if (previous_character(text, begin, &c) && evk_is_word(c))
        return false;
    return end == n || !evk_utf8_next(text + end, n - end, &c) || !evk_is_word(c);
}

static evk_span with_white_space(const evk_added_token *t, const char *text, size_t n, size_t at, evk_span s)
{
    int32_t c = 0;
    for (size_t k = 0; t->strip_left && s.begin > at && (k = previous_character(text, s.begin, &c)) != 0; s.begin -= k)
        if (!evk_is_white_space(c) || k > s.begin - at)
            break;
    for (size_t k = 0; t->strip_right && s.end < n && (k = evk_utf8_next(text + s.end, n - s.end, &c)) != 0; s.end += k)
        if (!evk_is_white_space(c))
            break;
    return s;
}

const evk_added_token *evk_added_tokens_find(const evk_added_tokens *a, const char *text, size_t n, bool special,
                                             evk_added_search *s, evk_span *span)
{
    for (size_t i = s->next; a->n > 0 && i < n; i++) {
        if (!a->first[(unsigned char)text[i]])
            continue;
        const evk_added_token *t = longest_at(a, text + i, n - i, special);
        if (!t)
            continue;
        s->next = i + t->n;
        if (t->single_word && !stands_alone(text, n, i, s->next)) {
            i = s->next - 1;            /* what was looked at is not looked at again */
            continue;
        }
        *span = with_white_space(t, text, n, s->done, (evk_span){ i, s->next });
        s->done = span->end;
        return t;
    }
    return NULL;
}
