/* layers/store_size.c: how large a store will be, before it is made: the bytes of its arrays, which are known exactly, and no
 * less than HDF5 takes beside them.
 *
 *     array      its values, and up to 4 KiB to the next page (hdf5_write.c aligns large ones)
 *     text       16 bytes where it is listed, and itself with a header of 16 in a heap; two texts need not fit one heap's 4 KiB,
 *                so half of a heap may stay empty
 *     structure  under 2 KiB for a dataset with its attributes and its part of a group; 64 KiB for all the rest */
#include <stdlib.h>
#include <string.h>

#include "layers/store_spec.h"

enum { OF_FILE = 64 << 10, OF_ARRAY = 2048 + 4096 };

/* Adds n values of `width` bytes, n the product of two; false where it overflows. */
static bool add_array(size_t a, size_t b, size_t width, size_t *sum)
{
    size_t n = 0;
    return evk_mul(a, b, &n) && evk_mul(n, width, &n) && evk_sum(*sum, n, sum) && evk_sum(*sum, OF_ARRAY, sum);
}

static bool add_text(const char *text, size_t *sum)
{
    return evk_sum(*sum, text ? 2 * (strlen(text) + 32) + 16 : 80, sum);
}

static bool add_texts(const char *const *texts, size_t n, size_t *sum)
{
    for (size_t i = 0; i < n; i++)
        if (!add_text(texts[i], sum))
            return false;
    return evk_sum(*sum, OF_ARRAY, sum);
}

static bool add_queries(const evk_store_spec *s, size_t *sum)
{
    for (size_t q = 0; q < s->n_query; q++)
        if (!add_text(s->queries[q].text, sum) || !add_text(s->queries[q].id, sum) || !add_text(s->queries[q].language, sum))
            return false;
    return evk_sum(*sum, 3 * OF_ARRAY, sum);
}

/* What store_create.c writes and allocates. */
static bool add_all(const evk_store_spec *s, size_t n_row, size_t *sum)
{
    const char *const attributes[] = { s->recipe, s->model_name, s->architecture, s->made ? s->made->command_line : NULL };
    const size_t n = s->n_query * s->n_setting;
    size_t row = 0;
    bool ok = evk_mul(s->n_layer, s->d_model, &row) && add_texts(attributes, sizeof attributes / sizeof *attributes, sum) &&
              add_texts(s->settings, s->n_setting, sum) && add_texts(s->emotions, s->n_emotion, sum) && add_queries(s, sum) &&
              add_texts(s->prompt_texts, n, sum) && add_array(s->n_layer, 1, 4, sum) && add_array(s->n_query, 1, 2, sum) &&
              add_array(n, 1, 1, sum) && add_array(n_row, 1, 4, sum) && add_array(n, 2, 8, sum) && add_array(n, 2, 4, sum);
    for (size_t k = 0; k < s->n_span && ok; k++)
        ok = add_array(n, 2, 4, sum);
    for (size_t i = 0; i < s->n_site && ok; i++) {
        for (size_t k = 0; k < s->n_span && ok; k++)
            ok = add_array(n, row, 4, sum);
        ok = ok && add_array(n_row, s->n_layer, 4, sum) && (!s->store_tokens || add_array(n_row, row, s->float16 ? 2 : 4, sum));
    }
    return ok;
}

evoke_status evk_store_spec_size(const evk_store_spec *spec, uint64_t *most, evoke_error *err)
{
    size_t *starts = NULL, sum = OF_FILE;
    EVK_TRY(evk_store_spec_check(spec, err));
    EVK_TRY(evk_store_spec_rows(spec, &starts, err));
    const bool ok = add_all(spec, starts[spec->n_query * spec->n_setting], &sum);
    free(starts);
    *most = sum;
    return ok ? EVOKE_OK : evk_fail(err, EVOKE_EARG, "create store: its size overflows");
}
