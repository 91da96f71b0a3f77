/* experiments/output.h: results to stdout, or to a file that has its name only when it is whole. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdio.h>

#include "experiments/command.h"

typedef struct output {
    FILE *file;
    char *path, *temporary;     /* NULL: stdout */
} output;

/* path NULL: stdout. Errors: EVOKE_EIO. */
evoke_status output_open(output *out, const char *path, evoke_error *err);
/* Flushes; a file is synced and renamed. Errors: EVOKE_EIO; nothing is left under the final name then. */
evoke_status output_commit(output *out, evoke_error *err);
/* Takes an uncommitted file away; safe after a commit. */
void output_discard(output *out);

/* A name in a column to stdout: as many whole characters of its UTF-8 as fit `width`, then spaces; control characters as '?'. */
void output_name(const char *name, int width);

#endif
