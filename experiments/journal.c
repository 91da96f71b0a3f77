#include "experiments/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiments/json_out.h"

enum { DIGITS = 15 };           /* of real numbers: 2.1 stays "2.1" */

static char *dump(const json_t *value)
{
    return json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(DIGITS));
}

/* ---- what is there ---- */
/* The first member in which an object is not what it should be, "steering.alpha is 1 there and 2 here". */
static bool differ(const json_t *should, const json_t *is, const char *within, char *text, size_t size)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)should, key, value) {
        const json_t *other = json_object_get(is, key);
        char name[128];
        snprintf(name, sizeof name, "%s%s%s", within, *within ? "." : "", key);
        if (json_is_object(value) && json_is_object(other)) {
            if (differ(value, other, name, text, size))
                return true;
            continue;
        }
        char *here = dump(value), *there = other ? dump(other) : NULL;
        const bool same = here && there && strcmp(here, there) == 0;
        if (!same)
            snprintf(text, size, "%s is %.80s there and %.80s here", name, there ? there : "missing", here ? here : "?");
        free(here);
        free(there);
        if (!same)
            return true;
    }
    return false;
}

static evoke_status other_settings(const journal *j, const char *line, size_t n, json_t *should, evoke_error *err)
{
    char text[512] = "it is no line of such a run";
    json_t *is = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (json_is_object(is) && !differ(should, is, "", text, sizeof text))
        strcpy(text, "its members are in another order");
    json_decref(is);
    return fail(err, EVOKE_EDATA, "continue: line %zu is of other settings: %s (%s; name another file, or take this one away)",
                j->n + 1, text, j->path);
}

/* Does a line begin as its head says? One without an end of line may also end before its head does, or in NULs where a machine
 * stopped before its data came to the disk. */
static evoke_status check_line(const journal *j, const char *line, size_t n, json_t *head, evoke_error *err)
{
    char *text = dump(head);
    if (!text)
        return fail(err, EVOKE_ENOMEM, "continue: no memory (%s)", j->path);
    const size_t length = strlen(text) - 1;             /* without its closing brace */
    const bool whole = n > 0 && line[n - 1] == '\n';
    const size_t there = whole ? n : strnlen(line, n), compared = there < length && !whole ? there : length;
    const bool same = there >= compared && memcmp(line, text, compared) == 0;
    free(text);
    return same ? EVOKE_OK : other_settings(j, line, n, head, err);
}

static evoke_status check_lines(journal *j, FILE *f, size_t total, journal_head *head, void *user, evoke_error *err)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n = 0;
    evoke_status st = EVOKE_OK;
    while (st == EVOKE_OK && (n = getline(&line, &room, f)) > 0) {
        if (j->n == total) {
            st = fail(err, EVOKE_EDATA, "continue: it has more lines than the %zu of this run (%s; name another file, or take "
                      "this one away)", total, j->path);
            break;
        }
        json_t *should = head(user, j->n);
        st = check_line(j, line, (size_t)n, should, err);
        json_decref(should);
        if (st != EVOKE_OK || line[n - 1] != '\n')
            break;
        j->n++;
        j->end += n;
    }
    if (st == EVOKE_OK && ferror(f))
        st = fail(err, EVOKE_EIO, "continue: %s (%s)", strerror(errno), j->path);
    free(line);
    return st;
}

static evoke_status read_lines(journal *j, size_t total, journal_head *head, void *user, evoke_error *err)
{
    const int fd = dup(j->fd);
    FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (!f) {
        const evoke_status st = fail(err, EVOKE_EIO, "open the result: %s (%s)", strerror(errno), j->path);
        if (fd >= 0)
            close(fd);
        return st;
    }
    const evoke_status st = check_lines(j, f, total, head, user, err);
    fclose(f);
    return st;
}

/* ---- writing ---- */
/* Back to the end of the whole lines; a file that ends there keeps its time of change. */
static evoke_status cut(journal *j, evoke_error *err)
{
    const off_t size = lseek(j->fd, 0, SEEK_END), end = (off_t)j->end;
    if (size < 0 || (size > end && ftruncate(j->fd, end) != 0) || lseek(j->fd, end, SEEK_SET) < 0)
        return fail(err, EVOKE_EIO, "write the result: %s (%s)", strerror(errno), j->path);
    return EVOKE_OK;
}

static evoke_status open_alone(journal *j, evoke_error *err)
{
    struct stat about;
    j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);    /* not waiting where it is a pipe */
    if (j->fd < 0 || fstat(j->fd, &about) != 0)
        return fail(err, EVOKE_EIO, "open the result: %s (%s)", strerror(errno), j->path);
    if (!S_ISREG(about.st_mode))
        return fail(err, EVOKE_EIO, "open the result: there is something of that name that is not a file (%s)", j->path);
    if (flock(j->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)          /* a file system may have no locks */
        return fail(err, EVOKE_EBUSY, "open the result: another process is writing it (%s)", j->path);
    return EVOKE_OK;
}

evoke_status journal_open(journal *j, const char *path, size_t total, journal_head *head, void *user, evoke_error *err)
{
    *j = (journal){ .path = path, .fd = -1 };
    evoke_status st = open_alone(j, err);
    if (st == EVOKE_OK)
        st = read_lines(j, total, head, user, err);
    if (st == EVOKE_OK)
        st = cut(j, err);
    if (st != EVOKE_OK)
        journal_free(j);
    return st;
}

static evoke_status write_all(journal *j, const char *text, size_t n, evoke_error *err)
{
    for (size_t done = 0; done < n;) {
        const ssize_t wrote = write(j->fd, text + done, n - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            const int why = errno;
            cut(j, NULL);
            return fail(err, EVOKE_EIO, "write the result: %s; its first %zu lines are whole, the same command continues (%s)",
                        strerror(why), j->n, j->path);
        }
        done += (size_t)wrote;
    }
    j->end += (long long)n;
    j->n++;
    return EVOKE_OK;
}

evoke_status journal_add(journal *j, json_t *head, json_t *result, evoke_error *err)
{
    const bool joined = head && result && json_object_update(head, result) == 0;
    char *text = joined ? dump(head) : NULL;
    json_decref(head);
    json_decref(result);
    if (!text)
        return fail(err, EVOKE_ENOMEM, "write the result: no memory for its JSON");
    const size_t n = strlen(text);
    text[n] = '\n';                                     /* in the place of the NUL: one write, a line */
    const evoke_status st = write_all(j, text, n + 1, err);
    free(text);
    return st;
}

evoke_status journal_close(journal *j, evoke_error *err)
{
    const bool good = fsync(j->fd) == 0;
    const int why = errno;
    journal_free(j);
    return good ? EVOKE_OK : fail(err, EVOKE_EIO, "write the result: %s (%s)", strerror(why), j->path);
}

void journal_free(journal *j)
{
    if (j->fd >= 0)
        close(j->fd);
    j->fd = -1;
}
