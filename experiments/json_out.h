/* experiments/json_out.h: results as JSON (jansson). Numbers that are not finite become null; bytes that are not UTF-8
 * become U+FFFD, one for each maximal part of a broken character, as other decoders have it. */
#ifndef JSON_OUT_H
#define JSON_OUT_H

#include <jansson.h>
#include <stdio.h>

#include "experiments/command.h"

json_t *json_number(double x);
json_t *json_text(const char *bytes, size_t n);
json_t *json_ids(const int32_t *ids, size_t n);
json_t *json_floats(const float *x, size_t n);
json_t *json_count(uint64_t n);
/* Takes the value; a NULL one becomes null. */
void json_put(json_t *object, const char *key, json_t *value);
void json_add(json_t *array, json_t *value);
/* Writes the value on one line and frees it. digits: of real numbers, 9 for float32, 17 for double. */
evoke_status json_print(FILE *file, json_t *value, int digits, evoke_error *err);

/* How many of the n bytes are whole characters: an unfinished one at the end is left out. */
size_t utf8_whole(const char *bytes, size_t n);
/* The bytes as valid UTF-8 (see above), NUL-terminated; the caller's. NULL: no memory. */
char *utf8_lossy(const char *bytes, size_t n, size_t *n_out);
/* The same as a text without NULs: they become U+FFFD too. */
char *utf8_text(const char *bytes, size_t n);
/* Columns that n bytes of valid UTF-8 have, counted as characters. */
size_t utf8_length(const char *bytes, size_t n);

#endif
