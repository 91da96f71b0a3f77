/* core/files/weights_identity.c: what a model is called, and the fingerprint of its files. */
#include <stdlib.h>
#include <string.h>

#include "core/files/sha256.h"
#include "core/files/weights.h"

const char *evk_weights_architecture(const evoke_weights *w)
{
    if (evk_weights_container(w) == EVK_GGUF)
        return evk_meta_string(w, "general.architecture");
    return json_string_value(json_object_get(evk_weights_config(w), "model_type"));
}

/* The last part of a path, without slashes at its end; NULL: no memory. */
static char *base_name(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    size_t begin = n;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    return strndup(path + begin, n - begin);
}

evoke_status evk_weights_name(const evoke_weights *w, char **out, evoke_error *err)
{
    const char *name = evk_weights_container(w) == EVK_GGUF ? evk_meta_string(w, "general.name") : NULL;
    *out = name && *name ? strdup(name) : base_name(evk_weights_path(w));
    return *out ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "name the model: no memory (%s)", evk_weights_path(w));
}

evoke_status evk_weights_sha256(const evoke_weights *w, char hex[65], evoke_error *err)
{
    const char **files = NULL;
    size_t n = 0;
    while (evk_weights_file(w, n))
        n++;
    EVK_TRY(evk_alloc(&files, n, sizeof *files, "hash the model", err));
    for (size_t i = 0; i < n; i++)
        files[i] = evk_weights_file(w, i);
    const evoke_status st = evk_sha256_files(files, n, hex, err);
    free(files);
    return st;
}
