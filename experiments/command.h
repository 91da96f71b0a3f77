/* experiments/command.h: a command is a function and what it takes.
 *
 * A command parses its options, calls evoke.h and prints; it returns as the library does, and main turns the status into
 * an exit status: 0 done, 1 the work failed, 2 wrong usage, 130 interrupted. */
#ifndef COMMAND_H
#define COMMAND_H

#include "core/evoke.h"

#if defined(__GNUC__)
#define COMMAND_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define COMMAND_PRINTF(fmt, args)
#endif

/* argv[0] is the program, argv[1] the command. */
typedef evoke_status command_function(int argc, const char **argv, evoke_error *err);

command_function cmd_inspect, cmd_tokenize, cmd_trace, cmd_extract, cmd_ev, cmd_generate, cmd_theory, cmd_eval, cmd_classify,
    cmd_embed, cmd_families, cmd_bench, cmd_sweep, cmd_convert, cmd_tune, cmd_query, cmd_verify, cmd_report, cmd_merge, cmd_compare,
    cmd_chat;

/* Fills err with "WHAT FAILED: WHY (WHERE)" on one line; returns status. */
evoke_status fail(evoke_error *err, evoke_status status, const char *format, ...) COMMAND_PRINTF(3, 4);
/* One line on stderr, "evoke: ...": a warning or a remark, never the result. */
void say(const char *format, ...) COMMAND_PRINTF(1, 2);
/* A line for each that something was lost by, and, unless quiet, for each remark. */
void say_notes(const evoke_vectors_note *notes, size_t n, bool quiet);

/* Memory, n items of `size` bytes, zeroed; n may be 0. */
evoke_status allocate(void *out, size_t n, size_t size, evoke_error *err);

#endif
