/* experiments/numbers.c: values of options, read strictly: the whole text, in range, never NaN. */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/options.h"
#include "experiments/ranks.h"

evoke_status parse_uint(const char *text, const char *what, uint64_t least, uint64_t most, uint64_t *value,
                        evoke_error *err)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long n = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end)
        return fail(err, EVOKE_EARG, "read %s: '%s' is not a whole number", what, text);
    if (errno == ERANGE || n < least || n > most)
        return fail(err, EVOKE_EARG, "read %s: '%s' is not between %llu and %llu", what, text,
                    (unsigned long long)least, (unsigned long long)most);
    *value = n;
    return EVOKE_OK;
}

/* Decimal digits, sign, point, exponent: neither "nan", "inf" nor hexadecimal. */
static bool looks_decimal(const char *text)
{
    return *text && !text[strspn(text, "+-0123456789.eE")];
}

evoke_status parse_real(const char *text, const char *what, double least, double most, double *value, evoke_error *err)
{
    char *end = NULL;
    const double x = looks_decimal(text) ? strtod(text, &end) : 0;
    if (!end || end == text || *end)
        return fail(err, EVOKE_EARG, "read %s: '%s' is not a number", what, text);
    if (!isfinite(x) || x < least || x > most)
        return fail(err, EVOKE_EARG, "read %s: '%s' is not between %g and %g", what, text, least, most);
    *value = x;
    return EVOKE_OK;
}

static void dashed(const options *o, option_id id, char name[64])
{
    name[0] = name[1] = '-';
    strncpy(name + 2, option_name(o, id), 61);
    name[63] = '\0';
}

evoke_status option_size(const options *o, option_id id, size_t least, size_t most, size_t *value, evoke_error *err)
{
    char name[64];
    uint64_t n = 0;
    const char *text = option_text(o, id);
    if (!text)
        return EVOKE_OK;
    dashed(o, id, name);
    const evoke_status st = parse_uint(text, name, least, most, &n, err);
    if (st == EVOKE_OK)
        *value = (size_t)n;
    return st;
}

evoke_status option_seed(const options *o, option_id id, uint64_t *value, evoke_error *err)
{
    char name[64];
    const char *text = option_text(o, id);
    dashed(o, id, name);
    return text ? parse_uint(text, name, 0, UINT64_MAX, value, err) : EVOKE_OK;
}

evoke_status option_real(const options *o, option_id id, double least, double most, double *value, evoke_error *err)
{
    char name[64];
    const char *text = option_text(o, id);
    dashed(o, id, name);
    return text ? parse_real(text, name, least, most, value, err) : EVOKE_OK;
}

/* ---- lists ---- */
void names_free(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

static size_t count_commas(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == ',';
    return n;
}

evoke_status option_names(const options *o, option_id id, char ***names, size_t *n, evoke_error *err)
{
    size_t room = 0, used = 0;
    const char *text;
    *names = NULL;
    *n = 0;
    for (size_t i = 0; (text = option_nth(o, id, i)); i++)
        room += count_commas(text) + 1;
    char **list = NULL;
    evoke_status st = room ? allocate(&list, room, sizeof *list, err) : EVOKE_OK;
    for (size_t i = 0; st == EVOKE_OK && (text = option_nth(o, id, i)); i++) {
        while (st == EVOKE_OK && text) {
            const size_t length = strcspn(text, ",");
            if (length == 0)
                st = fail(err, EVOKE_EARG, "read --%s: an empty name (in '%s')", option_name(o, id),
                          option_nth(o, id, i));
            else if (!(list[used] = strndup(text, length)))
                st = fail(err, EVOKE_ENOMEM, "read --%s: no memory", option_name(o, id));
            else
                used++;
            text = text[length] ? text + length + 1 : NULL;
        }
    }
    if (st != EVOKE_OK) {
        names_free(list, used);
        return st;
    }
    *names = list;
    *n = used;
    return EVOKE_OK;
}

static evoke_status add_id(int32_t **ids, size_t *n, size_t *room, long long id, const char *what, evoke_error *err)
{
    if (id < 0 || id > INT32_MAX)
        return fail(err, EVOKE_EARG, "read %s: %lld is no token id", what, id);
    if (*n == *room) {
        const size_t more = *room ? *room * 2 : 64;
        int32_t *grown = realloc(*ids, more * sizeof **ids);
        if (!grown)
            return fail(err, EVOKE_ENOMEM, "read %s: no memory", what);
        *ids = grown;
        *room = more;
    }
    (*ids)[(*n)++] = (int32_t)id;
    return EVOKE_OK;
}

static evoke_status ids_of_value(const json_t *array, const char *what, int32_t **ids, size_t *n, evoke_error *err)
{
    size_t room = 0;
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; st == EVOKE_OK && i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);
        st = json_is_integer(item) ? add_id(ids, n, &room, json_integer_value(item), what, err)
                                   : fail(err, EVOKE_EARG, "read %s: item %zu is not a whole number", what, i + 1);
    }
    return st;
}

static evoke_status ids_of_json(const char *text, const char *what, int32_t **ids, size_t *n, evoke_error *err)
{
    json_error_t where;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    const evoke_status st = json_is_array(root) ? ids_of_value(root, what, ids, n, err)
                                                : fail(err, EVOKE_EARG, "read %s: not a JSON array of token ids", what);
    json_decref(root);
    return st;
}

static evoke_status ids_of_text(const char *text, const char *what, int32_t **ids, size_t *n, evoke_error *err)
{
    size_t room = 0;
    for (text += strspn(text, " \t\r\n,"); *text; text += strspn(text, " \t\r\n,")) {
        char *end = NULL;
        const long long id = isdigit((unsigned char)*text) ? strtoll(text, &end, 10) : 0;
        if (!end || (*end && !strchr(" \t\r\n,", *end)))
            return fail(err, EVOKE_EARG, "read %s: '%.*s' is no token id", what, (int)strcspn(text, " \t\r\n,"), text);
        const evoke_status st = add_id(ids, n, &room, id, what, err);
        if (st != EVOKE_OK)
            return st;
        text = end;
    }
    return EVOKE_OK;
}

/* What a reader of ids leaves: nothing where it failed; what a file holds is no wrong usage. */
static evoke_status finish_ids(evoke_status st, const char *what, int32_t **ids, size_t *n, evoke_error *err)
{
    if (st == EVOKE_OK)
        return EVOKE_OK;
    free(*ids);
    *ids = NULL;
    *n = 0;
    return st == EVOKE_EARG && *what != '-' ? (err->status = EVOKE_EFORMAT) : st;
}

evoke_status parse_ids(const char *text, const char *what, int32_t **ids, size_t *n, evoke_error *err)
{
    *ids = NULL;
    *n = 0;
    const bool json = text[strspn(text, " \t\r\n")] == '[';
    const evoke_status st = json ? ids_of_json(text, what, ids, n, err) : ids_of_text(text, what, ids, n, err);
    return finish_ids(st, what, ids, n, err);
}

evoke_status parse_json_ids(const json_t *array, const char *what, int32_t **ids, size_t *n, evoke_error *err)
{
    *ids = NULL;
    *n = 0;
    return finish_ids(ids_of_value(array, what, ids, n, err), what, ids, n, err);
}

enum { MAX_LAYER = 9999 };

/* One part of the list, "C" or "A-B", marked in `held`. */
static evoke_status mark_layers(const char *part, bool held[MAX_LAYER + 1], evoke_error *err)
{
    char copy[32];
    uint64_t first = 0, last = 0;
    if (strlen(part) >= sizeof copy)
        return fail(err, EVOKE_EARG, "read --layers: '%s' is neither a layer nor a range", part);
    strcpy(copy, part);
    char *dash = strchr(copy, '-');
    if (dash)
        *dash = '\0';
    evoke_status st = parse_uint(copy, "--layers", 0, MAX_LAYER, &first, err);
    last = first;
    if (st == EVOKE_OK && dash)
        st = parse_uint(dash + 1, "--layers", 0, MAX_LAYER, &last, err);
    if (st == EVOKE_OK && last < first)
        st = fail(err, EVOKE_EARG, "read --layers: '%s' runs backwards", part);
    for (uint64_t l = first; st == EVOKE_OK && l <= last; l++)
        held[l] = true;
    return st;
}

evoke_status parse_layers(const char *text, int32_t **layers, size_t *n, evoke_error *err)
{
    bool held[MAX_LAYER + 1] = { false };
    *layers = NULL;
    *n = 0;
    if (!text || strcmp(text, "all") == 0)
        return EVOKE_OK;
    char *copy = strdup(text);
    evoke_status st = copy ? EVOKE_OK : fail(err, EVOKE_ENOMEM, "read --layers: no memory");
    for (char *part = copy; st == EVOKE_OK && part;) {
        char *comma = strchr(part, ',');
        if (comma)
            *comma = '\0';
        st = mark_layers(part, held, err);
        part = comma ? comma + 1 : NULL;
    }
    free(copy);
    if (st == EVOKE_OK)
        st = allocate(layers, MAX_LAYER + 1, sizeof **layers, err);
    for (int32_t l = 0; st == EVOKE_OK && l <= MAX_LAYER; l++)
        if (held[l])
            (*layers)[(*n)++] = l;
    return st;
}

/* ---- what several commands read ---- */
evoke_status options_sampling_read(const options *o, evoke_sampling *s, evoke_error *err)
{
    evoke_status st = option_real(o, OPT_TEMP, 0, 1000, &s->temperature, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_TOP_K, 0, INT32_MAX, &s->top_k, err);
    if (st == EVOKE_OK)
        st = option_real(o, OPT_TOP_P, 1e-9, 1, &s->top_p, err);
    if (st == EVOKE_OK)
        st = option_real(o, OPT_MIN_P, 0, 1, &s->min_p, err);
    if (st == EVOKE_OK)
        st = option_seed(o, OPT_SEED, &s->seed, err);
    return st;
}

evoke_status parse_site(const char *option, const char *name, evoke_site *site, evoke_error *err)
{
    char all[256] = "";
    if (evoke_site_find(name, site))
        return EVOKE_OK;
    for (evoke_site s = 0; s < EVOKE_N_SITE; s++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", s > 0 ? ", " : "", evoke_site_name(s));
    return fail(err, EVOKE_EARG, "read --%s: no hook point is called '%s' (%s)", option, name, all);
}

evoke_status options_sites(const options *o, option_id id, evoke_site **sites, size_t *n, evoke_error *err)
{
    char **names = NULL;
    size_t n_names = 0;
    *sites = NULL;
    *n = 0;
    evoke_status st = option_names(o, id, &names, &n_names, err);
    if (st == EVOKE_OK && n_names > 0)
        st = allocate(sites, n_names, sizeof **sites, err);
    for (size_t i = 0; st == EVOKE_OK && i < n_names; i++) {
        st = parse_site(option_name(o, id), names[i], &(*sites)[i], err);
        *n = i + 1;
    }
    names_free(names, n_names);
    return st;
}

evoke_status options_spans(const options *o, evoke_span **spans, size_t *n, evoke_error *err)
{
    char **names = NULL;
    size_t n_names = 0;
    *spans = NULL;
    *n = 0;
    evoke_status st = option_names(o, OPT_SPAN, &names, &n_names, err);
    if (st == EVOKE_OK && n_names > 0)
        st = allocate(spans, n_names, sizeof **spans, err);
    for (size_t i = 0; st == EVOKE_OK && i < n_names; i++) {
        if (!evoke_span_find(names[i], &(*spans)[i]))
            st = fail(err, EVOKE_EARG, "read --span: no span is called '%s' (query, prompt, prompt_all, response, last)",
                      names[i]);
        *n = i + 1;
    }
    names_free(names, n_names);
    return st;
}

evoke_status options_one_span(const options *o, evoke_span *span, bool *any, evoke_error *err)
{
    evoke_span *spans = NULL;
    size_t n = 0;
    evoke_status st = options_spans(o, &spans, &n, err);
    if (st == EVOKE_OK && n > 1)
        st = fail(err, EVOKE_EARG, "read --span: one span is wanted, not %zu", n);
    *any = n == 0;
    if (st == EVOKE_OK && n == 1)
        *span = spans[0];
    free(spans);
    return st;
}

evoke_status options_open_model(const options *o, evoke_compute usual, bool many, evoke_model **m, evoke_error *err)
{
    const char *path = NULL;
    const char *compute = option_text(o, OPT_COMPUTE);
    evoke_model_options how = { .isa = option_text(o, OPT_ISA), .template_path = option_text(o, OPT_TEMPLATE), .compute = usual,
                                .repack = many, .n_threads = ranks_threads() };
    if (compute && !evoke_compute_find(compute, &how.compute))
        return fail(err, EVOKE_EARG, "choose how to compute: --compute '%s' is neither exact nor fast", compute);
    evoke_status st = option_need(o, OPT_MODEL, "open the model", &path, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_THREADS, 1, 4096, &how.n_threads, err);
    if (st == EVOKE_OK)
        st = evoke_model_open(path, &how, m, err);
    if (st == EVOKE_OK && o->verbose) {
        const evoke_model_info *i = evoke_model_describe(*m);
        say("%s: %s, %zu layers x %zu, %s weights, %zu threads, %s kernels, %s", i->path, i->family, i->n_layer, i->d_model,
            i->storage, i->n_threads, i->isa, evoke_compute_name(i->compute));
    }
    return st;
}

evoke_status options_open_vectors(const options *o, const char *path, evoke_vectors **v, evoke_error *err)
{
    evoke_vectors_report report;
    const evoke_status st = evoke_vectors_import(path, NULL, v, &report, err);
    if (st == EVOKE_OK)
        say_notes(report.notes, report.n_notes, o->quiet);
    return st;
}
