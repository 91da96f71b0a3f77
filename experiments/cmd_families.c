/* experiments/cmd_families.c: the families of models that this version runs. */
#include <stdio.h>

#include "experiments/json_out.h"
#include "experiments/options.h"

static const struct poptOption own[] = { POPT_TABLEEND };
static const command_options takes = {
    .usage = "[--json]",
    .about = "The families of models that this version runs, by what their files call them: model_type in config.json,\n"
             "general.architecture in GGUF. Any size, and any type of weights ('evoke inspect' says what a file holds).\n"
             "  --json: [{\"label\":, \"kind\": \"decoder\" or \"encoder\", \"config\": [...], \"gguf\": name or null}, ...]",
    .examples = "  evoke families\n  evoke families --json\n",
    .own = own,
};

static evoke_status print_json(evoke_error *err)
{
    json_t *all = json_array();
    evoke_family f;
    for (size_t i = 0; evoke_family_at(i, &f); i++) {
        json_t *o = json_object(), *config = json_array();
        json_add(config, json_string(f.config));
        if (f.config_alias)
            json_add(config, json_string(f.config_alias));
        json_put(o, "label", json_string(f.label));
        json_put(o, "kind", json_string(f.is_encoder ? "encoder" : "decoder"));
        json_put(o, "config", config);
        json_put(o, "gguf", f.gguf ? json_string(f.gguf) : json_null());
        json_add(all, o);
    }
    return json_print(stdout, all, 9, err);
}

static void print_table(void)
{
    evoke_family f;
    printf("%-9s%-48s%-22s%s\n", "", "family", "config.json", "GGUF");
    for (size_t i = 0; evoke_family_at(i, &f); i++) {
        char config[64];
        snprintf(config, sizeof config, "%s%s%s", f.config, f.config_alias ? ", " : "", f.config_alias ? f.config_alias : "");
        printf("%-9s%-48s%-22s%s\n", f.is_encoder ? "encoder" : "decoder", f.label, config, f.gguf ? f.gguf : "-");
    }
}

evoke_status cmd_families(int argc, const char **argv, evoke_error *err)
{
    options o;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done && o.json)
        st = print_json(err);
    else if (st == EVOKE_OK && !o.done)
        print_table();
    options_free(&o);
    return st;
}
