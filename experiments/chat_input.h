/* experiments/chat_input.h: conversations of a JSON file, and the variables that a template sees. */
#ifndef CHAT_INPUT_H
#define CHAT_INPUT_H

#include <jansson.h>

#include "experiments/options.h"

typedef struct conversation {
    evoke_message *messages;        /* [n]; their texts belong to the JSON */
    size_t n;
    bool add_generation_prompt;
} conversation;

/* {"messages": [{"role":, "content":}], "add_generation_prompt": bool}; `number` counts from 1, for the error. */
evoke_status conversation_read(const json_t *item, const char *path, size_t number, conversation *c, evoke_error *err);
void conversation_free(conversation *c);

typedef struct variables { evoke_variable *list; size_t n; char **owned; size_t n_owned; } variables;
/* bos_token and eos_token of the tokenizer (may be NULL), then --var NAME=VALUE, which replace them. */
evoke_status variables_read(const options *o, const evoke_tokenizer *t, variables *v, evoke_error *err);
void variables_free(variables *v);

/* Parses --template FILE, where it is given: its errors are told before any model is opened. */
evoke_status template_check(const options *o, evoke_error *err);
/* --template FILE, else the tokenizer's own. Errors: EVOKE_EDATA there is none. */
evoke_status template_open(const options *o, const evoke_tokenizer *t, evoke_template **out, evoke_error *err);

#endif
