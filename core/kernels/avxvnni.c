/* core/kernels/avxvnni.c: products by digits for CPUs with AVX2 and AVX-VNNI (Intel Alder Lake, AMD Zen 5). */
#define P_VNNI
#include "core/kernels/packed_avx2.h"

void evk_kernels_add_avxvnni(evk_kernels *k)
{
    k->isa = "avxvnni";
    add_packed(k, true);
}
