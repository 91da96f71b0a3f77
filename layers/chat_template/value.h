/* layers/chat_template/value.h: the values of a template, as Python has them; strings know where they come from.
 *
 * A string is a view on bytes. Bytes carry origins: which of their ranges are verbatim parts of which content.
 *
 *     bytes     "<|user|>Tell me a joke<|end|>"
 *     origins           ^ [8, 22): message 0, offset 0        sorted, not overlapping
 *
 * A slice, a strip or a part of a split is another view on the same bytes, so that its origins come for free; adding
 * strings copies bytes and the origins in the view. A view that ends where its bytes end is added to in place, so that
 * a text built piece by piece costs what it is long. Whatever changes a character leaves a gap in the origins. */
#ifndef EVK_CHAT_VALUE_H
#define EVK_CHAT_VALUE_H

#include "core/status.h"

typedef struct evk_render evk_render;         /* one rendering, render.h */
typedef struct evk_value evk_value;

/* ---- strings ---- */
typedef struct evk_bytes {
    char *data;
    size_t n, capacity;
    evoke_piece *origins;               /* begin and end are in data */
    size_t n_origins, origins_capacity;
} evk_bytes;

typedef struct evk_string {
    const char *data;
    size_t n;
    evk_bytes *bytes;                   /* what data points into; NULL: text of the template, without origins */
} evk_string;

/* Bytes with room for n, from the run's pool. */
evoke_status evk_bytes_new(evk_render *r, size_t n, evk_bytes **out);
/* Adds at the end. The data may move: only for bytes that no view was taken of. */
evoke_status evk_bytes_add(evk_render *r, evk_bytes *b, const char *data, size_t n);
evoke_status evk_bytes_add_string(evk_render *r, evk_bytes *b, evk_string s);
static inline evk_string evk_bytes_view(evk_bytes *b) { return (evk_string){b->data, b->n, b}; }

evk_string evk_string_of(const char *text);                            /* a NUL-terminated text that outlives the run */
evk_string evk_string_part(evk_string s, size_t begin, size_t end);     /* by bytes */
evoke_status evk_string_add(evk_render *r, evk_string a, evk_string b, evk_string *out);
evoke_status evk_string_format(evk_render *r, evk_string *out, const char *format, ...) EVK_PRINTF(3, 4);
bool evk_string_is(evk_string s, const char *text);
int evk_string_compare(evk_string a, evk_string b);                     /* by code points */
size_t evk_string_length(evk_string s);                                 /* in code points */
size_t evk_string_offset(evk_string s, size_t character);               /* bytes before it; n past the end */
/* The first place of part in s from byte `from` on; SIZE_MAX: none. */
size_t evk_string_find(evk_string s, evk_string part, size_t from);
size_t evk_string_find_last(evk_string s, evk_string part);

/* ---- values ---- */
typedef enum evk_kind {
    EVK_V_ABSENT,               /* an argument that was not given */
    EVK_V_UNDEFINED, EVK_V_NONE, EVK_V_BOOL, EVK_V_INT, EVK_V_FLOAT, EVK_V_STRING, EVK_V_SEQUENCE, EVK_V_DICT,
    EVK_V_NAMESPACE, EVK_V_LOOP, EVK_V_MACRO, EVK_V_FUNCTION,
    EVK_V_CYCLER                /* seq: what it goes round */
} evk_kind;

/* Generators (what map, select and so on give) are made at once, but are gone once read, have no length and print as
 * nothing useful, as in Python. */
typedef enum evk_flavor {
    EVK_LIST, EVK_TUPLE, EVK_RANGE, EVK_GENERATOR, EVK_KEYS, EVK_VALUES, EVK_ITEMS
} evk_flavor;

typedef struct evk_list {
    evk_flavor flavor;
    bool is_group;              /* of groupby: a tuple whose items are called grouper and list */
    evk_value *items;
    size_t n, capacity;
    int64_t range[3];           /* start, stop, step; of a cycler, the place in it */
} evk_list;
typedef struct evk_dict { evk_value *keys, *values; size_t n, capacity; } evk_dict;    /* in order of insertion */

typedef struct evk_args {
    const evk_value *v;         /* [n] by position; of a bound builtin one a parameter, EVK_V_ABSENT where not given */
    size_t n;
    const evk_string *names;    /* [n_named] by name */
    const evk_value *named;
    size_t n_named;
} evk_args;

/* A filter, test, method or global function. self is what it is applied to. */
typedef evoke_status evk_builtin_fn(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out);
enum { EVK_MAX_PARAMS = 5 };
typedef struct evk_builtin {
    const char *name;
    evk_builtin_fn *call;
    size_t n_required;
    const char *params[EVK_MAX_PARAMS];     /* "*" alone: takes its arguments as they are given */
} evk_builtin;

typedef struct evk_macro evk_macro;
typedef struct evk_loop evk_loop;

struct evk_value {
    evk_kind kind;
    bool markup;                /* of a string: went through safe or escape */
    union {
        bool b;
        int64_t i;
        double f;
        evk_string s;           /* of EVK_V_UNDEFINED: what is missing, for the message */
        evk_list *seq;
        evk_dict *dict;         /* of a namespace too */
        evk_macro *macro;
        evk_loop *loop;
        struct { const evk_builtin *builtin; evk_value *self; } fn;
    };
};

static inline evk_value evk_none(void) { return (evk_value){.kind = EVK_V_NONE}; }
static inline evk_value evk_bool(bool b) { return (evk_value){.kind = EVK_V_BOOL, .b = b}; }
static inline evk_value evk_int(int64_t i) { return (evk_value){.kind = EVK_V_INT, .i = i}; }
static inline evk_value evk_float(double f) { return (evk_value){.kind = EVK_V_FLOAT, .f = f}; }
static inline evk_value evk_text(evk_string s) { return (evk_value){.kind = EVK_V_STRING, .s = s}; }
static inline evk_value evk_seq(evk_list *s) { return (evk_value){.kind = EVK_V_SEQUENCE, .seq = s}; }
static inline evk_value evk_undefined(evk_string what) { return (evk_value){.kind = EVK_V_UNDEFINED, .s = what}; }

static inline bool evk_is_string(const evk_value *v) { return v->kind == EVK_V_STRING; }
static inline bool evk_is_seq(const evk_value *v, evk_flavor f)
{
    return v->kind == EVK_V_SEQUENCE && v->seq->flavor == f;
}
/* A bool is an integer, as in Python. */
static inline bool evk_is_int(const evk_value *v) { return v->kind == EVK_V_INT || v->kind == EVK_V_BOOL; }
static inline bool evk_is_number(const evk_value *v) { return evk_is_int(v) || v->kind == EVK_V_FLOAT; }
static inline int64_t evk_as_int(const evk_value *v) { return v->kind == EVK_V_BOOL ? v->b : v->i; }
static inline double evk_as_float(const evk_value *v)
{
    return v->kind == EVK_V_FLOAT ? v->f : (double)evk_as_int(v);
}
static inline bool evk_given(const evk_value *v) { return v->kind != EVK_V_ABSENT; }

const char *evk_type_name(const evk_value *v);          /* as in Python's messages: "str", "dict" */
bool evk_truth(const evk_value *v);
evoke_status evk_equal(evk_render *r, const evk_value *a, const evk_value *b, bool *out);
/* -1, 0 or 1. Errors: EVOKE_EFORMAT the two have no order. */
evoke_status evk_compare(evk_render *r, const evk_value *a, const evk_value *b, int *out);
evoke_status evk_contains(evk_render *r, const evk_value *all, const evk_value *one, bool *out);

evoke_status evk_list_new(evk_render *r, evk_flavor flavor, size_t capacity, evk_list **out);
evoke_status evk_list_add(evk_render *r, evk_list *s, evk_value v);
/* What a loop over v runs through: items of a sequence (a generator is then empty), keys, characters, nothing of an
 * undefined. Errors: EVOKE_EFORMAT v is not iterable. */
evoke_status evk_iterate(evk_render *r, const evk_value *v, const evk_value **items, size_t *n);
/* The number of items that Python's len() gives. Errors: EVOKE_EFORMAT it has none. */
evoke_status evk_value_length(evk_render *r, const evk_value *v, int64_t *out);

/* What keeps v from being a key, as in Python: itself if it can be changed, or a part of a tuple. NULL: nothing does. */
evoke_status evk_find_unhashable(evk_render *r, const evk_value *v, const evk_value **out);
evoke_status evk_dict_new(evk_render *r, size_t capacity, evk_value *out);
evoke_status evk_dict_set(evk_render *r, evk_dict *d, const evk_value *key, evk_value value);
/* *out is NULL where there is none. */
evoke_status evk_dict_get(evk_render *r, const evk_dict *d, const evk_value *key, const evk_value **out);
const evk_value *evk_dict_find(const evk_dict *d, evk_string key);
evoke_status evk_dict_view(evk_render *r, const evk_dict *d, evk_flavor flavor, evk_value *out);

/* str() and repr(); a string's own str() keeps its origins. print.c. */
evoke_status evk_print(evk_render *r, evk_bytes *out, const evk_value *v);
evoke_status evk_repr(evk_render *r, evk_bytes *out, const evk_value *v);
evoke_status evk_to_string(evk_render *r, const evk_value *v, evk_string *out);
/* A float as Python's repr: the shortest text that reads back as the same value. */
enum { EVK_FLOAT_TEXT = 40, EVK_FLOAT_STEPS = 8 };      /* room for it; steps of work that it is worth */
void evk_float_text(double f, char text[EVK_FLOAT_TEXT]);

/* The tables: filters*.c, tests.c, methods*.c, functions.c. NULL: no such name. */
const evk_builtin *evk_filter_find(evk_string name);
const evk_builtin *evk_test_find(evk_string name);
const evk_builtin *evk_method_find(const evk_value *self, evk_string name);
const evk_builtin *evk_function_find(evk_string name);
/* Whether values of any type have a method of that name. */
bool evk_method_is_known(evk_string name);
/* A method that would change what it belongs to: in the sandbox it is undefined, and hides an item of its name. */
bool evk_method_is_refused(const evk_value *self, evk_string name);

#endif
