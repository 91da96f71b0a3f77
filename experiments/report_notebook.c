/* experiments/report_notebook.c: the notebook that draws a report's figures again: data/report.ipynb, told of the files. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/files.h"
#include "experiments/json_out.h"
#include "experiments/report.h"

/* "FILES = [...]": a list that Python reads as JSON does. Paths in full: a notebook runs in its own folder. */
static json_t *files_source(const report_files *r)
{
    json_t *paths = json_array();
    for (size_t i = 0; i < r->n; i++) {
        char *full = realpath(r->files[i].path, NULL);
        const char *path = full ? full : r->files[i].path;
        json_add(paths, json_text(path, strlen(path)));
        free(full);
    }
    char *list = json_dumps(paths, JSON_INDENT(4));
    json_t *source = list ? json_sprintf("FILES = %s\n", list) : NULL;
    free(list);
    json_decref(paths);
    return source;
}

/* The cell with that tag; NULL: there is none. */
static json_t *tagged_cell(const json_t *notebook, const char *tag)
{
    size_t i, k;
    json_t *cell, *of;
    json_array_foreach(json_object_get(notebook, "cells"), i, cell)
        json_array_foreach(json_object_get(json_object_get(cell, "metadata"), "tags"), k, of)
            if (json_is_string(of) && strcmp(json_string_value(of), tag) == 0)
                return cell;
    return NULL;
}

evoke_status report_notebook_check(evoke_error *err)
{
    char path[PATH_MAX];
    if (access(data_file("report.ipynb", path, sizeof path), R_OK) == 0)
        return EVOKE_OK;
    return fail(err, EVOKE_EIO, "write the notebook: its template is not installed; --notebook none leaves it out (%s)", path);
}

evoke_status report_notebook(FILE *f, const report_files *r, evoke_error *err)
{
    char path[PATH_MAX];
    json_t *notebook = NULL;
    evoke_status st = json_read(data_file("report.ipynb", path, sizeof path), &notebook, err);
    if (st != EVOKE_OK)
        return st;
    json_t *cell = tagged_cell(notebook, "files");
    if (!cell)
        st = fail(err, EVOKE_EFORMAT, "write the notebook: no cell is tagged 'files' (%s)", path);
    else if (json_object_set_new(cell, "source", files_source(r)) != 0)
        st = fail(err, EVOKE_ENOMEM, "write the notebook: no memory");
    else if (json_dumpf(notebook, f, JSON_INDENT(1)) != 0 || fputc('\n', f) == EOF)
        st = fail(err, EVOKE_EIO, "write the notebook: the file cannot be written");
    json_decref(notebook);
    return st;
}
