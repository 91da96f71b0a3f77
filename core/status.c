#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

evoke_status evk_fail(evoke_error *err, evoke_status status, const char *format, ...)
{
    if (!err)
        return status;
    err->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    for (char *c = err->text; *c; c++)          /* one line, whatever a file's own names hold */
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    return status;
}

evoke_status evk_report(const evoke_progress *progress, const char *what, uint64_t done, uint64_t total, evoke_error *err)
{
    if (!progress || !progress->report || progress->report(progress->user, what, done, total) || done >= total)
        return EVOKE_OK;
    return evk_fail(err, EVOKE_EINTERRUPTED, "%s: interrupted after %llu of %llu", what, (unsigned long long)done,
                    (unsigned long long)total);
}

bool evk_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool evk_sum(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

evoke_status evk_alloc(void *out, size_t n, size_t size, const char *what, evoke_error *err)
{
    size_t bytes = 0;
    void *p = evk_mul(n, size, &bytes) ? calloc(bytes ? bytes : 1, 1) : NULL;
    memcpy(out, &p, sizeof p);
    return p ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "%s: no memory for %zu x %zu bytes", what, n, size);
}

const char *evoke_version(void)
{
    return "0.1.0";
}
