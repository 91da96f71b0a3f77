/* core/vector_norm.h: the length of a row, and the angle of two. */
#ifndef EVK_VECTOR_NORM_H
#define EVK_VECTOR_NORM_H

#include <stddef.h>

/* Euclidean norm of x [n]; squares are summed in double. */
double evk_norm(const float *x, size_t n);
/* a.b / (|a| |b|), in double; NaN where either has no length. */
double evk_cosine(const float *a, const float *b, size_t n);

#endif
