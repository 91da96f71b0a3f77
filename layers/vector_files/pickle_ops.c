/* layers/vector_files/pickle_ops.c: what each instruction of a pickle does here. */
#include <string.h>

#include "layers/vector_files/pickle_machine.h"

/* ---- stack and values ---- */

/* A new value, not yet on the stack. */
static evk_pickle_value *make(evk_machine *m, evk_pickle_kind kind)
{
    evk_pickle_value *v = &m->out->values[m->out->n_values++];
    *v = (evk_pickle_value){ .kind = kind };
    return v;
}

static void push(evk_machine *m, uint32_t value)
{
    m->stack[m->height++] = value;
}

evk_pickle_value *evk_pickle_push(evk_machine *m, evk_pickle_kind kind)
{
    evk_pickle_value *v = make(m, kind);
    push(m, (uint32_t)(v - m->out->values));
    return v;
}

/* The height below which an instruction may not reach: the last mark. */
static size_t ground(const evk_machine *m)
{
    return m->n_marks ? m->marks[m->n_marks - 1] : 0;
}

evoke_status evk_pickle_pop(evk_machine *m, uint32_t *value)
{
    if (m->height == ground(m))
        return evk_pickle_fail(m, "the stack is empty");
    *value = m->stack[--m->height];
    return EVOKE_OK;
}

/* What was pushed since the last mark: [*first, height); the mark is taken away. */
static evoke_status pop_mark(evk_machine *m, size_t *first)
{
    if (m->n_marks == 0)
        return evk_pickle_fail(m, "there is no mark");
    *first = m->marks[--m->n_marks];
    return EVOKE_OK;
}

static void join(evk_machine *m, evk_pickle_value *to, uint32_t key, uint32_t value)
{
    const uint32_t cell = m->out->n_cells++;
    m->out->cells[cell] = (evk_pickle_cell){ key, value, 0 };
    if (to->last)
        m->out->cells[to->last].next = cell;
    else
        to->first = cell;
    to->last = cell;
}

/* ---- constants ---- */

static uint64_t little(const unsigned char *p, size_t n)
{
    uint64_t x = 0;
    for (size_t i = 0; i < n; i++)
        x |= (uint64_t)p[i] << (8 * i);
    return x;
}

static evoke_status op_none(evk_machine *m)
{
    evk_pickle_push(m, EVK_PICKLE_NONE);
    return EVOKE_OK;
}

static evoke_status op_bool(evk_machine *m)
{
    evk_pickle_push(m, EVK_PICKLE_INT)->number = m->bytes[m->opcode_at] == 0x88;
    return EVOKE_OK;
}

static evoke_status push_int(evk_machine *m, size_t n)
{
    const unsigned char *p = NULL;
    EVK_TRY(evk_pickle_take(m, n, &p));
    evk_pickle_push(m, EVK_PICKLE_INT)->number = n == 4 ? (int32_t)little(p, n) : (int64_t)little(p, n);
    return EVOKE_OK;
}

static evoke_status op_int1(evk_machine *m)
{
    return push_int(m, 1);
}

static evoke_status op_int2(evk_machine *m)
{
    return push_int(m, 2);
}

static evoke_status op_int4(evk_machine *m)
{
    return push_int(m, 4);
}

static evoke_status push_text(evk_machine *m, size_t n_length)
{
    const unsigned char *p = NULL;
    EVK_TRY(evk_pickle_take(m, n_length, &p));
    const uint64_t n = little(p, n_length);
    if (n > m->n)
        return evk_pickle_fail(m, "the pickle ends within it");
    EVK_TRY(evk_pickle_take(m, (size_t)n, &p));
    evk_pickle_value *v = evk_pickle_push(m, EVK_PICKLE_TEXT);
    v->text = (const char *)p;
    v->n = (size_t)n;
    return EVOKE_OK;
}

static evoke_status op_text1(evk_machine *m)
{
    return push_text(m, 1);
}

static evoke_status op_text4(evk_machine *m)
{
    return push_text(m, 4);
}

/* ---- tuples and dictionaries ---- */

static evoke_status op_mark(evk_machine *m)
{
    m->marks[m->n_marks++] = (uint32_t)m->height;
    return EVOKE_OK;
}

static evoke_status op_empty_tuple(evk_machine *m)
{
    evk_pickle_push(m, EVK_PICKLE_TUPLE);
    return EVOKE_OK;
}

static evoke_status op_empty_dict(evk_machine *m)
{
    evk_pickle_push(m, EVK_PICKLE_DICT);
    return EVOKE_OK;
}

static evoke_status tuple_of(evk_machine *m, size_t first)
{
    evk_pickle_value *tuple = make(m, EVK_PICKLE_TUPLE);
    for (size_t i = first; i < m->height; i++)
        join(m, tuple, 0, m->stack[i]);
    m->height = first;
    push(m, (uint32_t)(tuple - m->out->values));
    return EVOKE_OK;
}

static evoke_status op_tuple(evk_machine *m)
{
    size_t first = 0;
    EVK_TRY(pop_mark(m, &first));
    return tuple_of(m, first);
}

static evoke_status op_tuple_n(evk_machine *m)
{
    const size_t n = (size_t)m->bytes[m->opcode_at] - 0x84;
    return m->height - ground(m) < n ? evk_pickle_fail(m, "the stack is empty") : tuple_of(m, m->height - n);
}

static evoke_status set_items(evk_machine *m, size_t first)
{
    if (first == ground(m) || evk_pickle_at(m->out, m->stack[first - 1])->kind != EVK_PICKLE_DICT)
        return evk_pickle_fail(m, "there is no dictionary to put into");
    if ((m->height - first) % 2)
        return evk_pickle_fail(m, "a key without a value");
    for (size_t i = first; i < m->height; i += 2)
        join(m, &m->out->values[m->stack[first - 1]], m->stack[i], m->stack[i + 1]);
    m->height = first;
    return EVOKE_OK;
}

static evoke_status op_set_item(evk_machine *m)
{
    return m->height - ground(m) < 3 ? evk_pickle_fail(m, "the stack is empty") : set_items(m, m->height - 2);
}

static evoke_status op_set_items(evk_machine *m)
{
    size_t first = 0;
    EVK_TRY(pop_mark(m, &first));
    return set_items(m, first);
}

/* ---- memo ---- */

static evoke_status put_memo(evk_machine *m, uint64_t i)
{
    if (m->height == ground(m))
        return evk_pickle_fail(m, "the stack is empty");
    if (i > m->n)
        return evk_pickle_fail(m, "a place that no pickle of this length needs");
    m->memo[i] = m->stack[m->height - 1];
    m->n_memo++;
    return EVOKE_OK;
}

static evoke_status get_memo(evk_machine *m, uint64_t i)
{
    if (i > m->n || !m->memo[i])
        return evk_pickle_fail(m, "nothing was put there");
    push(m, m->memo[i]);
    return EVOKE_OK;
}

static evoke_status op_put1(evk_machine *m)
{
    const unsigned char *p = NULL;
    EVK_TRY(evk_pickle_take(m, 1, &p));
    return put_memo(m, *p);
}

static evoke_status op_put4(evk_machine *m)
{
    const unsigned char *p = NULL;
    EVK_TRY(evk_pickle_take(m, 4, &p));
    return put_memo(m, little(p, 4));
}

static evoke_status op_memoize(evk_machine *m)
{
    return put_memo(m, m->n_memo);
}

static evoke_status op_get1(evk_machine *m)
{
    const unsigned char *p = NULL;
    EVK_TRY(evk_pickle_take(m, 1, &p));
    return get_memo(m, *p);
}

static evoke_status op_get4(evk_machine *m)
{
    const unsigned char *p = NULL;
    EVK_TRY(evk_pickle_take(m, 4, &p));
    return get_memo(m, little(p, 4));
}

/* ---- frame ---- */

static evoke_status op_proto(evk_machine *m)
{
    const unsigned char *p = NULL;
    EVK_TRY(evk_pickle_take(m, 1, &p));
    return *p >= 2 && *p <= 5 ? EVOKE_OK : evk_pickle_fail(m, "protocol 2 to 5 is read");
}

static evoke_status op_frame(evk_machine *m)
{
    const unsigned char *p = NULL;
    return evk_pickle_take(m, 8, &p);
}

static evoke_status op_stop(evk_machine *m)
{
    m->stopped = true;
    return evk_pickle_pop(m, &m->out->root);
}

const evk_pickle_opcode evk_pickle_opcodes[256] = {
    [0x80] = { "PROTO", op_proto },           [0x95] = { "FRAME", op_frame },             ['.'] = { "STOP", op_stop },
    ['('] = { "MARK", op_mark },              [')'] = { "EMPTY_TUPLE", op_empty_tuple },
    ['}'] = { "EMPTY_DICT", op_empty_dict },
    ['t'] = { "TUPLE", op_tuple },            [0x85] = { "TUPLE1", op_tuple_n },          [0x86] = { "TUPLE2", op_tuple_n },
    [0x87] = { "TUPLE3", op_tuple_n },        ['s'] = { "SETITEM", op_set_item },         ['u'] = { "SETITEMS", op_set_items },
    ['N'] = { "NONE", op_none },              [0x88] = { "NEWTRUE", op_bool },            [0x89] = { "NEWFALSE", op_bool },
    ['K'] = { "BININT1", op_int1 },           ['M'] = { "BININT2", op_int2 },             ['J'] = { "BININT", op_int4 },
    ['X'] = { "BINUNICODE", op_text4 },       [0x8c] = { "SHORT_BINUNICODE", op_text1 },  ['c'] = { "GLOBAL", evk_pickle_global },
    [0x93] = { "STACK_GLOBAL", evk_pickle_stack_global },
    ['q'] = { "BINPUT", op_put1 },            ['r'] = { "LONG_BINPUT", op_put4 },
    [0x94] = { "MEMOIZE", op_memoize },       ['h'] = { "BINGET", op_get1 },              ['j'] = { "LONG_BINGET", op_get4 },
    ['Q'] = { "BINPERSID", evk_pickle_persistent },   ['R'] = { "REDUCE", evk_pickle_reduce },
    /* known, and refused */
    ['0'] = { "POP", NULL }, ['1'] = { "POP_MARK", NULL }, ['2'] = { "DUP", NULL }, ['F'] = { "FLOAT", NULL },
    ['I'] = { "INT", NULL }, ['L'] = { "LONG", NULL }, ['P'] = { "PERSID", NULL }, ['S'] = { "STRING", NULL },
    ['T'] = { "BINSTRING", NULL }, ['U'] = { "SHORT_BINSTRING", NULL }, ['V'] = { "UNICODE", NULL },
    ['a'] = { "APPEND", NULL }, ['b'] = { "BUILD", NULL }, ['d'] = { "DICT", NULL }, ['e'] = { "APPENDS", NULL },
    ['g'] = { "GET", NULL }, ['i'] = { "INST", NULL }, ['l'] = { "LIST", NULL }, ['o'] = { "OBJ", NULL },
    ['p'] = { "PUT", NULL }, [']'] = { "EMPTY_LIST", NULL }, ['G'] = { "BINFLOAT", NULL }, ['B'] = { "BINBYTES", NULL },
    ['C'] = { "SHORT_BINBYTES", NULL }, [0x81] = { "NEWOBJ", NULL }, [0x82] = { "EXT1", NULL }, [0x83] = { "EXT2", NULL },
    [0x84] = { "EXT4", NULL }, [0x8a] = { "LONG1", NULL }, [0x8b] = { "LONG4", NULL }, [0x8d] = { "BINUNICODE8", NULL },
    [0x8e] = { "BINBYTES8", NULL }, [0x8f] = { "EMPTY_SET", NULL }, [0x90] = { "ADDITEMS", NULL },
    [0x91] = { "FROZENSET", NULL }, [0x92] = { "NEWOBJ_EX", NULL }, [0x96] = { "BYTEARRAY8", NULL },
    [0x97] = { "NEXT_BUFFER", NULL }, [0x98] = { "READONLY_BUFFER", NULL },
};
