/* layers/chat_template/render.c: evoke_template_render: messages in, prompt out, with whose each part is.
 *
 *     messages = [{role, content}, ...], add_generation_prompt, and the variables given; nothing else is defined
 *
 * The bytes of each content start out with the origin (message, 0); what of them arrives in the prompt verbatim is what
 * the pieces tell, so that text.data[begin + k] == content[offset + k] for every byte of a piece. */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "layers/chat_template/render.h"

static evoke_status check_text(const char *text, const char *what, size_t i, evoke_error *err)
{
    if (!text)
        return evk_fail(err, EVOKE_EARG, "render chat template: %s %zu is missing", what, i);
    if (evk_utf8_check(text, strlen(text), what, NULL) != EVOKE_OK)
        return evk_fail(err, EVOKE_EDATA, "render chat template: %s %zu is not UTF-8", what, i);
    return EVOKE_OK;
}

static evoke_status make_content(evk_render *r, const char *content, size_t message, evk_value *out)
{
    const size_t n = strlen(content);
    evk_bytes *b = NULL;
    EVK_TRY(evk_bytes_new(r, n, &b));
    EVK_TRY(evk_bytes_add(r, b, content, n));
    EVK_TRY(evk_render_take(r, 1, sizeof *b->origins, &b->origins));
    b->origins[0] = (evoke_piece){0, n, message, 0};
    b->origins_capacity = 1;
    b->n_origins = n > 0;
    *out = evk_text(evk_bytes_view(b));
    return EVOKE_OK;
}

static evoke_status make_messages(evk_render *r, const evoke_message *messages, size_t n, evk_value *out)
{
    const evk_value role_key = evk_text(evk_string_of("role")), content_key = evk_text(evk_string_of("content"));
    evk_list *all = NULL;
    EVK_TRY(evk_list_new(r, EVK_LIST, n, &all));
    for (size_t i = 0; i < n; i++) {
        evk_value message, content;
        EVK_TRY(check_text(messages[i].role, "the role of message", i, r->err));
        EVK_TRY(check_text(messages[i].content, "the content of message", i, r->err));
        EVK_TRY(evk_dict_new(r, 2, &message));
        EVK_TRY(make_content(r, messages[i].content, i, &content));
        EVK_TRY(evk_dict_set(r, message.dict, &role_key, evk_text(evk_string_of(messages[i].role))));
        EVK_TRY(evk_dict_set(r, message.dict, &content_key, content));
        EVK_TRY(evk_list_add(r, all, message));
    }
    *out = evk_seq(all);
    return EVOKE_OK;
}

static evoke_status define(evk_render *r, evk_scope *s, const evoke_variable *vars, size_t n_vars)
{
    for (size_t i = 0; i < n_vars; i++) {
        EVK_TRY(check_text(vars[i].name, "the name of variable", i, r->err));
        EVK_TRY(check_text(vars[i].value, "the value of variable", i, r->err));
        EVK_TRY(evk_scope_set(r, s, evk_string_of(vars[i].name), evk_text(evk_string_of(vars[i].value))));
    }
    return EVOKE_OK;
}

/* The bytes as the caller's own. */
static evoke_status hand_over(const evk_bytes *b, evoke_prompt *out, evoke_error *err)
{
    EVK_TRY(evk_alloc(&out->text.data, b->n + 1, 1, "render chat template", err));
    if (b->n > 0)
        memcpy(out->text.data, b->data, b->n);
    out->text.n = b->n;
    if (b->n_origins == 0)
        return EVOKE_OK;
    EVK_TRY(evk_alloc(&out->pieces, b->n_origins, sizeof *out->pieces, "render chat template", err));
    memcpy(out->pieces, b->origins, b->n_origins * sizeof *out->pieces);
    out->n_pieces = b->n_origins;
    return EVOKE_OK;
}

/* Scopes as Jinja has them: what is given stands around the template's own variables. */
static evoke_status render(evk_render *r, const evoke_message *messages, size_t n_messages, bool add_generation_prompt,
                           const evoke_variable *vars, size_t n_vars)
{
    evk_value list;
    evk_scope given = {0}, own = {.around = &given};
    EVK_TRY(make_messages(r, messages, n_messages, &list));
    EVK_TRY(evk_scope_set(r, &given, evk_string_of("messages"), list));
    EVK_TRY(evk_scope_set(r, &given, evk_string_of("add_generation_prompt"), evk_bool(add_generation_prompt)));
    EVK_TRY(define(r, &given, vars, n_vars));
    EVK_TRY(evk_bytes_new(r, 0, &r->out));
    r->scope = &own;
    return evk_exec(r, r->t->body);
}

evoke_status evoke_template_render(const evoke_template *t, const evoke_message *messages, size_t n_messages,
                                   bool add_generation_prompt, const evoke_variable *vars, size_t n_vars,
                                   evoke_prompt *out, evoke_error *err)
{
    evk_render r = {.t = t, .err = err, .pool.limit = EVK_MAX_RUN_MEMORY};
    *out = (evoke_prompt){0};
    evoke_status st = render(&r, messages, n_messages, add_generation_prompt, vars, n_vars);
    if (st == EVOKE_OK)
        st = hand_over(r.out, out, err);
    evk_pool_free(&r.pool);
    if (st != EVOKE_OK)
        evoke_prompt_free(out);
    return st;
}

void evoke_prompt_free(evoke_prompt *p)
{
    if (!p)
        return;
    evoke_text_free(&p->text);
    free(p->pieces);
    *p = (evoke_prompt){0};
}
