/* core/vector_norm.h: the length of a row. */
#ifndef EVK_VECTOR_NORM_H
#define EVK_VECTOR_NORM_H

#include <stddef.h>

/* Euclidean norm of x [n]; squares are summed in double. */
double evk_norm(const float *x, size_t n);

#endif
