#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/kernels.h"
#include "layers/vector_files/formats.h"

enum { MOST_VALUES = 1 << 28 };     /* of all layers: an archive may hold far more than its own size */

static evoke_status make_room(evk_found *f, evoke_error *err)
{
    if (f->n < f->capacity)
        return EVOKE_OK;
    if (f->n >= EVK_MAX_LAYERS)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: more than %d layers (%s)", EVK_MAX_LAYERS, f->path);
    const size_t capacity = f->capacity ? 2 * f->capacity : 32;
    if (capacity * f->d > MOST_VALUES)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: more than %d values (%s)", MOST_VALUES / 2, f->path);
    int32_t *numbers = realloc(f->numbers, capacity * sizeof *numbers);
    if (numbers)
        f->numbers = numbers;
    float *values = numbers ? realloc(f->values, capacity * f->d * sizeof *values) : NULL;
    if (!values)
        return evk_fail(err, EVOKE_ENOMEM, "open vectors: no memory for %zu layers (%s)", capacity, f->path);
    f->values = values;
    f->capacity = capacity;
    return EVOKE_OK;
}

/* Values of `type` to out [n]; counts those stored in fewer bits than float32, and those that lose some. */
static evoke_status put_values(evk_found *f, int32_t number, evk_type type, const char *type_name, const void *data, size_t n,
                               float *out, evoke_error *err)
{
    const bool is_float = type == EVK_F32 || type == EVK_F16 || type == EVK_BF16 || type == EVK_F64;
    evk_kernels kernels;
    bool rounded = false;
    if (!is_float)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open vectors: layer %d is of type %s, not of floats (%s)", (int)number,
                        type_name, f->path);
    EVK_TRY(evk_kernels_select("ref", &kernels, err));
    kernels.dequantise[type](data, out, n);
    for (size_t j = 0; j < n; j++) {
        double wide = (double)out[j];
        if (type == EVK_F64)
            memcpy(&wide, (const char *)data + j * sizeof wide, sizeof wide);
        if (!isfinite(out[j]))
            return evk_fail(err, EVOKE_EFORMAT, "open vectors: value %zu of layer %d is not finite, or beyond float32 (%s)", j,
                            (int)number, f->path);
        rounded |= wide < (double)out[j] || wide > (double)out[j];
    }
    f->n_widened += type == EVK_F16 || type == EVK_BF16;
    f->n_rounded += rounded;
    return EVOKE_OK;
}

evoke_status evk_found_add(evk_found *f, int32_t number, evk_type type, const char *type_name, const void *data, size_t n,
                           evoke_error *err)
{
    if (n < 1 || n > EVK_MAX_WIDTH)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: layer %d is %zu wide, 1 to %d are possible (%s)", (int)number, n,
                        EVK_MAX_WIDTH, f->path);
    if (f->n && n != f->d)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: layer %d is %zu wide, layer %d %zu (%s)", (int)number, n,
                        (int)f->numbers[0], f->d, f->path);
    f->d = n;
    EVK_TRY(make_room(f, err));
    EVK_TRY(put_values(f, number, type, type_name, data, n, f->values + f->n * n, err));
    f->numbers[f->n++] = number;
    return EVOKE_OK;
}

evoke_status evk_found_add_tensor(evk_found *f, int32_t number, const evk_listed *item, evoke_error *err)
{
    const evk_tensor *t = &item->tensor;
    const char *type = t->type == EVK_OTHER_TYPE ? item->type : evk_type_describe(t->type)->name;
    if (t->n_dim != 1)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: '%s' has %zu dimensions, a direction has one (%s)", t->name, t->n_dim,
                        f->path);
    return evk_found_add(f, number, t->type, type, t->data, t->cols, err);
}

bool evk_number_after(const char *prefix, const char *name, int32_t *number)
{
    const size_t n = strlen(prefix);
    if (strncmp(prefix, name, n) != 0)
        return false;
    const char *digits = name + n;
    const size_t length = strspn(digits, "0123456789");
    if (length == 0 || length > 6 || digits[length] || (length > 1 && digits[0] == '0'))
        return false;
    *number = (int32_t)strtol(digits, NULL, 10);
    return true;
}

void evk_found_free(evk_found *f)
{
    free(f->numbers);
    free(f->values);
    *f = (evk_found){ 0 };
}
