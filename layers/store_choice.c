#include "layers/store_choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void evk_selection_free(evk_selection *q)
{
    free(q->queries);
    free(q->settings);
    free(q->layers);
}

bool evk_is_listed(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (name && strcmp(name, list[i]) == 0)
            return true;
    return false;
}

static evoke_status unknown(const evoke_store *s, const char *what, const char *name, evoke_error *err)
{
    return evk_fail(err, EVOKE_EDATA, "select from store: it has no %s '%.80s' (%s)", what, name, evk_store_path(s));
}

static evoke_status choose_queries(evk_selection *q, const evoke_store_choice *c, evoke_error *err)
{
    const evoke_store *s = q->s;
    EVK_TRY(evk_alloc(&q->queries, s->info.n_query, sizeof *q->queries, "select from store", err));
    for (size_t i = 0; i < c->n_emotions; i++)
        if (!evk_is_listed(c->emotions[i], (const char *const *)s->emotions, s->info.n_emotion))
            return unknown(s, "emotion", c->emotions[i], err);
    for (size_t i = 0; i < c->n_ids; i++)
        if (!s->ids || !evk_is_listed(c->ids[i], (const char *const *)s->ids, s->info.n_query))
            return unknown(s, "query of id", c->ids[i], err);
    for (size_t i = 0; i < s->info.n_query; i++) {
        const char *emotion = s->emotion_of[i] >= 0 ? s->emotions[s->emotion_of[i]] : NULL;
        if ((c->n_emotions == 0 || evk_is_listed(emotion, c->emotions, c->n_emotions)) &&
            (c->n_ids == 0 || evk_is_listed(s->ids[i], c->ids, c->n_ids)))
            q->queries[q->n_query++] = i;
    }
    return q->n_query ? EVOKE_OK : evk_fail(err, EVOKE_EDATA, "select from store: no query is of all that is asked for (%s)",
                                            evk_store_path(s));
}

static evoke_status choose_settings(evk_selection *q, const evoke_store_choice *c, evoke_error *err)
{
    const evoke_store *s = q->s;
    q->n_setting = c->n_settings ? c->n_settings : s->info.n_setting;
    EVK_TRY(evk_alloc(&q->settings, q->n_setting, sizeof *q->settings, "select from store", err));
    for (size_t i = 0; i < q->n_setting; i++) {
        q->settings[i] = i;
        if (c->n_settings && !evk_store_find_setting(s, c->settings[i], &q->settings[i]))
            return unknown(s, "setting", c->settings[i], err);
        if (c->n_settings && evk_is_listed(c->settings[i], c->settings, i))     /* no reader would open such a store */
            return evk_fail(err, EVOKE_EARG, "select from store: setting '%.80s' is named twice", c->settings[i]);
    }
    return EVOKE_OK;
}

static evoke_status choose_layers(evk_selection *q, const evoke_store_choice *c, evoke_error *err)
{
    const evoke_store *s = q->s;
    char number[16];
    q->n_layer = c->layers ? c->n_layers : s->info.n_layer;
    EVK_TRY(evk_alloc(&q->layers, q->n_layer, sizeof *q->layers, "select from store", err));
    for (size_t i = 0; i < q->n_layer; i++) {
        size_t l = c->layers ? 0 : i;
        while (c->layers && l < s->info.n_layer && s->layers[l] != c->layers[i])
            l++;
        snprintf(number, sizeof number, "%d", c->layers ? (int)c->layers[i] : 0);
        if (l == s->info.n_layer)
            return unknown(s, "layer", number, err);
        for (size_t k = 0; k < i; k++)          /* no reader would open such a store */
            if (q->layers[k] == l)
                return evk_fail(err, EVOKE_EARG, "select from store: layer %s is named twice", number);
        q->layers[i] = l;
    }
    return EVOKE_OK;
}

static evoke_status choose_sites(evk_selection *q, const evoke_store_choice *c, evoke_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_sites; i++) {
        bool held = false;
        for (size_t k = 0; k < q->s->info.n_site; k++)
            held |= q->s->sites[k] == c->sites[i];
        if (!held)
            return unknown(q->s, "site", evoke_site_name(c->sites[i]), err);
        n += !q->site[c->sites[i]];
        q->site[c->sites[i]] = true;
    }
    for (size_t k = 0; n == 0 && k < q->s->info.n_site; k++)
        q->site[q->s->sites[k]] = true;
    return EVOKE_OK;
}

static evoke_status choose_span(evk_selection *q, const evoke_store_choice *c, evoke_error *err)
{
    bool held = false;
    for (int span = 0; span < EVOKE_N_SPAN; span++)
        for (int site = 0; site < EVOKE_N_SITE; site++)
            if (q->site[site] && q->s->has[site][span] && (!c->span || *c->span == (evoke_span)span))
                held = q->span[span] = true;
    return held ? EVOKE_OK : unknown(q->s, "span", evoke_span_name(*c->span), err);
}

evoke_status evk_selection_make(evoke_store *s, const evoke_store_choice *c, evk_selection *out, evoke_error *err)
{
    *out = (evk_selection){ .s = s };
    EVK_TRY(choose_queries(out, c, err));
    EVK_TRY(choose_settings(out, c, err));
    EVK_TRY(choose_layers(out, c, err));
    EVK_TRY(choose_sites(out, c, err));
    return choose_span(out, c, err);
}

evoke_status evk_selection_read(const evk_selection *q, evoke_site site, evoke_span span, size_t i, float *all, float *out,
                                evoke_error *err)
{
    const size_t d = q->s->info.d_model, n_layer = q->s->info.n_layer;
    EVK_TRY(evk_store_read_query(q->s, site, span, q->queries[i], all, err));
    for (size_t k = 0; k < q->n_setting; k++)
        for (size_t l = 0; l < q->n_layer; l++)
            memcpy(out + (k * q->n_layer + l) * d, all + (q->settings[k] * n_layer + q->layers[l]) * d, d * sizeof *out);
    return EVOKE_OK;
}
