/* core/kernels/avx512vnni.c: products by digits over 16 rows, for CPUs with AVX-512 VNNI (Intel Cascade Lake, AMD Zen 4). */
#include "core/kernels/packed_avx512.h"

#include "core/kernels/centred_avx512.h"

void evk_kernels_add_avx512vnni(evk_kernels *k)
{
    k->isa = "avx512vnni";
    add_packed(k, true);
    add_centred(k);
}
