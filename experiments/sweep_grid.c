#include "experiments/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/steering.h"

/* ---- reading ---- */
static bool is_base(const char *emotion)
{
    return strcmp(emotion, "base") == 0;
}

static bool holds(const evoke_vectors *v, const char *emotion)
{
    size_t e = 0;
    const char *name;
    while ((name = evoke_vectors_emotion(v, e)) && strcmp(name, emotion) != 0)
        e++;
    return name || is_base(emotion);
}

/* all: every emotion of the file, and EVbase where that is another vector. */
static evoke_status all_emotions(sweep_grid *g, evoke_error *err)
{
    const size_t n = evoke_vectors_describe(g->ev)->n_emotion;
    evoke_status st = allocate(&g->emotions, n + 1, sizeof *g->emotions, err);
    for (size_t e = 0; st == EVOKE_OK && e < n + (n > 1); e++) {
        g->emotions[e] = strdup(e < n ? evoke_vectors_emotion(g->ev, e) : "base");
        if (!g->emotions[e])
            return fail(err, EVOKE_ENOMEM, "sweep: no memory");
        g->n_emotion++;
    }
    return st;
}

static evoke_status read_emotions(const options *o, sweep_grid *g, evoke_error *err)
{
    const char *all = option_text(o, OPT_EMOTIONS);
    if (!all || strcmp(all, "all") == 0)
        return all_emotions(g, err);
    const evoke_status st = option_names(o, OPT_EMOTIONS, &g->emotions, &g->n_emotion, err);
    if (st != EVOKE_OK)
        return st;
    for (size_t i = 0; i < g->n_emotion; i++) {
        if (!holds(g->ev, g->emotions[i]))
            return fail(err, EVOKE_EDATA, "read --emotions: no vector is called '%s' (%s)", g->emotions[i], g->path);
        for (size_t k = 0; k < i; k++)
            if (strcmp(g->emotions[i], g->emotions[k]) == 0)
                return fail(err, EVOKE_EARG, "read --emotions: '%s' is given twice", g->emotions[i]);
    }
    return EVOKE_OK;
}

static evoke_status read_alphas(const options *o, sweep_grid *g, evoke_error *err)
{
    static const double usual[] = { -1, 0, 1, 2, 4 };           /* the paper's */
    evoke_status st = options_alphas(o, &g->alphas, &g->n_alpha, err);
    if (st == EVOKE_OK && !g->alphas) {
        g->n_alpha = sizeof usual / sizeof *usual;
        st = allocate(&g->alphas, g->n_alpha, sizeof *g->alphas, err);
        if (st == EVOKE_OK)
            memcpy(g->alphas, usual, sizeof usual);
    }
    for (size_t i = 0; st == EVOKE_OK && i < g->n_alpha; i++)
        g->unsteered |= g->alphas[i] == 0;
    return st;
}

static evoke_status read_baselines(const options *o, sweep_grid *g, evoke_error *err)
{
    char **names = NULL;
    size_t n = 0;
    evoke_status st = option_names(o, OPT_BASELINES, &names, &n, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        bool *given = strcmp(names[i], "none") == 0 ? &g->unsteered : strcmp(names[i], "prompt") == 0 ? &g->prompted
                    : strcmp(names[i], "random") == 0 ? &g->random_given : strcmp(names[i], "both") == 0 ? &g->both : NULL;
        if (given)
            *given = true;
        else
            st = fail(err, EVOKE_EARG, "read --baselines: '%s' is none of none, prompt, random, both", names[i]);
    }
    names_free(names, n);
    return st;
}

static evoke_status read_modes(const options *o, sweep_grid *g, evoke_error *err)
{
    char **names = NULL;
    size_t n = 0;
    evoke_status st = option_names(o, OPT_STEER_MODE, &names, &n, err);
    if (st == EVOKE_OK)
        st = allocate(&g->modes, n + 1, sizeof *g->modes, err);             /* zero is add */
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        if (!evoke_steer_mode_find(names[i], &g->modes[i]))
            st = fail(err, EVOKE_EARG, "read --steer-mode: '%s' is none of add, relative, renorm, ablate, clamp", names[i]);
    g->n_mode = n ? n : 1;
    names_free(names, n);
    return st;
}

static evoke_status read_places(const options *o, sweep_grid *g, evoke_error *err)
{
    const char *at = option_text(o, OPT_POSITIONS);
    const size_t n = option_times(o, OPT_LAYERS);
    g->positions = EVOKE_AT_LAST;
    g->less_base = option_given(o, OPT_LESS_BASE);
    if (at && !evoke_positions_find(at, &g->positions))
        return fail(err, EVOKE_EARG, "read --positions: '%s' is none of all, prompt, response, last", at);
    evoke_status st = options_sites(o, OPT_SITE, &g->sites, &g->n_site, err);
    if (st == EVOKE_OK && g->n_site == 0)
        st = allocate(&g->sites, 1, sizeof *g->sites, err);
    if (st == EVOKE_OK && g->n_site == 0)
        g->sites[g->n_site++] = usual_site(g->ev);
    g->n_range = n ? n : 1;
    if (st == EVOKE_OK)
        st = allocate(&g->layers, g->n_range, sizeof *g->layers, err);
    for (size_t i = 0; st == EVOKE_OK && i < g->n_range; i++) {
        g->layers[i].text = n ? option_nth(o, OPT_LAYERS, i) : "all";
        st = parse_layers(g->layers[i].text, &g->layers[i].list, &g->layers[i].n, err);
    }
    return st;
}

/* Of the vectors' values, site by site, emotion by emotion, EVbase last. */
static void hash_values(sweep_grid *g)
{
    const evoke_vectors_info *info = evoke_vectors_describe(g->ev);
    const size_t bytes = info->n_layer * info->d_model * sizeof(float);
    struct sha256_ctx context;
    sha256_init(&context);
    for (size_t i = 0; i < info->n_site; i++)
        for (size_t e = 0; e <= info->n_emotion; e++)
            sha256_update(&context, bytes, (const uint8_t *)evoke_vectors_get(g->ev, evoke_vectors_site(g->ev, i), e));
    digest_text(&context, g->ev_sha256);
}

evoke_status sweep_grid_read(const options *o, uint64_t seed, sweep_grid *g, evoke_error *err)
{
    *g = (sweep_grid){ .seed = seed };
    evoke_status st = option_need(o, OPT_EV, "sweep", &g->path, err);
    if (st == EVOKE_OK && option_times(o, OPT_EV) > 1)
        st = fail(err, EVOKE_EARG, "sweep: --ev is one file here");
    if (st == EVOKE_OK)
        st = options_open_vectors(o, g->path, &g->ev, err);
    if (st == EVOKE_OK)
        st = read_emotions(o, g, err);
    if (st == EVOKE_OK)
        st = read_alphas(o, g, err);
    if (st == EVOKE_OK)
        st = read_baselines(o, g, err);
    if (st == EVOKE_OK)
        st = read_modes(o, g, err);
    if (st == EVOKE_OK)
        st = read_places(o, g, err);
    for (size_t i = 0; st == EVOKE_OK && g->random_given && i < g->n_mode; i++)
        if (g->modes[i] == EVOKE_STEER_CLAMP)
            st = fail(err, EVOKE_EARG, "sweep: mode clamp has no baseline random: vectors say where the classes lie along "
                      "themselves, not along a random one");
    if (st == EVOKE_OK && g->random_given)
        st = evoke_vectors_random(g->ev, seed, &g->random, err);
    if (st == EVOKE_OK)
        hash_values(g);
    return st;
}

void sweep_grid_free(sweep_grid *g)
{
    for (size_t i = 0; i < g->n_cell; i++) {
        evoke_steering_free(g->cells[i].steering);
        json_decref(g->cells[i].how);
    }
    for (size_t i = 0; g->layers && i < g->n_range; i++)
        free(g->layers[i].list);
    names_free(g->emotions, g->n_emotion);
    free(g->cells);
    free(g->layers);
    free(g->alphas);
    free(g->modes);
    free(g->sites);
    evoke_vectors_free(g->ev);
    evoke_vectors_free(g->random);
    *g = (sweep_grid){ .path = NULL };
}

bool sweep_asks(const sweep_grid *g)
{
    return g->prompted || g->both;
}

/* ---- cells ---- */
typedef struct place { evoke_steer_mode mode; evoke_site site; const layer_range *layers; } place;

static json_t *how_json(const sweep_grid *g, const place *p, const sweep_cell *c, bool random)
{
    json_t *o = json_object(), *alpha = json_object();
    json_put(alpha, c->emotion, json_number(c->alpha));
    json_put(o, "ev", json_text(g->path, strlen(g->path)));
    json_put(o, "ev_sha256", json_string(g->ev_sha256));
    if (random)
        json_put(o, "random_seed", json_count(g->seed));
    json_put(o, "alpha", alpha);
    json_put(o, "layers", p->layers->list ? json_ids(p->layers->list, p->layers->n) : json_string("all"));
    json_put(o, "site", json_string(evoke_site_name(p->site)));
    json_put(o, "positions", json_string(evoke_positions_name(g->positions)));
    json_put(o, "mode", json_string(evoke_steer_mode_name(p->mode)));
    json_put(o, "less_base", json_boolean(g->less_base));
    json_put(o, "text", json_text(evoke_steering_text(c->steering), strlen(evoke_steering_text(c->steering))));
    return o;
}

static evoke_status steer(const sweep_grid *g, const evoke_model *m, const place *p, bool random, sweep_cell *c,
                          evoke_error *err)
{
    const evoke_strength one = { c->emotion, c->alpha };
    const evoke_steer_options edit = {
        .vectors = random ? g->random : g->ev, .strengths = &one, .n_strengths = 1, .site = p->site,
        .positions = g->positions, .mode = p->mode, .layers = p->layers->list, .n_layers = p->layers->n,
        .less_base = g->less_base,
    };
    evoke_status st = evoke_steering_new(m, &c->steering, err);
    if (st == EVOKE_OK)
        st = evoke_steering_add(c->steering, &edit, err);
    if (st != EVOKE_OK)
        return st;
    c->how = how_json(g, p, c, random);
    if (g->n_mode * g->n_site * g->n_range > 1)
        snprintf(c->variant, sizeof c->variant, "%s %s %.100s", evoke_steer_mode_name(p->mode), evoke_site_name(p->site),
                 p->layers->text);
    return EVOKE_OK;
}

/* The vector at one strength, and the baselines beside it. */
static evoke_status add_strength(sweep_grid *g, const evoke_model *m, const place *p, size_t e, double alpha, evoke_error *err)
{
    static const char *const baselines[] = { "", "random", "both" };
    const bool wanted[] = { true, g->random_given, g->both && !is_base(g->emotions[e]) };
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; st == EVOKE_OK && i < 3; i++) {
        if (!wanted[i])
            continue;
        sweep_cell *c = &g->cells[g->n_cell++];
        *c = (sweep_cell){ .emotion = g->emotions[e], .baseline = baselines[i], .alpha = alpha, .asked = i == 2 ? 1 + e : 0 };
        st = steer(g, m, p, i == 1, c, err);
    }
    return st;
}

/* All strengths at one place: those that move something, and of ablate, which knows no strength, one. */
static evoke_status add_place(sweep_grid *g, const evoke_model *m, const place *p, size_t e, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    if (p->mode == EVOKE_STEER_ABLATE)
        return add_strength(g, m, p, e, 1, err);
    for (size_t a = 0; st == EVOKE_OK && a < g->n_alpha; a++)
        if (g->alphas[a] != 0 || p->mode == EVOKE_STEER_CLAMP)
            st = add_strength(g, m, p, e, g->alphas[a], err);
    return st;
}

evoke_status sweep_grid_make(sweep_grid *g, const evoke_model *m, evoke_error *err)
{
    const size_t n_place = g->n_mode * g->n_site * g->n_range;
    evoke_status st = allocate(&g->cells, 1 + g->n_emotion * (1 + 3 * n_place * (g->n_alpha + 1)), sizeof *g->cells, err);
    if (st == EVOKE_OK && g->unsteered)
        g->cells[g->n_cell++] = (sweep_cell){ .emotion = "", .baseline = "none" };
    for (size_t e = 0; st == EVOKE_OK && e < g->n_emotion; e++) {
        if (g->prompted && !is_base(g->emotions[e]))
            g->cells[g->n_cell++] = (sweep_cell){ .emotion = g->emotions[e], .baseline = "prompt", .asked = 1 + e };
        for (size_t i = 0; st == EVOKE_OK && i < n_place; i++) {
            const place p = { g->modes[i / (g->n_site * g->n_range)], g->sites[i / g->n_range % g->n_site],
                              &g->layers[i % g->n_range] };
            st = add_place(g, m, &p, e, err);
        }
    }
    if (st == EVOKE_OK && g->n_cell == 0)
        st = fail(err, EVOKE_EARG, "sweep: the grid is empty");
    return st;
}
