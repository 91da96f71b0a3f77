/* experiments/wait_policy.h: how the program's threads wait for one another. */
#ifndef WAIT_POLICY_H
#define WAIT_POLICY_H

/* GNU OpenMP's threads spin for milliseconds before they sleep. On a machine that also does other work, a thread that spins
 * takes the core from the one that it waits for: 3 tokens/s instead of 27 were measured with four busy processes on two
 * cores. The setting is read before main begins, so the program starts itself once more with a shorter spin, unless
 * OMP_WAIT_POLICY or GOMP_SPINCOUNT say otherwise. */
void wait_policy_set(char **argv);

#endif
