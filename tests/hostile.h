/* tests/hostile.h: what a stranger may have written for the value of a key of JSON. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL: the key is missing. */
static const char *const hostile_values[] = {
    NULL, "null", "true", "false", "0", "-1", "1", "3", "4", "1048576", "9223372036854775807", "99999999999999999999", "0.5",
    "-2.5", "1e30", "1e-30", "1e300", "1e400", "NaN", "\"\"", "\"2\"", "[]", "[2]", "[1, 1]", "[\"full_attention\", 1]",
    "{}", "{\"factor\": 0}",
};
enum { N_HOSTILE = sizeof hostile_values / sizeof *hostile_values };

/* An object as text, with the text `value` for key, which may be "object.key" (key NULL: as it is; value NULL: without it).
 * Freed by the caller; NULL: there is no such object. */
static inline char *hostile_text(const json_t *object, const char *key, const char *value)
{
    json_t *all = json_deep_copy(object), *in = all;
    const char *dot = key ? strchr(key, '.') : NULL;
    if (dot)
        in = json_object_getn(all, key, (size_t)(dot - key));
    if (in && key && value)
        json_object_set_new(in, dot ? dot + 1 : key, json_string("@@"));
    else if (in && key)
        json_object_del(in, dot ? dot + 1 : key);
    char *made = in ? json_dumps(all, 0) : NULL, *at = made && value ? strstr(made, "\"@@\"") : NULL;
    json_decref(all);
    if (!at)
        return made;
    const size_t room = strlen(made) + strlen(value);
    char *out = malloc(room);
    if (out)
        snprintf(out, room, "%.*s%s%s", (int)(at - made), made, value, at + 4);
    free(made);
    return out;
}

#endif
