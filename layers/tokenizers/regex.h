/* layers/tokenizers/regex.h: the patterns of tokenizers, run by PCRE2. Compiled once, then read by any thread. */
#ifndef EVK_TOKENIZERS_REGEX_H
#define EVK_TOKENIZERS_REGEX_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/status.h"

typedef pcre2_code evk_regex;

/* pattern [n] bytes; literal: a plain string. `where` names the file in errors. Free with pcre2_code_free.
 * Errors: EVOKE_EFORMAT not a pattern, with PCRE2's reason; EVOKE_EUNSUPPORTED syntax that means something else here. */
evoke_status evk_regex_compile(const char *pattern, size_t n, bool literal, const char *where, evk_regex **out,
                               evoke_error *err);

/* Where one thread's matches go. */
typedef struct evk_matcher { pcre2_match_data *data; pcre2_match_context *context; } evk_matcher;
evoke_status evk_matcher_init(evk_matcher *m, size_t n_bytes, evoke_error *err);
void evk_matcher_free(evk_matcher *m);

/* The first match in text [n] (valid UTF-8) that begins at byte `at` or later: *begin..*end; *found false: none.
 * Errors: EVOKE_EDATA matching takes more steps than allowed. */
evoke_status evk_regex_find(const evk_regex *re, evk_matcher *m, const char *text, size_t n, size_t at,
                            size_t *begin, size_t *end, bool *found, evoke_error *err);

#endif
