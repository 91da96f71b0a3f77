#include "experiments/responder.h"

#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/progress.h"
#include "experiments/stream.h"

enum { USUAL_BATCH = 32, CHUNK = 16 };      /* a chunk is so many batches: at its end the batch runs empty */

/* ---- settings ---- */
evoke_status responder_read(const options *o, responder *r, evoke_error *err)
{
    r->sampling = (evoke_sampling){ .temperature = 0.6, .top_p = 0.9 };
    r->n_predict = 256;
    r->ignore_end = option_given(o, OPT_IGNORE_EOS);
    evoke_status st = options_sampling_read(o, &r->sampling, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_N_PREDICT, 1, 1000000, &r->n_predict, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_CTX_SIZE, 2, 1 << 24, &r->n_ctx, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_BATCH_SIZE, 1, 1 << 16, &r->n_batch, err);
    r->n_stops = option_times(o, OPT_STOP);
    if (st == EVOKE_OK)
        st = allocate(&r->stops, r->n_stops, sizeof *r->stops, err);
    for (size_t i = 0; st == EVOKE_OK && i < r->n_stops; i++) {
        r->stops[i] = option_nth(o, OPT_STOP, i);
        if (!*r->stops[i])
            st = fail(err, EVOKE_EARG, "read --stop: the text is empty");
    }
    return st;
}

void responder_free(responder *r)
{
    free(r->stops);
    r->stops = NULL;
}

void responder_use(responder *r, const evoke_model *m)
{
    const size_t own = evoke_model_describe(m)->n_ctx;
    r->model = m;
    if (own && (r->n_ctx == 0 || r->n_ctx > own))
        r->n_ctx = own;
}

evoke_status responder_request(const responder *r, size_t i, evoke_request *request, evoke_error *err)
{
    *request = (evoke_request){ .n_predict = r->n_predict, .sampling = r->sampling, .ignore_end = r->ignore_end };
    r->ask(r->user, i, request);
    if (r->n_ctx && request->n_ids >= r->n_ctx)
        return fail(err, EVOKE_EDATA, "run the prompt: it has %zu tokens, the context %zu (-c)", request->n_ids, r->n_ctx);
    const size_t room = r->n_ctx ? r->n_ctx - request->n_ids : SIZE_MAX;
    request->n_predict = r->n_predict < room ? r->n_predict : room;
    return EVOKE_OK;
}

json_t *sampling_json(const evoke_sampling *s)
{
    json_t *o = json_object();
    json_put(o, "temp", json_number(s->temperature));
    json_put(o, "top_k", json_count(s->top_k));
    json_put(o, "top_p", json_number(s->top_p));
    json_put(o, "min_p", json_number(s->min_p));
    return o;
}

/* ---- running ---- */
typedef struct chunk {
    responder *r;
    size_t first, n, total;
    size_t next;                /* of the chunk, not yet handed on */
    evoke_request *requests;
    evoke_response *responses;
    stream *streams;
    evoke_error failure;        /* of a token's or a response's handling */
    progress *progress;
} chunk;

static bool on_token(void *user, size_t request, int32_t id, float logprob)
{
    chunk *c = user;
    bool go = true;
    (void)logprob;
    if (c->failure.status == EVOKE_OK)
        stream_add(&c->streams[request], id, &go, &c->failure);
    return go && c->failure.status == EVOKE_OK && !interrupted();
}

static evoke_status make_requests(chunk *c, evoke_error *err)
{
    const responder *r = c->r;
    evoke_status st = EVOKE_OK;
    for (size_t k = 0; st == EVOKE_OK && k < c->n; k++) {
        st = responder_request(r, c->first + k, &c->requests[k], err);
        c->streams[k] = (stream){ .tokenizer = evoke_model_tokenizer(r->model), .stops = r->stops, .n_stops = r->n_stops,
                                  .show = r->show ? stdout : NULL };
    }
    return st;
}

/* Not one that a signal ended before its end, or before its beginning: that is no result. */
static bool is_done(const chunk *c, size_t k)
{
    const evoke_response *r = &c->responses[k];
    return r->seconds > 0 && (r->stop != EVOKE_STOP_CALLER || c->streams[k].stopped);
}

static evoke_status hand_on(chunk *c, size_t k, evoke_error *err)
{
    const responder *r = c->r;
    const evoke_response *response = &c->responses[k];
    evoke_text text = { 0 };
    bool stopped = false;
    if (r->to_terminal)
        progress_end(c->progress);
    evoke_status st = response_text(evoke_model_tokenizer(r->model), response->ids, response->n, r->stops, r->n_stops, &text,
                                    &stopped, err);
    if (st == EVOKE_OK)
        st = r->take(r->user, c->first + k, response, &text, stopped, err);
    evoke_text_free(&text);
    c->r->n_taken += st == EVOKE_OK;
    return st;
}

/* In tokens: a response that has ended counts as all that it might have had. */
static bool report_chunk(void *user, const char *what, uint64_t done, uint64_t total)
{
    chunk *c = user;
    const size_t most = c->r->n_predict;
    uint64_t tokens = c->first * most;
    (void)what;
    (void)done;
    (void)total;
    for (; !c->r->show && c->failure.status == EVOKE_OK && c->next < c->n && is_done(c, c->next); c->next++)
        hand_on(c, c->next, &c->failure);
    for (size_t k = 0; k < c->n; k++)
        tokens += c->responses[k].seconds > 0 ? most : c->streams[k].n_drawn;
    const evoke_progress hook = progress_hook(c->progress);
    return hook.report(hook.user, c->r->what, tokens, c->total * most) && c->failure.status == EVOKE_OK;
}

/* What was done and not handed on before: after an interruption, what stands behind a response that was cut short. */
static evoke_status hand_on_rest(chunk *c, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    for (size_t k = c->next; st == EVOKE_OK && k < c->n; k++) {
        if (c->r->show) {
            st = stream_end(&c->streams[k], err);
            putchar('\n');
            c->r->n_taken++;
        } else if (is_done(c, k)) {
            st = hand_on(c, k, err);
        } else if (c->r->in_order) {
            break;
        }
    }
    return st;
}

static evoke_status run_chunk(chunk *c, evoke_error *err)
{
    const evoke_progress hook = { report_chunk, c };
    evoke_status st = make_requests(c, err);
    c->next = 0;
    if (st == EVOKE_OK)
        st = evoke_generate(c->r->model, c->requests, c->n, c->r->n_batch, on_token, c, &hook, c->responses, err);
    if (c->failure.status != EVOKE_OK)
        st = fail(err, c->failure.status, "%s", c->failure.text);
    else if (st == EVOKE_OK || st == EVOKE_EINTERRUPTED) {
        const evoke_status kept = hand_on_rest(c, err);
        st = kept != EVOKE_OK ? kept : st;
    }
    evoke_responses_free(c->responses, c->n);
    memset(c->responses, 0, c->n * sizeof *c->responses);
    for (size_t k = 0; k < c->n; k++)
        stream_free(&c->streams[k]);
    return st;
}

evoke_status responder_run(responder *r, size_t first, size_t total, evoke_error *err)
{
    const size_t most = CHUNK * (r->n_batch ? r->n_batch : USUAL_BATCH);
    progress p;
    chunk c = { .r = r, .first = first, .total = total, .progress = &p };
    evoke_status st = allocate(&c.requests, most, sizeof *c.requests, err);
    if (st == EVOKE_OK)
        st = allocate(&c.responses, most, sizeof *c.responses, err);
    if (st == EVOKE_OK)
        st = allocate(&c.streams, most, sizeof *c.streams, err);
    progress_begin(&p, r->quiet);
    for (; st == EVOKE_OK && c.first < total; c.first += c.n) {
        c.n = total - c.first < most ? total - c.first : most;
        st = run_chunk(&c, err);
        if (st == EVOKE_OK && interrupted() && c.first + c.n < total)
            st = EVOKE_EINTERRUPTED;
    }
    progress_end(&p);
    free(c.requests);
    free(c.responses);
    free(c.streams);
    return st;
}
