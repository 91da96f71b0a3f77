/* experiments/line_editor_none.c: a build without libedit: the terminal's own editing is all there is. */
#include "experiments/line_reader.h"

line_editor *line_editor_open(void)
{
    return NULL;
}

evoke_status line_editor_read(line_editor *e, const char *prompt, char **line, evoke_error *err)
{
    (void)e;
    (void)prompt;
    *line = NULL;
    return fail(err, EVOKE_EUNSUPPORTED, "read a line: this build has no line editing");
}

void line_editor_close(line_editor *e)
{
    (void)e;
}
