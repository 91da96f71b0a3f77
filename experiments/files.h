/* experiments/files.h: input files of the program itself, as text or JSON. */
#ifndef FILES_H
#define FILES_H

#include <jansson.h>

#include "experiments/command.h"

/* The file's bytes and a NUL after them, at most 1 GiB; *n may be NULL: then a NUL inside is an error. */
evoke_status file_read(const char *path, char **text, size_t *n, evoke_error *err);
/* JSON; *root is the caller's reference. Errors name the line. */
evoke_status json_read(const char *path, json_t **root, evoke_error *err);
/* JSON Lines, or a JSON array: an array of values. Blank lines are skipped. */
evoke_status json_read_lines(const char *path, json_t **root, evoke_error *err);
/* The same of JSON Lines of which some may be broken, as a kill or a full disk leaves them: *n_broken lines are left out, and
 * *broken says what is wrong with the first. An error where no line is whole. */
evoke_status json_read_whole_lines(const char *path, json_t **root, size_t *n_broken, evoke_error *broken, evoke_error *err);
/* Path of a file of data/: the one beside us, or the installed one; written to room. */
const char *data_file(const char *name, char *room, size_t size);
/* The path of the file that runs; false: it cannot be told, or is longer. */
bool program_path(char path[], size_t size);

#endif
