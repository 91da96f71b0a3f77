/* tests/check.h: the few lines that a C unit test needs. Include it once a program; end main with check_done().
 * argv[1] is the project's root, so that a test finds tests/golden and, where it is present, ../shared. */
#ifndef CHECK_H
#define CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = true };      /* slower and larger by far: what takes minutes then, or measures, is left to the other build */
#else
enum { SANITIZED = false };
#endif

static int check_passed, check_failed, check_skipped;

#define check(condition, ...) check_at((condition), __FILE__, __LINE__, #condition, __VA_ARGS__)

/* One check, told only where it fails: check(x == 3, "x of %s", name). */
__attribute__((format(printf, 5, 6)))
static inline bool check_at(bool ok, const char *file, int line, const char *condition, const char *format, ...)
{
    if (ok) {
        check_passed++;
        return true;
    }
    check_failed++;
    printf("not ok %s:%d: %s: ", file, line, condition);
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    return false;
}

/* What could not be tested here, and why. */
static inline void check_skip(const char *what, const char *why)
{
    check_skipped++;
    printf("skip %s: %s\n", what, why);
}

static inline int check_done(void)
{
    printf("%d passed, %d failed, %d skipped\n", check_passed, check_failed, check_skipped);
    return check_failed > 0;
}

#endif
