/* emotion/dataset.c: every form that a dataset may have, and an error that names the place for every other. */
#include "core/evoke.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"

static const char *put(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    if (check(f != NULL, "%s", name)) {
        fputs(text, f);
        fclose(f);
    }
    return name;
}

static evoke_dataset *reads(const char *name, const char *text, size_t n, size_t n_emotion)
{
    evoke_error err = {0};
    evoke_dataset *d = NULL;
    check(evoke_dataset_open(put(name, text), &d, &err) == EVOKE_OK, "'%.40s': %s", text, err.text);
    if (d)
        check(evoke_dataset_count(d) == n && evoke_dataset_emotion_count(d) == n_emotion, "'%.40s': %zu queries, %zu emotions",
              text, evoke_dataset_count(d), evoke_dataset_emotion_count(d));
    unlink(name);
    return d;
}

static bool same(const evoke_dataset *d, size_t i, const char *text, const char *id, const char *language, int32_t emotion)
{
    const evoke_query *q = evoke_dataset_query(d, i);
    return q && !strcmp(q->text, text) && !strcmp(q->id, id) && q->emotion == emotion &&
           (language ? q->language && !strcmp(q->language, language) : !q->language);
}

static void the_forms(void)
{
    evoke_dataset *d = reads("d.json", "{\"joy\": [\"a\", {\"text\": \"b\", \"id\": \"B\"}], \"anger\": [\"c\\nd\"]}", 3, 2);
    check(d && same(d, 0, "a", "1", NULL, 0) && same(d, 1, "b", "B", NULL, 0) && same(d, 2, "c\nd", "3", NULL, 1), "an object");
    check(d && !strcmp(evoke_dataset_emotion(d, 1), "anger") && !evoke_dataset_emotion(d, 2) && !evoke_dataset_query(d, 3),
          "labels in the order of the file");
    evoke_dataset_free(d);
    d = reads("d.json", "[\"a\", \"b\"]", 2, 0);
    check(d && same(d, 1, "b", "2", NULL, -1), "a list of texts");
    evoke_dataset_free(d);
    d = reads("d.json", "[{\"text\": \"a\", \"emotion\": \"z\", \"language\": \"fr\", \"more\": 1}, {\"text\": \"b\", \"id\": 7,"
              " \"emotion\": null}, {\"text\": \"c\", \"emotion\": \"a\"}, {\"text\": \"d\", \"emotion\": \"z\"}]", 4, 2);
    check(d && same(d, 0, "a", "1", "fr", 0) && same(d, 1, "b", "7", NULL, -1) && same(d, 2, "c", "3", NULL, 1) &&
          same(d, 3, "d", "4", NULL, 0), "a list of objects, labels in the order of appearance");
    evoke_dataset_free(d);
    d = reads("d.jsonl", "{\"text\": \"a\", \"emotion\": \"joy\"}\n\n\"b\"\r\n", 2, 1);
    check(d && same(d, 0, "a", "1", NULL, 0) && same(d, 1, "b", "2", NULL, -1), "JSON Lines");
    evoke_dataset_free(d);
    d = reads("d.jsonl", "{\"text\": \"a\", \"emotion\": \"joy\"}\n", 1, 1);
    check(d && same(d, 0, "a", "1", NULL, 0), "JSON Lines of one line");
    evoke_dataset_free(d);
    d = reads("d.txt", "\xef\xbb\xbf  one \r\n\n\xc3\xa9\ntwo", 3, 0);
    check(d && same(d, 0, "one", "1", NULL, -1) && same(d, 1, "\xc3\xa9", "2", NULL, -1) && same(d, 2, "two", "3", NULL, -1),
          "a text file");
    evoke_dataset_free(d);
}

static void fails(const char *name, const char *text, const char *says)
{
    evoke_error err = {0};
    evoke_dataset *d = NULL;
    const evoke_status st = evoke_dataset_open(put(name, text), &d, &err);
    check((st == EVOKE_EDATA || st == EVOKE_EFORMAT) && !d && strstr(err.text, says) && strstr(err.text, name),
          "'%.40s' says '%s': %s", text, says, err.text);
    unlink(name);
}

static void what_is_refused(void)
{
    fails("d.json", "", "line 1");
    fails("d.json", "[]", "no queries");
    fails("d.json", "{}", "no queries");
    fails("d.json", "3", "neither an object nor a list");
    fails("d.json", "{\"joy\": []}", "no queries of emotion 'joy'");
    fails("d.json", "{\"joy\": \"a\"}", "'joy' is not a list");
    fails("d.json", "{\"\": [\"a\"]}", "without a name");
    fails("d.json", "{\"joy\": [\"a\", 3]}", "entry 2) in emotion 'joy'");
    fails("d.json", "[\"a\", \" \\n\"]", "without text (d.json, entry 2)");
    fails("d.json", "[{\"text\": 3}]", "entry 1");
    fails("d.json", "[{\"txt\": \"a\"}]", "neither a text nor an object");
    fails("d.json", "[{\"text\": \"a\", \"emotion\": 3}]", "not a text (d.json, entry 1)");
    fails("d.json", "[{\"text\": \"a\", \"id\": \"x\"}, {\"text\": \"b\", \"id\": \"x\"}]", "twice: x (d.json, entry 2)");
    fails("d.json", "[{\"text\": \"a\", \"id\": \"2\"}, \"b\"]", "twice: 2");
    fails("d.json", "[\"a\",\n\"\xff\"]", "line 2");
    fails("d.json", "{\"joy\": [\"a\"],\n \"joy\": [\"b\"]}", "line 2");
    fails("d.jsonl", "\"a\"\n\n\n\"\"\n", "line 4");
    fails("d.jsonl", "\"a\"\n\n{\"text\": }\n", "line 3");
    fails("d.txt", "a\n\nb\xff\n", "line 3");
    fails("d.txt", "\n \n", "no queries");
    evoke_dataset *d = NULL;
    evoke_error err = {0};
    check(evoke_dataset_open("none.json", &d, &err) == EVOKE_EIO && strstr(err.text, "none.json"), "%s", err.text);
}

static void many_emotions(size_t n, bool ok)
{
    FILE *f = fopen("d.json", "w");
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%c\"emotion %zu\": [\"query %zu\"]", i ? ',' : '{', i, i);
    fputs("}", f);
    fclose(f);
    evoke_dataset *d = NULL;
    evoke_error err = {0};
    const evoke_status st = evoke_dataset_open("d.json", &d, &err);
    check(st == (ok ? EVOKE_OK : EVOKE_EDATA), "%zu emotions: %s", n, err.text);
    check(!ok || (d && !strcmp(evoke_dataset_emotion(d, n - 1), "emotion 999")), "the last emotion");
    evoke_dataset_free(d);
    unlink("d.json");
}

static void limits(void)
{
    evoke_dataset *d = reads("d.jsonl", "{\"text\": \"a\", \"emotion\": \"x\"}\n\"b\"\n{\"text\": \"c\", \"emotion\": \"x\"}\n\"d\"\n"
                             "{\"text\": \"e\", \"emotion\": \"y\"}\n", 5, 2);
    check(evoke_dataset_limit(d, 0, NULL) == EVOKE_EARG && evoke_dataset_count(d) == 5, "0 is refused");
    check(evoke_dataset_limit(d, 1, NULL) == EVOKE_OK && evoke_dataset_count(d) == 3, "one of each");
    check(same(d, 0, "a", "1", NULL, 0) && same(d, 1, "b", "2", NULL, -1) && same(d, 2, "e", "5", NULL, 1), "the first ones");
    evoke_dataset_free(d);
}

static void file_has(const char *root, const char *name, size_t n, size_t n_emotion)
{
    char path[4096];
    evoke_error err = {0};
    evoke_dataset *d = NULL;
    snprintf(path, sizeof path, "%s/%s", root, name);
    if (access(path, R_OK) != 0) {
        check_skip(name, "not here");
        return;
    }
    check(evoke_dataset_open(path, &d, &err) == EVOKE_OK, "%s", err.text);
    check(d && evoke_dataset_count(d) == n && evoke_dataset_emotion_count(d) == n_emotion, "%s: %zu, %zu", name,
          d ? evoke_dataset_count(d) : 0, d ? evoke_dataset_emotion_count(d) : 0);
    evoke_dataset_free(d);
}

int main(int argc, char **argv)
{
    the_forms();
    what_is_refused();
    many_emotions(1000, true);
    many_emotions(1001, false);
    limits();
    const char *root = argc > 1 ? argv[1] : ".";
    file_has(root, "../shared/authors/EmotionQuery.json", 500, 5);
    file_has(root, "../shared/authors/EmotionQuery+.json", 400, 0);
    return check_done();
}
