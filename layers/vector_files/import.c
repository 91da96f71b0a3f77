/* layers/vector_files/import.c: a file of any format to vectors: recognised, read, its layers and site as evoke names them. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "layers/vector_files/formats.h"

void evk_note(evoke_vectors_report *report, bool lost, size_t n, const char *format, ...)
{
    va_list args;
    if (!report || report->n_notes == EVOKE_MOST_NOTES)
        return;
    evoke_vectors_note *note = &report->notes[report->n_notes++];
    note->lost = lost;
    note->n = n;
    va_start(args, format);
    vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
}

/* ---- one vector to vectors ---- */

/* The file's name without folder and ending. */
static void stem_of(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    snprintf(out, size, "%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name), name);
}

static evoke_status check_site(const evk_format *f, evoke_site site, const char *path, evoke_error *err)
{
    bool fits = f->n_sites == 0;
    for (size_t i = 0; i < f->n_sites; i++)
        fits |= f->sites[i] == site;
    return fits ? EVOKE_OK : evk_fail(err, EVOKE_EDATA, "open vectors: a file of format '%s' is not of site %s (%s)",
                                      f->says.name, evoke_site_name(site), path);
}

/* order [n]: rows by rising number; two of one number are an error. */
static evoke_status sort_rows(const evk_found *f, size_t *order, evoke_error *err)
{
    for (size_t i = 0; i < f->n; i++) {
        size_t at = i;
        for (; at > 0 && f->numbers[order[at - 1]] > f->numbers[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
        if (at > 0 && f->numbers[order[at - 1]] == f->numbers[i])
            return evk_fail(err, EVOKE_EFORMAT, "open vectors: layer %d is there twice (%s)", (int)f->numbers[i], f->path);
    }
    return EVOKE_OK;
}

static evoke_status build(const evk_format *as, const evk_found *f, int32_t offset, evoke_site site, const size_t *order,
                          int32_t *layers, evoke_vectors **out, evoke_error *err)
{
    const char *name = f->name;
    for (size_t l = 0; l < f->n; l++) {
        const int64_t layer = (int64_t)f->numbers[order[l]] + offset;
        if (layer < 0 || layer > INT32_MAX)
            return evk_fail(err, EVOKE_EFORMAT, "open vectors: layer %d of the file would be layer %lld (format '%s', offset %d; "
                            "%s)", (int)f->numbers[order[l]], (long long)layer, as->says.name, (int)offset, f->path);
        layers[l] = (int32_t)layer;
    }
    const evk_vectors_spec spec = {
        .n_emotion = 1, .n_layer = f->n, .d_model = f->d, .n_site = 1, .emotions = &name, .layers = layers, .sites = &site,
        .method = as->says.name, .span = "", .model_name = f->model, .architecture = f->architecture,
        .n_layer_model = f->n_layer_model,
    };
    EVK_TRY(evk_vectors_new(&spec, out, err));
    for (size_t l = 0; l < f->n; l++)
        memcpy(evk_vectors_ev(*out, 0, 0) + l * f->d, f->values + order[l] * f->d, f->d * sizeof *f->values);
    evk_vectors_set_base(*out);
    return EVOKE_OK;
}

static evoke_status convert(const evk_format *as, evk_found *f, const evoke_vectors_choice *choice, evoke_vectors **out,
                            evoke_error *err)
{
    const int32_t offset = choice->layer_offset ? *choice->layer_offset : f->says_offset ? f->offset : as->says.layer_offset;
    const evoke_site site = f->says_site ? f->site : choice->site ? *choice->site : as->sites[0];
    size_t *order = NULL;
    int32_t *layers = NULL;
    if (f->n == 0)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: it holds no layer (%s)", f->path);
    EVK_TRY(check_site(as, site, f->path, err));
    if (choice->site && *choice->site != site)
        return evk_fail(err, EVOKE_EDATA, "open vectors: it says that it is of site %s, not %s (%s)", evoke_site_name(site),
                        evoke_site_name(*choice->site), f->path);
    if (!f->name[0] || evk_utf8_check(f->name, strlen(f->name), "name", NULL) != EVOKE_OK)
        stem_of(f->path, f->name, sizeof f->name);
    EVK_TRY(evk_alloc(&order, f->n, sizeof *order, "open vectors", err));
    evoke_status st = evk_alloc(&layers, f->n, sizeof *layers, "open vectors", err);
    if (st == EVOKE_OK)
        st = sort_rows(f, order, err);
    if (st == EVOKE_OK)
        st = build(as, f, offset, site, order, layers, out, err);
    free(order);
    free(layers);
    return st;
}

/* ---- any file ---- */

static const evk_format *recognise(const evk_source *s)
{
    for (size_t i = 0; i < evk_n_formats; i++)
        if (evk_formats[i].holds == s->holds && evk_formats[i].recognise && evk_formats[i].recognise(s))
            return &evk_formats[i];
    return NULL;
}

static evoke_status choose(const evk_source *s, const evoke_vectors_choice *choice, const evk_format **out, evoke_error *err)
{
    *out = choice->format ? evk_format_named(choice->format) : recognise(s);
    if (choice->format && !*out)
        return evk_fail(err, EVOKE_EARG, "open vectors: there is no format '%.40s'", choice->format);
    if (!*out)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: vectors of no format that is known; if it is one, name it (%s)",
                        s->path);
    if ((*out)->holds != s->holds)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: it is not of format '%s' (%s)", (*out)->says.name, s->path);
    return EVOKE_OK;
}

static void note_what_was_read(const evk_format *as, const evk_found *f, const evoke_vectors_choice *choice,
                               evoke_vectors_report *report)
{
    if (as->remark && !choice->format && !choice->layer_offset && !f->says_offset)
        evk_note(report, false, 0, "%s", as->remark);
    if (f->n_widened)
        evk_note(report, false, f->n_widened, "%zu layers are stored in 16 bits, and were widened without loss", f->n_widened);
    if (f->n_rounded)
        evk_note(report, true, f->n_rounded, "%zu layers of float64 were rounded to float32", f->n_rounded);
}

/* A file that says itself of which layers and sites it is takes no other choice. */
static evoke_status read_all(const evk_format *as, const evk_source *s, const evoke_vectors_choice *choice, evoke_vectors **out,
                             evoke_error *err)
{
    if (choice->layer_offset)
        return evk_fail(err, EVOKE_EARG, "open vectors: format '%s' says which layers it holds: there is no offset to choose "
                        "(%s)", as->says.name, s->path);
    EVK_TRY(as->read_all(s, out, err));
    if (choice->site && !evoke_vectors_get(*out, *choice->site, 0))
        return evk_fail(err, EVOKE_EDATA, "open vectors: it holds no site %s (%s)", evoke_site_name(*choice->site), s->path);
    return EVOKE_OK;
}

static evoke_status read_one(const evk_format *as, const evk_source *s, const evoke_vectors_choice *choice, evoke_vectors **out,
                             evoke_vectors_report *report, evoke_error *err)
{
    evk_found found = { .path = s->path };
    evoke_status st = as->read(s, &found, report, err);
    if (st == EVOKE_OK)
        st = convert(as, &found, choice, out, err);
    if (st == EVOKE_OK)
        note_what_was_read(as, &found, choice, report);
    evk_found_free(&found);
    return st;
}

evoke_status evoke_vectors_import(const char *path, const evoke_vectors_choice *choice, evoke_vectors **out,
                                  evoke_vectors_report *report, evoke_error *err)
{
    static const evoke_vectors_choice none = { 0 };
    const evk_format *as = NULL;
    evk_source source;
    *out = NULL;
    choice = choice ? choice : &none;
    evoke_status st = evk_source_open(path, &source, err);
    if (st == EVOKE_OK)
        st = choose(&source, choice, &as, err);
    if (report)
        *report = (evoke_vectors_report){ .format = as ? as->says.name : "" };
    if (st == EVOKE_OK)
        st = as->read ? read_one(as, &source, choice, out, report, err) : read_all(as, &source, choice, out, err);
    if (st != EVOKE_OK) {
        evoke_vectors_free(*out);
        *out = NULL;
    }
    evk_source_free(&source);
    return st;
}
