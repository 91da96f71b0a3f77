/* experiments/answer_cache.h: a judge's answers on disk, so that a rerun costs nothing and a broken one goes on where it was.
 *
 * JSON Lines, an answer a line: {"key": SHA-256 of endpoint, model and question, "answer": text}. Lines are appended whole, one
 * by one; one that is torn is skipped. */
#ifndef ANSWER_CACHE_H
#define ANSWER_CACHE_H

#include <jansson.h>
#include <stdio.h>

#include "experiments/command.h"

typedef struct answer_cache {
    char *path;
    FILE *file;                 /* for appending */
    json_t *answers;            /* key -> text */
    size_t n_used;              /* how often an answer was found */
} answer_cache;

/* Makes the file, and its folder, where there is none. Errors: EVOKE_EIO. Close whatever it returns. */
evoke_status cache_open(const char *path, answer_cache *c, evoke_error *err);
void cache_close(answer_cache *c);
void cache_key(const char *url, const char *model, const char *question, char key[65]);
/* NULL: not known. */
const char *cache_find(answer_cache *c, const char *key);
/* Errors: EVOKE_EIO the disk takes no more. */
evoke_status cache_add(answer_cache *c, const char *key, const char *answer, evoke_error *err);

#endif
