/* experiments/progress.c: a bar where stderr is a terminal, a line every ten seconds elsewhere, nothing in the first two
 * seconds. */
#include "experiments/progress.h"

#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "experiments/ranks.h"

static volatile sig_atomic_t stop_asked;
static atomic_long stop_asked_at;       /* milliseconds */

/* timeout(1) signals its child twice, and a scheduler may: within half a second that is one wish. */
static void on_stop(int number)
{
    enum { ONE_WISH = 500 };
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const long now = (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    if (stop_asked != number) {
        stop_asked = number;
        stop_asked_at = now;
    } else if (now - stop_asked_at > ONE_WISH) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

static void on_interrupt(int number)
{
    stop_asked = number;
}

void signals_install(void)
{
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_stop;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)       /* nohup has it ignored */
        sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL);
}

void signals_keep_running(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_interrupt;
    sigaction(SIGINT, &action, NULL);
}

bool interrupt_taken(void)
{
    const bool came = stop_asked == SIGINT;
    if (came)
        stop_asked = 0;
    return came;
}

bool interrupted(void)
{
    return stop_asked != 0 || ranks_stopped();
}

double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_begin(progress *p, bool quiet)
{
    *p = (progress){ .quiet = quiet, .terminal = isatty(STDERR_FILENO) == 1, .last = seconds_now() };
}

static void time_left(double seconds, char text[32])
{
    if (!isfinite(seconds) || seconds > 359999)
        strcpy(text, "--:--");
    else if (seconds >= 3600)
        snprintf(text, 32, "%d:%02d:%02d", (int)seconds / 3600, (int)seconds / 60 % 60, (int)seconds % 60);
    else
        snprintf(text, 32, "%02d:%02d", (int)seconds / 60, (int)seconds % 60);
}

static void show(progress *p, const char *what, uint64_t done, uint64_t total, double now)
{
    enum { WIDTH = 24 };
    char left[32], bar[WIDTH + 1];
    const double rate = (double)(done > p->first ? done - p->first : 0) / fmax(now - p->began, 1e-9);
    const double share = total ? (double)done / (double)total : 0;
    time_left(total >= done && rate > 0 ? (double)(total - done) / rate : INFINITY, left);
    memset(bar, ' ', WIDTH);
    memset(bar, '#', (size_t)(fmin(share, 1) * WIDTH));
    bar[WIDTH] = '\0';
    if (p->terminal)
        fprintf(stderr, "\r%s [%s] %3.0f%% %llu/%llu, %.3g/s, %s left \033[K", what, bar, 100 * share,
                (unsigned long long)done, (unsigned long long)total, rate, left);
    else
        fprintf(stderr, "evoke: %s: %llu of %llu, %.3g/s, %s left\n", what, (unsigned long long)done,
                (unsigned long long)total, rate, left);
    fflush(stderr);
    p->shown = true;
    p->last = now;
}

static bool report(void *user, const char *what, uint64_t done, uint64_t total)
{
    progress *p = user;
    const double now = seconds_now();
    if (!p->reported) {         /* what was done before this run is not its speed */
        p->first = done;
        p->began = now;
    }
    p->reported = true;
    const double wait = p->terminal ? (p->shown ? 0.2 : 2) : (p->shown ? 10 : 2);
    if (!p->quiet && done < total && now - p->last >= wait)
        show(p, what ? what : "work", done, total, now);
    return !interrupted();
}

void progress_end(progress *p)
{
    if (!p->shown || !p->terminal)
        return;
    fputs("\r\033[K", stderr);
    p->shown = false;
}

evoke_progress progress_hook(progress *p)
{
    return (evoke_progress){ report, p };
}
