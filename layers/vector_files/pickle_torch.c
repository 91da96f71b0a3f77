/* layers/vector_files/pickle_torch.c: the names that a pickle of plain tensors may call, and what is made in their place. */
#include <stdio.h>
#include <string.h>

#include "layers/vector_files/pickle_machine.h"

/* ---- names: each is one of these, or refused ---- */

static const struct { const char *name; evk_type storage; } names[] = {
    { "torch._utils _rebuild_tensor_v2", EVK_OTHER_TYPE }, { "collections OrderedDict", EVK_OTHER_TYPE },
    { "torch FloatStorage", EVK_F32 },                     { "torch HalfStorage", EVK_F16 },
    { "torch BFloat16Storage", EVK_BF16 },                 { "torch DoubleStorage", EVK_F64 },
};
enum { NAME_TENSOR, NAME_ORDERED_DICT, NAME_STORAGE };

/* number: its place in the table. */
static evoke_status push_name(evk_machine *m, const char *module, size_t n_module, const char *name, size_t n_name)
{
    char whole[160];
    snprintf(whole, sizeof whole, "%.*s %.*s", (int)(n_module < 70 ? n_module : 70), module, (int)(n_name < 70 ? n_name : 70),
             name);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, whole) == 0) {
            evk_pickle_value *v = evk_pickle_push(m, EVK_PICKLE_NAME);
            v->number = (int64_t)i;
            v->type = names[i].storage;
            return EVOKE_OK;
        }
    for (char *c = whole; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            *c = '?';
    return evk_fail(m->err, EVOKE_EUNSUPPORTED, "read pickle: it names '%s' at byte %zu, which plain tensors do not need; "
                    "nothing was run (%s)", whole, m->opcode_at, m->path);
}

static evoke_status take_line(evk_machine *m, const char **text, size_t *n)
{
    const unsigned char *p = m->bytes + m->at, *end = memchr(p, '\n', m->n - m->at);
    if (!end)
        return evk_pickle_fail(m, "the pickle ends within it");
    *text = (const char *)p;
    *n = (size_t)(end - p);
    m->at += *n + 1;
    return EVOKE_OK;
}

evoke_status evk_pickle_global(evk_machine *m)
{
    const char *module = NULL, *name = NULL;
    size_t n_module = 0, n_name = 0;
    EVK_TRY(take_line(m, &module, &n_module));
    EVK_TRY(take_line(m, &name, &n_name));
    return push_name(m, module, n_module, name, n_name);
}

evoke_status evk_pickle_stack_global(evk_machine *m)
{
    uint32_t name = 0, module = 0;
    EVK_TRY(evk_pickle_pop(m, &name));
    EVK_TRY(evk_pickle_pop(m, &module));
    const evk_pickle_value *a = evk_pickle_at(m->out, module), *b = evk_pickle_at(m->out, name);
    if (a->kind != EVK_PICKLE_TEXT || b->kind != EVK_PICKLE_TEXT)
        return evk_pickle_fail(m, "its names are no texts");
    return push_name(m, a->text, a->n, b->text, b->n);
}

/* ---- storages and tensors ---- */

/* ("storage", torch's class, key, device, count) */
evoke_status evk_pickle_persistent(evk_machine *m)
{
    uint32_t id = 0;
    EVK_TRY(evk_pickle_pop(m, &id));
    const evk_pickle_value *tuple = evk_pickle_at(m->out, id), *class = evk_pickle_item(m->out, tuple, 1);
    const evk_pickle_value *key = evk_pickle_item(m->out, tuple, 2), *count = evk_pickle_item(m->out, tuple, 4);
    if (!class || class->kind != EVK_PICKLE_NAME || class->number < NAME_STORAGE || !key || key->kind != EVK_PICKLE_TEXT ||
        !count || count->kind != EVK_PICKLE_INT || count->number < 0)
        return evk_pickle_fail(m, "it is no storage of torch's");
    evk_pickle_value *v = evk_pickle_push(m, EVK_PICKLE_STORAGE);
    v->type = class->type;
    v->text = key->text;
    v->n = key->n;
    v->number = count->number;
    return EVOKE_OK;
}

static uint32_t index_of(const evk_machine *m, const evk_pickle_value *v)
{
    return v ? (uint32_t)(v - m->out->values) : 0;
}

static bool is_of(const evk_machine *m, uint32_t value, evk_pickle_kind kind)
{
    return evk_pickle_at(m->out, value)->kind == kind;
}

/* (storage, offset, shape, strides, requires_grad, hooks) */
static evoke_status rebuild_tensor(evk_machine *m, const evk_pickle_value *arguments)
{
    const evk_pickle_value made = {
        .kind = EVK_PICKLE_TENSOR, .storage = index_of(m, evk_pickle_item(m->out, arguments, 0)),
        .offset = index_of(m, evk_pickle_item(m->out, arguments, 1)), .shape = index_of(m, evk_pickle_item(m->out, arguments, 2)),
        .stride = index_of(m, evk_pickle_item(m->out, arguments, 3)),
    };
    if (!is_of(m, made.storage, EVK_PICKLE_STORAGE) || !is_of(m, made.offset, EVK_PICKLE_INT) ||
        !is_of(m, made.shape, EVK_PICKLE_TUPLE) || !is_of(m, made.stride, EVK_PICKLE_TUPLE))
        return evk_pickle_fail(m, "it is no tensor's arguments");
    *evk_pickle_push(m, EVK_PICKLE_TENSOR) = made;
    return EVOKE_OK;
}

/* A call: of the two names that are known, in their plain form. */
evoke_status evk_pickle_reduce(evk_machine *m)
{
    uint32_t arguments = 0, callee = 0;
    EVK_TRY(evk_pickle_pop(m, &arguments));
    EVK_TRY(evk_pickle_pop(m, &callee));
    const evk_pickle_value *name = evk_pickle_at(m->out, callee), *given = evk_pickle_at(m->out, arguments);
    if (name->kind == EVK_PICKLE_NAME && name->number == NAME_TENSOR)
        return rebuild_tensor(m, given);
    if (name->kind != EVK_PICKLE_NAME || name->number != NAME_ORDERED_DICT || given->kind != EVK_PICKLE_TUPLE || given->first)
        return evk_pickle_fail(m, "only tensors and empty dictionaries are made");
    evk_pickle_push(m, EVK_PICKLE_DICT);
    return EVOKE_OK;
}
