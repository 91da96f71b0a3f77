/* experiments/steering_read.c: the steering options as they were typed, to a plan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/steering.h"

/* ---- strengths ---- */
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

static evoke_status add_strength(steer_plan *p, const char *name, size_t n, const double range[2], size_t first, size_t last,
                                 evoke_error *err)
{
    strength *grown = realloc(p->strengths, (p->n_strengths + 1) * sizeof *grown);
    if (grown)
        p->strengths = grown;
    char *copy = grown && name ? strndup(name, n) : NULL;
    if (!grown || (name && !copy))
        return fail(err, EVOKE_ENOMEM, "read --alpha: no memory");
    p->strengths[p->n_strengths] = (strength){ .emotion = copy, .start = range[0], .alpha = range[1], .file = first };
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

/* "2": from 2 to 2; "0:2": a ramp. */
static evoke_status read_range(const char *text, const char *what, double range[2], evoke_error *err)
{
    char first[64];
    const char *colon = strchr(text, ':');
    const size_t n = colon ? (size_t)(colon - text) : 0;
    evoke_status st = parse_real(colon ? colon + 1 : text, what, -1e6, 1e6, &range[1], err);
    range[0] = range[1];
    if (st != EVOKE_OK || !colon)
        return st;
    if (n >= sizeof first)
        return fail(err, EVOKE_EARG, "read %s: '%.70s...' is no range of numbers, A:B", what, text);
    memcpy(first, text, n);
    first[n] = '\0';
    return parse_real(first, what, -1e6, 1e6, &range[0], err);
}

static evoke_status number_alone(steer_plan *p, const char *text, size_t first, size_t last, evoke_error *err)
{
    char names[256];
    double range[2];
    const evoke_status st = read_range(text, "--alpha", range, err);
    if (st != EVOKE_OK)
        return st;
    list_emotions(p->files[first], names, sizeof names);
    if (last - first > 1)
        return fail(err, EVOKE_EARG, "read --alpha: '%s' names no vector, and there are several files (write NAME=%s)",
                    text, text);
    if (evoke_vectors_describe(p->files[first])->n_emotion != 1)
        return fail(err, EVOKE_EARG, "read --alpha: '%s' names none of %s (write NAME=%s; %s)", text, names, text,
                    p->paths[first]);
    return add_strength(p, NULL, 0, range, first, last, err);
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
        double range[2];
        if (!equals || equals == part)
            st = fail(err, EVOKE_EARG, "read --alpha: '%s' is not NAME=NUMBER (in '%s')", part, text);
        if (st == EVOKE_OK)
            st = read_range(equals + 1, "--alpha", range, err);
        if (st == EVOKE_OK)
            st = add_strength(p, part, (size_t)(equals - part), range, first, last, err);
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
    if (st == EVOKE_OK)
        st = allocate(&p->details, n, sizeof *p->details, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        p->paths[i] = option_nth(o, OPT_EV, i);
        st = options_open_vectors(o, p->paths[i], &p->files[i], err);
        p->n_files = i + (st == EVOKE_OK);
    }
    return st;
}

/* What --NAME says of a file: given once, it holds for all; given as often as --ev, it pairs up. NULL: not given. */
static evoke_status detail_text(const options *o, option_id id, size_t file, const char **text, evoke_error *err)
{
    const size_t n_ev = option_times(o, OPT_EV), n = option_times(o, id);
    if (n_ev > 1 && n > 1 && n != n_ev)
        return fail(err, EVOKE_EARG, "steer: --%s is given %zu times for %zu --ev: once holds for all, or once for each in order",
                    option_name(o, id), n, n_ev);
    *text = n > 1 && n == n_ev ? option_nth(o, id, file) : option_text(o, id);
    return EVOKE_OK;
}

static evoke_status read_detail(const options *o, size_t file, steer_detail *d, evoke_error *err)
{
    static const option_id ids[] = { OPT_SITE, OPT_POSITIONS, OPT_STEER_MODE, OPT_LAYERS, OPT_RAMP, OPT_DECAY };
    const char *text[6] = { NULL };
    uint64_t tokens = 0;
    evoke_status st = EVOKE_OK;
    *d = (steer_detail){ .positions = EVOKE_AT_LAST, .mode = EVOKE_STEER_ADD };
    for (size_t i = 0; st == EVOKE_OK && i < 6; i++)
        st = detail_text(o, ids[i], file, &text[i], err);
    if (st != EVOKE_OK)
        return st;
    d->site_given = text[0] != NULL;
    d->in_detail = text[0] || text[1] || text[2] || text[3];
    if (text[0] && (st = parse_site("site", text[0], &d->site, err)) != EVOKE_OK)
        return st;
    if (text[1] && !evoke_positions_find(text[1], &d->positions))
        return fail(err, EVOKE_EARG, "read --positions: '%s' is none of all, prompt, response, last", text[1]);
    if (text[2] && !evoke_steer_mode_find(text[2], &d->mode))
        return fail(err, EVOKE_EARG, "read --steer-mode: '%s' is none of add, relative, renorm, ablate, clamp", text[2]);
    st = parse_layers(text[3], &d->layers, &d->n_layers, err);
    if (st == EVOKE_OK && text[4])
        st = parse_uint(text[4], "--ramp", 1, 1000000, &tokens, err);
    if (st == EVOKE_OK && text[5])
        st = parse_real(text[5], "--decay", 1e-3, 1e9, &d->half_life, err);
    d->ramp_tokens = (size_t)tokens;
    return st;
}

static evoke_status read_details(const options *o, steer_plan *p, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    p->less_base = option_given(o, OPT_LESS_BASE);
    p->no_tuned = option_given(o, OPT_NO_TUNED);
    for (size_t f = 0; st == EVOKE_OK && f < p->n_files; f++)
        st = read_detail(o, f, &p->details[f], err);
    return st;
}

static bool has_strength(const steer_plan *p, size_t file)
{
    for (size_t i = 0; i < p->n_strengths; i++)
        if (p->strengths[i].file == file)
            return true;
    return false;
}

/* Files that no --alpha is for. Ablation needs no strength: every vector of the file is taken out. Of others the strengths come later
 * (by hand), or there are none. */
static evoke_status finish_files(const options *o, steer_plan *p, bool by_hand, evoke_error *err)
{
    static const double whole[2] = { 1, 1 };
    evoke_status st = EVOKE_OK;
    for (size_t f = 0; st == EVOKE_OK && f < p->n_files; f++) {
        const size_t n = evoke_vectors_describe(p->files[f])->n_emotion;
        const bool ablates = p->details[f].mode == EVOKE_STEER_ABLATE;
        if (has_strength(p, f) || (by_hand && !ablates))
            continue;
        if (!ablates && option_times(o, OPT_ALPHA) == 0)
            return fail(err, EVOKE_EARG, "steer: --ev is given, but no strength (--alpha joy=1)");
        if (!ablates && !o->quiet)
            say("steer: %s changes nothing: no --alpha is for one of its vectors", p->paths[f]);
        for (size_t e = 0; ablates && st == EVOKE_OK && e < n; e++) {
            const char *name = evoke_vectors_emotion(p->files[f], e);
            st = add_strength(p, name, strlen(name), whole, f, f + 1, err);
        }
    }
    return st;
}

/* A file whose --ramp has no range to rise over. */
static evoke_status check_ramps(const steer_plan *p, evoke_error *err)
{
    for (size_t f = 0; f < p->n_files; f++) {
        bool ranges = p->details[f].ramp_tokens == 0;
        for (size_t i = 0; i < p->n_strengths; i++)
            ranges = ranges || (p->strengths[i].file == f && p->strengths[i].start != p->strengths[i].alpha);
        if (!ranges)
            return fail(err, EVOKE_EARG, "steer: --ramp is given, but no --alpha is a range (joy=0:2)");
    }
    return EVOKE_OK;
}

evoke_status steer_plan_read(const options *o, steer_source source, steer_plan *p, evoke_error *err)
{
    memset(p, 0, sizeof *p);
    p->alpha = 1;
    const size_t n_ev = option_times(o, OPT_EV), n_alpha = option_times(o, OPT_ALPHA);
    static const option_id details[] = { OPT_ALPHA, OPT_LAYERS, OPT_SITE, OPT_POSITIONS, OPT_STEER_MODE, OPT_RAMP, OPT_DECAY,
                                         OPT_LESS_BASE };
    for (size_t i = 0; n_ev == 0 && i < sizeof details / sizeof *details; i++)
        if (option_given(o, details[i]))
            return fail(err, EVOKE_EARG, "steer: --%s is given, but no vectors (--ev FILE)", option_name(o, details[i]));
    if (n_ev == 0)
        return EVOKE_OK;
    evoke_status st = open_files(o, p, err);
    if (st == EVOKE_OK)
        st = read_details(o, p, err);
    const bool pairs = n_ev > 1 && n_alpha == n_ev;
    for (size_t i = 0; st == EVOKE_OK && i < n_alpha; i++)
        st = read_alpha(p, option_nth(o, OPT_ALPHA, i), pairs ? i : 0, pairs ? i + 1 : n_ev, source == STEER_COMPARE, err);
    if (st == EVOKE_OK && source != STEER_COMPARE)
        st = finish_files(o, p, source == STEER_BY_HAND, err);
    return st == EVOKE_OK && source != STEER_BY_HAND ? check_ramps(p, err) : st;
}

/* ---- strengths that change ---- */
evoke_status steer_plan_set(steer_plan *p, const char *name, const char *text, evoke_error *err)
{
    strength wanted = { .emotion = (char *)name };
    double range[2];
    evoke_status st = p->n_files > 0 ? find_file(p, &wanted, 0, p->n_files, err)
                                     : fail(err, EVOKE_EARG, "steer: there are no vectors (--ev FILE)");
    if (st == EVOKE_OK)
        st = read_range(text, name, range, err);
    if (st != EVOKE_OK)
        return st;
    for (size_t i = 0; i < p->n_strengths; i++)
        if (p->strengths[i].file == wanted.file && strcmp(steer_plan_name(p, &p->strengths[i]), name) == 0) {
            free(p->strengths[i].emotion);
            memmove(&p->strengths[i], &p->strengths[i + 1], (--p->n_strengths - i) * sizeof *p->strengths);
            break;
        }
    return range[0] == 0 && range[1] == 0 ? EVOKE_OK
                                          : add_strength(p, name, strlen(name), range, wanted.file, wanted.file + 1, err);
}
