/* core/files/hdf5.c: what is written comes back, files of other programs are read, damaged and hostile ones are refused,
 * and a full disk leaves nothing behind. */
#include "core/files/hdf5.h"

#include <hdf5.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/check.h"

#define FOLDER "test_hdf5.tmp"
static const char *const path = FOLDER "/file.h5";

static size_t files_in_folder(const char *folder)
{
    char command[256];
    int n = -1;
    snprintf(command, sizeof command, "ls -A %s | wc -l", folder);
    FILE *f = popen(command, "r");
    if (f && fscanf(f, "%d", &n) != 1)
        n = -1;
    if (f)
        pclose(f);
    return (size_t)n;
}

static void make_file(uint64_t *offset)
{
    evoke_error err = {0};
    evk_h5 *f = NULL;
    const float reals[6] = { 1, -2.5f, 3e30f, INFINITY, 1e-40f, 0.1f };
    const double doubles[2] = { 0.1, -1e300 };
    const uint16_t halves[3] = { 0x3c00, 0xc000, 0x7bff };
    const uint8_t bytes[3] = { 0, 1, 255 };
    const int16_t shorts[2] = { -32768, 32767 };
    const int32_t ints[24] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, -23 };
    const int64_t longs[1] = { INT64_MIN };
    const char *texts[4] = { "Gr\xc3\xbc\xc3\x9f" "e", "", "line\nbreak", "\xf0\x9f\x98\x80" };
    bool ok = evk_h5_create(path, &f, &err) == EVOKE_OK;
    ok = ok && evk_h5_write(f, "/a/b/reals", EVK_H5_F32, 2, (size_t[]){ 2, 3 }, reals, &err) == EVOKE_OK;
    ok = ok && evk_h5_write(f, "/a/doubles", EVK_H5_F64, 1, (size_t[]){ 2 }, doubles, &err) == EVOKE_OK;
    ok = ok && evk_h5_write(f, "/halves", EVK_H5_F16, 1, (size_t[]){ 3 }, halves, &err) == EVOKE_OK;
    ok = ok && evk_h5_write(f, "/bytes", EVK_H5_U8, 1, (size_t[]){ 3 }, bytes, &err) == EVOKE_OK;
    ok = ok && evk_h5_write(f, "/shorts", EVK_H5_I16, 1, (size_t[]){ 2 }, shorts, &err) == EVOKE_OK;
    ok = ok && evk_h5_write(f, "/ints", EVK_H5_I32, 3, (size_t[]){ 2, 3, 4 }, ints, &err) == EVOKE_OK;
    ok = ok && evk_h5_write(f, "/longs", EVK_H5_I64, 1, (size_t[]){ 1 }, longs, &err) == EVOKE_OK;
    ok = ok && evk_h5_write(f, "/empty", EVK_H5_I32, 1, (size_t[]){ 0 }, ints, &err) == EVOKE_OK;
    ok = ok && evk_h5_write_strings(f, "/texts", 2, (size_t[]){ 2, 2 }, texts, &err) == EVOKE_OK;
    ok = ok && evk_h5_allocate(f, "/zeros", EVK_H5_F32, 2, (size_t[]){ 100, 1000 }, offset, &err) == EVOKE_OK;
    ok = ok && evk_h5_attr_f64(f, "/ints", "scale", 0.5, &err) == EVOKE_OK;
    const evoke_provenance made = { .command_line = "evoke test \xc3\xa9", .seed = UINT64_MAX };
    const evk_h5_signature s = { "evoke-test", "a model", "", "llama", 30, 576, &made };
    ok = ok && evk_h5_sign(f, &s, &err) == EVOKE_OK && evk_h5_attr_i64(f, "/", "below", INT64_MIN, &err) == EVOKE_OK;
    ok = ok && evk_h5_attr_f64(f, "/", "half", 0.5, &err) == EVOKE_OK;
    check(access(path, F_OK) != 0, "nothing of that name before the end");
    ok = ok && evk_h5_write(f, "/ints", EVK_H5_I32, 1, (size_t[]){ 1 }, ints, &err) == EVOKE_EIO;
    check(ok, "%s", err.text);
    check(evk_h5_commit(f, &err) == EVOKE_OK, "%s", err.text);
    check(system("ls " FOLDER " | grep -q tmp") != 0, "no temporary file is left");
}

static void numbers_come_back(evk_h5 *f)
{
    evoke_error err = {0};
    float reals[6];
    double doubles[6];
    int64_t longs[24];
    int16_t shorts[3];
    check(evk_h5_read(f, "/a/b/reals", EVK_H5_F32, NULL, NULL, reals, &err) == EVOKE_OK, "%s", err.text);
    check(reals[1] == -2.5f && isinf(reals[3]) && reals[4] == 1e-40f && reals[5] == 0.1f, "float32");
    check(evk_h5_read(f, "/halves", EVK_H5_F32, NULL, NULL, reals, &err) == EVOKE_OK, "%s", err.text);
    check(reals[0] == 1 && reals[1] == -2 && reals[2] == 65504, "float16 as float32");
    check(evk_h5_read(f, "/a/doubles", EVK_H5_F64, NULL, NULL, doubles, &err) == EVOKE_OK && doubles[1] == -1e300, "float64");
    check(evk_h5_read(f, "/bytes", EVK_H5_I16, NULL, NULL, shorts, &err) == EVOKE_OK && shorts[2] == 255, "uint8 as int16");
    check(evk_h5_read(f, "/ints", EVK_H5_I64, (size_t[]){ 1, 1, 2 }, (size_t[]){ 1, 2, 2 }, longs, &err) == EVOKE_OK, "%s",
          err.text);
    check(longs[0] == 18 && longs[1] == 19 && longs[2] == 22 && longs[3] == -23, "a hyperslab");
    check(evk_h5_read(f, "/ints", EVK_H5_I64, (size_t[]){ 2, 0, 0 }, (size_t[]){ 0, 3, 4 }, longs, &err) == EVOKE_OK, "none");
    check(evk_h5_read(f, "/ints", EVK_H5_I64, (size_t[]){ 1, 0, 0 }, (size_t[]){ 2, 3, 4 }, longs, &err) == EVOKE_EARG,
          "beyond the end");
    check(evk_h5_read(f, "/ints", EVK_H5_I64, (size_t[]){ SIZE_MAX, 0, 0 }, (size_t[]){ 2, 3, 4 }, longs, &err)
          == EVOKE_EARG, "a start that overflows");
    check(evk_h5_read(f, "/ints", EVK_H5_F32, NULL, NULL, reals, &err) == EVOKE_EFORMAT, "integers are not reals");
    check(evk_h5_read(f, "/a/b/reals", EVK_H5_I32, NULL, NULL, longs, &err) == EVOKE_EFORMAT, "reals are not integers");
}

static void the_rest_comes_back(evk_h5 *f)
{
    evoke_error err = {0};
    char **texts = NULL, *text = NULL;
    size_t n = 0, n_dim = 0, dims[EVK_H5_MAX_DIM];
    int64_t i64 = 0;
    uint64_t u64 = 7;
    double f64 = 0;
    check(evk_h5_read_strings(f, "/texts", &texts, &n, &err) == EVOKE_OK && n == 4, "%s", err.text);
    check(n == 4 && !strcmp(texts[1], "") && !strcmp(texts[2], "line\nbreak") && strlen(texts[3]) == 4, "strings");
    free(texts);
    check(evk_h5_shape(f, "/ints", &n_dim, dims, &err) == EVOKE_OK && n_dim == 3 && dims[2] == 4, "%s", err.text);
    check(evk_h5_shape(f, "/empty", &n_dim, dims, &err) == EVOKE_EFORMAT, "empty is an error");
    check(evk_h5_shape(f, "/a", &n_dim, dims, &err) == EVOKE_EFORMAT, "a group is not a dataset");
    check(evk_h5_shape(f, "/none", &n_dim, dims, &err) == EVOKE_EFORMAT && strstr(err.text, "/none"), "%s", err.text);
    check(evk_h5_has(f, "/a") && evk_h5_has(f, "/a/b/reals") && !evk_h5_has(f, "/a/c/reals"), "has");
    check(evk_h5_members(f, "/a", &texts, &n, &err) == EVOKE_OK && n == 2 && !strcmp(texts[0], "b") &&
          !strcmp(texts[1], "doubles"), "members");
    free(texts);
    check(evk_h5_members(f, "/ints", &texts, &n, &err) == EVOKE_EFORMAT && !texts, "a dataset has no members");
    check(evk_h5_get_string(f, "/", "command_line", &text) && !strcmp(text, "evoke test \xc3\xa9"), "command line");
    free(text);
    check(evk_h5_get_string(f, "/", "model_sha256", &text) && !strcmp(text, ""), "an empty string");
    free(text);
    check(!evk_h5_get_string(f, "/", "n_layers", &text) && !text, "a number is not a string");
    check(evk_h5_get_i64(f, "/", "n_layers", &i64) && i64 == 30, "n_layers");
    check(!evk_h5_get_i64(f, "/none", "n_layers", &i64) && !evk_h5_get_i64(f, "/", "none", &i64), "no such attribute");
    check(evk_h5_get_f64(f, "/ints", "scale", &f64) && f64 == 0.5, "scale");
    check(!evk_h5_get_u64(f, "/", "none", &u64) && !evk_h5_get_u64(f, "/", "format", &u64) && u64 == 7, "left as it is");
    check(evk_h5_get_u64(f, "/", "n_layers", &u64) && u64 == 30, "n_layers, unsigned");
    check(evk_h5_get_u64(f, "/", "seed", &u64) && u64 == UINT64_MAX, "seed %llu", (unsigned long long)u64);
    check(evk_h5_get_i64(f, "/", "seed", &i64) && i64 == INT64_MAX, "cut to what the type has");
    check(evk_h5_get_u64(f, "/", "below", &u64) && u64 == 0, "cut to what the type has");
}

/* As text, whatever kind of number it is. */
static void attributes_as_text(void)
{
    static const struct { const char *name, *text; } all[] = {
        { "seed", "18446744073709551615" }, { "below", "-9223372036854775808" }, { "n_layers", "30" }, { "half", "0.5" },
        { "format", "evoke-test" }, { "none", NULL },
    };
    evoke_error err = {0};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        evoke_text value = {0};
        check(evoke_file_attribute(path, all[i].name, &value, &err) == EVOKE_OK, "%s", err.text);
        check(all[i].text ? value.data && strcmp(value.data, all[i].text) == 0 : !value.data, "%s is '%s'", all[i].name,
              value.data ? value.data : "missing");
        evoke_text_free(&value);
    }
}

/* Rows go where they belong, converted, and nowhere else; rows beyond the end are refused. */
static void rows_are_written(bool packed)
{
    const float rows[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
    float all[4][3] = { { 0 } };
    uint64_t offset;
    evoke_error err = { 0 };
    evk_h5 *f = NULL;
    const char *file = FOLDER "/rows.h5";
    bool ok = evk_h5_create(file, &f, &err) == EVOKE_OK;
    ok = ok && (packed ? evk_h5_allocate_packed(f, "/a/x", EVK_H5_F32, 2, (size_t[]){ 4, 3 }, (size_t[]){ 3, 2 }, &err)
                       : evk_h5_allocate(f, "/a/x", EVK_H5_F32, 2, (size_t[]){ 4, 3 }, &offset, &err)) == EVOKE_OK;
    ok = ok && evk_h5_write_rows(f, "/a/x", EVK_H5_F32, 2, 2, rows, &err) == EVOKE_OK;
    ok = ok && evk_h5_write_rows(f, "/a/x", EVK_H5_F32, 0, 1, rows[1], &err) == EVOKE_OK;
    check(ok, "%s", err.text);
    check(evk_h5_write_rows(f, "/a/x", EVK_H5_F32, 3, 2, rows, &err) == EVOKE_EIO, "beyond the end");
    check(evk_h5_write_rows(f, "/none", EVK_H5_F32, 0, 1, rows, &err) == EVOKE_EIO, "no such dataset");
    check(evk_h5_commit(f, &err) == EVOKE_OK && evk_h5_open(file, &f, &err) == EVOKE_OK, "%s", err.text);
    check(evk_h5_read(f, "/a/x", EVK_H5_F32, NULL, NULL, all, &err) == EVOKE_OK, "%s", err.text);
    check((evk_h5_offset(f, "/a/x", &offset, NULL) == EVOKE_OK) != packed, "in one piece, or not");
    check(!memcmp(all[0], rows[1], sizeof all[0]) && !memcmp(all[2], rows, sizeof rows) && all[1][0] == 0, "rows");
    evk_h5_free(f);
    remove(file);
}

static void allocated_space_is_filled_in_place(evk_h5 *f, uint64_t offset)
{
    evoke_error err = {0};
    uint64_t there = 0;
    float x = 0, row[1000];
    struct stat info;
    check(evk_h5_offset(f, "/zeros", &there, &err) == EVOKE_OK && there == offset, "%s", err.text);
    check(evk_h5_read(f, "/zeros", EVK_H5_F32, (size_t[]){ 99, 0 }, (size_t[]){ 1, 1000 }, row, &err) == EVOKE_OK &&
          row[0] == 0 && row[999] == 0, "zeros at first");
    FILE *raw = fopen(path, "r+b");
    x = 42.5f;
    check(raw && fseek(raw, (long)(offset + 4 * 99999), SEEK_SET) == 0 && fwrite(&x, 4, 1, raw) == 1, "write in place");
    if (raw)
        fclose(raw);
    check(evk_h5_read(f, "/zeros", EVK_H5_F32, (size_t[]){ 99, 0 }, (size_t[]){ 1, 1000 }, row, &err) == EVOKE_OK &&
          row[999] == 42.5f, "is seen by a reader that has the file open");
    check(stat(path, &info) == 0 && info.st_blocks * 512 >= 400000, "the space is reserved");
}

static void bytes_do_not_depend_on_the_time(void)
{
    uint64_t offset;
    check(rename(path, FOLDER "/first.h5") == 0, "keep the first");
    sleep(1);
    make_file(&offset);
    FILE *f = fopen(FOLDER "/first.h5", "r+b");
    const float zero = 0;
    check(f && fseek(f, (long)(offset + 4 * 99999), SEEK_SET) == 0 && fwrite(&zero, 4, 1, f) == 1, "undo the write");
    if (f)
        fclose(f);
    check(system("cmp " FOLDER "/first.h5 " FOLDER "/file.h5") == 0, "two files of the same contents are the same");
    unlink(FOLDER "/first.h5");
}

static void truncated_files_are_refused(void)
{
    evoke_error err = {0};
    evk_h5 *f = NULL;
    struct stat info;
    if (!check(stat(path, &info) == 0, "file"))
        return;
    for (long size = (long)info.st_size - 1; size > 0; size -= size > 4096 ? 9973 : 509) {
        check(truncate(path, size) == 0, "truncate");
        check(evk_h5_open(path, &f, &err) == EVOKE_EFORMAT && strstr(err.text, path), "%ld bytes: %s", size, err.text);
    }
    check(evk_h5_open(FOLDER "/none.h5", &f, &err) == EVOKE_EIO && strstr(err.text, "No such file"), "%s", err.text);
    check(evk_h5_open(FOLDER, &f, &err) == EVOKE_EIO, "%s", err.text);
    unlink(path);
}

/* Files that other programs make, straight through HDF5: compressed, fixed-length strings, links and data elsewhere. */
static void make_foreign_file(void)
{
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), list = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t dims[2] = { 50, 40 }, chunk[2] = { 7, 40 }, four = 4, huge[2] = { 1u << 20, 1u << 20 };
    hid_t space = H5Screate_simple(2, dims, NULL), type, set;
    double x[2000];
    for (int i = 0; i < 2000; i++)
        x[i] = i % 7;
    H5Pset_chunk(list, 2, chunk);
    H5Pset_deflate(list, 9);
    set = H5Dcreate2(file, "compressed", H5T_IEEE_F64BE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
    H5Dclose(set);
    H5Sclose(space);
    space = H5Screate_simple(2, huge, NULL);
    H5Dclose(H5Dcreate2(file, "claims", H5T_IEEE_F64LE, space, H5P_DEFAULT, list, H5P_DEFAULT));
    H5Dclose(H5Dcreate2(file, "unwritten", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    space = H5Screate_simple(1, &four, NULL);
    for (int pad = 0; pad < 3; pad++) {
        static const char *const names[3] = { "nullterm", "nullpad", "spacepad" };
        static const char *const bytes[3] = { "joy\0\0anger\0\0\0\0\0fear", "joy\0\0anger\0\0\0\0\0fear\0", "joy  anger     fear " };
        type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, 5);
        H5Tset_strpad(type, pad == 0 ? H5T_STR_NULLTERM : pad == 1 ? H5T_STR_NULLPAD : H5T_STR_SPACEPAD);
        set = H5Dcreate2(file, names[pad], type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes[pad]);
        H5Dclose(set);
        H5Tclose(type);
    }
    H5Lcreate_external("other.h5", "/x", file, "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/compressed", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Pclose(list);
    const hid_t external = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(external, "/etc/hostname", 0, 4);
    H5Dclose(H5Dcreate2(file, "external", H5T_STD_U8LE, space, H5P_DEFAULT, external, H5P_DEFAULT));
    H5Pclose(external);
    H5Sclose(space);
    H5Fclose(file);
}

static void foreign_files_are_read(void)
{
    evoke_error err = {0};
    evk_h5 *f = NULL;
    make_foreign_file();
    if (!check(evk_h5_open(path, &f, &err) == EVOKE_OK, "%s", err.text))
        return;
    float x[40];
    size_t n = 0, dims[EVK_H5_MAX_DIM];
    uint64_t offset;
    char **texts = NULL;
    check(evk_h5_read(f, "/compressed", EVK_H5_F32, (size_t[]){ 49, 0 }, (size_t[]){ 1, 40 }, x, &err) == EVOKE_OK &&
          x[39] == 1999 % 7, "compressed, big endian: %s", err.text);
    check(evk_h5_offset(f, "/compressed", &offset, &err) == EVOKE_EFORMAT, "chunks have no one offset");
    static const char *const names[3] = { "/nullterm", "/nullpad", "/spacepad" };
    for (int i = 0; i < 3; i++) {
        check(evk_h5_read_strings(f, names[i], &texts, &n, &err) == EVOKE_OK && n == 4 && !strcmp(texts[0], "joy") &&
              !strcmp(texts[1], "anger") && !strcmp(texts[2], "") && !strcmp(texts[3], "fear"), "%s: %s", names[i],
              err.text);
        free(texts);
    }
    check(evk_h5_shape(f, "/claims", &n, dims, &err) == EVOKE_EFORMAT, "2^40 values that no chunk holds: %s", err.text);
    check(evk_h5_shape(f, "/unwritten", &n, dims, &err) == EVOKE_EFORMAT, "2^40 values never written: %s", err.text);
    check(!evk_h5_has(f, "/elsewhere") && evk_h5_shape(f, "/elsewhere", &n, dims, &err) == EVOKE_EFORMAT, "external link");
    check(!evk_h5_has(f, "/soft"), "soft links are not followed");
    uint8_t bytes[4];
    check(evk_h5_read(f, "/external", EVK_H5_U8, NULL, NULL, bytes, &err) == EVOKE_EUNSUPPORTED, "data of another file: %s",
          err.text);
    evk_h5_free(f);
    unlink(path);
}

/* Writes 8 MB where there is room for less; the parts are too many to fit, whichever call notices. */
static evoke_status write_too_much(const char *target, evoke_error *err)
{
    evk_h5 *f = NULL;
    float *x = calloc(2u << 20, sizeof *x);
    evoke_status st = evk_h5_create(target, &f, err);
    if (st == EVOKE_OK)
        st = evk_h5_write(f, "/x", EVK_H5_F32, 1, (size_t[]){ 2u << 20 }, x, err);
    free(x);
    if (st == EVOKE_OK)
        return evk_h5_commit(f, err);
    evk_h5_free(f);
    return st;
}

/* Space that is only asked for, not written, is told at commit. */
static evoke_status reserve_too_much(const char *target, evoke_error *err)
{
    evk_h5 *f = NULL;
    uint64_t offset;
    evoke_status st = evk_h5_create(target, &f, err);
    if (st == EVOKE_OK)
        st = evk_h5_allocate(f, "/x", EVK_H5_F32, 1, (size_t[]){ 2u << 20 }, &offset, err);
    if (st == EVOKE_OK)
        return evk_h5_commit(f, err);
    evk_h5_free(f);
    return st;
}

static void full_disk(void)
{
    static const char folder[] = FOLDER "/small";
    evoke_error err = {0};
    mkdir(folder, 0777);
    if (mount("tmpfs", folder, "tmpfs", 0, "size=4m") != 0) {
        check_skip("a full disk", "no right to mount a small file system");
        rmdir(folder);
        return;
    }
    check(write_too_much(FOLDER "/small/file.h5", &err) == EVOKE_EIO, "full while writing");
    check(strstr(err.text, "No space left") != NULL, "%s", err.text);
    check(files_in_folder(folder) == 0, "nothing is left");
    check(reserve_too_much(FOLDER "/small/file.h5", &err) == EVOKE_EIO, "full while reserving");
    check(strstr(err.text, "No space left") != NULL, "%s", err.text);
    check(files_in_folder(folder) == 0, "nothing is left");
    umount(folder);
    rmdir(folder);
}

/* The same by a limit on the size of a file, in a child, for any user; what HDF5 prints at exit would be seen. */
static void file_size_limit(void)
{
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = { 1u << 20, 1u << 20 };
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        evoke_error err = {0};
        const bool ok = write_too_much(path, &err) == EVOKE_EIO && strstr(err.text, "File too large") &&
                        reserve_too_much(path, &err) == EVOKE_EIO && strstr(err.text, "File too large");
        if (!ok)
            printf("# %s\n", err.text);
        exit(ok ? 0 : 1);
    }
    int how = -1;
    waitpid(child, &how, 0);
    check(how == 0, "a file larger than the limit ends in an error: status %d", how);
    check(files_in_folder(FOLDER) == 0, "nothing is left");
}

static void creation_fails_well(void)
{
    evoke_error err = {0};
    evk_h5 *f = NULL;
    check(evk_h5_create(FOLDER "/none/file.h5", &f, &err) == EVOKE_EIO && !f && strstr(err.text, "No such file"), "%s",
          err.text);
    check(evk_h5_create("/dev/null", &f, &err) == EVOKE_EIO && !f, "a device is not replaced: %s", err.text);
    check(evk_h5_create(path, &f, &err) == EVOKE_OK, "%s", err.text);
    evk_h5_free(f);
    check(files_in_folder(FOLDER) == 0, "nothing is left where nothing was committed");
    evk_h5_free(NULL);
}

int main(void)
{
    evoke_error err = {0};
    evk_h5 *f = NULL;
    uint64_t offset = 0;
    if (system("rm -rf " FOLDER) != 0 || mkdir(FOLDER, 0777) != 0)
        return 1;
    make_file(&offset);
    if (check(evk_h5_open(path, &f, &err) == EVOKE_OK, "%s", err.text)) {
        numbers_come_back(f);
        the_rest_comes_back(f);
        allocated_space_is_filled_in_place(f, offset);
    }
    evk_h5_free(f);
    attributes_as_text();
    rows_are_written(false);
    rows_are_written(true);
    bytes_do_not_depend_on_the_time();
    truncated_files_are_refused();
    foreign_files_are_read();
    creation_fails_well();
    file_size_limit();
    full_disk();
    rmdir(FOLDER);
    check(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) == 0, "every handle was closed");
    return check_done();
}
