/* experiments/line_editor.c: lines that are edited while they are typed, and found again: libedit. */
#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "experiments/line_reader.h"
#include "experiments/progress.h"

enum { MOST_LINES = 1000 };

struct line_editor {
    EditLine *edit;
    History *history;
    char *path, *temporary;         /* of the history's file; NULL: it is not kept */
    const char *prompt;             /* of the line at hand */
};

static char *show_prompt(EditLine *edit)
{
    line_editor *e = NULL;
    el_get(edit, EL_CLIENTDATA, (void **)&e);
    return (char *)e->prompt;
}

/* One character from the terminal; -1 once a signal asked to stop, after which libedit's own reading would wait on. */
static int read_character(EditLine *edit, wchar_t *c)
{
    mbstate_t state = { 0 };
    (void)edit;
    for (;;) {
        char byte = 0;
        const ssize_t n = line_wait() ? read(STDIN_FILENO, &byte, 1) : -1;
        if (n < 0 && errno == EINTR && !interrupted())
            continue;
        if (n <= 0)
            return (int)n;
        const size_t got = mbrtowc(c, &byte, 1, &state);
        if (got == 1)                   /* not 0: a NUL is what Ctrl-D becomes when typed before the editor reads */
            return 1;
        if (got == (size_t)-1)          /* no character: what was begun is dropped */
            state = (mbstate_t){ 0 };
    }
}

/* ---- the history's file ---- */
/* The folders that lead to a file; those that are there stay as they are. */
static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

static void find_history(line_editor *e)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const bool own = state && *state == '/';
    if (!own && !(home && *home == '/'))
        return;
    const size_t size = strlen(own ? state : home) + 64;
    e->path = malloc(size);
    e->temporary = malloc(size);
    if (!e->path || !e->temporary)
        return;
    snprintf(e->path, size, "%s%s/evoke/chat_history", own ? state : home, own ? "" : "/.local/state");
    snprintf(e->temporary, size, "%s.%ld", e->path, (long)getpid());
}

/* Whole or not at all; a history that cannot be kept is no error. */
static void keep_history(line_editor *e)
{
    HistEvent event;
    if (!e->path || !e->temporary)
        return;
    make_folders(e->path);
    const mode_t before = umask(0077);
    if (history(e->history, &event, H_SAVE, e->temporary) < 0 || rename(e->temporary, e->path) != 0)
        unlink(e->temporary);
    umask(before);
}

/* ---- a line ---- */
/* Characters of more than a byte need a locale that has them; numbers keep the C locale's point. */
static void set_locale(void)
{
    if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

line_editor *line_editor_open(void)
{
    HistEvent event;
    line_editor *e = calloc(1, sizeof *e);
    set_locale();
    if (e) {
        e->history = history_init();
        e->edit = el_init("evoke", stdin, isatty(STDOUT_FILENO) == 1 ? stdout : stderr, stderr);
    }
    if (!e || !e->history || !e->edit) {
        line_editor_close(e);
        return NULL;
    }
    find_history(e);
    history(e->history, &event, H_SETSIZE, MOST_LINES);
    history(e->history, &event, H_SETUNIQUE, 1);
    if (e->path && access(e->path, R_OK) == 0)
        history(e->history, &event, H_LOAD, e->path);
    el_set(e->edit, EL_CLIENTDATA, e);
    el_set(e->edit, EL_PROMPT, show_prompt);
    el_set(e->edit, EL_EDITOR, "emacs");
    el_set(e->edit, EL_SIGNAL, 0);
    el_set(e->edit, EL_GETCFN, read_character);
    el_set(e->edit, EL_HIST, history, e->history);
    el_set(e->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(e->edit, NULL);                   /* ~/.editrc */
    return e;
}

evoke_status line_editor_read(line_editor *e, const char *prompt, char **line, evoke_error *err)
{
    HistEvent event;
    int n = 0;
    e->prompt = prompt;
    const char *typed = el_gets(e->edit, &n);
    *line = NULL;
    if (interrupted())
        return EVOKE_EINTERRUPTED;
    if (!typed || n <= 0)
        return EVOKE_OK;
    *line = strdup(typed);
    if (!*line)
        return fail(err, EVOKE_ENOMEM, "read a line: no memory");
    if (**line != '\n')
        history(e->history, &event, H_ENTER, typed);
    (*line)[strcspn(*line, "\n")] = '\0';
    return EVOKE_OK;
}

void line_editor_close(line_editor *e)
{
    if (!e)
        return;
    if (e->edit && e->history)
        keep_history(e);
    if (e->edit)
        el_end(e->edit);
    if (e->history)
        history_end(e->history);
    free(e->path);
    free(e->temporary);
    free(e);
}
