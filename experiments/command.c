#include "experiments/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void one_line(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
}

evoke_status fail(evoke_error *err, evoke_status status, const char *format, ...)
{
    if (!err)
        return status;
    err->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    one_line(err->text);
    return status;
}

void say(const char *format, ...)
{
    char text[1100];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    one_line(text);
    fprintf(stderr, "evoke: %s\n", text);
}

void say_notes(const evoke_vectors_note *notes, size_t n, bool quiet)
{
    for (size_t i = 0; i < n; i++)
        if (notes[i].lost || !quiet)
            say("%s%s", notes[i].lost ? "not carried: " : "", notes[i].text);
}

evoke_status allocate(void *out, size_t n, size_t size, evoke_error *err)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    memcpy(out, &p, sizeof p);
    return p ? EVOKE_OK : fail(err, EVOKE_ENOMEM, "get memory: none left for %zu x %zu bytes", n, size);
}
