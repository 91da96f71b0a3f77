#include "experiments/generation.h"

#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"

size_t generation_count(const generation *g)
{
    return g->prompts->n * g->n_samples * g->n_variants;
}

/* ---- writing ---- */
static json_t *sampling_json(const evoke_sampling *s)
{
    json_t *o = json_object();
    json_put(o, "temp", json_number(s->temperature));
    json_put(o, "top_k", json_count(s->top_k));
    json_put(o, "top_p", json_number(s->top_p));
    json_put(o, "min_p", json_number(s->min_p));
    return o;
}

static json_t *logprobs_json(const evoke_response *r)
{
    json_t *list = json_array();
    for (size_t k = 0; k < r->n; k++)
        json_add(list, json_number((double)r->logprobs[k]));
    return list;
}

static json_t *line_json(const generation *g, size_t i, const evoke_response *r, const evoke_text *text, bool stopped)
{
    const size_t p = i / (g->n_samples * g->n_variants);
    const prompt_line *prompt = &g->prompts->lines[p];
    const variant *v = &g->variants[i % g->n_variants];
    const evoke_model_info *model = evoke_model_describe(g->model);
    json_t *o = json_object();
    json_put(o, "index", json_count(p));
    if (prompt->id)
        json_put(o, "id", json_text(prompt->id, strlen(prompt->id)));
    if (prompt->emotion)
        json_put(o, "query_emotion", json_text(prompt->emotion, strlen(prompt->emotion)));
    json_put(o, "sample", json_count(i / g->n_variants % g->n_samples));
    json_put(o, "prompt", json_text(prompt->text, strlen(prompt->text)));
    json_put(o, "text", json_text(text->data, text->n));
    json_put(o, "ids", json_ids(r->ids, r->n));
    json_put(o, "logprobs", logprobs_json(r));
    json_put(o, "stop", json_string(stopped ? evoke_stop_name(EVOKE_STOP_STRING) : evoke_stop_name(r->stop)));
    json_put(o, "n_prompt", json_count(prompt->ids.n));
    json_put(o, "emotion", json_text(v->emotion, strlen(v->emotion)));
    json_put(o, "alpha", json_number(v->alpha));
    json_put(o, "steering", steer_plan_json(g->plan, v->one.emotion ? &v->one : NULL, v->steering));
    json_put(o, "sampling", sampling_json(&g->sampling));
    json_put(o, "seed", json_count(g->sampling.seed));
    json_put(o, "raw", json_boolean(g->raw));
    json_put(o, "system", g->system ? json_text(g->system, strlen(g->system)) : json_null());
    json_put(o, "model", json_text(model->name, strlen(model->name)));
    json_put(o, "time_s", json_number(r->seconds));
    return o;
}

/* Several responses: each under a heading. One: its text alone. */
static void write_text(const generation *g, size_t i, const evoke_text *text)
{
    FILE *f = g->out->file;
    const size_t per_prompt = g->n_samples * g->n_variants, p = i / per_prompt;
    const variant *v = &g->variants[i % g->n_variants];
    size_t n = 0;
    char *good = utf8_lossy(text->data, text->n, &n);
    if (g->prompts->n > 1 && i % per_prompt == 0)
        fprintf(f, "%s=== %zu: %s\n", i ? "\n" : "", p + 1, g->prompts->lines[p].text);
    if (g->n_samples > 1 && i % g->n_variants == 0)
        fprintf(f, "--- sample %zu\n", i / g->n_variants % g->n_samples + 1);
    if (g->compare && *v->emotion)
        fprintf(f, "[%s, alpha %g]\n", v->emotion, v->alpha);
    else if (g->compare)
        fputs("[unsteered]\n", f);
    fwrite(good ? good : "", 1, n, f);
    fputs(g->compare ? "\n\n" : "\n", f);
    free(good);
}

evoke_status generation_write(generation *g, size_t i, const evoke_response *r, evoke_error *err)
{
    evoke_text text = { 0 };
    bool stopped = false;
    evoke_status st = response_text(evoke_model_tokenizer(g->model), r->ids, r->n, g->stops, g->n_stops, &text,
                                    &stopped, err);
    if (st == EVOKE_OK && g->o->json)
        st = json_print(g->out->file, line_json(g, i, r, &text, stopped), 9, err);
    else if (st == EVOKE_OK)
        write_text(g, i, &text);
    if (st == EVOKE_OK && !g->out->path && (fflush(g->out->file) != 0 || ferror(g->out->file)))
        st = fail(err, EVOKE_EIO, "write the result: the output takes no more (standard output)");
    evoke_text_free(&text);
    g->n_written += st == EVOKE_OK;
    return st;
}

/* ---- running ---- */
typedef struct chunk {
    generation *g;
    size_t first, n;
    evoke_request *requests;
    evoke_response *responses;
    stream *streams;
    evoke_error failure;        /* of a token's handling */
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
    const generation *g = c->g;
    const bool alone = generation_count(g) == 1 && !g->o->json && !g->out->path && !g->compare;
    for (size_t k = 0; k < c->n; k++) {
        const size_t i = c->first + k, p = i / (g->n_samples * g->n_variants);
        const evoke_ids *ids = &g->prompts->lines[p].ids;
        if (g->n_ctx && ids->n >= g->n_ctx)
            return fail(err, EVOKE_EDATA, "run prompt %zu: it has %zu tokens, the context %zu (-c)", p + 1, ids->n,
                        g->n_ctx);
        const size_t room = g->n_ctx ? g->n_ctx - ids->n : SIZE_MAX;
        c->requests[k] = (evoke_request){
            .ids = ids->ids, .n_ids = ids->n, .n_predict = g->n_predict < room ? g->n_predict : room,
            .sampling = g->sampling, .steering = g->variants[i % g->n_variants].steering, .ignore_end = g->ignore_end,
        };
        c->requests[k].sampling.stream = i / g->n_variants;
        c->streams[k] = (stream){ .tokenizer = evoke_model_tokenizer(g->model), .stops = g->stops,
                                  .n_stops = g->n_stops, .show = alone ? stdout : NULL };
    }
    return EVOKE_OK;
}

/* A response that a signal ended before its end, or before its beginning: it is no result. */
static bool cut_short(const chunk *c, size_t k)
{
    const evoke_response *r = &c->responses[k];
    return r->seconds <= 0 || (r->stop == EVOKE_STOP_CALLER && !c->streams[k].stopped);
}

static evoke_status write_chunk(chunk *c, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    for (size_t k = 0; st == EVOKE_OK && k < c->n; k++) {
        if (c->streams[k].show) {
            st = stream_end(&c->streams[k], err);
            putchar('\n');
            c->g->n_written++;
        } else if (!cut_short(c, k)) {
            st = generation_write(c->g, c->first + k, &c->responses[k], err);
        }
    }
    return st;
}

/* In tokens: a response that has ended counts as all that it might have had. */
static bool report_chunk(void *user, const char *what, uint64_t done, uint64_t total)
{
    const chunk *c = user;
    const size_t most = c->g->n_predict;
    uint64_t tokens = c->first * most;
    (void)what;
    (void)done;
    (void)total;
    for (size_t k = 0; k < c->n; k++)
        tokens += c->responses[k].seconds > 0 ? most : c->streams[k].n_drawn;
    const evoke_progress hook = progress_hook(c->progress);
    return hook.report(hook.user, "generate, tokens", tokens, generation_count(c->g) * most);
}

static evoke_status run_chunk(chunk *c, evoke_error *err)
{
    const evoke_progress hook = { report_chunk, c };
    evoke_status st = make_requests(c, err);
    if (st == EVOKE_OK)
        st = evoke_generate(c->g->model, c->requests, c->n, c->g->n_batch, on_token, c, &hook, c->responses, err);
    if (c->failure.status != EVOKE_OK)
        st = fail(err, c->failure.status, "%s", c->failure.text);
    progress_end(c->progress);
    if (st == EVOKE_OK || st == EVOKE_EINTERRUPTED) {           /* what was done is kept */
        const evoke_status written = write_chunk(c, err);
        st = written != EVOKE_OK ? written : st;
    }
    evoke_responses_free(c->responses, c->n);
    memset(c->responses, 0, c->n * sizeof *c->responses);
    for (size_t k = 0; k < c->n; k++)
        stream_free(&c->streams[k]);
    return st;
}

evoke_status generation_run(generation *g, evoke_error *err)
{
    const size_t total = generation_count(g), most = 4 * (g->n_batch ? g->n_batch : 32);
    progress p;
    chunk c = { .g = g, .progress = &p };
    evoke_status st = allocate(&c.requests, most, sizeof *c.requests, err);
    if (st == EVOKE_OK)
        st = allocate(&c.responses, most, sizeof *c.responses, err);
    if (st == EVOKE_OK)
        st = allocate(&c.streams, most, sizeof *c.streams, err);
    progress_begin(&p, g->o->quiet || total == 1);
    for (; st == EVOKE_OK && c.first < total; c.first += c.n) {
        c.n = total - c.first < most ? total - c.first : most;
        st = run_chunk(&c, err);
        if (st == EVOKE_OK && interrupted())
            st = EVOKE_EINTERRUPTED;
    }
    if (st == EVOKE_EINTERRUPTED && total == 1)
        fail(err, st, "generate: interrupted");
    else if (st == EVOKE_EINTERRUPTED)
        fail(err, st, "generate: interrupted, %zu of %zu responses were written", g->n_written, total);
    free(c.requests);
    free(c.responses);
    free(c.streams);
    return st;
}
