#include "layers/families/list.h"

#include <stdio.h>
#include <string.h>

/* Of several with one name the first one counts. */
static const evk_family *const families[] = {
    &evk_family_llama, &evk_family_mistral, &evk_family_qwen, &evk_family_qwen2, &evk_family_qwen3, &evk_family_baichuan,
    &evk_family_gemma, &evk_family_gemma2, &evk_family_gemma3, &evk_family_minicpm, &evk_family_minicpm3, &evk_family_phi3,
    &evk_family_smollm3, &evk_family_olmo2, &evk_family_gpt2, &evk_family_gpt_neox,
};

const evk_family *evk_family_at(size_t i)
{
    return i < sizeof families / sizeof *families ? families[i] : NULL;
}

static const char *name_in(const evk_family *f, evk_container container)
{
    return container == EVK_GGUF ? f->gguf_arch : f->hf_type;
}

/* The family by the name of its class in config.json, or NULL. */
static const evk_family *family_of_class(const evoke_weights *w)
{
    const char *name = json_string_value(json_array_get(json_object_get(evk_weights_config(w), "architectures"), 0));
    const evk_family *f = NULL;
    for (size_t i = 0; name && (f = evk_family_at(i)); i++)
        if (f->hf_class && strcmp(f->hf_class, name) == 0)
            return f;
    return NULL;
}

evoke_status evk_family_of(const evoke_weights *w, const evk_family **out, evoke_error *err)
{
    const evk_container container = evk_weights_container(w);
    const char *key = container == EVK_GGUF ? "general.architecture" : "model_type";
    const char *name = evk_weights_architecture(w);
    if (!name && container == EVK_SAFETENSORS && !json_object_get(evk_weights_config(w), key) && (*out = family_of_class(w)))
        return EVOKE_OK;
    if (!name)
        return evk_fail(err, EVOKE_EFORMAT, "open model: no '%s' (%s)", key, evk_weights_path(w));
    const char *last = "";
    char known[256] = "";
    for (size_t i = 0; evk_family_at(i); i++) {
        const char *own = name_in(evk_family_at(i), container);
        const char *alias = container == EVK_SAFETENSORS ? evk_family_at(i)->hf_alias : NULL;
        if ((own && strcmp(own, name) == 0) || (alias && strcmp(alias, name) == 0)) {
            *out = evk_family_at(i);
            return EVOKE_OK;
        }
        const size_t used = strlen(known);
        if (own && strcmp(own, last) != 0)
            snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", own);
        last = own ? own : last;
    }
    return evk_fail(err, EVOKE_EUNSUPPORTED, "open model: %s '%.64s' is not a family of this version, which has: %s (%s)",
                    key, name, known, evk_weights_path(w));
}
