# shellcheck shell=bash disable=SC2154
# A grid of responses: what is in it, that a kill at any moment loses and repeats nothing, and what is refused.
MODEL=$GOLDEN/gguf/llama_f32/model.gguf
cat >"$WORK/queries.json" <<'END2'
{"joy": ["I passed the test.", "We won!"], "fear": ["It is dark.", "Who is there?"]}
END2
cat >"$WORK/lexicon.json" <<'END2'
{"joy": ["glad", "happy"], "fear": ["afraid", "scared"]}
END2
cd "$WORK" || exit 1
runs "a store" "$EVOKE" extract -m "$MODEL" -d queries.json -o s.h5 --sites resid_post,attn_out --span query -q
runs "vectors" "$EVOKE" ev s.h5 -o v.h5 -q
runs "a store of less" "$EVOKE" extract -m "$MODEL" -d queries.json --limit 1 -o few.h5 --sites resid_post,attn_out --span query -q
sweep() { "$EVOKE" sweep -m "$MODEL" -f queries.json --ev v.h5 -n 6 -q "$@"; }

# ---- the grid ----
runs "the paper's grid" sweep -o paper.jsonl --json
json "4 queries x (unsteered, and three vectors at four strengths)" "(r['n_responses'], r['n_cells'], r['n_queries']) == (52, 13, 4)"
cp paper.jsonl out
json "alpha 0 once a query" "[l['baseline'] for l in lines if l['alpha'] == 0] == ['none'] * 4 and all(l['steering'] is None and l['emotion'] == '' for l in lines if l['alpha'] == 0)"
json "every cell of every query" "[(l['emotion'], l['alpha']) for l in lines[:13]] == [('', 0)] + [(e, a) for e in ('joy', 'fear', 'base') for a in (-1, 1, 2, 4)]"
json "its fields" "set('id query query_emotion emotion alpha baseline prompt steering seed stream sampling n_predict model model_sha256 compute text ids stop'.split()) <= set(lines[5])"
json "the steering" "[lines[2]['steering'][k] for k in ('alpha', 'site', 'mode', 'positions', 'layers')] == [{'joy': 1}, 'attn_out', 'add', 'last', 'all']"
runs "eval reads it" "$EVOKE" eval paper.jsonl --lexicon lexicon.json --json
json "and finds alpha 0 for each emotion" "{(c['emotion'], c['alpha']) for c in r['cells']} >= {(e, a) for e in ('joy', 'fear') for a in (-1, 0, 1, 2, 4)} and all(c['n'] + c['left_out'] == 4 for c in r['cells'])"

runs "baselines" sweep --alphas 2 --baselines none,prompt,random,both --seed 3 -o base.jsonl
cp base.jsonl out
json "their cells" "[(l['emotion'], l['alpha'], l['baseline']) for l in lines[:11]] == [('', 0, 'none'), ('joy', 0, 'prompt'), ('joy', 2, ''), ('joy', 2, 'random'), ('joy', 2, 'both'), ('fear', 0, 'prompt'), ('fear', 2, ''), ('fear', 2, 'random'), ('fear', 2, 'both'), ('base', 2, ''), ('base', 2, 'random')]"
json "prompt and both ask for the emotion" "all((l['prompt'] != l['query'] and l['emotion'] in l['prompt'] and l['query'] in l['prompt']) == (l['baseline'] in ('prompt', 'both')) for l in lines)"
json "prompt steers nothing" "all((l['steering'] is None) == (l['baseline'] in ('none', 'prompt')) for l in lines)"
json "random says its seed" "all(('random_seed' in (l['steering'] or {})) == (l['baseline'] == 'random') for l in lines)"
runs "generate gives the same" "$EVOKE" generate -m "$MODEL" -f queries.json --ev v.h5 --compare --alpha 2 -n 6 --seed 3 --json -q
json "as the vector alone" "[l['ids'] for l in lines] == [json.loads(l)['ids'] for l in open('base.jsonl') if json.loads(l)['baseline'] in ('', 'none') and json.loads(l)['emotion'] != 'base']"
runs "a sweep in other batches" sweep --alphas 2 --baselines none,prompt,random,both --seed 3 -o again.jsonl -b 3 -t 1
holds "is the same file" cmp -s base.jsonl again.jsonl
runs "modes, sites, layer ranges" sweep --emotions joy --alphas 0,2 --steer-mode add,ablate --site attn_out,resid_post --layers 0-1 --layers 2 --limit 1 --json -o places.jsonl
json "unsteered once, add and ablate at each place" "r['n_cells'] == 1 + 2 * 2 * 2 and r['n_queries'] == 2"
cp places.jsonl out
json "called by what differs" "lines[0]['variant'] == '' and lines[1]['variant'] == 'add attn_out 0-1' and lines[8]['variant'] == 'ablate resid_post 2'"
json "each its own" "len({json.dumps(l['steering']) for l in lines}) == 9"
runs "samples" sweep --emotions joy --alphas 1 --n-samples 2 --temp 2 --limit 1 -o samples.jsonl
cp samples.jsonl out
json "of their own streams" "[(l['sample'], l['stream']) for l in lines] == [(0, 0), (1, 1), (0, 2), (1, 3)] and lines[0]['ids'] != lines[1]['ids']"

runs "eval of places" "$EVOKE" eval places.jsonl --lexicon lexicon.json --metrics lexicon --json
json "has a cell for each" "len(r['cells']) == 2 + 8 and len({(c['emotion'], c['alpha'], c['variant']) for c in r['cells']}) == 10"
echo '{"0": [[0]], "1": [[0]], "2": [[0]]}' | python3 -c 'import json, sys; json.dump({k: [96 * v[0]] for k, v in json.load(sys.stdin).items()}, open("x_joy.json", "w"))'
remarks "vectors that are 0" 'joy at alpha 1 changes nothing' "$EVOKE" sweep -m "$MODEL" -f queries.json --ev x_joy.json --alphas 1 -n 2 -o zero.jsonl
remarks "strengths that are all 0" 'nothing is steered: every strength is 0' "$EVOKE" sweep -m "$MODEL" -f queries.json --ev v.h5 --alphas 0 -n 2 -o none.jsonl

# ---- a kill, and going on ----
LONG=("$EVOKE" sweep -m "$MODEL" -f queries.json --ev v.h5 --ignore-eos -n 150 --n-samples 3 --temp 1 -b 8 -t 1 -q)
long() { "${LONG[@]}" "$@"; }
runs "a run to the end" long -o whole.jsonl
# start FILE COMMAND...: in the background, until FILE has at least so many lines, or it is done.
start() {
    local file=$1 lines=$2
    shift 2
    "$@" -o "$file" >out 2>err </dev/null &
    pid=$!
    while kill -0 $pid 2>/dev/null && { [ ! -f "$file" ] || [ "$(wc -l <"$file")" -lt "$lines" ]; }; do sleep 0.005; done
}
set -m
kills=0
for lines in 0 1 20 21 60 100 130; do
    start killed.jsonl $lines "${LONG[@]}"
    kill -KILL $pid 2>/dev/null && kills=$((kills + 1))
    wait $pid 2>/dev/null
    cmp -s killed.jsonl <(head -c "$(wc -c <killed.jsonl)" whole.jsonl) || bad "a kill after $lines lines leaves a beginning of the whole"
done
holds "killed $kills times, most of them before the end" test $kills -ge 4 -a "$(wc -l <killed.jsonl)" -lt 156
runs "the same command goes on" long -o killed.jsonl --json
holds "with the same bytes" cmp -s whole.jsonl killed.jsonl
for cut in 1 700 1700 40001; do          # bytes that are left: nothing of a line, its head, its result, some lines
    head -c $cut whole.jsonl >part.jsonl
    runs "from $cut bytes" long -o part.jsonl --json
    json "whole lines are kept" "r['n_done_before'] == open('whole.jsonl', 'rb').read()[:$cut].count(b'\n')"
    holds "the end is the same, from $cut bytes" cmp -s whole.jsonl part.jsonl
done
{ head -n 2 whole.jsonl; head -c 4096 /dev/zero; } >part.jsonl
runs "a tail that the disk never got" long -o part.jsonl
holds "is written anew" cmp -s whole.jsonl part.jsonl
touch -d 2001-01-01 whole.jsonl
runs "a finished run" long -o whole.jsonl --json
holds "is not touched" test "$(date -r whole.jsonl +%Y)" = 2001
json "has nothing left to do" "r['n_done_before'] == r['n_responses'] == 156 and r['n_tokens'] == 0"

longer() { long --n-samples 30 "$@"; }
start stopped.jsonl 10 "${LONG[@]}" --n-samples 30
fails 1 "a second process" 'another process is writing it' longer -o stopped.jsonl
kill -INT $pid 2>/dev/null
status=0
wait $pid || status=$?
if [ $status -eq 0 ]; then
    skip "an interrupted sweep" "it was done before the signal came"
else
    holds "an interrupt gives 130, not $status" test $status -eq 130
    cp stopped.jsonl out
    json "and leaves whole lines" "10 <= len(lines) < 1560 and all(len(l['ids']) == l['n_predict'] for l in lines)"
    cp stopped.jsonl few.jsonl
    runs "which the same command takes up" longer -o stopped.jsonl --json
    json "to the end" "0 < r['n_done_before'] < 1560 == r['n_responses']"
    holds "from the same beginning" cmp -s few.jsonl <(head -c "$(wc -c <few.jsonl)" stopped.jsonl)
fi
set +m

# ---- what is refused ----
cp whole.jsonl before.jsonl
fails 1 "another seed" 'line 1 .*seed is 0 there and 1 here' long -o whole.jsonl --seed 1
fails 1 "other strengths" 'line 3 .*alpha is 1\.0 there and 2\.0 here' long -o whole.jsonl --alphas -1,0,2
fails 1 "fewer queries" 'line 40 .*id is' long -o whole.jsonl --limit 1
echo '{"joy": ["I passed the test.", "We won!"]}' >two.json
fails 1 "fewer queries of the same beginning" 'more lines than the 78' long -f two.json -o whole.jsonl
fails 1 "another kernel table" 'isa is' long -o whole.jsonl --isa ref
echo '{{ messages[-1].content }} 1' >one.jinja
echo '{{ messages[-1].content }} 2' >two.jinja
runs "a template of one's own" sweep --template one.jinja -o templated.jsonl -n 2
fails 1 "another that makes as many tokens" 'prompt_sha256 is' sweep --template two.jinja -o templated.jsonl -n 2
mv v.h5 v1.h5
runs "vectors of other values" "$EVOKE" ev few.h5 -o v.h5 -q
fails 1 "under the same name" 'ev_sha256 is' long -o whole.jsonl
mv v1.h5 v.h5
holds "nothing of it was touched" cmp -s before.jsonl whole.jsonl
fails 2 "clamp along a random vector" 'mode clamp has no baseline random' sweep --steer-mode add,clamp --baselines random -o clamped.jsonl
echo 'my notes' >notes.txt
fails 1 "a file of something else" 'line 1 .*no line of such a run' sweep -o notes.txt
printf 'my notes' >notes.txt
fails 1 "without an end of line" 'line 1 .*no line of such a run' sweep -o notes.txt
holds "stays" test "$(cat notes.txt)" = 'my notes'
fails 2 "the output is an input" 'replace an input' sweep -o queries.json
fails 1 "a folder" 'directory' sweep -o .
fails 1 "an unknown emotion" "'rage'" sweep -o n.jsonl --emotions rage
fails 2 "an emotion twice" "'joy' is given twice" sweep -o n.jsonl --emotions joy,joy
fails 2 "a strength twice" 'given twice' sweep -o n.jsonl --alphas 1,1.0
fails 2 "an unknown baseline" "'rnd'" sweep -o n.jsonl --baselines rnd
fails 2 "an unknown mode" "'push'" sweep -o n.jsonl --steer-mode push
fails 2 "no vectors" '--ev is missing' "$EVOKE" sweep -m "$MODEL" -f queries.json -o n.jsonl
fails 2 "no output" '--output is missing' sweep
fails 1 "a context too small" 'query 1' sweep -o n.jsonl -c 4
fails 1 "layers out of range" 'layer' sweep -o n.jsonl --layers 0-9
holds "none of these left a file" test ! -e n.jsonl
full() { (ulimit -f 40; exec "${LONG[@]}" -o full.jsonl); }
fails 1 "a full disk" 'lines are whole, the same command continues' full
holds "leaves whole lines" test "$(tail -c 1 full.jsonl | od -An -c | tr -d ' ')" = '\n'
runs "and with room it goes on" long -o full.jsonl
holds "to the same bytes" cmp -s whole.jsonl full.jsonl
