/* layers/tokenizers/json_post_processor.c: the tokens that a tokenizer.json puts around one text, or two.
 *
 *     TemplateProcessing    as its templates say: single, pair
 *     BertProcessing        [CLS] A [SEP]    [CLS] A [SEP] B [SEP], of type 0 up to the first [SEP], then 1
 *     RobertaProcessing     <s> A </s>       <s> A </s> </s> B </s>, all of type 0
 *     ByteLevel             nothing: it moves offsets only
 *     none                  A                A B, of types 0 and 1 */
#include <string.h>

#include "layers/tokenizers/json_fields.h"
#include "layers/tokenizers/tokenizer.h"

static evoke_status check_id(const evoke_tokenizer *t, const json_t *id, int32_t *out, const char *where, evoke_error *err)
{
    if (!json_is_integer(id) || json_integer_value(id) < 0 || (size_t)json_integer_value(id) >= t->vocabulary.n)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: post_processor names an id outside of the vocabulary (%s)",
                        where);
    *out = (int32_t)json_integer_value(id);
    return EVOKE_OK;
}

/* ---- TemplateProcessing ---- */

/* The special token that an item of a template names: all of its ids. */
static evoke_status add_special(const evoke_tokenizer *t, const json_t *name, const json_t *tokens, int32_t type,
                                evk_frame *f, const char *where, evoke_error *err)
{
    const json_t *ids = json_is_string(name) ? json_object_get(json_object_get(tokens, json_string_value(name)), "ids") : NULL;
    if (!json_is_array(ids))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: post_processor names a token that it does not define (%s)",
                        where);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        int32_t id = -1;
        EVK_TRY(check_id(t, json_array_get(ids, i), &id, where, err));
        EVK_TRY(evk_frame_add(f, EVK_SLOT_TOKEN, id, type, err));
    }
    return EVOKE_OK;
}

/* {"SpecialToken": {"id": NAME, "type_id": 0}} or {"Sequence": {"id": "A", "type_id": 0}}. */
static evoke_status add_item(const evoke_tokenizer *t, const json_t *item, const json_t *tokens, evk_frame *f,
                             const char *where, evoke_error *err)
{
    const json_t *special = json_object_get(item, "SpecialToken"), *text = json_object_get(item, "Sequence");
    const json_t *id = json_object_get(special ? special : text, "id");
    const char *slot = json_string_value(json_object_get(text, "id"));
    size_t type = 0;
    EVK_TRY(evk_json_count(special ? special : text, "type_id", &type, where, err));
    if (special)
        return add_special(t, id, tokens, (int32_t)type, f, where, err);
    if (!slot || (strcmp(slot, "A") != 0 && strcmp(slot, "B") != 0))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: an item of post_processor is neither a token nor text A or B "
                        "(%s)", where);
    return evk_frame_add(f, slot[0] == 'A' ? EVK_SLOT_A : EVK_SLOT_B, -1, (int32_t)type, err);
}

static evoke_status read_template(evoke_tokenizer *t, const json_t *step, const char *where, evoke_error *err)
{
    static const char *const keys[] = { "single", "pair" };
    evk_frame *const frames[] = { &t->single, &t->pair };
    for (size_t k = 0; k < 2; k++) {
        const json_t *items = json_object_get(step, keys[k]);
        size_t texts[3] = {0};
        for (size_t i = 0; i < json_array_size(items); i++)
            EVK_TRY(add_item(t, json_array_get(items, i), json_object_get(step, "special_tokens"), frames[k], where, err));
        for (size_t i = 0; i < frames[k]->n; i++)
            texts[frames[k]->item[i].slot]++;
        if ((k == 0 || json_array_size(items) > 0) && (texts[EVK_SLOT_A] != 1 || texts[EVK_SLOT_B] != k))
            return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: '%s' of post_processor has its texts %zu and %zu "
                            "times (%s)", keys[k], texts[EVK_SLOT_A], texts[EVK_SLOT_B], where);
    }
    return EVOKE_OK;
}

/* ---- the fixed ones ---- */
static evoke_status read_fixed(evoke_tokenizer *t, const json_t *step, bool roberta, const char *where, evoke_error *err)
{
    int32_t cls = -1, sep = -1;
    EVK_TRY(check_id(t, json_array_get(json_object_get(step, "cls"), 1), &cls, where, err));
    EVK_TRY(check_id(t, json_array_get(json_object_get(step, "sep"), 1), &sep, where, err));
    const evk_frame_item single[] = { { EVK_SLOT_TOKEN, cls, 0 }, { EVK_SLOT_A, -1, 0 }, { EVK_SLOT_TOKEN, sep, 0 } };
    const int32_t type = roberta ? 0 : 1;
    for (size_t i = 0; i < 3; i++) {
        EVK_TRY(evk_frame_add(&t->single, single[i].slot, single[i].id, 0, err));
        EVK_TRY(evk_frame_add(&t->pair, single[i].slot, single[i].id, 0, err));
    }
    if (roberta)
        EVK_TRY(evk_frame_add(&t->pair, EVK_SLOT_TOKEN, sep, 0, err));
    EVK_TRY(evk_frame_add(&t->pair, EVK_SLOT_B, -1, type, err));
    return evk_frame_add(&t->pair, EVK_SLOT_TOKEN, sep, type, err);
}

static evoke_status read_step(evoke_tokenizer *t, const json_t *step, int depth, const char *where, evoke_error *err)
{
    const char *type = evk_json_type(step);
    const json_t *parts = json_object_get(step, "processors");
    const bool template = strcmp(type, "TemplateProcessing") == 0, roberta = strcmp(type, "RobertaProcessing") == 0;
    if (strcmp(type, "ByteLevel") == 0)
        return EVOKE_OK;
    if (template || roberta || strcmp(type, "BertProcessing") == 0) {
        if (t->single.n > 0)
            return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: post_processor '%.60s' after another that adds tokens "
                            "is not supported (%s)", type, where);
        return template ? read_template(t, step, where, err) : read_fixed(t, step, roberta, where, err);
    }
    if (strcmp(type, "Sequence") != 0 || !json_is_array(parts) || depth == EVK_JSON_MOST_NESTED)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: post_processor '%.60s' is not supported (%s)", type,
                        where);
    for (size_t i = 0; i < json_array_size(parts); i++)
        EVK_TRY(read_step(t, json_array_get(parts, i), depth + 1, where, err));
    return EVOKE_OK;
}

evoke_status evk_json_post_processor(evoke_tokenizer *t, const json_t *step, const char *where, evoke_error *err)
{
    return !step || json_is_null(step) ? EVOKE_OK : read_step(t, step, 0, where, err);
}
