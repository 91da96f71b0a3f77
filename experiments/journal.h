/* experiments/journal.h: a file of JSON Lines that is written a line at a time, by one process, and continued after a kill.
 *
 * A line begins with what it is of, known beforehand, and ends with what came out. So what is there can be held against what
 * this run would write: whole lines that begin as they should are kept, one that a kill left unfinished is cut off, anything
 * else is another run's, and refused. */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <jansson.h>

#include "experiments/command.h"

typedef struct journal {
    const char *path;
    int fd;                     /* -1: closed */
    long long end;              /* bytes of whole lines */
    size_t n;                   /* whole lines */
} journal;

/* What line i is of: an object, the caller's to free; NULL: no memory. */
typedef json_t *journal_head(void *user, size_t i);

/* Opens or creates the file, and keeps other processes off it; n is how many of its lines hold already. Errors: EVOKE_EBUSY
 * another process is writing it; EVOKE_EDATA it is of other settings, or has more than `total` lines; EVOKE_EIO. */
evoke_status journal_open(journal *j, const char *path, size_t total, journal_head *head, void *user, evoke_error *err);
/* Adds a line: head, with the members of `result` after its own. Takes both. Errors: EVOKE_EIO, the whole lines stay. */
evoke_status journal_add(journal *j, json_t *head, json_t *result, evoke_error *err);
/* Sees that the disk has it. Errors: EVOKE_EIO. */
evoke_status journal_close(journal *j, evoke_error *err);
/* Closes what an error left open. */
void journal_free(journal *j);

#endif
