/* core/kernels/neondot.c: products by digits over 4 rows, for 64-bit ARM with dot products of bytes (FEAT_DotProd: Cortex-A76,
 * Neoverse N1, Apple M1 and later). */
#define P_DOT
#include "core/kernels/packed_neon.h"

void evk_kernels_add_neondot(evk_kernels *k)
{
    k->isa = "neondot";
    add_packed(k, true);
}
