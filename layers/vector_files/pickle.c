#include "layers/vector_files/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "layers/vector_files/pickle_machine.h"

enum { MOST_BYTES = 1 << 20 };      /* 4096 layers take half of it */

evoke_status evk_pickle_fail(evk_machine *m, const char *why)
{
    return evk_fail(m->err, EVOKE_EFORMAT, "read pickle: %s at byte %zu: %s (%s)",
                    evk_pickle_opcodes[m->bytes[m->opcode_at]].name, m->opcode_at, why, m->path);
}

evoke_status evk_pickle_take(evk_machine *m, size_t n, const unsigned char **out)
{
    if (n > m->n - m->at)
        return evk_pickle_fail(m, "the pickle ends within it");
    *out = m->bytes + m->at;
    m->at += n;
    return EVOKE_OK;
}

static evoke_status step(evk_machine *m)
{
    m->opcode_at = m->at;
    const unsigned char opcode = m->bytes[m->at++];
    const evk_pickle_opcode *op = &evk_pickle_opcodes[opcode];
    if (!op->name)
        return evk_fail(m->err, EVOKE_EFORMAT, "read pickle: byte %zu is no instruction: %d (%s)", m->opcode_at, opcode, m->path);
    if (!op->run)
        return evk_fail(m->err, EVOKE_EUNSUPPORTED, "read pickle: instruction %s at byte %zu is not one that plain tensors need; "
                        "nothing was run (%s)", op->name, m->opcode_at, m->path);
    return op->run(m);
}

static evoke_status run(evk_machine *m)
{
    while (!m->stopped) {
        if (m->at == m->n)
            return evk_fail(m->err, EVOKE_EFORMAT, "read pickle: it ends without STOP (%s)", m->path);
        EVK_TRY(step(m));
    }
    return EVOKE_OK;
}

evoke_status evk_pickle_read(const char *bytes, size_t n, const char *path, evk_pickle *out, evoke_error *err)
{
    evk_machine m = { .bytes = (const unsigned char *)bytes, .n = n, .path = path, .out = out, .err = err };
    *out = (evk_pickle){ .n_values = 1, .n_cells = 1 };
    if (n > MOST_BYTES)
        return evk_fail(err, EVOKE_EFORMAT, "read pickle: %zu bytes, %d are possible for vectors (%s)", n, MOST_BYTES, path);
    evoke_status st = evk_alloc(&out->values, n + 2, sizeof *out->values, "read pickle", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&out->cells, n + 2, sizeof *out->cells, "read pickle", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&m.stack, n + 2, sizeof *m.stack, "read pickle", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&m.marks, n + 2, sizeof *m.marks, "read pickle", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&m.memo, n + 2, sizeof *m.memo, "read pickle", err);
    if (st == EVOKE_OK)
        st = run(&m);
    free(m.stack);
    free(m.marks);
    free(m.memo);
    return st;
}

void evk_pickle_free(evk_pickle *p)
{
    free(p->values);
    free(p->cells);
    *p = (evk_pickle){ 0 };
}

const evk_pickle_value *evk_pickle_item(const evk_pickle *p, const evk_pickle_value *tuple, size_t i)
{
    uint32_t cell = tuple->kind == EVK_PICKLE_TUPLE ? tuple->first : 0;
    while (cell && i--)
        cell = p->cells[cell].next;
    return cell ? &p->values[p->cells[cell].value] : NULL;
}

const evk_pickle_value *evk_pickle_get(const evk_pickle *p, const evk_pickle_value *dict, const char *key)
{
    const size_t n = strlen(key);
    if (dict->kind != EVK_PICKLE_DICT)
        return NULL;
    for (uint32_t cell = dict->first; cell; cell = p->cells[cell].next) {
        const evk_pickle_value *k = &p->values[p->cells[cell].key];
        if (k->kind == EVK_PICKLE_TEXT && k->n == n && memcmp(k->text, key, n) == 0)
            return &p->values[p->cells[cell].value];
    }
    return NULL;
}
