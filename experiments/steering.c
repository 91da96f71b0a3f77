#include "experiments/steering.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"

void steer_plan_free(steer_plan *p)
{
    for (size_t i = 0; i < p->n_files; i++) {
        evoke_vectors_free(p->files[i]);
        free(p->details[i].layers);
        tuning_free(p->details[i].tuned);
    }
    steer_plan_clear(p);
    free(p->files);
    free(p->paths);
    free(p->strengths);
    free(p->details);
    memset(p, 0, sizeof *p);
}

void steer_plan_clear(steer_plan *p)
{
    while (p->n_strengths > 0)
        free(p->strengths[--p->n_strengths].emotion);
}

/* ---- applying ---- */
evoke_site usual_site(const evoke_vectors *v)
{
    const size_t n = evoke_vectors_describe(v)->n_site;
    for (size_t i = 0; i < n; i++)
        if (evoke_vectors_site(v, i) == EVOKE_ATTN_OUT)
            return EVOKE_ATTN_OUT;
    return n ? evoke_vectors_site(v, 0) : EVOKE_ATTN_OUT;
}

evoke_site steer_plan_site(const steer_plan *p, size_t file)
{
    const steer_detail *d = &p->details[file];
    return d->site_given ? d->site : usual_site(p->files[file]);
}

static bool names_base(const steer_plan *p, size_t file)
{
    for (size_t i = 0; i < p->n_strengths; i++)
        if (p->strengths[i].file == file && p->strengths[i].emotion && strcmp(p->strengths[i].emotion, "base") == 0)
            return true;
    return p->base_alpha != 0;
}

static void say_tuned(const steer_plan *p, size_t file, const char *path)
{
    const tuning *t = p->details[file].tuned;
    char base[40] = "";
    if (t->base_share != 0)
        snprintf(base, sizeof base, " less %g of EVbase", t->base_share);
    say("steer: as tuned for this model, alpha 1 is %.3g times the vector%s at %s, layers %d to %d, positions %s; alpha %.2g to "
        "%.2g is safe (%s; --no-tuned leaves it out)", tuning_alpha(t, NULL), base, evoke_site_name(t->site), (int)t->layers[0],
        (int)t->layers[t->n_layers - 1], evoke_positions_name(t->positions), t->low, t->high, path);
}

/* Takes over what was found; the vectors must hold it. */
static evoke_status use_tuning(steer_detail *d, tuning *t, evoke_error *err)
{
    free(d->layers);
    d->layers = NULL;
    const evoke_status st = allocate(&d->layers, t->n_layers, sizeof *d->layers, err);
    if (st != EVOKE_OK)
        return st;
    memcpy(d->layers, t->layers, t->n_layers * sizeof *d->layers);
    d->n_layers = t->n_layers;
    d->site = t->site;
    d->site_given = true;
    d->positions = t->positions;
    d->mode = t->mode;
    return EVOKE_OK;
}

evoke_status steer_plan_tune(steer_plan *p, const evoke_model *m, bool quiet, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    for (size_t f = 0; st == EVOKE_OK && f < p->n_files && !p->no_tuned && !p->less_base; f++) {
        steer_detail *d = &p->details[f];
        if (d->in_detail || names_base(p, f))
            continue;
        char *path = tuning_path(p->paths[f]);
        st = path ? tuning_read(path, p->files[f], m, &d->tuned, err) : fail(err, EVOKE_ENOMEM, "steer: no memory");
        if (st == EVOKE_OK && d->tuned)
            st = use_tuning(d, d->tuned, err);
        if (st == EVOKE_OK && d->tuned && !quiet)
            say_tuned(p, f, path);
        free(path);
    }
    return st;
}

/* n strengths, and their starts, as tuned: times the alpha found, and after them EVbase for what is taken off. */
static size_t scale(const tuning *t, evoke_strength *strengths, double *starts, size_t n)
{
    double base = 0, base_start = 0;
    for (size_t i = 0; t && i < n; i++) {
        const double alpha = tuning_alpha(t, strengths[i].emotion);
        strengths[i].alpha *= alpha;
        starts[i] *= alpha;
        base -= t->base_share * strengths[i].alpha;
        base_start -= t->base_share * starts[i];
    }
    if (!t || t->base_share == 0)
        return n;
    strengths[n] = (evoke_strength){ "base", base };
    starts[n] = base_start;
    return n + 1;
}

static evoke_status add_edit(const steer_plan *p, size_t file, const evoke_strength *strengths, const double *starts, size_t n,
                             evoke_steering *s, evoke_error *err)
{
    const steer_detail *d = &p->details[file];
    const evoke_steer_options edit = {
        .vectors = p->files[file], .strengths = strengths, .n_strengths = n,
        .site = steer_plan_site(p, file), .positions = d->positions, .mode = d->mode,
        .layers = d->layers, .n_layers = d->n_layers, .less_base = p->less_base,
        .starts = starts, .ramp_tokens = d->ramp_tokens, .half_life = d->half_life,
    };
    return evoke_steering_add(s, &edit, err);
}

evoke_status steer_plan_apply(const steer_plan *p, const evoke_model *m, evoke_steering **out, evoke_error *err)
{
    *out = NULL;
    if (p->n_files == 0)
        return EVOKE_OK;
    evoke_strength *own = NULL;
    double *starts = NULL;
    evoke_status st = allocate(&own, p->n_strengths + 1, sizeof *own, err);     /* one for EVbase, where it is taken off */
    if (st == EVOKE_OK)
        st = allocate(&starts, p->n_strengths + 1, sizeof *starts, err);
    if (st == EVOKE_OK)
        st = evoke_steering_new(m, out, err);
    for (size_t f = 0; st == EVOKE_OK && f < p->n_files; f++) {
        size_t n = 0;
        for (size_t i = 0; i < p->n_strengths; i++)
            if (p->strengths[i].file == f) {
                own[n] = (evoke_strength){ p->strengths[i].emotion, p->strengths[i].alpha };
                starts[n++] = p->strengths[i].start;
            }
        if (n > 0)
            st = add_edit(p, f, own, starts, scale(p->details[f].tuned, own, starts, n), *out, err);
    }
    free(own);
    free(starts);
    if (st != EVOKE_OK) {
        evoke_steering_free(*out);
        *out = NULL;
    }
    return st;
}

evoke_status steer_plan_apply_one(const steer_plan *p, const evoke_model *m, size_t file, const char *emotion,
                                  double alpha, evoke_steering **out, evoke_error *err)
{
    evoke_strength both[] = { { emotion, alpha }, { "base", p->base_alpha } };
    double starts[] = { alpha, p->base_alpha };
    const size_t n = p->base_alpha != 0 ? 2 : scale(p->details[file].tuned, both, starts, 1);
    evoke_status st = evoke_steering_new(m, out, err);
    if (st == EVOKE_OK)
        st = add_edit(p, file, both, starts, n, *out, err);
    if (st != EVOKE_OK) {
        evoke_steering_free(*out);
        *out = NULL;
    }
    return st;
}

void steer_plan_remark(const steer_plan *p, const evoke_steering *s, size_t n_predict)
{
    bool over_tokens = false;
    const char *idle = s ? evoke_steering_idle(s) : "";
    for (size_t f = 0; f < p->n_files; f++)
        over_tokens = over_tokens || p->details[f].ramp_tokens > 0 || p->details[f].half_life > 0;
    if (*idle)
        say("steer: what changes nothing: %s", idle);
    else if (s && over_tokens && n_predict < 2)
        say("steer: --ramp and --decay change nothing where no second token is generated");
}

/* ---- saying ---- */
const char *steer_plan_name(const steer_plan *p, const strength *s)
{
    return s->emotion ? s->emotion : evoke_vectors_emotion(p->files[s->file], 0);
}

/* Strengths of one file, or (SIZE_MAX) of all. */
static json_t *alpha_json(const steer_plan *p, const strength *list, size_t n, size_t file)
{
    json_t *alpha = json_object();
    for (size_t i = 0; i < n; i++) {
        const char *name = steer_plan_name(p, &list[i]);
        json_t *value = json_number(list[i].alpha);
        if (file != SIZE_MAX && list[i].file != file) {
            json_decref(value);
            continue;
        }
        if (list[i].start != list[i].alpha) {
            json_t *range = json_array();
            json_add(range, json_number(list[i].start));
            json_add(range, value);
            value = range;
        }
        json_put(alpha, name, value);
    }
    return alpha;
}

static void put_detail(json_t *o, const steer_plan *p, size_t file)
{
    const steer_detail *d = &p->details[file];
    json_put(o, "layers", d->layers ? json_ids(d->layers, d->n_layers) : json_string("all"));
    json_put(o, "site", json_string(evoke_site_name(steer_plan_site(p, file))));
    json_put(o, "positions", json_string(evoke_positions_name(d->positions)));
    json_put(o, "mode", json_string(evoke_steer_mode_name(d->mode)));
    if (d->ramp_tokens)
        json_put(o, "ramp_tokens", json_count(d->ramp_tokens));
    if (d->half_life > 0)
        json_put(o, "half_life", json_number(d->half_life));
    if (d->tuned) {
        json_put(o, "tuned_alpha", json_number(tuning_alpha(d->tuned, NULL)));
        json_put(o, "tuned_base_share", json_number(d->tuned->base_share));
    }
}

json_t *steer_plan_json(const steer_plan *p, const strength *only, const evoke_steering *s)
{
    if (p->n_files == 0 || !s)
        return json_null();
    json_t *o = json_object(), *files = json_array(), *edits = json_array();
    const size_t n = only ? 1 : p->n_strengths;
    const strength *list = only ? only : p->strengths;
    json_t *alpha = alpha_json(p, list, n, SIZE_MAX);
    for (size_t i = 0; i < p->n_files; i++)
        json_add(files, json_text(p->paths[i], strlen(p->paths[i])));
    for (size_t f = 0; f < p->n_files; f++) {
        json_t *edit = json_object();
        json_put(edit, "ev", json_text(p->paths[f], strlen(p->paths[f])));
        json_put(edit, "alpha", alpha_json(p, list, n, f));
        put_detail(edit, p, f);
        json_add(edits, edit);
    }
    if (only && p->base_alpha != 0)
        json_put(alpha, "base", json_number(p->base_alpha));
    json_put(o, "ev", files);
    json_put(o, "alpha", alpha);
    put_detail(o, p, list ? list[0].file : 0);
    json_put(o, "less_base", json_boolean(p->less_base));
    json_put(o, "text", json_text(evoke_steering_text(s), strlen(evoke_steering_text(s))));
    if (p->n_files > 1 && !only)
        json_put(o, "edits", edits);
    else
        json_decref(edits);
    return o;
}
