/* layers/chat_template/render.h: one rendering of a template: its memory, its limits, where it stands.
 *
 * Names are looked up from the innermost scope outwards: a loop's pass, a macro's call, a `with`, then the template's
 * own, then the variables given, then the global functions. A macro sees the scopes around its definition. */
#ifndef EVK_CHAT_RENDER_H
#define EVK_CHAT_RENDER_H

#include "layers/chat_template/tree.h"

typedef struct evk_binding { evk_string name; evk_value value; struct evk_binding *next; } evk_binding;
typedef struct evk_scope { struct evk_scope *around; evk_binding *first; } evk_scope;

typedef enum evk_flow { EVK_FLOW_ON, EVK_FLOW_BREAK, EVK_FLOW_CONTINUE } evk_flow;

struct evk_render {
    const evoke_template *t;
    evk_pool pool;              /* every value of this rendering */
    evk_bytes *out;             /* where text goes: the prompt, or what a block or macro captures */
    evk_scope *scope;
    evk_flow flow;
    uint64_t steps;             /* taken of EVK_MAX_STEPS */
    size_t depth;
    size_t at;                  /* where in the source, for messages */
    evoke_error *err;
};

enum { EVK_MAX_STEPS = 20000000, EVK_MAX_DEPTH = 400, EVK_MAX_TEXT = 64 << 20, EVK_MAX_RUN_MEMORY = 256 << 20 };

struct evk_macro { const evk_node *node; evk_scope *scope; };

/* A running loop. Its filter is asked only when the next item is wanted, as in Jinja: what the body sets counts. */
struct evk_loop {
    const evk_node *node;
    evk_scope *around;
    const evk_value *source;
    size_t n_source, at_source;
    evk_list *passed;       /* items that the filter let through so far */
    size_t index;               /* of the current one, from 0 */
    size_t depth;               /* of a recursive loop, from 0 */
    evk_value changed;          /* what loop.changed() saw last */
};

/* Fails with "render chat template: WHY (line 3, column 7)". */
evoke_status evk_render_fail(evk_render *r, evoke_status status, const char *format, ...) EVK_PRINTF(3, 4);
/* Memory of the run, cleared. Errors: EVOKE_ENOMEM. */
evoke_status evk_render_take(evk_render *r, size_t n, size_t size, void *out);
/* Counts work: one for a step of the evaluation, more for what runs over many items. Errors: EVOKE_ENOMEM. */
evoke_status evk_render_spend(evk_render *r, size_t steps);
/* The same for a text of n bytes. */
static inline evoke_status evk_render_spend_bytes(evk_render *r, size_t n) { return evk_render_spend(r, n / 64 + 1); }
/* The same where each character is looked at. */
static inline evoke_status evk_render_spend_characters(evk_render *r, size_t n)
{
    return evk_render_spend(r, n / 4 + 1);
}
/* One level deeper; r->depth-- leaves it. Errors: EVOKE_ENOMEM. */
evoke_status evk_render_enter(evk_render *r);

evoke_status evk_scope_set(evk_render *r, evk_scope *s, evk_string name, evk_value v);
const evk_value *evk_scope_find(evk_render *r, const evk_scope *s, evk_string name);

evoke_status evk_eval(evk_render *r, const evk_node *n, evk_value *out);              /* eval.c */
evoke_status evk_exec(evk_render *r, const evk_node *first);                          /* exec.c: statement, ... */
evoke_status evk_assign(evk_render *r, const evk_node *target, const evk_value *v);
evoke_status evk_call_loop(evk_render *r, const evk_loop *loop, const evk_args *args, evk_value *out);
/* The text that statements write, as a string. */
evoke_status evk_capture(evk_render *r, const evk_node *body, evk_value *out);
/* Whether the loop has an item of that index; reads on in its source where needed. */
evoke_status evk_loop_has(evk_render *r, evk_loop *loop, size_t index, bool *out);

/* operators.c */
evoke_status evk_binary(evk_render *r, evk_op op, const evk_value *a, const evk_value *b, evk_value *out);
evoke_status evk_negate(evk_render *r, const evk_value *a, bool minus, evk_value *out);
evoke_status evk_compare_op(evk_render *r, evk_op op, const evk_value *a, const evk_value *b, bool *out);

/* access.c */
evoke_status evk_attribute(evk_render *r, const evk_value *v, evk_string name, evk_value *out);
evoke_status evk_item(evk_render *r, const evk_value *v, const evk_value *key, evk_value *out);
evoke_status evk_slice(evk_render *r, const evk_value *v, const evk_value part[3], evk_value *out);
/* An attribute path of map, sort and so on: "a.b.0" or a number. missing: what stands for each step that is undefined; NULL, not given
 * or none: nothing does. */
evoke_status evk_attribute_path(evk_render *r, const evk_value *v, const evk_value *path, const evk_value *missing, evk_value *out);

evoke_status evk_call(evk_render *r, const evk_value *callee, const evk_args *args, evk_value *out);        /* call.c */
evoke_status evk_call_builtin(evk_render *r, const evk_builtin *f, const evk_value *self, const evk_args *args,
                              evk_value *out);
/* Evaluates ARG, KEYWORD, ... nodes. */
evoke_status evk_eval_args(evk_render *r, const evk_node *first, evk_args *out);
evoke_status evk_call_macro(evk_render *r, const evk_macro *m, const evk_args *args, evk_value *out);

/* Arguments of builtins, with what stands for one that was not given. Errors: EVOKE_EFORMAT another type. */
evoke_status evk_arg_int(evk_render *r, const evk_value *v, int64_t missing, int64_t *out);
evoke_status evk_arg_string(evk_render *r, const evk_value *v, const char *missing, evk_string *out);
bool evk_arg_bool(const evk_value *v, bool missing);
const evk_builtin *evk_builtin_find(const evk_builtin *table, size_t n, evk_string name);

/* JSON of a value, as json.dumps (tojson.c). */
typedef struct evk_json_style { bool ascii, sort_keys, indented; evk_string indent, item, key; } evk_json_style;
evoke_status evk_to_json(evk_render *r, evk_bytes *out, const evk_value *v, const evk_json_style *style);

/* Text work that filters and methods share (text_work.c). */
evoke_status evk_strip(evk_render *r, evk_string s, const evk_value *chars, bool left, bool right, evk_string *out);
evoke_status evk_replace(evk_render *r, evk_string s, evk_string from, evk_string to, int64_t most, evk_string *out);
evoke_status evk_split(evk_render *r, evk_string s, const evk_value *by, int64_t most, bool from_right, evk_value *out);
evoke_status evk_split_lines(evk_render *r, evk_string s, bool keep_ends, evk_value *out);
evoke_status evk_join(evk_render *r, evk_string between, const evk_value *items, size_t n, bool convert,
                      evk_value *out);
evoke_status evk_escape(evk_render *r, evk_string s, evk_string *out);
typedef enum evk_casing {
    EVK_CASING_LOWER, EVK_CASING_UPPER, EVK_CASING_CAPITALIZE, EVK_CASING_TITLE, EVK_CASING_SWAP, EVK_CASING_WORDS
} evk_casing;
/* WORDS: the title filter's rule, a word begins behind a blank, "-", "(", "{", "[" or "<". */
evoke_status evk_recase(evk_render *r, evk_string s, evk_casing how, evk_string *out);

#endif
