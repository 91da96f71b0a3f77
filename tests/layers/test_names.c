/* layers/names.c: hook points by short and by TransformerLens's full name. */
#include "core/evoke.h"

#include <string.h>

#include "tests/check.h"

static void site_is(const char *name, evoke_site expected)
{
    evoke_site site = EVOKE_N_SITE;
    check(evoke_site_find(name, &site) == (expected != EVOKE_N_SITE) && site == expected, "%s is %d", name, (int)site);
}

int main(void)
{
    for (evoke_site site = 0; site < EVOKE_N_SITE; site++)
        site_is(evoke_site_name(site), site);
    site_is("hook_embed", EVOKE_EMBED);
    site_is("blocks.3.hook_resid_post", EVOKE_RESID_POST);
    site_is("blocks.12.hook_attn_out", EVOKE_ATTN_OUT);
    site_is("ln_final.hook_normalized", EVOKE_FINAL_NORM);
    site_is("blocks..hook_resid_post", EVOKE_N_SITE);
    site_is("blocks.3.resid_post", EVOKE_N_SITE);
    site_is("blocks.3.hook_embed", EVOKE_N_SITE);
    site_is("hook_resid_post", EVOKE_N_SITE);
    site_is("resid", EVOKE_N_SITE);
    site_is("", EVOKE_N_SITE);
    for (evoke_span span = 0; span < EVOKE_N_SPAN; span++) {
        evoke_span found = EVOKE_N_SPAN;
        check(evoke_span_find(evoke_span_name(span), &found) && found == span, "%s", evoke_span_name(span));
    }
    evoke_span found;
    check(!evoke_span_find("prompts", &found) && !strcmp(evoke_span_name(EVOKE_N_SPAN), "unknown"), "no such span");
    return check_done();
}
