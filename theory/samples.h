/* theory/samples.h: a store's rows as theory/ wants them: per layer, and per emotion the complete queries in both settings.
 *
 * Per layer, all queries are read at once, O [N, S, D] float32. Class 1 of an emotion is its complete queries in the emotion
 * setting, class 0 the same queries in the neutral one. */
#ifndef EVK_SAMPLES_H
#define EVK_SAMPLES_H

#include "core/status.h"

typedef struct evk_samples {
    evoke_store *store;
    const evoke_store_info *info;
    const evoke_fisher_options *options;
    evoke_span span;
    size_t one, zero;                   /* the settings of class 1 and class 0 */
    size_t *layers, n_layer;            /* layers used, by index, in the store's order */
    size_t *queries, *starts;           /* complete queries in order of emotion; [E + 1] where each emotion's begin */
    float *layer;                       /* [N, S, D] of the layer at hand */
    const float **rows1, **rows0;       /* [complete queries] of the layer, in the order of `queries` */
} evk_samples;

/* Errors: EVOKE_EARG, EVOKE_EDATA what evoke_fisher says. The caller closes *out, also after a failure. */
evoke_status evk_samples_open(evoke_store *s, const evoke_fisher_options *options, evk_samples *out, evoke_error *err);
void evk_samples_close(evk_samples *s);
/* Layer i of `layers`; every value is finite then. */
evoke_status evk_samples_read(evk_samples *s, size_t i, evoke_error *err);
int32_t evk_samples_layer(const evk_samples *s, size_t i);              /* its number */
/* The vector to judge at layer i, v [D]: that of options->vectors. Errors: EVOKE_EDATA there is none. */
evoke_status evk_samples_vector(const evk_samples *s, size_t i, size_t e, double *v, evoke_error *err);

/* Vectors of all layers of the samples, zeros, named after the emotions or as given; counts and norms are set. */
evoke_status evk_samples_directions(const evk_samples *s, const char *method, const char *const *names, size_t n_name,
                                    evoke_vectors **out, evoke_error *err);
/* v [D] to float32 out, times scale. Errors: EVOKE_EDATA out of float32's range. */
evoke_status evk_put_direction(const double *v, size_t d, double scale, float *out, evoke_error *err);

#endif
