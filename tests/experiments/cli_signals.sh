# shellcheck shell=bash disable=SC2154
# Interrupts and closed pipes: 130 with what was done kept, 1 with a line; never a crash.
MODEL=$GOLDEN/gguf/llama_f32/model.gguf

# interrupt DELAY COMMAND...: sends SIGINT after DELAY; exit status in $status.
interrupt() {
    local delay=$1
    shift
    "$@" >"$WORK/out" 2>"$WORK/err" </dev/null &
    local pid=$!
    sleep "$delay"
    kill -INT $pid 2>/dev/null
    sleep 0.01
    kill -INT $pid 2>/dev/null          # twice, as timeout(1) does: one wish
    status=0
    wait $pid || status=$?
}
set -m                                   # background jobs of a script ignore SIGINT otherwise
yes 'What then?' | head -n 3000 >"$WORK/many.txt"
python3 - "$WORK" <<'PYTHON'
import json, sys
json.dump({e: [f"{i} {e}: and then?" for i in range(1500)] for e in ("joy", "fear")},
          open(sys.argv[1] + "/many.json", "w"))
PYTHON
interrupt 1 "$EVOKE" extract -m "$MODEL" -d "$WORK/many.json" -o "$WORK/s.h5" -t 1 -b 64 -n 8 --span query,response
if [ $status -eq 0 ]; then
    skip "an interrupted extraction" "it was done within a second"
else
    holds "extract is interrupted with 130, not $status" test $status -eq 130
    holds "and says how to go on" grep -q 'the same command continues' "$WORK/err"
    runs "its store can be read" "$EVOKE" inspect "$WORK/s.h5" --json -q
    json "and holds what was done" "0 < r['n_done'] < 6000 or r['n_done'] == 0"
    fails 1 "ev refuses an unfinished store" '' "$EVOKE" ev "$WORK/s.h5" -o "$WORK/v.h5"
fi
interrupt 1 "$EVOKE" generate -m "$MODEL" -f "$WORK/many.txt" --raw -n 100 --ignore-eos --json -t 1 -o "$WORK/r.jsonl"
holds "generate is interrupted with 130, not $status" test $status -eq 130
holds "and says so" grep -q 'interrupted' "$WORK/err"
if [ -f "$WORK/r.jsonl" ]; then
    cp "$WORK/r.jsonl" "$WORK/out"
    json "every line that was written is whole" "all(len(l['ids']) == 100 or l['stop'] == 'eos' for l in lines)"
fi
interrupt 0.5 "$EVOKE" bench -m "$MODEL"
holds "bench is interrupted with 130, not $status" test $status -eq 130
holds "and says so" grep -q 'interrupted' "$WORK/err"
holds "nothing half-written" test -z "$(ls "$WORK" | grep partial)"
set +m
called() {          # however long its threads are told to wait
    env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT "$EVOKE" bench -m "$MODEL" >"$WORK/out" 2>"$WORK/err" </dev/null &
    sleep 0.5
    local name
    name=$(cat "/proc/$!/comm")
    kill -TERM $!
    wait $!
    test "$name" = "$(basename "$EVOKE")"
}
holds "ps and pkill know the program by its name" called
LOADER=/lib64/ld-linux-x86-64.so.2
if [ -x $LOADER ]; then
    runs "started by the loader" env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT $LOADER "$EVOKE" inspect "$MODEL"
    holds "it does what it was asked" grep -q 'golden llama_f32' "$WORK/out"
fi

closed_pipe() {
    { "$EVOKE" generate -m "$MODEL" -f "$WORK/many.txt" --raw -n 4 --json -q 2>"$WORK/err"; echo $? >"$WORK/status"; } | head -n 1 >/dev/null
    test "$(cat "$WORK/status")" -eq 1 && test "$(wc -l <"$WORK/err")" -eq 1 && grep -q '^evoke: ' "$WORK/err"
}
holds "a closed pipe is an error of one line" closed_pipe
if [ -w /dev/full ]; then
    full() { "$EVOKE" help >/dev/full 2>"$WORK/err"; test $? -eq 1 && grep -q '^evoke: ' "$WORK/err"; }
    holds "a full disk is told" full
fi
limited() { (ulimit -f 4; exec "$EVOKE" generate -m "$MODEL" -f "$WORK/many.txt" --raw -n 2 --json -q -o "$WORK/limited.jsonl"); }
fails 1 "a file that may grow no further" '' limited
holds "leaves nothing" test -z "$(ls "$WORK" | grep limited)"
