/* layers/vector_files/pickle.h: the little of Python's pickles that torch.save of plain tensors uses, read as data.
 *
 * A pickle is a program for a stack machine that may call any function. Here nothing is called: the names of the three things
 * that such a file needs (torch._utils._rebuild_tensor_v2, collections.OrderedDict, torch's storages) build values of our own,
 * and every other name and instruction is an error that tells which it was. */
#ifndef EVK_PICKLE_H
#define EVK_PICKLE_H

#include "core/tensor.h"

typedef enum evk_pickle_kind {
    EVK_PICKLE_NONE, EVK_PICKLE_INT, EVK_PICKLE_TEXT, EVK_PICKLE_TUPLE, EVK_PICKLE_DICT, EVK_PICKLE_NAME, EVK_PICKLE_STORAGE,
    EVK_PICKLE_TENSOR
} evk_pickle_kind;

/* Values refer to each other by index, 0 is None. */
typedef struct evk_pickle_value {
    evk_pickle_kind kind;
    int64_t number;             /* int, bool */
    const char *text;           /* [n] text, a name ("torch FloatStorage"), a storage's key; in the pickle */
    size_t n;
    uint32_t first, last;       /* tuple, dict: cells; 0: none */
    evk_type type;              /* storage: of its values */
    uint32_t storage, offset, shape, stride;    /* tensor: values */
} evk_pickle_value;
typedef struct evk_pickle_cell { uint32_t key, value, next; } evk_pickle_cell;      /* key: dict; next 0: the last */

typedef struct evk_pickle {
    evk_pickle_value *values;
    evk_pickle_cell *cells;
    uint32_t n_values, n_cells, root;
} evk_pickle;

/* bytes must outlive it. path is named by errors. Errors: EVOKE_EUNSUPPORTED what plain tensors do not need; EVOKE_EFORMAT it
 * ends early, or its stack runs empty. */
evoke_status evk_pickle_read(const char *bytes, size_t n, const char *path, evk_pickle *out, evoke_error *err);
void evk_pickle_free(evk_pickle *p);

static inline const evk_pickle_value *evk_pickle_at(const evk_pickle *p, uint32_t value)
{
    return &p->values[value];
}
/* Value i of a tuple; NULL: there is none, or it is no tuple. */
const evk_pickle_value *evk_pickle_item(const evk_pickle *p, const evk_pickle_value *tuple, size_t i);
/* A dict's value for a text; NULL: none. */
const evk_pickle_value *evk_pickle_get(const evk_pickle *p, const evk_pickle_value *dict, const char *key);

#endif
