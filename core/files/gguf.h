/* core/files/gguf.h: GGUF files, versions 2 and 3, little-endian, in one part or split. */
#ifndef EVK_GGUF_H
#define EVK_GGUF_H

#include "core/files/mapped.h"
#include "core/files/metadata.h"
#include "core/files/tensor_list.h"

bool evk_is_gguf(const evk_mapped *file);
/* Reads files->items[0], and maps and reads the other parts where it says that it is split. meta is the first part's,
 * indexed; tensors are of all parts, not yet indexed. What was read stays with the caller, also on failure. */
evoke_status evk_gguf_read(evk_mapped_set *files, evk_meta_table *meta, evk_tensor_list *tensors, evoke_error *err);

#endif
