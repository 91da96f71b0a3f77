/* core/text.c: UTF-8 as RFC 3629 has it, buffers, files. */
#include "core/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"

static void utf8_round_trips(void)
{
    size_t wrong = 0;
    for (int32_t code = 0; code <= 0x10ffff; code++) {
        if (code >= 0xd800 && code <= 0xdfff)
            continue;
        char bytes[4];
        int32_t back = -1;
        const size_t n = evk_utf8_put(code, bytes);
        const size_t expected = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        wrong += n != expected || evk_utf8_next(bytes, n, &back) != n || back != code;
        for (size_t cut = 1; cut < n; cut++)
            wrong += evk_utf8_next(bytes, cut, &back) != 0;
    }
    check(wrong == 0, "%zu characters do not come back", wrong);
}

static void bad_utf8_is_refused(void)
{
    static const struct { const char *bytes; size_t n, at; } bad[] = {
        { "abc\x80", 4, 3 }, { "\xc0\xaf", 2, 0 }, { "\xc1\x81", 2, 0 }, { "a\xe0\x80\xaf", 4, 1 }, { "\xed\xa0\x80", 3, 0 },
        { "\xf0\x80\x80\xaf", 4, 0 }, { "\xf4\x90\x80\x80", 4, 0 }, { "\xff", 1, 0 }, { "\xc3\xa9\xc3", 3, 2 },
        { "\xe2\x28\xa1", 3, 0 }, { "\xf8\x88\x80\x80\x80", 5, 0 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        evoke_error err = {0};
        char expected[64];
        snprintf(expected, sizeof expected, "text: invalid UTF-8 at byte %zu", bad[i].at);
        check(evk_utf8_check(bad[i].bytes, bad[i].n, "text", &err) == EVOKE_EDATA, "case %zu", i);
        check(strcmp(err.text, expected) == 0, "case %zu: %s", i, err.text);
    }
    check(evk_utf8_check("Gr\xc3\xbc\xc3\x9f" "e \xf0\x9f\x98\x80\0x", 15, "text", NULL) == EVOKE_OK, "good text");
    check(evk_utf8_check("", 0, "text", NULL) == EVOKE_OK, "empty text");
}

static void buffers_grow(void)
{
    evk_buffer b = {0};
    evoke_text t = {0};
    for (int i = 0; i < 1000; i++)
        if (evk_buffer_format(&b, NULL, "%d,", i) != EVOKE_OK || evk_buffer_add(&b, "\0x", 2, NULL) != EVOKE_OK)
            check(false, "add %d", i);
    check(b.n == 10 * 2 + 90 * 3 + 900 * 4 + 2000 && b.data[b.n] == '\0', "%zu bytes", b.n);
    check(evk_buffer_add(&b, NULL, 0, NULL) == EVOKE_OK, "nothing added");
    check(evk_buffer_add(&b, "x", SIZE_MAX - 100, NULL) == EVOKE_ENOMEM, "a size that overflows");
    check(evk_buffer_take(&b, &t, NULL) == EVOKE_OK && t.n == 5890 && !b.data, "%zu bytes taken", t.n);
    evoke_text_free(&t);
    check(evk_buffer_take(&b, &t, NULL) == EVOKE_OK && t.n == 0 && t.data && !t.data[0], "an empty text has data");
    evoke_text_free(&t);
    evoke_text_free(NULL);
}

static void files_are_read(void)
{
    char path[] = "test_text_XXXXXX";
    const int fd = mkstemp(path);
    const size_t n = 200001;
    char *bytes = malloc(n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(i * 7);
    check(fd >= 0 && write(fd, bytes, n) == (ssize_t)n, "write %s", path);
    close(fd);
    evoke_text t = {0};
    evoke_error err = {0};
    check(evk_read_file(path, n, &t, &err) == EVOKE_OK && t.n == n && memcmp(t.data, bytes, n) == 0 && !t.data[n],
          "%s", err.text);
    evoke_text_free(&t);
    check(evk_read_file(path, n - 1, &t, &err) == EVOKE_EFORMAT && !t.data, "one byte too many");
    check(strstr(err.text, path) != NULL, "the error names the file: %s", err.text);
    unlink(path);
    check(evk_read_file(path, n, &t, &err) == EVOKE_EIO && strstr(err.text, path), "no file: %s", err.text);
    check(evk_read_file(".", n, &t, &err) == EVOKE_EIO, "a folder: %s", err.text);
    free(bytes);
}

int main(void)
{
    utf8_round_trips();
    bad_utf8_is_refused();
    buffers_grow();
    files_are_read();
    return check_done();
}
