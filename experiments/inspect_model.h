/* experiments/inspect_model.h: what a file is as a model: a decoder, an encoder, or nothing that this version runs. */
#ifndef INSPECT_MODEL_H
#define INSPECT_MODEL_H

#include <jansson.h>

#include "experiments/command.h"

typedef struct inspected {
    evoke_model *model;             /* one of the two, or neither: why_not says what is wrong */
    evoke_encoder *encoder;
    evoke_error why_not;
} inspected;

void inspected_open(const char *path, inspected *m);
void inspected_free(inspected *m);
/* NULL: neither. */
const char *inspected_family(const inspected *m);
/* Name, shape, context and settings, a line each. */
void inspected_print(const inspected *m);
/* Calls remark for each setting that few models have. */
void inspected_unusual(const inspected *m, void (*remark)(void *user, const char *text), void *user);
/* A new reference; null for neither. */
json_t *inspected_json(const inspected *m);

#endif
