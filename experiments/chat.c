#include "experiments/chat.h"

#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/progress.h"
#include "experiments/stream.h"

/* ---- messages ---- */
/* Takes both; content NULL: there was no memory for it. */
static evoke_status add_message(chat *c, char *content, json_t *facts, evoke_error *err)
{
    chat_message *grown = content ? realloc(c->messages, (c->n + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(content);
        json_decref(facts);
        return fail(err, EVOKE_ENOMEM, "chat: no memory for a message");
    }
    c->messages = grown;
    c->messages[c->n++] = (chat_message){ content, facts };
    return EVOKE_OK;
}

static void drop_last(chat *c)
{
    c->n--;
    free(c->messages[c->n].content);
    json_decref(c->messages[c->n].facts);
}

bool chat_undo(chat *c)
{
    if (c->n < 2)
        return false;
    drop_last(c);
    drop_last(c);
    c->n_forgotten = c->n_forgotten < c->n ? c->n_forgotten : c->n;
    c->has_mix = false;
    return true;
}

void chat_clear(chat *c)
{
    while (c->n > 0)
        drop_last(c);
    c->n_forgotten = 0;
    c->n_drawn = 0;
    c->has_mix = false;
}

void chat_free(chat *c)
{
    chat_clear(c);
    free(c->messages);
    free(c->system);
    free(c->mix);
    evoke_ids_free(&c->prompt);
    evoke_session_free(c->session);
    evoke_steering_free(c->steering);
    responder_free(&c->responder);
    steer_plan_free(&c->plan);
}

/* ---- steering ---- */
evoke_status chat_steer(chat *c, evoke_error *err)
{
    evoke_steering *s = NULL;
    const evoke_status st = c->plan.n_strengths > 0 ? steer_plan_apply(&c->plan, c->model, &s, err) : EVOKE_OK;
    if (st != EVOKE_OK)
        return st;
    evoke_session_steer(c->session, NULL);
    evoke_steering_free(c->steering);
    c->steering = s;
    if (!c->o->quiet)
        steer_plan_remark(&c->plan, s, c->responder.n_predict);
    return EVOKE_OK;
}

/* ---- the prompt ---- */
/* Messages first..n-1 after the system's, as ids. `answer`, where it is not NULL, is tokens of the last message. */
static evoke_status render(const chat *c, size_t first, const char *system, size_t answer[2], evoke_ids *ids, evoke_error *err)
{
    evoke_message *list = NULL;
    evoke_prompt p = { 0 };
    const size_t before = system ? 1 : 0, n = before + c->n - first;
    evoke_status st = allocate(&list, n, sizeof *list, err);
    if (st == EVOKE_OK && system)
        list[0] = (evoke_message){ "system", system };
    for (size_t i = before; st == EVOKE_OK && i < n; i++) {
        const size_t k = first + i - before;
        list[i] = (evoke_message){ k % 2 ? "assistant" : "user", c->messages[k].content };
    }
    if (st == EVOKE_OK)
        st = evoke_model_prompt(c->model, list, n, !answer, &p, err);
    if (st == EVOKE_OK)
        st = evoke_prompt_tokenize(&p, evoke_model_tokenizer(c->model), n - 1, 0, answer ? strlen(list[n - 1].content) : 0, ids,
                                   answer ? &answer[0] : NULL, answer ? &answer[1] : NULL, err);
    evoke_prompt_free(&p);
    free(list);
    return st;
}

/* The conversation's ids into c->prompt; leaves its oldest turns out where the context has no room for them and an answer. */
static evoke_status make_prompt(chat *c, evoke_error *err)
{
    const size_t n_ctx = c->responder.n_ctx, before = c->n_forgotten, quarter = n_ctx / 4;
    const size_t room = c->responder.n_predict < quarter ? c->responder.n_predict : quarter;
    size_t most = n_ctx - room;
    for (;;) {
        evoke_ids_free(&c->prompt);
        const evoke_status st = render(c, c->n_forgotten, c->system, NULL, &c->prompt, err);
        if (st != EVOKE_OK)
            return st;
        if (c->prompt.n <= most || c->n_forgotten + 2 >= c->n)
            break;
        c->n_forgotten += 2;
        most = n_ctx / 2;
    }
    if (c->n_forgotten > before && !c->o->quiet)
        say("chat: the context of %zu tokens is full: the %zu oldest turns are left out from here on (/save has them all)",
            n_ctx, c->n_forgotten / 2);
    return EVOKE_OK;
}

/* ---- the emotion mix ---- */
/* Of the last answer, read with the user's message before it by the model, not steered; the first file's emotions. */
static void measure_mix(chat *c)
{
    evoke_ids ids = { 0 };
    evoke_error why = { EVOKE_OK, "" };
    size_t span[2] = { 0, 0 };
    const steer_detail *d = c->plan.n_files > 0 ? &c->plan.details[0] : NULL;
    c->has_mix = false;
    if (!c->mix)
        return;
    evoke_status st = render(c, c->n - 2, NULL, span, &ids, &why);
    if (st == EVOKE_OK && span[1] > span[0]) {
        const evoke_mix_options o = { .vectors = c->plan.files[0], .site = steer_plan_site(&c->plan, 0), .layers = d->layers,
                                      .n_layers = d->n_layers, .ids = ids.ids, .n_ids = ids.n,
                                      .first = span[0], .last = span[1] };
        st = evoke_emotion_mix(c->model, &o, c->mix, &why);
        c->has_mix = st == EVOKE_OK;
    }
    evoke_ids_free(&ids);
    if (st == EVOKE_OK)
        return;
    if (!c->o->quiet)
        say("chat: there is no emotion mix: %.900s", why.text);
    free(c->mix);               /* nor will there be */
    c->mix = NULL;
}

static json_t *mix_json(const chat *c)
{
    json_t *mix = json_object();
    if (!c->has_mix) {
        json_decref(mix);
        return json_null();
    }
    for (size_t e = 0; e < evoke_vectors_describe(c->plan.files[0])->n_emotion; e++)
        json_put(mix, evoke_vectors_emotion(c->plan.files[0], e), json_number(c->mix[e]));
    return mix;
}

/* ---- a turn ---- */
typedef struct turn {
    chat *c;
    stream stream;
    evoke_response response;
    evoke_text text;
    size_t n_run;               /* tokens of the prompt that were run */
    bool interrupted;
    evoke_error failure;        /* of a token's handling */
} turn;

static bool on_token(void *user, size_t request, int32_t id, float logprob)
{
    turn *t = user;
    bool go = true;
    (void)request;
    (void)logprob;
    stream_add(&t->stream, id, &go, &t->failure);
    return go && !interrupted();
}

static bool go_on(void *user, const char *what, uint64_t done, uint64_t total)
{
    (void)user;
    (void)what;
    (void)done;
    (void)total;
    return !interrupted();
}

static void ask(void *user, size_t i, evoke_request *r)
{
    const chat *c = user;
    r->ids = c->prompt.ids;
    r->n_ids = c->prompt.n;
    r->steering = c->steering;
    r->sampling.stream = i;
}

static evoke_status draw(turn *t, evoke_error *err)
{
    chat *c = t->c;
    const responder *r = &c->responder;
    const evoke_progress hook = { go_on, NULL };
    evoke_request request;
    c->responder.ask = ask;
    c->responder.user = c;
    t->stream = (stream){ .tokenizer = evoke_model_tokenizer(c->model), .stops = r->stops, .n_stops = r->n_stops,
                          .show = c->o->json ? NULL : stdout };
    evoke_status st = responder_request(r, c->n_drawn, &request, err);
    if (st == EVOKE_OK)
        st = evoke_session_generate(c->session, &request, on_token, t, &hook, &t->response, &t->n_run, err);
    if (st == EVOKE_OK && t->failure.status != EVOKE_OK)
        st = fail(err, t->failure.status, "%s", t->failure.text);
    if (st == EVOKE_OK)
        st = stream_end(&t->stream, err);
    t->interrupted = interrupted();
    if (st == EVOKE_OK)
        st = response_text(t->stream.tokenizer, t->response.ids, t->response.n, r->stops, r->n_stops, &t->text,
                           &t->stream.stopped, err);
    return st;
}

static json_t *facts_of(const turn *t)
{
    const chat *c = t->c;
    const char *stop = t->stream.stopped ? evoke_stop_name(EVOKE_STOP_STRING)
                       : t->interrupted  ? "interrupted" : evoke_stop_name(t->response.stop);
    json_t *o = json_object();
    json_put(o, "ids", json_ids(t->response.ids, t->response.n));
    json_put(o, "logprobs", json_floats(t->response.logprobs, t->response.n));
    json_put(o, "stop", json_string(stop));
    json_put(o, "n_prompt", json_count(c->prompt.n));
    json_put(o, "n_run", json_count(t->n_run));
    json_put(o, "n_forgotten", json_count(c->n_forgotten));
    json_put(o, "stream", json_count(c->n_drawn));
    json_put(o, "steering", steer_plan_json(&c->plan, NULL, c->steering));
    json_put(o, "time_s", json_number(t->response.seconds));
    return o;
}

static evoke_status print_json(const chat *c, evoke_error *err)
{
    const chat_message *said = &c->messages[c->n - 2], *answer = &c->messages[c->n - 1];
    json_t *o = json_object();
    json_put(o, "turn", json_count(c->n / 2 - 1));
    json_put(o, "prompt", json_text(said->content, strlen(said->content)));
    json_put(o, "text", json_text(answer->content, strlen(answer->content)));
    json_object_update(o, answer->facts);
    json_put(o, "system", c->system ? json_text(c->system, strlen(c->system)) : json_null());
    json_put(o, "sampling", sampling_json(&c->responder.sampling));
    json_put(o, "seed", json_count(c->responder.sampling.seed));
    json_put(o, "model", json_string(evoke_model_describe(c->model)->name));
    return json_print(stdout, o, 9, err);
}

/* The answer into the conversation, with its mix; ends its output. */
static evoke_status keep_answer(turn *t, evoke_error *err)
{
    chat *c = t->c;
    const size_t room = c->responder.n_ctx - c->prompt.n;
    evoke_status st = add_message(c, utf8_text(t->text.data, t->text.n), facts_of(t), err);
    if (st != EVOKE_OK)
        return st;
    c->n_drawn++;
    if (!c->o->json)
        putchar('\n');
    if (fflush(stdout) != 0)
        return fail(err, EVOKE_EIO, "write the answer: the output takes no more (standard output)");
    if (t->interrupted)
        say("chat: the answer was stopped; what there is of it stays in the conversation");
    else if (t->response.stop == EVOKE_STOP_LENGTH && room < c->responder.n_predict && !c->o->quiet)
        say("chat: the answer ends here: the context of %zu tokens is full", c->responder.n_ctx);
    measure_mix(c);
    json_put(c->messages[c->n - 1].facts, "mix", mix_json(c));
    return c->o->json ? print_json(c, err) : EVOKE_OK;
}

evoke_status chat_say(chat *c, const char *text, evoke_error *err)
{
    turn t = { .c = c };
    const size_t n = c->n, forgotten = c->n_forgotten;
    evoke_status st = add_message(c, strdup(text), NULL, err);
    if (st == EVOKE_OK)
        st = make_prompt(c, err);
    if (st == EVOKE_OK)
        st = draw(&t, err);
    if (st == EVOKE_OK && t.response.n == 0 && t.interrupted)
        st = fail(err, EVOKE_EINTERRUPTED, "run the prompt: stopped before the answer's first word");
    if (st == EVOKE_OK)
        st = keep_answer(&t, err);
    if (st != EVOKE_OK && c->n == n + 1) {
        drop_last(c);
        c->n_forgotten = forgotten;
    }
    if (st == EVOKE_OK && t.interrupted && !(c->terminal && interrupt_taken()))
        st = fail(err, EVOKE_EINTERRUPTED, "chat: interrupted");
    if (st == EVOKE_EINTERRUPTED && c->terminal && interrupt_taken())
        st = fail(err, EVOKE_EDATA, "chat: stopped before the answer's first word: the message is taken back");
    evoke_responses_free(&t.response, 1);
    evoke_text_free(&t.text);
    stream_free(&t.stream);
    return st;
}
