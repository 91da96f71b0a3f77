/* core/json.c: what is read, and that an error names the file and the line. */
#include "core/json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"

static const char *write_file(const char *bytes, size_t n)
{
    static const char path[] = "test_json.json";
    FILE *f = fopen(path, "wb");
    check(f && fwrite(bytes, 1, n, f) == n, "write %s", path);
    if (f)
        fclose(f);
    return path;
}

static void fails(const char *text, size_t line, bool any)
{
    evoke_error err = {0};
    json_t *value = NULL;
    bool lines = false;
    const char *path = write_file(text, strlen(text));
    const evoke_status st = any ? evk_json_load_any(path, &value, &lines, &err) : evk_json_load(path, &value, &err);
    char expected[64];
    snprintf(expected, sizeof expected, "(test_json.json, line %zu)", line);
    check(st == EVOKE_EFORMAT && !value, "'%.40s' is refused", text);
    check(strstr(err.text, expected) != NULL, "'%.40s' names line %zu: %s", text, line, err.text);
}

static json_t *reads(const char *text, bool is_lines)
{
    evoke_error err = {0};
    json_t *value = NULL;
    bool lines = !is_lines;
    check(evk_json_load_any(write_file(text, strlen(text)), &value, &lines, &err) == EVOKE_OK, "%s", err.text);
    check(lines == is_lines, "'%.40s' is%s JSON Lines", text, is_lines ? "" : " not");
    return value;
}

static void nesting_is_bounded(void)
{
    const size_t n = 1000000;
    char *deep = malloc(n);
    memset(deep, '[', n);
    json_t *value = NULL;
    check(evk_json_load(write_file(deep, n), &value, NULL) == EVOKE_EFORMAT, "a million brackets");
    free(deep);
}

static void integers_beyond_64_bits_are_reals(void)
{
    json_t *v = reads("{\"max\": 1000000000000000019884624838656, \"s\": \"\\\"99999999999999999999\", \"i\": 9223372036854775807,"
                      " \"n\": -9223372036854775808, \"m\": -9223372036854775809, \"e\": 99999999999999999999e2}", false);
    check(json_real_value(json_object_get(v, "max")) == 1e30, "1e30");
    check(json_integer_value(json_object_get(v, "i")) == INT64_MAX, "the largest stays exact");
    check(json_integer_value(json_object_get(v, "n")) == INT64_MIN, "the smallest stays exact");
    check(json_real_value(json_object_get(v, "m")) == -9223372036854775808.0, "one less is real");
    check(json_real_value(json_object_get(v, "e")) == 1e22, "an exponent");
    check(json_object_get(v, "s") && !strcmp(json_string_value(json_object_get(v, "s")), "\"99999999999999999999"),
          "strings are left alone");
    json_decref(v);
}

int main(void)
{
    fails("{\"a\": 1,\n\"b\": }", 2, false);
    fails("{\"a\": 1,\n\n\"a\": 2}", 3, false);
    fails("", 1, false);
    fails("[1]\n[2]\n", 2, false);
    fails("[\n\"caf\xe9\"]", 2, true);
    fails("{\"a\": 1}\n\n{\"a\": 2\n", 3, true);
    fails("\"one\"\n\"tw\xff\"\n\"three\"\n", 2, true);
    fails("[\n1,\n2,,\n]", 3, true);
    fails("[1e999]", 1, false);
    json_t *value = reads("\n{\"a\": 1}\r\n\r\n\"text\"\n[1]", true);
    check(json_array_size(value) == 3 && json_is_string(json_array_get(value, 1)), "three values");
    json_decref(value);
    value = reads("\xef\xbb\xbf{\"b\": 1, \"a\": [\"\xc3\xa9\"]}\n", false);
    check(json_object_size(value) == 2, "after a byte order mark");
    json_decref(value);
    nesting_is_bounded();
    integers_beyond_64_bits_are_reals();
    evoke_error err = {0};
    check(evk_json_load("no/such.json", &value, &err) == EVOKE_EIO && strstr(err.text, "no/such.json"), "%s", err.text);
    unlink("test_json.json");
    return check_done();
}
