#include "experiments/chat_input.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "experiments/files.h"

static evoke_status read_message(const json_t *item, const char *path, size_t number, size_t k, evoke_message *m,
                                 evoke_error *err)
{
    const json_t *role = json_object_get(item, "role"), *content = json_object_get(item, "content");
    if (!json_is_string(role) || !json_is_string(content))
        return fail(err, EVOKE_EFORMAT, "read conversation %zu: message %zu wants \"role\" and \"content\", both texts "
                    "(%s)", number, k + 1, path);
    *m = (evoke_message){ json_string_value(role), json_string_value(content) };
    if (strlen(m->role) != json_string_length(role) || strlen(m->content) != json_string_length(content))
        return fail(err, EVOKE_EFORMAT, "read conversation %zu: message %zu holds a NUL (%s)", number, k + 1, path);
    return EVOKE_OK;
}

evoke_status conversation_read(const json_t *item, const char *path, size_t number, conversation *c, evoke_error *err)
{
    const json_t *messages = json_object_get(item, "messages"), *add = json_object_get(item, "add_generation_prompt");
    *c = (conversation){ .add_generation_prompt = json_is_true(add) };
    if (!json_is_array(messages) || (add && !json_is_boolean(add)))
        return fail(err, EVOKE_EFORMAT, "read conversation %zu: it wants \"messages\": [...] and "
                    "\"add_generation_prompt\": true or false (%s)", number, path);
    c->n = json_array_size(messages);
    evoke_status st = allocate(&c->messages, c->n, sizeof *c->messages, err);
    for (size_t k = 0; st == EVOKE_OK && k < c->n; k++)
        st = read_message(json_array_get(messages, k), path, number, k, &c->messages[k], err);
    if (st != EVOKE_OK)
        conversation_free(c);
    return st;
}

void conversation_free(conversation *c)
{
    free(c->messages);
    *c = (conversation){ .messages = NULL };
}

/* Puts name=value, in place of an older value of that name. */
static void put_variable(variables *v, const char *name, const char *value)
{
    size_t i = 0;
    while (i < v->n && strcmp(v->list[i].name, name) != 0)
        i++;
    v->list[i] = (evoke_variable){ name, value };
    v->n += i == v->n;
}

static evoke_status read_var(const char *text, variables *v, evoke_error *err)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return fail(err, EVOKE_EARG, "read --var: '%s' is not NAME=VALUE", text);
    char *copy = strdup(text);
    if (!copy)
        return fail(err, EVOKE_ENOMEM, "read --var: no memory");
    v->owned[v->n_owned++] = copy;
    copy[equals - text] = '\0';
    put_variable(v, copy, copy + (equals - text) + 1);
    return EVOKE_OK;
}

evoke_status variables_read(const options *o, const evoke_tokenizer *t, variables *v, evoke_error *err)
{
    const size_t n = option_times(o, OPT_VAR);
    *v = (variables){ .n = 0 };
    evoke_status st = allocate(&v->list, n + 2, sizeof *v->list, err);
    if (st == EVOKE_OK)
        st = allocate(&v->owned, n, sizeof *v->owned, err);
    const char *bos = t ? evoke_tokenizer_piece(t, evoke_tokenizer_bos(t)) : NULL;
    const char *eos = t ? evoke_tokenizer_piece(t, evoke_tokenizer_eos(t)) : NULL;
    if (st == EVOKE_OK && bos)
        put_variable(v, "bos_token", bos);
    if (st == EVOKE_OK && eos)
        put_variable(v, "eos_token", eos);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        st = read_var(option_nth(o, OPT_VAR, i), v, err);
    return st;
}

void variables_free(variables *v)
{
    names_free(v->owned, v->n_owned);
    free(v->list);
    *v = (variables){ .n = 0 };
}

static evoke_status template_read(const char *path, evoke_template **out, evoke_error *err)
{
    char *text = NULL;
    size_t n = 0;
    evoke_status st = file_read(path, &text, &n, err);
    if (st == EVOKE_OK)
        st = evoke_template_parse(text, n, out, err);
    free(text);
    return st;
}

evoke_status template_check(const options *o, evoke_error *err)
{
    const char *path = option_text(o, OPT_TEMPLATE);
    evoke_template *t = NULL;
    struct stat about;
    const bool once = path && stat(path, &about) == 0 && !S_ISREG(about.st_mode);      /* a pipe is read by who uses it */
    const evoke_status st = path && !once ? template_read(path, &t, err) : EVOKE_OK;
    evoke_template_free(t);
    return st;
}

evoke_status template_open(const options *o, const evoke_tokenizer *t, evoke_template **out, evoke_error *err)
{
    const char *path = option_text(o, OPT_TEMPLATE);
    const char *own = t ? evoke_tokenizer_template(t) : NULL;
    if (!path && !t)
        return fail(err, EVOKE_EARG, "render: no chat template (give -m MODEL or --template FILE)");
    if (!path && !own)
        return fail(err, EVOKE_EDATA, "render: the model has no chat template (give --template FILE)");
    return path ? template_read(path, out, err) : evoke_template_parse(own, strlen(own), out, err);
}
