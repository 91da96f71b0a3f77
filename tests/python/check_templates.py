"""`evoke tokenize --template F --chat CONVS.json --json` against Jinja2, set up as transformers does.

    python check_templates.py PROGRAM [SEED [N_RANDOM]]
    python check_templates.py --write tests/golden/chat_template/cases.json     what Jinja2 makes of the fixed ones, for the C test

Small templates over every part of the language, random expressions, and random conversations through them and, where
../shared/templates is present, through the templates of models. What Jinja2 raises an error for must be one here too. Where
Jinja2 answers only because it folds constants when it compiles (1[1:1] is undefined then, and an error with any variable in it),
an error will do; and so it will where Jinja2 prints an object's address.
Prints what fails and `N passed, N failed, N skipped`."""
import json, os, random, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
import jinja2, jinja2.compiler, jinja2.ext, jinja2.nodes, jinja2.sandbox
from checking import PROGRAM, check, end, seed, skip

WRITE = sys.argv[2] if sys.argv[1] == "--write" else None
SEED = None if WRITE else seed()
N_RANDOM = int(sys.argv[3]) if len(sys.argv) > 3 else 150
NOW = 1767323045
VARS = {"bos_token": "<s>", "eos_token": "</s>"}


# ---------------------------------------------------------------------------- the reference

class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_text"), [], [], body).set_lineno(line)

    def _text(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


class Namespace(jinja2.utils.Namespace):
    """As newer transformers have it: no attribute begins with an underscore"""

    def __init__(*args, **kwargs):
        self, attrs = args[0], dict(*args[1:], **kwargs)
        if any(isinstance(name, str) and name.startswith("_") for name in attrs): raise jinja2.exceptions.SecurityError("name")
        jinja2.utils.Namespace.__init__(self, attrs)

    def __setitem__(self, name, value):
        if name.startswith("_"): raise jinja2.exceptions.SecurityError("name")
        jinja2.utils.Namespace.__setitem__(self, name, value)


class Unfolded(jinja2.compiler.CodeGenerator):
    def _output_child_to_const(self, node, *more):
        if not isinstance(node, jinja2.nodes.TemplateData): raise jinja2.nodes.Impossible()
        return super()._output_child_to_const(node, *more)


def environment(folds):
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, optimized=folds,
                                                       extensions=[Generation, jinja2.ext.loopcontrols])
    if not folds: env.code_generator_class = Unfolded
    env.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: datetime.fromtimestamp(NOW, timezone.utc).replace(tzinfo=None).strftime(form)
    env.globals["namespace"] = Namespace
    return env


def reference(source, conversations, folds=True):
    """A text a conversation, or None for an error"""
    try: template = environment(folds).from_string(source)
    except Exception: return [None] * len(conversations)
    results = []
    for c in conversations:
        try: results.append(template.render(messages=c["messages"], add_generation_prompt=c["add_generation_prompt"], **VARS))
        except Exception: results.append(None)
    return results


def ours(source, conversations):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("t.jinja", "c.json")]
        with open(paths[0], "w", encoding="utf-8", newline="") as f: f.write(source)
        with open(paths[1], "w", encoding="utf-8") as f: json.dump(conversations, f, ensure_ascii=False)
        command = [PROGRAM, "tokenize", "--template", paths[0], "--chat", paths[1], "--json"]
        for name, value in VARS.items(): command += ["--var", f"{name}={value}"]
        run = subprocess.run(command, capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": str(NOW)})
    if run.returncode not in (0, 1): return [f"exit status {run.returncode}: {run.stderr[-300:]}"] * len(conversations)
    try: return [one.get("text") for one in json.loads(run.stdout)]
    except ValueError: return [None] * len(conversations)       # the template does not parse


def may_fail(source, conversation, expected):
    return " object at 0x" in expected or reference(source, [conversation], folds=False) == [None]


def compare(source, conversations):
    expected, got = reference(source, conversations), ours(source, conversations)
    if len(got) < len(expected): got = [None] * len(expected)
    return [(e == g or (g is None and may_fail(source, c, e)), source, c, e, g) for e, g, c in zip(expected, got, conversations)]


# ---------------------------------------------------------------------------- templates

TALK = {"messages": [{"role": "system", "content": "  You are  kind.\n"},
                     {"role": "user", "content": "Ça va? <b>&amp;</b> {{ x }} it's \"so\"\\n"},
                     {"role": "assistant", "content": "<think>\nhm\n</think>\n\nOui 👩‍👩‍👧 ẞß ǅ"},
                     {"role": "user", "content": "ok\tok\r\nOK"}], "add_generation_prompt": True}

EXPRESSIONS = """
1 + 2 * 3 - 4 / 2
7 // 2, -7 // 2, 7 // -2, -7 % 3, 7 % -3, 7.5 // 2, -7.5 % 2, 7 % 2.5, 0.0 % -3
2 ** 10, 2 ** -1, -2 ** 2, 2 ** 3 ** 2, 2.0 ** 0.5, (-8) ** 2
1 / 3, 10 / 5, 1e100, 1.5e-7, 123456789012345678.0, 0.1 + 0.2, 1e16, 1e15, 100.0, -0.0, 1_000, 0x1F, 0b101, 0o17
true + true, true * 3, -true, 1 == true, 1.0 == 1, none == false
'a' < 'b', 'Z' < 'a', 'ab' < 'abc', [1, 2] < [1, 3], (1,) < (1, 0), 1 < 2 < 3, 1 < 3 < 2, 3 > 2 >= 2 != 1
1 in [1, 2], 'a' in 'cat', 'x' not in 'cat', 'k' in {'k': 1}, not 1 in [2], 1 in (2, 3), 'b' in undefined_thing
1 and 2, 0 or 'x', '' and 1, not '', not not 1, 0 or none or [] or 'end', 1 and [] or 'y'
'a' if 1 else 'b', 'a' if 0, ('a' if 0) is undefined, 'a' if 0 else 'b' if 0 else 'c'
'a' ~ 1 ~ none ~ true ~ 1.50, 'x' ~ [1] ~ {}, 1 ~ 2
'ab' * 3, 3 * 'ab', [1] * 2, 'a' * -1, 'a' * true
[1] + [2], (1,) + (2,), 'a' 'b' "c"
[1, 'a', none, true, 1.0, (2,), (), {'k': "it's"}, {}, [[]]]
['"', "'", "'\\"", '\\n\\t\\\\', 'é\\x00\\x7f\\u200b\\u00a0', '👧']
{'a': 1, 1: 'b', (1, 2): none, true: 2, 1.0: 3}
'\\x41\\u00e9\\101\\
continued \\q \\'quoted\\''
[1, 2, 3][0], [1, 2, 3][-1], 'abc'[1], 'é👧x'[1], 'abc'[-1], (1, 2)[1], [1][5], 'a'[9] is undefined
'abcdef'[1:3], 'abcdef'[:-1], 'abcdef'[::-1], 'abcdef'[::2], 'abcdef'[-3:], 'abcdef'[4:1:-1], 'abcdef'[10:], 'é👧xy'[1:3]
[1, 2, 3, 4][1:], [1, 2, 3, 4][::-1], [1, 2, 3, 4][-1:0:-2], [1, 2, 3][:0], [1, 2][none:none], (1, 2, 3)[::2], range(5)[1:3]|list
{'a': {'b': [10, 20]}}.a.b[1], {'a': 1}['a'], {'a': 1}.z is defined, {'a': 1}['z'], [10, 20].1
{'items': 1}.items is callable, {'items': 1}['items'], {'x': 1}['keys'] is callable, {'get': 5}.get('get')
messages[0].role, messages[1]['content'], messages[-1].content|length, messages|length, messages[1:]|length, messages[9] is defined
undefined_thing, undefined_thing is defined, undefined_thing|default('d'), undefined_thing == other_thing, undefined_thing == ''
undefined_thing|length, undefined_thing|list, undefined_thing|join, undefined_thing|upper, undefined_thing is iterable, undefined_thing is sequence
'  a b '|trim, 'xxaxx'|trim('x'), ' a '.strip(), 'xyaxy'.strip('yx'), '\\u3000\\x85a\\xa0\\x1f'|trim, 'aXa'.lstrip('a'), 'aXa'.rstrip('a'), 5|trim
'abc'|length, 'é👧'|count, [1, 2]|length, {'a': 1}|length, ''|length, range(3)|length
'aBc dÉ ß ǆ'|upper, 'ABC DÉ ẞ Ǆ'|lower, 'hELLO wORLD éa'|capitalize, "it's a-b (c) [d] x_y 2a"|title, "it's a-b 2nd éé".title(), 'aBc'.swapcase()
'a-b-c'|replace('-', '+'), 'a-b-c'|replace('-', '+', 1), 'abc'.replace('', '.'), 'aaa'.replace('aa', 'b'), 'a.b'.replace('.', ''), 'abc'.replace('b', 'xyz', 0), 'ab'|replace('', '-', 2)
none|default('x'), none|default('x', true), ''|d('e', true), 0|default(1, boolean=true), undefined_thing|default, undefined_thing|d
[1, 'a', none]|join(','), 'abc'|join('-'), []|join('x'), [{'n': 1}, {'n': 2}]|join(', ', attribute='n'), {'a': 1, 'b': 2}|join('|'), [1]|join(5)
[3, 1, 2]|first, [3, 1, 2]|last, 'abc'|first, 'abc'|last, []|first, {'k': 1}|first, ([]|first) is undefined
'abc'|list, {'a': 1}|list, range(3)|list, (1, 2)|list, 5|string|list, {'a': 1}.items()|list
5|string, none|string, [1]|string, 1.50|string, true|string
'42'|int, ' -7 '|int, 'x'|int, 'x'|int(9), '3.9'|int, 3.9|int, -3.9|int, none|int, '0x1A'|int(0, 16), '1_0'|int, '101'|int(base=2), true|int, '1e3'|int, ''|int(5), 'inf'|int(3)
'1.5'|float, 'x'|float, 'x'|float(2.5), 3|float, none|float(1), ' 2 '|float, '1e3'|float, 'nan'|float, '-inf'|float
{'a': 1, 'é': ['x', none, true, 1.5, "q\\"\\\\\\n\\t\\x01/"]}|tojson, [1, {'k': []}, {}]|tojson(indent=2), 'é👧'|tojson(ensure_ascii=true), {'b': 1, 'a': 2}|tojson(sort_keys=true), [1, 2]|tojson(separators=(',', ':')), {'a': 1}|tojson(separators=(', ', '='), indent=1), 'a'|tojson, none|tojson, 1.0|tojson, (1, 2)|tojson, {1: 2, none: 3, true: 4, 1.5: 5}|tojson, {'a': {'b': 1}}|tojson(indent='--')
{'b': 1, 'a': 2}|items|list, {'b': 1, 'a': 2}|dictsort, {'b': 1, 'A': 2}|dictsort(true), {'b': 1, 'a': 2}|dictsort(by='value'), {'b': 1, 'a': 2}|dictsort(reverse=true)
messages|map(attribute='role')|list, ['a', 'b']|map('upper')|list, [1, 2]|map('string')|join, [{'a': {'b': 1}}, {}]|map(attribute='a.b', default='none')|list, [{'a': {'b': 1}}, {'a': 2}]|map(attribute='a.b', default='z')|join(','), [{'a': 1}, {}]|map(attribute='a', default='z')|list, ['ab', 'c']|map('replace', 'a', 'x')|list, [[1, 2], [3]]|map('join', '-')|list, [[1, 2], [3]]|map('first')|list, [[1, 2]]|map(attribute=1)|list
messages|selectattr('role', 'equalto', 'user')|list|length, messages|selectattr('content')|list|length, messages|rejectattr('role', 'eq', 'user')|map(attribute='role')|list, messages|selectattr('role', 'in', ['user', 'system'])|list|length, messages|selectattr('nothing', 'defined')|list
[1, 2, 3, 4]|select('odd')|list, [0, 1, '']|select|list, [1, 2, 3]|reject('even')|list, [1, 2, 3]|select('gt', 1)|list, [1, none]|reject('none')|list, [1, 2, 3, 4]|select('divisibleby', 2)|list, ['a', 1]|select('string')|list, [1, 2]|select('>', 1)|list
[3, 1, 2]|sort, ['b', 'A', 'c']|sort, ['b', 'A', 'c']|sort(case_sensitive=true), [3, 1, 2]|sort(reverse=true), [{'n': 2, 'i': 0}, {'n': 1, 'i': 1}, {'n': 2, 'i': 2}]|sort(attribute='n'), [{'n': 2, 'i': 0}, {'n': 1, 'i': 1}, {'n': 2, 'i': 2}]|sort(attribute='n', reverse=true), [{'n': 2, 'i': 0}, {'n': 1, 'i': 1}, {'n': 1, 'i': 0}]|sort(attribute='n,i'), 'bca'|sort
[1, 2, 1, 3]|unique|list, ['a', 'A', 'b']|unique|list, ['a', 'A']|unique(true)|list, [{'n': 1}, {'n': 1}]|unique(attribute='n')|list
[1, 2, 3]|reverse|list, (messages|map(attribute='role')|reverse)[0], messages|map(attribute='role')|reverse|length, messages|map(attribute='role')|reverse|tojson, 'x' if [1]|select('equalto', 2)|reverse else 'y', 'x' if []|reverse else 'y', 'abc'|reverse, {'a': 1, 'b': 2}|reverse|list
-5|abs, -5.5|abs, 5|abs, -1|abs - 2, (-3)|abs
2.5|round, 3.5|round, 2.675|round(2), 1234.5|round(-2), 2.1|round(0, 'ceil'), 2.9|round(method='floor'), 5|round, 5|round(2), -2.5|round, 1e300|round(2), 3.14159|round(3)
'a\\nb\\n\\nc'|indent, 'a\\nb'|indent(2, true), 'a\\n\\nb'|indent(2, blank=true), 'a\\nb'|indent('> '), ''|indent, 'a\\r\\nb\\n'|indent(1)
'<b>&\\'"'|escape, '<'|e, '<'|safe, ('<'|safe) + '<', '<'|e|e, '<' + ('>'|safe), '<' ~ ('>'|safe), '<'|forceescape
'a b'|center(7), 'abc'|center(2), 'ab'|center(5)
'one two three four'|truncate(10), 'one two three four'|truncate(10, true), 'one two'|truncate(9), 'one two three four'|truncate(12, false, '!', 0), 'abc'|truncate(3, leeway=0)
'a b_c d-e é'|wordcount, ''|wordcount
[1, 2, 3]|sum, [1.5, 2]|sum, [{'a': 1}, {'a': 2}]|sum(attribute='a'), [1]|sum(start=10), []|sum
[3, 1, 2]|min, [3, 1, 2]|max, ['b', 'A']|min, []|max, [{'n': 2}, {'n': 1}]|min(attribute='n'), 'hello'|max
[1, 2, 3, 4, 5]|batch(2)|list, [1, 2, 3]|batch(2, 'x')|list
{'a': 1}|attr('a') is defined, {'a': 1}|attr('items') is callable
'a,b,,c'.split(','), 'a b  c '.split(), 'a,b,c'.split(',', 1), 'a,b,c'.rsplit(',', 1), ' a  b c '.rsplit(none, 1), ' a  b c '.split(none, 1), 'abc'.split('x'), ''.split(), ''.split(','), 'a::b'.split('::'), 'a b c'.split(maxsplit=1), 'aXbXc'.split(sep='X'), 'a b'.split(none, 0), ' a b '.rsplit(none, 0)
'abc'.startswith('ab'), 'abc'.startswith(('x', 'a')), 'abc'.endswith('bc'), 'abc'.endswith(('x', 'y')), ''.startswith(''), 'abc'.startswith('b', 1), 'abc'.endswith('b', 0, 2), 'abc'.startswith('', 9)
'a'.upper(), 'B'.lower(), 'hELLO'.capitalize(), ','.join(['a', 'b']), ''.join([]), '-'.join('abc')
'banana'.find('an'), 'banana'.rfind('an'), 'banana'.find('x'), 'banana'.count('a'), 'banana'.count('ana'), 'é👧a'.find('a'), 'banana'.index('n'), 'banana'.count(''), 'banana'.find('a', 2), 'banana'.find('a', -1), 'banana'.rindex('b'), 'banana'.find('', 3), 'banana'.count('a', 2, 4)
'12'.isdigit(), 'a1'.isdigit(), 'ab'.isalpha(), 'a1'.isalnum(), ' '.isspace(), 'A'.isupper(), 'a'.islower(), ''.isdigit(), 'Ab Cd'.istitle(), 'é'.isascii(), '12'.isnumeric(), '12'.isdecimal(), 'a b'.isprintable(), 'aB1'.islower(), '1'.isupper()
'a\\nb\\r\\nc\\x0bd'.splitlines(), 'a\\n'.splitlines(true), ''.splitlines(), 'a=b=c'.partition('='), 'a=b=c'.rpartition('='), 'abc'.partition('x'), 'abc'.rpartition('x')
'abc'.removeprefix('a'), 'abc'.removesuffix('bc'), 'abc'.removeprefix('x'), 'abc'.removesuffix('')
'a'.ljust(3, '.'), 'a'.rjust(3), 'ab'.center(5, '*'), '7'.zfill(3), '-7'.zfill(4), 'abc'.zfill(2), 'abc'.center(6)
{'a': 1}.get('a'), {'a': 1}.get('b'), {'a': 1}.get('b', 2), {'a': 1, 'b': 2}.keys()|list, {'a': 1}.values()|list, {'a': 1}.items(), {'a': 1}.keys(), {'a': 1}.values()
[1, 2, 1].count(1), [1, 2, 1].index(2), (1, 2).index(2), [1, 2, 1].index(1, 1)
range(3)|list, range(1, 4)|list, range(5, 0, -2)|list, range(0)|list, range(3), range(1, 9, 2)
dict(a=1, b='x'), dict({'a': 1}, b=2), dict([('a', 1)]), dict()
strftime_now('%Y-%m-%d %H:%M:%S %j %a %B'), strftime_now(''), strftime_now('%%x')
namespace(a=1).a, namespace({'b': 2}).b, namespace() is mapping, namespace(a=1)
1 is number, 1.0 is float, 1 is integer, true is integer, true is number, true is boolean, 'a' is string, none is none, 'a' is sequence, {} is mapping, [] is sequence, {} is sequence, [] is mapping, 5 is iterable, 'a' is iterable, range(2) is sequence, {'a': 1}.items() is iterable
true is true, 1 is true, false is false, 0 is false, 3 is odd, 4 is even, 9 is divisibleby 3, 9 is divisibleby(2), 1 is eq 1, 1 is ne 2, 1 is lt 2, 2 is gt 1, 1 is le 1, 1 is ge 2, 1 is in [1], 'a' is in 'abc', 1 is equalto 1, 2 is greaterthan 1, 1 is lessthan 1, 1 is sameas 1, 1 is sameas true
'a' is lower, 'A' is upper, 'upper' is filter, 'nope' is filter, 'odd' is test, range is callable, 1 is callable, nothing is callable, 'x'|safe is escaped, 'x' is escaped
1 is not none, not 1 is none, 1 is defined and 2 is defined, x is not defined or 1, x is defined, 1 is odd == true, [1] is iterable and 'y', -1 is number
(1, 2), (1,), (), 1, 2
[1, 2,], {'a': 1,}, (1, 2,), range(1, 2,)
messages == messages, messages[0] == {'role': 'system', 'content': '  You are  kind.\\n'}, {'a': 1, 'b': 2} == {'b': 2, 'a': 1}, [1] == (1,), 'a' == 'a', 1 == 1.0, [1, [2]] == [1, [2]], none == none
9223372036854775807, -9223372036854775807 - 1, 9223372036854775807 == 9223372036854775808.0, 9007199254740993 == 9007199254740992.0, 9007199254740993 > 9007199254740992.0
'a'.upper().lower()[0].upper(), ('a' ~ 'b').upper(), 'x y'.split()[1], [1, 2]|first + 1, 'a' ~ 'b'|upper
(messages|map(attribute='content')|list)[2].split('</think>')[-1].lstrip('\\n')
messages[2].content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n')
[[1, [2, [3]]], {'a': {'b': {}}}]|string|length, {'a': [1, {'b': (2,)}]}
'%s' is string, 'a%b', 1 if 2 > 1, [] or {} or ''
""".strip().split("\n")

STATEMENTS = [
    "  {% if true %}\n  a\n  {% endif %}\nb\n", "x  {%- if true -%}  \n a {%+ endif %}\n b", "a\n\n", "a\r\nb\rc\n", "",
    "{# c #}\n{#- d -#}  e{% raw %}{{ x }}{% endraw %}", "  {% raw %}\n {{ y }} {%- endraw %}\nz", "{%- raw -%}  a  {%- endraw -%}  b",
    "a {# b\n c #}\n d {#+ e #} f {# g +#}\nh", "{{ 1 }}\n{{ 2 }}\n\n{{- 3 -}}  \n 4", "{%+ if 1 %}a{% endif +%}\nb", "   {%+ if 1 %}  a{% endif %}",
    "\t{% set x = 1 %}\n  {{ x }}\n  {# c #}\n{% if x %}\n  y\n{% endif %}\n", "a{% if 1 %}\n\nb{% endif %}\n\nc", "{{ '{{' }} {{ '}}' }} {{ '%}' }}", "{ { % } # }",
    "{{ {'a': {'b': {}}}}}", "{{ [[1], {'a': (1, {})}] }}", "{{-1}} {{+1}} {{ - 1 }} {{ -1 }}", "{{ 1 }}{{- 2 }}{{ 3 -}} {{ 4 }}",
    "{% if 0 %}a{% elif 1 %}b{% else %}c{% endif %}{% if 0 %}a{% elif 0 %}b{% else %}c{% endif %}{% if none %}x{% endif %}",
    "{% for i in range(5) if i != 2 %}{{ loop.index }}{{ i }}{{ ',' if not loop.last }}{% else %}none{% endfor %}",
    "{% for i in [] %}x{% else %}none{% endfor %}{% for i in undefined_thing %}x{% else %}none{% endfor %}{% for i in [1] if false %}x{% else %}e{% endfor %}",
    "{% for i in 'abc' %}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}",
    "{% for a, b in [(1, 2), (3, 4)] %}{{ a }}-{{ b }} {% endfor %}{% for k, v in {'x': 1}.items() %}{{ k }}={{ v }}{% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for k in {'x': 1, 'y': 2} %}{{ k }}{% endfor %}{% for c in 'é👧' %}[{{ c }}]{% endfor %}{% for x in 1, 2 %}{{ x }}{% endfor %}",
    "{% for i in range(3) %}{% for j in range(2) %}{{ i }}{{ j }}{{ loop.index }} {% endfor %}{{ loop.index }}{% endfor %}",
    "{% for i in range(9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in range(3) %}{{ loop.cycle('a', 'b') }}{{ loop.changed(i // 2) }}{% endfor %}",
    "{% for i in range(3) %}{% for j in range(3) %}{% if j == 1 %}{% break %}{% endif %}{{ j }}{% endfor %}{{ i }}{% endfor %}",
    "{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}{% if true %}{% set x = 3 %}{% endif %}{{ x }}",
    "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}", "{% for i in [1] %}{% set y = 1 %}{% endfor %}{{ y }}",
    "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + m.content|length %}{% endfor %}{{ ns.n }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = 1, 2 %}{{ c }}{% set ns = namespace() %}{% set ns.x, d = [3, 4] %}{{ ns.x }}{{ d }}{{ ns.y is defined }}",
    "{% set x %}a{{ bos_token }}{% endset %}{{ x }}{% set y | upper %}abc{% endset %}{{ y }}{% set z | replace('a', 'b') | upper %}aa{% endset %}{{ z }}{% set w %}{% endset %}[{{ w }}]",
    "{% set x %}{% set inner = 1 %}{{ inner }}{% endset %}{{ x }}{{ inner }}", "{% set messages = messages[1:] %}{{ messages|length }}{{ messages[0].role }}",
    "{% macro m(a, b='x', c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(b=2, a=3) }}{{ m(1, 2, 3) }}{{ m() }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}", "{% macro m(x) %}{{ x }}{{ caller() }}{% endmacro %}{% call m(1) %}body{% endcall %}",
    "{% macro m() %}{% for i in range(2) %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(n) m() %}<{{ n }}>{% endcall %}",
    "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "{% macro m() %}{{ later }}{% endmacro %}{% set later = 5 %}{{ m() }}",
    "{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "{% macro m() %}{% set q = 1 %}{{ q }}{% endmacro %}{{ m() }}{{ q }}",
    "{% macro m() %}x{% endmacro %}{{ m() ~ m()|upper }}{{ m is callable }}{% set t = m() %}{{ t|length }}", "{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}{{ m(none) }}",
    "{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 1, 'b': 2}) }}{{ m(1, *[2]) }}{{ m(1, **{'b': 4}) }}",
    "{% filter upper %}abc{{ bos_token }}{% endfilter %}{% filter replace('a', 'b') %}aa{% endfilter %}{% filter trim | upper %} x {% endfilter %}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}{% with %}{% set z = 1 %}{% endwith %}{{ z }}{% set a = 5 %}{% with a = 1, b = a %}{{ b }}{% endwith %}",
    "{% generation %}{{ bos_token }}{% set g = 1 %}{% endgeneration %}{{ g }}", "{% print 1, 'a' %}{% print none %}",
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] | trim + eos_token }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
    "{% for m in messages if m.role != 'system' %}{{ loop.index0 % 2 == 0 }}{{ m.role }}{% endfor %}", "{% set s = messages|map(attribute='content')|join('|') %}{{ s|upper }}{{ s|length }}{{ s[::-1] }}{{ s|replace('o', '0') }}",
    "{{ messages }}{{ messages|tojson }}{{ messages[0] }}{{ messages|tojson(indent=4) }}", "{% set ns = namespace(on=true) %}{% for m in messages if ns.on %}{{ m.role }}{% set ns.on = false %}{% endfor %}",
    "{% set g = messages|map(attribute='role') %}{{ g|join }}{{ g|join }}{{ 'x' if g }}", "{% set g = [1, 2, 3]|map('string') %}{{ g|first }}{{ g|first }}{{ g|list }}", "{% set ns = namespace(s='') %}{% for c in messages[1].content %}{% set ns.s = c ~ ns.s %}{% endfor %}{{ ns.s }}",
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% else %}{% set loop_messages = messages %}{% endif %}{{ loop_messages|length }}",
    "{% set x = namespace(a=[1]) %}{% set x.a = x.a + [2] %}{{ x.a }}{{ x['a'] }}", "{%if 1%}a{%endif%}{{1}}{%for i in[1,2]%}{{i}}{%endfor%}", "{% if(1)%}a{% endif %}{% if not(0)%}b{% endif %}",
    "{% if 1: %}a{% endif %}", "{% for x in (1, 2) %}{{ x }}{% endfor %}{% for x in [1, 2][::-1] %}{{ x }}{% endfor %}", "{{ 'a\nb' }}{{ \"c\td\" }}\n\n{{ 'e' }}", "{% set if = 1 %}{{ if }}" , "{{ true }}{{ True }}{{ none }}{{ None }}{{ false }}",
    "{% set x = 1 if false %}{{ x is defined }}", "{% set cond = messages and messages[0].role == 'system' %}{{ cond }}", "{{ loop is defined }}{% for i in [1] %}{{ loop is defined }}{% endfor %}",
    "{% for i in range(3) %}{% set o = loop %}{% for j in range(2) %}{{ o.index }}{% endfor %}{% endfor %}", "{{ messages[0].content }}{{ messages[0]['content'] }}{{ messages[0].missing }}{{ messages[0]['missing'] }}", "é{{ 'é' }}👧{# é #}{% set é = 1 %}{{ é }}",
]

ERRORS = [
    "{{ undefined_thing.x }}", "{{ undefined_thing['x'] }}", "{{ 'a' + 1 }}", "{{ 1 + none }}", "{{ [] + 'a' }}", "{{ 1 < 'a' }}", "{{ 1 // 0 }}", "{{ 1 % 0 }}", "{{ 1.0 / 0 }}", "{{ 5|length }}", "{{ none|list }}",
    "{% for i in 5 %}{% endfor %}", "{% for a, b in [1] %}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{{ 1() }}", "{{ undefined_thing() }}", "{{ messages.append(1) }}", "{{ {}.update({}) }}", "{{ 'a'.nothing() }}", "{% if %}{% endif %}",
    "{% if x %}", "{% for %}{% endfor %}", "{% for x in y %}", "{{ 1 + }}", "{{ 'abc }}", "{{ (1 }}", "{{ 1) }}", "{{ [1 }}", "{% endif %}", "{% unknown %}", "{# open", "{% raw %} open", "{{ 1 2 }}", "{{ a b }}", "{% set 1 = 2 %}", "{% set x.y = 1 %}", "{% set none = 1 %}",
    "{% break %}", "{% macro m() %}{% break %}{% endmacro %}", "{% macro m(a=1, b) %}{% endmacro %}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", "{{ 1|nothing }}", "{{ 1 is nothing }}", "{{ 'a'|replace }}", "{{ raise_exception('no') }}",
    "{{ {[]: 1} }}", "{{ [1]|join(',', 1, 2, 3) }}", "{{ 'a'.join([1]) }}", "{{ 1 in 5 }}", "{{ 1 in 'a' }}", "{{ -'a' }}", "{{ range(1000000) }}", "{{ range(1, 5, 0) }}", "{{ 'a'.split('') }}", "{{ 'a'.index('b') }}", "{{ [1].index(2) }}", "{{ 'abc'[::0] }}", "{% set a, b = 1 %}",
    "{% set a, b = [1, 2, 3] %}", "{{ undefined_thing + 'a' }}", "{{ undefined_thing < 1 }}", "{{ undefined_thing|tojson }}", "{{ f(a=1, 2) }}", "{{ x is }}", "{{ x| }}", "{{ x. }}", "{{ x[] }}", "{{ * }}", "{% else %}", "{% if 1 %}{% else %}{% elif 1 %}{% endif %}", "{{ 'x' is defined is none }}",
    "{{ undefined_thing|int }}", "{{ namespace(_a=1) }}" if False else "{{ namespace(1) }}", "{% set ns = namespace() %}{{ ns.a.b }}", "{{ {'a': 1}|map('upper')|list if 0 else [1]|map('upper', 2)|list }}", "{{ [1]|map|list }}", "{{ [1, 'a']|sort }}", "{{ ['a', none]|join(1)|nope }}", "{{ 'a' * 'b' }}", "{{ {} + {} }}", "{{ [1]|last|first }}",
    "{{ @ }}", "{{ {'a': bos_token}[1:] }}", "{{ messages[0][1:] }}", "{{ 1 if 1 else 2|a.b }}", "{{ 1|a.b }}", "{{ 'a' ? 'b' }}", "{% 5 %}", "{{ }}", "{% call 1 %}{% endcall %}", "{{ 1 | string.nope }}", "{{ [3, none]|max }}", "{{ 'x'|tojson(nope=1) }}", "{% macro m() %}{% endmacro %}{% call m() %}{% endcall %}",
]


CONSTRUCTS = [
    "{% for n in [{'v': 1, 'c': [{'v': 2, 'c': []}]}] recursive %}{{ n.v }}-{{ loop.depth }}{{ loop.depth0 }}[{{ loop(n.c) }}]{% endfor %}",
    '{% for n in [1, [2, [3]]] recursive %}{% if n is iterable %}({{ loop(n) }}){% else %}{{ n }}{{ loop.index }}{{ loop.last }}{% endif %}{% else %}none{% endfor %}',
    "{% for k, v in {'a': {'b': {}}}.items() recursive %}{{ k }}{{ loop(v.items()) }}{% endfor %}",
    '{% for n in [1] recursive %}{{ loop([]) }}{% else %}E{% endfor %}',
    '{% for n in [1] recursive %}{{ loop is defined }}{{ loop is callable }}{% endfor %}',
    '{% for n in [1] %}{{ loop([]) }}{% endfor %}',
    "{{ '%s is %d' % ('a', 3) }}",
    "{{ '%s' % 'x' }}",
    '{{ \'%5.2f|%-5s|%05d|%x|%X|%o|%e|%g|%c|%%|%r|%+d|% d|%i|%u\' % (3.14159, \'ab\', 42, 255, 255, 8, 12345.678, 0.0001, \'z\', "it\'s", 5, 5, 7.9, 3) }}',
    "{{ '%(a)s-%(b)d' % {'a': 'x', 'b': 2} }}",
    "{{ '%s' % [1] }}{{ '%s' % ([1],) }}{{ '%s' % {'a': 1} }}{{ '%s %s' % (none, true) }}",
    "{{ '%*d' % (5, 3) }}|{{ '%.*f' % (2, 3.14159) }}",
    "{{ '%d' % 'x' }}",
    "{{ '%s %s' % 'x' }}",
    "{{ '%s' % (1, 2) }}",
    "{{ 'x' % 1 }}",
    "{{ 'x' % () }}{{ 'x' % [] }}{{ 'x' % {} }}",
    "{{ '%c' % 97 }}{{ '%c' % 'é' }}{{ '%a' % 'é' }}{{ '%#x %#o' % (255, 8) }}",
    "{{ '%s %s'|format('a', 1) }}{{ '%(x)s'|format(x=5) }}",
    "{{ '%s'|format('a', x=1) }}",
    "{{ '{} {}'.format('a', 1) }}{{ '{0}{1}{0}'.format('a', 'b') }}{{ '{a}'.format(a=1) }}{{ '{a[b]}'.format(a={'b': 3}) }}{{ '{0.b}'.format({'b': 3}) }}{{ '{{}}'.format() }}",
    "{{ '{:5}|{:<5}|{:>5}|{:^5}|{:*^7}'.format('ab', 'ab', 'ab', 'ab', 'ab') }}",
    "{{ '{:05d}|{:,}|{:+}|{:x}|{:#x}|{:b}|{:o}|{:X}|{:_}|{:c}|{:n}'.format(42, 1234567, 5, 255, 255, 5, 8, 255, 1234567, 97, 5) }}",
    "{{ '{:.2f}|{:8.3f}|{:e}|{:g}|{:%}|{:.1%}|{:,.2f}|{}|{:.3}|{:<8.2f}|'.format(3.14159, 2.5, 12345.678, 0.0001, 0.25, 0.125, 1234567.891, 1.0, 2.71828, 1.5) }}",
    "{{ '{!r} {!s} {!a}'.format('é', 'é', 'é') }}{{ '{:{}}'.format('a', 5) }}|{{ '{:.2}'.format('abc') }}",
    "{{ '{}'.format(none) }}{{ '{}'.format([1, 'a']) }}{{ '{}'.format(true) }}{{ '{:d}'.format(true) }}",
    "{{ '{} {}'.format('a') }}",
    "{{ '{'.format() }}",
    "{{ '}'.format() }}",
    "{{ '{0} {}'.format(1, 2) }}",
    "{{ '{:d}'.format('a') }}",
    "{{ '{:5}'.format([1]) }}",
    "{{ '{a}'.format_map({'a': 1}) }}",
    "{{ [1, 2, 3, 4, 5]|slice(2)|list }}{{ [1, 2, 3, 4, 5]|slice(3, 'x')|list }}{{ []|slice(2)|list }}{{ 'abcd'|slice(3)|map('join')|list }}",
    "{% for g, items in [{'a': 1, 'b': 2}, {'a': 2, 'b': 3}, {'a': 1, 'b': 4}]|groupby('a') %}{{ g }}:{{ items|map(attribute='b')|join(',') }};{% endfor %}",
    "{% for g in [{'a': 'x'}, {'a': 'X'}, {'b': 1}]|groupby('a', default='z') %}{{ g.grouper }}={{ g.list|length }};{% endfor %}{{ [{'a': 'b'}, {'a': 'B'}]|groupby('a', case_sensitive=true)|list|length }}",
    "{{ [{'a': 1}]|groupby('a')|list }}",
    "{{ [{'a': 1}]|groupby('a') }}",
    "{{ '<p>a  <b>b</b>\\n&amp; <!-- c --> d</p>'|striptags }}",
    "{{ 'a b&c=é/?'|urlencode }}{{ {'a': 1, 'b c': 'd&e'}|urlencode }}{{ [('a', 1), ('b', 'é')]|urlencode }}{{ 5|urlencode }}",
    '{{ {\'class\': \'a\', \'id\': none, \'x\': \'<"\', \'n\': 5}|xmlattr }}|{{ {}|xmlattr }}|{{ {\'a\': 1}|xmlattr(false) }}',
    "{{ {'a b': 1}|xmlattr }}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}",
    "{% set j = joiner(', ') %}{{ j() }}a{{ j() }}b{% set k = joiner() %}{{ k() }}x{{ k() }}",
    '{% for i in [1] %}{{ loop }}{% endfor %}',
    '{% macro m(a, b=1) %}{% endmacro %}{{ m }}{{ m.name }}{{ m.arguments }}{{ m.caller }}{{ m.catch_kwargs }}{{ m.catch_varargs }}',
    "{{ {}.pop }}{{ {'pop': 1}.pop }}{{ {'pop': 1}['pop'] }}{{ [].append }}",
    "{{ {'a': 1}.pop('a') }}",
    '{{ [1].append(2) }}',
    "{{ {}.update({'a': 1}) }}",
    '{% do [].append(1) %}',
    '{% trans %}x{% endtrans %}',
    '{% debug %}',
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    '{% if false %}{{ 1|nope }}{% endif %}x',
    '{% if false %}{% for i in [1] %}{{ 1|nope }}{% endfor %}{% endif %}x',
    "{{ 'a' if true else 1|nope }}",
    '{% if false %}{{ 1 is nope }}{% endif %}x',
    '{% for i in [] %}{{ 1|nope }}{% endfor %}x',
    '{% macro m() %}{{ 1|nope }}{% endmacro %}x',
    '{% if false %}{% macro m() %}{{ 1|nope }}{% endmacro %}{% endif %}x',
    '{% if false %}{% set x %}{{ 1|nope }}{% endset %}{% endif %}x',
    '{% if false %}{% filter nope %}a{% endfilter %}{% endif %}x',
    '{% if false %}{% if true %}{{ 1|nope }}{% endif %}{% endif %}x',
    '{% if false %}{% call(x) m() %}{{ 1|nope }}{% endcall %}{% endif %}x',
    '{% if false %}{% with %}{{ 1|nope }}{% endwith %}{% endif %}x',
    '{% if true %}{{ 1|nope }}{% endif %}x',
    '{% if 1|nope %}{% endif %}x',
    '{% if false %}{% elif 1|nope %}{% endif %}x',
    '{% if true %}{% elif 1|nope %}{% endif %}x',
    "{{ 'é'|tojson }}{{ {'a': none}|tojson(indent=2) }}{{ [1.5, 2]|tojson(separators=(',', ':')) }}",
    '{% set ns = namespace(a=1) %}{{ ns }}{% set ns.b = 2 %}{{ ns.b }}{{ ns is mapping }}{{ ns|length }}',
    "{% for a in 'abc' %}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.changed(a) }}{{ loop.cycle(1, 2) }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.length }};{% endfor %}",
    '{% set x, (y, z) = 1, (2, 3) %}{{ x }}{{ y }}{{ z }}',
    '{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}',
    '{{ 1 if true }}{{ 1 if false }}{{ (1 if false) is undefined }}',
    '{{ 1 < 2 < 3 }}{{ 1 < 2 > 3 }}{{ 3 == 3.0 == 3 }}{{ 1 in [1] in [[1]] }}',
    "{{ 'a' is in 'abc' }}{{ 5 is divisibleby 5 }}{{ 1 is sameas 1.0 }}{{ none is sameas none }}",
    '{{ -2 ** 2 }}{{ 2 ** -1 }}{{ 2 ** 3 ** 2 }}{{ 7 // 2 }}{{ -7 // 2 }}{{ 7 % -3 }}{{ 7.5 // 2 }}',
    "{{ (1, 2)[0] }}{{ [1, 2, 3][::-1] }}{{ 'abc'[-2:] }}{{ 'abc'[::2] }}{{ [1, 2, 3][1:][0] }}{{ 'abc'[5:] }}{{ [][0] }}",
    "{{ messages[0].role ~ ': ' ~ messages[0]['content'] }}",
    '{{ messages|tojson }}',
    "{{ [3, 1, 2]|sort|first }}{{ [[1, 2], [3]]|sum(start=[]) }}{{ {'b': 1, 'a': 2}|dictsort }}{{ ['b', 'A']|sort }}{{ ['b', 'A']|sort(case_sensitive=true) }}",
    "{{ 'hello world'|title }}{{ 'HELLO'|capitalize }}{{ 'a,b'.split(',') }}{{ 'x'.join(['a', 'b']) }}",
    "{{ 'a b c'.rsplit(' ', 1) }}{{ 'a b c'.partition(' ') }}{{ 'abc'.find('c') }}{{ 'abcabc'.count('bc') }}{{ 'abc'.index('d') }}",
    "{{ 'x' * 3 }}{{ 3 * 'x' }}{{ [1] * 2 }}{{ [1] + [2] }}{{ (1,) + (2,) }}{{ 'a' + 1 }}",
    "{{ undefined_x }}{{ undefined_x|default('d') }}{{ undefined_x.y }}",
    "{{ none|default('d') }}{{ none|default('d', true) }}{{ ''|default('d', boolean=true) }}",
    '{%- raw %} {{ x }} {% endraw -%} y',
    "{% filter upper %}abc{% endfilter %}{% filter replace('a', 'b')|upper %}aa{% endfilter %}",
    '{% set x | upper | trim %} a {% endset %}[{{ x }}]',
    '{% call(a, b=2) [1]|first %}{% endcall %}',
    '{% macro outer() %}{{ caller(1) }}{% endmacro %}{% call(x) outer() %}{{ x }}{% call(y) outer() %}{{ y }}{% endcall %}{% endcall %}',
    '{% macro a(x) %}{% if x %}{{ x }}{{ a(x - 1) }}{% endif %}{% endmacro %}{{ a(5) }}',
    '{% for i in range(5) if i is odd %}{{ i }}{{ loop.index }}{% else %}x{% endfor %}',
    '{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}',
    '{{ namespace(_a=1) }}',
    "{{ namespace(a=1)['a'] }}{{ namespace({'x': 1}, y=2).y }}",
    "{{ strftime_now('%d %b %Y') }}{{ strftime_now('%-d/%f') }}",
    "{{ strftime_now('%Z|%z') }}",
    "{{ 'a'|center(5) }}|{{ 'abcdefgh ij'|truncate(5) }}|{{ 'a\\nb'|indent }}|{{ 3.7|int }}|{{ '3.7'|float }}|{{ 2.5|round }}|{{ -3|abs }}",
    "{{ {'a': 1}|items|list }}{{ {'a': 1}.items()|list }}{{ {'a': 1}|list }}{{ {'a': {'b': 1}}.a.b }}",
    "{{ [1, none, '']|select|list }}{{ [1, 2, 3]|reject('odd')|list }}{{ [{'a': 1}, {'a': 2}]|selectattr('a', '>', 1)|list }}",
    "{{ 'abc' is string }}{{ [] is sequence }}{{ {} is mapping }}{{ 1.0 is integer }}{{ true is number }}{{ x is undefined }}",
    '{% set a = [1, 2] %}{% set b = a + [3] %}{{ a }}{{ b }}',
    '{{ "a" "b" }}{{ \'it\'\'s\' }}',
    "{{ [1, 2]|join }}{{ [1, 2]|join(', ') }}{{ {'a': 1}|join }}",
    '{{ 5 / 2 }}{{ 4 / 2 }}{{ 1 / 3 }}',
    "{{ true and 'a' }}{{ false or 'b' }}{{ not '' }}{{ '' or none }}",
    '{# comment #}{{ 1 }}{#- x -#} {{ 2 }}',
    '{% set messages = messages[1:] %}{{ messages[0].role }}',
    "{% if messages[0]['role'] == 'system' %}S{% elif x %}{% else %}N{% endif %}",
    "{{ '{:>{w}}'.format('a', w=4) }}{{ '{0[0]}{0[1]}'.format([1, 2]) }}{{ '{:>10.3s}|'.format('abcdef') }}",
    "{{ ''.join(messages|map(attribute='role')) }}{{ ','.join({'a': 1}) }}",
    "{{ 'abc'.startswith(['a']) }}",
    '{{ [1,2,3].index(4) }}',
    '{{ messages.0.role }}{{ messages[0][:1] }}',
    "{{ {'a': 1, **{'b': 2}} }}",
    '{{ [*[1, 2]] }}',
    "{{ x if x is defined else 'n' }}{{ (x or 'y') ~ 'z' }}",
    '{{ lambda x: x }}',
    '{{ [x for x in [1]] }}',
    '{{ 1 is number and 2 is number }}{{ not 1 is string }}{{ 1 is not string }}',
    "{{ 'a' not in 'b' }}{{ not 'a' in 'b' }}",
    '{{ 5 is between(1, 2) }}',
    "{{ 'x'|string|length }}{{ 12|string|length }}{{ [1]|string }}",
    "{{ 'ab'|list }}{{ 'ab'|first }}{{ 'ab'|last }}{{ 'ab'|reverse }}",
    "{{ '²'.isdigit() }}{{ '²'.isdecimal() }}{{ '½'.isnumeric() }}{{ '½'.isdigit() }}{{ '一'.isnumeric() }}{{ 'a\\tb\\n\\tc'.expandtabs(4) }}",
    "{{ ('<%s>'|safe) % '<' }}{{ ('<{}>'|safe).format('<') }}{{ ('%s'|safe)|format('<'|safe) }}{{ '%s' % ('<'|safe) }}",
    "{{ '%s' % undefined_x }}{{ '%d' % undefined_x }}",
    "{{ '%5s|%-5s|%.2s' % ('é👧', 'é👧', 'é👧') }}",
    "{{ '%(a' % {'a': 1} }}",
    "{{ '%(a)s' % 1 }}",
    "{{ '%(b)s' % {'a': 1} }}",
    "{{ '%' % 1 }}",
    "{{ '%z' % 1 }}",
    "{{ '%c' % 'ab' }}",
    "{{ '%x' % 1.5 }}",
    "{{ '%*d' % ('a', 1) }}",
    "{{ '%ld %hd %5.3d|%-05d|%+05d|% 05d|%#X' % (1, 2, 3, 4, 5, 6, 255) }}",
    "{{ '%G %E %F %#.0f' % (1e-10, 1.5, 2.5, 3) }}",
    "{{ '%s' % ((1, 2),) }}{{ '%s %s' % ('a', [1]) }}",
    "{{ '{:=+6d}|{:<+6}|{:^6}|{:x>6}|{:06.2f}|{:+.1e}|{:.0f}|{:#.0f}|{:g}|{:.3g}|{:10.4}|{:,}|{:_b}|{:#o}'.format(5, 5, 5, 5, 3.14159, 12345.678, 2.5, 2.5, 1e20, 1234.5, 3.14159, 1234567.5, 255, 8) }}",
    "{{ '{:.3}|{:.1}|{:.10}|{:.2}'.format(123.0, 9.99, 0.1, 1e-7) }}{{ '{:5}|{:<5}|{:^5}'.format(true, 1.5, -2) }}",
    "{{ '{:s}'.format(5) }}",
    "{{ '{:d}'.format(1.5) }}",
    "{{ '{:,x}'.format(5) }}",
    "{{ '{:.2d}'.format(5) }}",
    "{{ '{:+}'.format('a') }}",
    "{{ '{:=5}'.format('a') }}",
    "{{ '{:05}'.format('a') }}",
    "{{ '{:y}'.format(1) }}",
    "{{ '{:.}'.format(1) }}",
    "{{ '{0.role}/{0[role]}/{1[0][role]}'.format(messages[1], messages) }}",
    "{{ '{x.y}'.format(x={'a': 1}) }}|",
    "{{ '{x[z]}'.format(x={'a': 1}) }}|",
    "{{ '{!x}'.format(1) }}",
    "{{ '{0'.format(1) }}",
    "{{ '{0!r:>5}|{:{}{}}'.format('a') }}",
    "{{ '{:{}{}}|'.format('a', '>', 5) }}",
    "{{ '{a}{b}'.format(a=1, b='{}') }}",
    '{% for a in [[1, [2]], [3]] recursive %}{{ loop.depth }}{% for b in a %}{% if b is iterable %}{{ loop.index }}{% endif %}{% endfor %}{% endfor %}',
    '{% for a in [[1], [2]] recursive %}{% set x = loop.depth %}{% if a is iterable %}{{ loop(a) }}{{ x }}{% else %}{{ a }}{% if a == 2 %}{% break %}{% endif %}{% endif %}{% endfor %}',
    "{% set out = 'o' %}{% for a in [[1]] recursive %}{{ out }}{% if a is iterable %}{{ loop(a) }}{% endif %}{% endfor %}",
    '{% for a in [1] recursive %}{{ loop(1) }}{% endfor %}',
    '{% for a in [1] recursive %}{{ loop() }}{% endfor %}',
    '{% for a in [[1, 2], 3] if a recursive %}{% if a is iterable %}<{{ loop(a)|upper }}>{% else %}{{ a }}/{{ loop.length }}{% endif %}{% endfor %}',
    "{{ [{'a': {'b': 2}}, {'a': {'b': 1}}]|groupby('a.b') }}{{ [[1, 2], [1, 3]]|groupby(0) }}{% for k, v in messages|groupby('role') %}{{ k }}={{ v|length }} {% endfor %}",
    "{{ [{'a': 1}, {'a': 'x'}]|groupby('a') }}",
    "{{ messages|groupby('nothing')|length }}",
    "{{ messages|groupby('role')|unique|list }}",
    "{{ none|reject('odd')|list }}{{ 0|select|list }}{{ false|map('upper')|list }}{{ none|map()|list }}{{ 0.0|rejectattr('x')|list }}{{ none|selectattr()|list }}",
    "{{ 1|map('upper')|list }}",
    "{{ 2|select|list }}",
    "{{ 'ẞß ǅ Ǆ ǆ ªº'.swapcase() }}",
    "{{ [(1, (2, [3]))]|unique|list }}",
    "{{ {(1, [2]): 3} }}",
    "{{ {(1, 2): 3}[(1, [2])] }}{{ {(1, 2): 3}[(1, 2)] }}",
    "{{ (1, [2]) in {(1, 2): 3} }}",
    "{{ {(1, 2): 3}.get((1, {}.keys())) }}",
    "{{ {(1, 2): 3}.get((1, {}.values())) }}",
    '{{ [1, 2]|slice(0)|list }}',
    "{{ [1, 2, 3]|slice(2, 0)|list }}{{ {'a': 1}|slice(2)|list }}{{ 5|slice(2)|list }}",
    '{% macro f() %}{{ caller() }}{% endmacro %}{% call f() %}{{ f.name }}{{ f.caller }}{% endcall %}{{ f.nothing is defined }}',
    '{% macro f(x) %}{{ varargs|length }}{{ kwargs }}{% endmacro %}{{ f.arguments }}{{ f.catch_varargs }}{{ f(1, 2, k=3) }}',
    '{% set c = cycler(1, 2) %}{% for i in range(3) %}{{ c.next() }}{% endfor %}{{ c.nothing is defined }}{{ cycler() }}',
    "{% set j = joiner('|') %}{% for i in range(3) %}{{ j() }}{{ i }}{% endfor %}",
    "{{ {'update': 1}.update is defined }}{{ {'sort': 1}['sort'] }}{{ {'append': 3}.append }}{{ [].sort is defined }}{{ {}.clear is defined }}",
    "{{ 'a&b=c d'|urlencode }}{{ 'ü/~'|urlencode }}{{ {'a/': 'b/ c'}|urlencode }}{{ [1]|urlencode }}",
    "{{ {'a': undefined_x, 'b': 2}|xmlattr }}{{ {'a>': 1}|xmlattr }}",
    '{{ \'<a href="x">1 &lt; 2</a > <!-- <b> -->&#39;x&quot; < y\'|striptags }}',
    '{% if true %}{{ loop is defined }}{% for x in [1] %}{{ loop }}{% endfor %}{% endif %}',
    "{% if tools is defined and tools %}{{ tools|tojson(indent=4) }}{% else %}{{ 'none' }}{% endif %}{% if not tools is defined %}{% set tools = none %}{% endif %}{{ tools is none }}",
    '{% set tools = [{\'type\': \'function\', \'function\': {\'name\': \'get_weather\', \'description\': "The weather\'s", \'parameters\': {\'type\': \'object\', \'properties\': {\'city\': {\'type\': \'string\', \'enum\': [\'A\', \'é\']}, \'n\': {\'type\': [\'integer\', \'null\'], \'default\': 3}}, \'required\': [\'city\']}}}] %}{% for t in tools %}{{ t|tojson }}{{ t.function.parameters.properties|items|list }}{% for name, p in t.function.parameters.properties.items() %}{{ name }}: {{ p.type if p.type is string else p.type|join(\' | \') }}{{ \' = %s\' % p.default if p.default is defined }}{{ \'?\' if name not in t.function.parameters.required }}{% if not loop.last %}, {% endif %}{% endfor %}{% endfor %}',
    '{% set tools = [{\'type\': \'function\', \'function\': {\'name\': \'get_weather\', \'description\': "The weather\'s", \'parameters\': {\'type\': \'object\', \'properties\': {\'city\': {\'type\': \'string\', \'enum\': [\'A\', \'é\']}, \'n\': {\'type\': [\'integer\', \'null\'], \'default\': 3}}, \'required\': [\'city\']}}}] %}{%- macro type_of(p) -%}{%- if p.enum is defined -%}{{ p.enum|map(\'tojson\')|join(\' | \') }}{%- elif p.type is iterable and p.type is not string -%}{{ p.type|join(\' or \') }}{%- else -%}{{ p.type }}{%- endif -%}{%- endmacro -%}{%- for t in tools|map(attribute=\'function\') %}type {{ t.name }} = (_: { {%- for k, v in t.parameters.properties.items() %}\n  {{ k }}: {{ type_of(v) }},{%- endfor %}\n}) => any;{%- endfor %}',
    '{% set tools = [{\'type\': \'function\', \'function\': {\'name\': \'get_weather\', \'description\': "The weather\'s", \'parameters\': {\'type\': \'object\', \'properties\': {\'city\': {\'type\': \'string\', \'enum\': [\'A\', \'é\']}, \'n\': {\'type\': [\'integer\', \'null\'], \'default\': 3}}, \'required\': [\'city\']}}}] %}{{ tools[0][\'function\'][\'parameters\'][\'properties\'].keys()|list|sort }}{{ tools|map(attribute=\'function.name\')|join }}{{ tools|selectattr(\'function.name\', \'equalto\', \'get_weather\')|list|length }}{{ tools[0]|dictsort|first|first }}',
    '{% set messages = messages + [{\'role\': \'assistant\', \'content\': none, \'tool_calls\': [{\'id\': \'abc123def\', \'type\': \'function\', \'function\': {\'name\': \'f\', \'arguments\': {\'x\': 1.5, \'y\': [\'é\', none, true]}}}]}, {\'role\': \'tool\', \'content\': \'{"ok": 1}\', \'name\': \'f\'}, {\'role\': \'user\', \'content\': [{\'type\': \'text\', \'text\': \' hi \'}, {\'type\': \'image\'}]}] %}{%- for message in messages %}{%- if message.content is string %}{%- set content = message.content %}{%- elif message.content is iterable and message.content is not mapping %}{%- set ns = namespace(t=\'\') %}{%- for c in message.content %}{%- if c.type == \'text\' %}{%- set ns.t = ns.t ~ c.text|trim %}{%- else %}{%- set ns.t = ns.t ~ \'<img>\' %}{%- endif %}{%- endfor %}{%- set content = ns.t %}{%- else %}{%- set content = \'\' %}{%- endif %}{{- \'<|\' ~ message.role ~ \'|>\' ~ content }}{%- for tc in message.tool_calls or [] %}{{ tc.function.name }}({% for k, v in tc.function.arguments|items %}{{ k }}={{ v|tojson }}{{ \', \' if not loop.last }}{% endfor %}){%- endfor %}{%- endfor %}',
    '{% set messages = messages + [{\'role\': \'assistant\', \'content\': none, \'tool_calls\': [{\'id\': \'abc123def\', \'type\': \'function\', \'function\': {\'name\': \'f\', \'arguments\': {\'x\': 1.5, \'y\': [\'é\', none, true]}}}]}, {\'role\': \'tool\', \'content\': \'{"ok": 1}\', \'name\': \'f\'}, {\'role\': \'user\', \'content\': [{\'type\': \'text\', \'text\': \' hi \'}, {\'type\': \'image\'}]}] %}{% for m in messages %}{% if m[\'tool_calls\'] is defined and m[\'tool_calls\'] is not none %}{{ m.tool_calls[0].id|length == 9 }}{{ m.tool_calls|map(attribute=\'function\')|map(attribute=\'name\')|list }}{{ (m.tool_calls[0].function.arguments if m.tool_calls[0].function.arguments is string else m.tool_calls[0].function.arguments|tojson) }}{% elif m.role == \'tool\' %}{{ m.content|tojson }}{{ m.name|default(\'?\') }}{% endif %}{% if loop.previtem and loop.previtem.role == m.role or loop.nextitem is not defined %}!{% endif %}{% endfor %}',
    '{% set messages = messages + [{\'role\': \'assistant\', \'content\': none, \'tool_calls\': [{\'id\': \'abc123def\', \'type\': \'function\', \'function\': {\'name\': \'f\', \'arguments\': {\'x\': 1.5, \'y\': [\'é\', none, true]}}}]}, {\'role\': \'tool\', \'content\': \'{"ok": 1}\', \'name\': \'f\'}, {\'role\': \'user\', \'content\': [{\'type\': \'text\', \'text\': \' hi \'}, {\'type\': \'image\'}]}] %}{% set ns = namespace(last=-1, multi=true) %}{% for m in messages[::-1] %}{% set i = messages|length - 1 - loop.index0 %}{% if ns.multi and m.role == \'user\' and m.content is string and not (m.content.startswith(\'<t>\') and m.content.endswith(\'</t>\')) %}{% set ns.multi = false %}{% set ns.last = i %}{% endif %}{% endfor %}{{ ns.last }}{{ ns.multi }}',
    '{% set messages = messages + [{\'role\': \'assistant\', \'content\': none, \'tool_calls\': [{\'id\': \'abc123def\', \'type\': \'function\', \'function\': {\'name\': \'f\', \'arguments\': {\'x\': 1.5, \'y\': [\'é\', none, true]}}}]}, {\'role\': \'tool\', \'content\': \'{"ok": 1}\', \'name\': \'f\'}, {\'role\': \'user\', \'content\': [{\'type\': \'text\', \'text\': \' hi \'}, {\'type\': \'image\'}]}] %}{% for m in messages if m.role in [\'user\', \'assistant\'] %}{% if (m.role == \'user\') != (loop.index0 % 2 == 0) %}{{ raise_exception(\'roles must alternate: \' + m.role) }}{% endif %}{{ m.role }}{% endfor %}',
]


def templates():
    yield from ("{{ [%s] }}|{{ %s }}" % (e, e) if ("," in e and "undefined" not in e) else "{{ %s }}" % e for e in EXPRESSIONS)
    for e in EXPRESSIONS:               # each part alone: one that is an error hides the others
        if e.count("(") + e.count("[") + e.count("{") == 0: yield from ("{{ %s }}" % part for part in e.split(", ") if part)
    yield from STATEMENTS
    yield from ERRORS
    yield from CONSTRUCTS


# ---------------------------------------------------------------------------- random ones

def random_text(rng):
    parts = ["a", "B", "é", "ß", "👧", " ", "\n", "\t", "<think>", "</think>", "{{ x }}", "{% raw %}", "'", '"', "\\", "&", "word ", "中文", "\u200d",
             "\u3000", "<|im_end|>", "/think", "/no_think", "[INST]", "0", "-"]
    return "".join(rng.choice(parts) for _ in range(rng.randrange(14)))


def random_conversation(rng):
    roles = rng.choice([["user"], ["user", "assistant"], ["system", "user"], ["system", "user", "assistant", "user"],
                        ["user", "assistant", "user", "assistant"], ["user", "user"], ["system", "user", "assistant", "user", "assistant"]])
    return {"messages": [{"role": r, "content": random_text(rng)} for r in roles], "add_generation_prompt": rng.random() < 0.5}


class Expressions:
    """Random expressions of the language, many of them well-typed, some of them not"""

    def __init__(self, rng): self.rng = rng

    def pick(self, *makers): return self.rng.choice(makers)()

    def text(self, d):
        r, n = self.rng, d - 1
        if d <= 0: return r.choice(["'a'", "'Ab c'", "' x '", "'é👧'", "''", "bos_token", "messages[0].content", "messages[-1]['content']", "'a,b,a'", "'<b>'", "'x\\ny'"])
        return r.choice([
            lambda: f"({self.text(n)} + {self.text(n)})", lambda: f"({self.text(n)} ~ {self.any(n)})", lambda: f"{self.text(n)}|{r.choice(['upper', 'lower', 'trim', 'title', 'capitalize', 'reverse', 'string', 'e', 'tojson', 'indent(2)'])}",
            lambda: f"{self.text(n)}|replace({self.text(0)}, {self.text(0)})", lambda: f"{self.text(n)}[{self.slice()}]", lambda: f"{self.text(n)}.{r.choice(['strip', 'lstrip', 'rstrip', 'upper', 'title', 'swapcase'])}()",
            lambda: f"{self.text(n)}.strip({self.text(0)})", lambda: f"({self.text(n)} * {r.randrange(-1, 4)})", lambda: f"{self.list(n)}|join({self.text(0)})", lambda: f"{self.any(n)}|string",
            lambda: f"{self.any(n)}|tojson", lambda: f"({self.text(n)} if {self.any(n)} else {self.text(n)})", lambda: f"{self.text(n)}.replace({self.text(0)}, {self.text(0)}, {r.randrange(-1, 3)})", lambda: f"{self.list(n)}|first",
            lambda: f"('{r.choice(['%s', '%5s|', '%-4.2s', '%r', '%a', '<%s>', '%s%%'])}' % ({self.any(n)},))", lambda: f"('%{r.choice(['d', '05d', '+.2f', 'e', 'g', 'x', '.0f', '8.3f', 'c', 'i'])}' % {self.number(n)})",
            lambda: f"'{r.choice(['{}', '{!r}', '{:>6}', '{:*^5.2}', 'a{0}b{0}'])}'.format({self.any(n)})", lambda: f"'{{:{r.choice(['d', '05', '.2f', ',', '+', 'x', '.3', '%', 'e', '^8', 'g', '#b'])}}}'.format({self.number(n)})",
            lambda: f"{self.any(n)}|{r.choice(['urlencode', 'striptags', 'safe|replace(%s, %s)' % (self.text(0), self.text(0)), 'center(9)', 'truncate(4)', 'wordcount', 'default(%s, true)' % self.text(0), 'format(1)'])}",
            lambda: f"{self.text(n)}[{r.randrange(-3, 4)}]", lambda: f"{self.text(n)}.split({self.text(0)})[{r.randrange(-1, 2)}]", lambda: f"{self.text(n)}.center({r.randrange(9)}, '*')"])()

    def number(self, d):
        r, n = self.rng, d - 1
        if d <= 0: return r.choice(["0", "1", "2", "3", "7", "-1", "-5", "0.5", "2.5", "-1.5", "10", "true", "1e3", "100", "0.1"])
        return r.choice([
            lambda: f"({self.number(n)} {r.choice(['+', '-', '*', '/', '//', '%'])} {self.number(n)})", lambda: f"(-{self.number(n)})", lambda: f"{self.any(n)}|length", lambda: f"{self.number(n)}|abs",
            lambda: f"{self.number(n)}|round({r.randrange(0, 3)})", lambda: f"{self.number(n)}|int", lambda: f"{self.text(n)}|int", lambda: f"{self.number(n)}|float", lambda: f"{self.list(n)}|sum", lambda: f"{self.text(n)}.find({self.text(0)})",
            lambda: f"{self.text(n)}.count({self.text(0)})", lambda: f"{self.text(n)}|wordcount", lambda: f"{self.list(n)}|length", lambda: f"({self.number(n)} ** {r.randrange(0, 3)})"])()

    def truth(self, d):
        r, n = self.rng, d - 1
        if d <= 0: return r.choice(["true", "false", "none", "add_generation_prompt", "nothing_here"])
        return r.choice([
            lambda: f"({self.any(n)} {r.choice(['==', '!='])} {self.any(n)})", lambda: f"({self.number(n)} {r.choice(['<', '>', '<=', '>='])} {self.number(n)})", lambda: f"(not {self.any(n)})", lambda: f"({self.any(n)} {r.choice(['and', 'or'])} {self.any(n)})",
            lambda: f"({self.any(n)} {r.choice(['in', 'not in'])} {self.list(n)})", lambda: f"({self.text(n)} in {self.text(n)})", lambda: f"({self.any(n)} is {r.choice(['', 'not '])}{r.choice(['defined', 'none', 'string', 'number', 'mapping', 'sequence', 'iterable', 'boolean', 'integer', 'float', 'true', 'false'])})",
            lambda: f"{self.text(n)}.{r.choice(['startswith', 'endswith'])}({self.text(0)})", lambda: f"{self.text(n)}.{r.choice(['isdigit', 'isalpha', 'isspace', 'isupper', 'islower', 'istitle', 'isalnum'])}()", lambda: f"({self.number(n)} is {r.choice(['odd', 'even', 'divisibleby 3'])})"])()

    def list(self, d):
        r, n = self.rng, d - 1
        if d <= 0: return r.choice(["[]", "[1, 2, 3]", "['b', 'a', 'C']", "(1, 'x')", "range(4)", "messages", "[none, true]", "{'k': 1, 'j': [2]}", "[3, 1, 2, 1]"])
        return r.choice([
            lambda: f"[{self.any(n)}, {self.any(n)}]", lambda: f"({self.any(n)},)", lambda: f"({self.list(n)} + {self.list(n)})", lambda: f"({self.list(n)}|list)[{self.slice()}]", lambda: f"{self.list(n)}|{r.choice(['list', 'sort', 'unique|list', 'reverse|list', 'sort(reverse=true)'])}",
            lambda: f"{self.list(n)}|{r.choice(['slice(2)', 'batch(2)', 'slice(3, 0)', 'batch(3, none)'])}|list", lambda: f"messages|groupby({r.choice(['role', 'content', 'x', 'role.x'])!r})|{r.choice(['list', 'length', 'first', 'map(attribute=0)|list'])}",
            lambda: f"{self.list(n)}|{r.choice(['min', 'max', 'sum', 'first', 'last', 'dictsort', 'items|list', 'join', 'tojson(indent=1)', 'string', 'length'])}", lambda: f"{self.text(n)}.{r.choice(['partition', 'rpartition'])}({self.text(0)})",
            lambda: f"{self.list(n)}|map({r.choice(['upper', 'string', 'length', 'trim', 'abs'])!r})|list", lambda: f"{self.list(n)}|{r.choice(['select', 'reject'])}({r.choice(['string', 'number', 'odd', 'none', 'defined'])!r})|list", lambda: f"{self.text(n)}.split()",
            lambda: f"{self.text(n)}.split({self.text(0)})", lambda: f"{self.text(n)}|list", lambda: "{%s: %s}" % (self.text(0), self.any(n)), lambda: f"({self.list(n)} * {r.randrange(0, 3)})", lambda: f"{self.text(n)}.splitlines()", lambda: f"{self.text(n)}.rsplit({self.text(0)}, 1)"])()

    def slice(self):
        r = self.rng
        return ":".join(str(r.randrange(-4, 5)) if r.random() < 0.6 else "" for _ in range(r.choice([2, 2, 3]))).replace(":0", ":") if r.random() < 0.9 else "1:"

    def any(self, d): return self.rng.choice([self.text, self.text, self.number, self.truth, self.list])(d)

    def __getattribute__(self, name):
        """Texts, numbers and lists in brackets: a name behind a filter would be part of the filter's"""
        make = object.__getattribute__(self, name)
        return (lambda d: f"({make(d)})" if d > 0 else make(d)) if name in ("text", "number", "list") else make


class Statements(Expressions):
    """Random bodies of statements; names a, b, ns, m and f may or may not be there"""

    def body(self, d): return "".join(self.statement(d - 1) for _ in range(self.rng.randrange(1, 4)))

    def tag(self, inside):
        r = self.rng
        return "{%" + r.choice(["", "", "-", "+"]) + " " + inside + " " + r.choice(["", "", "-", "+"]) + "%}"

    def output(self):
        r = self.rng
        return "{{" + r.choice(["", "", "-"]) + " " + r.choice(["a", "b", "ns.x", "loop.index", "loop.last", "loop.depth", "loop.previtem", "m.role", "f(1)", "f(b=2)", "loop.cycle(1, 2)", "loop.changed(a)", "a|tojson", "loop",
                                                                 self.any(r.randrange(0, 3))]) + " " + r.choice(["", "", "-"]) + "}}"

    def statement(self, d):
        r, e = self.rng, lambda: self.any(r.randrange(0, 2))
        if d <= 0: return r.choice(["x", " \n", "\n  ", "é ", "{# c #}", "{#- c\n -#}\n", "{% raw %}{{ a }}{% endraw %}"]) if r.random() < 0.5 else self.output()
        return r.choice([
            lambda: self.output(), lambda: self.tag(f"if {e()}") + self.body(d) + (self.tag(f"elif {e()}") + self.body(d) if r.random() < 0.3 else "") + (self.tag("else") + self.body(d) if r.random() < 0.5 else "") + self.tag("endif"),
            lambda: self.tag(f"for {r.choice(['a', 'a', 'm', 'a, b'])} in {self.list(r.randrange(0, 2))}{r.choice(['', '', ' if a', ' if loop is defined', ' recursive'])}") + self.body(d)
                + r.choice(["", "", self.tag("if loop.index == 2") + self.tag(r.choice(["break", "continue"])) + self.tag("endif"), "{{ loop([]) }}", "{% if a is iterable and loop.depth < 3 %}{{ loop(a) }}{% endif %}"])
                + (self.tag("else") + self.body(d) if r.random() < 0.3 else "") + self.tag("endfor"),
            lambda: self.tag(f"set {r.choice(['a', 'b', 'a, b', 'ns'])} = {r.choice([e(), e(), 'namespace(x=1)', '1, 2'])}"), lambda: self.tag(f"set ns = namespace(x={e()})") + self.body(d) + self.tag(f"set ns.x = {e()}") + "{{ ns.x }}",
            lambda: self.tag(f"set {r.choice(['a', 'b | upper', 'a | trim | length'])}") + self.body(d) + self.tag("endset"), lambda: self.tag(f"macro f(a{r.choice(['', ', b', ', b=3', '=1'])})") + self.body(d) + r.choice(["", "{{ caller() }}", "{{ varargs }}", "{{ kwargs }}"]) + self.tag("endmacro"),
            lambda: self.tag(f"call{r.choice(['', '(b)', '(a=1)'])} f({r.choice(['', '1', 'b=2'])})") + self.body(d) + self.tag("endcall"), lambda: self.tag(f"filter {r.choice(['upper', 'trim', 'indent(1)', 'title|trim', 'length'])}") + self.body(d) + self.tag("endfilter"),
            lambda: self.tag(f"with a = {e()}{r.choice(['', ', b = a'])}") + self.body(d) + self.tag("endwith"), lambda: self.tag("generation") + self.body(d) + self.tag("endgeneration"), lambda: self.tag(f"print {e()}")])()


# ---------------------------------------------------------------------------- the run

def write_cases(path):
    """The fixed templates and what Jinja2 makes of them, null for an error"""
    sources = sorted(set(templates()))
    lines = [json.dumps([source, reference(source, [TALK])[0]], ensure_ascii=False) for source in sources]
    with open(path, "w", encoding="utf-8") as f:
        f.write('{"now": %d, "talk": %s, "variables": %s, "cases": [\n' % (NOW, json.dumps(TALK, ensure_ascii=False), json.dumps(VARS)))
        f.write(",\n".join(lines) + "\n]}\n")


def main():
    if WRITE: return write_cases(WRITE)
    rng = random.Random(SEED)
    print("seed", SEED)
    jobs = [(source, [TALK]) for source in templates()]
    jobs += [("{{ %s }}" % Expressions(rng).any(rng.randrange(1, 4)), [TALK]) for _ in range(N_RANDOM)]
    jobs += [(Statements(rng).body(rng.randrange(2, 5)), [TALK]) for _ in range(N_RANDOM)]
    conversations = [random_conversation(rng) for _ in range(40)]
    jobs += [(source, conversations) for source in STATEMENTS if "messages" in source]
    folder = os.path.join(os.path.dirname(__file__), "..", "..", "..", "shared", "templates")
    names = sorted(f for f in os.listdir(folder) if f.endswith(".jinja")) if os.path.isdir(folder) else []
    jobs += [(open(os.path.join(folder, name), encoding="utf-8").read(), conversations) for name in names]
    if not names:
        skip("templates of models: ../shared/templates is not here")
    with ThreadPoolExecutor(2) as pool:
        for results in pool.map(lambda job: compare(*job), jobs):
            for ok, source, conversation, expected, got in results:
                check(ok, repr(source[:300]), "" if conversation is TALK else conversation, "expected", repr(expected), "got", repr(got))
    end()


main()
