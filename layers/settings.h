/* layers/settings.h: settings of a model by name, wherever they stand.
 *
 * A setting has a name in GGUF metadata (without the architecture before it) and one in config.json; either may be NULL.
 * A null of JSON counts as missing. Every error names the setting as the file spells it. */
#ifndef EVK_SETTINGS_H
#define EVK_SETTINGS_H

#include "core/files/weights.h"

enum { EVK_MAX_WIDTH = 1 << 20 };
#define EVK_MAX_CONTEXT ((size_t)1 << 31)

typedef struct evk_reader {
    const evoke_weights *w;
    const json_t *json;         /* NULL: GGUF */
    const char *arch;           /* before every name of GGUF metadata */
    const char *const *renamed; /* pairs: common name, this family's name in config.json; NULL-terminated; NULL: none */
    const struct evk_family *family;    /* NULL: an encoder's file */
    const char *inside;         /* json is the object of this name in config.json: its names are nobody's own; NULL: it is all */
    evoke_error *err;
} evk_reader;

/* Whether it is there and no null. */
bool evk_has_setting(const evk_reader *r, const char *gguf, const char *hf);
/* A whole number in [1, most]; `missing` where it is not there (0: it must be). */
evoke_status evk_read_size(const evk_reader *r, const char *gguf, const char *hf, size_t most, size_t missing, size_t *out);
/* A positive number that a float can hold; `missing` where it is not there (NAN: it must be). */
evoke_status evk_read_number(const evk_reader *r, const char *gguf, const char *hf, double missing, double *out);
evoke_status evk_read_flag(const evk_reader *r, const char *gguf, const char *hf, bool missing, bool *out);
/* The value of a key of config.json by its common name; NULL: missing, or GGUF. A null is a value. */
const json_t *evk_read_json(const evk_reader *r, const char *hf);
/* 0 where the key is null, `missing` where it is not there: a soft cap, a window. */
evoke_status evk_read_or_off(const evk_reader *r, const char *gguf, const char *hf, double missing, double *out);
/* The same for a whole number. */
evoke_status evk_read_count_or_off(const evk_reader *r, const char *gguf, const char *hf, size_t missing, size_t *out);

evoke_status evk_bad_setting(const evk_reader *r, const char *name, const char *why);
evoke_status evk_refuse(const evk_reader *r, const char *name, const json_t *value);
/* A flag of config.json by Python's rules: null, false, 0 and "" are off. */
bool evk_key_is_on(const evoke_weights *w, const char *key, bool missing);
/* Refuses a flag of config.json with a value other than the one that is done here. */
evoke_status evk_only(const evk_reader *r, const char *hf, bool done);
/* null, false, 0, "", [] and {} switch nothing on. */
bool evk_is_off(const json_t *v);
/* What the family calls a setting of config.json. */
const char *evk_own_name(const evk_reader *r, const char *hf);
/* Of a list that ends in NULL; a NULL list holds nothing. */
bool evk_in_list(const char *const *list, const char *name);

#endif
