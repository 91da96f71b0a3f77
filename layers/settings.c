#include "layers/settings.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool evk_in_list(const char *const *list, const char *name)
{
    for (size_t i = 0; list && list[i]; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

bool evk_is_off(const json_t *v)
{
    return json_is_null(v) || json_is_false(v) || (json_is_number(v) && json_number_value(v) == 0) ||
           (json_is_string(v) && json_string_length(v) == 0) || (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0);
}

bool evk_key_is_on(const evoke_weights *w, const char *key, bool missing)
{
    const json_t *v = json_object_get(evk_weights_config(w), key);
    return v ? !evk_is_off(v) : missing;
}

evoke_status evk_bad_setting(const evk_reader *r, const char *name, const char *why)
{
    return evk_fail(r->err, EVOKE_EFORMAT, "read config: '%s%s%s' %s (%s)", r->inside ? r->inside : "", r->inside ? "." : "", name,
                    why, evk_weights_path(r->w));
}

evoke_status evk_refuse(const evk_reader *r, const char *name, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    evk_fail(r->err, EVOKE_EUNSUPPORTED, "read config: '%s%s%.64s' = %.80s is not known to this version and may change the "
             "result (%s)", r->inside ? r->inside : "", r->inside ? "." : "", name, text ? text : "?", evk_weights_path(r->w));
    free(text);
    return EVOKE_EUNSUPPORTED;
}

const char *evk_own_name(const evk_reader *r, const char *hf)
{
    for (size_t i = 0; !r->inside && r->renamed && r->renamed[i]; i += 2)
        if (strcmp(r->renamed[i], hf) == 0)
            return r->renamed[i + 1];
    return hf;
}

/* The setting by the family's own name for it, or else by the common one. */
static const json_t *find_json(const evk_reader *r, const char *hf, const char **name)
{
    *name = hf ? evk_own_name(r, hf) : "?";
    const json_t *v = hf ? json_object_get(r->json, *name) : NULL;
    if (v || !hf || *name == hf)
        return v;
    v = json_object_get(r->json, hf);
    *name = v ? hf : *name;
    return v;
}

const json_t *evk_read_json(const evk_reader *r, const char *hf)
{
    const char *name;
    return r->json ? find_json(r, hf, &name) : NULL;
}

/* A setting as the file has it. */
typedef struct setting { char name[128]; const json_t *json; bool there; } setting;

static setting look(const evk_reader *r, const char *gguf, const char *hf)
{
    setting s = { "", NULL, false };
    const char *name = NULL;
    if (r->json) {
        s.json = find_json(r, hf, &name);
        snprintf(s.name, sizeof s.name, "%s", name);
        s.there = s.json && !json_is_null(s.json);
    } else {
        snprintf(s.name, sizeof s.name, "%.60s.%s", r->arch, gguf ? gguf : "?");
        s.there = gguf && evk_meta_has(r->w, s.name);
    }
    return s;
}

bool evk_has_setting(const evk_reader *r, const char *gguf, const char *hf)
{
    return look(r, gguf, hf).there;
}

evoke_status evk_read_size(const evk_reader *r, const char *gguf, const char *hf, size_t most, size_t missing, size_t *out)
{
    const setting s = look(r, gguf, hf);
    uint64_t value = 0;
    if (!s.there && missing) {
        *out = missing;
        return EVOKE_OK;
    }
    if (!s.there)
        return evk_bad_setting(r, s.name, "is missing");
    bool ok;
    if (r->json) {
        ok = json_is_integer(s.json) && json_integer_value(s.json) > 0;
        value = ok ? (uint64_t)json_integer_value(s.json) : 0;
    } else {
        ok = evk_meta_u64(r->w, s.name, &value);
    }
    if (!ok || value == 0 || value > most)
        return evk_bad_setting(r, s.name, "is not a whole number in range");
    *out = (size_t)value;
    return EVOKE_OK;
}

/* A number that is there. */
static bool number_of(const evk_reader *r, const setting *s, double *out)
{
    if (!r->json)
        return evk_meta_f64(r->w, s->name, out) && isfinite(*out);
    *out = json_number_value(s->json);
    return json_is_number(s->json) && isfinite(*out);
}

evoke_status evk_read_number(const evk_reader *r, const char *gguf, const char *hf, double missing, double *out)
{
    const setting s = look(r, gguf, hf);
    double value = 0;
    if (!s.there && !isnan(missing)) {
        *out = missing;
        return EVOKE_OK;
    }
    if (!s.there)
        return evk_bad_setting(r, s.name, "is missing");
    if (!number_of(r, &s, &value) || value < FLT_MIN || value > FLT_MAX)
        return evk_bad_setting(r, s.name, "is not a positive number in range");
    *out = value;
    return EVOKE_OK;
}

evoke_status evk_read_or_off(const evk_reader *r, const char *gguf, const char *hf, double missing, double *out)
{
    const setting s = look(r, gguf, hf);
    double value = 0;
    *out = s.json ? 0 : missing;
    if (!s.there)
        return EVOKE_OK;
    if (!number_of(r, &s, &value) || (value != 0 && value < FLT_MIN) || value > (double)EVK_MAX_CONTEXT)
        return evk_bad_setting(r, s.name, "is neither off nor a positive number in range");
    *out = value;
    return EVOKE_OK;
}

evoke_status evk_read_count_or_off(const evk_reader *r, const char *gguf, const char *hf, size_t missing, size_t *out)
{
    double value = 0;
    EVK_TRY(evk_read_or_off(r, gguf, hf, (double)missing, &value));
    if (value != floor(value))
        return evk_bad_setting(r, look(r, gguf, hf).name, "is not a whole number");
    *out = (size_t)value;
    return EVOKE_OK;
}

evoke_status evk_read_flag(const evk_reader *r, const char *gguf, const char *hf, bool missing, bool *out)
{
    const setting s = look(r, gguf, hf);
    *out = missing;
    if (!s.there)
        return EVOKE_OK;
    if (r->json ? !json_is_boolean(s.json) : !evk_meta_bool(r->w, s.name, out))
        return evk_bad_setting(r, s.name, "is neither true nor false");
    if (r->json)
        *out = json_is_true(s.json);
    return EVOKE_OK;
}

evoke_status evk_only(const evk_reader *r, const char *hf, bool done)
{
    const json_t *v = evk_read_json(r, hf);
    return v && !json_is_null(v) && (!json_is_boolean(v) || json_is_true(v) != done) ? evk_refuse(r, evk_own_name(r, hf), v) : EVOKE_OK;
}
