/* core/files/hf_folder.h: a Hugging Face folder: config.json and the safetensors beside it. */
#ifndef EVK_HF_FOLDER_H
#define EVK_HF_FOLDER_H

#include <jansson.h>

#include "core/files/mapped.h"
#include "core/files/tensor_list.h"

/* Reads config.json, and model.safetensors or else the shards that model.safetensors.index.json names. files are in
 * order of their names; tensors are indexed. What was read stays with the caller, also on failure. */
evoke_status evk_hf_folder_read(const char *dir, json_t **config, evk_mapped_set *files, evk_tensor_list *tensors,
                                evoke_error *err);

#endif
