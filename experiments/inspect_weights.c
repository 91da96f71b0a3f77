/* experiments/inspect_weights.c: a model file, at the level of its tensors; more where the family is known.
 *
 * Tensors that differ by one number in their name are a group: "blk.*.attn_q.weight". */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/inspect.h"
#include "experiments/inspect_model.h"

enum { MAX_TYPES = 64, MAX_REMARKS = 16 };

typedef struct type_count { const char *name; size_t n_tensor; uint64_t n_parameter, n_byte; } type_count;
typedef struct group {
    char *name;                     /* with * for the layer */
    char types[96];                 /* "Q4_1 28, Q8_0 2" is made of these when printed: distinct names, with blanks */
    size_t n, n_dim;
    uint64_t dims[8];               /* of the first */
    bool mixed_types, mixed_shapes, numbered;
} group;

typedef struct weights_figures {
    const evoke_weights *w;
    group *groups;                  /* [n_group] in order of first appearance */
    size_t n_group, n_tensor, n_type;
    type_count types[MAX_TYPES];
    uint64_t n_parameter, n_byte;
    char *remarks[MAX_REMARKS];
    size_t n_remark;
    inspected model;
    evoke_tokenizer *tokenizer;     /* NULL: no_tokenizer says why */
    evoke_error no_tokenizer;
} weights_figures;

static uint64_t n_parameters(const evoke_tensor_info *t)
{
    uint64_t n = 1;
    for (size_t i = 0; i < t->n_dim; i++)
        if (__builtin_mul_overflow(n, t->dims[i], &n))
            return 0;
    return n;
}

/* "blk.12.attn_q.weight" -> "blk.*.attn_q.weight": the first number that stands alone between points. */
static char *group_name(const char *name, bool *numbered)
{
    char *out = malloc(strlen(name) + 2);
    size_t used = 0;
    *numbered = false;
    for (const char *c = name; out && *c;) {
        const bool begins = c == name || c[-1] == '.';
        const size_t digits = strspn(c, "0123456789");
        if (!*numbered && begins && digits && (c[digits] == '.' || !c[digits])) {
            out[used++] = '*';
            c += digits;
            *numbered = true;
        } else {
            out[used++] = *c++;
        }
    }
    if (out)
        out[used] = '\0';
    return out;
}

static bool has_word(const char *list, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return true;
    return false;
}

static void join_group(group *g, const evoke_tensor_info *t)
{
    if (!has_word(g->types, t->type) && strlen(g->types) + strlen(t->type) + 2 < sizeof g->types) {
        g->mixed_types = g->n > 0;
        if (g->n > 0)
            strcat(g->types, " ");
        strcat(g->types, t->type);
    }
    if (g->n == 0) {
        g->n_dim = t->n_dim;
        memcpy(g->dims, t->dims, sizeof g->dims);
    } else if (g->n_dim != t->n_dim || memcmp(g->dims, t->dims, t->n_dim * sizeof *t->dims) != 0) {
        g->mixed_shapes = true;
    }
    g->n++;
}

static void count_type(weights_figures *f, const evoke_tensor_info *t)
{
    size_t i = 0;
    while (i < f->n_type && strcmp(f->types[i].name, t->type) != 0)
        i++;
    if (i == MAX_TYPES)
        return;
    f->types[i].name = t->type;
    f->types[i].n_tensor++;
    f->types[i].n_parameter += n_parameters(t);
    f->types[i].n_byte += t->n_bytes;
    f->n_type += i == f->n_type;
}

static evoke_status add_tensor(weights_figures *f, const evoke_tensor_info *t, evoke_error *err)
{
    bool numbered = false;
    char *name = group_name(t->name, &numbered);
    if (!name)
        return fail(err, EVOKE_ENOMEM, "inspect: no memory");
    size_t i = f->n_group;
    while (i > 0 && strcmp(f->groups[i - 1].name, name) != 0)
        i--;
    if (i == 0) {
        f->groups[f->n_group++] = (group){ .name = name, .numbered = numbered };
        i = f->n_group;
    } else {
        free(name);
    }
    join_group(&f->groups[i - 1], t);
    count_type(f, t);
    f->n_parameter += n_parameters(t);
    f->n_byte += t->n_bytes;
    return EVOKE_OK;
}

static void remark(weights_figures *f, const char *format, ...) COMMAND_PRINTF(2, 3);

static void remark(weights_figures *f, const char *format, ...)
{
    char text[512];
    va_list args;
    if (f->n_remark == MAX_REMARKS)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    f->remarks[f->n_remark] = strdup(text);
    f->n_remark += f->remarks[f->n_remark] != NULL;
}

static void remark_setting(void *user, const char *text)
{
    remark(user, "%s", text);
}

static void find_unusual(weights_figures *f)
{
    size_t n_layer = 0;
    for (size_t i = 0; i < f->n_group; i++)
        if (f->groups[i].numbered && f->groups[i].n > n_layer)
            n_layer = f->groups[i].n;
    for (size_t i = 0; i < f->n_group; i++) {
        const group *g = &f->groups[i];
        if (g->mixed_types)
            remark(f, "%s: more than one type (%s)", g->name, g->types);
        if (g->mixed_shapes)
            remark(f, "%s: shapes differ from layer to layer", g->name);
        if (g->numbered && g->n < n_layer)
            remark(f, "%s: in %zu of %zu layers only", g->name, g->n, n_layer);
    }
    inspected_unusual(&f->model, remark_setting, f);
    if (!inspected_family(&f->model))
        remark(f, "%s", f->model.why_not.text);
    if (!f->tokenizer)
        remark(f, "%s", f->no_tokenizer.text);
    else if (!f->model.encoder && !evoke_tokenizer_template(f->tokenizer))
        remark(f, "no chat template");
}

static evoke_status count_weights(const char *path, weights_figures *f, evoke_error *err)
{
    f->n_tensor = evoke_weights_count(f->w);
    evoke_status st = allocate(&f->groups, f->n_tensor, sizeof *f->groups, err);
    for (size_t i = 0; st == EVOKE_OK && i < f->n_tensor; i++) {
        evoke_tensor_info t;
        st = evoke_weights_info(f->w, i, &t, err);
        if (st == EVOKE_OK)
            st = add_tensor(f, &t, err);
    }
    if (st != EVOKE_OK)
        return st;
    evoke_tokenizer_open(path, &f->tokenizer, &f->no_tokenizer);        /* may fail: that is a finding */
    inspected_open(path, &f->model);
    find_unusual(f);
    return EVOKE_OK;
}

static void free_figures(weights_figures *f)
{
    for (size_t i = 0; i < f->n_group; i++)
        free(f->groups[i].name);
    for (size_t i = 0; i < f->n_remark; i++)
        free(f->remarks[i]);
    free(f->groups);
    inspected_free(&f->model);
    evoke_tokenizer_free(f->tokenizer);
}

/* "string \"NAME\"" -> "NAME": the value of a text as metadata are rendered. */
static void unquote(evoke_text *value)
{
    char *first = strchr(value->data, '"'), *last = strrchr(value->data, '"');
    if (!first || first == last)
        return;
    value->n = (size_t)(last - first) - 1;
    memmove(value->data, first + 1, value->n);
    value->data[value->n] = '\0';
}

/* The family by its name in the file, however it is spelt there. */
static evoke_status file_family(const evoke_weights *w, evoke_text *family, evoke_error *err)
{
    const size_t n = evoke_weights_metadata_count(w);
    for (size_t i = 0; i < n; i++) {
        const char *key = NULL;
        evoke_text value = { 0 };
        const evoke_status st = evoke_weights_metadata(w, i, &key, &value, err);
        if (st != EVOKE_OK)
            return st;
        if (strcmp(key, "general.architecture") == 0 || strcmp(key, "model_type") == 0) {
            *family = value;
            unquote(family);
            return EVOKE_OK;
        }
        evoke_text_free(&value);
    }
    return EVOKE_OK;
}

static void shape_text(const uint64_t *dims, size_t n_dim, char text[128])
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n_dim && used < 100; i++)
        used += (size_t)snprintf(text + used, 128 - used, "%s%llu", i ? " x " : "", (unsigned long long)dims[i]);
}

/* ---- for people ---- */
static evoke_status print_details(const evoke_weights *w, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    printf("\nmetadata\n");
    for (size_t i = 0; st == EVOKE_OK && i < evoke_weights_metadata_count(w); i++) {
        const char *key = NULL;
        evoke_text value = { 0 };
        st = evoke_weights_metadata(w, i, &key, &value, err);
        if (st == EVOKE_OK)
            printf("  %s = %s\n", key, value.data);
        evoke_text_free(&value);
    }
    printf("\ntensors\n");
    for (size_t i = 0; st == EVOKE_OK && i < evoke_weights_count(w); i++) {
        evoke_tensor_info t;
        char shape[128];
        st = evoke_weights_info(w, i, &t, err);
        if (st != EVOKE_OK)
            break;
        shape_text(t.dims, t.n_dim, shape);
        printf("  %-48s %-8s %s\n", t.name, t.type, shape);
    }
    return st;
}

static evoke_status print_table(const options *o, const char *path, const char *family, const weights_figures *f,
                                evoke_error *err)
{
    char shape[128];
    printf("model       %s\nfamily      %s%s\n", path, family, inspected_family(&f->model) ? "" : " (this version cannot run it)");
    inspected_print(&f->model);
    printf("parameters  %llu in %zu tensors, %.1f MB\ntypes       ", (unsigned long long)f->n_parameter, f->n_tensor,
           1e-6 * (double)f->n_byte);
    for (size_t i = 0; i < f->n_type; i++)
        printf("%s%s %.1f%% (%zu)", i == 0 ? "" : i % 6 ? ", " : ",\n            ", f->types[i].name, f->n_parameter
               ? 100 * (double)f->types[i].n_parameter / (double)f->n_parameter : 0.0, f->types[i].n_tensor);
    if (f->tokenizer)
        printf("\ntokenizer   %s, %zu tokens\ntemplate    %s\n", evoke_tokenizer_kind(f->tokenizer),
               evoke_tokenizer_n_vocab(f->tokenizer), evoke_tokenizer_template(f->tokenizer) ? "yes" : "none");
    else
        printf("\ntokenizer   none\n");
    printf("\n%-44s %5s  %-18s %s\n", "group", "n", "shape", "types");
    for (size_t i = 0; i < f->n_group; i++) {
        const group *g = &f->groups[i];
        shape_text(g->dims, g->n_dim, shape);
        printf("%-44s %5zu  %-18s %s\n", g->name, g->n, shape, g->types);
    }
    for (size_t i = 0; i < f->n_remark; i++)
        printf("%s%s\n", i ? "            " : "\nunusual     ", f->remarks[i]);
    return o->verbose ? print_details(f->w, err) : EVOKE_OK;
}

/* ---- for programs ---- */
static json_t *metadata_json(const evoke_weights *w)
{
    json_t *o = json_object();
    for (size_t i = 0; i < evoke_weights_metadata_count(w); i++) {
        const char *key = NULL;
        evoke_text value = { 0 };
        if (evoke_weights_metadata(w, i, &key, &value, NULL) == EVOKE_OK)
            json_put(o, key, json_text(value.data, value.n));
        evoke_text_free(&value);
    }
    return o;
}

static json_t *tensors_json(const evoke_weights *w)
{
    json_t *list = json_array();
    for (size_t i = 0; i < evoke_weights_count(w); i++) {
        evoke_tensor_info t;
        if (evoke_weights_info(w, i, &t, NULL) != EVOKE_OK)
            continue;
        json_t *o = json_object(), *dims = json_array();
        for (size_t k = 0; k < t.n_dim; k++)
            json_add(dims, json_count(t.dims[k]));
        json_put(o, "name", json_text(t.name, strlen(t.name)));
        json_put(o, "type", json_string(t.type));
        json_put(o, "shape", dims);
        json_put(o, "bytes", json_count(t.n_bytes));
        json_add(list, o);
    }
    return list;
}

static evoke_status print_json(const char *path, const char *family, const weights_figures *f, evoke_error *err)
{
    json_t *o = json_object(), *types = json_object(), *unusual = json_array();
    for (size_t i = 0; i < f->n_type; i++) {
        json_t *t = json_object();
        json_put(t, "tensors", json_count(f->types[i].n_tensor));
        json_put(t, "parameters", json_count(f->types[i].n_parameter));
        json_put(t, "bytes", json_count(f->types[i].n_byte));
        json_put(types, f->types[i].name, t);
    }
    for (size_t i = 0; i < f->n_remark; i++)
        json_add(unusual, json_text(f->remarks[i], strlen(f->remarks[i])));
    json_put(o, "kind", json_string("model"));
    json_put(o, "path", json_text(path, strlen(path)));
    json_put(o, "family", json_text(family, strlen(family)));
    json_put(o, "runs", json_boolean(inspected_family(&f->model)));
    json_put(o, "model", inspected_json(&f->model));
    json_put(o, "n_tensors", json_count(f->n_tensor));
    json_put(o, "n_parameters", json_count(f->n_parameter));
    json_put(o, "n_bytes", json_count(f->n_byte));
    json_put(o, "types", types);
    json_put(o, "tokenizer", f->tokenizer ? json_string(evoke_tokenizer_kind(f->tokenizer)) : json_null());
    json_put(o, "n_vocab", f->tokenizer ? json_count(evoke_tokenizer_n_vocab(f->tokenizer)) : json_null());
    json_put(o, "template", json_boolean(f->tokenizer && evoke_tokenizer_template(f->tokenizer)));
    json_put(o, "unusual", unusual);
    json_put(o, "metadata", metadata_json(f->w));
    json_put(o, "tensors", tensors_json(f->w));
    return json_print(stdout, o, 9, err);
}

evoke_status inspect_weights(const options *o, const char *path, evoke_error *err)
{
    evoke_weights *w = NULL;
    evoke_text family = { 0 };
    weights_figures f = { 0 };
    evoke_status st = evoke_weights_open(path, &w, err);
    f.w = w;
    if (st == EVOKE_OK)
        st = count_weights(path, &f, err);
    if (st == EVOKE_OK)
        st = file_family(w, &family, err);
    if (st == EVOKE_OK) {
        const char *own = inspected_family(&f.model), *name = own ? own : family.data ? family.data : "(not said)";
        st = o->json ? print_json(path, name, &f, err) : print_table(o, path, name, &f, err);
    }
    free_figures(&f);
    evoke_text_free(&family);
    evoke_weights_free(w);
    return st;
}
