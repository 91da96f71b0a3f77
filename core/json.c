#include "core/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

/* jansson itself bounds the nesting (2,048 levels). Integers beyond 64 bits, which Python writes without a thought
 * (tokenizer_config.json: "model_max_length": 1000000000000000019884624838656), are read as reals. */
static const size_t LIMIT = (size_t)1 << 30, MODEL_FILE_LIMIT = (size_t)256 << 20;
static const size_t MOST_VALUES = (size_t)1 << 25, MOST_MODEL_VALUES = (size_t)1 << 22;
static const size_t FLAGS = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool fits_int64(const char *digits, size_t n, bool negative)
{
    char number[24] = "-";
    if (n >= sizeof number - 1)
        return false;
    memcpy(number + 1, digits, n);
    number[1 + n] = '\0';
    errno = 0;
    strtoll(negative ? number : number + 1, NULL, 10);
    return errno == 0;
}

/* Copies the text, with ".0" after each integer outside of a string that 64 bits cannot hold. */
static evoke_status widen_integers(const char *text, size_t n, evk_buffer *out, evoke_error *err)
{
    size_t copied = 0;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"')
            in_string = !in_string;
        else if (in_string && text[i] == '\\')
            i++;
        else if (!in_string && is_digit(text[i])) {
            const size_t begin = i;
            while (i < n && is_digit(text[i]))
                i++;
            const char before = begin ? text[begin - 1] : ' ', after = i < n ? text[i] : ' ';
            const bool integer = !strchr(".eE+", before) && !strchr(".eE", after);
            if (integer && !fits_int64(text + begin, i - begin, before == '-')) {
                EVK_TRY(evk_buffer_add(out, text + copied, i - copied, err));
                EVK_TRY(evk_buffer_add(out, ".0", 2, err));
                copied = i;
            }
            i--;
        }
    }
    return evk_buffer_add(out, text + copied, n - copied, err);
}

/* One value from n bytes; NULL and *why on failure. */
static json_t *parse(const char *text, size_t n, json_error_t *why)
{
    json_t *value = json_loadb(text, n, FLAGS, why);
    if (value || json_error_code(why) != json_error_numeric_overflow)
        return value;
    evk_buffer wide = {0};
    if (widen_integers(text, n, &wide, NULL) == EVOKE_OK)
        value = json_loadb(wide.data, wide.n, FLAGS, why);
    evk_buffer_free(&wide);
    return value;
}

static evoke_status fail_at(const json_error_t *why, size_t line, const char *path, evoke_error *err)
{
    return evk_fail(err, json_error_code(why) == json_error_out_of_memory ? EVOKE_ENOMEM : EVOKE_EFORMAT,
                    "read JSON: %s (%s, line %zu)", why->text, path, line);
}

static bool is_blank(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r\n", text[i]) || !text[i])
            return false;
    return true;
}

/* Length of the line that begins at text, without its newline. */
static size_t line_length(const char *text, size_t n)
{
    const char *end = n ? memchr(text, '\n', n) : NULL;
    return end ? (size_t)(end - text) : n;
}

/* JSON Lines rather than broken JSON: the first line with something on it is a whole value, and more lines follow. */
static bool looks_like_lines(const char *text, size_t n)
{
    size_t length = line_length(text, n);
    while (length < n && is_blank(text, length)) {
        text += length + 1;
        n -= length + 1;
        length = line_length(text, n);
    }
    json_error_t why;
    json_t *first = length < n ? parse(text, length, &why) : NULL;
    json_decref(first);
    return first != NULL;
}

static evoke_status parse_lines(const char *text, size_t n, const char *path, json_t **out, evoke_error *err)
{
    json_t *array = json_array();
    if (!array)
        return evk_fail(err, EVOKE_ENOMEM, "read JSON: no memory (%s)", path);
    for (size_t line = 1, i = 0; i < n; line++) {
        const size_t length = line_length(text + i, n - i);
        json_error_t why;
        if (!is_blank(text + i, length)) {
            json_t *value = parse(text + i, length, &why);
            if (!value || json_array_append_new(array, value) != 0) {
                json_decref(array);
                return value ? evk_fail(err, EVOKE_ENOMEM, "read JSON: no memory (%s)", path)
                             : fail_at(&why, line, path, err);
            }
        }
        i += length + 1;
    }
    *out = array;
    return EVOKE_OK;
}

bool evk_json_holds_more(const char *text, size_t n, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < n && count <= most; i++) {
        if (text[i] == '"')
            for (i++; i < n && text[i] != '"'; i++)
                i += text[i] == '\\';
        else
            count += text[i] == ',' || text[i] == '[' || text[i] == '{';
    }
    return count > most;
}

typedef struct limits { size_t bytes, values; } limits;

static evoke_status load(const char *path, limits most, json_t **out, bool *lines, evoke_error *err)
{
    *out = NULL;
    evoke_text file = {0};
    EVK_TRY(evk_read_file(path, most.bytes, &file, err));
    const size_t mark = file.n >= 3 && memcmp(file.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;    /* byte order mark */
    const char *text = file.data + mark;
    const size_t n = file.n - mark;
    json_error_t why;
    evoke_status st = EVOKE_OK;
    const bool too_many = evk_json_holds_more(text, n, most.values);
    *out = too_many ? NULL : parse(text, n, &why);
    if (!*out && lines && looks_like_lines(text, n)) {
        st = parse_lines(text, n, path, out, err);
        *lines = true;
    } else if (too_many) {
        st = evk_fail(err, EVOKE_EFORMAT, "read JSON: it holds more than %zu values (%s)", most.values, path);
    } else if (!*out) {
        st = fail_at(&why, why.line > 0 ? (size_t)why.line : 1, path, err);
    }
    evoke_text_free(&file);
    return st;
}

evoke_status evk_json_load(const char *path, json_t **out, evoke_error *err)
{
    return load(path, (limits){LIMIT, MOST_VALUES}, out, NULL, err);
}

evoke_status evk_json_load_model_file(const char *path, json_t **out, evoke_error *err)
{
    *out = NULL;
    EVK_TRY(evk_check_regular(path, err));
    return load(path, (limits){MODEL_FILE_LIMIT, MOST_MODEL_VALUES}, out, NULL, err);
}

evoke_status evk_json_load_any(const char *path, json_t **out, bool *lines, evoke_error *err)
{
    bool found = false;
    EVK_TRY(load(path, (limits){LIMIT, MOST_VALUES}, out, &found, err));
    if (lines)
        *lines = found;
    return EVOKE_OK;
}

size_t evk_json_line(const char *path, size_t index)
{
    evoke_text file = {0};
    size_t found = 0, seen = 0;
    if (evk_read_file(path, LIMIT, &file, NULL) != EVOKE_OK)
        return 0;
    for (size_t line = 1, i = 0; i < file.n && !found; line++) {
        const size_t length = line_length(file.data + i, file.n - i);
        if (!is_blank(file.data + i, length) && seen++ == index)
            found = line;
        i += length + 1;
    }
    evoke_text_free(&file);
    return found;
}
