/* tests/fuzz/files.c: what the targets that read files share. */
#define _GNU_SOURCE             /* memfd_create */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/files/weights.h"

enum { MOST_FILES = 8 };

int LLVMFuzzerInitialize(const int *argc, char ***argv);

static char folder[256];
static volatile unsigned char sink;

static void remove_folder(void)
{
    DIR *d = opendir(folder);
    char path[600];
    for (const struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(folder);
}

const char *fuzz_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "%s/evoke-fuzz-XXXXXX", tmp && strlen(tmp) < 200 ? tmp : "/tmp");
        expect(mkdtemp(folder));
        atexit(remove_folder);
    }
    return folder;
}

/* Each name is a link to a file in memory (Linux's memfd): thousands of inputs a second leave the disk alone. */
const char *fuzz_write(const char *name, const void *data, size_t n)
{
    static struct { char path[300]; int fd; } files[MOST_FILES];
    char path[300], target[64];
    size_t i = 0;
    snprintf(path, sizeof path, "%s/%.30s", fuzz_folder(), name);
    while (i < MOST_FILES && files[i].path[0] && strcmp(files[i].path, path) != 0)
        i++;
    expect(i < MOST_FILES);
    if (!files[i].path[0]) {
        memcpy(files[i].path, path, sizeof path);
        files[i].fd = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(target, sizeof target, "/proc/self/fd/%d", files[i].fd);
        expect(files[i].fd >= 0 && symlink(target, path) == 0);
    }
    expect(ftruncate(files[i].fd, 0) == 0);
    for (size_t at = 0; at < n;) {
        const ssize_t put = pwrite(files[i].fd, (const char *)data + at, n - at, (off_t)at);
        expect(put > 0);
        at += (size_t)put;
    }
    return files[i].path;
}

/* The first and the last byte of every page's worth: enough to leave the map, if it could be left. */
static void touch(const void *data, size_t n)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i += 4096)
        sink ^= p[i];
    if (n)
        sink ^= p[n - 1];
}

static void touch_array(const evoke_weights *w, const char *key)
{
    size_t length = 0;
    const char *text = NULL;
    uint64_t u = 0;
    double f = 0;
    const evk_meta *m = evk_meta_array(w, key);
    for (size_t i = 0; m && i < m->n; i += 1 + m->n / 100) {
        if (evk_meta_element_string(m, i, &text, &length))
            touch(text, length);
        evk_meta_element_u64(m, i, &u);
        evk_meta_element_f64(m, i, &f);
    }
    expect(!m || !evk_meta_element_string(m, m->n, &text, &length));
}

static void touch_metadata(const evoke_weights *w)
{
    evoke_error err;
    for (size_t i = 0; i < evoke_weights_metadata_count(w); i++) {
        const char *key = NULL;
        evoke_text value = { 0 };
        uint64_t u = 0;
        double f = 0;
        bool b = false;
        expect(fuzz_ok(evoke_weights_metadata(w, i, &key, &value, &err), &err) && key && value.data);
        expect(value.n < 300 && strlen(value.data) == value.n);
        for (size_t k = 0; k < value.n; k++)
            expect((unsigned char)value.data[k] >= 0x20 && value.data[k] != 0x7f);
        evoke_text_free(&value);
        evk_meta_u64(w, key, &u);
        evk_meta_f64(w, key, &f);
        evk_meta_bool(w, key, &b);
        evk_meta_string(w, key);
        if (evk_weights_container(w) == EVK_GGUF)
            touch_array(w, key);
    }
}

void fuzz_touch_weights(const evoke_weights *w)
{
    evoke_error err;
    for (size_t i = 0; i < evoke_weights_count(w); i++) {
        evoke_tensor_info info;
        const evk_tensor *t = evk_weights_at(w, i);
        expect(fuzz_ok(evoke_weights_info(w, i, &info, &err), &err));
        expect(evk_weights_find(w, info.name) == t && t->rows && t->cols);
        if (t->data)
            touch(t->data, t->n_bytes);
    }
    expect(!evk_weights_at(w, evoke_weights_count(w)));
    touch_metadata(w);
}

/* ---- seeds for libFuzzer ---- */

/* Called by libFuzzer before all else: where FUZZ_SEEDS names a folder, the target's own seeds are written there, and
 * that is all. driver.c needs no file for them. */
int LLVMFuzzerInitialize(const int *argc, char ***argv)
{
    static uint8_t seed[1 << 20];
    const char *to = getenv("FUZZ_SEEDS");
    (void)argc, (void)argv;
    size_t n = 0;
    for (size_t i = 0; to && fuzz_seed && (n = fuzz_seed(i, seed, sizeof seed)); i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/seed-%zu", to, i);
        FILE *f = fopen(path, "wb");
        expect(f && fwrite(seed, 1, n, f) == n && fclose(f) == 0);
    }
    if (to)
        exit(0);
    return 0;
}
