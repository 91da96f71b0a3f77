/* emotion/settings.h: how a query is asked in each setting: a user turn from a template such as
 * "Use strong words of {emotion}.\n\n{query}". */
#ifndef EVK_SETTINGS_H
#define EVK_SETTINGS_H

#include "core/status.h"

/* The user turn of setting i: {query} and {emotion} put in, in one pass (what they bring is not looked at again). Bytes
 * [*begin, *end) of it are the query. emotion may be NULL. Errors: EVOKE_EDATA the template names an emotion and the query
 * has none. */
evoke_status evk_settings_expand(const evoke_settings *s, size_t i, const char *query, const char *emotion,
                                 evoke_text *out, size_t *begin, size_t *end, evoke_error *err);
/* The template itself; NULL past the end. */
const char *evk_settings_template(const evoke_settings *s, size_t i);

#endif
