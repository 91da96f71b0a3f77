/* layers/encoder/encoder_labels.c: the names of a classifier's classes, from id2label and label2id of config.json.
 *
 * id2label names class i; where it is missing, transformers calls it LABEL_i. label2id is asked for one thing alone: which
 * class means entailment, the first key in the order of the file that begins with "entail", as transformers' zero-shot
 * pipeline does. Where a file has no label2id, id2label answers in the order of its numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "layers/encoder/encoder.h"

static evoke_status keep(const evoke_encoder *e, size_t i, const char *text, evoke_error *err)
{
    e->labels[i] = strdup(text);
    return e->labels[i] ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "read labels: no memory (%s)", e->path);
}

static evoke_status from_config(evoke_encoder *e, const json_t *labels, evoke_error *err)
{
    for (size_t i = 0; i < e->config.n_label; i++) {
        char key[32];
        snprintf(key, sizeof key, "%zu", i);
        const json_t *v = json_object_get(labels, key);
        char *other = json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
        if (!v || (!json_is_string(v) && !json_is_integer(v))) {
            free(other);
            return evk_fail(err, EVOKE_EFORMAT, "read labels: id2label has %zu labels, but no text for '%s' (%s)",
                            e->config.n_label, key, e->path);
        }
        const evoke_status st = keep(e, i, other ? other : json_string_value(v), err);
        free(other);
        EVK_TRY(st);
    }
    return EVOKE_OK;
}

static evoke_status from_gguf(evoke_encoder *e, evoke_error *err)
{
    char key[128];
    const char *text = NULL;
    size_t n_bytes = 0;
    snprintf(key, sizeof key, "%s.classifier.output_labels", e->family->gguf_arch ? e->family->gguf_arch : "");
    const evk_meta *labels = evk_meta_array(e->weights, key);
    for (size_t i = 0; i < e->config.n_label; i++) {
        char own[512];
        if (labels && labels->n == e->config.n_label && evk_meta_element_string(labels, i, &text, &n_bytes))
            snprintf(own, sizeof own, "%.*s", (int)(n_bytes < 500 ? n_bytes : 500), text);
        else
            snprintf(own, sizeof own, "LABEL_%zu", i);
        EVK_TRY(keep(e, i, own, err));
    }
    return EVOKE_OK;
}

static bool entails(const char *label)
{
    return strncasecmp(label, "entail", 6) == 0;
}

static void find_entailment(evoke_encoder *e, const json_t *map)
{
    const char *label;
    json_t *value;
    e->entailment = -1;
    if (json_is_object(map) && json_object_size(map) > 0) {
        json_object_foreach((json_t *)(uintptr_t)map, label, value)
            if (e->entailment < 0 && entails(label) && json_is_integer(value) && json_integer_value(value) >= 0 &&
                (uint64_t)json_integer_value(value) < e->config.n_label)
                e->entailment = (int32_t)json_integer_value(value);
        return;
    }
    for (size_t i = e->config.n_label; i-- > 0;)
        if (entails(e->labels[i]))
            e->entailment = (int32_t)i;
}

evoke_status evk_encoder_labels_read(evoke_encoder *e, evoke_error *err)
{
    const json_t *config = evk_weights_container(e->weights) == EVK_GGUF ? NULL : evk_weights_config(e->weights);
    const json_t *labels = json_object_get(config, "id2label");
    e->entailment = -1;
    if (e->config.n_label == 0)
        return EVOKE_OK;
    EVK_TRY(evk_alloc(&e->labels, e->config.n_label, sizeof *e->labels, "read labels", err));
    if (json_object_size(labels) > 0)
        EVK_TRY(from_config(e, labels, err));
    else
        EVK_TRY(from_gguf(e, err));
    find_entailment(e, json_object_get(config, "label2id"));
    return EVOKE_OK;
}
