/* tests/layers/tokenizers/variant.h: the tiny tokenizer.json of tests/golden with some of its parts exchanged. */
#ifndef VARIANT_H
#define VARIANT_H

#include <jansson.h>

#include "layers/tokenizers/tokenizer.h"
#include "tests/check.h"
#include "tests/golden.h"

/* tokenizer.json with the keys of change.top replaced, those of its model by change.model, and the tokens of
 * change.added appended. The caller's; NULL: it is not there. */
static inline json_t *variant_json(const char *root, const json_t *change)
{
    char path[1024];
    json_t *json = golden_find(root, "tiny-llama/tokenizer.json", path, sizeof path) ? json_load_file(path, 0, NULL) : NULL;
    json_t *top = json_object_get(change, "top"), *model = json_object_get(change, "model");
    if (json_is_object(model))
        json_object_update(json_object_get(json, "model"), model);
    if (json_is_object(top))
        json_object_update(json, top);
    if (json_is_array(json_object_get(change, "added")))
        json_array_extend(json_object_get(json, "added_tokens"), json_object_get(change, "added"));
    return json;
}

/* Whether a JSON array of numbers is [n] ids. */
static inline bool same_ids(const json_t *want, const evoke_ids *got)
{
    bool same = json_array_size(want) == got->n;
    for (size_t i = 0; same && i < got->n; i++)
        same = json_integer_value(json_array_get(want, i)) == got->ids[i];
    return same;
}

/* Whether the ids, special tokens written out, are the text again. */
static inline bool comes_back(const evoke_tokenizer *t, const evoke_ids *ids, const char *text, size_t n)
{
    evoke_text back = {0};
    const bool same = evoke_detokenize(t, ids->ids, ids->n, true, &back, NULL) == EVOKE_OK && back.n == n &&
                      memcmp(back.data, text, n) == 0;
    evoke_text_free(&back);
    return same;
}

#endif
