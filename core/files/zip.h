/* core/files/zip.h: ZIP archives in memory, by libzip: the containers of .npz, .pt and .brainpatch files. */
#ifndef EVK_ZIP_H
#define EVK_ZIP_H

#include "core/files/mapped.h"
#include "core/text.h"

typedef struct evk_zip evk_zip;

bool evk_is_zip(const evk_mapped *file);
/* The file must outlive it. Errors: EVOKE_EFORMAT no archive, damaged, or two entries have one name. */
evoke_status evk_zip_open(const evk_mapped *file, evk_zip **out, evoke_error *err);
void evk_zip_free(evk_zip *z);
size_t evk_zip_count(const evk_zip *z);
const char *evk_zip_name(const evk_zip *z, size_t i);       /* borrowed; NULL past the end */
bool evk_zip_has(const evk_zip *z, const char *name);
/* A whole entry, its checksum checked. Memory is asked for only after the size that it claims was held against `most` and what
 * its compressed bytes can hold. Errors: EVOKE_EFORMAT none of that name, too large, damaged, encrypted. */
evoke_status evk_zip_read(const evk_zip *z, const char *name, size_t most, evoke_text *out, evoke_error *err);

/* An archive of entries as they are, uncompressed, with no times: the same contents give the same bytes. */
typedef struct evk_zip_entry { const char *name; const void *data; size_t n; } evk_zip_entry;
evoke_status evk_zip_pack(const evk_zip_entry *entries, size_t n, evk_buffer *out, evoke_error *err);

#endif
