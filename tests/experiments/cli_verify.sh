# shellcheck shell=bash disable=SC2154
# `evoke verify`: what holds on small models, in text and JSON; a prompt that is none.
MODEL=$GOLDEN/gguf/llama_q4_1/model.gguf
runs "verify" "$EVOKE" verify -m "$MODEL" -t 1
holds "it says that all holds" grep -qx 'All of it holds.' "$WORK/out"
for compute in exact fast; do
    runs "verify --json, $compute" "$EVOKE" verify -m "$MODEL" -t 2 --compute $compute --json
    json "every hook point" "len(r['hook_points']) == 10 and all(0 <= p['max_abs'] <= p['bound'] and p['max_rel'] < 1 and p['ok'] for p in r['hook_points'].values())"
    json "every invariance" "set(r['invariance']) >= {'threads', 'batch', 'padding', 'order', 'cache', 'prefix', 'shards'} and all(s['differing'] == 0 < s['values'] for s in r['invariance'].values())"
    json "every instruction set" "'ref' in r['kernels'] and r['isa'] in r['kernels'] and all(set(k['types']['Q4_1']) == {'values', 'float32', 'repacked', 'fast'} and k['ok'] for k in r['kernels'].values())"
    json "together" "r['ok'] is True and r['compute'] == '$compute' and r['threads'] == 2 and r['tokens'] == 32"
done
runs "ids of one's own" "$EVOKE" verify -m "$GOLDEN/families/gpt2" -t 1 --ids "5 4 3 2 1" --json
json "are taken" "r['tokens'] == 5 and r['ok']"
fails 1 "a bound that is broken" '(verify: [a-z_]+ of layer [0-9]+, token [0-9]+, is off by|kernels: ).*bound.*llama_q4_1' "$EVOKE" verify -m "$MODEL" --tolerance 0.0001
holds "the page is printed all the same" grep -q 'BROKEN' "$WORK/out"
holds "and says so at its end" grep -qx 'Not all of it holds.' "$WORK/out"
fails 2 "a tolerance above the bound" 'tolerance' "$EVOKE" verify -m "$MODEL" --tolerance 1.5
fails 2 "too few ids" 'needed' "$EVOKE" verify -m "$MODEL" --ids "1 2"
fails 1 "ids out of range" '30000' "$EVOKE" verify -m "$MODEL" --ids "1 2 3 30000"
fails 2 "no model" '--model' "$EVOKE" verify
fails 1 "an encoder" 'bert' "$EVOKE" verify -m "$GOLDEN/encoders/bert"
