/* experiments/ranks_none.c: a build without MPI: one process, one rank. */
#include <stdlib.h>
#include <unistd.h>

#include "experiments/ranks.h"

static size_t processes;        /* that mpirun has started, where it has */

static size_t number_in(const char *name)
{
    const char *text = getenv(name);
    return text ? (size_t)strtoull(text, NULL, 10) : 0;
}

/* All of them fail, and the first says so; the others wait for that, as mpirun ends the rest when one has failed. */
evoke_status ranks_begin(const char *command, evoke_error *err)
{
    processes = number_in("OMPI_COMM_WORLD_SIZE") ? number_in("OMPI_COMM_WORLD_SIZE") : number_in("PMI_SIZE");
    if (ranks_place() > 0)
        sleep(1);
    return processes <= 1 ? EVOKE_OK
         : fail(err, EVOKE_EUNSUPPORTED, "%s: mpirun has started %zu processes, and this program was built without MPI (build it "
                "with -Dmpi=enabled, or run one process, or 'evoke %s --shard I/N' as jobs)", command, processes, command);
}

size_t ranks_number(void)
{
    return 1;
}

size_t ranks_place(void)
{
    return processes <= 1 ? 0 : number_in(getenv("OMPI_COMM_WORLD_RANK") ? "OMPI_COMM_WORLD_RANK" : "PMI_RANK");
}

size_t ranks_threads(void)
{
    return 0;
}

bool ranks_stopped(void)
{
    return false;
}

evoke_status ranks_join(evoke_status st, uint64_t *counts, evoke_error *err)
{
    (void)counts;
    (void)err;
    return st;
}

void ranks_end(void)
{
}
