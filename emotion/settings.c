/* emotion/settings.c: the two settings of the paper, a query asked neutrally and in an emotional state, as a file that anyone
 * can write:  {"system": null, "settings": {"neutral": "{query}", "emotion": "... {emotion} ... {query}"}}
 *
 * "raw": true runs the text of a setting as it is, without the model's chat template: for texts that are no queries.
 *
 * The wording matters, the more the smaller the model: that of the default was chosen on SmolLM2-135M among three. */
#include "emotion/settings.h"

#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/text.h"

enum { MAX_SETTINGS = 1000 };

struct evoke_settings {
    char *system;               /* NULL: none */
    bool raw;
    char **names, **templates;  /* [n] */
    size_t n;
};

static const char *const default_names[] = { "neutral", "emotion" };
static const char *const default_templates[] = {
    "{query}",
    "Write what a person full of {emotion} would say. Use strong words of {emotion}.\n\n{query}",
};

/* ---- templates ---- */
/* Length of the field at text ("{query}": 7), or 0 where there is none. */
static size_t field_length(const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    if (text[0] != '{')
        return 0;
    const size_t n = strspn(text + 1, letters);
    return n > 0 && text[1 + n] == '}' ? n + 2 : 0;
}

static bool is(const char *text, size_t n, const char *name)
{
    return n == strlen(name) && memcmp(text, name, n) == 0;
}

static evoke_status check_template(const char *name, const char *text, const char *path, evoke_error *err)
{
    size_t n_query = 0;
    for (const char *at = text; *at; at++) {
        const size_t n = field_length(at);
        if (is(at, n, "{query}"))
            n_query++;
        else if (n > 0 && !is(at, n, "{emotion}"))
            return evk_fail(err, EVOKE_EFORMAT, "read settings: %.*s in '%s' is neither {query} nor {emotion} (%s)",
                            (int)(n < 60 ? n : 60), at, name, path);
    }
    return n_query == 1 ? EVOKE_OK
         : evk_fail(err, EVOKE_EFORMAT, "read settings: '%s' should have {query} once, it has it %zu times (%s)", name, n_query,
                    path);
}

evoke_status evk_settings_expand(const evoke_settings *s, size_t i, const char *query, const char *emotion,
                                 evoke_text *out, size_t *begin, size_t *end, evoke_error *err)
{
    evk_buffer b = {0};
    evoke_status st = EVOKE_OK;
    *out = (evoke_text){0};
    if (i >= s->n)
        return evk_fail(err, EVOKE_EARG, "ask a query: no setting %zu", i);
    for (const char *at = s->templates[i]; *at && st == EVOKE_OK;) {
        const size_t n = field_length(at), plain = n ? 0 : 1 + strcspn(at + 1, "{");
        if (is(at, n, "{query}")) {
            *begin = b.n;
            st = evk_buffer_add(&b, query, strlen(query), err);
            *end = b.n;
        } else if (n > 0 && !emotion) {
            st = evk_fail(err, EVOKE_EDATA, "ask a query: setting '%s' names an emotion, the query has none (%.60s)",
                          s->names[i], query);
        } else {
            st = n > 0 ? evk_buffer_add(&b, emotion, strlen(emotion), err) : evk_buffer_add(&b, at, plain, err);
        }
        at += n + plain;
    }
    if (st == EVOKE_OK)
        st = evk_buffer_take(&b, out, err);
    evk_buffer_free(&b);
    return st;
}

/* ---- making ---- */
static evoke_status new_settings(size_t n, evoke_settings **out, evoke_error *err)
{
    EVK_TRY(evk_alloc(out, 1, sizeof **out, "read settings", err));
    evoke_status st = evk_alloc(&(*out)->names, n, sizeof *(*out)->names, "read settings", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&(*out)->templates, n, sizeof *(*out)->templates, "read settings", err);
    return st;
}

static evoke_status add_setting(evoke_settings *s, const char *name, const char *text, const char *path, evoke_error *err)
{
    EVK_TRY(check_template(name, text, path, err));
    const size_t i = s->n++;
    s->names[i] = strdup(name);
    s->templates[i] = strdup(text);
    return s->names[i] && s->templates[i] ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "read settings: no memory (%s)", path);
}

static evoke_status read_settings(const json_t *file, const char *path, evoke_settings **out, evoke_error *err)
{
    json_t *settings = json_object_get(file, "settings"), *value;
    const json_t *system = json_object_get(file, "system"), *raw = json_object_get(file, "raw");
    const char *name;
    if (!json_is_object(settings) || json_object_size(settings) < 1 || json_object_size(settings) > MAX_SETTINGS)
        return evk_fail(err, EVOKE_EFORMAT, "read settings: no object \"settings\" of name to text (%s)", path);
    if (system && !json_is_null(system) && !json_is_string(system))
        return evk_fail(err, EVOKE_EFORMAT, "read settings: \"system\" is neither a text nor null (%s)", path);
    if (raw && !json_is_boolean(raw))
        return evk_fail(err, EVOKE_EFORMAT, "read settings: \"raw\" is neither true nor false (%s)", path);
    if (json_is_true(raw) && json_is_string(system))
        return evk_fail(err, EVOKE_EFORMAT, "read settings: \"raw\" texts have no system message (%s)", path);
    EVK_TRY(new_settings(json_object_size(settings), out, err));
    (*out)->raw = json_is_true(raw);
    if (json_is_string(system) && !((*out)->system = strdup(json_string_value(system))))
        return evk_fail(err, EVOKE_ENOMEM, "read settings: no memory (%s)", path);
    json_object_foreach(settings, name, value) {
        if (!name[0] || !json_is_string(value))
            return evk_fail(err, EVOKE_EFORMAT, "read settings: '%s' is not a name with a text (%s)", name, path);
        EVK_TRY(add_setting(*out, name, json_string_value(value), path, err));
    }
    return EVOKE_OK;
}

evoke_status evoke_settings_open(const char *path, evoke_settings **out, evoke_error *err)
{
    json_t *file = NULL;
    *out = NULL;
    EVK_TRY(evk_json_load(path, &file, err));
    const evoke_status st = read_settings(file, path, out, err);
    json_decref(file);
    if (st != EVOKE_OK) {
        evoke_settings_free(*out);
        *out = NULL;
    }
    return st;
}

evoke_status evoke_settings_default(evoke_settings **out, evoke_error *err)
{
    const size_t n = sizeof default_names / sizeof *default_names;
    *out = NULL;
    evoke_status st = new_settings(n, out, err);
    for (size_t i = 0; i < n && st == EVOKE_OK; i++)
        st = add_setting(*out, default_names[i], default_templates[i], "built in", err);
    if (st != EVOKE_OK) {
        evoke_settings_free(*out);
        *out = NULL;
    }
    return st;
}

void evoke_settings_free(evoke_settings *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        free(s->names[i]);
        free(s->templates[i]);
    }
    free(s->names);
    free(s->templates);
    free(s->system);
    free(s);
}

/* ---- contents ---- */
size_t evoke_settings_count(const evoke_settings *s)
{
    return s->n;
}

const char *evoke_settings_name(const evoke_settings *s, size_t i)
{
    return i < s->n ? s->names[i] : NULL;
}

const char *evk_settings_template(const evoke_settings *s, size_t i)
{
    return i < s->n ? s->templates[i] : NULL;
}

const char *evoke_settings_system(const evoke_settings *s)
{
    return s->system;
}

bool evoke_settings_raw(const evoke_settings *s)
{
    return s->raw;
}

evoke_status evoke_settings_ask(const evoke_settings *s, const char *setting, const char *query, const char *emotion,
                                evoke_text *turn, evoke_error *err)
{
    size_t i = 0, begin = 0, end = 0;
    *turn = (evoke_text){0};
    while (i < s->n && strcmp(s->names[i], setting) != 0)
        i++;
    return i < s->n ? evk_settings_expand(s, i, query, emotion, turn, &begin, &end, err)
                    : evk_fail(err, EVOKE_EDATA, "ask a query: no setting is called '%s'", setting);
}
