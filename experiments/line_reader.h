/* experiments/line_reader.h: the lines of stdin, as a user types them or a script hands them in. */
#ifndef LINE_READER_H
#define LINE_READER_H

#include "experiments/command.h"

typedef struct line_editor line_editor;         /* of libedit; none where the build lacks it */
typedef struct line_reader {
    bool terminal;              /* somebody is typing */
    line_editor *editor;        /* NULL: lines are read as they come */
    size_t n;                   /* lines read */
} line_reader;

/* With editing, and a history of earlier runs, where stdin is a terminal. Close whatever it leaves. */
void line_reader_open(line_reader *r);
/* The next line, without its end, the caller's; NULL: there is none. prompt: shown on a terminal alone. Errors: EVOKE_EIO;
 * EVOKE_EFORMAT it holds a NUL; EVOKE_EINTERRUPTED a signal came while waiting, and err says nothing yet. */
evoke_status line_read(line_reader *r, const char *prompt, char **line, evoke_error *err);
/* Waits until a terminal has something to read; false: a signal asked to stop. */
bool line_wait(void);
/* Keeps the history. */
void line_reader_close(line_reader *r);

/* ---- line_editor.c, or line_editor_none.c ---- */
/* NULL: no editing here. The history is kept in $XDG_STATE_HOME/evoke/chat_history, or ~/.local/state/evoke/. */
line_editor *line_editor_open(void);
evoke_status line_editor_read(line_editor *e, const char *prompt, char **line, evoke_error *err);
void line_editor_close(line_editor *e);

#endif
