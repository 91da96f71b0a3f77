/* Weights against what gguf-py and safetensors' own library see in the same files (tests/golden/weights.txt, made by
 * list_weights.py beside it): names, types, shapes, bytes and metadata; and the export of one tensor. */
#include "tests/bytes.h"
#include "tests/check.h"

#include <inttypes.h>
#include <math.h>
#include <nettle/sha2.h>

#include "core/files/hdf5.h"
#include "core/files/weights.h"

/* ---- the list ---- */

static void sha16(struct sha256_ctx *sha, char out[17])
{
    uint8_t digest[8];
    sha256_digest(sha, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void bytes_are(const void *data, size_t n, const char *want, const char *what)
{
    struct sha256_ctx sha;
    char hex[17];
    sha256_init(&sha);
    sha256_update(&sha, n, data);
    sha16(&sha, hex);
    check(!strcmp(hex, want), "%s: bytes %s, want %s", what, hex, want);
}

static void tensor_is(const evoke_weights *w, size_t i, const char *rest)
{
    char name[128], type[32], dims[128], sha[32], mine[128] = "";
    uint64_t n_bytes = 0;
    evoke_tensor_info info;
    evoke_error err = { 0 };
    if (!check(sscanf(rest, "%127s %31s %127s %" SCNu64 " %31s", name, type, dims, &n_bytes, sha) == 5, "line '%s'", rest))
        return;
    const evk_tensor *t = evk_weights_find(w, name);
    if (!check(t != NULL, "no tensor %s", name))
        return;
    check(evoke_weights_info(w, i, &info, &err) == EVOKE_OK, "%s", err.text);
    if (evk_weights_container(w) == EVK_GGUF)
        check(evk_weights_at(w, i) == t, "%s is not tensor %zu, in the order of the file", name, i);
    for (size_t k = 0; k < evoke_weights_count(w); k++)
        if (evoke_weights_info(w, k, &info, &err) == EVOKE_OK && !strcmp(info.name, name))
            break;
    for (size_t d = 0; d < info.n_dim; d++)
        snprintf(mine + strlen(mine), sizeof mine - strlen(mine), "%s%" PRIu64, d ? "," : "", info.dims[d]);
    check(!strcmp(info.type, type), "%s is %s, want %s", name, info.type, type);
    check(!strcmp(mine, dims), "%s is [%s], want [%s]", name, mine, dims);
    if (!t->data)
        return;
    check(info.n_bytes == n_bytes && t->n_bytes == n_bytes, "%s has %" PRIu64 " bytes", name, info.n_bytes);
    bytes_are(t->data, t->n_bytes, sha, name);
}

static void strings_are(const evoke_weights *w, const char *key, size_t want_n, const char *want)
{
    size_t length = 0;
    const char *text = NULL;
    const evk_meta *m = evk_meta_array(w, key);
    char hex[17];
    struct sha256_ctx sha;
    sha256_init(&sha);
    check(m && m->n == want_n, "%s has %zu elements", key, m ? m->n : 0);
    for (size_t i = 0; m && i < m->n; i++) {
        if (!check(evk_meta_element_string(m, i, &text, &length), "%s, element %zu", key, i))
            return;
        sha256_update(&sha, length, (const uint8_t *)text);
        sha256_update(&sha, 1, (const uint8_t *)"");
    }
    sha16(&sha, hex);
    check(!strcmp(hex, want), "%s: strings differ", key);
}

static void numbers_are(const evoke_weights *w, const char *key, size_t want_n, double want)
{
    const evk_meta *m = evk_meta_array(w, key);
    double sum = 0, x = 0;
    check(m && m->n == want_n, "%s has %zu elements", key, m ? m->n : 0);
    for (size_t i = 0; m && i < m->n; i++) {
        if (!check(evk_meta_element_f64(m, i, &x), "%s, element %zu", key, i))
            return;
        sum += x;
    }
    check(sum == want, "%s: sum %.17g, want %.17g", key, sum, want);
}

static void metadata_is(const evoke_weights *w, const char *kind, const char *rest)
{
    char key[128], a[64], b[64] = "";
    uint64_t u = 0;
    double f = 0;
    bool flag = false;
    if (!check(sscanf(rest, "%127s %63s %63s", key, a, b) >= 2, "line '%s'", rest))
        return;
    if (!strcmp(kind, "u64"))
        check(evk_meta_u64(w, key, &u) && u == strtoull(a, NULL, 10), "%s is %" PRIu64 ", want %s", key, u, a);
    else if (!strcmp(kind, "f64"))
        check(evk_meta_f64(w, key, &f) && f == strtod(a, NULL), "%s is %.17g, want %s", key, f, a);
    else if (!strcmp(kind, "bool"))
        check(evk_meta_bool(w, key, &flag) && flag == (a[0] == '1'), "%s is %d, want %s", key, flag, a);
    else if (!strcmp(kind, "strings"))
        strings_are(w, key, strtoull(a, NULL, 10), b);
    else if (!strcmp(kind, "numbers"))
        numbers_are(w, key, strtoull(a, NULL, 10), strtod(b, NULL));
    else if (check(!strcmp(kind, "string") && evk_meta_string(w, key), "%s %s", kind, key))
        bytes_are(evk_meta_string(w, key), strlen(evk_meta_string(w, key)), a, key);
}

/* Opens the file of a `file` line; NULL where it is not here. */
static evoke_weights *open_listed(const char *root, const char *rest)
{
    char name[256], path[4096];
    size_t n = 0;
    evoke_weights *w = NULL;
    evoke_error err = { 0 };
    if (!check(sscanf(rest, "%255s %zu", name, &n) == 2, "line '%s'", rest))
        return NULL;
    snprintf(path, sizeof path, "%s/%s", root, name);
    if (!strncmp(name, "../", 3) && access(path, F_OK) != 0) {
        check_skip(name, "the full reference data is not here");
        return NULL;
    }
    check(evoke_weights_open(path, &w, &err) == EVOKE_OK, "%s", err.text);
    if (w)
        check(evoke_weights_count(w) == n, "%s has %zu tensors, want %zu", name, evoke_weights_count(w), n);
    return w;
}

static void equals_list(const char *root)
{
    char path[4096], line[1024];
    evoke_weights *w = NULL;
    size_t i = 0;
    snprintf(path, sizeof path, "%s/tests/golden/weights.txt", root);
    FILE *f = fopen(path, "r");
    if (!check(f != NULL, "open %s", path))
        return;
    while (fgets(line, sizeof line, f)) {
        char *rest = strchr(line, ' ');
        line[strcspn(line, "\n")] = '\0';
        if (!check(rest != NULL, "line '%s'", line))
            break;
        *rest++ = '\0';
        if (!strcmp(line, "file")) {
            evoke_weights_free(w);
            w = open_listed(root, rest);
            i = 0;
        } else if (w && !strcmp(line, "tensor")) {
            tensor_is(w, i++, rest);
        } else if (w) {
            metadata_is(w, line, rest);
        }
    }
    evoke_weights_free(w);
    fclose(f);
}

/* ---- export ---- */

/* quants/expected.h5 has the values that gguf.dequantize gives for each type. */
static void exports(const char *root, const char *file)
{
    static const char *const names[] = { "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K" };
    static float got[8 * 512], want[8 * 512];
    char path[4096];
    evoke_error err = { 0 };
    evoke_weights *w = NULL;
    evk_h5 *expected = NULL, *f = NULL;
    snprintf(path, sizeof path, "%s/tests/golden/quants/quants.gguf", root);
    check(evoke_weights_open(path, &w, &err) == EVOKE_OK, "%s", err.text);
    snprintf(path, sizeof path, "%s/tests/golden/quants/expected.h5", root);
    check(evk_h5_open(path, &expected, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; w && expected && i < sizeof names / sizeof *names; i++) {
        size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
        snprintf(path, sizeof path, "values/%s", names[i]);
        check(evoke_weights_export(w, names[i], file, NULL, &err) == EVOKE_OK, "%s", err.text);
        if (!check(evk_h5_open(file, &f, &err) == EVOKE_OK, "%s", err.text))
            continue;
        check(evk_h5_shape(f, "tensor", &n_dim, dims, &err) == EVOKE_OK && n_dim == 2 && dims[0] == 8 && dims[1] == 512,
              "shape of %s", names[i]);
        check(evk_h5_read(f, "tensor", EVK_H5_F32, NULL, NULL, got, &err) == EVOKE_OK, "%s", err.text);
        check(evk_h5_read(expected, path, EVK_H5_F32, NULL, NULL, want, &err) == EVOKE_OK, "%s", err.text);
        check(memcmp(got, want, sizeof got) == 0, "values of %s, bit for bit", names[i]);
        evk_h5_free(f);
        remove(file);
    }
    check(w && evoke_weights_export(w, "absent", file, NULL, &err) == EVOKE_EDATA && access(file, F_OK) != 0, "%s", err.text);
    evk_h5_free(expected);
    evoke_weights_free(w);
}

static void attribute_is(evk_h5 *f, const char *name, const char *want)
{
    char *value = NULL;
    check(evk_h5_get_string(f, "/", name, &value) && !strcmp(value, want), "%s is '%s', want '%s'", name,
          value ? value : "", want);
    free(value);
}

static void export_is_signed(const char *root, const char *file)
{
    char path[4096];
    evoke_error err = { 0 };
    evoke_weights *w = NULL;
    evk_h5 *f = NULL;
    int64_t n = 0;
    const evoke_provenance made = { .command_line = "evoke inspect", .seed = 5 };
    snprintf(path, sizeof path, "%s/tests/golden/families/llama/config.json", root);
    check(evoke_weights_open(path, &w, &err) == EVOKE_OK, "%s", err.text);
    check(w && evoke_weights_export(w, "model.norm.weight", file, &made, &err) == EVOKE_OK, "%s", err.text);
    if (check(evk_h5_open(file, &f, &err) == EVOKE_OK, "%s", err.text)) {
        attribute_is(f, "model_name", "llama");
        attribute_is(f, "architecture", "llama");
        attribute_is(f, "command_line", "evoke inspect");
        check(evk_h5_get_i64(f, "/", "n_layers", &n) && n == 3, "n_layers %" PRId64, n);
        check(evk_h5_get_i64(f, "/", "d_model", &n) && n == 24, "d_model %" PRId64, n);
    }
    evk_h5_free(f);
    evoke_weights_free(w);
    remove(file);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : ".";
    char folder[256], file[300];
    make_folder(folder);
    snprintf(file, sizeof file, "%s/tensor.h5", folder);
    equals_list(root);
    exports(root, file);
    export_is_signed(root, file);
    rmdir(folder);
    return check_done();
}
