/* emotion/text_measures.c: what can be counted in a text without a model.
 *
 *     distinct-n = different word n-grams / word n-grams        repetition (Li et al. 2016): 1 where nothing is said twice
 *     lexicon    = words of a text that are in an emotion's list
 *
 * A word is a run of letters, their marks and digits (Unicode), with apostrophes inside it ("don't"); case is folded and
 * characters composed, so that "STRASSE" is "straße" and an accent may come as one character or two. */
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "core/json.h"
#include "core/text.h"

enum { MAX_EMOTIONS = 1000 };

/* Words one after another in `text`, a NUL after each. */
typedef struct words { evk_buffer text; size_t *starts, n, capacity; } words;

struct evoke_lexicon { json_t *lists; };    /* emotion -> object of its folded words */

/* ---- words ---- */
static bool is_word_part(int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LL: case UTF8PROC_CATEGORY_LT: case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: case UTF8PROC_CATEGORY_MN: case UTF8PROC_CATEGORY_MC: case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_NL: case UTF8PROC_CATEGORY_NO:
        return true;
    default:
        return false;
    }
}

static bool is_apostrophe(int32_t c)
{
    return c == '\'' || c == 0x2019;
}

/* The text with case folded, composed; what is not UTF-8 becomes blanks. NULL: no memory. The caller's. */
static char *fold(const char *text)
{
    char *clean = strdup(text);
    utf8proc_uint8_t *folded = NULL;
    if (!clean)
        return NULL;
    evk_utf8_blank(clean, strlen(clean));
    utf8proc_map((const utf8proc_uint8_t *)clean, 0, &folded,
                 UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
    free(clean);
    return (char *)folded;
}

static bool begin_word(words *w)
{
    if (w->n == w->capacity) {
        const size_t capacity = w->capacity ? 2 * w->capacity : 64;
        size_t *starts = realloc(w->starts, capacity * sizeof *starts);
        if (!starts)
            return false;
        w->starts = starts;
        w->capacity = capacity;
    }
    w->starts[w->n++] = w->text.n;
    return true;
}

/* The length of the word at text, 0 where none begins there. */
static size_t word_length(const char *text, size_t n)
{
    size_t end = 0, at = 0;
    while (at < n) {
        int32_t c = 0;
        const size_t length = evk_utf8_next(text + at, n - at, &c);
        if (!length || (!is_word_part(c) && !(is_apostrophe(c) && end > 0 && end == at)))
            break;
        at += length;
        if (!is_apostrophe(c))
            end = at;
    }
    return end;
}

static bool add_word(words *w, const char *text, size_t n)
{
    if (!begin_word(w))
        return false;
    for (size_t i = 0, length = 0; i < n; i += length) {
        int32_t c = 0;
        length = evk_utf8_next(text + i, n - i, &c);
        if (evk_buffer_add(&w->text, c == 0x2019 ? "'" : text + i, c == 0x2019 ? 1 : length, NULL) != EVOKE_OK)
            return false;
    }
    return evk_buffer_add(&w->text, "", 1, NULL) == EVOKE_OK;
}

static void free_words(words *w)
{
    evk_buffer_free(&w->text);
    free(w->starts);
}

/* false: no memory. free_words in any case. */
static bool split(const char *text, words *w)
{
    char *folded = fold(text);
    bool ok = folded != NULL;
    const size_t n = ok ? strlen(folded) : 0;
    for (size_t i = 0; i < n && ok;) {
        const size_t length = word_length(folded + i, n - i);
        int32_t c;
        if (length > 0)
            ok = add_word(w, folded + i, length);
        const size_t step = length ? length : evk_utf8_next(folded + i, n - i, &c);
        i += step ? step : 1;
    }
    free(folded);
    return ok;
}

/* ---- distinct-n ---- */
typedef struct gram { const char *text; size_t n; } gram;       /* n words as they lie, NULs between them */

static int by_text(const void *a, const void *b)
{
    const gram *x = a, *y = b;
    const int order = memcmp(x->text, y->text, x->n < y->n ? x->n : y->n);
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

double evoke_distinct_n(const char *text, size_t n)
{
    words w = {0};
    double share = 1;
    gram *grams = NULL;
    if (split(text, &w) && n > 0 && w.n >= n && (grams = calloc(w.n - n + 1, sizeof *grams))) {
        const size_t n_gram = w.n - n + 1;
        size_t different = 1;
        for (size_t i = 0; i < n_gram; i++) {
            const size_t end = i + n < w.n ? w.starts[i + n] : w.text.n;
            grams[i] = (gram){ w.text.data + w.starts[i], end - w.starts[i] };
        }
        qsort(grams, n_gram, sizeof *grams, by_text);
        for (size_t i = 1; i < n_gram; i++)
            different += by_text(&grams[i - 1], &grams[i]) != 0;
        share = (double)different / (double)n_gram;
    }
    free(grams);
    free_words(&w);
    return share;
}

/* ---- lexicon ---- */
/* An object of the folded words of a list; NULL and err on failure. */
static json_t *fold_list(const json_t *list, const char *emotion, const char *path, evoke_error *err)
{
    json_t *set = json_object();
    bool ok = set != NULL;
    for (size_t i = 0; i < json_array_size(list) && ok; i++) {
        words w = {0};
        const char *word = json_string_value(json_array_get(list, i));
        ok = word && split(word, &w) && w.n == 1 && json_object_set_new(set, w.text.data, json_true()) == 0;
        free_words(&w);
        if (!ok)
            evk_fail(err, EVOKE_EFORMAT, "read lexicon: entry %zu of '%.60s', '%.60s', is not one word (%s)", i + 1, emotion,
                     word ? word : "", path);
    }
    if (ok)
        return set;
    if (!set)
        evk_fail(err, EVOKE_ENOMEM, "read lexicon: no memory (%s)", path);
    json_decref(set);
    return NULL;
}

static evoke_status read_lists(json_t *file, const char *path, json_t *lists, evoke_error *err)
{
    const char *emotion;
    json_t *list;
    if (!json_is_object(file) || json_object_size(file) < 1 || json_object_size(file) > MAX_EMOTIONS)
        return evk_fail(err, EVOKE_EFORMAT, "read lexicon: not an object emotion -> words (%s)", path);
    json_object_foreach(file, emotion, list) {
        if (!json_is_array(list))
            return evk_fail(err, EVOKE_EFORMAT, "read lexicon: '%.60s' is not a list of words (%s)", emotion, path);
        json_t *set = fold_list(list, emotion, path, err);
        if (!set)
            return EVOKE_EFORMAT;
        if (json_object_set_new(lists, emotion, set) != 0)
            return evk_fail(err, EVOKE_ENOMEM, "read lexicon: no memory (%s)", path);
    }
    return EVOKE_OK;
}

evoke_status evoke_lexicon_open(const char *path, evoke_lexicon **out, evoke_error *err)
{
    json_t *file = NULL;
    evoke_lexicon *l = NULL;
    *out = NULL;
    EVK_TRY(evk_json_load(path, &file, err));
    evoke_status st = evk_alloc(&l, 1, sizeof *l, "read lexicon", err);
    if (st == EVOKE_OK && !(l->lists = json_object()))
        st = evk_fail(err, EVOKE_ENOMEM, "read lexicon: no memory (%s)", path);
    if (st == EVOKE_OK)
        st = read_lists(file, path, l->lists, err);
    json_decref(file);
    if (st == EVOKE_OK)
        *out = l;
    else
        evoke_lexicon_free(l);
    return st;
}

void evoke_lexicon_free(evoke_lexicon *l)
{
    if (!l)
        return;
    json_decref(l->lists);
    free(l);
}

const char *evoke_lexicon_emotion(const evoke_lexicon *l, size_t i)
{
    void *at = json_object_iter(l->lists);
    while (at && i-- > 0)
        at = json_object_iter_next(l->lists, at);
    return at ? json_object_iter_key(at) : NULL;
}

evoke_status evoke_lexicon_count(const evoke_lexicon *l, const char *emotion, const char *text, size_t *n,
                                 evoke_error *err)
{
    const json_t *set = json_object_get(l->lists, emotion);
    words w = {0};
    *n = 0;
    if (!set)
        return evk_fail(err, EVOKE_EDATA, "count words: the lexicon has no emotion '%.80s'", emotion);
    const bool ok = split(text, &w);
    for (size_t i = 0; i < w.n && ok; i++)
        *n += json_object_get(set, w.text.data + w.starts[i]) != NULL;
    free_words(&w);
    return ok ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "count words: no memory");
}
