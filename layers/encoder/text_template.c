#include "layers/encoder/text_template.h"

#include <string.h>

enum { DEEPEST = 8 };

evoke_status evk_text_template_add(evk_text_template *t, int32_t id, int32_t type, evoke_error *err)
{
    if (t->n == EVK_TEMPLATE_MOST)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "read post_processor: it puts more than %d pieces around a text",
                        EVK_TEMPLATE_MOST);
    t->pieces[t->n++] = (evk_text_piece){ id, type };
    t->n_special += id >= 0;
    return EVOKE_OK;
}

static evoke_status bad(const char *what, const char *where, evoke_error *err)
{
    return evk_fail(err, EVOKE_EFORMAT, "read post_processor: %s (%s)", what, where);
}

static bool read_id(const json_t *v, int32_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > INT32_MAX)
        return false;
    *out = (int32_t)json_integer_value(v);
    return true;
}

/* ---- TemplateProcessing ---- */

static evoke_status add_item(const json_t *item, const json_t *tokens, const char *where, evk_text_template *t, evoke_error *err)
{
    const json_t *text = json_object_get(item, "Sequence"), *token = json_object_get(item, "SpecialToken");
    const json_t *own = text ? text : token;
    const char *name = json_string_value(json_object_get(own, "id"));
    int32_t type = 0, id = 0;
    if (!name || !read_id(json_object_get(own, "type_id"), &type))
        return bad("a piece without id or type_id", where, err);
    if (text && (strcmp(name, "A") == 0 || strcmp(name, "B") == 0))
        return evk_text_template_add(t, *name == 'A' ? EVK_TEXT_A : EVK_TEXT_B, type, err);
    const json_t *ids = json_object_get(json_object_get(tokens, name), "ids");
    if (text || json_array_size(ids) == 0)
        return bad("it names a token that it does not define", where, err);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        if (!read_id(json_array_get(ids, i), &id))
            return bad("a token's id is no id", where, err);
        EVK_TRY(evk_text_template_add(t, id, type, err));
    }
    return EVOKE_OK;
}

static evoke_status read_items(const json_t *items, const json_t *tokens, const char *where, evk_text_template *t,
                               evoke_error *err)
{
    *t = (evk_text_template){ .n = 0 };
    if (!json_is_array(items))
        return bad("a template is no list", where, err);
    for (size_t i = 0; i < json_array_size(items); i++)
        EVK_TRY(add_item(json_array_get(items, i), tokens, where, t, err));
    return EVOKE_OK;
}

/* ---- BertProcessing: cls A sep, cls A sep B:1 sep:1; RobertaProcessing: cls A sep, cls A sep sep B sep, all of type 0 ---- */

static evoke_status read_fixed(const json_t *step, bool doubled, const char *where, evk_text_template *single,
                               evk_text_template *pair, evoke_error *err)
{
    int32_t cls = 0, sep = 0;
    const int32_t type = doubled ? 0 : 1;
    if (!read_id(json_array_get(json_object_get(step, "cls"), 1), &cls) ||
        !read_id(json_array_get(json_object_get(step, "sep"), 1), &sep))
        return bad("cls or sep has no id", where, err);
    const evk_text_piece one[] = { { cls, 0 }, { EVK_TEXT_A, 0 }, { sep, 0 } }, two[] = { { EVK_TEXT_B, type }, { sep, type } };
    *single = (evk_text_template){ .n = 0 };
    for (size_t i = 0; i < 3; i++)
        EVK_TRY(evk_text_template_add(single, one[i].id, one[i].type, err));
    *pair = *single;
    if (doubled)
        EVK_TRY(evk_text_template_add(pair, sep, 0, err));
    for (size_t i = 0; i < 2; i++)
        EVK_TRY(evk_text_template_add(pair, two[i].id, two[i].type, err));
    return EVOKE_OK;
}

static evoke_status read_step(const json_t *step, int depth, const char *where, evk_text_template *single,
                              evk_text_template *pair, evoke_error *err)
{
    const char *type = json_string_value(json_object_get(step, "type"));
    const json_t *parts = json_object_get(step, "processors"), *tokens = json_object_get(step, "special_tokens");
    if (!step || json_is_null(step) || (type && strcmp(type, "ByteLevel") == 0))    /* ByteLevel only trims offsets */
        return EVOKE_OK;
    if (type && strcmp(type, "TemplateProcessing") == 0) {
        EVK_TRY(read_items(json_object_get(step, "single"), tokens, where, single, err));
        return read_items(json_object_get(step, "pair"), tokens, where, pair, err);
    }
    if (type && strcmp(type, "BertProcessing") == 0)
        return read_fixed(step, false, where, single, pair, err);
    if (type && strcmp(type, "RobertaProcessing") == 0)
        return read_fixed(step, true, where, single, pair, err);
    if (!type || strcmp(type, "Sequence") != 0 || !json_is_array(parts) || depth == DEEPEST)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "read post_processor: '%.60s' is not supported (%s)", type ? type : "(no type)",
                        where);
    for (size_t i = 0; i < json_array_size(parts); i++)
        EVK_TRY(read_step(json_array_get(parts, i), depth + 1, where, single, pair, err));
    return EVOKE_OK;
}

evoke_status evk_text_template_read(const json_t *tokenizer, const char *where, evk_text_template *single,
                                    evk_text_template *pair, evoke_error *err)
{
    *single = *pair = (evk_text_template){ .n = 0 };
    EVK_TRY(evk_text_template_add(single, EVK_TEXT_A, 0, err));
    EVK_TRY(evk_text_template_add(pair, EVK_TEXT_A, 0, err));
    EVK_TRY(evk_text_template_add(pair, EVK_TEXT_B, 1, err));
    return read_step(json_object_get(tokenizer, "post_processor"), 0, where, single, pair, err);
}
