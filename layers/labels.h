/* layers/labels.h: the labels along the axes of a store or a vectors file, read and checked: they come from anywhere. */
#ifndef EVK_LABELS_H
#define EVK_LABELS_H

#include "core/files/hdf5.h"

enum { EVK_MAX_EMOTIONS = 1000, EVK_MAX_LAYERS = 4096, EVK_MAX_WIDTH = 1 << 20, EVK_MAX_SETTINGS = 1000 };

/* Errors: EVOKE_EFORMAT an attribute `format` that is not this one; EVOKE_EUNSUPPORTED a later version. A file without
 * the attribute may be of that format. */
evoke_status evk_labels_format(evk_h5 *f, const char *format, evoke_error *err);
/* 1 to `most` names [n], none empty, all different: as evk_h5_read_strings gives them. */
evoke_status evk_labels_names(evk_h5 *f, const char *dataset, size_t most, char ***names, size_t *n, evoke_error *err);
/* /layers [n_layer], or 0, 1, 2... where there is none; none negative, all different. The caller's. */
evoke_status evk_labels_layers(evk_h5 *f, size_t n_layer, int32_t **layers, evoke_error *err);
/* The known sites among the members of a group, in order of evoke_site. The caller's. */
evoke_status evk_labels_sites(evk_h5 *f, const char *group, evoke_site **sites, size_t *n, evoke_error *err);
/* A copy of an attribute of "/"; "" where missing. NULL: no memory. */
char *evk_labels_attribute(evk_h5 *f, const char *name);
/* All different and none empty? */
bool evk_labels_differ(const char *const *names, size_t n);

#endif
