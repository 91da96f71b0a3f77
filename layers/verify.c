/* layers/verify.c: evoke_verify: a prompt to hold everything against, and all checks of it together. */
#include <stdlib.h>
#include <string.h>

#include "layers/verify.h"

enum { N_ID = 32, LEAST_IDS = 4 };
static const char text[] = "The sea was calm that morning, and nobody on the beach knew what the letter said. \"I am so happy,\" "
                           "she wrote, \"that I could sing; but yesterday, at 7:45, I was afraid of 1,000 things.\"";

/* ---- the prompt ---- */

/* Text where the model has a tokenizer, else numbers of a fixed sequence; N_ID of them, or what the context holds. */
static evoke_status default_ids(const evoke_model *m, int32_t **ids, size_t *n, evoke_error *err)
{
    evoke_ids tokens = { 0 };
    *n = m->config.n_ctx < N_ID ? m->config.n_ctx : N_ID;
    EVK_TRY(evk_alloc(ids, *n, sizeof **ids, "verify", err));
    if (m->tokenizer)
        EVK_TRY(evoke_tokenize(m->tokenizer, text, sizeof text - 1, EVOKE_TOKENIZE_ADD_SPECIAL, &tokens, err));
    for (size_t i = 0; i < *n; i++) {
        const bool known = i < tokens.n && (size_t)tokens.ids[i] < m->config.n_vocab;
        (*ids)[i] = known ? tokens.ids[i] : (int32_t)((i * 2654435761u >> 4) % m->config.n_vocab);
    }
    evoke_ids_free(&tokens);
    return EVOKE_OK;
}

/* ---- every instruction set ---- */

/* The first matrix of each storage type. */
static size_t matrices_by_type(const evoke_model *m, const evk_tensor *out[EVK_N_TYPE])
{
    size_t n = 0;
    bool seen[EVK_N_TYPE] = { false };
    for (size_t layer = 0; layer < m->config.n_layer; layer++)
        for (evk_slot slot = 0; slot < EVK_N_SLOT; slot++) {
            const evk_weight *w = evk_model_weight(m, layer, slot);
            if (!w->there || w->vector || seen[w->matrix.type])
                continue;
            seen[w->matrix.type] = true;
            out[n++] = &w->matrix;
        }
    return n;
}

/* The whole pass with a table's kernels. */
static evoke_status run_isa(const evoke_model *m, const evk_kernels *k, const evk_truth *truth, evoke_verify_isa *out,
                            evoke_error *err)
{
    evoke_verify_point points[EVOKE_N_SITE];
    evoke_model other = *m;
    other.kernels = *k;
    *out = (evoke_verify_isa){ .name = k->isa, .ok = true };
    EVK_TRY(evk_verify_points(&other, truth, points, err));
    for (evoke_site s = 0; s < EVOKE_N_SITE; s++) {
        out->ok = out->ok && points[s].ok;
        if (points[s].share >= out->worst.share)
            out->worst = points[s];
    }
    return EVOKE_OK;
}

static evoke_status check_isas(const evoke_model *m, const evk_truth *truth, evoke_verification *out, evoke_error *err)
{
    const evk_tensor *matrices[EVK_N_TYPE];
    const size_t n_matrix = matrices_by_type(m, matrices);
    EVK_TRY(evk_alloc(&out->products, EVOKE_MOST_ISAS * n_matrix * EVOKE_N_VERIFY_HOW, sizeof *out->products, "verify", err));
    for (size_t i = 0; i < EVOKE_MOST_ISAS && evoke_isa_name(i); i++) {
        evk_kernels k;
        EVK_TRY(evk_kernels_select(evoke_isa_name(i), &k, err));
        EVK_TRY(run_isa(m, &k, truth, &out->isas[out->n_isas++], err));
        for (size_t j = 0; j < n_matrix; j++) {
            size_t n = 0;
            EVK_TRY(evk_verify_products(&k, matrices[j], out->products + out->n_products, &n, err));
            out->n_products += n;
        }
    }
    return EVOKE_OK;
}

/* ---- all of it ---- */

enum { N_STEP = 3 };

static evoke_status check_all(const evoke_model *m, const int32_t *ids, size_t n, const evoke_progress *progress,
                              evk_truth *truth, evoke_verification *out, evoke_error *err)
{
    EVK_TRY(evk_report(progress, "verify: float64", 0, N_STEP, err));
    EVK_TRY(evk_truth_make(m, ids, n, truth, err));
    EVK_TRY(evk_verify_points(m, truth, out->points, err));
    EVK_TRY(evk_report(progress, "verify: invariance", 1, N_STEP, err));
    EVK_TRY(evk_verify_same(m, ids, n, out->same, err));
    EVK_TRY(evk_report(progress, "verify: kernels", 2, N_STEP, err));
    return check_isas(m, truth, out, err);
}

static bool all_ok(const evoke_verification *v)
{
    bool ok = true;
    for (size_t i = 0; i < EVOKE_N_SITE; i++)
        ok = ok && v->points[i].ok;
    for (size_t i = 0; i < EVOKE_N_VERIFY_SAME; i++)
        ok = ok && v->same[i].ok;
    for (size_t i = 0; i < v->n_isas; i++)
        ok = ok && v->isas[i].ok;
    for (size_t i = 0; i < v->n_products; i++)
        ok = ok && v->products[i].ok;
    return ok;
}

evoke_status evoke_verify(const evoke_model *m, const int32_t *ids, size_t n_ids, const evoke_progress *progress,
                          evoke_verification *out, evoke_error *err)
{
    evk_truth truth = { 0 };
    int32_t *own = NULL;
    evoke_status st = n_ids ? EVOKE_OK : default_ids(m, &own, &n_ids, err);
    *out = (evoke_verification){ .n_ids = n_ids };
    if (st == EVOKE_OK && (n_ids < LEAST_IDS || n_ids > m->config.n_ctx))
        st = evk_fail(err, EVOKE_EARG, "verify: %zu ids, and between %d and the model's context of %zu are needed", n_ids,
                      LEAST_IDS, m->config.n_ctx);
    if (st == EVOKE_OK)
        st = check_all(m, own ? own : ids, n_ids, progress, &truth, out, err);
    out->ok = st == EVOKE_OK && all_ok(out);
    evk_truth_free(&truth);
    free(own);
    if (st != EVOKE_OK)
        evoke_verification_free(out);
    return st;
}

void evoke_verification_free(evoke_verification *v)
{
    free(v->products);
    *v = (evoke_verification){ 0 };
}

const char *evoke_verify_how_name(evoke_verify_how how)
{
    static const char *const names[EVOKE_N_VERIFY_HOW] = { "values", "float32", "repacked", "fast" };
    return (unsigned)how < EVOKE_N_VERIFY_HOW ? names[how] : "";
}
