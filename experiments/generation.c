#include "experiments/generation.h"

#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"

/* ---- writing ---- */
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
    json_put(o, "logprobs", json_floats(r->logprobs, r->n));
    json_put(o, "stop", json_string(stopped ? evoke_stop_name(EVOKE_STOP_STRING) : evoke_stop_name(r->stop)));
    json_put(o, "n_prompt", json_count(prompt->ids.n));
    json_put(o, "emotion", json_text(v->emotion, strlen(v->emotion)));
    json_put(o, "alpha", json_number(v->alpha));
    json_put(o, "steering", steer_plan_json(g->plan, v->one.emotion ? &v->one : NULL, v->steering));
    json_put(o, "sampling", sampling_json(&g->responder.sampling));
    json_put(o, "seed", json_count(g->responder.sampling.seed));
    json_put(o, "raw", json_boolean(g->raw));
    json_put(o, "system", g->system ? json_text(g->system, strlen(g->system)) : json_null());
    json_put(o, "model", json_text(model->name, strlen(model->name)));
    json_put(o, "time_s", json_number(r->seconds));
    json_put(o, "first_token_s", json_number(r->first_seconds));
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

static evoke_status take(void *user, size_t i, const evoke_response *r, const evoke_text *text, bool stopped, evoke_error *err)
{
    const generation *g = user;
    evoke_status st = EVOKE_OK;
    if (g->o->json)
        st = json_print(g->out->file, line_json(g, i, r, text, stopped), 9, err);
    else
        write_text(g, i, text);
    if (st == EVOKE_OK && !g->out->path && (fflush(g->out->file) != 0 || ferror(g->out->file)))
        st = fail(err, EVOKE_EIO, "write the result: the output takes no more (standard output)");
    return st;
}

/* ---- running ---- */
static void ask(void *user, size_t i, evoke_request *r)
{
    const generation *g = user;
    const evoke_ids *ids = &g->prompts->lines[i / (g->n_samples * g->n_variants)].ids;
    r->ids = ids->ids;
    r->n_ids = ids->n;
    r->steering = g->variants[i % g->n_variants].steering;
    r->sampling.stream = i / g->n_variants;
}

static evoke_status check_prompts(const generation *g, evoke_error *err)
{
    for (size_t p = 0; p < g->prompts->n; p++) {
        evoke_error why = { EVOKE_OK, "" };
        evoke_request r;
        const evoke_status st = responder_request(&g->responder, p * g->n_samples * g->n_variants, &r, &why);
        if (st != EVOKE_OK)
            return fail(err, st, "%.900s (prompt %zu)", why.text, p + 1);
    }
    return EVOKE_OK;
}

evoke_status generation_run(generation *g, evoke_error *err)
{
    const size_t total = g->prompts->n * g->n_samples * g->n_variants;
    responder *r = &g->responder;
    r->show = total == 1 && !g->o->json && !g->out->path && !g->compare;
    r->quiet = g->o->quiet || total == 1;
    r->to_terminal = !g->out->path;
    r->what = "generate, tokens";
    r->ask = ask;
    r->take = take;
    r->user = g;
    evoke_status st = check_prompts(g, err);
    if (st == EVOKE_OK)
        st = responder_run(r, 0, total, err);
    if (st == EVOKE_EINTERRUPTED && total == 1)
        fail(err, st, "generate: interrupted");
    else if (st == EVOKE_EINTERRUPTED)
        fail(err, st, "generate: interrupted, %zu of %zu responses were written", r->n_taken, total);
    return st;
}
