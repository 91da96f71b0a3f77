/* emotion/text_measures.c: words in any script, distinct-n by hand, the lexicon of data/. */
#include "core/evoke.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"

static void distinct_is(const char *text, size_t n, double expected)
{
    const double d = evoke_distinct_n(text, n);
    check(fabs(d - expected) < 1e-12, "distinct-%zu of '%s' is %g, not %g", n, text, d, expected);
}

static void distinct(void)
{
    distinct_is("a b c d", 1, 1);
    distinct_is("a b a b", 1, 0.5);
    distinct_is("a b a b", 2, 2.0 / 3);
    distinct_is("A b, a. B!", 1, 0.5);
    distinct_is("don't don\xe2\x80\x99t 'don't' dont", 1, 0.5);
    distinct_is("Stra\xc3\x9f" "e STRASSE strasse", 1, 1.0 / 3);
    distinct_is("caf\xc3\xa9 cafe\xcc\x81 CAF\xc3\x89", 1, 1.0 / 3);
    distinct_is("\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\x82\xe0\xa4\xa6\xe0\xa5\x80 \xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\x82\xe0\xa4\xa6\xe0\xa5\x80", 1, 0.5);
    distinct_is("ab c a bc", 2, 1);                     /* the boundary between words counts */
    distinct_is("2024 2024 x2", 1, 2.0 / 3);
    distinct_is("so so so so", 3, 0.5);
    distinct_is("", 1, 1);
    distinct_is("?!...", 1, 1);
    distinct_is("one two", 3, 1);
    distinct_is("a b", 0, 1);
    distinct_is("a\xff" "a \xc3", 1, 0.5);                  /* what is not UTF-8 parts words */
}

static void counts(const evoke_lexicon *l, const char *emotion, const char *text, size_t expected)
{
    size_t n = 99;
    evoke_error err = {0};
    check(evoke_lexicon_count(l, emotion, text, &n, &err) == EVOKE_OK && n == expected, "%s in '%s': %zu, %s", emotion, text, n,
          err.text);
}

static evoke_status open_text(const char *text, evoke_lexicon **l, evoke_error *err)
{
    FILE *f = fopen("l.json", "w");
    if (check(f != NULL, "l.json")) {
        fputs(text, f);
        fclose(f);
    }
    const evoke_status st = evoke_lexicon_open("l.json", l, err);
    unlink("l.json");
    return st;
}

static void lexicon(const char *root)
{
    char path[4096];
    evoke_error err = {0};
    evoke_lexicon *l = NULL;
    size_t n;
    check(open_text("{\"joy\": [\"Happy\", \"\xc3\x89tait\", \"can't\"], \"fear\": []}", &l, &err) == EVOKE_OK, "%s", err.text);
    if (l) {
        counts(l, "joy", "HAPPY, happy unhappy: \xc3\xa9tait can\xe2\x80\x99t!", 4);
        counts(l, "joy", "", 0);
        counts(l, "fear", "happy", 0);
        check(evoke_lexicon_count(l, "awe", "happy", &n, &err) == EVOKE_EDATA && strstr(err.text, "awe"), "%s", err.text);
    }
    evoke_lexicon_free(l);
    static const char *const bad[] = { "[]", "{}", "{\"joy\": \"happy\"}", "{\"joy\": [3]}", "{\"joy\": [\"fed up\"]}",
                                       "{\"joy\": [\"\"]}", "{\"joy\": [\"a\"" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check(open_text(bad[i], &l, &err) == EVOKE_EFORMAT && !l && strstr(err.text, "l.json"), "%s: %s", bad[i], err.text);
    snprintf(path, sizeof path, "%s/data/lexicon.json", root);
    check(evoke_lexicon_open(path, &l, &err) == EVOKE_OK, "%s", err.text);
    if (l) {
        counts(l, "joy", "I am so happy, what a joy! Hooray", 3);
        counts(l, "anger", "I am so happy, what a joy! Hooray", 0);
    }
    evoke_lexicon_free(l);
    evoke_lexicon_free(NULL);
}

int main(int argc, char **argv)
{
    distinct();
    lexicon(argc > 1 ? argv[1] : ".");
    return check_done();
}
