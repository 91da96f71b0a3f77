#include "layers/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool evk_labels_differ(const char *const *names, size_t n)
{
    const char **sorted = malloc((n ? n : 1) * sizeof *sorted);
    if (!sorted)
        return false;
    if (n > 0) {
        memcpy(sorted, names, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, by_text);
    }
    bool differ = n == 0 || sorted[0][0] != '\0';
    for (size_t i = 1; i < n && differ; i++)
        differ = strcmp(sorted[i - 1], sorted[i]) != 0;
    free(sorted);
    return differ;
}

evoke_status evk_labels_format(evk_h5 *f, const char *format, evoke_error *err)
{
    char *found = NULL;
    int64_t version = 1;
    evoke_status st = EVOKE_OK;
    if (evk_h5_get_string(f, "/", "format", &found) && strcmp(found, format) != 0)
        st = evk_fail(err, EVOKE_EFORMAT, "open: the file is '%s', not '%s' (%s)", found, format, evk_h5_path(f));
    else if (evk_h5_get_i64(f, "/", "version", &version) && version > 1)
        st = evk_fail(err, EVOKE_EUNSUPPORTED, "open: version %lld of '%s', only 1 is known (%s)", (long long)version, format,
                      evk_h5_path(f));
    free(found);
    return st;
}

evoke_status evk_labels_names(evk_h5 *f, const char *dataset, size_t most, char ***names, size_t *n, evoke_error *err)
{
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
    *names = NULL;
    *n = 0;
    EVK_TRY(evk_h5_shape(f, dataset, &n_dim, dims, err));
    if (n_dim != 1 || dims[0] > most)
        return evk_fail(err, EVOKE_EFORMAT, "open: %s should be a list of 1 to %zu names (%s)", dataset, most,
                        evk_h5_path(f));
    EVK_TRY(evk_h5_read_strings(f, dataset, names, n, err));
    if (evk_labels_differ((const char *const *)*names, *n))
        return EVOKE_OK;
    free(*names);
    *names = NULL;
    return evk_fail(err, EVOKE_EFORMAT, "open: a name in %s is empty or there twice (%s)", dataset, evk_h5_path(f));
}

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* numbers [n] as the file has them to layers [n]; sorts numbers on the way. */
static evoke_status check_layers(evk_h5 *f, int64_t *numbers, size_t n, int32_t *layers, evoke_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] < 0 || numbers[i] > INT32_MAX)
            return evk_fail(err, EVOKE_EFORMAT, "open: layer %lld in /layers (%s)", (long long)numbers[i], evk_h5_path(f));
        layers[i] = (int32_t)numbers[i];
    }
    qsort(numbers, n, sizeof *numbers, by_number);
    for (size_t i = 1; i < n; i++)
        if (numbers[i] == numbers[i - 1])
            return evk_fail(err, EVOKE_EFORMAT, "open: layer %lld is twice in /layers (%s)", (long long)numbers[i],
                            evk_h5_path(f));
    return EVOKE_OK;
}

static evoke_status read_layers(evk_h5 *f, int64_t *numbers, size_t n_layer, evoke_error *err)
{
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
    for (size_t i = 0; i < n_layer; i++)
        numbers[i] = (int64_t)i;
    if (!evk_h5_has(f, "/layers"))
        return EVOKE_OK;
    EVK_TRY(evk_h5_shape(f, "/layers", &n_dim, dims, err));
    if (n_dim != 1 || dims[0] != n_layer)
        return evk_fail(err, EVOKE_EFORMAT, "open: /layers should list %zu layers (%s)", n_layer, evk_h5_path(f));
    return evk_h5_read(f, "/layers", EVK_H5_I64, NULL, NULL, numbers, err);
}

evoke_status evk_labels_layers(evk_h5 *f, size_t n_layer, int32_t **layers, evoke_error *err)
{
    int64_t *numbers = NULL;
    *layers = NULL;
    evoke_status st = evk_alloc(&numbers, n_layer, sizeof *numbers, "open layers", err);
    if (st == EVOKE_OK)
        st = evk_alloc(layers, n_layer, sizeof **layers, "open layers", err);
    if (st == EVOKE_OK)
        st = read_layers(f, numbers, n_layer, err);
    if (st == EVOKE_OK)
        st = check_layers(f, numbers, n_layer, *layers, err);
    if (st != EVOKE_OK) {
        free(*layers);
        *layers = NULL;
    }
    free(numbers);
    return st;
}

evoke_status evk_labels_sites(evk_h5 *f, const char *group, evoke_site **sites, size_t *n, evoke_error *err)
{
    char name[64];
    *n = 0;
    EVK_TRY(evk_alloc(sites, EVOKE_N_SITE, sizeof **sites, "open sites", err));
    for (evoke_site site = 0; site < EVOKE_N_SITE; site++) {
        snprintf(name, sizeof name, "%s/%s", group, evoke_site_name(site));
        if (evk_h5_has(f, name))
            (*sites)[(*n)++] = site;
    }
    if (*n > 0)
        return EVOKE_OK;
    free(*sites);
    *sites = NULL;
    return evk_fail(err, EVOKE_EFORMAT, "open: no hook point under %s (%s)", group, evk_h5_path(f));
}

char *evk_labels_attribute(evk_h5 *f, const char *name)
{
    char *value = NULL;
    return evk_h5_get_string(f, "/", name, &value) ? value : strdup("");
}
