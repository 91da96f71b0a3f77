/* core/kernels/panels.h: activations times weights by panels of EVK_PACKED_ROWS rows (kernels.h), whichever way they are stored. */
#ifndef EVK_PANELS_H
#define EVK_PANELS_H

#include "core/kernels/kernels.h"

/* One of the two. */
typedef struct evk_panel_source {
    const evk_tensor *tensor;
    const evk_packed *packed;
    size_t rows, cols;
} evk_panel_source;

/* Floats of scratch of one thread, whatever the matrix. */
enum {
    EVK_PANEL_FLOATS = 48 * 1024,                                   /* of panels */
    EVK_PANEL_ROW_FLOATS = 16 * (256 + 16),                         /* of the rows that become one */
    EVK_PANEL_SCRATCH = EVK_PANEL_FLOATS + EVK_PANEL_ROW_FLOATS
};

/* As evk_matmul (matmul.h). scratch: EVK_PANEL_SCRATCH floats of each thread. */
void evk_multiply_panels(const evk_kernels *kernels, size_t n_thread, const evk_panel_source *w, const float *bias, const float *x,
                         size_t ldx, size_t n_token, float *y, size_t ldy, float *scratch);

#endif
