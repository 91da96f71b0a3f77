/* layers/chat_template: renderings against Jinja2's (../shared/templates, and results that Jinja2 3.1 gave for the
 * templates below), where each byte comes from, and errors with their places. Templates that mean harm are in
 * test_hostile_templates.c. */
#include "core/evoke.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tests/check.h"

static const evoke_message talk[] = {
    { "system", "  You are  kind.\n" }, { "user", "Ça va? <b>&amp;</b> {{ x }}" }, { "assistant", "Oui 👩‍👩‍👧" },
    { "user", "ok" },
};
static const evoke_variable variables[] = { { "bos_token", "<s>" }, { "eos_token", "</s>" } };

/* Pieces in order, apart, inside, and each of their bytes the content's. */
static bool pieces_hold(const evoke_prompt *p, const evoke_message *messages, size_t n)
{
    size_t end = 0;
    for (size_t i = 0; i < p->n_pieces; i++) {
        const evoke_piece q = p->pieces[i];
        if (q.begin < end || q.end <= q.begin || q.end > p->text.n || q.message >= n)
            return false;
        const char *content = messages[q.message].content;
        const size_t length = strlen(content), size = q.end - q.begin;
        if (q.offset > length || size > length - q.offset ||
            memcmp(p->text.data + q.begin, content + q.offset, size) != 0)
            return false;
        end = q.end;
    }
    return true;
}

static evoke_status render(const char *source, evoke_prompt *out, evoke_error *err)
{
    evoke_template *t = NULL;
    *out = (evoke_prompt){0};
    evoke_status st = evoke_template_parse(source, strlen(source), &t, err);
    if (st == EVOKE_OK)
        st = evoke_template_render(t, talk, 4, true, variables, 2, out, err);
    evoke_template_free(t);
    return st;
}

static void gives(const char *source, const char *expected)
{
    evoke_prompt p;
    evoke_error err = {0};
    if (check(render(source, &p, &err) == EVOKE_OK, "%s: %s", source, err.text)) {
        const bool same = p.text.n == strlen(expected) && memcmp(p.text.data, expected, p.text.n) == 0;
        check(same, "%s: '%s', not '%s'", source, p.text.data, expected);
        check(pieces_hold(&p, talk, 4), "%s: pieces", source);
    }
    evoke_prompt_free(&p);
}

/* ---- the language: what Jinja2 made of these ---- */
static void language(void)
{
    gives("  {% if true %}\n  a\n  {% endif %}\nb\n", "  a\nb");
    gives("x  {%- if true -%}  \n a {%+ endif %}\n b", "xa  b");
    gives("{# c #}\n{#- d -#}  e{% raw %}{{ x }}{% endraw %}", "e{{ x }}");
    gives("{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ -2 ** 2 }}",
          "3 -4 2 3.5 1024 0.5 4");
    gives("{{ 1 < 2 < 3 }} {{ not 1 in [2] }} {{ 'a' ~ 1 * 2 }}", "True True a2");
    gives("{{ [1, 'a', none, true, 1.0, (2,), {'k': \"it's\"}] }}", "[1, 'a', None, True, 1.0, (2,), {'k': \"it's\"}]");
    gives("{% for i in range(5) if i != 2 %}"
          "{{ loop.index }}{{ i }}{{ ',' if not loop.last }}{% else %}none{% endfor %}",
          "10,21,33,44");
    gives("{% set ns = namespace(n=0) %}"
          "{% for m in messages %}{% set ns.n = ns.n + m.content|length %}{% endfor %}{{ ns.n }}",
          "55");
    gives("{% macro m(a, b='x') %}[{{ a }}{{ b }}]{% endmacro %}{{ m(1) }}{{ m(b=2, a=3) }}", "[1x][32]");
    gives("{{ messages[::-1]|map(attribute='role')|join(' ') }}", "user assistant user system");
    gives("{% for i in range(9) %}"
          "{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
          "013");
    gives("{{ messages|selectattr('role', 'equalto', 'user')|list|length }}{{ undefined_one }}{{ x is defined }}",
          "2False");
    gives("{{ messages[2].content[::-1] }}|{{ messages[1]['content'][:2] }}", "👧‍👩‍👩 iuO|Ça");
    gives("{{ {'b': 1, 'a': 'é\"'}|tojson }}{{ [1]|tojson(indent=2) }}", "{\"b\": 1, \"a\": \"é\\\"\"}[\n  1\n]");
    gives("{% set x %}{{ bos_token }}y{% endset %}{{ x|upper }}{% generation %}{{ x }}{% endgeneration %}", "<S>Y<s>y");
}

/* ---- what Jinja2 makes of the fixed templates of check_templates.py, which wrote the file ---- */

static void one_case(const char *source, const char *expected, const evoke_message *messages, size_t n)
{
    evoke_template *t = NULL;
    evoke_prompt p = { 0 };
    evoke_error err = { 0 };
    evoke_status st = evoke_template_parse(source, strlen(source), &t, &err);
    if (st == EVOKE_OK)
        st = evoke_template_render(t, messages, n, true, variables, 2, &p, &err);
    if (expected)
        check(st == EVOKE_OK && strcmp(p.text.data, expected) == 0, "%s: '%s', not '%s'", source,
              st == EVOKE_OK ? p.text.data : err.text, expected);
    else
        check(st != EVOKE_OK && strstr(err.text, "(line ") && strstr(err.text, ", column "), "%s: %s", source,
              st == EVOKE_OK ? p.text.data : err.text);
    check(pieces_hold(&p, messages, n), "%s: pieces", source);
    evoke_prompt_free(&p);
    evoke_template_free(t);
}

static void cases(const char *root)
{
    char path[4096], now[32];
    evoke_message messages[8];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/tests/golden/chat_template/cases.json", root);
    json_t *all = json_load_file(path, 0, NULL);
    const json_t *list = json_object_get(json_object_get(all, "talk"), "messages"), *made = json_object_get(all, "cases");
    check(json_array_size(made) > 400, "%zu cases in %s", json_array_size(made), path);
    for (; n < json_array_size(list) && n < 8; n++)
        messages[n] = (evoke_message){ json_string_value(json_object_get(json_array_get(list, n), "role")),
                                       json_string_value(json_object_get(json_array_get(list, n), "content")) };
    snprintf(now, sizeof now, "%lld", (long long)json_integer_value(json_object_get(all, "now")));
    setenv("SOURCE_DATE_EPOCH", now, 1);
    for (size_t i = 0; i < json_array_size(made); i++)
        one_case(json_string_value(json_array_get(json_array_get(made, i), 0)),
                 json_string_value(json_array_get(json_array_get(made, i), 1)), messages, n);
    json_decref(all);
}

/* ---- where the bytes come from ---- */
/* The whole of the only piece: bytes of the prompt, message, offset. */
static void comes_from(const char *source, size_t i, size_t n_pieces, const char *text, size_t message, size_t offset)
{
    evoke_prompt p;
    evoke_error err = {0};
    if (check(render(source, &p, &err) == EVOKE_OK, "%s: %s", source, err.text) &&
        check(p.n_pieces == n_pieces && i < n_pieces, "%s: %zu pieces", source, p.n_pieces)) {
        const evoke_piece q = p.pieces[i];
        check(q.end - q.begin == strlen(text) && memcmp(p.text.data + q.begin, text, strlen(text)) == 0, "%s: '%.*s'",
              source, (int)(q.end - q.begin), p.text.data + q.begin);
        check(q.message == message && q.offset == offset, "%s: message %zu, offset %zu", source, q.message, q.offset);
        check(pieces_hold(&p, talk, 4), "%s: pieces", source);
    }
    evoke_prompt_free(&p);
}

static void origins(void)
{
    comes_from("<{{ messages[0].content | trim }}>", 0, 1, "You are  kind.", 0, 2);
    comes_from("{{ 'a' + messages[3]['content'] ~ 'b' }}", 0, 1, "ok", 3, 0);
    comes_from("{{ messages[1].content.split('<b>')[-1] }}", 0, 1, "&amp;</b> {{ x }}", 1, 11);
    comes_from("{{ messages[1].content | replace('<b>', 'BB') }}", 1, 2, "&amp;</b> {{ x }}", 1, 11);
    comes_from("{% set c = messages[0].content %}{% macro m(x) %}({{ x[2:5] }}){% endmacro %}{{ m(c) }}",
               0, 1, "You", 0, 2);
    comes_from("{{ messages | map(attribute='content') | join('|') }}", 2, 4, "Oui 👩‍👩‍👧", 2, 0);
    comes_from("{% set s %}{{ messages[3].content }}{% endset %}{{ s }}{{ s }}", 1, 2, "ok", 3, 0);
    comes_from("{{ messages[1].content | tojson }}", 0, 1, "Ça va? <b>&amp;</b> {{ x }}", 1, 0);
    comes_from("{{ messages[0].content | upper }}", 0, 4, "  Y", 0, 0);
    comes_from("{{ messages[3].content[0] }}{{ messages[3].content[1] }}", 0, 1, "ok", 3, 0);
    comes_from("{{ messages[0].content | wordcount }}{{ messages[3].content }}", 0, 1, "ok", 3, 0);
}

/* ---- errors ---- */
static void fails(const char *source, evoke_status expected, const char *text)
{
    evoke_prompt p;
    evoke_error err = {0};
    const evoke_status st = render(source, &p, &err);
    check(st == expected && strstr(err.text, text), "%.60s: %d, %s", source, (int)st, err.text);
    evoke_prompt_free(&p);
}

static void errors(void)
{
    fails("a\n  {{ raise_exception('no ' ~ 'way') }}", EVOKE_EDATA, "no way (line 2, column 6)");
    fails("{% if x %}", EVOKE_EFORMAT, "line 1, column 11");
    fails("{{ 'é' + }}", EVOKE_EFORMAT, "line 1, column 10");
    fails("{% include 'x' %}", EVOKE_EUNSUPPORTED, "include");
    fails("{{ 1 | nothing }}", EVOKE_EUNSUPPORTED, "nothing");
    fails("{{ x.y }}", EVOKE_EFORMAT, "'x' is undefined");
    fails("{{ 'a' + 1 }}", EVOKE_EFORMAT, "'str' and 'int'");
    fails("{{ 9223372036854775807 + 1 }}", EVOKE_EUNSUPPORTED, "64 bits");
    fails("{{ 1 // 0 }}", EVOKE_EFORMAT, "zero");
    fails("{{ messages.append(1) }}", EVOKE_EUNSUPPORTED, "append");
    fails("{% endif %}", EVOKE_EFORMAT, "endif");
    fails("{{ '\xff' }}", EVOKE_EFORMAT, "UTF-8");
}

/* What is unknown and surely reached is told by evoke_template_parse, before anything else is read. */
static void unknown_ones(void)
{
    static const struct { const char *source, *text; } told[] = {
        { "a\n {{ 1 | nope }}", "filter 'nope' (line 2, column 9)" }, { "{{ 1 is nope }}", "test 'nope' (line 1, column 9)" },
        { "{% nope %}", "nope" }, { "{{ nope(1) }}", "function 'nope' (line 1, column 4)" },
        { "{% for m in messages %}\n{{ m.content.nope() }}{% endfor %}", "method 'nope' (line 2, column 13)" },
        { "{{ messages|map('nope')|list }}", "filter 'nope' (line 1, column 17)" },
        { "{{ messages|selectattr('role', 'nope')|list }}", "test 'nope' (line 1, column 32)" },
        { "{% import 'x' as y %}", "import" },
        { "{{ [1]|reject('nope')|list }}", "test 'nope'" },
        { "{{ nope() if true else 1 is odd }}{{ 'x'.nope() }}", "method 'nope'" },
    };
    static const char *const asked[] = {        /* a template may ask first */
        "{% if nope is defined %}{{ nope(1) }}{% endif %}", "{% if tools %}{{ nope(1) }}{{ 'a'.nope() }}{% endif %}",
        "{{ 'x' if true else nope(1) }}", "{% macro m() %}{{ nope(1) }}{% endmacro %}",
        "{% for t in tools %}{{ nope(t) }}{% endfor %}",
        "{% set f = namespace(g=range) %}{{ f.g(2) }}", "{% macro m() %}x{% endmacro %}{% set d = {'m': m} %}{{ d.m() }}",
        "{% macro m(f) %}{{ f(2) }}{% endmacro %}{{ m(range) }}", "{{ false and nope(1) }}",
        "{% for f in [range] %}{{ f(1) }}{% endfor %}",
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        evoke_template *t = NULL;
        evoke_error err = { 0 };
        const evoke_status st = evoke_template_parse(told[i].source, strlen(told[i].source), &t, &err);
        check(st != EVOKE_OK && strstr(err.text, told[i].text), "%s: %s", told[i].source, err.text);
        evoke_template_free(t);
    }
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        evoke_prompt p;
        evoke_error err = { 0 };
        check(render(asked[i], &p, &err) == EVOKE_OK, "%s: %s", asked[i], err.text);
        evoke_prompt_free(&p);
    }
}

/* What a caller can get wrong; and a template serves many renderings. */
static void arguments(void)
{
    static const evoke_message absent = { "user", NULL }, broken = { "user", "a\xff" }, good = { "user", "hi" };
    const char *source = "{{ messages[0].content }}";
    evoke_template *t = NULL;
    evoke_prompt p;
    check(evoke_template_parse(source, strlen(source), &t, NULL) == EVOKE_OK, "parse");
    check(evoke_template_render(t, &absent, 1, true, NULL, 0, &p, NULL) == EVOKE_EARG && !p.text.data, "no content");
    check(evoke_template_render(t, &broken, 1, true, NULL, 0, &p, NULL) == EVOKE_EDATA && !p.text.data, "not UTF-8");
    check(evoke_template_render(t, NULL, 0, true, NULL, 0, &p, NULL) == EVOKE_EFORMAT, "no message");
    for (size_t i = 0; i < 2; i++) {
        const evoke_status st = evoke_template_render(t, &good, 1, true, NULL, 0, &p, NULL);
        check(st == EVOKE_OK && strcmp(p.text.data, "hi") == 0 && p.n_pieces == 1 && p.pieces[0].end == 2,
              "rendering %zu", i);
        evoke_prompt_free(&p);
    }
    evoke_template_free(t);
    evoke_template_free(NULL);
    evoke_prompt_free(NULL);
}

/* ---- every template of ../shared/templates, against Jinja2 ---- */
static void one_conversation(const evoke_template *t, const char *name, const json_t *conversation,
                             const json_t *expected, const json_t *tokens)
{
    const json_t *list = json_object_get(conversation, "messages");
    const char *text = json_string_value(json_object_get(expected, "text"));
    const char *message = json_string_value(json_object_get(expected, "error"));
    evoke_message messages[16];
    evoke_variable vars[16];
    size_t n = 0, n_vars = 0;
    for (; n < json_array_size(list) && n < 16; n++)
        messages[n] = (evoke_message){json_string_value(json_object_get(json_array_get(list, n), "role")),
                                      json_string_value(json_object_get(json_array_get(list, n), "content"))};
    for (void *i = json_object_iter((json_t *)tokens); i && n_vars < 16; i = json_object_iter_next((json_t *)tokens, i))
        vars[n_vars++] = (evoke_variable){json_object_iter_key(i), json_string_value(json_object_iter_value(i))};
    evoke_prompt p;
    evoke_error err = {0};
    const bool prompt = json_is_true(json_object_get(conversation, "add_generation_prompt"));
    const evoke_status st = evoke_template_render(t, messages, n, prompt, vars, n_vars, &p, &err);
    const char *which = json_string_value(json_object_get(conversation, "name"));
    if (text)
        check(st == EVOKE_OK && p.text.n == strlen(text) && memcmp(p.text.data, text, p.text.n) == 0, "%s, %s: %s",
              name, which, st == EVOKE_OK ? p.text.data : err.text);
    else
        check(st == EVOKE_EDATA && message && strstr(err.text, message), "%s, %s: %s", name, which, err.text);
    check(pieces_hold(&p, messages, n), "%s, %s: pieces", name, which);
    evoke_prompt_free(&p);
}

static void one_template(const char *folder, const char *name, const json_t *results, const json_t *all)
{
    char path[4096];
    evoke_text source = {0};
    evoke_template *t = NULL;
    evoke_error err = {0};
    snprintf(path, sizeof path, "%s/%s.jinja", folder, name);
    if (check(evk_read_file(path, 1 << 20, &source, &err) == EVOKE_OK, "%s", err.text) &&
        check(evoke_template_parse(source.data, source.n, &t, &err) == EVOKE_OK, "%s: %s", name, err.text)) {
        const json_t *conversations = json_object_get(all, "conversations");
        for (size_t i = 0; i < json_array_size(results); i++)
            one_conversation(t, name, json_array_get(conversations, i), json_array_get(results, i),
                             json_object_get(all, "special_tokens"));
    }
    evoke_template_free(t);
    evoke_text_free(&source);
}

static void shared_templates(const char *root)
{
    char folder[4000], path[4096];
    const char *name;
    json_t *results;
    snprintf(folder, sizeof folder, "%s/../shared/templates", root);
    snprintf(path, sizeof path, "%s/expected.json", folder);
    json_t *all = json_load_file(path, 0, NULL);
    if (!all) {
        check_skip("templates of models", "../shared/templates/expected.json is not here");
        return;
    }
    setenv("SOURCE_DATE_EPOCH", "1767323045", 1);
    json_object_foreach(json_object_get(all, "templates"), name, results)
        one_template(folder, name, results, all);
    json_decref(all);
}

/* SmolLM2's own template over the conversations of golden/smollm2. */
static void smollm2(const char *root)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/../shared/golden/smollm2/chat.json", root);
    json_t *all = json_load_file(path, 0, NULL);
    if (!all) {
        check_skip("SmolLM2's template", "../shared/golden/smollm2/chat.json is not here");
        return;
    }
    const char *source = json_string_value(json_object_get(all, "template"));
    const json_t *conversations = json_object_get(all, "conversations");
    evoke_template *t = NULL;
    evoke_error err = {0};
    check(evoke_template_parse(source, strlen(source), &t, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; t && i < json_array_size(conversations); i++)
        one_conversation(t, "SmolLM2", json_array_get(conversations, i), json_array_get(conversations, i), NULL);
    evoke_template_free(t);
    json_decref(all);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : ".";
    language();
    cases(root);
    origins();
    errors();
    unknown_ones();
    arguments();
    shared_templates(root);
    smollm2(root);
    return check_done();
}
