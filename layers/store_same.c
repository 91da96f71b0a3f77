/* layers/store_same.c: whether two stores are of the same queries, so that what differs between them is the model. */
#include <stdlib.h>
#include <string.h>

#include "layers/store_choice.h"
#include "layers/store_same.h"

static evoke_status same_counts(const evoke_store *a, const evoke_store *b, evoke_error *err)
{
    const struct { const char *what; size_t a, b; } counts[] = {
        { "dimensions", a->info.d_model, b->info.d_model },   { "queries", a->info.n_query, b->info.n_query },
        { "emotions", a->info.n_emotion, b->info.n_emotion }, { "settings", a->info.n_setting, b->info.n_setting },
        { "layers", a->info.n_layer, b->info.n_layer },       { "sites", a->info.n_site, b->info.n_site },
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].a != counts[i].b)
            return evk_fail(err, EVOKE_EDATA, "compare stores: one has %zu %s, the other %zu (%s)", counts[i].a, counts[i].what,
                            counts[i].b, evk_store_path(b));
    return EVOKE_OK;
}

static evoke_status lacks(const evoke_store *b, const char *what, const char *name, evoke_error *err)
{
    return evk_fail(err, EVOKE_EDATA, "compare stores: one has %s '%.80s', the other not (%s)", what, name, evk_store_path(b));
}

/* Of as many each, so those of one being in the other is enough. */
static evoke_status same_axes(const evoke_store *a, const evoke_store *b, evoke_error *err)
{
    size_t unused = 0;
    for (size_t e = 0; e < a->info.n_emotion; e++)
        if (!evk_is_listed(a->emotions[e], (const char *const *)b->emotions, b->info.n_emotion))
            return lacks(b, "emotion", a->emotions[e], err);
    for (size_t i = 0; i < a->info.n_setting; i++)
        if (!evk_store_find_setting(b, a->settings[i], &unused))
            return lacks(b, "setting", a->settings[i], err);
    for (size_t i = 0; i < a->info.n_site; i++)
        if (memcmp(b->has[a->sites[i]], (const bool[EVOKE_N_SPAN]){ 0 }, sizeof *b->has) == 0)
            return lacks(b, "site", evoke_site_name(a->sites[i]), err);
    for (size_t l = 0; l < a->info.n_layer; l++)
        if (evk_store_find_layer(b, a->layers[l]) == b->info.n_layer)
            return evk_fail(err, EVOKE_EDATA, "compare stores: one has layer %d, the other not (%s)", a->layers[l],
                            evk_store_path(b));
    return EVOKE_OK;
}

/* The texts that both have under a name, each freed by one free(), whatever is returned; all 0: one of the files has no such texts. */
typedef struct text_pair { char **a, **b; size_t n_a, n_b; } text_pair;

static evoke_status read_both(evoke_store *a, evoke_store *b, const char *dataset, text_pair *out, evoke_error *err)
{
    *out = (text_pair){ .a = NULL };
    if (!evk_h5_has(a->file, dataset) || !evk_h5_has(b->file, dataset))
        return EVOKE_OK;
    EVK_TRY(evk_h5_read_strings(a->file, dataset, &out->a, &out->n_a, err));
    return evk_h5_read_strings(b->file, dataset, &out->b, &out->n_b, err);
}

static void free_both(text_pair *t)
{
    free(t->a);
    free(t->b);
}

/* The first text that differs; *n, their number: none does, or one of the files has no such texts. */
static evoke_status first_other(evoke_store *a, evoke_store *b, const char *dataset, size_t *at, size_t *n, evoke_error *err)
{
    text_pair t;
    const evoke_status st = read_both(a, b, dataset, &t, err);
    *at = 0;
    *n = t.n_a > t.n_b ? t.n_a : t.n_b;
    while (st == EVOKE_OK && *at < t.n_a && *at < t.n_b && strcmp(t.a[*at], t.b[*at]) == 0)
        ++*at;
    free_both(&t);
    return st;
}

static evoke_status other_query(const evoke_store *b, size_t query, const char *what, evoke_error *err)
{
    return evk_fail(err, EVOKE_EDATA, "compare stores: query %zu is of another %s in the other (%s)", query, what,
                    evk_store_path(b));
}

static const char *emotion_of(const evoke_store *s, size_t query)
{
    return s->emotion_of[query] < 0 ? "" : s->emotions[s->emotion_of[query]];
}

static evoke_status same_queries(evoke_store *a, evoke_store *b, evoke_error *err)
{
    size_t at = 0, n = 0, setting = 0;
    EVK_TRY(first_other(a, b, "/queries/id", &at, &n, err));
    if (at < n)
        return other_query(b, at, "id", err);
    EVK_TRY(first_other(a, b, "/queries/text", &at, &n, err));
    if (at < n)
        return other_query(b, at, "text", err);
    for (size_t q = 0; q < a->info.n_query; q++) {
        if (strcmp(emotion_of(a, q), emotion_of(b, q)) != 0)
            return other_query(b, q, "emotion", err);
        for (size_t i = 0; i < a->info.n_setting; i++)
            if (evk_store_find_setting(b, a->settings[i], &setting) && evk_store_done(a, q, i) != evk_store_done(b, q, setting))
                return evk_fail(err, EVOKE_EDATA, "compare stores: query %zu is done in one alone, finish the extraction (%s)", q,
                                evk_store_path(evk_store_done(a, q, i) ? b : a));
    }
    return EVOKE_OK;
}

/* Whether the prompts of a's settings are those that b has of them; so they are where a file holds none. */
static evoke_status compare_prompts(evoke_store *a, evoke_store *b, bool *same, evoke_error *err)
{
    text_pair t;
    size_t setting = 0;
    const evoke_status st = read_both(a, b, "/prompts/text", &t, err);
    *same = !t.b || (t.n_a == a->info.n_query * a->info.n_setting && t.n_b == b->info.n_query * b->info.n_setting);
    for (size_t i = 0; st == EVOKE_OK && *same && i < t.n_a; i++)
        *same = evk_store_find_setting(b, a->settings[i % a->info.n_setting], &setting) &&
                strcmp(t.a[i], t.b[i / a->info.n_setting * b->info.n_setting + setting]) == 0;
    free_both(&t);
    return st;
}

evoke_status evk_store_same(evoke_store *a, evoke_store *b, bool *same_prompts, evoke_error *err)
{
    EVK_TRY(same_counts(a, b, err));
    EVK_TRY(same_axes(a, b, err));
    EVK_TRY(same_queries(a, b, err));
    return compare_prompts(a, b, same_prompts, err);
}
