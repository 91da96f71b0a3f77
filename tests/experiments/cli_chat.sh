# shellcheck shell=bash disable=SC2154
# Conversations: the same answers as generate's to the same messages, the cache kept between turns, commands, a full context,
# what is refused; and at a terminal Ctrl-C, editing and the history.
cat >"$WORK/queries.json" <<'END'
{"joy": ["I passed the test.", "We won!"], "fear": ["It is dark.", "Who is there?"]}
END
cd "$WORK" || exit 1
TINY=$GOLDEN/gguf/llama_f32/model.gguf
# The tiny model with a context of 100000 instead of 128.
python3 - "$TINY" long.gguf <<'PYTHON'
import struct, sys
data, key = open(sys.argv[1], "rb").read(), b"llama.context_length" + struct.pack("<I", 4)
at = data.index(key) + len(key)
open(sys.argv[2], "wb").write(data[:at] + struct.pack("<I", 100000) + data[at + 4:])
PYTHON
runs "a store" "$EVOKE" extract -m "$TINY" -d queries.json -o s.h5 --sites attn_out,resid_post --span response -n 4 -q
runs "vectors" "$EVOKE" ev s.h5 -o v.h5 -q
# talk TEXT OPTIONS...: TEXT's lines as a conversation
talk() {
    local text=$1
    shift
    printf '%b' "$text" | "$EVOKE" chat -m "$MODEL" -q "$@"
}
# whole_prompt TURN OPTIONS...: generate from a rendered conversation; by Python, as a shell takes ends of lines off
whole_prompt() {
    python3 -c '
import json, os, sys
text = json.load(open("rendered.json"))[int(sys.argv[3])]["text"]
os.execv(sys.argv[1], ["evoke", "generate", "-m", sys.argv[2], "-p", text, "--raw", "--compute", "exact", "-n", "24", "--temp", "0", "--json", "-q"] + sys.argv[4:])
' "$EVOKE" "$MODEL" "$@"
}
# same NAME MODEL OPTIONS...: each answer is what generate gives for the messages before it
same() {
    local name=$1 turn
    MODEL=$2
    shift 2
    runs "$name: a conversation" talk 'Who are you?\nAre you sure about it?\nThen tell me more.\n/save c.json\n' --compute exact -n 24 --temp 0 --json "$@"
    json "$name: three turns" "[l['turn'] for l in lines] == [0, 1, 2]"
    json "$name: only what is new is run" "lines[0]['n_run'] == lines[0]['n_prompt'] and all(b['n_prompt'] - b['n_run'] >= a['n_prompt'] for a, b in zip(lines, lines[1:]))"
    cp out answers.jsonl
    python3 -c '
import json
m = json.load(open("c.json"))["messages"]
json.dump([{"messages": [{k: x[k] for k in ("role", "content")} for x in m[:n]], "add_generation_prompt": True} for n in (1, 3, 5)], open("convs.json", "w"))'
    runs "$name: rendered" "$EVOKE" tokenize -m "$MODEL" --chat convs.json --json
    cp out rendered.json
    for turn in 0 1 2; do
        runs "$name: generate, turn $turn" whole_prompt $turn "$@"
        json "$name: gives the same, turn $turn" "(lambda a: (r['n_prompt'], r['ids'], r['logprobs']) == (a['n_prompt'], a['ids'], a['logprobs']))([json.loads(l) for l in open('answers.jsonl')][$turn])"
    done
}
same "tiny" long.gguf
same "tiny, steered everywhere" long.gguf --ev v.h5 --alpha joy=3 --positions all
SMOL=${XDG_CACHE_HOME:-$HOME/.cache}/evoke/SmolLM2-135M-Instruct.Q4_1.gguf
if [ -f "$SMOL" ]; then
    same "SmolLM2" "$SMOL"
else
    skip "a conversation with SmolLM2" "the model is not in the cache"
fi

# ---- commands ----
MODEL=long.gguf
runs "strengths" talk 'Hi\n/joy 2\n/fear 0:1\nHi\n/joy off\nHi\n/off\nHi\n' --ev v.h5 -n 4 --json
json "as they were set" "[l['steering'] and l['steering']['alpha'] for l in lines] == [None, {'joy': 2, 'fear': [0, 1]}, {'fear': [0, 1]}, None]"
json "a mix of each answer" "all(set(l['mix']) == {'joy', 'fear'} for l in lines)"
runs "--alpha" talk 'Hi\n/base -1\nHi\n' --ev v.h5 --alpha joy=2 -n 4 --json --no-meter
json "is where it begins" "[l['steering']['alpha'] for l in lines] == [{'joy': 2}, {'joy': 2, 'base': -1}] and lines[0]['mix'] is None"
runs "/clear" talk 'Hi\nHi\n/clear\nHi\n' -n 8 --json
json "starts anew" "lines[2]['turn'] == 0 and [lines[2][k] for k in ('n_prompt', 'ids', 'stream')] == [lines[0][k] for k in ('n_prompt', 'ids', 'stream')]"
runs "/undo" talk 'Hi\nWhat?\n/undo\nWhat?\n' -n 8 --temp 0 --json
json "takes a turn back" "lines[2]['turn'] == 1 and lines[2]['ids'] == lines[1]['ids'] and lines[2]['n_run'] == 1"
runs "/system" talk 'Hi\n/system Be brief.\nHi\n/system\nHi\n' -n 4 --json
json "is heard" "[l['system'] for l in lines] == [None, 'Be brief.', None] and lines[1]['n_prompt'] - lines[1]['n_run'] == 1"
runs "lines that go on, slashes" talk 'one\\\ntwo\n//three\n\n  \n' -n 2 --json
json "are messages" "[l['prompt'] for l in lines] == ['one\ntwo', '/three']"
runs "text" talk 'Hi\nHi\n/quit\nHi\n' -n 1 --stop zzz
holds "is the answers alone, as generate's" test "$(wc -l <out)" -eq 2 -a "$(LC_ALL=C tr -d '\n -~\200-\377\1-\37' <out | wc -c)" -eq 0
runs "an empty conversation" talk '' -n 1
runs "saving" talk 'Hi\n/joy 1\nHo\n/save s.json\n' --ev v.h5 -n 4 --system Be.
cp s.json out
json "keeps all of it" "[m['role'] for m in r['messages']] == ['system', 'user', 'assistant', 'user', 'assistant'] and r['messages'][4]['steering']['alpha'] == {'joy': 1} and r['messages'][2]['steering'] is None and r['seed'] == 0"
remarks "help" '/EMOTION X' talk '/help\n'
holds "is not on stdout" test ! -s out
remarks "the whole mix" '^joy  ' talk 'Hi\n/mix\n' --ev v.h5 -n 4

# ---- the context ----
MODEL=$TINY
many() { printf 'Line %d of a long talk\\n' $(seq 9); }
remarks "a full context" 'context of 128 tokens is full: the [2-8] oldest turns are left out' sh -c "printf '$(many)' | \"$EVOKE\" chat -m \"$MODEL\" -n 6 --json --system Be"
json "forgets the oldest turns" "[l['turn'] for l in lines] == list(range(9)) and lines[-1]['n_forgotten'] > 0 and all(l['n_prompt'] + len(l['ids']) <= 128 for l in lines) and any(l['n_run'] < l['n_prompt'] / 2 for l in lines[2:])"
json "and keeps the system message's tokens" "all(l['n_run'] < l['n_prompt'] for l in lines[1:])"
fails 1 "a message that is too long" 'prompt: it has [0-9]+ tokens, the context 64 .*\(line 2\)' talk "Hi\n$(head -c 90 /dev/zero | tr '\0' a)\n" -c 64 -n 2
remarks "an answer that fills it" 'the answer ends here' sh -c "printf 'Hi\n' | \"$EVOKE\" chat -m \"$MODEL\" -c 40 --ignore-eos"

# ---- what is refused ----
fails 1 "no such command" "'/foo' is no command.*line 2" talk 'Hi\n/foo 2\nHi\n' -n 1
fails 1 "no such emotion" 'v.h5 holds joy, fear.*line 1' talk '/rage 2\n' --ev v.h5
fails 1 "no number" "'lots'.*line 1" talk '/joy lots\n' --ev v.h5
fails 1 "no strength" 'wants a number' talk '/joy\n' --ev v.h5
fails 1 "nothing to take back" 'line 1' talk '/undo\n'
fails 1 "no name to save to" 'name is missing' talk '/save\n'
fails 1 "the model to save to" 'replace an input' talk "/save $MODEL\n"
fails 1 "a NUL" 'NUL.*' sh -c "printf 'a\\0b\n' | \"$EVOKE\" chat -m \"$MODEL\""
fails 1 "no UTF-8" 'UTF-8.*line 1' talk '\0377\n' -n 1
fails 1 "a folder to save to" 'line 2' talk 'Hi\n/save .\n' -n 1
limited() { (ulimit -f 1; printf 'Hi\n/save limited.json\n' | "$EVOKE" chat -m "$MODEL" -n 60 --ignore-eos -q >/dev/null); }
fails 1 "a full disk" 'write.*line 2' limited
holds "leaves nothing" test -z "$(ls | grep -e limited -e partial)"
fails 2 "no model" '--model is missing' "$EVOKE" chat
fails 2 "a strength without vectors" '--ev FILE' talk 'Hi\n' --alpha joy=1

# ---- a terminal ----
plain=
ldd "$EVOKE" | grep -q libedit || plain=plain
if python3 "$ROOT/tests/experiments/chat_terminal.py" "$EVOKE" "$WORK/long.gguf" "$WORK/v.h5" "$WORK" $plain >err 2>&1; then
    pass
else
    bad "a chat at a terminal"
fi
