/* core/json.h: JSON and JSON Lines through jansson; an error names the file and the line. */
#ifndef EVK_JSON_H
#define EVK_JSON_H

#include <jansson.h>

#include "core/status.h"

/* A whole file of JSON: *out is the caller's reference. Errors: EVOKE_EIO, EVOKE_EFORMAT ("... (FILE, line 3)").
 * Nesting, size and duplicate keys are bounded: hostile files end in an error, not in a crash. */
evoke_status evk_json_load(const char *path, json_t **out, evoke_error *err);
/* The same for a file of a model, which a stranger made: a regular file of at most 256 MB and 4 million values. */
evoke_status evk_json_load_model_file(const char *path, json_t **out, evoke_error *err);
/* Whether n bytes of JSON hold more than `most` values: what parsing them costs is known before it begins. Texts are not
 * looked into; a value is counted by the bracket that opens it, or by the comma before it. */
bool evk_json_holds_more(const char *text, size_t n, size_t most);
/* JSON, or else JSON Lines (one value a line, blank lines skipped) as an array. *lines, where not NULL, is set to true
 * for the latter. */
evoke_status evk_json_load_any(const char *path, json_t **out, bool *lines, evoke_error *err);
/* The line of the file that value i of JSON Lines stands in, counted from 1, for an error's text; 0: not found. */
size_t evk_json_line(const char *path, size_t i);

#endif
