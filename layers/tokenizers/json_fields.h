/* layers/tokenizers/json_fields.h: the fields of a step of tokenizer.json, checked. `where` names the file. */
#ifndef EVK_TOKENIZERS_JSON_FIELDS_H
#define EVK_TOKENIZERS_JSON_FIELDS_H

#include <jansson.h>

#include "core/status.h"

enum { EVK_JSON_MOST_NESTED = 16 };     /* Sequences within Sequences */

/* The type of a step, or "(no type)". */
const char *evk_json_type(const json_t *step);
/* A flag; *out keeps its value where there is none. Errors: EVOKE_EFORMAT no boolean. */
evoke_status evk_json_flag(const json_t *object, const char *key, bool *out, const char *where, evoke_error *err);
/* A text, which is borrowed. Errors: EVOKE_EFORMAT missing, or no text. */
evoke_status evk_json_text(const json_t *step, const char *key, const char **text, size_t *n, const char *where,
                           evoke_error *err);
/* A text of one character; *out keeps its value where it is missing and not negative. */
evoke_status evk_json_character(const json_t *step, const char *key, int32_t *out, const char *where, evoke_error *err);
/* A number of 0..2^30; *out keeps its value where there is none. */
evoke_status evk_json_count(const json_t *step, const char *key, size_t *out, const char *where, evoke_error *err);
/* {"Regex": text} or {"String": text}, or a plain text, which is a string. */
evoke_status evk_json_pattern(const json_t *step, const char **text, size_t *n, bool *literal, const char *where,
                              evoke_error *err);

#endif
