/* core/files/safetensors.h: one file of safetensors. */
#ifndef EVK_SAFETENSORS_H
#define EVK_SAFETENSORS_H

#include <jansson.h>

#include "core/files/mapped.h"
#include "core/files/tensor_list.h"

/* Adds the file's tensors to the list, which is not yet indexed. What was added stays with the caller on failure. */
evoke_status evk_safetensors_read(const evk_mapped *file, evk_tensor_list *tensors, evoke_error *err);
/* The object __metadata__, key -> string, of a file that evk_safetensors_read has accepted; NULL: it has none. The caller's
 * reference. */
evoke_status evk_safetensors_metadata(const evk_mapped *file, json_t **out, evoke_error *err);

#endif
