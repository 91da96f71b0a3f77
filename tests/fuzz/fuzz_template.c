/* Chat templates: any text is parsed and, where it is a template, rendered over a fixed conversation. Either fails with
 * a reason, or the pieces are in order and tell the truth about every byte. */
#include "tests/fuzz/fuzz.h"

static const evoke_message talk[] = {
    { "system", " You are kind.\n" }, { "user", "Ça va? {{ x }} 'so' \"it\" \\ <b>" }, { "assistant", "Oui 👩‍👩‍👧" },
    { "user", "" },
};
enum { N_TALK = sizeof talk / sizeof *talk };

static void pieces_hold(const evoke_prompt *p)
{
    size_t end = 0;
    for (size_t i = 0; i < p->n_pieces; i++) {
        const evoke_piece q = p->pieces[i];
        expect(q.begin >= end && q.end > q.begin && q.end <= p->text.n && q.message < N_TALK);
        const char *content = talk[q.message].content;
        const size_t length = strlen(content), size = q.end - q.begin;
        expect(q.offset <= length && size <= length - q.offset);
        expect(memcmp(p->text.data + q.begin, content + q.offset, size) == 0);
        end = q.end;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const evoke_variable variables[] = { { "bos_token", "<s>" }, { "eos_token", "</s>" } };
    evoke_template *t = NULL;
    evoke_prompt p = {0};
    evoke_error err = {0};
    if (fuzz_ok(evoke_template_parse((const char *)data, size, &t, &err), &err))
        fuzz_ok(evoke_template_render(t, talk, N_TALK, true, variables, 2, &p, &err), &err);
    pieces_hold(&p);
    evoke_prompt_free(&p);
    evoke_template_free(t);
    return 0;
}

static const char *const seeds[] = {
    "{% for n in [1, [2, [3]]] recursive %}{% if n is iterable %}{{ loop.depth }}{{ loop(n) }}{% else %}{{ n }}{% endif %}{% endfor %}",
    "{{ '%-5s|%05.2f|%(a)x' % {'a': 255} }}{{ '%s %d'|format('a', 1) }}{{ '{0:>{w}}{a[b].c!r:*^9}{{}}'.format(1, w=5, a={'b': messages}) }}"
    "{{ '{:+08,.3f}|{:#x}|{:%}'.format(1.5, 255, 0.1) }}",
    "{% for g in messages|groupby('role') %}{{ g.grouper }}{{ g.list|slice(2, 'x')|list }}{% endfor %}{{ {'a b': '&'}|urlencode }}"
    "{{ {'k': '<'}|xmlattr }}{{ '<b>x</b>&amp;'|striptags }}{% set c = cycler(1, 2) %}{{ c.next() }}{{ c.current }}{% set j = joiner() %}{{ j() }}{{ j() }}",
    "{{ 'a\tb'.expandtabs(4) }}{{ m.name }}{% macro m(a) %}{{ caller.arguments }}{% endmacro %}{{ m }}{% call(x) m(1) %}{{ x }}{% endcall %}",
    "{% for m in messages %}{{'<|' + m['role'] + '|>\n' + m.content | trim + eos_token}}{% endfor %}",
    "{%- set ns = namespace(n=0, s='') -%}{% for m in messages[::-1] if m.role != 'system' %}"
    "{% set ns.s = m.content ~ ns.s %}{% set ns.n = ns.n + loop.index0 %}{{ loop.last }}{{ loop.nextitem }}{% endfor %}{{ ns.s }}",
    "{% macro f(a, b=2, c='x') -%}{{ a }}{{ varargs }}{{ kwargs }}{% if a > 0 %}{{ f(a - 1) }}{% endif %}{%- endmacro %}{{ f(3, k=1) }}",
    "{{ [3, 1, 2] | sort | map('string') | join(',') }}{{ {'a': [1, {'b': none}]} | tojson(indent=2) }}{{ 'a,b'.split(',', 1)[-1][::-2] }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | list | length ** 2 // 3 % 2 }}"
    "{{ messages[1].content | replace('so', 'SO') | upper | title | indent(2, true) | truncate(9) | center(20) }}",
    "{% set x | upper %}a{# c #}{% raw %}{{ }}{% endraw %}{% endset %}{% filter trim %} {{ x }} {% endfilter %}{% with a = 1 %}{{ a }}{% endwith %}",
    "{% if messages[0].role is defined and not (1 < 2 <= 3) or 'a' in 'abc' %}{{ raise_exception('no') }}{% elif x %}{% else %}"
    "{{ 'y' if y else 'z' }}{% endif %}{% call f() %}{% endcall %}",
    "{% for a, b in {'k': 1}.items() %}{% if loop.index == 3 %}{% break %}{% endif %}{% continue %}{% else %}{{ 1.5e3|round(1) }}{% endfor %}"
    "{{ strftime_now('%Y') }}{{ range(1, 9, 2)|batch(2)|list }}{{ 'x'.strip('x').find('y', 0) }}",
};

size_t fuzz_seed(size_t i, uint8_t *out, size_t capacity)
{
    if (i >= sizeof seeds / sizeof *seeds || strlen(seeds[i]) > capacity)
        return 0;
    memcpy(out, seeds[i], strlen(seeds[i]));
    return strlen(seeds[i]);
}
