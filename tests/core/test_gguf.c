/* Hostile GGUF files: a small valid one is made, then one field at a time is given a value that it must not have. Each
 * must end in an error that says what is wrong and where, and every truncation of every file too. */
#include "tests/bytes.h"
#include "tests/check.h"

#include "core/files/weights.h"

/* Places in the valid file, in its order. */
enum place {
    MAGIC, VERSION, N_TENSORS, N_META, KEY_LENGTH, KEY, KEY_TYPE, TEXT_LENGTH, TEXT, ALIGNMENT_TYPE, ALIGNMENT, COUNT_KEY,
    LIST_ELEMENT, LIST_LENGTH, NAMES_LENGTH, NAME_LENGTH, FLAG, FLAGS, ONE_LENGTH, ONE, ONE_N_DIM,
    ONE_DIM_0, ONE_DIM_1, ONE_TYPE, ONE_OFFSET, TWO_LENGTH, TWO, TWO_DIM, TWO_TYPE, TWO_OFFSET, N_PLACE
};

static char folder[256], path[300];

static void put_key(bytes *b, const char *key, uint32_t type)
{
    put_string(b, key);
    put_number(b, type, 4);
}

static void make_metadata(bytes *b, size_t at[N_PLACE])
{
    at[KEY_LENGTH] = b->n, at[KEY] = b->n + 8, at[KEY_TYPE] = b->n + 8 + 20;
    put_key(b, "general.architecture", 8);
    at[TEXT_LENGTH] = b->n, at[TEXT] = b->n + 8;
    put_string(b, "test");
    put_key(b, "general.alignment", 4);
    at[ALIGNMENT_TYPE] = b->n - 4, at[ALIGNMENT] = b->n;
    put_number(b, 32, 4);
    at[COUNT_KEY] = b->n + 8;
    put_key(b, "test.cnt", 5);
    put_number(b, (uint64_t)-7, 4);
    put_key(b, "test.lst", 9);
    at[LIST_ELEMENT] = b->n, at[LIST_LENGTH] = b->n + 4;
    put_number(b, 4, 4), put_number(b, 3, 8);
    for (uint64_t i = 1; i <= 3; i++)
        put_number(b, i, 4);
    put_key(b, "test.names", 9);
    put_number(b, 8, 4);
    at[NAMES_LENGTH] = b->n, at[NAME_LENGTH] = b->n + 8;
    put_number(b, 2, 8), put_string(b, "a"), put_string(b, "bc");
    put_key(b, "test.flag", 7);
    at[FLAG] = b->n;
    put_number(b, 1, 1);
    put_key(b, "test.flags", 9);
    put_number(b, 7, 4), put_number(b, 2, 8);
    at[FLAGS] = b->n;
    put_number(b, 0x0001, 2);
    put_key(b, "test.real", 12);
    put(b, &(double){ 0.1 }, 8);
}

static void make_file(bytes *b, size_t at[N_PLACE])
{
    b->n = 0;
    at[MAGIC] = 0, at[VERSION] = 4, at[N_TENSORS] = 8, at[N_META] = 16;
    put_text(b, "GGUF");
    put_number(b, 3, 4), put_number(b, 2, 8), put_number(b, 8, 8);
    make_metadata(b, at);
    at[ONE_LENGTH] = b->n, at[ONE] = b->n + 8;
    put_string(b, "one");
    at[ONE_N_DIM] = b->n, at[ONE_DIM_0] = b->n + 4, at[ONE_DIM_1] = b->n + 12, at[ONE_TYPE] = b->n + 20;
    at[ONE_OFFSET] = b->n + 24;
    put_number(b, 2, 4), put_number(b, 8, 8), put_number(b, 2, 8), put_number(b, 0, 4), put_number(b, 0, 8);
    at[TWO_LENGTH] = b->n, at[TWO] = b->n + 8;
    put_string(b, "two");
    at[TWO_DIM] = b->n + 4, at[TWO_TYPE] = b->n + 12, at[TWO_OFFSET] = b->n + 16;
    put_number(b, 1, 4), put_number(b, 32, 8), put_number(b, 8, 4), put_number(b, 64, 8);
    pad(b, 32);
    for (uint64_t i = 0; i < 64 + 34; i++)
        put_number(b, i, 1);
}

static evoke_status open_bytes(const bytes *b, size_t n, evoke_weights **w, evoke_error *err)
{
    *err = (evoke_error){ 0 };
    if (!check(write_bytes(path, b->data, n), "write %s", path))
        return EVOKE_EIO;
    return evoke_weights_open(path, w, err);
}

/* ---- one field at a time ---- */

typedef struct patch { enum place place; size_t width; uint64_t value; } patch;
static const struct { evoke_status status; const char *says; patch patches[2]; } hostile[] = {
    { EVOKE_EFORMAT, "neither a GGUF file", { { MAGIC, 1, 'H' } } },
    { EVOKE_EUNSUPPORTED, "big-endian", { { VERSION, 4, 0x03000000 } } },
    { EVOKE_EUNSUPPORTED, "big-endian", { { VERSION, 4, 0x02000000 } } },
    { EVOKE_EUNSUPPORTED, "version 1", { { VERSION, 4, 1 } } },
    { EVOKE_EUNSUPPORTED, "version 4", { { VERSION, 4, 4 } } },
    { EVOKE_EUNSUPPORTED, "version 0", { { VERSION, 4, 0 } } },
    { EVOKE_EFORMAT, "tensors, more than", { { N_TENSORS, 8, UINT64_MAX } } },
    { EVOKE_EFORMAT, "tensors, more than", { { N_TENSORS, 8, 1000 } } },
    { EVOKE_EFORMAT, "", { { N_TENSORS, 8, 3 } } },
    { EVOKE_EFORMAT, "key-values, more than", { { N_META, 8, UINT64_MAX } } },
    { EVOKE_EFORMAT, "key-values, more than", { { N_META, 8, 1ull << 60 } } },
    { EVOKE_EFORMAT, "", { { N_META, 8, 9 } } },
    { EVOKE_EFORMAT, "", { { N_META, 8, 7 } } },
    { EVOKE_EFORMAT, "empty key", { { KEY_LENGTH, 8, 0 } } },
    { EVOKE_EFORMAT, "the file ends", { { KEY_LENGTH, 8, UINT64_MAX } } },
    { EVOKE_EFORMAT, "the file ends", { { KEY_LENGTH, 8, UINT64_MAX - 31 } } },
    { EVOKE_EFORMAT, "the file ends", { { KEY_LENGTH, 8, 1ull << 63 } } },
    { EVOKE_EFORMAT, "NUL", { { KEY, 1, 0 } } },
    { EVOKE_EFORMAT, "not UTF-8", { { KEY, 1, 0xff } } },
    { EVOKE_EFORMAT, "'test.lst' is there twice", { { COUNT_KEY, 8, 0x74736c2e74736574 } } },     /* "test.lst" */
    { EVOKE_EFORMAT, "unknown type 13", { { KEY_TYPE, 4, 13 } } },
    { EVOKE_EFORMAT, "unknown type 4294967295", { { KEY_TYPE, 4, UINT32_MAX } } },
    { EVOKE_EFORMAT, "a string", { { TEXT_LENGTH, 8, UINT64_MAX } } },
    { EVOKE_EFORMAT, "a string", { { TEXT_LENGTH, 8, UINT64_MAX - 7 } } },
    { EVOKE_EFORMAT, "NUL", { { TEXT, 1, 0 } } },
    { EVOKE_EFORMAT, "no power of two", { { ALIGNMENT, 4, 0 } } },
    { EVOKE_EFORMAT, "no power of two", { { ALIGNMENT, 4, 24 } } },
    { EVOKE_EFORMAT, "no power of two", { { ALIGNMENT, 4, UINT32_MAX } } },
    { EVOKE_EFORMAT, "truncated", { { ALIGNMENT, 4, 1u << 31 } } },
    { EVOKE_EFORMAT, "no unsigned integer", { { ALIGNMENT_TYPE, 4, 6 } } },
    { EVOKE_EFORMAT, "no unsigned integer", { { ALIGNMENT_TYPE, 4, 5 }, { ALIGNMENT, 4, (uint64_t)-32 } } },
    { EVOKE_EUNSUPPORTED, "array of arrays", { { LIST_ELEMENT, 4, 9 } } },
    { EVOKE_EFORMAT, "unknown type 99", { { LIST_ELEMENT, 4, 99 } } },
    { EVOKE_EFORMAT, "elements, more than", { { LIST_LENGTH, 8, UINT64_MAX } } },
    { EVOKE_EFORMAT, "elements, more than", { { LIST_LENGTH, 8, 1ull << 62 } } },
    { EVOKE_EFORMAT, "elements, more than", { { LIST_LENGTH, 8, (1ull << 62) + 3 } } },
    { EVOKE_EFORMAT, "elements, more than", { { NAMES_LENGTH, 8, 1ull << 61 } } },
    { EVOKE_EFORMAT, "", { { NAMES_LENGTH, 8, 3 } } },
    { EVOKE_EFORMAT, "a string of an array", { { NAME_LENGTH, 8, UINT64_MAX - 3 } } },
    { EVOKE_EFORMAT, "bool that is 2", { { FLAG, 1, 2 } } },
    { EVOKE_EFORMAT, "bool that is 255", { { FLAGS, 2, 0xff01 } } },
    { EVOKE_EFORMAT, "without a name", { { ONE_LENGTH, 8, 0 } } },
    { EVOKE_EFORMAT, "a tensor's name", { { ONE_LENGTH, 8, UINT64_MAX } } },
    { EVOKE_EFORMAT, "control character", { { ONE, 1, '\n' } } },
    { EVOKE_EFORMAT, "control character", { { ONE, 1, 0 } } },
    { EVOKE_EFORMAT, "not UTF-8", { { ONE, 1, 0xc0 } } },
    { EVOKE_EFORMAT, "two named 'two'", { { ONE, 3, 't' | 'w' << 8 | 'o' << 16 } } },
    { EVOKE_EFORMAT, "0 dimensions", { { ONE_N_DIM, 4, 0 } } },
    { EVOKE_EFORMAT, "5 dimensions", { { ONE_N_DIM, 4, 5 } } },
    { EVOKE_EFORMAT, "4294967295 dimensions", { { ONE_N_DIM, 4, UINT32_MAX } } },
    { EVOKE_EFORMAT, "dimension 1 is zero", { { ONE_DIM_0, 8, 0 } } },
    { EVOKE_EFORMAT, "overflow", { { ONE_DIM_0, 8, (uint64_t)-8 } } },
    { EVOKE_EFORMAT, "overflow", { { ONE_DIM_0, 8, (uint64_t)-8 }, { ONE_DIM_1, 8, (uint64_t)-2 } } },
    { EVOKE_EFORMAT, "", { { TWO_DIM, 8, (uint64_t)-32 } } },
    { EVOKE_EFORMAT, "dimension 0 is zero", { { ONE_DIM_1, 8, 0 } } },
    { EVOKE_EFORMAT, "dimensions overflow", { { ONE_DIM_0, 8, 1ull << 33 }, { ONE_DIM_1, 8, 1ull << 33 } } },
    { EVOKE_EFORMAT, "size overflows", { { ONE_DIM_0, 8, 1ull << 62 } } },
    { EVOKE_EFORMAT, "size overflows", { { ONE_DIM_1, 8, 1ull << 60 } } },
    { EVOKE_EFORMAT, "truncated", { { ONE_DIM_1, 8, 4 } } },
    { EVOKE_EFORMAT, "no whole number of Q8_0 blocks", { { TWO_DIM, 8, 33 } } },
    { EVOKE_EFORMAT, "no multiple of 32", { { ONE_OFFSET, 8, 1 } } },
    { EVOKE_EFORMAT, "truncated", { { ONE_OFFSET, 8, UINT64_MAX - 31 } } },
    { EVOKE_EFORMAT, "truncated", { { ONE_OFFSET, 8, 1ull << 63 } } },
    { EVOKE_EFORMAT, "truncated", { { ONE_OFFSET, 8, 128 } } },
    { EVOKE_EFORMAT, "overlap", { { TWO_OFFSET, 8, 32 } } },
    { EVOKE_EFORMAT, "overlap", { { TWO_OFFSET, 8, 0 } } },
    { EVOKE_EFORMAT, "overlap", { { TWO_OFFSET, 8, 32 }, { TWO_TYPE, 4, 9 } } },
};

static void apply(bytes *b, const size_t at[N_PLACE], const patch *p)
{
    memcpy(b->data + at[p->place], &p->value, p->width);
}

static void refuses_hostile_fields(bytes *b)
{
    size_t at[N_PLACE];
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        evoke_weights *w = NULL;
        evoke_error err;
        make_file(b, at);
        apply(b, at, &hostile[i].patches[0]);
        apply(b, at, &hostile[i].patches[1]);
        const evoke_status st = open_bytes(b, b->n, &w, &err);
        check(st == hostile[i].status && !w, "case %zu (%s): status %d, '%s'", i, hostile[i].says, (int)st, err.text);
        check(strstr(err.text, hostile[i].says) && strstr(err.text, path), "case %zu: '%s' lacks '%s'", i, err.text,
              hostile[i].says);
        evoke_weights_free(w);
    }
}

static void refuses_truncation(bytes *b)
{
    size_t at[N_PLACE];
    make_file(b, at);
    for (size_t n = 0; n < b->n; n++) {
        evoke_weights *w = NULL;
        evoke_error err;
        const evoke_status st = open_bytes(b, n, &w, &err);
        check(st == EVOKE_EFORMAT && err.text[0], "the first %zu of %zu bytes: status %d", n, b->n, (int)st);
        evoke_weights_free(w);
    }
}

static void refuses_truncated_models(bytes *b, const char *root)
{
    static const char *const models[] = { "gguf/llama_q4_1", "families/llama_k", "families/llama31" };
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        char name[4096];
        snprintf(name, sizeof name, "%s/tests/golden/%s/model.gguf", root, models[m]);
        if (!check(read_bytes(name, b), "read %s", name))
            return;
        for (size_t i = 0; i < 50; i++) {
            evoke_weights *w = NULL;
            evoke_error err;
            const evoke_status st = open_bytes(b, b->n * i / 50, &w, &err);
            check(st == EVOKE_EFORMAT && err.text[0], "%zu/50 of %s: status %d", i, models[m], (int)st);
            evoke_weights_free(w);
        }
    }
}

/* ---- what the valid file says ---- */

static void reads_metadata(const evoke_weights *w)
{
    uint64_t u = 0;
    double f = 0;
    bool flag = false;
    size_t length = 0;
    const char *text = NULL;
    check(evk_meta_u64(w, "general.alignment", &u) && u == 32, "alignment %llu", (unsigned long long)u);
    check(!evk_meta_u64(w, "test.cnt", &u), "a negative number is no u64");
    check(evk_meta_f64(w, "test.cnt", &f) && f == -7, "test.cnt %g", f);
    check(evk_meta_f64(w, "test.real", &f) && f == 0.1 && !evk_meta_u64(w, "test.real", &u), "test.real %g", f);
    check(evk_meta_bool(w, "test.flag", &flag) && flag && !evk_meta_bool(w, "test.cnt", &flag), "flag");
    check(evk_meta_u64(w, "test.flag", &u) && u == 1, "a bool as u64");
    check(!evk_meta_f64(w, "test.flag", &f), "a bool is no f64");
    check(evk_meta_string(w, "general.architecture") && !strcmp(evk_meta_string(w, "general.architecture"), "test"), "text");
    check(!evk_meta_string(w, "test.cnt") && !evk_meta_string(w, "absent") && !evk_meta_string(w, "test.names"), "no text");
    check(evk_meta_has(w, "test.lst") && !evk_meta_has(w, "test.ls"), "has");
    const evk_meta *list = evk_meta_array(w, "test.lst"), *names = evk_meta_array(w, "test.names");
    check(!evk_meta_array(w, "test.cnt") && !evk_meta_array(w, "absent"), "no array");
    if (!check(list && list->n == 3 && names, "arrays"))
        return;
    check(!evk_meta_u64(w, "test.lst", &u) && !evk_meta_f64(w, "test.lst", &f), "an array is no scalar");
    check(evk_meta_element_u64(list, 2, &u) && u == 3 && !evk_meta_element_u64(list, 3, &u), "element");
    check(evk_meta_element_f64(list, 0, &f) && f == 1, "element as f64");
    check(evk_meta_element_string(names, 1, &text, &length) && length == 2 && !memcmp(text, "bc", 2), "name");
    check(!evk_meta_element_string(names, 2, &text, &length), "name past the end");
    check(!evk_meta_element_string(list, 0, &text, &length) && !evk_meta_element_u64(names, 0, &u), "kinds");
}

static void renders_metadata(const evoke_weights *w)
{
    static const char *const want[][2] = {
        { "general.architecture", "string \"t\\x01\\n\\\"\"" }, { "general.alignment", "u32 32" }, { "test.cnt", "i32 -7" },
        { "test.lst", "u32[3]" }, { "test.names", "string[2]" }, { "test.flag", "bool true" },
        { "test.flags", "bool[2]" }, { "test.real", "f64 0.1" },
    };
    check(evoke_weights_metadata_count(w) == 8, "%zu entries", evoke_weights_metadata_count(w));
    for (size_t i = 0; i < 8; i++) {
        const char *key = NULL;
        evoke_text value = { 0 };
        evoke_error err = { 0 };
        check(evoke_weights_metadata(w, i, &key, &value, &err) == EVOKE_OK, "%s", err.text);
        check(key && !strcmp(key, want[i][0]) && !strcmp(value.data, want[i][1]), "entry %zu: %s %s", i, key, value.data);
        evoke_text_free(&value);
    }
    const char *key;
    evoke_text value;
    check(evoke_weights_metadata(w, 8, &key, &value, NULL) == EVOKE_EARG && !key && !value.data, "entry 8");
}

static void reads_valid(bytes *b)
{
    size_t at[N_PLACE];
    evoke_weights *w = NULL;
    evoke_error err;
    make_file(b, at);
    if (!check(open_bytes(b, b->n, &w, &err) == EVOKE_OK, "%s", err.text))
        return;
    const evk_tensor *one = evk_weights_find(w, "one"), *two = evk_weights_find(w, "two");
    check(one && one->type == EVK_F32 && one->n_dim == 2 && one->dims[0] == 2 && one->dims[1] == 8 && one->rows == 2,
          "one is [2, 8]");
    check(two && two->type == EVK_Q8_0 && two->n_bytes == 34 && *(const unsigned char *)two->data == 64, "two");
    check(!evk_weights_find(w, "three") && !evk_weights_find(w, ""), "no such tensor");
    check(evk_weights_container(w) == EVK_GGUF && !evk_weights_config(w), "container");
    check(!strcmp(evk_weights_file(w, 0), path) && !evk_weights_file(w, 1), "files");
    evoke_tensor_info info;
    check(evoke_weights_info(w, 2, &info, &err) == EVOKE_EARG, "tensor 2");
    reads_metadata(w);
    evoke_weights_free(w);
    memcpy(b->data + at[TEXT], "t\1\n\"", 4);
    if (check(open_bytes(b, b->n, &w, &err) == EVOKE_OK, "%s", err.text))
        renders_metadata(w);
    evoke_weights_free(w);
}

static void lists_unknown_types(bytes *b)
{
    static const struct { uint32_t type; const char *name; } other[] = {
        { 40, "NVFP4 (40)" }, { 31, "Q4_0_4_4 (31)" }, { 42, "type 42" }, { UINT32_MAX, "type 4294967295" }
    };
    size_t at[N_PLACE];
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        evoke_weights *w = NULL;
        evoke_error err;
        evoke_tensor_info info = { 0 };
        make_file(b, at);
        memcpy(b->data + at[TWO_TYPE], &other[i].type, 4);
        if (!check(open_bytes(b, b->n, &w, &err) == EVOKE_OK, "%s", err.text))
            continue;
        check(evoke_weights_info(w, 1, &info, &err) == EVOKE_OK && !strcmp(info.type, other[i].name), "%s", info.type);
        check(!evk_weights_find(w, "two")->data, "an unknown type has no data");
        check(evoke_weights_export(w, "two", path, NULL, &err) == EVOKE_EUNSUPPORTED &&
              strstr(err.text, other[i].name), "%s", err.text);
        evoke_weights_free(w);
    }
}

/* ---- split files ---- */

/* Part `no` of `count` with one tensor; claimed: what it says of itself. */
static void make_part(bytes *b, const char *tensor, uint64_t claimed_no, uint64_t count)
{
    b->n = 0;
    put_text(b, "GGUF");
    put_number(b, 3, 4), put_number(b, 1, 8), put_number(b, 3, 8);
    put_key(b, "split.no", 2), put_number(b, claimed_no, 2);
    put_key(b, "split.count", 2), put_number(b, count, 2);
    put_key(b, "split.tensors.count", 5), put_number(b, count, 4);
    put_string(b, tensor);
    put_number(b, 1, 4), put_number(b, 4, 8), put_number(b, 0, 4), put_number(b, 0, 8);
    pad(b, 32);
    put_text(b, tensor);
    pad(b, 32);
}

static evoke_status open_parts(bytes *b, const char *second, uint64_t claimed_no, bool write_second, evoke_weights **w,
                               evoke_error *err)
{
    char first[300], next[300];
    snprintf(first, sizeof first, "%s/m-00001-of-00002.gguf", folder);
    snprintf(next, sizeof next, "%s/m-00002-of-00002.gguf", folder);
    *err = (evoke_error){ 0 };
    *w = NULL;
    make_part(b, "first", 0, 2);
    write_bytes(first, b->data, b->n);
    make_part(b, second, claimed_no, 2);
    if (write_second)
        write_bytes(next, b->data, b->n);
    const evoke_status st = evoke_weights_open(first, w, err);
    remove(first);
    remove(next);
    return st;
}

static void reads_parts(bytes *b)
{
    evoke_weights *w = NULL;
    evoke_error err;
    if (check(open_parts(b, "second", 1, true, &w, &err) == EVOKE_OK, "%s", err.text)) {
        const evk_tensor *t = evk_weights_find(w, "second");
        check(evoke_weights_count(w) == 2 && t && !memcmp(t->data, "second", 6), "both tensors");
        check(evk_weights_file(w, 1) && strstr(evk_weights_file(w, 1), "m-00002-of-00002.gguf"), "both files");
    }
    evoke_weights_free(w);
    check(open_parts(b, "second", 1, false, &w, &err) == EVOKE_EIO && strstr(err.text, "00002-of"), "%s", err.text);
    check(open_parts(b, "second", 0, true, &w, &err) == EVOKE_EFORMAT && strstr(err.text, "is wanted"), "%s", err.text);
    check(open_parts(b, "first", 1, true, &w, &err) == EVOKE_EFORMAT && strstr(err.text, "two named"), "%s", err.text);
    make_part(b, "second", 1, 2);
    check(open_bytes(b, b->n, &w, &err) == EVOKE_EFORMAT && strstr(err.text, "open the first one"), "%s", err.text);
    make_part(b, "first", 0, 2);
    check(open_bytes(b, b->n, &w, &err) == EVOKE_EFORMAT && strstr(err.text, "does not end in"), "%s", err.text);
    make_part(b, "first", 3, 2);
    check(open_bytes(b, b->n, &w, &err) == EVOKE_EFORMAT && strstr(err.text, "makes no sense"), "%s", err.text);
}

int main(int argc, char **argv)
{
    static bytes b;
    make_folder(folder);
    snprintf(path, sizeof path, "%s/file.gguf", folder);
    reads_valid(&b);
    lists_unknown_types(&b);
    refuses_hostile_fields(&b);
    refuses_truncation(&b);
    refuses_truncated_models(&b, argc > 1 ? argv[1] : ".");
    reads_parts(&b);
    evoke_weights *w = NULL;
    evoke_error err;
    check(evoke_weights_open("no/such/model.gguf", &w, &err) == EVOKE_EIO && strstr(err.text, "no/such"), "%s", err.text);
    check(evoke_weights_open("/dev/null", &w, &err) == EVOKE_EFORMAT && !w, "%s", err.text);
    evoke_weights_free(NULL);
    remove(path);
    rmdir(folder);
    return check_done();
}
