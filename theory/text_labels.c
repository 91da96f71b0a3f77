#include "theory/text_labels.h"

#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "layers/labels.h"
#include "layers/store.h"

static const char *const what = "read labels";

typedef struct reading {
    evoke_labels *labels;
    const char *path, *key;
    json_t *rows;               /* the file's values */
    json_t *places;             /* id -> index of its value */
    size_t row;                 /* at hand */
} reading;

static evoke_status fail_here(const reading *r, const char *why, evoke_error *err)
{
    return evk_fail(err, EVOKE_EFORMAT, "%s: %s (%s, entry %zu)", what, why, r->path, r->row + 1);
}

static evoke_status find_name(reading *r, const char *name, size_t *index, evoke_error *err)
{
    evoke_labels *l = r->labels;
    uint8_t *has = NULL;
    char **names = NULL;
    if (evk_text_labels_find(l, name, index))
        return EVOKE_OK;
    if (!name[0])
        return fail_here(r, "a label without a name", err);
    if (l->n_name >= EVK_MAX_EMOTIONS)
        return fail_here(r, "more than 1000 labels", err);
    if ((names = realloc(l->names, (l->n_name + 1) * sizeof *names)))
        l->names = names;
    if ((has = realloc(l->has, (l->n_name + 1) * l->n_text)))
        l->has = has;
    char *copy = strdup(name);
    if (!names || !has || !copy) {
        free(copy);
        return evk_fail(err, EVOKE_ENOMEM, "%s: no memory (%s)", what, r->path);
    }
    memset(l->has + l->n_name * l->n_text, 0, l->n_text);
    *index = l->n_name;
    l->names[l->n_name++] = copy;
    return EVOKE_OK;
}

static evoke_status add_label(reading *r, size_t text, const json_t *label, evoke_error *err)
{
    size_t index = 0;
    if (!json_is_string(label))
        return fail_here(r, "a label that is no text", err);
    EVK_TRY(find_name(r, json_string_value(label), &index, err));
    r->labels->has[index * r->labels->n_text + text] = 1;
    return EVOKE_OK;
}

/* The labels of one text: a text, or a list of some. */
static evoke_status add_text(reading *r, size_t text, const json_t *value, evoke_error *err)
{
    if (!json_is_array(value))
        return add_label(r, text, value, err);
    for (size_t i = 0; i < json_array_size(value); i++)
        EVK_TRY(add_label(r, text, json_array_get(value, i), err));
    return EVOKE_OK;
}

/* id -> place in the file. */
static evoke_status index_rows(reading *r, evoke_error *err)
{
    char number[32];
    if (!json_is_array(r->rows))
        return evk_fail(err, EVOKE_EFORMAT, "%s: no JSON Lines or list of objects (%s)", what, r->path);
    for (r->row = 0; r->row < json_array_size(r->rows); r->row++) {
        const json_t *id = json_object_get(json_array_get(r->rows, r->row), "id");
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(id));
        const char *name = json_is_integer(id) ? number : json_string_value(id);
        if (!name)
            return fail_here(r, "no object with an \"id\"", err);
        if (json_object_get(r->places, name))
            return fail_here(r, "an id that is there twice", err);
        if (json_object_set_new(r->places, name, json_integer((json_int_t)r->row)) != 0)
            return evk_fail(err, EVOKE_ENOMEM, "%s: no memory (%s)", what, r->path);
    }
    return EVOKE_OK;
}

static evoke_status match(reading *r, const evoke_store *s, evoke_error *err)
{
    for (size_t q = 0; q < r->labels->n_text; q++) {
        const char *id = evk_store_query_id(s, q);
        const json_t *place = id ? json_object_get(r->places, id) : NULL;
        if (!place)
            return evk_fail(err, EVOKE_EDATA, "%s: text '%s' of the store %s is not among them (%s)", what,
                            id ? id : "without an id", evk_store_path(s), r->path);
        r->row = (size_t)json_integer_value(place);
        const json_t *value = json_object_get(json_array_get(r->rows, r->row), r->key);
        if (!value)
            return evk_fail(err, EVOKE_EFORMAT, "%s: no \"%.80s\" (%s, entry %zu)", what, r->key, r->path, r->row + 1);
        EVK_TRY(add_text(r, q, value, err));
    }
    return EVOKE_OK;
}

static evoke_status new_labels(size_t n_text, evoke_labels **out, evoke_error *err)
{
    EVK_TRY(evk_alloc(out, 1, sizeof **out, what, err));
    (*out)->n_text = n_text;
    return EVOKE_OK;
}

evoke_status evoke_labels_open(const char *path, const char *key, const evoke_store *s, evoke_labels **out, evoke_error *err)
{
    reading r = { .path = path, .key = key, .places = json_object() };
    *out = NULL;
    evoke_status st = r.places ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "%s: no memory (%s)", what, path);
    if (st == EVOKE_OK)
        st = new_labels(evoke_store_describe(s)->n_query, &r.labels, err);
    if (st == EVOKE_OK)
        st = evk_json_load_any(path, &r.rows, NULL, err);
    if (st == EVOKE_OK)
        st = index_rows(&r, err);
    if (st == EVOKE_OK)
        st = match(&r, s, err);
    json_decref(r.rows);
    json_decref(r.places);
    if (st == EVOKE_OK)
        *out = r.labels;
    else
        evoke_labels_free(r.labels);
    return st;
}

evoke_status evoke_labels_of_store(const evoke_store *s, evoke_labels **out, evoke_error *err)
{
    const evoke_store_info *info = evoke_store_describe(s);
    reading r = { .path = evk_store_path(s) };
    *out = NULL;
    if (info->n_emotion == 0)
        return evk_fail(err, EVOKE_EDATA, "%s: the texts of this store have none (%s)", what, r.path);
    evoke_status st = new_labels(info->n_query, &r.labels, err);
    for (size_t e = 0, index = 0; e < info->n_emotion && st == EVOKE_OK; e++)
        st = find_name(&r, evoke_store_emotion(s, e), &index, err);
    for (size_t q = 0; q < info->n_query && st == EVOKE_OK; q++)
        if (evk_store_emotion_of(s, q) < info->n_emotion)
            r.labels->has[evk_store_emotion_of(s, q) * info->n_query + q] = 1;
    if (st == EVOKE_OK)
        *out = r.labels;
    else
        evoke_labels_free(r.labels);
    return st;
}

void evoke_labels_free(evoke_labels *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n_name; i++)
        free(l->names[i]);
    free(l->names);
    free(l->has);
    free(l);
}

bool evk_text_labels_find(const evoke_labels *l, const char *name, size_t *index)
{
    for (*index = 0; *index < l->n_name; (*index)++)
        if (strcmp(l->names[*index], name) == 0)
            return true;
    return false;
}
