/* Values of options, and bytes to text. Truth for the bytes: Python's bytes.decode("utf-8", "replace"). */
#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/options.h"
#include "experiments/ranks.h"
#include "tests/check.h"

static void numbers(void)
{
    static const char *const bad_real[] = { "", "nan", "inf", "-inf", "0x10", "1 ", " 1", "1,5", "e5", "1e999", "--1" };
    static const char *const bad_uint[] = { "", "-1", "+1", "1.0", "1e3", "0x1", " 1", "18446744073709551616" };
    evoke_error err;
    double x = 7;
    uint64_t n = 7;
    for (size_t i = 0; i < sizeof bad_real / sizeof *bad_real; i++)
        check(parse_real(bad_real[i], "x", -1e300, 1e300, &x, &err) == EVOKE_EARG && x == 7, "'%s'", bad_real[i]);
    for (size_t i = 0; i < sizeof bad_uint / sizeof *bad_uint; i++)
        check(parse_uint(bad_uint[i], "x", 0, UINT64_MAX, &n, &err) == EVOKE_EARG && n == 7, "'%s'", bad_uint[i]);
    check(parse_real("-2.5e1", "x", -30, 0, &x, &err) == EVOKE_OK && x == -25, "%g", x);
    check(parse_real("1", "x", 2, 3, &x, &err) == EVOKE_EARG, "below the range");
    check(parse_uint("18446744073709551615", "x", 0, UINT64_MAX, &n, &err) == EVOKE_OK && n == UINT64_MAX, "the largest");
    check(parse_uint("5", "x", 0, 4, &n, &err) == EVOKE_EARG, "above the range");
}

/* In an option a bad id is wrong usage, in a file a failure. */
static void ids_in(const char *what, evoke_status refusal, const char *text, const char *want)
{
    evoke_error err = { EVOKE_OK, "" };
    int32_t *list = NULL;
    size_t n = 0, used = 0;
    char got[256] = "";
    const evoke_status st = parse_ids(text, what, &list, &n, &err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        used += (size_t)snprintf(got + used, sizeof got - used, "%s%d", i ? " " : "", (int)list[i]);
    check(want ? st == EVOKE_OK && strcmp(got, want) == 0 : st == refusal && !list, "'%s' gives '%s' (%s)", text, got,
          err.text);
    free(list);
}

static void ids(const char *text, const char *want)
{
    ids_in("--ids", EVOKE_EARG, text, want);
    ids_in("ids.json", EVOKE_EFORMAT, text, want);
}

static void layers(const char *text, size_t n_want, int32_t last)
{
    evoke_error err;
    int32_t *list = NULL;
    size_t n = 0;
    const evoke_status st = parse_layers(text, &list, &n, &err);
    check(last < -1 ? st == EVOKE_EARG : st == EVOKE_OK && n == n_want, "'%s': %zu", text, n);
    check(n == 0 || list[n - 1] == last, "'%s' ends wrong", text);
    free(list);
}

/* A program without MPI that mpirun starts: alone it runs, and does not take the second process's word or file. */
static void without_mpi(void)
{
    evoke_error err = { EVOKE_OK, "" };
    unsetenv("PMI_SIZE");
    unsetenv("OMPI_COMM_WORLD_RANK");
    setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
    check(ranks_begin("extract", &err) == EVOKE_OK && ranks_number() == 1 && ranks_place() == 0, "one process: %s", err.text);
    setenv("OMPI_COMM_WORLD_SIZE", "3", 1);
    check(ranks_begin("extract", &err) == EVOKE_EUNSUPPORTED && strstr(err.text, "mpirun has started 3 processes"), "%s", err.text);
    check(ranks_place() == 0, "the first one speaks");
    setenv("OMPI_COMM_WORLD_RANK", "2", 1);
    check(ranks_begin("extract", &err) == EVOKE_EUNSUPPORTED && ranks_place() == 2, "and the third does not");
}

static void bytes(const char *in, size_t n, const char *want, size_t whole)
{
    size_t n_got = 0;
    char *got = utf8_lossy(in, n, &n_got);
    check(got && n_got == strlen(want) && memcmp(got, want, n_got) == 0, "bytes %02x...: '%s', not '%s'",
          (unsigned char)in[0], got ? got : "", want);
    check(utf8_whole(in, n) == whole, "bytes %02x...: %zu whole, not %zu", (unsigned char)in[0], utf8_whole(in, n), whole);
    free(got);
}
#define R "\xef\xbf\xbd"
#define BYTES(in, want, whole) bytes(in, sizeof in - 1, want, whole)

int main(void)
{
    numbers();
    ids("1 2,3", "1 2 3");
    ids(" [1, 2]\n", "1 2");
    ids("", "");
    ids("[]", "");
    ids("1 x", NULL);
    ids("-1", NULL);
    ids("1.5", NULL);
    ids("[1.5]", NULL);
    ids("[1", NULL);
    ids("2147483648", NULL);
    ids("[99999999999999999999]", NULL);
    layers("all", 0, -1);
    layers("3", 1, 3);
    layers("5,1-3,2", 4, 5);
    layers("3-1", 0, -2);
    layers("", 0, -2);
    layers("1,,2", 0, -2);
    layers("1-", 0, -2);
    layers("10000", 0, -2);
    BYTES("abc", "abc", 3);
    BYTES("\xf0\x9f\x99", R, 0);
    BYTES("a\xf0\x9f\x99", "a" R, 1);
    BYTES("\xf0\x9f\x99\x82", "\xf0\x9f\x99\x82", 4);
    BYTES("\xff", R, 1);
    BYTES("\x80\x80", R R, 2);
    BYTES("\xc0\xaf", R R, 2);
    BYTES("\xe2\x82" "a", R "a", 3);
    BYTES("\xed\xa0\x80", R R R, 3);
    BYTES("\xf4\x90\x80\x80", R R R R, 4);
    BYTES("\xe0\x80\x80", R R R, 3);
    BYTES("\xc3", R, 0);
    check(utf8_length("na\xc3\xafve", 6) == 5, "characters");
    without_mpi();
    return check_done();
}
