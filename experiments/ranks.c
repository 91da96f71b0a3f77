/* experiments/ranks.c: ranks of MPI. The only file that knows MPI.
 *
 * In join number k every rank sends rank 0 one report, tag k, and then reads from rank 0 until its verdict comes; before it there
 * may be one wish to stop. So no message is left unread, whoever fails at whatever point, and nobody waits in a collective call
 * for a rank that will not come. Waiting sleeps: a waiting rank takes no core from one that works. */
#define _GNU_SOURCE
#include <mpi.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "experiments/progress.h"
#include "experiments/ranks.h"

enum { TAG_TO_ALL = 1, TAG_FIRST_JOIN = 2 };            /* what rank 0 sends; reports of join k: TAG_FIRST_JOIN + k */

typedef struct message {
    int stop;                   /* a wish only: the verdict follows */
    evoke_error end;
    uint64_t counts[RANKS_COUNTS];
} message;

static struct {
    int n, place;
    size_t n_threads;
    int joins;                  /* so far */
    bool stopped, told, over;   /* told: rank 0 has asked all to stop; over: a join has failed */
    message verdict;
    message *reports;           /* rank 0: [n] of this join */
    int n_reports;
} ranks = { .n = 1 };

/* ---- beginning ---- */
/* How many ranks of this machine may use one of the cores that this one may. */
static void share_cores(void)
{
    MPI_Comm here;
    cpu_set_t mine, *all = NULL;
    int n_here = 1, n_same = 0;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
    MPI_Comm_size(here, &n_here);
    if (sched_getaffinity(0, sizeof mine, &mine) != 0)
        CPU_ZERO(&mine);
    all = calloc((size_t)n_here, sizeof *all);
    if (!all)
        MPI_Abort(MPI_COMM_WORLD, 1);
    MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all, sizeof mine, MPI_BYTE, here);
    for (int i = 0; i < n_here; i++) {
        cpu_set_t both;
        CPU_AND(&both, &mine, &all[i]);
        n_same += CPU_COUNT(&both) > 0;
    }
    ranks.n_threads = evoke_cores_shared((size_t)(n_same > 0 ? n_same : 1), (size_t)n_here);
    free(all);
    MPI_Comm_free(&here);
}

evoke_status ranks_begin(const char *command, evoke_error *err)
{
    int level = 0;
    if (!getenv("OMPI_COMM_WORLD_SIZE") && !getenv("PMIX_RANK") && !getenv("PMI_RANK"))
        return EVOKE_OK;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS || level < MPI_THREAD_FUNNELED)
        return fail(err, EVOKE_EUNSUPPORTED, "%s: MPI did not begin", command);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks.n);
    MPI_Comm_rank(MPI_COMM_WORLD, &ranks.place);
    if (ranks.n > 1)
        share_cores();
    ranks.reports = calloc((size_t)ranks.n, sizeof *ranks.reports);
    return ranks.reports ? EVOKE_OK : fail(err, EVOKE_ENOMEM, "%s: no memory", command);
}

size_t ranks_number(void)
{
    return (size_t)ranks.n;
}

size_t ranks_place(void)
{
    return (size_t)ranks.place;
}

size_t ranks_threads(void)
{
    return ranks.n_threads;
}

/* ---- reports, wishes and the verdict ---- */
static void send_all(const message *m)
{
    for (int to = 1; to < ranks.n; to++)
        MPI_Send(m, sizeof *m, MPI_BYTE, to, TAG_TO_ALL, MPI_COMM_WORLD);
}

static void ask_to_stop(void)
{
    const message wish = { .stop = 1 };
    if (!ranks.told)
        send_all(&wish);
    ranks.told = ranks.stopped = true;
}

/* Rank 0: what the others have sent by now. */
static void take_reports(void)
{
    MPI_Status from;
    int there = 0;
    while (MPI_Iprobe(MPI_ANY_SOURCE, TAG_FIRST_JOIN + ranks.joins, MPI_COMM_WORLD, &there, &from), there) {
        message *m = &ranks.reports[from.MPI_SOURCE];
        MPI_Recv(m, sizeof *m, MPI_BYTE, from.MPI_SOURCE, from.MPI_TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        ranks.n_reports++;
        if (m->end.status != EVOKE_OK)
            ask_to_stop();
    }
}

/* The others: is there something from rank 0? True: it was the verdict. */
static bool take_verdict(void)
{
    int there = 0;
    message m;
    MPI_Iprobe(0, TAG_TO_ALL, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
    if (!there)
        return false;
    MPI_Recv(&m, sizeof m, MPI_BYTE, 0, TAG_TO_ALL, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (m.stop)
        ranks.stopped = true;
    else
        ranks.verdict = m;
    return !m.stop;
}

bool ranks_stopped(void)
{
    int main_thread = 0;
    if (ranks.n <= 1 || ranks.over || ranks.stopped)
        return ranks.stopped;
    MPI_Is_thread_main(&main_thread);
    if (main_thread && ranks.place == 0)
        take_reports();
    else if (main_thread)
        take_verdict();         /* a wish: no verdict comes before this rank's report */
    return ranks.stopped;
}

static void wait_a_little(void)
{
    const struct timespec t = { 0, 5000000 };
    nanosleep(&t, NULL);
}

/* Rank 0: one end for all. */
static void judge(void)
{
    const message *worst = &ranks.reports[0];
    message *v = &ranks.verdict;
    *v = (message){ .stop = 0 };
    for (int i = 0; i < ranks.n; i++) {
        const evoke_status best_known = worst->end.status, here = ranks.reports[i].end.status;
        if ((best_known == EVOKE_OK && here != EVOKE_OK) ||
            (best_known == EVOKE_EINTERRUPTED && here != EVOKE_OK && here != EVOKE_EINTERRUPTED))
            worst = &ranks.reports[i];
        for (size_t k = 0; k < RANKS_COUNTS; k++)
            v->counts[k] += ranks.reports[i].counts[k];
    }
    v->end = worst->end;
}

evoke_status ranks_join(evoke_status st, uint64_t *counts, evoke_error *err)
{
    message mine = { .end = *err };
    if (ranks.n <= 1 || ranks.over)
        return st;
    mine.end.status = st;
    if (counts)
        memcpy(mine.counts, counts, sizeof mine.counts);
    if (ranks.place == 0) {
        ranks.reports[0] = mine;
        if (st != EVOKE_OK)
            ask_to_stop();
        for (take_reports(); ranks.n_reports < ranks.n - 1; take_reports()) {
            if (interrupted())
                ask_to_stop();
            wait_a_little();
        }
        judge();
        send_all(&ranks.verdict);
        ranks.n_reports = 0;
    } else {
        MPI_Send(&mine, sizeof mine, MPI_BYTE, 0, TAG_FIRST_JOIN + ranks.joins, MPI_COMM_WORLD);
        while (!take_verdict())
            wait_a_little();
    }
    ranks.joins++;
    ranks.over = ranks.verdict.end.status != EVOKE_OK;
    *err = ranks.verdict.end;
    if (counts)
        memcpy(counts, ranks.verdict.counts, sizeof mine.counts);
    return ranks.verdict.end.status;
}

void ranks_end(void)
{
    int begun = 0;
    MPI_Initialized(&begun);
    if (begun)
        MPI_Finalize();
    free(ranks.reports);
    ranks.reports = NULL;
}
