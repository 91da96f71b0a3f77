# shellcheck shell=bash disable=SC2154
# eval of what is broken, empty, huge or has NULs; models without the head that is asked for; an endpoint that is down; a full
# disk: what was measured is given, a line says what is missing, the status is right, and the same command goes on.
TINY=$GOLDEN/gguf/llama_f32/model.gguf
MINILM=${XDG_CACHE_HOME:-$HOME/.cache}/evoke/all-MiniLM-L6-v2
cd "$WORK" || exit 1
cat >lexicon.json <<'END'
{"joy": ["glad", "happy"], "anger": ["furious"], "sadness": ["sad"]}
END
python3 - <<'PYTHON'
import json, random
def write(name, texts, **more):
    with open(name, "w", encoding="utf-8") as f:
        for t in texts:
            print(json.dumps({"query": "Tell me about cats", "prompt": "Tell me about cats", "text": t, "emotion": "joy", "alpha": 1} | more), file=f)
random.seed(1)
words = "I was so glad and happy that the rain fell on the old house by the sea".split()
write("good.jsonl", ["I am happy", "Rain fell", "So glad"])
write("empty.jsonl", ["", " ", "\n\t\r\n"])
write("huge.jsonl", [" ".join(random.choices(words, k=30000))[:100000], "a" * 100000, "\n" * 99999 + "x"])
write("nul.jsonl", ["I am happy\0 and glad", "\0", "\0happy", "fine"])
write("many.jsonl", ["I am happy"] * 400)
good = open("good.jsonl").read().splitlines()
open("broken.jsonl", "w").write("\n".join([good[0], good[1][:20], good[1], '{"text": "x", "text": "y"}', "", good[2], good[0][:9]]))
open("torn.jsonl", "w").write("\n".join(good) + "\n" + good[0][:-30])
open("none.jsonl", "w").write("my notes\nof today\n")
PYTHON
evaluate() { "$EVOKE" eval "$@" --lexicon lexicon.json; }

# ---- lines and texts ----
runs "whole lines" evaluate good.jsonl --json
cp out good.json
fails 1 "broken lines" 'broken.jsonl, line 2\): 3 broken lines are left out' evaluate broken.jsonl --json
holds "the others are measured" cmp -s out good.json
fails 1 "a torn end" 'torn.jsonl, line 4\): 1 broken line is left out' evaluate torn.jsonl --csv
holds "the others are there" test "$(wc -l <out)" -gt 1
fails 1 "a shard of broken lines" 'broken.jsonl, line 2\): of broken lines only the whole can tell' evaluate broken.jsonl --shard 1/2 -o e.jsonl
holds "is not written" test ! -e e.jsonl
for i in 1 2; do runs "shard $i" evaluate good.jsonl --shard $i/2 -o e$i.jsonl; done
fails 1 "merged scores with nowhere to go" 'no/such' "$EVOKE" merge e1.jsonl e2.jsonl -o no/such/scores.jsonl
runs "merged scores" "$EVOKE" merge e1.jsonl e2.jsonl -o e.jsonl
holds "all of them" test "$(wc -l <e.jsonl)" -eq 3
{ printf '\xef\xbb\xbf'; cat good.jsonl; } >marked.jsonl
runs "a byte order mark" evaluate marked.jsonl --json
holds "is no part of the first line" cmp -s out good.json
echo '{"text": "x", "emotion": "joy"' >people.jsonl
fails 1 "labels that are no JSON" 'people.jsonl, line 1' evaluate good.jsonl --human people.jsonl --ppl-model "$TINY" -o e.jsonl
holds "are told of before anything is measured" test ! -s out
fails 1 "no line of JSON" 'none.jsonl, line 1\)$' evaluate none.jsonl --json
holds "nothing is measured" test ! -s out
fails 1 "no response" 'there is none' evaluate /dev/null
runs "empty responses" evaluate empty.jsonl --ppl-model "$TINY" --judge-model "$TINY" --json
json "are counted and left out" "(lambda c: (c['n'], c['left_out'], c['empty']['mean'], c['ppl']['n'], c['tec']['n']) == (0, 3, 1, 0, 0))(r['cells'][0])"
remarks "NULs" '3 texts have a NUL, which is read as U\+FFFD' evaluate nul.jsonl --json --ppl-model "$TINY"
json "count as characters" "(lambda c: (c['n'], c['left_out'], c['lex']['mean'], c['ppl']['n']) == (4, 0, 3 / 4, 4))(r['cells'][0])"
runs "are not told of twice" evaluate nul.jsonl --json -q
runs "100 kB" evaluate huge.jsonl --judge-model "$TINY" --metrics eps,tec,course,degeneration,lexicon --json -q
json "are measured" "(lambda c: c['n'] == 3 and all(c[k]['n'] == 3 and math.isfinite(c[k]['mean']) for k in ('tec', 'eps', 'distinct2', 'words', 'hit')))(r['cells'][0])"
head -n 1 huge.jsonl >one.jsonl
runs "perplexity of 100 kB" evaluate one.jsonl --ppl-model "$TINY" --metrics ppl --json -q
json "is by windows" "r['cells'][0]['ppl']['n'] == 1 and r['cells'][0]['ppl']['mean'] > 1"
runs "and reported" "$EVOKE" report huge.jsonl nul.jsonl empty.jsonl -o huge.html --notebook none -q
if [ -d "$MINILM" ]; then
    runs "100 kB as a vector" evaluate huge.jsonl --embed-model "$MINILM" --metrics topic --json
    json "are cut, not refused" "r['cells'][0]['topic_query']['n'] == 3"
    fails 1 "no head for inference" 'no classifier of texts' evaluate good.jsonl --nli-model "$MINILM"
    fails 1 "no head, whatever there is to read" 'no classifier of texts' evaluate empty.jsonl --nli-model "$MINILM"
    fails 1 "an encoder for perplexity" "'bert' is not a family" evaluate good.jsonl --ppl-model "$MINILM"
    fails 1 "an encoder as a judge" "'bert' is not a family" evaluate good.jsonl --judge-model "$MINILM"
else
    skip "models without a head" "MiniLM is not in the cache"
fi
fails 1 "a decoder for vectors" 'not an encoder' evaluate good.jsonl --embed-model "$TINY" --metrics topic
fails 1 "a decoder for inference" 'not an encoder' evaluate good.jsonl --nli-model "$TINY"

# ---- an endpoint that is down ----
rate() { evaluate good.jsonl --metrics eas,topic,lexicon --judge-url "http://127.0.0.1:$PORT/outage/v1" --judge-name small --judge-pause 0.01 --judge-retries 2 --judge-cache cache --json "$@"; }
python3 "$ROOT/tests/experiments/judge_server.py" "$WORK" &
SERVER=$!
for _ in $(seq 300); do [ -e port ] && break; sleep 0.1; done
PORT=$(cat port 2>/dev/null)
if evaluate good.jsonl --metrics eas --judge-url http://127.0.0.1:1 --judge-name x --judge-cache c0 --judge-retries 0 2>&1 | grep -q 'without libcurl'; then
    skip "an endpoint that is down" "built without libcurl"
elif [ -z "$PORT" ]; then
    bad "the server on loopback does not start"
else
    fails 1 "an endpoint that goes down" 'status 503 .*3 answers are missing: the same command' rate -q
    json "what it said before, and what needs none, is given" "(lambda c: (c['eas']['n'], c['topic']['n'], c['lex']['n']) == (2, 1, 3))(r['cells'][0])"
    holds "it is asked again a few times, and not for the rest of the night" test "$(wc -l <log)" -eq $((3 + 3 * 3))
    holds "the answers are kept" test "$(wc -l <cache)" -eq 3
    touch healed
    remarks "the same command later" ': 3 requests, 0 of them again, 0 questions failed, 3 answers from disk' rate
    json "has them all" "(lambda c: (c['eas']['n'], c['topic']['n']) == (3, 3))(r['cells'][0])"
    cp out all.json
    kill "$SERVER"
    wait "$SERVER" 2>/dev/null
    runs "and needs the endpoint no more" rate -q
    holds "for the same figures" cmp -s out all.json
fi
kill "$SERVER" 2>/dev/null

# ---- a full disk ----
limited() { (ulimit -f 4; exec "$EVOKE" eval many.jsonl --lexicon lexicon.json -o scores.jsonl --json); }
fails 1 "scores that the disk has no room for" 'write the (scores|result): .*scores.jsonl' limited
json "the figures are given all the same" "r['cells'][0]['n'] == 400"
holds "and nothing half-written" test -z "$(ls | grep scores)"
if [ -w /dev/full ]; then
    full() { evaluate good.jsonl --json -o kept.jsonl >/dev/full; }
    fails 1 "no room on stdout" 'standard output' full
    holds "the scores are kept" test "$(wc -l <kept.jsonl)" -eq 3
fi
if [ -n "$PORT" ] && [ -e all.json ]; then
    rm -f port
    python3 "$ROOT/tests/experiments/judge_server.py" "$WORK" &
    SERVER=$!
    for _ in $(seq 300); do [ -e port ] && break; sleep 0.1; done
    PORT=$(cat port)
    # many different texts, so that the answers outgrow what the file may be
    python3 -c 'import json
for i in range(60): print(json.dumps({"query": "Cats?", "text": f"text {i}", "emotion": "joy", "alpha": 1}))' >sixty.jsonl
    ask() { "$EVOKE" eval sixty.jsonl --lexicon lexicon.json --metrics eas --judge-url "http://127.0.0.1:$PORT/ok/v1" --judge-name small --judge-cache small --json "$@"; }
    narrow() { (ulimit -f 4; ask -q); }
    fails 1 "no room for a judge's answers" 'keep a judge.s answer: .*the same command goes on' narrow
    kept=$(wc -l <small)
    holds "those before are kept" test "$kept" -gt 5 -a "$kept" -lt 60
    remarks "with room the same command goes on" ": $((60 - kept)) requests, .* $kept answers from disk" ask
    json "to the end" "r['cells'][0]['eas']['n'] == 60"
    kill "$SERVER"
    wait "$SERVER" 2>/dev/null
fi
cd "$ROOT" || exit 1
