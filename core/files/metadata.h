/* core/files/metadata.h: GGUF's typed key-values, checked when read and looked up by key. */
#ifndef EVK_METADATA_H
#define EVK_METADATA_H

#include "core/status.h"

/* GGUF's own numbers. */
typedef enum evk_meta_type {
    EVK_META_U8, EVK_META_I8, EVK_META_U16, EVK_META_I16, EVK_META_U32, EVK_META_I32, EVK_META_F32, EVK_META_BOOL,
    EVK_META_STRING, EVK_META_ARRAY, EVK_META_U64, EVK_META_I64, EVK_META_F64, EVK_N_META
} evk_meta_type;

typedef struct evk_meta {
    char *key;
    evk_meta_type type, element;    /* element: of an array; otherwise the same as type */
    size_t n;                       /* elements of an array; 1 otherwise */
    const unsigned char *data;      /* the first element, in the map */
    char *text;                     /* a string: NUL-terminated copy */
    size_t *starts;                 /* [n] an array of strings: where the length of each lies, from data */
} evk_meta;

/* Zero-initialise. */
typedef struct evk_meta_table {
    evk_meta *items;                /* [n] in the order of the file */
    size_t n;
    const evk_meta **by_key;        /* [n] after evk_meta_index */
} evk_meta_table;

size_t evk_meta_type_bytes(evk_meta_type type);         /* 0: string, array */
/* Sorts the index. Errors: EVOKE_EFORMAT two entries have one key. */
evoke_status evk_meta_index(evk_meta_table *table, const char *where, evoke_error *err);
const evk_meta *evk_meta_lookup(const evk_meta_table *table, const char *key);
void evk_meta_table_free(evk_meta_table *table);

/* Element i < n as a number. false: of another kind, or it does not fit. */
bool evk_meta_element_u64(const evk_meta *m, size_t i, uint64_t *out);
bool evk_meta_element_f64(const evk_meta *m, size_t i, double *out);
bool evk_meta_element_string(const evk_meta *m, size_t i, const char **text, size_t *n_bytes);
/* A scalar: false also where m is NULL or an array. */
bool evk_meta_scalar_u64(const evk_meta *m, uint64_t *out);

/* A short line about the value, without control characters: "u32 32", "string[49152]". */
evoke_status evk_meta_render(const evk_meta *m, evoke_text *out, evoke_error *err);
/* A string's first 60 bytes or so, quoted; whatever is not printable UTF-8 is escaped. */
evoke_status evk_render_string(const char *text, size_t n, evoke_text *out, evoke_error *err);

#endif
