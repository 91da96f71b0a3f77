#include "experiments/steering.h"

#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"

/* ---- reading ---- */
static bool holds(const evoke_vectors *v, const char *emotion)
{
    const size_t n = evoke_vectors_describe(v)->n_emotion;
    if (strcmp(emotion, "base") == 0)
        return true;
    for (size_t e = 0; e < n; e++)
        if (strcmp(evoke_vectors_emotion(v, e), emotion) == 0)
            return true;
    return false;
}

/* The emotions of a file, "anger, fear, joy", for a message. */
static void list_emotions(const evoke_vectors *v, char *text, size_t size)
{
    const size_t n = evoke_vectors_describe(v)->n_emotion;
    size_t used = 0;
    text[0] = '\0';
    for (size_t e = 0; e < n; e++) {
        const char *name = evoke_vectors_emotion(v, e);
        const size_t length = strlen(name);
        if (used + length + 6 >= size) {
            strcpy(text + used, "...");
            return;
        }
        used += (size_t)sprintf(text + used, "%s%s", e ? ", " : "", name);
    }
}

static evoke_status find_file(steer_plan *p, strength *s, size_t first, size_t last, evoke_error *err)
{
    char names[256];
    for (s->file = first; s->file < last; s->file++)
        if (holds(p->files[s->file], s->emotion))
            return EVOKE_OK;
    list_emotions(p->files[first], names, sizeof names);
    return fail(err, EVOKE_EDATA, "steer: no vector is called '%s' (%s%s holds %s)", s->emotion, p->paths[first],
                last - first > 1 ? " and the others; the first" : "", names);
}

static evoke_status add_strength(steer_plan *p, const char *name, size_t n, double alpha, size_t first, size_t last,
                                 evoke_error *err)
{
    strength *grown = realloc(p->strengths, (p->n_strengths + 1) * sizeof *grown);
    if (grown)
        p->strengths = grown;
    char *copy = grown && name ? strndup(name, n) : NULL;
    if (!grown || (name && !copy))
        return fail(err, EVOKE_ENOMEM, "read --alpha: no memory");
    p->strengths[p->n_strengths] = (strength){ copy, alpha, first };
    p->n_strengths++;
    if (!copy)
        return EVOKE_OK;
    strength *s = &p->strengths[p->n_strengths - 1];
    evoke_status st = find_file(p, s, first, last, err);
    for (const strength *other = p->strengths; st == EVOKE_OK && other < s; other++)
        if (other->file == s->file && other->emotion && strcmp(other->emotion, s->emotion) == 0)
            st = fail(err, EVOKE_EARG, "read --alpha: '%s' is given twice (%s)", s->emotion, p->paths[s->file]);
    return st;
}

static evoke_status number_alone(steer_plan *p, const char *text, size_t first, size_t last, evoke_error *err)
{
    char names[256];
    const evoke_status st = parse_real(text, "--alpha", -1e6, 1e6, &p->alpha, err);
    if (st != EVOKE_OK)
        return st;
    list_emotions(p->files[first], names, sizeof names);
    if (last - first > 1)
        return fail(err, EVOKE_EARG, "read --alpha: '%s' names no vector, and there are several files (write NAME=%s)",
                    text, text);
    if (evoke_vectors_describe(p->files[first])->n_emotion != 1)
        return fail(err, EVOKE_EARG, "read --alpha: '%s' names none of %s (write NAME=%s; %s)", text, names, text,
                    p->paths[first]);
    return add_strength(p, NULL, 0, p->alpha, first, last, err);
}

/* --alpha of a comparison: X for every emotion in turn, or X,base=Y, with EVbase beside each. */
static evoke_status compare_alpha(steer_plan *p, const char *text, evoke_error *err)
{
    char number[64];
    const char *comma = strchr(text, ',');
    const size_t n = comma ? (size_t)(comma - text) : strlen(text);
    if (n >= sizeof number || memchr(text, '=', n) || (comma && strncmp(comma, ",base=", 6) != 0))
        return fail(err, EVOKE_EARG, "read --alpha: with --compare it is one number for all emotions, X or X,base=Y, not '%s'",
                    text);
    memcpy(number, text, n);
    number[n] = '\0';
    const evoke_status st = parse_real(number, "--alpha", -1e6, 1e6, &p->alpha, err);
    return st == EVOKE_OK && comma ? parse_real(comma + 6, "--alpha", -1e6, 1e6, &p->base_alpha, err) : st;
}

/* One --alpha, whose names are looked up in the files first..last-1. */
static evoke_status read_alpha(steer_plan *p, const char *text, size_t first, size_t last, bool compare,
                               evoke_error *err)
{
    if (compare)
        return compare_alpha(p, text, err);
    if (!strchr(text, '='))
        return number_alone(p, text, first, last, err);
    char *copy = strdup(text), *part = copy;
    evoke_status st = copy ? EVOKE_OK : fail(err, EVOKE_ENOMEM, "read --alpha: no memory");
    while (st == EVOKE_OK && part) {
        char *comma = strchr(part, ',');
        if (comma)
            *comma = '\0';
        char *equals = strrchr(part, '=');
        double alpha = 0;
        if (!equals || equals == part)
            st = fail(err, EVOKE_EARG, "read --alpha: '%s' is not NAME=NUMBER (in '%s')", part, text);
        if (st == EVOKE_OK)
            st = parse_real(equals + 1, "--alpha", -1e6, 1e6, &alpha, err);
        if (st == EVOKE_OK)
            st = add_strength(p, part, (size_t)(equals - part), alpha, first, last, err);
        part = comma ? comma + 1 : NULL;
    }
    free(copy);
    return st;
}

static evoke_status open_files(const options *o, steer_plan *p, evoke_error *err)
{
    const size_t n = option_times(o, OPT_EV);
    evoke_status st = allocate(&p->files, n, sizeof *p->files, err);
    if (st == EVOKE_OK)
        st = allocate(&p->paths, n, sizeof *p->paths, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        p->paths[i] = option_nth(o, OPT_EV, i);
        st = evoke_vectors_open(p->paths[i], &p->files[i], err);
        p->n_files = i + (st == EVOKE_OK);
    }
    return st;
}

static evoke_status read_words(const options *o, steer_plan *p, evoke_error *err)
{
    const char *site = option_text(o, OPT_SITE), *at = option_text(o, OPT_POSITIONS);
    const char *mode = option_text(o, OPT_STEER_MODE);
    p->positions = EVOKE_AT_LAST;
    p->mode = EVOKE_STEER_ADD;
    p->site_given = site != NULL;
    p->less_base = option_given(o, OPT_LESS_BASE);
    if (site && !evoke_site_find(site, &p->site))
        return fail(err, EVOKE_EARG, "read --site: no hook point is called '%s' (resid_post, attn_out, mlp_out, "
                    "resid_mid)", site);
    if (at && !evoke_positions_find(at, &p->positions))
        return fail(err, EVOKE_EARG, "read --positions: '%s' is none of all, prompt, response, last", at);
    if (mode && !evoke_steer_mode_find(mode, &p->mode))
        return fail(err, EVOKE_EARG, "read --steer-mode: '%s' is none of add, relative, renorm, ablate, clamp", mode);
    return parse_layers(option_text(o, OPT_LAYERS), &p->layers, &p->n_layers, err);
}

/* --ablate needs no strength: without --alpha every vector of the files is taken out. */
static evoke_status ablate_all(steer_plan *p, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    for (size_t f = 0; f < p->n_files; f++) {
        const size_t n = evoke_vectors_describe(p->files[f])->n_emotion;
        for (size_t e = 0; st == EVOKE_OK && e < n; e++) {
            const char *name = evoke_vectors_emotion(p->files[f], e);
            st = add_strength(p, name, strlen(name), 1, f, f + 1, err);
        }
    }
    return st;
}

evoke_status steer_plan_read(const options *o, bool compare, steer_plan *p, evoke_error *err)
{
    memset(p, 0, sizeof *p);
    p->alpha = 1;
    const size_t n_ev = option_times(o, OPT_EV), n_alpha = option_times(o, OPT_ALPHA);
    static const option_id details[] = { OPT_ALPHA, OPT_LAYERS, OPT_SITE, OPT_POSITIONS, OPT_STEER_MODE, OPT_LESS_BASE };
    for (size_t i = 0; n_ev == 0 && i < sizeof details / sizeof *details; i++)
        if (option_given(o, details[i]))
            return fail(err, EVOKE_EARG, "steer: --%s is given, but no vectors (--ev FILE)", option_name(o, details[i]));
    if (n_ev == 0)
        return EVOKE_OK;
    evoke_status st = read_words(o, p, err);
    if (st == EVOKE_OK && n_alpha == 0 && !compare && p->mode != EVOKE_STEER_ABLATE)
        st = fail(err, EVOKE_EARG, "steer: --ev is given, but no strength (--alpha joy=1)");
    if (st == EVOKE_OK)
        st = open_files(o, p, err);
    const bool pairs = n_ev > 1 && n_alpha == n_ev;
    for (size_t i = 0; st == EVOKE_OK && i < n_alpha; i++)
        st = read_alpha(p, option_nth(o, OPT_ALPHA, i), pairs ? i : 0, pairs ? i + 1 : n_ev, compare, err);
    if (st == EVOKE_OK && n_alpha == 0 && !compare)
        st = ablate_all(p, err);
    return st;
}

void steer_plan_free(steer_plan *p)
{
    for (size_t i = 0; i < p->n_files; i++)
        evoke_vectors_free(p->files[i]);
    for (size_t i = 0; i < p->n_strengths; i++)
        free(p->strengths[i].emotion);
    free(p->files);
    free(p->paths);
    free(p->strengths);
    free(p->layers);
    memset(p, 0, sizeof *p);
}

/* ---- applying ---- */
evoke_site steer_plan_site(const steer_plan *p, size_t file)
{
    const size_t n = evoke_vectors_describe(p->files[file])->n_site;
    if (p->site_given)
        return p->site;
    for (size_t i = 0; i < n; i++)
        if (evoke_vectors_site(p->files[file], i) == EVOKE_ATTN_OUT)
            return EVOKE_ATTN_OUT;
    return n ? evoke_vectors_site(p->files[file], 0) : EVOKE_ATTN_OUT;
}

static evoke_status add_edit(const steer_plan *p, size_t file, const evoke_strength *strengths, size_t n,
                             evoke_steering *s, evoke_error *err)
{
    const evoke_steer_options edit = {
        .vectors = p->files[file], .strengths = strengths, .n_strengths = n,
        .site = steer_plan_site(p, file), .positions = p->positions, .mode = p->mode,
        .layers = p->layers, .n_layers = p->n_layers, .less_base = p->less_base,
    };
    return evoke_steering_add(s, &edit, err);
}

evoke_status steer_plan_apply(const steer_plan *p, const evoke_model *m, evoke_steering **out, evoke_error *err)
{
    *out = NULL;
    if (p->n_files == 0)
        return EVOKE_OK;
    evoke_strength *own = NULL;
    evoke_status st = allocate(&own, p->n_strengths, sizeof *own, err);
    if (st == EVOKE_OK)
        st = evoke_steering_new(m, out, err);
    for (size_t f = 0; st == EVOKE_OK && f < p->n_files; f++) {
        size_t n = 0;
        for (size_t i = 0; i < p->n_strengths; i++)
            if (p->strengths[i].file == f)
                own[n++] = (evoke_strength){ p->strengths[i].emotion, p->strengths[i].alpha };
        if (n > 0)
            st = add_edit(p, f, own, n, *out, err);
    }
    free(own);
    if (st != EVOKE_OK) {
        evoke_steering_free(*out);
        *out = NULL;
    }
    return st;
}

evoke_status steer_plan_apply_one(const steer_plan *p, const evoke_model *m, size_t file, const char *emotion,
                                  double alpha, evoke_steering **out, evoke_error *err)
{
    const evoke_strength both[] = { { emotion, alpha }, { "base", p->base_alpha } };
    evoke_status st = evoke_steering_new(m, out, err);
    if (st == EVOKE_OK)
        st = add_edit(p, file, both, p->base_alpha != 0 ? 2 : 1, *out, err);
    if (st != EVOKE_OK) {
        evoke_steering_free(*out);
        *out = NULL;
    }
    return st;
}

bool steer_plan_idle(const steer_plan *p)
{
    if (p->n_files == 0 || p->mode == EVOKE_STEER_ABLATE || p->mode == EVOKE_STEER_CLAMP)
        return false;
    for (size_t i = 0; i < p->n_strengths; i++)
        if (p->strengths[i].alpha != 0)
            return false;
    return true;
}

json_t *steer_plan_json(const steer_plan *p, const strength *only, const evoke_steering *s)
{
    if (p->n_files == 0 || !s)
        return json_null();
    json_t *o = json_object(), *files = json_array(), *alpha = json_object();
    const size_t n = only ? 1 : p->n_strengths;
    const strength *list = only ? only : p->strengths;
    for (size_t i = 0; i < p->n_files; i++)
        json_add(files, json_text(p->paths[i], strlen(p->paths[i])));
    for (size_t i = 0; i < n; i++) {
        const char *name = list[i].emotion ? list[i].emotion : evoke_vectors_emotion(p->files[list[i].file], 0);
        json_put(alpha, name, json_number(list[i].alpha));
    }
    if (only && p->base_alpha != 0)
        json_put(alpha, "base", json_number(p->base_alpha));
    json_put(o, "ev", files);
    json_put(o, "alpha", alpha);
    json_put(o, "layers", p->layers ? json_ids(p->layers, p->n_layers) : json_string("all"));
    json_put(o, "site", json_string(evoke_site_name(steer_plan_site(p, list ? list[0].file : 0))));
    json_put(o, "positions", json_string(evoke_positions_name(p->positions)));
    json_put(o, "mode", json_string(evoke_steer_mode_name(p->mode)));
    json_put(o, "less_base", json_boolean(p->less_base));
    json_put(o, "text", json_text(evoke_steering_text(s), strlen(evoke_steering_text(s))));
    return o;
}
