/* experiments/report_files.c: files opened by what they are, not by what they are called. */
#include <stdlib.h>
#include <string.h>

#include "experiments/files.h"
#include "experiments/report.h"

const char *report_kind_name(report_kind kind)
{
    static const char *const names[REPORT_N_KIND] = { "store", "vectors", "theory", "labelled", "claims", "sweep", "eval" };
    return names[kind];
}

static bool is_hdf5(const char *path)
{
    char head[4] = "";
    FILE *f = fopen(path, "rb");
    const bool yes = f && fread(head, 1, sizeof head, f) == sizeof head && memcmp(head, "\x89HDF", sizeof head) == 0;
    if (f)
        fclose(f);
    return yes;
}

static evoke_status open_hdf5(report_file *file, evoke_error *err)
{
    char format[64];
    const evoke_status st = evoke_file_format(file->path, format, err);
    if (st != EVOKE_OK)
        return st;
    if (strcmp(format, "evoke-activations") == 0) {
        file->kind = REPORT_STORE;
        return evoke_store_open(file->path, &file->store, err);
    }
    if (strcmp(format, "evoke-vectors") == 0) {
        file->kind = REPORT_VECTORS;
        return evoke_vectors_open(file->path, &file->vectors, err);
    }
    static const struct { const char *format; report_kind kind; } of_figures[] = {
        { "evoke-theory", REPORT_THEORY }, { "evoke-labelled", REPORT_LABELLED }, { "evoke-claims", REPORT_CLAIMS },
    };
    for (size_t i = 0; i < sizeof of_figures / sizeof *of_figures; i++)
        if (strcmp(format, of_figures[i].format) == 0) {
            file->kind = of_figures[i].kind;
            return evoke_figures_open(file->path, &file->figures, err);
        }
    return fail(err, EVOKE_EFORMAT, "report: format '%s' is neither a store, vectors, theory, claims nor labelled texts (%s)",
                format, file->path);
}

/* One object with "cells" is an evaluation; objects with a text and an alpha are responses. */
static evoke_status open_json(report_file *file, evoke_error *err)
{
    json_t *root = NULL;
    evoke_error whole;
    evoke_status st = json_read(file->path, &root, &whole);
    if (st != EVOKE_OK)
        st = json_read_lines(file->path, &root, err);
    if (st != EVOKE_OK)
        return st;
    if (json_is_array(root) && json_array_size(root) == 1 && json_object_get(json_array_get(root, 0), "cells")) {
        json_t *only = json_incref(json_array_get(root, 0));
        json_decref(root);
        root = only;
    }
    if (json_is_object(root) && !json_object_get(root, "cells")) {          /* a sweep of one response */
        json_t *list = json_array();
        json_array_append_new(list, root);
        root = list;
    }
    const json_t *first = json_array_get(root, 0);
    file->json = root;
    if (json_is_array(json_object_get(root, "cells")))
        file->kind = REPORT_EVAL;
    else if (json_is_string(json_object_get(first, "text")) && json_is_number(json_object_get(first, "alpha")))
        file->kind = REPORT_SWEEP;
    else
        return fail(err, EVOKE_EFORMAT, "report: neither what eval --json prints nor a sweep's responses (%s)", file->path);
    return EVOKE_OK;
}

evoke_status report_open(char *const *paths, size_t n, report_files *out, evoke_error *err)
{
    *out = (report_files){ .n = 0 };
    evoke_status st = allocate(&out->files, n, sizeof *out->files, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        report_file *file = &out->files[out->n++];
        file->path = paths[i];
        st = is_hdf5(paths[i]) ? open_hdf5(file, err) : open_json(file, err);
        if (st == EVOKE_OK)
            out->n_of[file->kind]++;
    }
    return st;
}

void report_close(report_files *r)
{
    for (size_t i = 0; i < r->n; i++) {
        evoke_store_free(r->files[i].store);
        evoke_vectors_free(r->files[i].vectors);
        evoke_figures_free(r->files[i].figures);
        json_decref(r->files[i].json);
    }
    free(r->files);
    *r = (report_files){ .n = 0 };
}
