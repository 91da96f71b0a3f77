#include "experiments/answer_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "experiments/digest.h"
#include "experiments/json_out.h"

/* A line that is no answer of ours was torn by a kill or a full disk. */
static void load_line(answer_cache *c, const char *line)
{
    json_error_t where;
    json_t *item = json_loads(line, 0, &where), *answer = json_object_get(item, "answer");
    const char *key = json_string_value(json_object_get(item, "key"));
    if (key && json_is_string(answer))
        json_object_set(c->answers, key, answer);
    json_decref(item);
}

/* Reads what is there; *torn: the last line has no end. */
static void load(answer_cache *c, bool *torn)
{
    FILE *f = fopen(c->path, "rb");
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    *torn = false;
    while (f && (n = getline(&line, &room, f)) > 0) {
        *torn = line[n - 1] != '\n';
        load_line(c, line);
    }
    free(line);
    if (f)
        fclose(f);
}

/* The folder that holds the file, and those above it. */
static void make_folders(const char *path)
{
    char *copy = strdup(path);
    for (char *slash = copy ? strchr(copy + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(copy, 0777);              /* what is not made is told by the file that cannot be opened */
        *slash = '/';
    }
    free(copy);
}

evoke_status cache_open(const char *path, answer_cache *c, evoke_error *err)
{
    bool torn;
    *c = (answer_cache){ .path = strdup(path), .answers = json_object() };
    if (!c->path || !c->answers)
        return fail(err, EVOKE_ENOMEM, "open the judge's answers: no memory (%s)", path);
    make_folders(path);
    load(c, &torn);
    c->file = fopen(path, "ab");
    if (!c->file || (torn && fputc('\n', c->file) == EOF))
        return fail(err, EVOKE_EIO, "open the judge's answers: %s (%s)", strerror(errno), path);
    return EVOKE_OK;
}

void cache_close(answer_cache *c)
{
    if (c->file)
        fclose(c->file);
    json_decref(c->answers);
    free(c->path);
    *c = (answer_cache){ .path = NULL };
}

void cache_key(const char *url, const char *model, const char *question, char key[65])
{
    struct sha256_ctx sha;
    sha256_init(&sha);
    sha256_update(&sha, strlen(url) + 1, (const uint8_t *)url);     /* with their ends, so that none runs into the next */
    sha256_update(&sha, strlen(model) + 1, (const uint8_t *)model);
    sha256_update(&sha, strlen(question) + 1, (const uint8_t *)question);
    digest_text(&sha, key);
}

const char *cache_find(answer_cache *c, const char *key)
{
    const char *answer = json_string_value(json_object_get(c->answers, key));
    c->n_used += answer != NULL;
    return answer;
}

evoke_status cache_add(answer_cache *c, const char *key, const char *answer, evoke_error *err)
{
    json_t *item = json_object();
    json_put(item, "key", json_string(key));
    json_put(item, "answer", json_text(answer, strlen(answer)));
    json_object_set(c->answers, key, json_object_get(item, "answer"));
    char *line = json_dumps(item, JSON_COMPACT);
    const bool ok = line && fprintf(c->file, "%s\n", line) > 0 && fflush(c->file) == 0;
    free(line);
    json_decref(item);
    return ok ? EVOKE_OK
              : fail(err, EVOKE_EIO, "keep a judge's answer: %s (%s); those before it are kept, and the same command goes on",
                     strerror(errno), c->path);
}
