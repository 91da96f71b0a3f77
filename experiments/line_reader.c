#include "experiments/line_reader.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/progress.h"

void line_reader_open(line_reader *r)
{
    const bool terminal = isatty(STDIN_FILENO) == 1;
    *r = (line_reader){ .terminal = terminal, .editor = terminal ? line_editor_open() : NULL };
}

void line_reader_close(line_reader *r)
{
    line_editor_close(r->editor);
    r->editor = NULL;
}

/* By short waits: a signal that came just before a read, or to another thread, would not end it. */
bool line_wait(void)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    while (!interrupted()) {
        const int n = poll(&in, 1, 100);
        if (n > 0 || (n < 0 && errno != EINTR))
            return true;
    }
    return false;
}

static evoke_status read_plain(const line_reader *r, const char *prompt, char **line, evoke_error *err)
{
    size_t room = 0;
    if (r->terminal) {
        fputs(prompt, stderr);
        fflush(stderr);
        if (!line_wait())
            return EVOKE_EINTERRUPTED;
    }
    errno = 0;
    const ssize_t n = getline(line, &room, stdin);
    if (n >= 0) {
        const size_t size = (size_t)n - ((*line)[n - 1] == '\n');
        (*line)[size] = '\0';
        return strlen(*line) == size ? EVOKE_OK : fail(err, EVOKE_EFORMAT, "read a line: it holds a NUL byte");
    }
    const int why = errno;
    const bool end = feof(stdin) && !interrupted();
    clearerr(stdin);
    free(*line);
    *line = NULL;
    return end ? EVOKE_OK : interrupted() ? EVOKE_EINTERRUPTED : fail(err, EVOKE_EIO, "read a line: %s", strerror(why));
}

evoke_status line_read(line_reader *r, const char *prompt, char **line, evoke_error *err)
{
    *line = NULL;
    evoke_status st = r->editor ? line_editor_read(r->editor, prompt, line, err) : read_plain(r, prompt, line, err);
    const size_t n = st == EVOKE_OK && *line ? strlen(*line) : 0;
    if (n > 0 && (*line)[n - 1] == '\r')
        (*line)[n - 1] = '\0';
    r->n += st == EVOKE_OK && *line;
    return st;
}
