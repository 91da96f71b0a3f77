#include "experiments/files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiments/json_out.h"

#ifndef EVOKE_DATA
#define EVOKE_DATA "data"           /* where the build says that data/ is installed */
#endif

enum { READ_STEP = 1 << 16 };
static const size_t most_bytes = (size_t)1 << 30;

static evoke_status read_all(FILE *f, const char *path, char **text, size_t *n, evoke_error *err)
{
    char *data = NULL;
    size_t used = 0, room = 0;
    for (;;) {
        if (room - used < READ_STEP + 1) {
            const size_t more = room ? 2 * room : 2 * READ_STEP;
            char *grown = used <= most_bytes ? realloc(data, more) : NULL;
            if (!grown) {
                free(data);
                return fail(err, used > most_bytes ? EVOKE_EUNSUPPORTED : EVOKE_ENOMEM, "read: %s (%s)",
                            used > most_bytes ? "the file is over 1 GiB" : "no memory", path);
            }
            data = grown;
            room = more;
        }
        const size_t got = fread(data + used, 1, READ_STEP, f);
        used += got;
        if (got < READ_STEP)
            break;
    }
    if (ferror(f)) {
        free(data);
        return fail(err, EVOKE_EIO, "read: %s (%s)", strerror(errno), path);
    }
    data[used] = '\0';
    *text = data;
    *n = used;
    return EVOKE_OK;
}

evoke_status file_read(const char *path, char **text, size_t *n, evoke_error *err)
{
    size_t size = 0;
    struct stat about;
    FILE *f = fopen(path, "rb");
    if (!f)
        return fail(err, EVOKE_EIO, "read: %s (%s)", strerror(errno), path);
    if (fstat(fileno(f), &about) == 0 && S_ISDIR(about.st_mode)) {
        fclose(f);
        return fail(err, EVOKE_EIO, "read: it is a folder (%s)", path);
    }
    evoke_status st = read_all(f, path, text, &size, err);
    fclose(f);
    if (st == EVOKE_OK && !n && memchr(*text, '\0', size)) {
        free(*text);
        *text = NULL;
        st = fail(err, EVOKE_EFORMAT, "read: there is a NUL byte, so it is no text (%s)", path);
    }
    if (st == EVOKE_OK && n)
        *n = size;
    return st;
}

static const size_t json_flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;

static evoke_status bad_json(const char *path, int line, const json_error_t *why, evoke_error *err)
{
    return fail(err, EVOKE_EFORMAT, "read JSON: %s (%s, line %d)", why->text, path, line);
}

/* Steps over a UTF-8 byte order mark. */
static const char *after_mark(const char *text, size_t *n)
{
    const size_t mark = *n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    *n -= mark;
    return text + mark;
}

static evoke_status load_text(const char *text, size_t n, const char *path, json_t **root, evoke_error *err)
{
    json_error_t why;
    text = after_mark(text, &n);
    *root = json_loadb(text, n, json_flags, &why);
    return *root ? EVOKE_OK : bad_json(path, why.line, &why, err);
}

evoke_status json_read(const char *path, json_t **root, evoke_error *err)
{
    char *text = NULL;
    size_t n = 0;
    evoke_status st = file_read(path, &text, &n, err);
    if (st == EVOKE_OK)
        st = load_text(text, n, path, root, err);
    free(text);
    return st;
}

/* n_broken NULL: a broken line is an error; else it is counted, and err tells of the first. */
static evoke_status load_lines(const char *text, size_t n, const char *path, json_t **root, size_t *n_broken, evoke_error *err)
{
    json_error_t why;
    json_t *list = json_array();
    int number = 1;
    for (const char *line = text, *end; list && line < text + n; line = end + 1, number++) {
        end = memchr(line, '\n', (size_t)(text + n - line));
        if (!end)
            end = text + n;
        const size_t length = (size_t)(end - line);
        size_t blank = 0;
        while (blank < length && strchr(" \t\r", line[blank]) && line[blank])
            blank++;
        if (blank == length)
            continue;
        json_t *value = json_loadb(line, length, json_flags, &why);
        if (value) {
            json_add(list, value);
            continue;
        }
        if (!n_broken || (*n_broken)++ == 0)
            bad_json(path, number, &why, err);
        if (!n_broken) {
            json_decref(list);
            return EVOKE_EFORMAT;
        }
    }
    *root = list;
    return list ? EVOKE_OK : fail(err, EVOKE_ENOMEM, "read JSON: no memory (%s)", path);
}

static evoke_status read_lines(const char *path, json_t **root, size_t *n_broken, evoke_error *broken, evoke_error *err)
{
    char *text = NULL;
    size_t n = 0;
    evoke_status st = file_read(path, &text, &n, err);
    if (st != EVOKE_OK)
        return st;
    const char *lines = after_mark(text, &n);
    if (lines[strspn(lines, " \t\r\n")] == '[')
        st = load_text(lines, n, path, root, err);
    else
        st = load_lines(lines, n, path, root, n_broken, n_broken ? broken : err);
    free(text);
    return st;
}

evoke_status json_read_lines(const char *path, json_t **root, evoke_error *err)
{
    return read_lines(path, root, NULL, NULL, err);
}

evoke_status json_read_whole_lines(const char *path, json_t **root, size_t *n_broken, evoke_error *broken, evoke_error *err)
{
    *n_broken = 0;
    const evoke_status st = read_lines(path, root, n_broken, broken, err);
    if (st != EVOKE_OK || *n_broken == 0 || json_array_size(*root) > 0)
        return st;
    json_decref(*root);
    *root = NULL;
    return fail(err, EVOKE_EFORMAT, "%s", broken->text);
}

bool program_path(char path[], size_t size)
{
    const ssize_t n = readlink("/proc/self/exe", path, size);
    const bool fits = n > 0 && (size_t)n < size;
    if (fits)
        path[n] = '\0';
    return fits;
}

/* Whether folder FOLDER beside the one that the program lies in has the file. */
static bool beside_program(const char *folder, const char *name, char *room, size_t size)
{
    char own[PATH_MAX];
    char *slash = program_path(own, sizeof own) ? strrchr(own, '/') : NULL;
    if (!slash)
        return false;
    *slash = '\0';
    const int length = snprintf(room, size, "%s/../%s/%s", own, folder, name);
    return length > 0 && (size_t)length < size && access(room, R_OK) == 0;
}

const char *data_file(const char *name, char *room, size_t size)
{
    snprintf(room, size, "data/%s", name);
    if (access(room, R_OK) != 0 && !beside_program("data", name, room, size) && !beside_program("share/evoke", name, room, size))
        snprintf(room, size, "%s/%s", EVOKE_DATA, name);
    return room;
}
