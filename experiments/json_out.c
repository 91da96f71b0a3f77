#include "experiments/json_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Length of the character at s, n > 0 bytes left: whole and valid when *valid; otherwise the length of the maximal part
 * that could have begun one (Unicode, table 3-7). */
static size_t character(const unsigned char *s, size_t n, bool *valid)
{
    const unsigned char c = s[0];
    size_t want = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
    unsigned char low = 0x80, high = 0xbf;
    *valid = want == 1;
    if (want < 2)
        return 1;
    if (c == 0xe0) low = 0xa0;
    if (c == 0xed) high = 0x9f;
    if (c == 0xf0) low = 0x90;
    if (c == 0xf4) high = 0x8f;
    size_t i = 1;
    while (i < want && i < n && s[i] >= low && s[i] <= high) {
        i++;
        low = 0x80;
        high = 0xbf;
    }
    *valid = i == want;
    return i;
}

size_t utf8_whole(const char *bytes, size_t n)
{
    const unsigned char *s = (const unsigned char *)bytes;
    size_t i = 0;
    while (i < n) {
        bool valid;
        const size_t length = character(s + i, n - i, &valid);
        if (!valid && i + length == n && s[i] >= 0xc2 && s[i] <= 0xf4)
            return i;                       /* could still become a character */
        i += length;
    }
    return n;
}

char *utf8_lossy(const char *bytes, size_t n, size_t *n_out)
{
    const unsigned char *s = (const unsigned char *)bytes;
    char *out = n < SIZE_MAX / 4 ? malloc(3 * n + 1) : NULL;
    size_t used = 0;
    for (size_t i = 0; out && i < n;) {
        bool valid;
        const size_t length = character(s + i, n - i, &valid);
        const char *from = valid ? bytes + i : "\xef\xbf\xbd";
        memcpy(out + used, from, valid ? length : 3);
        used += valid ? length : 3;
        i += length;
    }
    if (out)
        out[used] = '\0';
    *n_out = used;
    return out;
}

char *utf8_text(const char *bytes, size_t n)
{
    char *copy = malloc(n + 1), *text = NULL;
    size_t n_out = 0;
    for (size_t i = 0; copy && i < n; i++)
        copy[i] = bytes[i] ? bytes[i] : (char)0xff;     /* no byte of UTF-8 */
    if (copy)
        text = utf8_lossy(copy, n, &n_out);
    free(copy);
    return text;
}

size_t utf8_length(const char *bytes, size_t n)
{
    size_t length = 0;
    for (size_t i = 0; i < n; i++)
        length += ((unsigned char)bytes[i] & 0xc0) != 0x80;
    return length;
}

json_t *json_number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

json_t *json_count(uint64_t n)
{
    return json_integer((json_int_t)n);
}

json_t *json_text(const char *bytes, size_t n)
{
    size_t used = 0;
    char *text = utf8_lossy(bytes, n, &used);
    json_t *value = text ? json_stringn_nocheck(text, used) : NULL;
    free(text);
    return value;
}

json_t *json_floats(const float *x, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        json_add(array, json_number((double)x[i]));
    return array;
}

json_t *json_ids(const int32_t *ids, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        json_add(array, json_integer(ids[i]));
    return array;
}

void json_put(json_t *object, const char *key, json_t *value)
{
    json_object_set_new_nocheck(object, key, value ? value : json_null());
}

void json_add(json_t *array, json_t *value)
{
    json_array_append_new(array, value ? value : json_null());
}

evoke_status json_print(FILE *file, json_t *value, int digits, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    if (!value)
        return fail(err, EVOKE_ENOMEM, "write the result: no memory for its JSON");
    if (json_dumpf(value, file, JSON_ENCODE_ANY | JSON_REAL_PRECISION((size_t)digits)) != 0 || fputc('\n', file) == EOF)
        st = fail(err, EVOKE_EIO, "write the result: the output takes no more");
    json_decref(value);
    return st;
}
