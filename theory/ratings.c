#include "theory/ratings.h"

#include <math.h>
#include <stdlib.h>

#include "core/json.h"

struct evoke_ratings { json_t *words; };        /* word -> object */

static evoke_status check(json_t *words, const char *path, evoke_error *err)
{
    const char *word;
    json_t *value;
    if (!json_is_object(words) || json_object_size(words) == 0)
        return evk_fail(err, EVOKE_EFORMAT, "read ratings: no object \"ratings\" of word to valence and arousal (%s)", path);
    json_object_foreach(words, word, value) {
        if (!json_is_number(json_object_get(value, "valence")) || !json_is_number(json_object_get(value, "arousal")))
            return evk_fail(err, EVOKE_EFORMAT, "read ratings: '%.80s' has no \"valence\" and \"arousal\" that are numbers (%s)",
                            word, path);
    }
    return EVOKE_OK;
}

evoke_status evoke_ratings_open(const char *path, evoke_ratings **out, evoke_error *err)
{
    json_t *file = NULL;
    *out = NULL;
    EVK_TRY(evk_json_load(path, &file, err));
    json_t *words = json_object_get(file, "ratings");
    evoke_status st = check(words, path, err);
    if (st == EVOKE_OK)
        st = evk_alloc(out, 1, sizeof **out, "read ratings", err);
    if (st == EVOKE_OK)
        (*out)->words = json_incref(words);
    json_decref(file);
    return st;
}

void evoke_ratings_free(evoke_ratings *r)
{
    if (!r)
        return;
    json_decref(r->words);
    free(r);
}

void evk_ratings_of(const evoke_ratings *r, const char *word, double out[2])
{
    const json_t *value = r ? json_object_get(r->words, word) : NULL;
    out[0] = value ? json_number_value(json_object_get(value, "valence")) : (double)NAN;
    out[1] = value ? json_number_value(json_object_get(value, "arousal")) : (double)NAN;
}
