/* A file of vectors of any tool: opened as what it begins like, all that it holds read, and written and read again in every
 * format that can carry it. Parts of archives, which a checksum guards there, are read by themselves: pickles, NumPy's arrays. */
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <unistd.h>

#include "layers/vector_files/npy.h"
#include "layers/vector_files/pickle.h"

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

/* ---- parts ---- */

static bool read_pickle(const uint8_t *data, size_t size)
{
    evk_pickle p;
    evoke_error err;
    const bool good = fuzz_ok(evk_pickle_read((const char *)data, size, "x", &p, &err), &err);
    for (uint32_t i = 0; good && i < p.n_values; i++) {
        const evk_pickle_value *v = evk_pickle_at(&p, i);
        expect(v->first < p.n_cells && v->last < p.n_cells && v->storage < p.n_values && v->shape < p.n_values);
        expect(!v->text || ((const uint8_t *)v->text >= data && (const uint8_t *)v->text + v->n <= data + size));
        evk_pickle_get(&p, v, "layer_activations");
        evk_pickle_item(&p, v, 1);
    }
    for (uint32_t i = 1; good && i < p.n_cells; i++)
        expect(p.cells[i].key < p.n_values && p.cells[i].value < p.n_values && p.cells[i].next < p.n_cells);
    evk_pickle_free(&p);
    return good;
}

static void read_array(const uint8_t *data, size_t size)
{
    const evoke_text bytes = { (char *)(uintptr_t)data, size };
    evk_npy a;
    evoke_error err;
    int64_t number;
    char *text = NULL;
    if (!fuzz_ok(evk_npy_read(&bytes, "x", "x", &a, &err), &err) || a.n == 0)
        return;
    expect(a.data >= bytes.data && a.n <= size / a.item && (size_t)(a.data - bytes.data) <= size - a.n * a.item);
    evk_npy_integer(&a, a.n - 1, &number);
    fuzz_ok(evk_npy_text(&a, a.n - 1, "x", &text, &err), &err);
    free(text);
}

size_t fuzz_seed(size_t i, uint8_t *out, size_t capacity)
{
    static const char pickle[] =
        "\x80\2}q\0(X\x11\0\0\0layer_activations}(K\0ctorch._utils\n_rebuild_tensor_v2\nq\1((X\7\0\0\0storage"
        "ctorch\nFloatStorage\nX\1\0\0\0" "0X\3\0\0\0cpuK@tQK\0K@\x85K\1\x85\x89" "ccollections\nOrderedDict\n)RtRu"
        "X\n\0\0\0layer_typeX\r\0\0\0" "decoder_blocku.";
    static const char framed[] =
        "\x80\4\x95\x20\0\0\0\0\0\0\0}\x94(\x8c\5torch\x94\x8c\x0c" "FloatStorage\x93\x94h\1M\1\0J\1\0\0\0"
        "j\2\0\0\0h\1\x86\x87K\1u.";
    const char *const texts[] = { "joy", "fear" };
    evk_buffer b = { 0 };
    evoke_status st = EVOKE_OK;
    switch (i) {
    case 0:  st = evk_buffer_add(&b, pickle, sizeof pickle - 1, NULL); break;
    case 1:  st = evk_buffer_add(&b, framed, sizeof framed - 1, NULL); break;
    case 2:  st = evk_npy_put_texts(texts, 1, 2, &b, NULL); break;
    case 3:  st = evk_npy_put("<i4", 2, (const size_t[]){ 2, 3 }, "012345678901234567890123", 24, &b, NULL); break;
    default: return 0;
    }
    expect(st == EVOKE_OK && b.n <= capacity);
    expect(i > 1 || read_pickle((const uint8_t *)b.data, b.n));
    memcpy(out, b.data, b.n);
    const size_t n = b.n;
    evk_buffer_free(&b);
    return n;
}

/* ---- files ---- */

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
    if (size >= 1 && data[0] == 0x80)
        read_pickle(data, size);
    if (size >= 1 && data[0] == 0x93)
        read_array(data, size);
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
