/* core/kernels/blas_check.h: the part of evk_blas_check (core/kernels/matmul.h) that a test can hand broken routines. */
#ifndef EVK_BLAS_CHECK_H
#define EVK_BLAS_CHECK_H

#include <cblas.h>

#include "core/status.h"

typedef struct evk_blas {
    __typeof__(cblas_sgemm) *sgemm;
    __typeof__(cblas_dgemm) *dgemm;
    __typeof__(cblas_sgemv) *sgemv;
    __typeof__(cblas_dsyrk) *dsyrk;
    void (*dpotrf)(char *triangle, int *n, double *a, int *lda, int *info);
    __typeof__(cblas_dtrsv) *dtrsv;
    const char *core;       /* its kernel, as openblas_get_corename says */
    const char *version;    /* "0.3.21" */
} evk_blas;

/* Errors: EVOKE_ECOMPUTE a routine is wrong. */
evoke_status evk_blas_check_routines(const evk_blas *blas, evoke_error *err);

#endif
