#include "core/files/hdf5.h"

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
