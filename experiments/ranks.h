/* experiments/ranks.h: one command run by several processes, MPI's ranks: who of them this is, and how they end alike.
 *
 * Each rank does its part and says at every join how that went; a join ends in all ranks alike. As soon as one has failed, or
 * was asked to stop, the others are asked to stop too (interrupted()), so that they keep what is done. Without MPI (ranks_none.c)
 * there is one rank, and several processes that mpirun has started for one command are refused. */
#ifndef RANKS_H
#define RANKS_H

#include "experiments/command.h"

enum { RANKS_COUNTS = 6 };

/* Before a command. Errors: EVOKE_EUNSUPPORTED mpirun has started several processes and there is no MPI. */
evoke_status ranks_begin(const char *command, evoke_error *err);
size_t ranks_number(void);                      /* 1: not divided */
size_t ranks_place(void);                       /* from 0; rank 0 reads, writes and speaks for all */
/* Threads for this rank: its cores, divided among the ranks of this machine that are bound to the same. 0: not divided. */
size_t ranks_threads(void);
/* Has another rank failed, or been asked to stop? Any thread may ask. */
bool ranks_stopped(void);

/* All ranks come here, with the status of their parts; all leave with the same: that of the first that failed, else of the
 * first that was interrupted. counts [RANKS_COUNTS]: in, this rank's, out, the sum over ranks; NULL: none. After a failure
 * further joins give the same at once. */
evoke_status ranks_join(evoke_status st, uint64_t *counts, evoke_error *err);
void ranks_end(void);

#endif
