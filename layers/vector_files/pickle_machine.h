/* layers/vector_files/pickle_machine.h: the stack machine of pickle.c and its instructions, pickle_ops.c. */
#ifndef EVK_PICKLE_MACHINE_H
#define EVK_PICKLE_MACHINE_H

#include "layers/vector_files/pickle.h"

/* No instruction makes more than one value or leaves more than one on the stack, or joins more than it was given: all arrays
 * have a place for each byte of the pickle. */
typedef struct evk_machine {
    const unsigned char *bytes;
    size_t n, at, opcode_at;
    const char *path;
    evk_pickle *out;
    uint32_t *stack, *marks, *memo;     /* [n + 1] values; heights of the stack; values, 0 where there is none */
    size_t height, n_marks, n_memo;
    bool stopped;
    evoke_error *err;
} evk_machine;

typedef evoke_status evk_pickle_op(evk_machine *m);
typedef struct evk_pickle_opcode { const char *name; evk_pickle_op *run; } evk_pickle_opcode;
/* By opcode; name NULL: there is no such instruction, run NULL: it is refused. */
extern const evk_pickle_opcode evk_pickle_opcodes[256];

evoke_status evk_pickle_fail(evk_machine *m, const char *why);
/* n bytes of the instruction's own. */
evoke_status evk_pickle_take(evk_machine *m, size_t n, const unsigned char **out);

/* A new value on the stack; the topmost one off it. */
evk_pickle_value *evk_pickle_push(evk_machine *m, evk_pickle_kind kind);
evoke_status evk_pickle_pop(evk_machine *m, uint32_t *value);

/* What names and calls: pickle_torch.c. */
evk_pickle_op evk_pickle_global, evk_pickle_stack_global, evk_pickle_persistent, evk_pickle_reduce;

#endif
