/* experiments/encoders.h: what the commands on encoders (classify, embed, trace) share. */
#ifndef ENCODERS_H
#define ENCODERS_H

#include <jansson.h>

#include "experiments/options.h"

/* The ids of an option: a JSON array, numbers, or @FILE with either; *ids [n] is the caller's. */
evoke_status option_ids(const options *o, option_id id, int32_t **ids, size_t *n, evoke_error *err);
/* Opens -m as an encoder with --threads and --isa. */
evoke_status options_open_encoder(const options *o, evoke_encoder **e, evoke_error *err);
/* One pass of `trace` over an encoder. */
evoke_status trace_encoder(const options *o, const char *path, evoke_error *err);

/* The texts of -p, or of -f: a JSON array of strings. Owned by the list. */
typedef struct text_list {
    const char **texts;             /* [n] */
    size_t n;
    json_t *root;
} text_list;
evoke_status texts_read(const options *o, const char *command, text_list *list, evoke_error *err);
void texts_free(text_list *list);

#endif
