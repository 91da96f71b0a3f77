/* layers/store_choice.h: which part of a store is meant, as indices: between store_choice.c, store_select.c and store_table.c. */
#ifndef EVK_STORE_CHOICE_H
#define EVK_STORE_CHOICE_H

#include "layers/store_data.h"

typedef struct evk_selection {
    evoke_store *s;
    size_t *queries, *settings, *layers, n_query, n_setting, n_layer;   /* indices */
    bool site[EVOKE_N_SITE], span[EVOKE_N_SPAN];                        /* those that are kept */
} evk_selection;
/* Free whatever it returns. Errors: EVOKE_EDATA an emotion, setting, layer, id, site or span that is not held; no query is of all
 * that is asked for. */
evoke_status evk_selection_make(evoke_store *s, const evoke_store_choice *c, evk_selection *out, evoke_error *err);
void evk_selection_free(evk_selection *q);
bool evk_is_listed(const char *name, const char *const *list, size_t n);
/* The kept layers of the kept settings of kept query i: out [n_setting, n_layer, D]; all [S, L, D] is scratch. */
evoke_status evk_selection_read(const evk_selection *q, evoke_site site, evoke_span span, size_t i, float *all, float *out,
                                evoke_error *err);

#endif
