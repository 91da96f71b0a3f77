/* layers/chat_template/tree.h: a chat template's text as lexemes, and as a tree.
 *
 *     text --lex--> lexemes --parse--> tree --render (render.h)--> prompt
 *
 * The language is Jinja's as transformers sets it up: trim_blocks, lstrip_blocks, break, continue, `{% generation %}`.
 * Source of the grammar: the Jinja documentation, "Template Designer Documentation"; where it is silent, what Jinja2
 * 3.1 does. Tags that read other templates (include, import, extends, block) are refused. */
#ifndef EVK_CHAT_TREE_H
#define EVK_CHAT_TREE_H

#include "core/status.h"
#include "layers/chat_template/pool.h"
#include "layers/chat_template/value.h"

/* ---- lexemes ---- */
typedef enum evk_op {
    EVK_OP_NONE,
    EVK_OP_ADD, EVK_OP_SUB, EVK_OP_MUL, EVK_OP_DIV, EVK_OP_FLOORDIV, EVK_OP_MOD, EVK_OP_POW, EVK_OP_TILDE,
    EVK_OP_EQ, EVK_OP_NE, EVK_OP_LT, EVK_OP_LE, EVK_OP_GT, EVK_OP_GE, EVK_OP_IN, EVK_OP_NOT_IN,
    EVK_OP_ASSIGN, EVK_OP_DOT, EVK_OP_COLON, EVK_OP_PIPE, EVK_OP_COMMA, EVK_OP_SEMICOLON,
    EVK_OP_LPAREN, EVK_OP_RPAREN, EVK_OP_LBRACKET, EVK_OP_RBRACKET, EVK_OP_LBRACE, EVK_OP_RBRACE
} evk_op;

typedef enum evk_lexeme_kind {
    EVK_LEX_END, EVK_LEX_DATA, EVK_LEX_BLOCK_BEGIN, EVK_LEX_BLOCK_END, EVK_LEX_PRINT_BEGIN, EVK_LEX_PRINT_END,
    EVK_LEX_NAME, EVK_LEX_STRING, EVK_LEX_INT, EVK_LEX_FLOAT, EVK_LEX_OP
} evk_lexeme_kind;

typedef struct evk_lexeme {
    evk_lexeme_kind kind;
    evk_op op;                  /* EVK_LEX_OP */
    uint32_t at;                /* where it begins, in bytes of the source */
    const char *text;           /* data, name, or string with its escapes resolved; NUL-terminated where a string */
    size_t n;
    int64_t i;
    double f;
} evk_lexeme;

/* The text being read. Lines end in "\n" alone, the last line's end is dropped, as Jinja does. */
typedef struct evk_lexer {
    const char *source;
    size_t n, at;
    bool line_starting;         /* what was read last ended in a line's end */
    evk_lexeme *lexemes;        /* [n_lexemes] from the heap */
    size_t n_lexemes, capacity;
    evk_pool *pool;             /* for the strings */
    evoke_error *err;
} evk_lexer;

/* All lexemes, the last an EVK_LEX_END. Frees nothing on failure: the caller frees lexemes. */
evoke_status evk_lex(evk_lexer *x);
/* The inside of a tag, its end included (lex_tag.c). */
evoke_status evk_lex_tag(evk_lexer *x, bool block);
evoke_status evk_lex_add(evk_lexer *x, evk_lexeme lexeme);
/* The first byte from `at` on that is not white space; the end of text[0, n) less its trailing white space. */
size_t evk_lex_skip_space(const char *text, size_t n, size_t at);
size_t evk_lex_strip_end(const char *text, size_t n);

/* Fails with "parse chat template: WHY (line 3, column 7)". `what` is the verb; columns count characters. */
evoke_status evk_template_fail(evoke_error *err, evoke_status status, const char *what, const char *source, size_t at,
                               const char *format, ...) EVK_PRINTF(6, 7);

/* ---- the tree ---- */
typedef enum evk_node_kind {
    /* statements          value        a               b            c        body   other */
    EVK_N_TEXT,         /* the text                                                         */
    EVK_N_PRINT,        /*              expression                                          */
    EVK_N_IF,           /*              BRANCH, ...                                         */
    EVK_N_BRANCH,       /*              test or NULL                          body          */
    EVK_N_FOR,          /*              target          iterable     filter   body   else   */
    EVK_N_SET,          /*              target          expression                          */
    EVK_N_SET_BLOCK,    /*              target          filters or NULL       body          */
    EVK_N_MACRO,        /* name         PARAM, ...                            body          */
    EVK_N_PARAM,        /* name         default or NULL                                     */
    EVK_N_CALL_BLOCK,   /*              PARAM, ...      CALL                  body          */
    EVK_N_FILTER_BLOCK, /*              filters                               body          */
    EVK_N_WITH,         /*              SET, ...                              body          */
    EVK_N_SCOPE,        /*                                                    body          */
    EVK_N_BREAK, EVK_N_CONTINUE,
    /* expressions */
    EVK_N_CONST,        /* the value                                                        */
    EVK_N_NAME,         /* name                                                             */
    EVK_N_NAMESPACE,    /* name         NAME: attribute, a target of set                    */
    EVK_N_LIST, EVK_N_TUPLE, /*         item, ...                                           */
    EVK_N_DICT,         /*              PAIR, ...                                           */
    EVK_N_PAIR,         /*              key             value                               */
    EVK_N_COND,         /*              test            then         else or NULL           */
    EVK_N_OR, EVK_N_AND, /*             left            right                               */
    EVK_N_NOT, EVK_N_NEG, EVK_N_POS, /* operand                                             */
    EVK_N_COMPARE,      /*              first           OPERAND, ...                        */
    EVK_N_OPERAND,      /* op           expression                                          */
    EVK_N_BINARY,       /* op           left            right                               */
    EVK_N_CONCAT,       /*              part, ...                                           */
    EVK_N_ATTR,         /* name         object                                              */
    EVK_N_ITEM,         /*              object          key or SLICE                        */
    EVK_N_SLICE,        /*              start or NULL   stop         step                   */
    EVK_N_CALL,         /*              callee          ARG, ...                            */
    EVK_N_FILTER,       /* name         operand, or NULL: the block's text; b: ARG, ...     */
    EVK_N_TEST,         /* name         operand         ARG, ...                            */
    EVK_N_ARG, EVK_N_KEYWORD, EVK_N_STAR, EVK_N_STAR_STAR /* name of a KEYWORD; a: expression */
} evk_node_kind;

enum { EVK_USES_CALLER = 1, EVK_USES_VARARGS = 2, EVK_USES_KWARGS = 4 };    /* flags of a MACRO or CALL_BLOCK */
enum { EVK_RECURSIVE = 1 };                                                 /* flag of a FOR */

typedef struct evk_node {
    evk_node_kind kind;
    evk_op op;
    uint32_t at;
    unsigned flags;
    struct evk_node *a, *b, *c, *body, *other;
    struct evk_node *next;              /* in a list of nodes */
    const evk_builtin *builtin;         /* of a FILTER or TEST; NULL: there is none of that name */
    evk_value value;                    /* a constant, or a name as a string */
} evk_node;

struct evoke_template {
    evk_pool pool;
    const char *source;
    size_t n;
    evk_node *body;                     /* statement, ... */
};

/* ---- the parser: parse.c has the statements, parse_expression.c the expressions ---- */
typedef struct evk_parser {
    const evk_lexeme *now;              /* the next lexeme to read */
    const char *source;
    evk_pool *pool;
    size_t depth;
    unsigned uses;                      /* EVK_USES_... seen in the macro being read */
    bool in_loop;
    evoke_error *err;
} evk_parser;

evoke_status evk_parse_fail(evk_parser *p, evoke_status status, size_t at, const char *format, ...) EVK_PRINTF(4, 5);
evoke_status evk_parse_node(evk_parser *p, evk_node_kind kind, size_t at, evk_node **out);
/* "expected X": fails with what stands there instead. */
evoke_status evk_parse_expected(evk_parser *p, const char *what);
evoke_status evk_parse_enter(evk_parser *p);                /* one level deeper; p->depth-- leaves it */
bool evk_parse_is_op(const evk_parser *p, evk_op op);
bool evk_parse_is_name(const evk_parser *p, const char *name);
bool evk_parse_skip_op(evk_parser *p, evk_op op);
bool evk_parse_skip_name(evk_parser *p, const char *name);
evoke_status evk_parse_want_op(evk_parser *p, evk_op op, const char *text);
evoke_status evk_parse_want_name(evk_parser *p, evk_string *name, size_t *at);

/* How far a comma list may go, and what it is made of. */
enum { EVK_TUPLE_NO_CONDITION = 1, EVK_TUPLE_TARGET = 2, EVK_TUPLE_PARENTHESES = 4 };
evoke_status evk_parse_expression(evk_parser *p, evk_node **out);
evoke_status evk_parse_tuple(evk_parser *p, unsigned flags, const char *end_name, evk_node **out);
/* An assignment's left side: names, tuples of them, and (with_namespace) `ns.attribute`. */
evoke_status evk_parse_target(evk_parser *p, bool with_namespace, const char *end_name, evk_node **out);
/* `| f | g(x)` on operand (NULL: the block's text); first: a name stands there without its bar. */
evoke_status evk_parse_filters(evk_parser *p, bool first, evk_node *operand, evk_node **out);
evoke_status evk_parse_statements(evk_parser *p, evk_node **out);
/* Every filter, test, function and method of the tree must be there (check_names.c). Errors: EVOKE_EUNSUPPORTED. */
evoke_status evk_check_names(evk_parser *p, const evk_node *body);

#endif
