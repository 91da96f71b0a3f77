#include "theory/folds.h"

size_t evk_layer_of_score(const evk_leaving *l, size_t query)
{
    const size_t fold = evk_fold(query, l->k), groups = evk_groups(l->k);
    if (fold == l->fold)
        return l->group == groups ? 0 : 1 + l->group;
    return fold == l->group && groups == l->k ? 1 + l->fold : SIZE_MAX;
}

evoke_status evk_leavings(size_t k, bool jackknife, evk_leaving **out, size_t *n, evoke_error *err)
{
    const size_t groups = evk_groups(k);
    *n = 0;
    EVK_TRY(evk_alloc(out, jackknife ? k * groups : k, sizeof **out, "folds", err));
    for (size_t f = 0; f < k; f++)
        (*out)[(*n)++] = (evk_leaving){ k, f, groups };
    for (size_t f = 0; f < k && jackknife; f++)
        for (size_t j = groups == k ? f + 1 : 0; j < groups; j++)
            if (evk_group(f, k) != j)
                (*out)[(*n)++] = (evk_leaving){ k, f, j };
    return EVOKE_OK;
}
