/* Chat templates that mean harm: loops without end, calls without bottom, texts and values that double, sources nested or
 * chained a hundred thousand deep, searches that are slow. Each ends within 5 seconds and 500 MB, in a text or in one line. */
#include "core/evoke.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "core/text.h"
#include "tests/check.h"

enum { MOST_SECONDS = SANITIZED ? 50 : 5, MOST_MEMORY = (SANITIZED ? 2000 : 500) << 10 };  /* of the processor, for one; KiB, of all */

/* says NULL: it may also succeed; otherwise what the error says. */
static void ends(const char *source, const char *says)
{
    static const evoke_message talk[] = { { "user", "hello" } };
    evoke_template *t = NULL;
    evoke_prompt p = { 0 };
    evoke_error err = { 0 };
    const clock_t begin = clock();
    evoke_status st = evoke_template_parse(source, strlen(source), &t, &err);
    if (st == EVOKE_OK)
        st = evoke_template_render(t, talk, 1, true, NULL, 0, &p, &err);
    const double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    check(seconds < MOST_SECONDS, "%.100s: %.1f seconds", source, seconds);
    check(st == EVOKE_OK || (err.text[0] && !strpbrk(err.text, "\n\r")), "%.100s: '%s' is no line", source, err.text);
    check(!says || (st != EVOKE_OK && strstr(err.text, says)), "%.100s: '%s' lacks '%s'", source, err.text, says);
    evoke_prompt_free(&p);
    evoke_template_free(t);
}

#define DOUBLED(value, step, then) "{% set n = namespace(s=" value ", t=" value ") %}{% for a in range(60) %}" \
    "{% set n.s = " step("s") " %}{% set n.t = " step("t") " %}{% endfor %}{{ " then " }}"
#define SUM(x) "n." x " + n." x
#define LIST(x) "[n." x ", n." x "]"
#define TUPLE(x) "(n." x ", n." x ")"
#define NESTED(then) "{% set n = namespace(s=(1,), t=(1,)) %}{% for a in range(99999) %}{% set n.s = (n.s,) %}" \
    "{% set n.t = (n.t,) %}{% endfor %}{{ " then " }}"
#define MANY(each) "{% set s = 'a' * 5000000 %}{% set l = range(99999)|list %}{% for i in l %}" each "{% endfor %}"

static const struct { const char *source, *says; } templates[] = {
    /* loops and calls */
    { "{% for a in range(1000000000) %}{% for b in range(1000000000) %}x{% endfor %}{% endfor %}", "range" },
    { "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}", "" },
    { "{% for a in range(99999) %}{% for b in range(99999) %}{{ messages|tojson }}{% endfor %}{% endfor %}", "" },
    { "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "deep" },
    { "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}", "deep" },
    { "{% macro a() %}{% call a() %}{{ caller() }}{% endcall %}{% endmacro %}{{ a() }}", "deep" },
    { "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}", "" },
    { "{% macro m(n) %}{% if n %}{{ m(n - 1) ~ m(n - 1) }}{% else %}x{% endif %}{% endmacro %}{{ m(60) }}", "" },
    { "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}", "deep" },
    /* what doubles, or holds itself */
    { DOUBLED("'abcdefgh'", SUM, "n.s"), "MB" }, { DOUBLED("[1]", SUM, "n.s"), "MB" }, { DOUBLED("[1]", LIST, "n.s"), "" },
    { DOUBLED("[1]", LIST, "n.s == n.t"), "" }, { DOUBLED("[1]", LIST, "n.s < n.t"), "" },
    { DOUBLED("[1]", LIST, "n.s|tojson"), "" },
    { DOUBLED("(1,)", TUPLE, "{n.s: 1}"), "" }, { DOUBLED("(1,)", TUPLE, "[n.s, n.t]|unique|list"), "" },
    { DOUBLED("(1,)", TUPLE, "[n.s, n.t]|sort"), "" }, { NESTED("n.s"), "deep" }, { NESTED("n.s == n.t"), "deep" },
    { NESTED("n.s|tojson(indent=9)"), "deep" }, { NESTED("{n.s: 1}"), "deep" }, { NESTED("n.s in [n.t]"), "deep" },
    { "{% set n = namespace() %}{% set n.a = [n] %}{{ n.a }}", "deep" },
    { "{% set n = namespace() %}{% set n.a = n %}{{ n }}", "deep" },
    { "{% set n = namespace(g=[1]) %}"
      "{% for i in range(999) %}{% set n.g = n.g|map('string') %}{% endfor %}{{ n.g|list }}", NULL },
    { "{% set n = namespace(l=[]) %}{% for i in range(99999) %}{% set n.l = n.l + [i] %}{% endfor %}", "" },
    /* numbers and repeats */
    { "{{ 'abcdefgh' * 1000000000000 }}", "'*'" }, { "{{ [1] * 9223372036854775807 }}", "'*'" },
    { "{{ 'a' * -9223372036854775807 }}", NULL },
    { "{{ 10 ** 100000000 }}", "" }, { "{{ 9 ** 9 ** 9 ** 9 }}", "" }, { "{{ 2 ** -100000000 }}", NULL },
    { "{{ 10.0 ** 400 }}", "" },
    { "{{ 'abc'[-9223372036854775807:9223372036854775807] }}{{ [1, 2][9223372036854775807::-9223372036854775807] }}", NULL },
    { "{{ 'abc'[::9223372036854775807] }}{{ range(5)[::-9223372036854775807]|list }}", NULL },
    { "{{ 1.5|round(999999999) }}{{ 1.5|round(-999999999) }}{{ '9' * 100000|int }}", NULL },
    { "{{ [1]|batch(9223372036854775807, 'x')|list }}", "" }, { "{{ [1]|slice(9223372036854775807, 'x')|list }}", "" },
    /* widths */
    { "{{ '%999999999999d' % 1 }}", "" }, { "{{ '%*d' % (9223372036854775807, 1) }}", "" }, { "{{ '%.999999999f' % 1.5 }}", "" },
    { "{{ '{:999999999999999999999}'.format(1) }}", "" }, { "{{ '{:.999999999f}'.format(1.5) }}", "" },
    { "{{ '{:{}}'.format(1, 9223372036854775807) }}", "" }, { "{{ 'a'|center(9223372036854775807) }}", "" },
    { "{{ 'a'.ljust(9223372036854775807) }}{{ 'a'.zfill(9223372036854775807) }}", "" },
    { "{{ ('\\t' * 1000000).expandtabs(1000000) }}", "" },
    { "{{ ('a\\n' * 1000000)|indent(60000000) }}", "" }, { "{{ ([[[1]]] * 100000)|tojson(indent=60000000) }}", "" },
    { "{{ strftime_now('%c' * 100000) }}", "" }, { "{{ strftime_now('%9999999Y') }}", "" },
    /* long texts, many times */
    { "{{ ('a' * 10000000)|replace('a', 'b' * 1000) }}", "MB" },
    { "{{ (['x' * 1000000] * 1000000)|join('y' * 1000000) }}", "MB" },
    { MANY("{{ s }}"), "MB" }, { MANY("{{ s|length }}{{ s|upper|lower }}"), "" },
    { MANY("{{ 'b' in s }}{{ s.find('ab') }}"), "" },
    { MANY("{{ s == s ~ '' }}{{ s.strip('a') }}"), "" }, { MANY("{{ s[i] }}{{ s[1:]|length }}"), "" },
    { MANY("{{ s.split('b')|length }}"), "" },
    { MANY("{{ 'a' in l }}{{ l.count(5) }}{{ l|max }}"), "" }, { MANY("{{ l|sort|first }}{{ l|unique|list|length }}"), "" },
    { MANY("{{ [1.5] * 1000 }}{{ ([1e300] * 1000)|tojson }}"), "" },
    { MANY("{{ s|e|striptags|urlencode|title|wordcount }}"), "" },
    { MANY("{{ s.count('a' * 100000 ~ 'b') }}{{ s.rsplit('a' * 100000 ~ 'b')|length }}"), "" },
    { MANY("{{ messages|map(attribute='a.b.c.d.e.f')|list }}{{ messages|groupby('role') }}"), "" },
    { "{{ raise_exception('x' * 60000000) }}", "" },
};

/* begin, n times unit, middle, n times end, after. */
static const struct { const char *begin, *unit; size_t n; const char *middle, *end, *after, *says; } long_ones[] = {
    { "{{ ", "(", 100000, "1", ")", " }}", "deep" }, { "{{ ", "[", 100000, "", "]", " }}", "deep" },
    { "{{ ", "{1:", 100000, "1", "}", " }}", "deep" }, { "{{ ", "a[", 100000, "0", "]", " }}", "deep" },
    { "{{ ", "range(", 100000, "1", ")", " }}", "deep" }, { "{{ ", "not ", 100000, "1", "", " }}", NULL },
    { "{{ ", "-", 100000, "1", "", " }}", "deep" }, { "{{ 1", " + 1", 100000, "", "", " }}", "deep" },
    { "{{ 1", "**1", 100000, "", "", " }}", "deep" }, { "{{ 0", " or 0", 100000, "", "", " }}", "deep" },
    { "{{ 0", " ~ 0", 100000, "", "", " }}", NULL }, { "{{ 0", " <= 0", 100000, "", "", " }}", NULL },
    { "{{ 1", " if 1 else 1", 80000, "", "", " }}", "deep" }, { "{{ 'a'", "|upper", 100000, "", "", " }}", "deep" },
    { "{{ 'a'", ".upper()", 100000, "", "", " }}", "deep" }, { "{{ messages", "[0]", 100000, "", "", " }}", "deep" },
    { "{{ messages", ".a", 100000, "", "", " }}", "deep" }, { "{{ 'a'", "[1:]", 100000, "", "", " }}", "deep" },
    { "{{ ", "'a' ", 100000, "", "", "}}", NULL }, { "{{ ", "1,", 100000, "", "", " }}", NULL },
    { "{{ range(", "1,", 100000, "", "", ") }}", "" }, { "{{ ", "1|default(", 90000, "0", ")", " }}", "deep" },
    { "", "{% if 1 %}", 50000, "", "{% endif %}", "", "" }, { "", "{% for a in [1] %}", 30000, "", "{% endfor %}", "", "deep" },
    { "", "{% with %}", 40000, "", "{% endwith %}", "", "deep" },
    { "", "{% macro m() %}", 30000, "", "{% endmacro %}", "", "deep" },
    { "", "{% set x %}", 40000, "", "{% endset %}", "", "deep" },
    { "", "{% filter upper %}", 30000, "", "{% endfilter %}", "", "deep" },
    { "{% if 0 %}", "{% elif 0 %}", 60000, "", "", "{% endif %}", NULL },
    { "{% for ", "(", 100000, "a", ")", " in [1] %}{% endfor %}", "" },
    { "{% set ", "a,", 100000, "", "", " = 1 %}", "" }, { "", "{#", 300000, "", "", "", "comment" },
    { "", "{{", 400000, "", "", "", "" },
    { "", "{%", 400000, "", "", "", "" }, { "", "{% raw %}", 100000, "", "", "", "raw" }, { "", "{{ a", 200000, "", "", "", "" },
    { "{{ ", "1", 900000, "", "", " }}", "too long" }, { "{{ ", "a", 900000, "", "", " }}", "too long" },
    { "{{ '", "\\x41", 200000, "", "", "' }}", NULL }, { "", "\n", 1000000, "", "", "{{", "line 1000001" },
    { "", "a", 2000000, "", "", "", "bytes" }, { "{{ '", "{:", 100000, "", "}", "'.format(1) }}", "" },
    { "{{ '{0", "[0]", 100000, "", "", "}'.format(messages) }}", "" },
    { "{{ '", "{0}", 200000, "", "", "'.format(messages) }}", NULL },
    { "{{ '%", "9", 100000, "", "", "d' % 1 }}", "" }, { "{{ ('", "<a><!--", 100000, "", "", "')|striptags }}", NULL },
    { "{{ dict(", "a=1,", 200000, "", "", ") }}", "" }, { "{% set d = {", "'a':1,", 150000, "", "", "} %}{{ d }}", NULL },
    { "", "{{f()}}", 140000, "{% set f = 1 %}", "", "", "" }, { "", "{{''.f()}}", 100000, "", "", "", "no method 'f'" },
};

static void ends_long_ones(void)
{
    for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++) {
        evk_buffer b = { 0 };
        evk_buffer_add(&b, long_ones[i].begin, strlen(long_ones[i].begin), NULL);
        for (size_t k = 0; k < long_ones[i].n; k++)
            evk_buffer_add(&b, long_ones[i].unit, strlen(long_ones[i].unit), NULL);
        evk_buffer_add(&b, long_ones[i].middle, strlen(long_ones[i].middle), NULL);
        for (size_t k = 0; k < long_ones[i].n; k++)
            evk_buffer_add(&b, long_ones[i].end, strlen(long_ones[i].end), NULL);
        evk_buffer_add(&b, long_ones[i].after, strlen(long_ones[i].after), NULL);
        ends(b.data, long_ones[i].says);
        evk_buffer_free(&b);
    }
}

/* Names by the thousand: each is looked for among all of them. */
static void ends_many_names(void)
{
    evk_buffer b = { 0 };
    for (int i = 0; i < 30000; i++)
        evk_buffer_format(&b, NULL, "{%% set k%d = 1 %%}", i);
    evk_buffer_format(&b, NULL, "{%% for i in range(99999) %%}{{ k0 }}{{ k29999 }}{%% endfor %%}");
    ends(b.data, "steps");
    b.n = 0;
    evk_buffer_format(&b, NULL, "{%% set d = {");
    for (int i = 0; i < 50000; i++)
        evk_buffer_format(&b, NULL, "'k%d':1,", i);
    evk_buffer_format(&b, NULL, "} %%}{%% for k in d %%}{{ d[k] }}{{ d.k49999 }}{%% endfor %%}");
    ends(b.data, "steps");
    evk_buffer_free(&b);
}

int main(void)
{
    struct rusage used;
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++)
        ends(templates[i].source, templates[i].says);
    ends_long_ones();
    ends_many_names();
    getrusage(RUSAGE_SELF, &used);
    check(used.ru_maxrss < MOST_MEMORY, "%ld KiB", used.ru_maxrss);
    return check_done();
}
