/* experiments/chat.h: a conversation with a steered model: messages, answers, and the emotion mix of the last one.
 *
 * Each turn renders the whole conversation by the model's chat template; the session's KV cache runs what is new, from the first
 * token that differs from those it holds. What it holds stays as it was steered when it was run. Once the context is full the
 * oldest turns are left out until half of it is free, or the last message is alone; the system turn stays. */
#ifndef CHAT_H
#define CHAT_H

#include <jansson.h>

#include "experiments/responder.h"
#include "experiments/steering.h"

typedef struct chat_message {
    char *content;              /* turn about: the user's, the model's */
    json_t *facts;              /* of an answer: what it was made by; NULL: a user's */
} chat_message;

typedef struct chat {
    const options *o;
    const evoke_model *model;
    steer_plan plan;
    responder responder;        /* sampling, stops, the length of answers and of the context */
    evoke_session *session;
    evoke_steering *steering;   /* as the plan's strengths are now; NULL: none */
    char *system;               /* NULL: none */
    chat_message *messages;     /* [n] */
    size_t n, n_forgotten;      /* of these the oldest, left out of the context */
    size_t n_drawn;             /* answers since the beginning or /clear: the next one's random stream */
    evoke_ids prompt;           /* of the turn at hand */
    double *mix;                /* [E] of the first file's emotions, where has_mix; NULL: none is measured */
    bool has_mix;
    bool terminal;              /* somebody is typing */
} chat;

/* The user says something; the answer goes to stdout as it is drawn, or as a line of JSON. A signal ends the answer, which
 * stays as far as it came. Errors: EVOKE_EDATA the message is longer than the context; the template's; then it is as if
 * nothing was said. EVOKE_EINTERRUPTED: a signal, and nobody is typing. */
evoke_status chat_say(chat *c, const char *text, evoke_error *err);
/* Makes the steering anew after a change of the plan's strengths. */
evoke_status chat_steer(chat *c, evoke_error *err);
/* Takes back the last message and its answer; false: there is none. */
bool chat_undo(chat *c);
/* Forgets all but the system message and the strengths. */
void chat_clear(chat *c);
void chat_free(chat *c);

/* ---- chat_commands.c ---- */
/* What stands on a line: "/help" and other commands, "/joy 2", or, anything else, what the user says. *go: false after /quit. */
evoke_status chat_line(chat *c, const char *line, bool *go, evoke_error *err);
/* "[joy 0.71 fear 0.05 | joy=2] > ": the mix of the last answer, at most three emotions, and the strengths. */
void chat_prompt(const chat *c, char *text, size_t size);

#endif
