/* experiments/stream.h: the text of a response while its tokens come: whole characters only, cut at a stop string. */
#ifndef STREAM_H
#define STREAM_H

#include <stdio.h>

#include "experiments/command.h"

typedef struct stream {
    const evoke_tokenizer *tokenizer;
    const char *const *stops;       /* [n_stops] texts that end the response, themselves left out */
    size_t n_stops;
    FILE *show;                     /* NULL: nothing is shown */
    int32_t *ids;                   /* [n] */
    size_t n, room, shown;          /* bytes shown so far */
    size_t n_drawn;                 /* tokens that came */
    bool stopped;                   /* a stop string came */
} stream;

/* Takes a token; *go is false once a stop string has come. */
evoke_status stream_add(stream *s, int32_t id, bool *go, evoke_error *err);
/* Shows what was held back. */
evoke_status stream_end(stream *s, evoke_error *err);
void stream_free(stream *s);

/* The text of a response's ids, control tokens left out, cut before the first stop string; *stopped: there was one. */
evoke_status response_text(const evoke_tokenizer *t, const int32_t *ids, size_t n, const char *const *stops,
                           size_t n_stops, evoke_text *text, bool *stopped, evoke_error *err);

#endif
