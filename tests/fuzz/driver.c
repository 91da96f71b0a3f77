/* tests/fuzz/driver.c: a fuzz target as a plain test: a fixed series of mutated inputs, the same on every machine.
 *
 *     fuzz_NAME COUNT [SEED_FILE | FOLDER_OF_SEEDS]...
 *
 * First every seed as it is, then COUNT mutated ones; input i depends on i and the seeds alone (PCG64 stream (2025, i)). A
 * crash, a sanitizer's finding or 20 seconds in one input is a failure: the input is then left in the working directory as
 * crash-NAME-INDEX, which can be given as a seed with COUNT 0. How to add a target: fuzz.h. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/random.h"

enum { MOST_SEEDS = 1000, LONGEST = 1 << 22, PATIENCE = 20 };

typedef struct seed { uint8_t *data; size_t n; } seed;
static seed seeds[MOST_SEEDS];
static size_t n_seeds;
static uint8_t input[LONGEST];
static size_t n_input;
static char crash_name[300];        /* where the present input goes, should it be the last */

/* ---- what is left of a crash ---- */

static void save_input(void)
{
    const int fd = open(crash_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0 && write(fd, input, n_input) == (ssize_t)n_input && write(2, "\nsaved ", 7) == 7
        && write(2, crash_name, strlen(crash_name)) > 0 && write(2, "\n", 1) == 1)
        close(fd);
}

static void on_signal(int number)
{
    save_input();
    signal(number, SIG_DFL);
    raise(number);
}

extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch(void)
{
    static const int numbers[] = { SIGABRT, SIGBUS, SIGFPE, SIGALRM, SIGSEGV };
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(save_input);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers - (__sanitizer_set_death_callback ? 1 : 0); i++)
        signal(numbers[i], on_signal);
}

/* ---- seeds ---- */

static void add_seed(const uint8_t *data, size_t n)
{
    if (n_seeds == MOST_SEEDS || n > LONGEST)
        return;
    seeds[n_seeds] = (seed){ .data = malloc(n ? n : 1), .n = n };
    expect(seeds[n_seeds].data);
    if (n)
        memcpy(seeds[n_seeds].data, data, n);
    n_seeds++;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_path(const char *path);

static void add_folder(const char *path)
{
    static char *names[MOST_SEEDS];
    char *mine[MOST_SEEDS];
    size_t n = 0;
    DIR *d = opendir(path);
    for (const struct dirent *e; d && n < MOST_SEEDS && (e = readdir(d));)
        if (e->d_name[0] != '.')
            names[n++] = strdup(e->d_name);
    if (d)
        closedir(d);
    qsort(names, n, sizeof *names, by_text);
    memcpy(mine, names, n * sizeof *names);
    for (size_t i = 0; i < n; i++) {
        char whole[4096];
        snprintf(whole, sizeof whole, "%s/%s", path, mine[i]);
        add_path(whole);
        free(mine[i]);
    }
}

static void add_path(const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return;                     /* a folder of kept inputs that does not exist yet */
    if (S_ISDIR(s.st_mode)) {
        add_folder(path);
        return;
    }
    FILE *f = fopen(path, "rb");
    const size_t n = f ? fread(input, 1, sizeof input, f) : 0;
    if (f)
        fclose(f);
    add_seed(input, n);
}

/* ---- mutations ---- */

/* Half of the time near the beginning, where formats keep their headers. */
static size_t somewhere(evk_random *r)
{
    const size_t near = n_input < 4096 ? n_input : 4096;
    return n_input ? (size_t)evk_random_below(r, evk_random_below(r, 2) ? near : n_input) : 0;
}

static const uint64_t interesting[] = {
    0, 1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 100, 127, 128, 255, 256, 1000, 4096, INT16_MAX, UINT16_MAX, 65536, INT32_MAX,
    1ull << 31, UINT32_MAX, 1ull << 32, 1ull << 52, 1ull << 60, 1ull << 61, 1ull << 62, INT64_MAX, 1ull << 63,
    UINT64_MAX - 31, UINT64_MAX - 7, UINT64_MAX - 1, UINT64_MAX
};

static uint64_t some_number(evk_random *r)
{
    const size_t n = sizeof interesting / sizeof *interesting, i = (size_t)evk_random_below(r, n + 2);
    return i < n ? interesting[i] : i == n ? n_input : n_input - evk_random_below(r, 64);
}

static void flip_bit(evk_random *r)
{
    if (n_input)
        input[somewhere(r)] ^= (uint8_t)(1u << evk_random_below(r, 8));
}

static void set_byte(evk_random *r)
{
    static const char structure[] = "{}[]\",:\\%-0 \n";
    const uint64_t other = evk_random_below(r, 256), pick = evk_random_below(r, 2 * sizeof structure);
    if (n_input)
        input[somewhere(r)] = pick < sizeof structure ? (uint8_t)structure[pick] : (uint8_t)other;
}

static void set_number(evk_random *r)
{
    const size_t width = (size_t)1 << evk_random_below(r, 4), at = somewhere(r);
    const uint64_t value = some_number(r);
    if (n_input >= width && at <= n_input - width)
        memcpy(input + at, &value, width);
}

static void truncate_input(evk_random *r)
{
    n_input = somewhere(r);
}

/* Makes room for n bytes at `at`, or takes them away. */
static bool insert(size_t at, const uint8_t *bytes, size_t n)
{
    if (n > LONGEST - n_input)
        return false;
    memmove(input + at + n, input + at, n_input - at);
    memmove(input + at, bytes, n);
    n_input += n;
    return true;
}

static void take_away(size_t at, size_t n)
{
    memmove(input + at, input + at + n, n_input - at - n);
    n_input -= n;
}

static size_t chunk_at(evk_random *r, size_t at, size_t n_all)
{
    const size_t left = n_all - at, most = left < 256 ? left : 256;
    return most ? 1 + (size_t)evk_random_below(r, most) : 0;
}

static void duplicate_chunk(evk_random *r)
{
    uint8_t copy[256];
    const size_t from = somewhere(r), n = chunk_at(r, from, n_input);
    memcpy(copy, input + from, n);
    insert(somewhere(r), copy, n);
}

static void remove_chunk(evk_random *r)
{
    const size_t at = somewhere(r);
    take_away(at, chunk_at(r, at, n_input));
}

/* A piece of another seed. */
static void splice(evk_random *r)
{
    const seed *s = &seeds[evk_random_below(r, n_seeds)];
    const size_t from = s->n ? (size_t)evk_random_below(r, s->n) : 0;
    insert(somewhere(r), s->data + from, chunk_at(r, from, s->n));
}

/* A run of digits in a text becomes another number. */
static void set_digits(evk_random *r)
{
    char text[32];
    size_t at = somewhere(r), n = 0;
    while (at < n_input && (input[at] < '0' || input[at] > '9'))
        at++;
    while (at + n < n_input && input[at + n] >= '0' && input[at + n] <= '9')
        n++;
    if (n == 0)
        return;
    static const char *const before[] = { "", "-", "0.", "", "" }, *const after[] = { "", "", "", "e300", "99999999" };
    const uint64_t form = evk_random_below(r, 2) * evk_random_below(r, 5);
    const int length = snprintf(text, sizeof text, "%s%llu%s", before[form], (unsigned long long)some_number(r),
                                after[form]);
    take_away(at, n);
    insert(at, (const uint8_t *)text, (size_t)length);
}

static void (*const mutations[])(evk_random *) = {
    flip_bit, set_byte, set_number, set_number, set_digits, truncate_input, duplicate_chunk, remove_chunk, splice
};

static void mutate(uint64_t index)
{
    evk_random r;
    evk_random_stream(&r, 2025, index);
    const seed *s = &seeds[evk_random_below(&r, n_seeds)];
    memcpy(input, s->data, s->n);
    n_input = s->n;
    for (uint64_t i = 1 + evk_random_below(&r, 4) * evk_random_below(&r, 2); i > 0; i--)
        mutations[evk_random_below(&r, sizeof mutations / sizeof *mutations)](&r);
}

int main(int argc, char **argv)
{
    const unsigned long long count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
    for (size_t i = 0; fuzz_seed && (n_input = fuzz_seed(i, input, sizeof input)); i++)
        add_seed(input, n_input);
    for (int i = 2; i < argc; i++)
        add_path(argv[i]);
    if (n_seeds == 0)
        add_seed(NULL, 0);
    watch();
    for (unsigned long long i = 0; i < n_seeds + count; i++) {
        snprintf(crash_name, sizeof crash_name, "crash-%.200s-%llu", name, i);
        if (i < n_seeds) {
            memcpy(input, seeds[i].data, seeds[i].n);
            n_input = seeds[i].n;
        } else {
            mutate(i - n_seeds);
        }
        alarm(PATIENCE);
        LLVMFuzzerTestOneInput(input, n_input);
    }
    alarm(0);
    printf("%llu passed, 0 failed, 0 skipped\n", n_seeds + count);
    for (size_t i = 0; i < n_seeds; i++)
        free(seeds[i].data);
    return 0;
}
