/* emotion/settings.c: templates are checked when read, and expanded in one pass. */
#include "emotion/settings.h"

#include <string.h>
#include <unistd.h>

#include "tests/check.h"

static evoke_status open_text(const char *text, evoke_settings **s, evoke_error *err)
{
    FILE *f = fopen("s.json", "w");
    if (check(f != NULL, "s.json")) {
        fputs(text, f);
        fclose(f);
    }
    const evoke_status st = evoke_settings_open("s.json", s, err);
    unlink("s.json");
    return st;
}

static void expands(const char *json_template, const char *query, const char *emotion, const char *expected)
{
    char file[512];
    evoke_error err = {0};
    evoke_settings *s = NULL;
    evoke_text text = {0};
    size_t begin = 99, end = 99;
    snprintf(file, sizeof file, "{\"settings\": {\"x\": \"%s\"}}", json_template);
    check(open_text(file, &s, &err) == EVOKE_OK, "%s", err.text);
    if (!s)
        return;
    check(evk_settings_expand(s, 0, query, emotion, &text, &begin, &end, &err) == EVOKE_OK, "%s", err.text);
    check(text.data && !strcmp(text.data, expected) && text.n == strlen(expected), "'%s' gives '%s'", json_template, text.data);
    check(end - begin == strlen(query) && text.data && !strncmp(text.data + begin, query, end - begin), "the query's bytes");
    evoke_text_free(&text);
    evoke_settings_free(s);
}

static void fails(const char *file, const char *says)
{
    evoke_error err = {0};
    evoke_settings *s = NULL;
    check(open_text(file, &s, &err) == EVOKE_EFORMAT && !s && strstr(err.text, says) && strstr(err.text, "s.json"), "'%s': %s", file,
          err.text);
}

static void the_default(const char *root)
{
    char path[4096];
    evoke_settings *built_in = NULL, *file = NULL;
    evoke_error err = {0};
    snprintf(path, sizeof path, "%s/data/settings.json", root);
    check(evoke_settings_default(&built_in, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_settings_open(path, &file, &err) == EVOKE_OK, "%s", err.text);
    if (built_in && file) {
        check(evoke_settings_count(built_in) == 2 && evoke_settings_count(file) == 2, "two settings");
        check(!evoke_settings_system(built_in) && !evoke_settings_system(file), "no system message");
        for (size_t i = 0; i < 2; i++)
            check(!strcmp(evoke_settings_name(built_in, i), evoke_settings_name(file, i)) &&
                  !strcmp(evk_settings_template(built_in, i), evk_settings_template(file, i)), "setting %zu is data's", i);
        evoke_text text = {0};
        size_t begin, end;
        check(evk_settings_expand(built_in, 1, "How are you?", "joy", &text, &begin, &end, &err) == EVOKE_OK &&
              !strcmp(text.data, "Write what a person full of joy would say. Use strong words of joy.\n\nHow are you?") &&
              begin == 69 && end == 81, "the emotion setting: %zu to %zu", begin, end);
        evoke_text_free(&text);
        check(evk_settings_expand(built_in, 1, "How are you?", NULL, &text, &begin, &end, &err) == EVOKE_EDATA && !text.data,
              "%s", err.text);
        check(evk_settings_expand(built_in, 0, "How are you?", NULL, &text, &begin, &end, &err) == EVOKE_OK, "%s", err.text);
        evoke_text_free(&text);
        check(evk_settings_expand(built_in, 2, "", "", &text, &begin, &end, &err) == EVOKE_EARG, "no third setting");
        check(!evoke_settings_name(built_in, 2) && !evk_settings_template(built_in, 2), "no third setting");
    }
    evoke_settings_free(built_in);
    evoke_settings_free(file);
}

int main(int argc, char **argv)
{
    expands("{query}", "a {emotion} {query}", "joy", "a {emotion} {query}");
    expands("{emotion}: {query}!", "\xc3\xa9", "{query}", "{query}: \xc3\xa9!");
    expands("{{query}} { } {}{a b} {", "q", NULL, "{q} { } {}{a b} {");
    expands("{emotion}{emotion}{query}", "", "x", "xx");
    fails("{\"settings\": {\"a\": \"no place\"}}", "{query} once, it has it 0 times");
    fails("{\"settings\": {\"a\": \"{query}{query}\"}}", "it has it 2 times");
    fails("{\"settings\": {\"a\": \"{query} {emotoin}\"}}", "{emotoin} in 'a'");
    fails("{\"settings\": {\"a\": 3}}", "'a' is not");
    fails("{\"settings\": {\"\": \"{query}\"}}", "is not a name");
    fails("{\"settings\": {}}", "no object");
    fails("[]", "no object");
    fails("{\"system\": 3, \"settings\": {\"a\": \"{query}\"}}", "\"system\"");
    fails("{\n\"settings\" {}}", "line 2");
    fails("{\"raw\": 1, \"settings\": {\"a\": \"{query}\"}}", "\"raw\" is neither");
    fails("{\"raw\": true, \"system\": \"x\", \"settings\": {\"a\": \"{query}\"}}", "no system message");
    evoke_settings *s = NULL;
    check(open_text("{\"system\": \"Be brief.\", \"note\": 1, \"settings\": {\"b\": \"{query}\", \"a\": \"{query}\"}}", &s, NULL)
          == EVOKE_OK && !strcmp(evoke_settings_system(s), "Be brief.") && !strcmp(evoke_settings_name(s, 0), "b"), "system, order");
    check(!evoke_settings_raw(s), "a chat");
    evoke_text turn = { 0 };
    evoke_error err = { 0 };
    check(evoke_settings_ask(s, "c", "Why?", "joy", &turn, &err) == EVOKE_EDATA && strstr(err.text, "'c'") && !turn.data, "%s",
          err.text);
    evoke_settings_free(s);
    check(open_text("{\"raw\": true, \"settings\": {\"a\": \"{query}\"}}", &s, NULL) == EVOKE_OK && evoke_settings_raw(s), "raw");
    evoke_settings_free(s);
    check(evoke_settings_default(&s, NULL) == EVOKE_OK, "the default");
    if (check(evoke_settings_ask(s, "emotion", "Why?", "joy", &turn, NULL) == EVOKE_OK, "ask"))
        check(strstr(turn.data, "full of joy") && turn.n > 4 && !strcmp(turn.data + turn.n - 4, "Why?"), "%s", turn.data);
    evoke_text_free(&turn);
    check(evoke_settings_ask(s, "emotion", "Why?", NULL, &turn, NULL) == EVOKE_EDATA, "no emotion to name");
    evoke_settings_free(s);
    the_default(argc > 1 ? argv[1] : ".");
    return check_done();
}
