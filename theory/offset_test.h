/* theory/offset_test.h: is the mean offset different from zero? Hotelling's T^2 with signs permuted.
 *
 *     T^2 = (n - 1) ev^T S^-1 ev,   S = (1 - s) Sd + s m I,   Sd as in pairs.h, m = tr(M) / D, M = 1/n sum_q d_q d_q^T
 *
 * Hotelling's (1931) where s = 0, which takes n > D + 1; with more dimensions than queries S is shrunk (as Chen, Paul,
 * Prentice and Wang 2011 do) and has no tabulated law. Were the settings without effect, each d_q could as well have been
 * -d_q, so T^2 is compared with its value under random signs (Fisher 1935):
 *
 *     p = (1 + number of permutations with T^2 at least as large) / (1 + permutations)         (Phipson and Smyth 2010)
 *
 * M, and s and m which are taken from it, do not depend on the signs: the test is exact, and T^2 = (n - 1) q / (1 - (1 - s) q)
 * rises with q = ev^T M(s)^-1 ev = sum_j g_j (u_j . sign)^2 / n^2, g_j = e_j / ((1 - s) e_j / n + s m), of the eigenvalues e_j
 * and vectors u_j of the offsets' Gram matrix: O(n^2) a permutation. */
#ifndef EVK_OFFSET_TEST_H
#define EVK_OFFSET_TEST_H

#include "theory/row_space.h"

typedef struct evk_offset_test { double t2, p, shrinkage; } evk_offset_test;

/* offsets: rows d_q, not centred. choice: a number, or LW or OAS of the uncentred offsets; CV is taken as LW. Permutation i
 * has signs from [seed, 4, of, i]. t2 and p are NaN where S has no inverse. Not in a parallel region. */
evoke_status evk_test_offsets(const evk_row_space *offsets, double choice, uint64_t seed, uint64_t of, size_t n_permutation,
                              evk_offset_test *out, evoke_error *err);

#endif
