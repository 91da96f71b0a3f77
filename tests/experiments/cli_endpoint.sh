# eval with a judge behind an endpoint: a small server on loopback that also fails in every way that servers do.
cd "$WORK" || exit 1
cat >r.jsonl <<'END'
{"query": "Tell me about cats", "text": "I love cats", "emotion": "joy", "alpha": 1}
{"query": "Tell me about cats", "text": "Rain fell", "emotion": "joy", "alpha": 1}
{"query": "Tell me about cats", "text": " ", "emotion": "joy", "alpha": 1}
{"query": "Tell me about cats", "text": "dogs, \"not\" \\ \u00e9", "emotion": "anger", "alpha": 2}
END
ask() {     # MODE OPTIONS...: eval by the server in that mode
    local mode=$1
    shift
    EVOKE_JUDGE_KEY=sesame "$EVOKE" eval r.jsonl --metrics eas,topic --judge-url "http://127.0.0.1:$PORT/$mode/v1" \
        --judge-name small --judge-pause 0.01 --json "$@"
}
requests() { wc -l <log; }
python3 "$OLDPWD/tests/experiments/judge_server.py" "$WORK" &
SERVER=$!
for _ in $(seq 100); do [ -e port ] && break; sleep 0.1; done
PORT=$(cat port 2>/dev/null)
if "$EVOKE" eval r.jsonl --metrics eas --judge-url http://127.0.0.1:1 --judge-name x --judge-cache c0 --judge-retries 0 2>&1 | grep -q 'without libcurl'; then
    skip "an endpoint" "built without libcurl"
elif [ -z "$PORT" ]; then
    bad "the server on loopback does not start"
else
    remarks "an endpoint" '6 requests, 0 of them again, 0 questions failed, 0 answers from disk, 600 \+ 60 tokens, cost 0.0012' ask ok --judge-cache c1 --judge-price 1,10
    json "ratings and topic" "[(c['emotion'], c['n'], c['eas']['mean'], c['topic']['mean']) for c in r['cells']] == [('joy', 2, 10, 0.5), ('anger', 1, 1, 0)]"
    cp out first.json
    holds "the key is sent" grep -q 'Bearer sesame' log
    holds "and kept nowhere" test -z "$(grep -l sesame c1 out err)"
    runs "again, quietly" ask ok --judge-cache c1 -q
    holds "the same result" cmp -s out first.json
    holds "nothing is asked twice" test "$(requests)" -eq 6
    head -c -10 c1 >torn && mv torn c1
    remarks "a torn line of answers is asked again" '1 requests.* 5 answers from disk' ask ok --judge-cache c1
    remarks "errors that pass" '36 requests, 30 of them again, 0 questions failed' ask flaky --judge-cache c2
    holds "give the same result" python3 -c "import json; a, b = (json.load(open(f))['cells'] for f in ('out', 'first.json')); assert a == b"
    fails 1 "a server that is too slow" 'imeout.* 6 answers are missing: the same command' ask slow --judge-cache c3 --judge-timeout 1 --judge-retries 0 -q
    json "prints what there is" "[c['eas']['n'] for c in r['cells']] == [0, 0]"
    fails 1 "answers that are none" 'not what was asked for: It is hard' ask prose --judge-cache c4 --judge-retries 1 -q
    python3 -c 'import json
for t in ("odd a", "odd b", "odd c", "odd d", "even e", "even f"): print(json.dumps({"query": "Cats?", "text": t, "emotion": "joy", "alpha": 1}))' >odd.jsonl
    unwilling() { EVOKE_JUDGE_KEY=sesame "$EVOKE" eval odd.jsonl --metrics eas --judge-url "http://127.0.0.1:$PORT/unwilling/v1" --judge-name small --judge-pause 0.01 --judge-retries 1 --judge-cache c10 --json -q; }
    before=$(requests)
    fails 1 "four texts that the judge will not rate" 'not what was asked for.* 4 answers are missing' unwilling
    json "are no reason to leave out the others" "r['cells'][0]['eas']['n'] == 2"
    holds "each is asked again once" test "$(($(requests) - before))" -eq 10
    fails 1 "nor later" '4 answers are missing' unwilling
    holds "and the others are on disk" test "$(($(requests) - before))" -eq 18
    runs "names in other letters" ask renamed --judge-cache c11 -q
    json "are the same names" "[c['eas']['mean'] for c in r['cells']] == [10, 1]"
    fails 1 "ratings of something else" 'not what was asked for: .*rating.* 3 answers are missing' ask partial --judge-cache c12 --judge-retries 0 -q
    holds "are not kept" test "$(grep -c rating c12)" -eq 0
    fails 1 "a question that is refused" '2 answers are missing' ask picky --judge-cache c9 -q
    json "leaves that response out" "[c['eas']['n'] for c in r['cells']] == [1, 1]"
    before=$(requests)
    fails 1 "a key that is not taken" 'status 401.* 6 answers are missing' ask denied --metrics eas,topic,degeneration --judge-cache c5 -q
    json "what needs none is given" "[(c['eas']['n'], c['words']['n']) for c in r['cells']] == [(0, 2), (0, 1)]"
    holds "and nothing more is asked" test "$(($(requests) - before))" -eq 1
    before=$(requests)
    fails 2 "a price that is none" 'two prices' ask ok --judge-cache c13 --judge-price 1
    fails 2 "a time that is none" 'judge-timeout' ask ok --judge-cache c13 --judge-timeout x
    holds "is told before anything is asked" test "$(requests)" -eq "$before"
    before=$(requests)
    began=$(date +%s%N)
    runs "a limit of requests" ask ok --judge-cache c6 --judge-rate 150 -q
    holds "keeps to it" test "$(($(requests) - before))" -eq 6 -a "$((($(date +%s%N) - began) / 1000000))" -ge 2000
    kill "$SERVER"
    wait "$SERVER" 2>/dev/null
    fails 1 "a server that is gone" 'connect.* 6 answers are missing' ask ok --judge-cache c7 --judge-retries 1 -q
    runs "its answers are still at hand" ask ok --judge-cache c1 -q
    fails 2 "no name" 'judge-name' "$EVOKE" eval r.jsonl --metrics eas --judge-url http://127.0.0.1:1/v1
    fails 2 "no URL" 'http://' "$EVOKE" eval r.jsonl --metrics eas --judge-url ftp://x --judge-name x --judge-cache c8
    fails 1 "a full disk" 'keep a judge|open the judge' "$EVOKE" eval r.jsonl --metrics eas --judge-url http://127.0.0.1:1/v1 --judge-name x --judge-cache /proc/none
fi
kill "$SERVER" 2>/dev/null
cd - >/dev/null || exit 1
