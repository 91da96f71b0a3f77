/* A file of vectors of any tool: opened as what it begins like, all that it holds read, and written and read again in every
 * format that can carry it. */
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <unistd.h>

#include "tests/bytes.h"

/* What another program wrote stays what it is, bit for bit. */
static void same_values(const evoke_vectors *a, const evoke_vectors *b)
{
    const evoke_vectors_info *i = evoke_vectors_describe(a), *k = evoke_vectors_describe(b);
    const evoke_site site = evoke_vectors_site(a, 0);
    const size_t first = i->n_layer - k->n_layer, n = k->n_layer * k->d_model;
    expect(k->n_layer <= i->n_layer && k->d_model == i->d_model && evoke_vectors_site(b, 0) == site);
    expect(evoke_vectors_layer(a, i->n_layer - 1) == evoke_vectors_layer(b, k->n_layer - 1));
    expect(memcmp(evoke_vectors_get(a, site, 0) + first * i->d_model, evoke_vectors_get(b, site, 0), n * sizeof(float)) == 0);
}

static void write_and_read(const evoke_vectors *v)
{
    static const char *const formats[] = { "llama.cpp", "steering-vectors", "steering-vectors-pt", "brainpatch", "npz" };
    char path[400];
    evoke_error err;
    if (evoke_vectors_describe(v)->n_layer * evoke_vectors_describe(v)->d_model > 4096)
        return;
    snprintf(path, sizeof path, "%s/again", fuzz_folder());
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const evoke_vectors_choice how = { .format = formats[i] };
        evoke_vectors *again = NULL;
        if (fuzz_ok(evoke_vectors_export(v, path, &how, NULL, NULL, &err), &err)) {
            expect(fuzz_ok(evoke_vectors_import(path, &how, &again, NULL, &err), &err));
            same_values(v, again);
        }
        evoke_vectors_free(again);
        unlink(path);
    }
}

/* Writing waits for the disk: one input of 32. */
static bool is_drawn(const uint8_t *data, size_t size)
{
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += data[i];
    return sum % 32 == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    evoke_vectors *v = NULL;
    evoke_vectors_report report;
    evoke_error err;
    if (size >= 8 && memcmp(data, "\x89HDF\r\n\x1a\n", 8) == 0)
        return 0;                               /* fuzz_hdf5 has these */
    if (fuzz_ok(evoke_vectors_import(fuzz_write("x.vectors", data, size), NULL, &v, &report, &err), &err)) {
        const evoke_vectors_info *info = evoke_vectors_describe(v);
        const float *values = evoke_vectors_get(v, evoke_vectors_site(v, 0), 0);
        expect(report.format[0] && report.n_notes <= EVOKE_MOST_NOTES && evoke_vectors_emotion(v, 0)[0]);
        for (size_t i = 0; i < info->n_layer * info->d_model; i++)
            expect(isfinite(values[i]));
        if (info->n_emotion == 1 && info->n_site == 1 && is_drawn(data, size))
            write_and_read(v);
    }
    evoke_vectors_free(v);
    return 0;
}
