/* layers/chat_template/parse.c: statements, and evoke_template_parse.
 *
 * Recursive descent over the lexemes; nothing is looked up here but the names of filters and tests. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "layers/chat_template/tree.h"

enum { MAX_SOURCE = 1 << 20, MAX_DEPTH = 400 };
static const size_t MAX_TREE = (size_t)256 << 20;

/* ---- helpers of both halves of the parser ---- */
evoke_status evk_parse_fail(evk_parser *p, evoke_status status, size_t at, const char *format, ...)
{
    char why[512];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return evk_template_fail(p->err, status, "parse", p->source, at, "%s", why);
}

evoke_status evk_parse_node(evk_parser *p, evk_node_kind kind, size_t at, evk_node **out)
{
    *out = evk_pool_take(p->pool, 1, sizeof **out);
    if (!*out)
        return evk_fail(p->err, EVOKE_ENOMEM, "parse chat template: no memory for its tree");
    (*out)->kind = kind;
    (*out)->at = (uint32_t)at;
    return EVOKE_OK;
}

evoke_status evk_parse_expected(evk_parser *p, const char *what)
{
    const evk_lexeme *l = p->now;
    switch (l->kind) {
    case EVK_LEX_NAME:
        return evk_parse_fail(p, EVOKE_EFORMAT, l->at, "expected %s, not '%.*s'", what, (int)l->n,
                              l->text);
    case EVK_LEX_END:
        return evk_parse_fail(p, EVOKE_EFORMAT, l->at, "expected %s, not the template's end", what);
    case EVK_LEX_BLOCK_END: case EVK_LEX_PRINT_END:
        return evk_parse_fail(p, EVOKE_EFORMAT, l->at, "expected %s, not the tag's end", what);
    default:
        return evk_parse_fail(p, EVOKE_EFORMAT, l->at, "expected %s", what);
    }
}

evoke_status evk_parse_enter(evk_parser *p)
{
    if (p->depth >= MAX_DEPTH)
        return evk_parse_fail(p, EVOKE_EUNSUPPORTED, p->now->at, "nested more than %d deep", MAX_DEPTH);
    p->depth++;
    return EVOKE_OK;
}

bool evk_parse_is_op(const evk_parser *p, evk_op op)
{
    return p->now->kind == EVK_LEX_OP && p->now->op == op;
}

static bool lexeme_is_name(const evk_lexeme *l, const char *name)
{
    return l->kind == EVK_LEX_NAME && l->n == strlen(name) && memcmp(l->text, name, l->n) == 0;
}

bool evk_parse_is_name(const evk_parser *p, const char *name)
{
    return lexeme_is_name(p->now, name);
}

bool evk_parse_skip_op(evk_parser *p, evk_op op)
{
    const bool is = evk_parse_is_op(p, op);
    p->now += is;
    return is;
}

bool evk_parse_skip_name(evk_parser *p, const char *name)
{
    const bool is = evk_parse_is_name(p, name);
    p->now += is;
    return is;
}

evoke_status evk_parse_want_op(evk_parser *p, evk_op op, const char *text)
{
    return evk_parse_skip_op(p, op) ? EVOKE_OK : evk_parse_expected(p, text);
}

evoke_status evk_parse_want_name(evk_parser *p, evk_string *name, size_t *at)
{
    if (p->now->kind != EVK_LEX_NAME)
        return evk_parse_expected(p, "a name");
    *name = (evk_string){p->now->text, p->now->n, NULL};
    *at = p->now->at;
    p->now++;
    return EVOKE_OK;
}

/* ---- bodies ---- */
static evoke_status want_tag_end(evk_parser *p)
{
    if (p->now->kind != EVK_LEX_BLOCK_END)
        return evk_parse_expected(p, "'%}'");
    p->now++;
    return EVOKE_OK;
}

/* The statements of a block up to the tag that ends it, whose name is one of `ends`; *which tells which. */
static evoke_status parse_body(evk_parser *p, const char *const *ends, size_t n_ends, evk_node **body, size_t *which)
{
    evk_parse_skip_op(p, EVK_OP_COLON);
    EVK_TRY(want_tag_end(p));
    EVK_TRY(evk_parse_statements(p, body));
    if (p->now->kind == EVK_LEX_BLOCK_BEGIN) {
        for (size_t i = 0; i < n_ends; i++) {
            if (lexeme_is_name(p->now + 1, ends[i])) {
                p->now += 2;
                *which = i;
                return EVOKE_OK;
            }
        }
        p->now++;
    }
    char what[80];
    snprintf(what, sizeof what, "'{%% %s %%}'", ends[n_ends - 1]);
    return evk_parse_expected(p, what);
}

static evoke_status parse_body_to(evk_parser *p, const char *end, evk_node **body)
{
    size_t which = 0;
    return parse_body(p, &end, 1, body, &which);
}

/* ---- statements: p->now stands behind the tag's name ---- */
static evoke_status parse_if(evk_parser *p, evk_node *n)
{
    static const char *const ends[] = { "elif", "else", "endif" };
    evk_node **tail = &n->a;
    size_t end = 0;
    do {
        EVK_TRY(evk_parse_node(p, EVK_N_BRANCH, p->now->at, tail));
        evk_node *branch = *tail;
        EVK_TRY(evk_parse_tuple(p, EVK_TUPLE_NO_CONDITION, NULL, &branch->a));
        EVK_TRY(parse_body(p, ends, 3, &branch->body, &end));
        tail = &branch->next;
    } while (end == 0);
    if (end == 1) {
        EVK_TRY(evk_parse_node(p, EVK_N_BRANCH, p->now->at, tail));
        EVK_TRY(parse_body_to(p, "endif", &(*tail)->body));
    }
    return EVOKE_OK;
}

static evoke_status parse_for(evk_parser *p, evk_node *n)
{
    static const char *const ends[] = { "else", "endfor" };
    EVK_TRY(evk_parse_target(p, false, "in", &n->a));
    if (!evk_parse_skip_name(p, "in"))
        return evk_parse_expected(p, "'in'");
    EVK_TRY(evk_parse_tuple(p, EVK_TUPLE_NO_CONDITION, "recursive", &n->b));
    if (evk_parse_skip_name(p, "if"))
        EVK_TRY(evk_parse_expression(p, &n->c));
    n->flags = evk_parse_skip_name(p, "recursive") ? EVK_RECURSIVE : 0;
    const bool outer = p->in_loop;
    size_t end = 0;
    p->in_loop = true;
    EVK_TRY(parse_body(p, ends, 2, &n->body, &end));
    p->in_loop = outer;
    return end == 0 ? parse_body_to(p, "endfor", &n->other) : EVOKE_OK;
}

static evoke_status parse_set(evk_parser *p, evk_node *n)
{
    EVK_TRY(evk_parse_target(p, true, NULL, &n->a));
    if (evk_parse_skip_op(p, EVK_OP_ASSIGN))
        return evk_parse_tuple(p, 0, NULL, &n->b);
    n->kind = EVK_N_SET_BLOCK;
    EVK_TRY(evk_parse_filters(p, false, NULL, &n->b));
    return parse_body_to(p, "endset", &n->body);
}

/* "(a, b=1)" */
static evoke_status parse_params(evk_parser *p, evk_node **params)
{
    bool defaults = false;
    EVK_TRY(evk_parse_want_op(p, EVK_OP_LPAREN, "'('"));
    for (evk_node **tail = params; !evk_parse_is_op(p, EVK_OP_RPAREN); tail = &(*tail)->next) {
        if (tail != params)
            EVK_TRY(evk_parse_want_op(p, EVK_OP_COMMA, "',' or ')'"));
        evk_string name = {0};
        size_t at = 0;
        EVK_TRY(evk_parse_want_name(p, &name, &at));
        EVK_TRY(evk_parse_node(p, EVK_N_PARAM, at, tail));
        (*tail)->value = evk_text(name);
        if (evk_parse_skip_op(p, EVK_OP_ASSIGN)) {
            EVK_TRY(evk_parse_expression(p, &(*tail)->a));
            defaults = true;
        } else if (defaults) {
            return evk_parse_fail(p, EVOKE_EFORMAT, at, "a parameter without a default follows one with");
        }
    }
    return evk_parse_want_op(p, EVK_OP_RPAREN, "')'");
}

/* The body of a macro or call block: what it uses is noted, and a loop around it is not its own. */
static evoke_status parse_callable(evk_parser *p, evk_node *n, const char *end)
{
    const unsigned uses = p->uses;
    const bool in_loop = p->in_loop;
    p->uses = 0;
    p->in_loop = false;
    EVK_TRY(parse_body_to(p, end, &n->body));
    n->flags = p->uses;
    p->uses |= uses;
    p->in_loop = in_loop;
    return EVOKE_OK;
}

static evoke_status parse_macro(evk_parser *p, evk_node *n)
{
    evk_string name = {0};
    size_t at = 0;
    EVK_TRY(evk_parse_want_name(p, &name, &at));
    n->value = evk_text(name);
    EVK_TRY(parse_params(p, &n->a));
    return parse_callable(p, n, "endmacro");
}

static evoke_status parse_call(evk_parser *p, evk_node *n)
{
    if (evk_parse_is_op(p, EVK_OP_LPAREN))
        EVK_TRY(parse_params(p, &n->a));
    EVK_TRY(evk_parse_expression(p, &n->b));
    if (n->b->kind != EVK_N_CALL)
        return evk_parse_fail(p, EVOKE_EFORMAT, n->at, "'call' wants the call of a macro");
    n->value = evk_text(evk_string_of("caller"));
    return parse_callable(p, n, "endcall");
}

static evoke_status parse_filter(evk_parser *p, evk_node *n)
{
    EVK_TRY(evk_parse_filters(p, true, NULL, &n->a));
    return parse_body_to(p, "endfilter", &n->body);
}

static evoke_status parse_with(evk_parser *p, evk_node *n)
{
    for (evk_node **tail = &n->a; p->now->kind != EVK_LEX_BLOCK_END; tail = &(*tail)->next) {
        if (tail != &n->a)
            EVK_TRY(evk_parse_want_op(p, EVK_OP_COMMA, "',' or '%}'"));
        EVK_TRY(evk_parse_node(p, EVK_N_SET, p->now->at, tail));
        EVK_TRY(evk_parse_target(p, false, NULL, &(*tail)->a));
        EVK_TRY(evk_parse_want_op(p, EVK_OP_ASSIGN, "'='"));
        EVK_TRY(evk_parse_expression(p, &(*tail)->b));
    }
    return parse_body_to(p, "endwith", &n->body);
}

static evoke_status parse_generation(evk_parser *p, evk_node *n)
{
    return parse_callable(p, n, "endgeneration");
}

static evoke_status parse_jump(evk_parser *p, evk_node *n)
{
    if (!p->in_loop)
        return evk_parse_fail(p, EVOKE_EFORMAT, n->at, "'break' or 'continue' outside of a loop");
    return EVOKE_OK;
}

/* "{% print a, b %}": the values' texts joined. */
static evoke_status parse_print(evk_parser *p, evk_node *n)
{
    EVK_TRY(evk_parse_node(p, EVK_N_CONCAT, n->at, &n->a));
    evk_node **tail = &n->a->a;
    do {
        EVK_TRY(evk_parse_expression(p, tail));
        tail = &(*tail)->next;
    } while (evk_parse_skip_op(p, EVK_OP_COMMA));
    return EVOKE_OK;
}

static const struct tag {
    const char *name;
    evk_node_kind kind;
    evoke_status (*parse)(evk_parser *p, evk_node *n);
} tags[] = {
    { "if",         EVK_N_IF,           parse_if },
    { "for",        EVK_N_FOR,          parse_for },
    { "set",        EVK_N_SET,          parse_set },
    { "macro",      EVK_N_MACRO,        parse_macro },
    { "call",       EVK_N_CALL_BLOCK,   parse_call },
    { "filter",     EVK_N_FILTER_BLOCK, parse_filter },
    { "with",       EVK_N_WITH,         parse_with },
    { "generation", EVK_N_SCOPE,        parse_generation },
    { "break",      EVK_N_BREAK,        parse_jump },
    { "continue",   EVK_N_CONTINUE,     parse_jump },
    { "print",      EVK_N_PRINT,        parse_print },
};

/* A tag of Jinja's that needs more than this text, or one that nobody knows. */
static evoke_status unknown_tag(evk_parser *p)
{
    static const char *const refused[] = {
        "include", "import", "from", "extends", "block", "autoescape", "do", "trans"
    };
    const evk_lexeme *l = p->now;
    const int n = (int)l->n;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (evk_parse_is_name(p, refused[i]))
            return evk_parse_fail(p, EVOKE_EUNSUPPORTED, l->at, "the tag '%.*s' is not supported", n, l->text);
    return evk_parse_fail(p, EVOKE_EFORMAT, l->at, "'%.*s' is not a tag, or closes one that is not open", n, l->text);
}

static evoke_status parse_tag(evk_parser *p, evk_node **out)
{
    const size_t at = p->now->at;
    p->now++;
    if (p->now->kind != EVK_LEX_NAME)
        return evk_parse_expected(p, "a tag's name");
    const struct tag *tag = tags;
    while (tag < tags + sizeof tags / sizeof *tags && !evk_parse_is_name(p, tag->name))
        tag++;
    if (tag == tags + sizeof tags / sizeof *tags)
        return unknown_tag(p);
    p->now++;
    EVK_TRY(evk_parse_enter(p));
    EVK_TRY(evk_parse_node(p, tag->kind, at, out));
    EVK_TRY(tag->parse(p, *out));
    p->depth--;
    return want_tag_end(p);
}

static evoke_status parse_output(evk_parser *p, evk_node **out)
{
    EVK_TRY(evk_parse_node(p, EVK_N_PRINT, p->now->at, out));
    p->now++;
    EVK_TRY(evk_parse_tuple(p, 0, NULL, &(*out)->a));
    if (p->now->kind != EVK_LEX_PRINT_END)
        return evk_parse_expected(p, "'}}'");
    p->now++;
    return EVOKE_OK;
}

/* Whether a block's body ends here: at the template's end, or at a tag that closes or continues a block. */
static bool at_closing_tag(const evk_parser *p)
{
    if (p->now->kind == EVK_LEX_END)
        return true;
    const evk_lexeme *name = p->now + 1;
    if (p->now->kind != EVK_LEX_BLOCK_BEGIN || name->kind != EVK_LEX_NAME)
        return false;
    return lexeme_is_name(name, "elif") || lexeme_is_name(name, "else") ||
           (name->n > 3 && memcmp(name->text, "end", 3) == 0);
}

evoke_status evk_parse_statements(evk_parser *p, evk_node **out)
{
    evk_node **tail = out;
    while (!at_closing_tag(p)) {
        if (p->now->kind == EVK_LEX_DATA) {
            EVK_TRY(evk_parse_node(p, EVK_N_TEXT, p->now->at, tail));
            (*tail)->value = evk_text((evk_string){p->now->text, p->now->n, NULL});
            p->now++;
        } else if (p->now->kind == EVK_LEX_PRINT_BEGIN) {
            EVK_TRY(parse_output(p, tail));
        } else {
            EVK_TRY(parse_tag(p, tail));
        }
        tail = &(*tail)->next;
    }
    return EVOKE_OK;
}

/* ---- the whole ---- */
/* A copy with "\n" for "\r\n" and "\r", without the last line's end. */
static evoke_status copy_source(evoke_template *t, const char *source, size_t n, evoke_error *err)
{
    char *out = evk_pool_take(&t->pool, n + 1, 1);
    if (!out)
        return evk_fail(err, EVOKE_ENOMEM, "parse chat template: no memory for %zu bytes", n);
    for (size_t i = 0; i < n; i++) {
        const bool pair = source[i] == '\r' && i + 1 < n && source[i + 1] == '\n';
        if (!pair)
            out[t->n++] = source[i] == '\r' ? '\n' : source[i];
    }
    if (t->n > 0 && out[t->n - 1] == '\n')
        t->n--;
    t->source = out;
    return EVOKE_OK;
}

static evoke_status parse_into(evoke_template *t, evk_lexer *x, evoke_error *err)
{
    *x = (evk_lexer){.source = t->source, .n = t->n, .pool = &t->pool, .err = err};
    EVK_TRY(evk_lex(x));
    evk_parser p = {.now = x->lexemes, .source = t->source, .pool = &t->pool, .err = err};
    EVK_TRY(evk_parse_statements(&p, &t->body));
    if (p.now->kind == EVK_LEX_END)
        return evk_check_names(&p, t->body);
    p.now++;
    return unknown_tag(&p);
}

evoke_status evoke_template_parse(const char *source, size_t n_bytes, evoke_template **out, evoke_error *err)
{
    evoke_template *t = NULL;
    evk_lexer lexer = {0};
    *out = NULL;
    if (n_bytes > MAX_SOURCE)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "parse chat template: %zu bytes, more than %d", n_bytes, MAX_SOURCE);
    if (evk_utf8_check(source, n_bytes, "parse chat template", err) != EVOKE_OK) {
        if (err)
            err->status = EVOKE_EFORMAT;
        return EVOKE_EFORMAT;
    }
    EVK_TRY(evk_alloc(&t, 1, sizeof *t, "parse chat template", err));
    t->pool.limit = MAX_TREE;
    evoke_status st = copy_source(t, source, n_bytes, err);
    if (st == EVOKE_OK)
        st = parse_into(t, &lexer, err);
    free(lexer.lexemes);
    if (st != EVOKE_OK)
        evoke_template_free(t);
    else
        *out = t;
    return st;
}

void evoke_template_free(evoke_template *t)
{
    if (!t)
        return;
    evk_pool_free(&t->pool);
    free(t);
}
