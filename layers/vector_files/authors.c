/* layers/vector_files/authors.c: the JSON of the paper's authors, written; layers/vectors_authors.c draws it and reads it. */
#include <math.h>

#include "core/text.h"
#include "layers/vector_files/formats.h"

bool evk_is_authors(const evk_source *s)
{
    (void)s;
    return true;
}

evoke_status evk_read_authors(const evk_source *s, evoke_vectors **out, evoke_error *err)
{
    return evk_vectors_open_authors(s->path, out, err);
}

/* Nine digits give a float32 back bit for bit; zero keeps its sign as a real number only. */
static evoke_status put_value(evk_buffer *out, float x, evoke_error *err)
{
    const bool negative_zero = fpclassify(x) == FP_ZERO && signbit(x);
    return negative_zero ? evk_buffer_format(out, err, "-0.0") : evk_buffer_format(out, err, "%.9g", (double)x);
}

evoke_status evk_write_authors(const evk_format *as, const evk_written *w, evk_buffer *out, evk_buffer *beside, evoke_error *err)
{
    (void)as, (void)beside;
    EVK_TRY(evk_buffer_format(out, err, "{"));
    for (size_t l = 0; l < w->n; l++) {
        EVK_TRY(evk_buffer_format(out, err, "%s\"%d\": [[", l ? ", " : "", (int)w->numbers[l]));
        for (size_t j = 0; j < w->d; j++) {
            EVK_TRY(evk_buffer_format(out, err, "%s", j ? ", " : ""));
            EVK_TRY(put_value(out, w->values[l * w->d + j], err));
        }
        EVK_TRY(evk_buffer_format(out, err, "]]"));
    }
    return evk_buffer_format(out, err, "}\n");
}
