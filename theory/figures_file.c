/* theory/figures_file.c: figures read back from the files of an analysis (evoke-theory), of the claims (evoke-claims) or of texts
 * that people labelled (evoke-labelled).
 *
 * A figure is a dataset with the attribute `axes`, a letter a dimension; those of the claims lie one group down. An axis has one
 * size in a file: that of /emotions for E and F, of /layers for L and G, of /directions for B; on labelled texts of /directions
 * for A and of /labels for C and B. Where no label has an EV there is no /labels, and C and B have one place, which has no name and
 * no value. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "theory/figures.h"

enum { MOST_VALUES = 1 << 27 };     /* of a figure: far over a thousand emotions in a hundred layers */

struct evoke_figures {
    evk_h5 *file;                   /* while it is read */
    size_t size[128];               /* of each axis, by its letter; 0: not met */
    bool labelled;
    char **emotions, **directions, **labels;
    int32_t *layers;
    size_t n_emotion, n_direction, n_label, n_layer, n;
    evoke_figure *figures;          /* [n], each with a name, axes and values of its own */
};

static evoke_status check_axis(evoke_figures *f, const char *name, char axis, size_t size, evoke_error *err)
{
    const bool letter = axis >= 'A' && axis <= 'Z';
    size_t *known = &f->size[letter ? (unsigned char)axis : 0];
    const bool unnamed = letter && *known == 0 && f->labelled && strchr("ABC", axis);
    if (!letter || unnamed || (*known && *known != size) || (strchr("ISP", axis) && size != 2))
        return evk_fail(err, EVOKE_EFORMAT, "read figures: axis %c of %s has size %zu, which does not fit (%s)",
                        letter ? axis : '?', name, size, evk_h5_path(f->file));
    *known = size;
    return EVOKE_OK;
}

/* axes becomes the figure's. */
static evoke_status read_figure(evoke_figures *f, const char *name, char *axes, evoke_error *err)
{
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM], n = 1;
    double *values = NULL;
    evoke_figure *grown = realloc(f->figures, (f->n + 1) * sizeof *grown);
    char *copy = strdup(name);
    if (grown)
        f->figures = grown;
    evoke_status st = grown && copy ? evk_h5_shape(f->file, name, &n_dim, dims, err)
                                    : evk_fail(err, EVOKE_ENOMEM, "read figures: no memory (%s)", evk_h5_path(f->file));
    if (st == EVOKE_OK && (n_dim == 0 || n_dim > 4 || strlen(axes) != n_dim))
        st = evk_fail(err, EVOKE_EFORMAT, "read figures: %s has %zu dimensions and %zu axes (%s)", name, n_dim, strlen(axes),
                      evk_h5_path(f->file));
    for (size_t i = 0; st == EVOKE_OK && i < n_dim; i++) {
        st = check_axis(f, name, axes[i], dims[i], err);
        if (st == EVOKE_OK && (!evk_mul(n, dims[i], &n) || n > MOST_VALUES))
            st = evk_fail(err, EVOKE_EFORMAT, "read figures: %s is too large (%s)", name, evk_h5_path(f->file));
    }
    if (st == EVOKE_OK)
        st = evk_alloc(&values, n, sizeof *values, "read figures", err);
    if (st == EVOKE_OK)
        st = evk_h5_read(f->file, name, EVK_H5_F64, NULL, NULL, values, err);
    if (st != EVOKE_OK) {
        free(values);
        free(copy);
        free(axes);
        return st;
    }
    evoke_figure *figure = &f->figures[f->n++];
    *figure = (evoke_figure){ .name = copy, .axes = axes, .n_dim = n_dim, .values = values };
    memcpy(figure->dims, dims, n_dim * sizeof *dims);
    return EVOKE_OK;
}

/* All figures of a group, and, where it is the root, of the groups in it. */
static evoke_status read_group(evoke_figures *f, const char *group, evoke_error *err)
{
    char **names = NULL;
    size_t n = 0;
    const bool root = strcmp(group, "/") == 0;
    evoke_status st = evk_h5_members(f->file, group, &names, &n, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        char path[512], *axes = NULL;
        size_t n_dim, dims[EVK_H5_MAX_DIM];
        const int length = snprintf(path, sizeof path, "%s%s%s", root ? "" : group, root ? "" : "/", names[i]);
        if (length < 0 || (size_t)length >= sizeof path)
            continue;
        if (evk_h5_get_string(f->file, path, "axes", &axes))
            st = read_figure(f, path, axes, err);
        else if (root && evk_h5_shape(f->file, path, &n_dim, dims, NULL) != EVOKE_OK && evk_h5_has(f->file, path))
            st = read_group(f, path, err);
    }
    free(names);
    return st;
}

static evoke_status read_names(evoke_figures *f, evoke_error *err)
{
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
    EVK_TRY(evk_h5_read_strings(f->file, "/emotions", &f->emotions, &f->n_emotion, err));
    if (evk_h5_has(f->file, "/directions"))
        EVK_TRY(evk_h5_read_strings(f->file, "/directions", &f->directions, &f->n_direction, err));
    if (f->labelled && evk_h5_has(f->file, "/labels"))
        EVK_TRY(evk_h5_read_strings(f->file, "/labels", &f->labels, &f->n_label, err));
    EVK_TRY(evk_h5_shape(f->file, "/layers", &n_dim, dims, err));
    if (n_dim != 1)
        return evk_fail(err, EVOKE_EFORMAT, "read figures: /layers has %zu dimensions (%s)", n_dim, evk_h5_path(f->file));
    f->n_layer = dims[0];
    EVK_TRY(evk_alloc(&f->layers, f->n_layer, sizeof *f->layers, "read figures", err));
    f->size['E'] = f->size['F'] = f->n_emotion;
    f->size['L'] = f->size['G'] = f->n_layer;
    f->size['B'] = f->n_direction;
    if (f->labelled) {
        f->size['A'] = f->n_direction;
        f->size['C'] = f->size['B'] = f->n_label ? f->n_label : 1;
    }
    return evk_h5_read(f->file, "/layers", EVK_H5_I32, NULL, NULL, f->layers, err);
}

evoke_status evoke_figures_open(const char *path, evoke_figures **out, evoke_error *err)
{
    char format[64];
    evoke_figures *f = NULL;
    *out = NULL;
    EVK_TRY(evoke_file_format(path, format, err));
    const bool labelled = strcmp(format, "evoke-labelled") == 0;
    if (!labelled && strcmp(format, "evoke-theory") != 0 && strcmp(format, "evoke-claims") != 0)
        return evk_fail(err, EVOKE_EFORMAT, "read figures: neither evoke-theory, evoke-claims nor evoke-labelled, but '%s' (%s)",
                        format, path);
    EVK_TRY(evk_alloc(&f, 1, sizeof *f, "read figures", err));
    f->labelled = labelled;
    evoke_status st = evk_h5_open(path, &f->file, err);
    if (st == EVOKE_OK)
        st = read_names(f, err);
    if (st == EVOKE_OK)
        st = read_group(f, "/", err);
    evk_h5_free(f->file);
    f->file = NULL;
    if (st == EVOKE_OK)
        *out = f;
    else
        evoke_figures_free(f);
    return st;
}

void evoke_figures_free(evoke_figures *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++) {
        free((char *)f->figures[i].name);       /* made here: const to those who look at it */
        free((char *)f->figures[i].axes);
        free((double *)f->figures[i].values);
    }
    free(f->figures);
    free(f->emotions);
    free(f->directions);
    free(f->labels);
    free(f->layers);
    free(f);
}

const evoke_figure *evoke_figures_at(const evoke_figures *f, size_t i)
{
    return i < f->n ? &f->figures[i] : NULL;
}

const evoke_figure *evoke_figures_find(const evoke_figures *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->figures[i].name, name) == 0)
            return &f->figures[i];
    return NULL;
}

const char *evoke_figures_name(const evoke_figures *f, char axis, size_t i)
{
    if (axis == 'E' || axis == 'F')
        return i < f->n_emotion ? f->emotions[i] : NULL;
    if (f->labelled && (axis == 'C' || axis == 'B'))
        return i < f->n_label ? f->labels[i] : NULL;
    return axis == (f->labelled ? 'A' : 'B') && i < f->n_direction ? f->directions[i] : NULL;
}

size_t evoke_figures_size(const evoke_figures *f, char axis)
{
    return (unsigned char)axis < 128 ? f->size[(unsigned char)axis] : 0;
}

int32_t evoke_figures_layer(const evoke_figures *f, size_t l)
{
    return l < f->n_layer ? f->layers[l] : -1;
}
