/* layers/names.c: hook points and spans by name. A hook point has a short name, as in our files, and TransformerLens's full
 * one: hook_embed, blocks.3.hook_resid_post, ln_final.hook_normalized. */
#include <string.h>

#include "core/evoke.h"

static const char *const sites[EVOKE_N_SITE] = {
    [EVOKE_EMBED] = "embed",         [EVOKE_RESID_PRE] = "resid_pre",   [EVOKE_ATTN_PROJ] = "attn_proj",
    [EVOKE_ATTN_OUT] = "attn_out",   [EVOKE_RESID_MID] = "resid_mid",   [EVOKE_MLP_PROJ] = "mlp_proj",
    [EVOKE_MLP_OUT] = "mlp_out",     [EVOKE_RESID_POST] = "resid_post", [EVOKE_FINAL_NORM] = "final_norm",
    [EVOKE_LOGITS] = "logits",
};

static const char *const spans[EVOKE_N_SPAN] = {
    [EVOKE_SPAN_QUERY] = "query",       [EVOKE_SPAN_PROMPT] = "prompt", [EVOKE_SPAN_PROMPT_ALL] = "prompt_all",
    [EVOKE_SPAN_RESPONSE] = "response", [EVOKE_SPAN_LAST] = "last",
};

static bool find(const char *const *names, int n, const char *name, int *index)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) {
            *index = i;
            return true;
        }
    return false;
}

const char *evoke_site_name(evoke_site site)
{
    return (unsigned)site < EVOKE_N_SITE ? sites[site] : "unknown";
}

const char *evoke_span_name(evoke_span span)
{
    return (unsigned)span < EVOKE_N_SPAN ? spans[span] : "unknown";
}

static bool is_per_layer(int site)
{
    return site != EVOKE_EMBED && site != EVOKE_FINAL_NORM && site != EVOKE_LOGITS;
}

/* What follows "blocks.3.", or NULL. */
static const char *after_block(const char *name)
{
    if (strncmp(name, "blocks.", 7) != 0)
        return NULL;
    const size_t digits = strspn(name + 7, "0123456789");
    return digits > 0 && name[7 + digits] == '.' ? name + 7 + digits + 1 : NULL;
}

bool evoke_site_find(const char *name, evoke_site *site)
{
    int i = 0;
    const char *in_block = after_block(name), *hook = in_block ? in_block : name;
    if (strcmp(name, "ln_final.hook_normalized") == 0)
        i = EVOKE_FINAL_NORM;
    else if (strncmp(hook, "hook_", 5) == 0) {
        if (!find(sites, EVOKE_N_SITE, hook + 5, &i) || is_per_layer(i) != (in_block != NULL))
            return false;
    } else if (!find(sites, EVOKE_N_SITE, name, &i))
        return false;
    *site = (evoke_site)i;
    return true;
}

bool evoke_span_find(const char *name, evoke_span *span)
{
    int i = 0;
    if (!find(spans, EVOKE_N_SPAN, name, &i))
        return false;
    *span = (evoke_span)i;
    return true;
}
