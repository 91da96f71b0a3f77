# shellcheck shell=bash disable=SC2154
# Token ids as the package `tokenizers` gives them (tests/golden/gguf/llama_f32/expected.h5, tokenizer/), and back.
MODEL=$GOLDEN/gguf/llama_f32/model.gguf
cat >"$WORK/texts.json" <<'END'
["the quick brown fox", " Joy and fear, and  two spaces", "na\u00efve caf\u00e9 \u2014 \u4f60\u597d \ud83d\ude42",
 "it's 2025; we'll see\n\nnew\tline", "others\u00a0think", ""]
END
cat >"$WORK/ids.json" <<'END'
[[257,32,113,117,105,99,107,32,98,114,111,119,110,268,111,120],
 [32,74,111,121,266,275,97,114,44,266,32,32,116,119,111,32,115,112,97,99,101,115],
 [110,97,195,175,118,101,32,99,97,102,195,169,32,226,128,148,32,228,189,160,229,165,189,32,240,159,153,130],
 [105,116,39,115,32,50,48,50,53,59,272,39,108,108,32,115,101,101,10,10,110,101,119,9,108,105,110,101],
 [111,263,115,194,160,256,105,110,107], []]
END
runs "texts" "$EVOKE" tokenize -m "$MODEL" -f "$WORK/texts.json" --json
json "ids are the reference's" "r == json.load(open('$WORK/ids.json'))"
runs "back" "$EVOKE" tokenize -m "$MODEL" --decode -f "$WORK/ids.json" --json
json "texts are the same again" "r == json.load(open('$WORK/texts.json'))"
runs "one text" "$EVOKE" tokenize -m "$MODEL" -p "the quick brown fox" --json
json "one list" "r == [[257,32,113,117,105,99,107,32,98,114,111,119,110,268,111,120]]"
runs "a table" "$EVOKE" tokenize -m "$MODEL" -p "the fox"
holds "ids and pieces" grep -qE '^ +257  "the"$' "$WORK/out"
runs "ids as numbers" "$EVOKE" tokenize -m "$MODEL" --decode -p "257, 268 111,120" --json
json "text of numbers" "r == ['the fox']"
printf '257 268\n\n111,120\n' >"$WORK/lines.txt"
runs "ids as lines" "$EVOKE" tokenize -m "$MODEL" --decode -f "$WORK/lines.txt" --json
json "a text a line" "r == ['the f', 'ox']"
runs "half a character" "$EVOKE" tokenize -m "$MODEL" --decode -p "[240,159,153]" --json
json "U+FFFD for it" "r == ['\ufffd']"
runs "an end token" "$EVOKE" tokenize -m "$MODEL" -p "<|im_end|>x" --parse-special --json
json "is one token where asked for" "len(r[0]) == 2"
runs "its text" "$EVOKE" tokenize -m "$MODEL" -p "<|im_end|>x" --json
json "is plain otherwise" "len(r[0]) > 2"

fails 2 "nothing to tokenise" 'something to tokenise' "$EVOKE" tokenize -m "$MODEL"
fails 2 "two things" 'one of the three' "$EVOKE" tokenize -m "$MODEL" -p x -f y
fails 2 "ids that are none" "'x'" "$EVOKE" tokenize -m "$MODEL" --decode -p "1 x"
echo '[[1, 2], ["x"]]' >"$WORK/odd.json"
fails 1 "a file of ids that are none" 'odd.json' "$EVOKE" tokenize -m "$MODEL" --decode -f "$WORK/odd.json"
fails 1 "the same for trace" 'odd.json' "$EVOKE" trace -m "$MODEL" --ids "@$WORK/odd.json" -o "$WORK/t.h5"
fails 2 "ids too large" 'no token id' "$EVOKE" tokenize -m "$MODEL" --decode -p "99999999999"
fails 1 "an id past the vocabulary" '' "$EVOKE" tokenize -m "$MODEL" --decode -p "100000"
fails 1 "no such file" 'No such file' "$EVOKE" tokenize -m "$MODEL" -f "$WORK/none.json"
printf '["a",\n\n7x]' >"$WORK/broken.json"
fails 1 "broken JSON names the line" 'line 3' "$EVOKE" tokenize -m "$MODEL" -f "$WORK/broken.json"
printf '["a", 7]' >"$WORK/seven.json"
fails 1 "an item that is no text" 'item 2' "$EVOKE" tokenize -m "$MODEL" -f "$WORK/seven.json"
fails 1 "a text that is not UTF-8" 'UTF-8' "$EVOKE" tokenize -m "$MODEL" -p "$(printf 'a\377b')"

# Conversations. The template was rendered by Jinja2's rules by hand: it is short.
cat >"$WORK/chat.jinja" <<'END'
{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}[{{ m.role }}] {{ m.content | trim }}
{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}
END
cat >"$WORK/chat.json" <<'END'
[{"messages": [{"role": "user", "content": " Hi "}, {"role": "assistant", "content": "Yo {{x}}"}], "add_generation_prompt": true},
 {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}], "add_generation_prompt": false}]
END
runs "chat without a model" "$EVOKE" tokenize --template "$WORK/chat.jinja" --chat "$WORK/chat.json" --var 'bos_token=<s>' --json
json "text alone" "r[0] == {'text': '<s>[user] Hi\n[assistant] Yo {{x}}\n[assistant]'}"
json "the template's own refusal" "list(r[1]) == ['error'] and 'no system role' in r[1]['error']"
runs "chat with a model" "$EVOKE" tokenize -m "$MODEL" --chat "$WORK/chat.json" --json
json "ids give the text again" "r[0]['text'].startswith('<|im_start|>') and len(r[0]['ids']) > 8"
fails 2 "chat with neither" '--template' "$EVOKE" tokenize --chat "$WORK/chat.json"
fails 2 "--var without a value" 'NAME=VALUE' "$EVOKE" tokenize --template "$WORK/chat.jinja" --chat "$WORK/chat.json" --var x
printf '{%% for x in %%}' >"$WORK/broken.jinja"
fails 1 "a broken template" '' "$EVOKE" tokenize --template "$WORK/broken.jinja" --chat "$WORK/chat.json"
# What is wrong with a template is told, with its place, before a model is opened.
for name in 'for x in' 'nope' 'endif' 'extends "x"'; do
    printf 'a\n{%% %s %%}' "$name" >"$WORK/bad.jinja"
    fails 1 "a template with $name, and no model" 'template: .*line 2, column' "$EVOKE" generate -m "$WORK/none.gguf" --template "$WORK/bad.jinja" -p x
done
for name in '1|nope' '1 is nope' 'nope(1)' '"a".nope()' '"a' '(1' '1 +'; do
    printf 'a\n{{ %s }}' "$name" >"$WORK/bad.jinja"
    fails 1 "generate: {{ $name }}" 'template: .*line 2, column' "$EVOKE" generate -m "$WORK/none.gguf" --template "$WORK/bad.jinja" -p x
    fails 1 "extract: {{ $name }}" 'template: .*line 2, column' "$EVOKE" extract -m "$WORK/none.gguf" --template "$WORK/bad.jinja" \
        -d data/queries_extraction.jsonl -o "$WORK/s.h5"
    fails 1 "tokenize: {{ $name }}" 'template: .*line 2, column' "$EVOKE" tokenize -m "$WORK/none.gguf" --template "$WORK/bad.jinja" \
        --chat "$WORK/chat.json"
done
fails 1 "no such template" 'No such file.*none.jinja' "$EVOKE" generate -m "$WORK/none.gguf" --template "$WORK/none.jinja" -p x
# One that would run for ever, or fill the memory.
for body in '{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}' '{{ "x" * 1000000000000 }}' \
    '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}' '{% for i in range(99999) %}{{ "x" * 60000000 }}{% endfor %}'; do
    printf '%s' "$body" >"$WORK/bad.jinja"
    fails 1 "hostile: $body" 'template: .*line 1, column' timeout 10 bash -c 'ulimit -v 2000000; exec "$@"' - "$EVOKE" tokenize \
        --template "$WORK/bad.jinja" --chat "$WORK/chat.json"
done
printf '[{"messages": [{"role": "user"}]}]' >"$WORK/bad.json"
fails 1 "a message without content" 'conversation 1' "$EVOKE" tokenize -m "$MODEL" --chat "$WORK/bad.json"
