/* tests/fuzz/fuzz.h: what a fuzz target is, and how to add one.
 *
 * A target is one file, fuzz_NAME.c, with one function for bytes that a stranger may have written:
 *
 *     int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);        returns 0; a crash or a failed expect is a finding
 *
 * and, if it likes, fuzz_seed, which makes small valid inputs to start from. Put NAME into the list in meson.build with
 * its seed files and the number of inputs. Two programs come of it:
 *   - with driver.c, by any compiler: a test that runs the seeds, the inputs kept in tests/fuzz/NAME/ because they once
 *     broke something, and a fixed series of mutations of all these;
 *   - with clang's libFuzzer, as long as one likes: tests/fuzz/campaign.sh [RUNS [TARGET...]], which builds, runs each
 *     target from the seeds and the words of its format, and keeps the corpus; small inputs that reach more than the
 *     target's own seeds do are kept in tests/fuzz/seeds/NAME/, and the tests begin with them.
 *     An input that breaks something goes, made small (-minimize_crash=1), into tests/fuzz/NAME/. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/evoke.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Writes generated seed i to out; returns its length, 0 past the last one. May be left out. */
size_t fuzz_seed(size_t i, uint8_t *out, size_t capacity) __attribute__((weak));

/* What must hold whatever the input; ends the program. */
#define expect(condition) do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

/* A call either succeeds, or fails with a status and one line of text. */
static inline bool fuzz_ok(evoke_status status, const evoke_error *err)
{
    if (status == EVOKE_OK)
        return true;
    expect(err->status == status && err->text[0]);
    expect(memchr(err->text, '\0', sizeof err->text) && !strpbrk(err->text, "\n\r"));
    return false;
}

/* A folder of this process, made at its first use and removed, with what fuzz_write put there, when it ends. */
const char *fuzz_folder(void);
/* Writes the file `name` (a short one, one of at most 8) in that folder; the path stays valid. */
const char *fuzz_write(const char *name, const void *data, size_t n);
/* Reads every name, shape, byte and value of weights. */
void fuzz_touch_weights(const evoke_weights *w);

#endif
