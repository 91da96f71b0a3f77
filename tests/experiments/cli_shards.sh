# shellcheck shell=bash disable=SC2154
# Work divided over jobs and joined: what is refused, and by whom; the environment of a job array; a second job on one file. That
# every dataset is the undivided run's: tests/python/check_shards.py.
MODEL=$GOLDEN/gguf/llama_f32/model.gguf
cd "$WORK" || exit 1
echo '{"joy": ["I passed the test.", "We won!", "Sun at last."], "fear": ["It is dark.", "Who is there?"]}' >q.json
echo '{"joy": ["I passed the test.", "We lost!", "Sun at last."], "fear": ["It is dark.", "Who is there?"]}' >other.json
alone() { env -u SLURM_ARRAY_TASK_ID -u SLURM_ARRAY_TASK_COUNT "$@"; }
extract() { alone "$EVOKE" extract -m "$MODEL" -d q.json -t 1 -q "$@"; }

# ---- stores ----
runs "the whole" extract -o whole.h5
for i in 1 2 3; do runs "shard $i" extract -o s$i.h5 --shard $i/3; done
runs "merged, in any order" "$EVOKE" merge s3.h5 s1.h5 s2.h5 -o m.h5 --json
json "says what it did" "r == {'file': 'm.h5', 'n_shards': 3}"
runs "its vectors" "$EVOKE" ev m.h5 -o vm.h5 -q
runs "those of the whole" "$EVOKE" ev whole.h5 -o v.h5 -q
fails 1 "a gap" 'shard 2 of 3 is missing' "$EVOKE" merge s1.h5 s3.h5 -o x.h5
fails 1 "the last one missing" 'shard 3 of 3 is missing' "$EVOKE" merge s1.h5 s2.h5 -o x.h5
fails 1 "an overlap" 'shard 2 of 3 is there twice \(s2.h5 and s2.h5\)' "$EVOKE" merge s1.h5 s2.h5 s2.h5 s3.h5 -o x.h5
fails 1 "no shard" 'no shard of an extraction \(whole.h5' "$EVOKE" merge s1.h5 whole.h5 -o x.h5
fails 1 "no store" 'no shard of a store or a sweep \(q.json' "$EVOKE" merge q.json -o x.h5
fails 1 "of another division" "n_shards is '3' in s1.h5 and '2' in t.h5" bash -c "env -u SLURM_ARRAY_TASK_ID \"$EVOKE\" extract -m \"$MODEL\" -d q.json -t 1 -q -o t.h5 --shard 2/2 >/dev/null && \"$EVOKE\" merge s1.h5 t.h5 s3.h5 -o x.h5"
# differs NAME PATTERN ARGUMENTS...: shard 2 with other arguments does not go with the rest
differs() {
    local name=$1 pattern=$2
    shift 2
    rm -f t.h5
    runs "$name" alone "$EVOKE" extract -d q.json -m "$MODEL" -t 1 -q -o t.h5 --shard 2/3 "$@"
    fails 1 "a shard of $name" "not shards of one extraction: $pattern.*s1.h5.*t.h5" "$EVOKE" merge s1.h5 t.h5 s3.h5 -o x.h5
}
echo '{"system": null, "settings": {"neutral": "{query}", "emotion": "{emotion}! {query}"}}' >settings.json
differs "another dataset" whole_sha256 -d other.json
differs "other settings" whole_sha256 --settings settings.json
differs "another model" model_sha256 -m "$GOLDEN/gguf/llama_q4_1/model.gguf"
differs "another site" /sites --sites attn_out
differs "another span" /spans --span last
differs "other layers" /layers --layers 1
differs "every token" tokens --store tokens
differs "other kernels" recipe --isa ref
holds "nothing is written by a merge that failed" test -z "$(compgen -G 'x*')$(compgen -G '*partial*')"
fails 2 "a shard is no output" 'also|reads|input' "$EVOKE" merge s1.h5 s2.h5 s3.h5 -o s1.h5
fails 1 "another shard's file is not continued" "shard is '1', here '2'" extract -o s1.h5 --shard 2/3
fails 2 "shards count from 1" 'from 1' extract -o x.h5 --shard 0/3
fails 2 "and end at N" '' extract -o x.h5 --shard 4/3
fails 2 "and look so" "'2' is not I/N" extract -o x.h5 --shard 2
fails 2 "merge wants an output" 'output' "$EVOKE" merge s1.h5

# ---- a job array ----
array() { env SLURM_ARRAY_TASK_ID="$1" SLURM_ARRAY_TASK_MIN="$2" SLURM_ARRAY_TASK_COUNT="$3" "${@:4}"; }
remarks "an array's task takes its shard" 'extract: shard 2/3, as this job array says' array 5 4 3 "$EVOKE" extract -m "$MODEL" -d q.json -t 1 -o a2.h5
runs "the same shard" "$EVOKE" merge s1.h5 a2.h5 s3.h5 -o a.h5
runs "--shard goes before it" array 5 4 3 "$EVOKE" extract -m "$MODEL" -d q.json -t 1 -o a3.h5 --shard 3/3
runs "and none is the whole" array 5 4 3 "$EVOKE" extract -m "$MODEL" -d q.json -t 1 -o a4.h5 --shard none
holds "all of it" cmp -s <("$EVOKE" inspect a4.h5 --json | grep -o "n_done[^,]*") <("$EVOKE" inspect whole.h5 --json | grep -o "n_done[^,]*")
fails 2 "an array with holes" 'task 9 is none of an array of 3 from 4' array 9 4 3 "$EVOKE" extract -m "$MODEL" -d q.json -t 1 -o x.h5

# ---- two jobs on one file ----
python3 - <<'PYTHON'
import json
json.dump({e: [f"{i} {e} then" for i in range(3000)] for e in ("joy", "fear")}, open("many.json", "w"))
PYTHON
"$EVOKE" extract -m "$MODEL" -d many.json -o busy.h5 -t 1 -b 64 -n 8 --span response -q --shard 1/2 >first.out 2>first.err </dev/null &
first=$!
while kill -0 $first 2>/dev/null && [ ! -f busy.h5 ]; do sleep 0.02; done
sleep 0.2
if kill -0 $first 2>/dev/null; then
    fails 1 "a second job on the file stops" 'another process is writing it \(busy.h5\)' alone "$EVOKE" extract -m "$MODEL" -d many.json -o busy.h5 -t 1 -b 64 -n 8 --span response -q --shard 1/2
    kill -USR1 $first
    status=0
    wait $first || status=$?
    holds "and the first goes on until it is told" test $status -eq 130 -o $status -eq 0
else
    skip "two jobs on one file" "the first was done too soon"
fi

# ---- responses ----
sweep() { alone "$EVOKE" sweep -m "$MODEL" -f q.json --ev v.h5 -n 6 -q -t 1 "$@"; }
runs "a sweep" sweep -o r.jsonl
for n in 1 3 70; do
    shards=()
    for i in $(seq "$n"); do
        sweep -o "r$i-$n.jsonl" --shard "$i/$n" >out 2>err || bad "shard $i of $n"
        shards=("r$i-$n.jsonl" "${shards[@]}")
    done
    runs "$n shards of it" "$EVOKE" merge "${shards[@]}" -o rm.jsonl
    holds "are the same bytes" cmp -s r.jsonl rm.jsonl
done
head -c 900 r2-3.jsonl >cut.jsonl
cp r2-3.jsonl whole2.jsonl
fails 1 "an unfinished shard" 'shard 2 of 3 is unfinished: it holds 0 of' "$EVOKE" merge r1-3.jsonl cut.jsonl r3-3.jsonl -o x.jsonl
runs "goes on" sweep -o cut.jsonl --shard 2/3
holds "to the same" cmp -s cut.jsonl whole2.jsonl
fails 1 "a gap between responses" 'shard 2 of 3 is missing' "$EVOKE" merge r1-3.jsonl r3-3.jsonl -o x.jsonl
fails 1 "responses twice" 'shard 1 of 3 is there twice' "$EVOKE" merge r1-3.jsonl r1-3.jsonl r2-3.jsonl -o x.jsonl
runs "of another grid" sweep -o g.jsonl --shard 2/3 --seed 5
fails 1 "not of one sweep" 'responses_sha256 differs \(r1-3.jsonl and g.jsonl\)' "$EVOKE" merge r1-3.jsonl g.jsonl r3-3.jsonl -o x.jsonl
fails 1 "not continued by another" 'shard is 2 there and 3 here' sweep -o r2-3.jsonl --shard 3/3
sed '5s/"query"/"qu\x00ery/' r2-3.jsonl >damaged.jsonl
fails 1 "a damaged line" 'no JSON object: its shard is damaged' "$EVOKE" merge r1-3.jsonl damaged.jsonl r3-3.jsonl -o x.jsonl
if [ -w /dev ]; then skip "an output named /dev/stdout" "without the check it would be replaced"
else fails 1 "an output named /dev/stdout" 'not a file' "$EVOKE" merge r1-3.jsonl r2-3.jsonl r3-3.jsonl -o /dev/stdout; fi
fails 2 "a setting twice" "'neutral' is named twice" "$EVOKE" query whole.h5 -o x.h5 --setting neutral,neutral
fails 1 "responses that are whole" 'no shard of a store or a sweep \(r.jsonl' "$EVOKE" merge r.jsonl -o x.jsonl
holds "nothing written" test ! -e x.jsonl

# ---- evaluations (every other metric: tests/python/check_eval.py) ----
evaluate() { alone "$EVOKE" eval r.jsonl --lexicon "$ROOT/data/lexicon.json" --ppl-model "$MODEL" -q -t 1 "$@"; }
for n in 1 3 70; do
    shards=()
    for i in $(seq "$n"); do
        evaluate -o "e$i-$n.jsonl" --shard "$i/$n" >out 2>err || bad "shard $i of $n"
        shards=("e$i-$n.jsonl" "${shards[@]}")
    done
    for how in --json --csv --tables -q; do
        runs "an evaluation, $how" evaluate -o e.jsonl "$how"
        cp out whole.out
        runs "$n shards of it" "$EVOKE" merge "${shards[@]}" -o em.jsonl "$how"
        holds "print the same, $how" cmp -s out whole.out
        holds "and score the same" cmp -s e.jsonl em.jsonl
    done
done
array_eval() { array 2 1 3 "$EVOKE" eval r.jsonl --lexicon "$ROOT/data/lexicon.json" --ppl-model "$MODEL" "$@"; }
runs "a task of an array" array_eval -q -t 1 -o a.jsonl
holds "does its shard" cmp -s a.jsonl e2-3.jsonl
fails 1 "scores with a gap" 'shard 2 of 3 is missing' "$EVOKE" merge e1-3.jsonl e3-3.jsonl -o x.jsonl
fails 1 "scores twice" 'shard 3 of 3 is there twice' "$EVOKE" merge e1-3.jsonl e3-3.jsonl e2-3.jsonl e3-3.jsonl -o x.jsonl
head -n 9 e2-3.jsonl >cut.jsonl
fails 1 "unfinished scores" 'shard 2 of 3 is unfinished: it holds 8 of' "$EVOKE" merge e1-3.jsonl cut.jsonl e3-3.jsonl -o x.jsonl
fails 1 "scores and responses" 'no shard of a store or an evaluation \(r2-3' "$EVOKE" merge e1-3.jsonl r2-3.jsonl e3-3.jsonl -o x.jsonl
differs() {
    local name=$1 pattern=$2
    shift 2
    runs "$name" evaluate -o t.jsonl --shard 2/3 "$@"
    fails 1 "scores of $name" "not shards of one evaluation: $pattern differs \\(e1-3.jsonl and t.jsonl\\)" "$EVOKE" merge e1-3.jsonl t.jsonl e3-3.jsonl -o x.jsonl
}
differs "another model" models --ppl-model "$GOLDEN/gguf/llama_q4_1/model.gguf"
differs "other metrics" settings --metrics ppl
sed 2q r.jsonl >>r.jsonl.more && cat r.jsonl >>r.jsonl.more && mv r.jsonl r.whole && mv r.jsonl.more r.jsonl
differs "other responses" n_responses
mv r.whole r.jsonl
sed 's/"version": "[^"]*"/"version": "0.0.1"/' e2-3.jsonl >t.jsonl
fails 1 "scores of another version" 'version differs' "$EVOKE" merge e1-3.jsonl t.jsonl e3-3.jsonl -o x.jsonl
sed '2s/"response": [0-9]*/"response": 1/' e2-3.jsonl >t.jsonl
fails 1 "a line out of its place" 'a line is not the scores of response 22' "$EVOKE" merge e1-3.jsonl t.jsonl e3-3.jsonl -o x.jsonl
fails 2 "a shard wants an output" 'output' evaluate --shard 1/3
fails 2 "a shard has no figures" "merge" evaluate --shard 1/3 -o x.jsonl --csv
fails 2 "nor validity" 'human is not divided' evaluate --shard 1/3 -o x.jsonl --human r.jsonl
fails 2 "responses have no figures" 'for shards of an evaluation' "$EVOKE" merge r1-3.jsonl r2-3.jsonl r3-3.jsonl -o x.jsonl --csv
holds "nothing written" test ! -e x.jsonl

# ---- experiments/slurm, under an sbatch that runs what it is given at once ----
mkdir bin jobs
cat >bin/sbatch <<'END2'
#!/usr/bin/env bash
# Runs each task of --array in turn; as Slurm, says a number.
last=0
while [[ $1 == --* ]]; do [[ $1 == --array=1-* ]] && last=${1#--array=1-}; shift; done
[ "$last" -gt 0 ] || "$@" >>log 2>&1 || exit 1
for ((i = 1; i <= last; i++)); do
    env SLURM_JOB_ID=7 SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT="$last" "$@" >>log 2>&1 || exit 1
done
echo "7;cluster"
END2
chmod +x bin/sbatch
PATH=$PWD/bin:$PATH EVOKE=$EVOKE runs "the chain of jobs" "$ROOT/experiments/slurm/chain.sh" 3 jobs "$MODEL" q.json -t 1
holds "ends in a page" test -s jobs/acts.h5 -a -s jobs/ev.h5 -a -s jobs/directions.h5 -a -s jobs/theory.h5 -a -s jobs/report.html
printf '#!/bin/sh\necho "$@" >>requeued\n' >bin/scontrol
chmod +x bin/scontrol
PATH=$PWD/bin:$PATH EVOKE=$EVOKE SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=1 "$ROOT/experiments/slurm/extract.sh" 2 . "$MODEL" many.json -t 1 -b 64 -n 8 --span response >out 2>err </dev/null &
job=$!
while kill -0 $job 2>/dev/null && [ ! -f acts-1.h5 ]; do sleep 0.02; done
sleep 0.2
kill -USR1 $job 2>/dev/null
status=0
wait $job || status=$?
if [ $status -eq 0 ]; then skip "a job that is warned" "it was done too soon"
else holds "a job that is warned ($status) goes back into the queue" grep -qx 'requeue 7_1' requeued; fi
