#include "core/files/hdf5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

evoke_status evoke_file_format(const char *path, char format[64], evoke_error *err)
{
    evk_h5 *f = NULL;
    char *value = NULL;
    format[0] = '\0';
    EVK_TRY(evk_h5_open(path, &f, err));
    if (evk_h5_get_string(f, "/", "format", &value) && strlen(value) < 64)
        strcpy(format, value);
    free(value);
    evk_h5_free(f);
    return EVOKE_OK;
}

/* Of an attribute of `/`: its text, or a number's. NULL: there is none. */
static char *attribute_text(evk_h5 *f, const char *name)
{
    char *text = NULL, number[40] = "";
    int64_t whole;
    uint64_t large;
    double real;
    if (evk_h5_get_string(f, "/", name, &text))
        return text;
    if (evk_h5_get_i64(f, "/", name, &whole) && whole < 0)
        snprintf(number, sizeof number, "%lld", (long long)whole);
    else if (evk_h5_get_u64(f, "/", name, &large))
        snprintf(number, sizeof number, "%llu", (unsigned long long)large);
    else if (evk_h5_get_f64(f, "/", name, &real))
        snprintf(number, sizeof number, "%.9g", real);
    return *number ? strdup(number) : NULL;
}

evoke_status evoke_file_attribute(const char *path, const char *name, evoke_text *value, evoke_error *err)
{
    evk_h5 *f = NULL;
    *value = (evoke_text){0};
    EVK_TRY(evk_h5_open(path, &f, err));
    value->data = attribute_text(f, name);
    value->n = value->data ? strlen(value->data) : 0;
    evk_h5_free(f);
    return EVOKE_OK;
}
