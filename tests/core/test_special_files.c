/* Things that stand where a file of a model should: a pipe, a folder, a device, a link to nowhere, to itself or to an
 * endless device, an empty file; and JSON that is cut short, nested without end, or made of millions of values. Every reader
 * that opens files of strangers ends in one line, at once, and with little memory. */
#include "tests/check.h"
#include "tests/tiny_model.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "core/evoke.h"

static char folder[256];

static const char *in_folder(const char *name)
{
    static char paths[4][400];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, 400, "%s/%s", folder, name);
    return path;
}

/* ---- a model folder with one of its files replaced ---- */

static const char *const files[] = { "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
                                     "generation_config.json", "chat_template.jinja" };
enum { N_FILES = sizeof files / sizeof *files };

static void put_file(const char *name, const void *data, size_t n)
{
    check(write_bytes(in_folder(name), data, n), "write %s", name);
}

static void write_folder(void)
{
    static bytes b;
    tiny_safetensors(&b, tiny_models, NULL);
    const char *config = tiny_config_text(tiny_models);
    put_file("config.json", config, strlen(config));
    put_file("model.safetensors", b.data, b.n);
    put_file("tokenizer.json", tiny_tokenizer, strlen(tiny_tokenizer));
    put_file("tokenizer_config.json", "{\"bos_token\": \"<s>\"}", 20);
    put_file("generation_config.json", "{\"eos_token_id\": 0}", 19);
    put_file("chat_template.jinja", "{{ bos_token }}", 15);
}

static evoke_status open_model(const char *path, evoke_error *err)
{
    evoke_model *m = NULL;
    *err = (evoke_error){ 0 };
    const evoke_status st = evoke_model_open(path, &(evoke_model_options){ .n_threads = 1 }, &m, err);
    check((st == EVOKE_OK) == (m != NULL), "a model, or an error");
    evoke_model_free(m);
    return st;
}

/* ---- what it costs ---- */

typedef struct cost { struct timespec begin; long kilobytes; } cost;

static cost begin_cost(void)
{
    struct rusage u;
    cost c;
    getrusage(RUSAGE_SELF, &u);
    clock_gettime(CLOCK_MONOTONIC, &c.begin);
    c.kilobytes = u.ru_maxrss;
    return c;
}

static void check_cost(const cost *c, const char *what, long most_megabytes)
{
    struct timespec now;
    struct rusage u;
    clock_gettime(CLOCK_MONOTONIC, &now);
    getrusage(RUSAGE_SELF, &u);
    const long seconds = (long)(now.tv_sec - c->begin.tv_sec), megabytes = (u.ru_maxrss - c->kilobytes) / 1024;
    check(seconds < 10, "%s took %ld s", what, seconds);
    check(megabytes < most_megabytes, "%s took %ld MB", what, megabytes);
}

static void fails(const char *path, const char *what, const char *says)
{
    evoke_error err;
    const cost c = begin_cost();
    const evoke_status st = open_model(path, &err);
    check(st != EVOKE_OK, "%s: it opened", what);
    check(err.text[0] && !strpbrk(err.text, "\n\r") && strstr(err.text, says), "%s: '%s' lacks '%s'", what, err.text, says);
    check_cost(&c, what, 100);
}

/* ---- things that are no files ---- */

enum thing { PIPE, FOLDER, NOWHERE, ITSELF, ZERO, NULL_DEVICE, EMPTY, N_THING };
static const char *const things[] = { "a pipe", "a folder", "a link to nowhere", "a link to itself", "a link to /dev/zero",
                                      "a link to /dev/null", "an empty file" };

static void make_thing(enum thing t, const char *path)
{
    static const char *const targets[] = { [NOWHERE] = "no/such/file", [ITSELF] = "itself", [ZERO] = "/dev/zero",
                                           [NULL_DEVICE] = "/dev/null" };
    remove(path);
    bool ok = true;
    if (t == PIPE)
        ok = mkfifo(path, 0600) == 0;
    else if (t == FOLDER)
        ok = mkdir(path, 0700) == 0;
    else if (t == EMPTY)
        ok = write_bytes(path, "", 0);
    else
        ok = symlink(t == ITSELF ? strrchr(path, '/') + 1 : targets[t], path) == 0;
    check(ok, "make %s", things[t]);
}

static void replaces_files_of_a_folder(void)
{
    for (size_t f = 0; f < N_FILES; f++)
        for (int t = 0; t < N_THING; t++) {
            char what[100];
            /* Whether a template or a setting may be missing is not asked here: a link to nowhere is as if there were none. */
            const bool optional = f >= 2, may_open = optional && (t == NOWHERE || t == ITSELF);
            const bool template = f == 5 && t == EMPTY;
            write_folder();
            make_thing((enum thing)t, in_folder(files[f]));
            snprintf(what, sizeof what, "%s for %s", things[t], files[f]);
            evoke_error err;
            if (may_open || template)
                open_model(folder, &err);
            else
                fails(folder, what, files[f]);
            remove(in_folder(files[f]));
        }
}

static void replaces_lone_files(void)
{
    static const char *const names[] = { "x.gguf", "x.safetensors", "x-00001-of-00002.gguf" };
    for (size_t f = 0; f < 3; f++)
        for (int t = 0; t < N_THING; t++) {
            make_thing((enum thing)t, in_folder(names[f]));
            fails(in_folder(names[f]), things[t], t == FOLDER ? "config.json" : names[f]);
            remove(in_folder(names[f]));
        }
}

/* The second part of a split GGUF file, the index and a shard of a folder. */
static void replaces_parts(void)
{
    static bytes b;
    const char *index = "{\"weight_map\": {\"model.norm.weight\": \"one.safetensors\"}}";
    for (int t = 0; t < N_THING; t++) {
        b.n = 0;
        put_text(&b, "GGUF");
        put_number(&b, 3, 4), put_number(&b, 0, 8), put_number(&b, 2, 8);
        put_string(&b, "split.no"), put_number(&b, 2, 4), put_number(&b, 0, 2);
        put_string(&b, "split.count"), put_number(&b, 2, 4), put_number(&b, 2, 2);
        pad(&b, 32);
        put_file("m-00001-of-00002.gguf", b.data, b.n);
        make_thing((enum thing)t, in_folder("m-00002-of-00002.gguf"));
        fails(in_folder("m-00001-of-00002.gguf"), things[t], "m-00002-of-00002.gguf");
        remove(in_folder("m-00002-of-00002.gguf"));
        write_folder();
        remove(in_folder("model.safetensors"));
        make_thing((enum thing)t, in_folder("model.safetensors.index.json"));
        fails(folder, things[t], "model.safetensors.index.json");
        remove(in_folder("model.safetensors.index.json"));
        put_file("model.safetensors.index.json", index, strlen(index));
        make_thing((enum thing)t, in_folder("one.safetensors"));
        fails(folder, things[t], "one.safetensors");
        remove(in_folder("one.safetensors"));
        remove(in_folder("model.safetensors.index.json"));
    }
    remove(in_folder("m-00001-of-00002.gguf"));
}

/* ---- hostile JSON in each file that is JSON ---- */

static const char *const json_files[] = { "config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json",
                                          "model.safetensors.index.json" };
enum { N_JSON = sizeof json_files / sizeof *json_files };

static void json_fails(const char *name, const void *data, size_t n, const char *what)
{
    write_folder();
    if (strcmp(name, "model.safetensors.index.json") == 0)
        remove(in_folder("model.safetensors"));
    put_file(name, data, n);
    fails(folder, what, name);
    remove(in_folder(name));
}

/* unit, unit, ... behind a beginning, to n bytes. */
static char *repeat(const char *begin, const char *unit, size_t n)
{
    char *all = malloc(n + 1);
    const size_t size = strlen(unit);
    if (!all)
        abort();
    memcpy(all, begin, strlen(begin));
    for (size_t i = strlen(begin); i < n; i++)
        all[i] = unit[(i - strlen(begin)) % size];
    all[n] = '\0';
    return all;
}

static void refuses_hostile_json(void)
{
    static const struct { const char *begin, *unit; size_t n; } hostile[] = {
        { "{\"a\":", "[", 100000 }, { "", "{\"a\":", 500000 }, { "{\"a\":[", "{},", 16 << 20 }, { "{\"a\":[", "0,", 16 << 20 },
        { "{\"a\":\"", "\\", 100001 }, { "{\"", "\xff", 1000 }, { "{\"a\":", "9", 100000 }, { "{\"a\":1,\"a\":", " ", 1000 },
    };
    for (size_t h = 0; h < sizeof hostile / sizeof *hostile; h++) {
        char *text = repeat(hostile[h].begin, hostile[h].unit, hostile[h].n);
        for (size_t f = 0; f < N_JSON; f++)
            json_fails(json_files[f], text, hostile[h].n, hostile[h].unit);
        free(text);
    }
    json_fails("config.json", "[]", 2, "an array");
    json_fails("tokenizer.json", "[]", 2, "an array");
    json_fails("tokenizer_config.json", "3", 1, "a number");
}

static void refuses_truncated_json(void)
{
    const struct { const char *name, *text; } whole[] = { { "config.json", tiny_config_text(tiny_models) }, { "tokenizer.json", tiny_tokenizer } };
    for (size_t f = 0; f < 2; f++)
        for (size_t n = 0; n < strlen(whole[f].text); n++) {
            evoke_error err;
            write_bytes(in_folder(whole[f].name), whole[f].text, n);
            check(open_model(folder, &err) != EVOKE_OK && err.text[0], "%zu bytes of %s", n, whole[f].name);
            write_bytes(in_folder(whole[f].name), whole[f].text, strlen(whole[f].text));
        }
}

/* A header of millions of values is refused before it is parsed: parsed, these would take 3 GB. */
static void refuses_many_values(void)
{
    static const char *const units[] = { "{},", "[],", "0,", "\"\":0," };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        const uint64_t n = 40 << 20;
        char *text = repeat("{\"a\":[", units[i], n);
        FILE *f = fopen(in_folder("many.safetensors"), "wb");
        check(f && fwrite(&n, 8, 1, f) == 1 && fwrite(text, 1, n, f) == n && fclose(f) == 0, "write many.safetensors");
        free(text);
        fails(in_folder("many.safetensors"), units[i], "more than 1000000 values");
    }
    remove(in_folder("many.safetensors"));
}

int main(void)
{
    evoke_error err;
    make_folder(folder);
    write_folder();
    check(open_model(folder, &err) == EVOKE_OK, "the model itself: %s", err.text);
    refuses_many_values();
    replaces_files_of_a_folder();
    replaces_lone_files();
    replaces_parts();
    refuses_hostile_json();
    write_folder();
    refuses_truncated_json();
    for (size_t i = 0; i < N_FILES; i++)
        remove(in_folder(files[i]));
    check(rmdir(folder) == 0, "remove %s", folder);
    return check_done();
}
