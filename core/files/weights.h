/* core/files/weights.h: one view of weights, whether they lie in a GGUF file or in a Hugging Face folder.
 *
 * Opening maps the file and checks every count, offset and size in it; no weight is read or copied. The public name of
 * the type is evoke_weights. */
#ifndef EVK_WEIGHTS_H
#define EVK_WEIGHTS_H

#include <jansson.h>

#include "core/files/metadata.h"
#include "core/tensor.h"

typedef enum evk_container { EVK_GGUF, EVK_SAFETENSORS } evk_container;

evk_container evk_weights_container(const evoke_weights *w);
/* As it was opened; for the config.json of a folder, the folder. A lone .safetensors file opens too, without a config. */
const char *evk_weights_path(const evoke_weights *w);
/* NULL: there is none of that name. O(log n). A tensor of a type that this version does not know (EVK_OTHER_TYPE) is
 * listed with its shape, its data is NULL. */
const evk_tensor *evk_weights_find(const evoke_weights *w, const char *name);
const evk_tensor *evk_weights_at(const evoke_weights *w, size_t i);
/* What the file calls the type of one of w's tensors, known or not: "Q4_K", "NVFP4 (40)", "F8_E4M3". */
const char *evk_weights_type(const evk_tensor *of_w);
/* The folder's config.json, borrowed; NULL for GGUF and for a lone .safetensors file. */
const json_t *evk_weights_config(const evoke_weights *w);
/* The files that hold tensors, in order of their names; NULL past the end. */
const char *evk_weights_file(const evoke_weights *w, size_t i);

/* What the file calls its architecture: general.architecture, or model_type of config.json; NULL: nothing. */
const char *evk_weights_architecture(const evoke_weights *w);
/* The model's name: general.name, or the last part of the path; the caller's. */
evoke_status evk_weights_name(const evoke_weights *w, char **out, evoke_error *err);
/* SHA-256 of the files that hold tensors, in order of their names. Reads them. */
evoke_status evk_weights_sha256(const evoke_weights *w, char hex[65], evoke_error *err);

/* GGUF metadata, borrowed. A getter returns false where the key is missing or of another kind; `has` tells these apart.
 * Integers of any width (and bools for u64) are widened where they fit; f64 takes f32, f64 and integers. */
bool evk_meta_has(const evoke_weights *w, const char *key);
bool evk_meta_u64(const evoke_weights *w, const char *key, uint64_t *out);
bool evk_meta_f64(const evoke_weights *w, const char *key, double *out);
bool evk_meta_bool(const evoke_weights *w, const char *key, bool *out);
/* Not NUL-terminated in the file: a copy, made at open, that is (a string with a NUL inside is refused at open). */
const char *evk_meta_string(const evoke_weights *w, const char *key);
/* An array, whose elements metadata.h reads; NULL: none. */
const evk_meta *evk_meta_array(const evoke_weights *w, const char *key);

#endif
