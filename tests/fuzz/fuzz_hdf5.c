/* A store or a vectors file: opened as either, and all that it holds read. */
#define _GNU_SOURCE     /* memfd_create */
#include "tests/fuzz/fuzz.h"

#include <hdf5.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/files/hdf5.h"
#include "layers/store.h"

/* HDF5 itself asks for as much memory as a damaged file claims, goes on where it gets none, and does not give back all that
 * it took. What is ours is watched all the same. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

enum { MOST_VALUES = 1 << 22 };

static bool is_small(size_t a, size_t b, size_t c)
{
    return a <= MOST_VALUES && b <= MOST_VALUES && c <= MOST_VALUES && a * b <= MOST_VALUES && a * b * c <= MOST_VALUES;
}

static void touch_values(evoke_store *s, const evoke_store_info *info, evoke_site site, evoke_span span)
{
    evoke_error err;
    const size_t n_layer = info->n_layer, d = info->d_model;
    double ratio;
    int32_t layer;
    if (!is_small(info->n_query * info->n_setting, n_layer, d))
        return;
    float *x = calloc(info->n_query * info->n_setting * n_layer * d, sizeof *x);
    expect(x);
    if (fuzz_ok(evk_store_read_layer(s, site, span, n_layer - 1, x, &err), &err))
        fuzz_ok(evk_store_read_query(s, site, span, info->n_query - 1, x, &err), &err);
    fuzz_ok(evk_store_median_norms(s, site, span, x, &err), &err);
    fuzz_ok(evoke_store_sink(s, site, span, &ratio, &layer, &err), &err);
    free(x);
}

static void touch_store(evoke_store *s)
{
    const evoke_store_info *info = evoke_store_describe(s);
    evoke_error err;
    evoke_vectors *v = NULL;
    const evoke_ev_options options = { .any_span = true, .partial = true };
    expect(info->n_site > 0 && info->n_query > 0 && info->n_done <= info->n_query * info->n_setting);
    for (size_t e = 0; e < info->n_emotion; e++)
        expect(evoke_store_emotion(s, e)[0]);
    for (size_t q = 0; q < info->n_query; q++)
        expect(evk_store_emotion_of(s, q) < info->n_emotion || evk_store_emotion_of(s, q) == SIZE_MAX);
    for (size_t l = 0; l < info->n_layer; l++)
        expect(evoke_store_layer(s, l) >= 0 && (size_t)evoke_store_layer(s, l) < evk_store_model_layers(s));
    for (size_t i = 0; i < info->n_site; i++)
        for (evoke_span span = 0; span < EVOKE_N_SPAN; span++)
            if (evoke_store_has(s, evoke_store_site(s, i), span))
                touch_values(s, info, evoke_store_site(s, i), span);
    if (is_small(info->n_emotion * info->n_setting, info->n_layer, info->d_model))
        if (fuzz_ok(evoke_mean_difference(s, &options, NULL, &v, NULL, &err), &err))
            evoke_vectors_free(v);
}

static void touch_vectors(const evoke_vectors *v)
{
    const evoke_vectors_info *info = evoke_vectors_describe(v);
    for (size_t i = 0; i < info->n_site; i++)
        for (size_t e = 0; e <= info->n_emotion; e++)
            for (size_t j = 0; j < info->n_layer * info->d_model; j++) {
                const float x = evoke_vectors_get(v, evoke_vectors_site(v, i), e)[j];
                expect(x - x == 0);
            }
    for (size_t e = 0; e < info->n_emotion; e++)
        expect(evoke_vectors_emotion(v, e)[0]);
}

/* A new file in memory for each input: HDF5 knows files by their inode, and keeps what it failed to close. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    evoke_error err;
    evoke_store *s = NULL;
    evoke_vectors *v = NULL;
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    expect(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fuzz_ok(evoke_store_open(path, &s, &err), &err))
        touch_store(s);
    evoke_store_free(s);
    if (fuzz_ok(evoke_vectors_open(path, &v, &err), &err))
        touch_vectors(v);
    evoke_vectors_free(v);
    close(fd);
    return 0;
}

/* ---- seeds ---- */
static void make_store(const char *path)
{
    static const char *const emotions[2] = { "joy", "fear" }, *const settings[2] = { "neutral", "emotion" };
    static const char *const ids[3] = { "1", "2", "3" };
    static const int64_t offsets[12] = { 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12 };
    static const int32_t bounds[12] = { 1, 2, 0, 2, 1, 2, 0, 2, 1, 2, 0, 2 };
    static const uint8_t done[6] = { 1, 1, 1, 1, 1, 1 };
    static const int16_t labels[3] = { 0, 1, 0 };
    static const int32_t layers[2] = { 3, 7 };
    float x[3 * 2 * 2 * 4];
    evk_h5 *f = NULL;
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)i;
    const evk_h5_signature s = { "evoke-activations", "tiny", "0123", "llama", 8, 4, NULL };
    expect(evk_h5_create(path, &f, NULL) == EVOKE_OK && evk_h5_sign(f, &s, NULL) == EVOKE_OK);
    evk_h5_write_strings(f, "/emotions", 1, (size_t[]){ 2 }, emotions, NULL);
    evk_h5_write_strings(f, "/settings", 1, (size_t[]){ 2 }, settings, NULL);
    evk_h5_write_strings(f, "/queries/id", 1, (size_t[]){ 3 }, ids, NULL);
    evk_h5_write(f, "/queries/emotion", EVK_H5_I16, 1, (size_t[]){ 3 }, labels, NULL);
    evk_h5_write(f, "/layers", EVK_H5_I32, 1, (size_t[]){ 2 }, layers, NULL);
    evk_h5_write(f, "/activations/resid_post/query", EVK_H5_F32, 4, (size_t[]){ 3, 2, 2, 4 }, x, NULL);
    evk_h5_write(f, "/activations/resid_post/token_norms", EVK_H5_F32, 2, (size_t[]){ 12, 2 }, x, NULL);
    evk_h5_write(f, "/tokens/offsets", EVK_H5_I64, 3, (size_t[]){ 3, 2, 2 }, offsets, NULL);
    evk_h5_write(f, "/tokens/query", EVK_H5_I32, 3, (size_t[]){ 3, 2, 2 }, bounds, NULL);
    evk_h5_write(f, "/progress/done", EVK_H5_U8, 2, (size_t[]){ 3, 2 }, done, NULL);
    expect(evk_h5_commit(f, NULL) == EVOKE_OK);
}

static void make_vectors(const char *path)
{
    static const char *const emotions[2] = { "joy", "fear" };
    static const float x[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
    static const int64_t counts[2] = { 3, 4 };
    evk_h5 *f = NULL;
    const evk_h5_signature s = { "evoke-vectors", "tiny", "0123", "llama", 8, 4, NULL };
    expect(evk_h5_create(path, &f, NULL) == EVOKE_OK && evk_h5_sign(f, &s, NULL) == EVOKE_OK);
    evk_h5_attr_string(f, "/", "method", "fisher", NULL);
    evk_h5_write_strings(f, "/emotions", 1, (size_t[]){ 2 }, emotions, NULL);
    evk_h5_write(f, "/ev/attn_out", EVK_H5_F16, 3, (size_t[]){ 2, 2, 4 }, x, NULL);
    evk_h5_write(f, "/base/attn_out", EVK_H5_F64, 2, (size_t[]){ 2, 4 }, x, NULL);
    evk_h5_write(f, "/norms/attn_out/residual", EVK_H5_F32, 1, (size_t[]){ 2 }, x, NULL);
    evk_h5_write(f, "/count", EVK_H5_I64, 1, (size_t[]){ 2 }, counts, NULL);
    expect(evk_h5_commit(f, NULL) == EVOKE_OK);
}

/* As other programs write: in chunks, compressed, with strings of a fixed length. */
static void make_foreign(const char *path)
{
    static const float x[24] = { 1, 2, 3 };
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), list = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t group = H5Gcreate2(file, "ev", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), type = H5Tcopy(H5T_C_S1);
    const hsize_t dims[3] = { 2, 3, 4 }, chunk[3] = { 1, 2, 4 };
    hid_t space = H5Screate_simple(3, dims, NULL);
    H5Pset_chunk(list, 3, chunk);
    H5Pset_shuffle(list);
    H5Pset_deflate(list, 6);
    hid_t set = H5Dcreate2(group, "resid_post", H5T_IEEE_F64BE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
    H5Dclose(set);
    H5Sclose(space);
    space = H5Screate_simple(1, dims, NULL);
    H5Tset_size(type, 5);
    set = H5Dcreate2(file, "emotions", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, "joy\0\0fear");
    H5Dclose(set);
    H5Sclose(space);
    H5Tclose(type);
    H5Gclose(group);
    H5Pclose(list);
    expect(H5Fclose(file) >= 0);
}

size_t fuzz_seed(size_t i, uint8_t *out, size_t capacity)
{
    static void (*const make[])(const char *) = { make_store, make_vectors, make_foreign };
    char path[400];
    if (i >= sizeof make / sizeof *make)
        return 0;
    snprintf(path, sizeof path, "%s/seed.h5", fuzz_folder());
    make[i](path);
    FILE *f = fopen(path, "rb");
    expect(f);
    const size_t n = fread(out, 1, capacity, f);
    fclose(f);
    unlink(path);
    return n;
}
