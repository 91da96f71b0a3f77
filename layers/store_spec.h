/* layers/store_spec.h: what a store says of its extraction, between store_create.c and store_write.c. */
#ifndef EVK_STORE_SPEC_H
#define EVK_STORE_SPEC_H

#include "core/files/hdf5.h"
#include "layers/store.h"

/* Errors: EVOKE_EARG the spec contradicts itself. */
evoke_status evk_store_spec_check(const evk_store_spec *spec, evoke_error *err);
/* Rows that prompt i of [N * S] begins at, i = N * S: all rows. *starts [N * S + 1] is the caller's. */
evoke_status evk_store_spec_rows(const evk_store_spec *spec, size_t **starts, evoke_error *err);
/* The whole file, with nothing done, for evk_h5_commit to give it the name `path`. */
evoke_status evk_store_create(const char *path, const evk_store_spec *spec, const size_t *starts, evk_h5 **out, evoke_error *err);
/* Errors: EVOKE_EDATA the file is another extraction's, the first difference in the text. */
evoke_status evk_store_compare(evk_h5 *f, const evk_store_spec *spec, const size_t *starts, evoke_error *err);

#endif
