/* The golden encoders with each key of config.json and each tensor made hostile: either one line, or an encoder that runs. */
#include "core/evoke.h"
#include "tests/bytes.h"
#include "tests/check.h"
#include "tests/hostile.h"

#include <sys/resource.h>
#include <time.h>

enum { MOST_SECONDS = 5, MOST_MEMORY = 500 << 10 };     /* one folder; KiB, of all */

static const char *const models[] = { "bert", "roberta", "distilbert", "deberta", "deberta_v2", "bart" };
static char folder[256];
static size_t n_opened, n_refused;

/* Three ids, the last of which ends a text in BART, through everything that the encoder gives. */
static evoke_status run(const evoke_encoder *e, evoke_error *err)
{
    static const int32_t ids[] = { 0, 1, 2 };
    const evoke_encoder_info *i = evoke_encoder_describe(e);
    const evoke_sequence s = { ids, NULL, 3 };
    float *room = calloc(8 * (i->d_model + i->d_embedding + i->n_label + 1) + 3 * i->d_model * (i->n_layer + 1), sizeof *room);
    float *pooler = room + i->d_model, *logits = pooler + i->d_model, *mean = logits + i->n_label, *sentence = mean + i->d_model;
    const evoke_encodings out = {
        .mean = mean, .sentence = sentence, .pooler = i->has_pooler ? pooler : NULL, .logits = i->n_label ? logits : NULL,
        .hidden = room + 8 * (i->d_model + i->d_embedding + i->n_label + 1),
    };
    const evoke_status st = evoke_encode(e, &s, 1, 0, NULL, &out, err);
    free(room);
    return st;
}

static bool survives(const char *what, evoke_error *err)
{
    evoke_encoder *e = NULL;
    const time_t begin = time(NULL);
    evoke_status st = evoke_encoder_open(folder, &(evoke_model_options){ .n_threads = 1 }, &e, err);
    const bool opened = st == EVOKE_OK;
    check(opened == (e != NULL), "%s: an encoder, or an error", what);
    if (opened)
        st = run(e, err);
    check(st == EVOKE_OK || (err->text[0] && !strpbrk(err->text, "\n\r")), "%s: '%s' is no line", what, err->text);
    check(time(NULL) - begin <= MOST_SECONDS, "%s: %ld seconds", what, (long)(time(NULL) - begin));
    evoke_encoder_free(e);
    *(opened ? &n_opened : &n_refused) += 1;
    return opened && st == EVOKE_OK;
}

static void put_in(const char *name, const void *data, size_t n)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    check(write_bytes(path, data, n), "write %s", path);
}

static void put_config(const json_t *config, const char *key, const char *value)
{
    char *text = hostile_text(config, key, value);
    put_in("config.json", text, strlen(text));
    free(text);
}

static void sweep_config(const char *name, json_t *config)
{
    const char *key;
    json_t *value;
    evoke_error err = { 0 };
    json_object_foreach(config, key, value)
        for (size_t i = 0; i < N_HOSTILE; i++) {
            char what[200];
            snprintf(what, sizeof what, "%s, %s: %s", name, key, hostile_values[i] ? hostile_values[i] : "missing");
            put_config(config, key, hostile_values[i]);
            survives(what, &err);
        }
    put_config(config, NULL, NULL);
}

/* The file with another header. */
static void put_header(const bytes *file, size_t n_header, const json_t *header)
{
    static bytes out;
    char *text = json_dumps(header, JSON_COMPACT);
    out.n = 0;
    put_string(&out, text);
    put(&out, file->data + 8 + n_header, file->n - 8 - n_header);
    put_in("model.safetensors", out.data, out.n);
    free(text);
}

/* Each tensor without its last row, as a vector, or not at all. */
static void sweep_tensors(const char *name, const bytes *file)
{
    uint64_t n_header = 0;
    evoke_error err = { 0 };
    const char *key;
    json_t *tensor;
    memcpy(&n_header, file->data, 8);
    json_t *header = json_loadb((const char *)file->data + 8, n_header, 0, NULL);
    check(header, "the header of %s", name);
    json_object_foreach(header, key, tensor) {
        const json_t *shape = json_object_get(tensor, "shape"), *at = json_object_get(tensor, "data_offsets");
        const json_int_t rows = json_integer_value(json_array_get(shape, 0)), begin = json_integer_value(json_array_get(at, 0));
        const json_int_t end = json_integer_value(json_array_get(at, 1));
        char what[200];
        for (int i = 0; i < 3 && rows > 1; i++) {
            json_t *copy = json_deep_copy(header), *own = json_object_get(copy, key);
            snprintf(what, sizeof what, "%s, %s: edit %d", name, key, i);
            if (i == 0) {
                json_array_set_new(json_object_get(own, "shape"), 0, json_integer(rows - 1));
                json_array_set_new(json_object_get(own, "data_offsets"), 1, json_integer(end - (end - begin) / rows));
            } else if (i == 1) {
                json_object_set_new(own, "shape", json_pack("[I]", (end - begin) / 4));
            } else {
                json_object_del(copy, key);
            }
            put_header(file, n_header, copy);
            const bool opened = survives(what, &err);
            check(!opened || i == 2 || json_array_size(shape) == 1, "%s: it opened", what);
            json_decref(copy);
        }
    }
    json_decref(header);
    put_in("model.safetensors", file->data, file->n);
}

static void one_model(const char *root, const char *name)
{
    static bytes file;
    char path[4096];
    evoke_error err = { 0 };
    snprintf(path, sizeof path, "%s/tests/golden/encoders/%s/config.json", root, name);
    json_t *config = json_load_file(path, 0, NULL);
    snprintf(path, sizeof path, "%s/tests/golden/encoders/%s/model.safetensors", root, name);
    if (check(config && read_bytes(path, &file), "read %s", path)) {
        put_in("model.safetensors", file.data, file.n);
        put_config(config, NULL, NULL);
        check(survives(name, &err), "%s: %s", name, err.text);
        sweep_config(name, config);
        sweep_tensors(name, &file);
    }
    json_decref(config);
}

int main(int argc, char **argv)
{
    struct rusage used;
    char path[400];
    make_folder(folder);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        one_model(argc > 1 ? argv[1] : ".", models[i]);
    check(n_opened > 100 && n_refused > 500, "%zu opened, %zu refused", n_opened, n_refused);
    getrusage(RUSAGE_SELF, &used);
    check(SANITIZED || used.ru_maxrss < MOST_MEMORY, "%ld KiB", used.ru_maxrss);
    snprintf(path, sizeof path, "%s/config.json", folder);
    remove(path);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    remove(path);
    check(rmdir(folder) == 0, "remove %s", folder);
    return check_done();
}
