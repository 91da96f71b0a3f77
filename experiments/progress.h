/* experiments/progress.h: how far the work is, on stderr, and whether the user wants it to stop. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "core/evoke.h"

typedef struct progress {
    bool quiet, terminal, shown;
    double began, last;         /* seconds, monotonic: the first report; the last line */
    uint64_t first;             /* where the count stood at the first report */
    bool reported;
} progress;

/* SIGINT, SIGTERM, SIGHUP and SIGUSR1, as schedulers warn, set a flag (the same half a second later or more ends the program at
 * once); SIGPIPE and SIGXFSZ are ignored: writes tell. */
void signals_install(void);
/* Has a signal come, or another rank stopped? */
bool interrupted(void);
/* From here on SIGINT, however often, ends no more than what the program is at: interrupt_taken() says that it came, and forgets
 * it. */
void signals_keep_running(void);
bool interrupt_taken(void);
double seconds_now(void);

void progress_begin(progress *p, bool quiet);
/* Takes the bar away. */
void progress_end(progress *p);
/* For the library: reports to p, and asks to stop once a signal came. */
evoke_progress progress_hook(progress *p);

#endif
