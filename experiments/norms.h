/* experiments/norms.h: figures of a vectors file that `ev` and `inspect` print. */
#ifndef NORMS_H
#define NORMS_H

#include <stddef.h>

#include "core/evoke.h"

double vector_norm(const float *x, size_t d);
double vector_cosine(const float *a, const float *b, size_t d);     /* NaN where one is zero */
/* Mean over the layers of the cosine between two vectors [L, D], zero ones left out. */
double mean_cosine(const float *a, const float *b, size_t n_layer, size_t d);
/* Mean over the layers of cos(EV, EVbase)^2: the share of an EV's energy that lies along what all emotions share. */
double base_share(const float *ev, const float *base, size_t n_layer, size_t d);
/* Table on stdout: a row a layer, at most `most` of them evenly spread: norms of every emotion's EV, EVbase, residual. */
void print_norms(const evoke_vectors *v, evoke_site site, size_t most);
/* Says on stderr where a span's mean is ruled by one position. */
evoke_status warn_of_sink(evoke_store *s, evoke_site site, evoke_span span, evoke_error *err);

#endif
