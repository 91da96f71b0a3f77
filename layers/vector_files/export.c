/* layers/vector_files/export.c: vectors to a file of any format: chosen, numbered as the format counts, and what cannot be
 * carried counted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/files/whole_file.h"
#include "core/json.h"
#include "core/text.h"
#include "layers/vector_files/formats.h"

/* ---- what was chosen ---- */

typedef struct selection {
    const evoke_vectors *from;
    size_t *emotions, n_emotion;        /* indices; n_emotion of `from`: EVbase */
    size_t *layers, n_layer;            /* indices */
    evoke_site sites[EVOKE_N_SITE];
    size_t n_site;
    bool all;
} selection;

static evoke_status find_emotion(const evoke_vectors *v, const char *name, size_t *out, evoke_error *err)
{
    *out = evk_vectors_find(v, name);
    if (*out < evoke_vectors_describe(v)->n_emotion || strcmp(name, "base") == 0)
        return EVOKE_OK;
    return evk_fail(err, EVOKE_EDATA, "write vectors: none is called '%.80s'", name);
}

static evoke_status find_layer(const evoke_vectors *v, int32_t layer, size_t *out, evoke_error *err)
{
    *out = evk_vectors_find_layer(v, layer);
    if (*out < evoke_vectors_describe(v)->n_layer)
        return EVOKE_OK;
    return evk_fail(err, EVOKE_EDATA, "write vectors: they hold nothing for layer %d", (int)layer);
}

static evoke_status select_parts(const evoke_vectors *v, const evoke_vectors_choice *c, selection *s, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(v);
    *s = (selection){ .from = v, .n_emotion = c->n_emotions ? c->n_emotions : info->n_emotion,
                      .n_layer = c->layers ? c->n_layers : info->n_layer, .all = !c->n_emotions && !c->layers && !c->site };
    EVK_TRY(evk_alloc(&s->emotions, s->n_emotion, sizeof *s->emotions, "write vectors", err));
    EVK_TRY(evk_alloc(&s->layers, s->n_layer, sizeof *s->layers, "write vectors", err));
    for (size_t e = 0; e < s->n_emotion; e++) {
        s->emotions[e] = e;
        if (c->n_emotions)
            EVK_TRY(find_emotion(v, c->emotions[e], &s->emotions[e], err));
    }
    for (size_t l = 0; l < s->n_layer; l++) {
        s->layers[l] = l;
        if (c->layers)
            EVK_TRY(find_layer(v, c->layers[l], &s->layers[l], err));
        for (size_t k = 0; k < l; k++)          /* no reader would open such a file */
            if (s->layers[k] == s->layers[l])
                return evk_fail(err, EVOKE_EARG, "write vectors: layer %d is named twice", (int)c->layers[l]);
    }
    for (size_t i = 0; i < info->n_site; i++)
        if (!c->site || *c->site == evoke_vectors_site(v, i))
            s->sites[s->n_site++] = evoke_vectors_site(v, i);
    return s->n_site ? EVOKE_OK : evk_fail(err, EVOKE_EDATA, "write vectors: they hold no site %s", evoke_site_name(*c->site));
}

static const char *name_of(const selection *s, size_t e)
{
    const char *name = evoke_vectors_emotion(s->from, s->emotions[e]);
    return name ? name : "base";
}

static void copy_layers(const selection *s, evoke_site site, size_t e, float *out)
{
    const size_t d = evoke_vectors_describe(s->from)->d_model;
    const float *values = evoke_vectors_get(s->from, site, e);
    for (size_t l = 0; l < s->n_layer; l++)
        memcpy(out + l * d, values + s->layers[l] * d, d * sizeof *out);
}

/* A figure a layer, of which all or none are known. */
static void copy_figures(const selection *s, const float *figures, float *out)
{
    for (size_t l = 0; figures && l < s->n_layer; l++)
        out[l] = figures[s->layers[l]];
}

static void copy_site(const selection *s, size_t i, evoke_vectors *to)
{
    const evoke_site site = s->sites[i];
    const size_t base = evoke_vectors_describe(s->from)->n_emotion;
    for (size_t e = 0; e <= s->n_emotion; e++) {
        const size_t from = e < s->n_emotion ? s->emotions[e] : base;
        copy_layers(s, site, from, evk_vectors_ev(to, i, e));
        copy_figures(s, evoke_vectors_neutral(s->from, site, from), evk_vectors_neutral(to, i, e));
    }
    copy_figures(s, evoke_vectors_residual_norm(s->from, site), evk_vectors_norm(to, i));
}

static void copy_values(const selection *s, evoke_vectors *to)
{
    for (size_t i = 0; i < s->n_site; i++)
        copy_site(s, i, to);
    for (size_t e = 0; e < s->n_emotion; e++)
        evk_vectors_set_count(to, e, evoke_vectors_count(s->from, s->emotions[e]));
}

/* The chosen parts as vectors of their own; EVbase stays that of all emotions. */
static evoke_status copy_selection(const selection *s, evoke_vectors **out, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(s->from);
    const char **names = NULL;
    int32_t *layers = NULL;
    EVK_TRY(evk_alloc(&names, s->n_emotion, sizeof *names, "write vectors", err));
    evoke_status st = evk_alloc(&layers, s->n_layer, sizeof *layers, "write vectors", err);
    for (size_t e = 0; e < s->n_emotion && st == EVOKE_OK; e++)
        names[e] = name_of(s, e);
    for (size_t l = 0; l < s->n_layer && st == EVOKE_OK; l++)
        layers[l] = evoke_vectors_layer(s->from, s->layers[l]);
    const evk_vectors_spec spec = {
        .n_emotion = s->n_emotion, .n_layer = s->n_layer, .d_model = info->d_model, .n_site = s->n_site, .emotions = names,
        .layers = layers, .sites = s->sites, .method = info->method, .span = info->span, .model_name = info->model_name,
        .model_sha256 = info->model_sha256, .architecture = info->architecture,
        .n_layer_model = info->n_layer_model,
    };
    if (st == EVOKE_OK)
        st = evk_vectors_new(&spec, out, err);
    if (st == EVOKE_OK)
        copy_values(s, *out);
    free(names);
    free(layers);
    return st;
}

static evoke_status write_all(const evk_format *as, const selection *s, const char *path, const evoke_provenance *made,
                              evoke_error *err)
{
    evoke_vectors *chosen = NULL;
    if (s->all)
        return as->write_all(s->from, path, made, err);
    EVK_TRY(copy_selection(s, &chosen, err));
    const evoke_status st = as->write_all(chosen, path, made, err);
    evoke_vectors_free(chosen);
    return st;
}

/* ---- one vector a file ---- */

/* The first of the format's sites that is held. What enters block l is what leaves block l - 1. */
static evoke_status choose_site(const evk_format *as, const selection *s, evoke_site *from, evoke_site *to,
                                evoke_error *err)
{
    char held[256] = "";
    for (size_t k = 0; k < as->n_sites; k++)
        for (size_t i = 0; i < s->n_site; i++)
            if (s->sites[i] == as->sites[k]) {
                *from = *to = as->sites[k];
                return EVOKE_OK;
            }
    for (size_t i = 0; i < s->n_site; i++) {
        const size_t used = strlen(held);
        snprintf(held + used, sizeof held - used, "%s%s", i ? ", " : "", evoke_site_name(s->sites[i]));
        if (s->sites[i] == EVOKE_RESID_PRE && as->sites[0] == EVOKE_RESID_POST) {
            *from = EVOKE_RESID_PRE;
            *to = EVOKE_RESID_POST;
            return EVOKE_OK;
        }
    }
    return evk_fail(err, EVOKE_EDATA, "write vectors: format '%s' is of site %s, and here is %s", as->says.name,
                    as->says.site, held);
}

/* Fills written's layers with those that the format can number; the others are counted. */
static evoke_status number_layers(const evk_format *as, const selection *s, int32_t offset, evoke_site from, int32_t *numbers,
                                  int32_t *layers, size_t *kept, evk_written *w, evoke_vectors_report *report, evoke_error *err)
{
    size_t lost = 0;
    for (size_t l = 0; l < s->n_layer; l++) {
        const int32_t layer = evoke_vectors_layer(s->from, s->layers[l]) - (from == EVOKE_RESID_PRE && w->site != from);
        const int64_t number = (int64_t)layer - offset;
        if (layer < 0 || number < as->least_number || number > 999999) {
            lost++;
            continue;
        }
        kept[w->n] = s->layers[l];
        layers[w->n] = layer;
        numbers[w->n++] = (int32_t)number;
    }
    w->numbers = numbers;
    w->layers = layers;
    if (lost)
        evk_note(report, true, lost, "%zu of %zu layers cannot be carried: the format numbers them from %d on", lost, s->n_layer,
                 (int)as->least_number);
    return w->n ? EVOKE_OK : evk_fail(err, EVOKE_EDATA, "write vectors: format '%s' can carry none of the layers", as->says.name);
}

/* Its second file may take the place of an earlier one of its kind, and of nothing else. */
static evoke_status check_beside(const char *path, evoke_error *err)
{
    json_t *old = NULL;
    if (access(path, F_OK) != 0)
        return EVOKE_OK;
    const bool ours = evk_json_load_model_file(path, &old, NULL) == EVOKE_OK && json_object_get(old, "tensor_sha256");
    json_decref(old);
    return ours ? EVOKE_OK : evk_fail(err, EVOKE_EIO, "write vectors: the second file would replace another one (%s)", path);
}

static evoke_status write_file(const evk_format *as, const evk_written *w, const char *path, evoke_error *err)
{
    evk_buffer main = { 0 }, second = { 0 };
    char *beside = NULL;
    evoke_status st = as->ending_beside ? evk_other_ending(path, as->says.ending, as->ending_beside, &beside, err) : EVOKE_OK;
    if (st == EVOKE_OK && beside)
        st = check_beside(beside, err);
    if (st == EVOKE_OK)
        st = as->write(as, w, &main, &second, err);
    if (st == EVOKE_OK && beside)
        st = evk_write_whole(beside, second.data, second.n, err);
    if (st == EVOKE_OK) {
        st = evk_write_whole(path, main.data, main.n, err);
        if (st != EVOKE_OK && beside)
            unlink(beside);
    }
    free(beside);
    evk_buffer_free(&main);
    evk_buffer_free(&second);
    return st;
}

/* One vector's chosen layers to `path`. values [w->n, d] is scratch. */
static evoke_status write_vector(const evk_format *as, const selection *s, size_t e, evoke_site from, const size_t *kept,
                                 evk_written *w, float *values, const char *path, evoke_error *err)
{
    const float *ev = evoke_vectors_get(s->from, from, s->emotions[e]);
    for (size_t l = 0; l < w->n; l++)
        memcpy(values + l * w->d, ev + kept[l] * w->d, w->d * sizeof *values);
    w->values = values;
    w->name = name_of(s, e);
    return write_file(as, w, path, err);
}

/* Several vectors: a file each in a folder that has its name when all are there. */
static evoke_status write_folder(const evk_format *as, const selection *s, evoke_site from, const size_t *kept, evk_written *w,
                                 float *values, const char *path, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    char folder[4000], file[4400];
    const int n = snprintf(folder, sizeof folder, "%s.%ld.partial", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof folder || access(path, F_OK) == 0 || mkdir(folder, 0777) != 0)
        return evk_fail(err, EVOKE_EIO, "write vectors: several need a folder, which cannot be made: %s (%s)",
                        access(path, F_OK) == 0 ? "there is something of that name" : strerror(errno), path);
    for (size_t e = 0; e < s->n_emotion && st == EVOKE_OK; e++) {
        const char *name = name_of(s, e);
        if (strlen(name) > 200 || name[0] == '.' || strchr(name, '/'))
            st = evk_fail(err, EVOKE_EDATA, "write vectors: '%.80s' cannot be a file's name", name);
        snprintf(file, sizeof file, "%s/%.200s%s", folder, name, as->says.ending);
        if (st == EVOKE_OK)
            st = write_vector(as, s, e, from, kept, w, values, file, err);
    }
    if (st == EVOKE_OK && rename(folder, path) != 0)
        st = evk_fail(err, EVOKE_EIO, "write vectors: %s (%s)", strerror(errno), path);
    for (size_t e = 0; e < s->n_emotion && st != EVOKE_OK; e++) {
        snprintf(file, sizeof file, "%s/%.200s%s", folder, name_of(s, e), as->says.ending);
        unlink(file);
        snprintf(file, sizeof file, "%s/%.200s%s", folder, name_of(s, e), as->ending_beside ? as->ending_beside : ".");
        unlink(file);
    }
    if (st != EVOKE_OK)
        rmdir(folder);
    return st;
}

static void note_what_is_lost(const evk_format *as, const selection *s, evoke_site from, evoke_vectors_report *report)
{
    const size_t n_site = s->n_site - 1;
    const float *norms = evoke_vectors_residual_norm(s->from, from);
    if (n_site)
        evk_note(report, true, n_site, "%zu of %zu sites cannot be carried: %s is", n_site, s->n_site, evoke_site_name(from));
    if (norms)
        evk_note(report, true, s->n_layer, "%zu typical norms cannot be carried: steering modes that need them will not work",
                 s->n_layer);
    if (evoke_vectors_neutral(s->from, from, s->emotions[0]))
        evk_note(report, true, s->n_layer, "%zu components of the neutral class cannot be carried: mode clamp will not work",
                 s->n_layer);
    if (s->n_emotion > 1 && s->all)
        evk_note(report, true, 1, "1 vector cannot be carried, EVbase: choose emotion base to write it");
    if ((from == EVOKE_ATTN_OUT || from == EVOKE_MLP_OUT) && as->sites[0] == EVOKE_RESID_POST)
        evk_note(report, false, 0, "%s is written as the module's output, which differs where a norm follows it (Gemma 2, 3)",
                 evoke_site_name(from));
}

static evoke_status write_each(const evk_format *as, const selection *s, const evoke_vectors_choice *choice, const char *path,
                               evoke_vectors_report *report, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(s->from);
    evk_written w = { .d = info->d_model, .method = info->method, .model = info->model_name,
                      .architecture = info->architecture, .n_layer_model = info->n_layer_model };
    evoke_site from = EVOKE_RESID_POST;
    int32_t *numbers = NULL, *layers = NULL;
    size_t *kept = NULL;
    float *values = NULL;
    EVK_TRY(choose_site(as, s, &from, &w.site, err));
    evoke_status st = evk_alloc(&numbers, s->n_layer, sizeof *numbers, "write vectors", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&layers, s->n_layer, sizeof *layers, "write vectors", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&kept, s->n_layer, sizeof *kept, "write vectors", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&values, s->n_layer * w.d, sizeof *values, "write vectors", err);
    if (st == EVOKE_OK)
        st = number_layers(as, s, choice->layer_offset ? *choice->layer_offset : as->says.layer_offset, from, numbers, layers,
                           kept, &w, report, err);
    if (st == EVOKE_OK)
        note_what_is_lost(as, s, from, report);
    if (st == EVOKE_OK)
        st = s->n_emotion == 1 ? write_vector(as, s, 0, from, kept, &w, values, path, err)
                               : write_folder(as, s, from, kept, &w, values, path, err);
    free(numbers);
    free(layers);
    free(kept);
    free(values);
    return st;
}

evoke_status evoke_vectors_export(const evoke_vectors *v, const char *path, const evoke_vectors_choice *choice,
                                  const evoke_provenance *made, evoke_vectors_report *report, evoke_error *err)
{
    static const evoke_vectors_choice none = { 0 };
    selection s;
    choice = choice ? choice : &none;
    const evk_format *as = choice->format ? evk_format_named(choice->format) : NULL;
    if (choice->format && !as)
        return evk_fail(err, EVOKE_EARG, "write vectors: there is no format '%.40s'", choice->format);
    if (!as)
        EVK_TRY(evk_format_of_ending(path, &as, err));
    if (report)
        *report = (evoke_vectors_report){ .format = as->says.name };
    if (!as->says.is_written)
        return evk_fail(err, EVOKE_EARG, "write vectors: format '%s' is only read", as->says.name);
    if (as->says.says_layers && choice->layer_offset)
        return evk_fail(err, EVOKE_EARG, "write vectors: format '%s' has the numbers of the layers: there is no offset to choose",
                        as->says.name);
    evoke_status st = select_parts(v, choice, &s, err);
    if (st == EVOKE_OK)
        st = as->write_all ? write_all(as, &s, path, made, err) : write_each(as, &s, choice, path, report, err);
    free(s.emotions);
    free(s.layers);
    return st;
}
