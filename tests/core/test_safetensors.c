/* Hostile safetensors files and model folders: each must end in an error that says what is wrong and where. */
#include "tests/bytes.h"
#include "tests/check.h"

#include <sys/stat.h>

#include "core/files/weights.h"

static char folder[256];

static const char *in_folder(const char *name)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A file with that header and n_data bytes 0, 1, 2, ... */
static void make_file(bytes *b, const char *header, size_t n_data)
{
    b->n = 0;
    put_string(b, header);
    for (size_t i = 0; i < n_data; i++)
        put_number(b, i, 1);
}

static evoke_status open_bytes(const bytes *b, size_t n, evoke_weights **w, evoke_error *err)
{
    *err = (evoke_error){ 0 };
    *w = NULL;
    check(write_bytes(in_folder("x.safetensors"), b->data, n), "write x.safetensors");
    const evoke_status st = evoke_weights_open(in_folder("x.safetensors"), w, err);
    remove(in_folder("x.safetensors"));
    return st;
}

#define T(dtype, shape, offsets) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define A(dtype, shape, offsets) "{\"a\":" T(dtype, shape, offsets) "}"

static const struct { const char *header; size_t n_data; const char *says; } hostile[] = {
    { "", 0, "not a JSON object" },
    { "[]", 0, "not a JSON object" },
    { " {}", 0, "not a JSON object" },
    { "{", 0, "not valid JSON" },
    { "{}x", 0, "not valid JSON" },
    { "{\"a\":" T("F32", "[2]", "[0,8]") ",\"a\":" T("F32", "[2]", "[8,16]") "}", 16, "duplicate" },
    { "{\"a\\u0000\":" T("F32", "[2]", "[0,8]") "}", 8, "not valid JSON" },
    { "{\"\":" T("F32", "[2]", "[0,8]") "}", 8, "without a name" },
    { "{\"a\\n\":" T("F32", "[2]", "[0,8]") "}", 8, "control character" },
    { "{\"a\":[]}", 0, "not described by an object" },
    { "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "no dtype" },
    { "{\"a\":{\"dtype\":1,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "no dtype" },
    { "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "no shape" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "data_offsets" },
    { A("F32", "2", "[0,8]"), 8, "no shape" },
    { A("F32", "[2.0]", "[0,8]"), 8, "whole numbers" },
    { A("F32", "[-2]", "[0,8]"), 8, "whole numbers" },
    { A("F32", "[\"2\"]", "[0,8]"), 8, "whole numbers" },
    { A("F32", "[18446744073709551616]", "[0,8]"), 8, "not valid JSON" },
    { A("F32", "[0]", "[0,0]"), 0, "is zero" },
    { A("F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]"), 8, "dimensions" },
    { A("F32", "[4294967296,4294967296]", "[0,8]"), 8, "overflow" },
    { A("F32", "[9223372036854775807,2]", "[0,8]"), 8, "overflow" },
    { A("F32", "[9223372036854775807]", "[0,8]"), 8, "overflow" },
    { A("U64", "[4611686018427387904]", "[0,8]"), 8, "do not fit" },
    { A("F32", "[3]", "[0,8]"), 8, "do not fit" },
    { A("F16", "[2]", "[0,8]"), 8, "do not fit" },
    { A("BOOL", "[7]", "[0,8]"), 8, "do not fit" },
    { A("F32", "[2]", "[0]"), 8, "data_offsets" },
    { A("F32", "[2]", "[0,8,9]"), 8, "data_offsets" },
    { A("F32", "[2]", "[-8,0]"), 8, "data_offsets" },
    { A("F32", "[2]", "{\"0\":8}"), 8, "data_offsets" },
    { A("F32", "[2]", "[8,0]"), 8, "beyond the end" },
    { A("F32", "[2]", "[0,8]"), 7, "beyond the end" },
    { A("F32", "[2]", "[9223372036854775800,9223372036854775807]"), 8, "beyond the end" },
    { A("F32", "[2]", "[4,12]"), 12, "gap" },
    { A("F32", "[2]", "[0,8]"), 9, "belong to no tensor" },
    { "{}", 8, "belong to no tensor" },
    { "{\"a\":" T("F32", "[2]", "[0,8]") ",\"b\":" T("F32", "[2]", "[4,12]") "}", 12, "overlaps" },
    { "{\"a\":" T("F32", "[2]", "[0,8]") ",\"b\":" T("F32", "[2]", "[0,8]") "}", 8, "overlaps" },
    { "{\"a\":" T("F32", "[2]", "[0,8]") ",\"b\":" T("F32", "[2]", "[12,20]") "}", 20, "gap" },
    { "{\"__metadata__\":[]}", 0, "not an object" },
    { "{\"__metadata__\":{\"x\":1}}", 0, "other than strings" },
};

static void refuses_hostile_headers(bytes *b)
{
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        evoke_weights *w = NULL;
        evoke_error err;
        make_file(b, hostile[i].header, hostile[i].n_data);
        const evoke_status st = open_bytes(b, b->n, &w, &err);
        check(st == EVOKE_EFORMAT && !w, "case %zu (%s): status %d", i, hostile[i].header, (int)st);
        check(strstr(err.text, hostile[i].says) && strstr(err.text, "x.safetensors"), "case %zu (%s): '%s' lacks '%s'", i,
              hostile[i].header, err.text, hostile[i].says);
        evoke_weights_free(w);
    }
}

static void refuses_header_lengths(bytes *b)
{
    static const uint64_t lengths[] = { 0, 1, 1000, 100000001, 1ull << 32, 1ull << 63, UINT64_MAX - 7, UINT64_MAX };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        evoke_weights *w = NULL;
        evoke_error err;
        make_file(b, A("F32", "[2]", "[0,8]"), 8);
        memcpy(b->data, &lengths[i], 8);
        check(open_bytes(b, b->n, &w, &err) == EVOKE_EFORMAT && err.text[0], "length %llu: %s",
              (unsigned long long)lengths[i], err.text);
        evoke_weights_free(w);
    }
    evoke_error err;                    /* a header of over 100 MB that is all there: sparse, so it costs no space */
    evoke_weights *w = NULL;
    const uint64_t long_header = 100000001;
    const char *path = in_folder("long.safetensors");
    check(write_bytes(path, &long_header, 8) && truncate(path, (off_t)long_header + 8) == 0, "make %s", path);
    check(evoke_weights_open(path, &w, &err) == EVOKE_EFORMAT && strstr(err.text, "at most 100000000"), "%s", err.text);
    remove(path);
}

/* 100,000 levels of nesting: refused by a limit, not by the end of the stack. */
static void refuses_deep_nesting(bytes *b)
{
    static char deep[200001];
    evoke_weights *w = NULL;
    evoke_error err;
    memset(deep, '[', sizeof deep - 1);
    memcpy(deep, "{\"a\":", 5);
    make_file(b, deep, 0);
    check(open_bytes(b, b->n, &w, &err) == EVOKE_EFORMAT && strstr(err.text, "not valid JSON"), "%s", err.text);
}

static void refuses_truncation(bytes *b, const char *root)
{
    evoke_weights *w = NULL;
    evoke_error err;
    char name[4096];
    make_file(b, A("F32", "[2]", "[0,8]"), 8);
    for (size_t n = 0; n < b->n; n++)
        check(open_bytes(b, n, &w, &err) == EVOKE_EFORMAT && err.text[0], "the first %zu bytes: %s", n, err.text);
    snprintf(name, sizeof name, "%s/tests/golden/families/llama/model.safetensors", root);
    check(read_bytes(name, b), "read %s", name);
    for (size_t i = 0; i < 50; i++)
        check(open_bytes(b, b->n * i / 50, &w, &err) == EVOKE_EFORMAT && err.text[0], "%zu/50 of %s", i, name);
}

static void reads_valid(bytes *b)
{
    evoke_weights *w = NULL;
    evoke_error err;
    evoke_tensor_info info;
    make_file(b, "{\"__metadata__\":{\"format\":\"pt\"},\"s\":" T("F32", "[]", "[12,16]") ",\"a\":" T("BF16", "[2,3]", "[0,12]")
              ",\"u\":" T("U8", "[4]", "[16,20]") ",\"new\":" T("F4_ODD", "[4]", "[20,22]") "}   ", 22);
    if (!check(open_bytes(b, b->n, &w, &err) == EVOKE_OK, "%s", err.text))
        return;
    const evk_tensor *a = evk_weights_find(w, "a"), *s = evk_weights_find(w, "s"), *u = evk_weights_find(w, "u");
    check(evoke_weights_count(w) == 4 && a && s && u, "%zu tensors", evoke_weights_count(w));
    check(a->type == EVK_BF16 && a->rows == 2 && a->cols == 3 && a->row_bytes == 6, "a");
    check(s->n_dim == 0 && s->rows == 1 && s->cols == 1 && *(const unsigned char *)s->data == 12, "a scalar");
    check(!u->data && u->n_bytes == 4, "u8 is listed without data");
    check(evoke_weights_info(w, 3, &info, &err) == EVOKE_OK && !strcmp(info.type, "F4_ODD"), "type %s", info.type);
    check(evk_weights_container(w) == EVK_SAFETENSORS && !evk_weights_config(w), "a lone file");
    check(evoke_weights_metadata_count(w) == 0 && !evk_meta_has(w, "format"), "no metadata");
    evoke_weights_free(w);
}

/* ---- folders ---- */

static void put_file(const char *name, const char *text)
{
    check(write_bytes(in_folder(name), text, strlen(text)), "write %s", name);
}

static void folder_says(evoke_status want, const char *says)
{
    evoke_weights *w = NULL;
    evoke_error err = { 0 };
    const evoke_status st = evoke_weights_open(folder, &w, &err);
    check(st == want && !w, "%s: status %d", says, (int)st);
    check(strstr(err.text, says) && strstr(err.text, folder), "'%s' lacks '%s'", err.text, says);
    evoke_weights_free(w);
}

static void index_says(const char *index, evoke_status want, const char *says)
{
    put_file("model.safetensors.index.json", index);
    folder_says(want, says);
}

static void put_shard(bytes *b, const char *name, const char *header, size_t n_data)
{
    make_file(b, header, n_data);
    check(write_bytes(in_folder(name), b->data, b->n), "write %s", name);
}

static void refuses_hostile_folders(bytes *b)
{
    folder_says(EVOKE_EIO, "no config.json");
    put_file("config.json", "{\"model_type\": ");
    folder_says(EVOKE_EFORMAT, "config.json");
    put_file("config.json", "[1]");
    folder_says(EVOKE_EFORMAT, "not a JSON object");
    put_file("config.json", "{\"model_type\": \"llama\", \"x\": {\"y\": null}, \"z\": null}");
    folder_says(EVOKE_EIO, "no model.safetensors");
    put_file("pytorch_model.bin", "x");
    folder_says(EVOKE_EUNSUPPORTED, "save the model as safetensors");
    index_says("{}", EVOKE_EFORMAT, "no weight_map");
    index_says("{\"weight_map\": []}", EVOKE_EFORMAT, "no weight_map");
    index_says("{\"weight_map\": {\"a\": 1}}", EVOKE_EFORMAT, "no plain file name");
    index_says("{\"weight_map\": {\"a\": \"\"}}", EVOKE_EFORMAT, "no plain file name");
    index_says("{\"weight_map\": {\"a\": \"..\"}}", EVOKE_EFORMAT, "no plain file name");
    index_says("{\"weight_map\": {\"a\": \"../x.safetensors\"}}", EVOKE_EFORMAT, "no plain file name");
    index_says("{\"weight_map\": {\"a\": \"/etc/passwd\"}}", EVOKE_EFORMAT, "no plain file name");
    index_says("{\"weight_map\": {\"a\": \"one.safetensors\"}}", EVOKE_EIO, "one.safetensors is missing");
    put_shard(b, "one.safetensors", A("F32", "[2]", "[0,8]"), 8);
    put_shard(b, "two.safetensors", "{\"b\":" T("F32", "[2]", "[0,8]") "}", 8);
    index_says("{\"weight_map\": {\"c\": \"one.safetensors\"}}", EVOKE_EFORMAT, "does not hold it");
    index_says("{\"weight_map\": {\"a\": \"two.safetensors\", \"b\": \"one.safetensors\"}}", EVOKE_EFORMAT, "the index says");
    put_shard(b, "two.safetensors", A("F32", "[2]", "[0,8]"), 8);
    index_says("{\"weight_map\": {\"a\": \"one.safetensors\", \"b\": \"two.safetensors\"}}", EVOKE_EFORMAT, "two named 'a'");
    put_shard(b, "two.safetensors", "{", 8);
    index_says("{\"weight_map\": {\"a\": \"one.safetensors\", \"b\": \"two.safetensors\"}}", EVOKE_EFORMAT, "not valid JSON");
}

static void reads_shards(bytes *b)
{
    evoke_weights *w = NULL;
    evoke_error err = { 0 };
    const char *key;
    evoke_text value;
    put_shard(b, "two.safetensors", "{\"b\":" T("F32", "[2]", "[0,8]") "}", 8);
    put_file("model.safetensors.index.json", "{\"weight_map\": {\"b\": \"two.safetensors\", \"a\": \"one.safetensors\"}}");
    if (!check(evoke_weights_open(in_folder("config.json"), &w, &err) == EVOKE_OK, "%s", err.text))
        return;
    check(evoke_weights_count(w) == 2 && evk_weights_find(w, "a") && evk_weights_find(w, "b"), "both tensors");
    check(strstr(evk_weights_file(w, 0), "/one.safetensors") && strstr(evk_weights_file(w, 1), "/two.safetensors")
          && !evk_weights_file(w, 2), "files in order of their names");
    check(!strcmp(evk_weights_path(w), folder), "the config's folder is %s", evk_weights_path(w));
    check(evoke_weights_metadata_count(w) == 3, "%zu entries", evoke_weights_metadata_count(w));
    check(evoke_weights_metadata(w, 0, &key, &value, &err) == EVOKE_OK && !strcmp(key, "model_type")
          && !strcmp(value.data, "string \"llama\""), "entry 0");
    evoke_text_free(&value);
    check(evoke_weights_metadata(w, 1, &key, &value, &err) == EVOKE_OK && !strcmp(value.data, "object{1}"), "entry 1");
    evoke_text_free(&value);
    evoke_weights_free(w);
}

int main(int argc, char **argv)
{
    static bytes b;
    static const char *const made[] = { "config.json", "pytorch_model.bin", "model.safetensors.index.json",
                                        "one.safetensors", "two.safetensors" };
    make_folder(folder);
    reads_valid(&b);
    refuses_hostile_headers(&b);
    refuses_header_lengths(&b);
    refuses_deep_nesting(&b);
    refuses_truncation(&b, argc > 1 ? argv[1] : ".");
    refuses_hostile_folders(&b);
    reads_shards(&b);
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        remove(in_folder(made[i]));
    check(rmdir(folder) == 0, "remove %s", folder);
    return check_done();
}
