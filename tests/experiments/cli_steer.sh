# shellcheck shell=bash disable=SC2154
# The steering options: modes, ramps and decay, EVs with details of their own, and what changes nothing or cannot be.
MODEL=$GOLDEN/gguf/llama_f32/model.gguf
cat >"$WORK/queries.json" <<'END'
{"joy": ["I passed the test.", "We won!"], "fear": ["It is dark.", "Who is there?"]}
END
cd "$WORK" || exit 1
runs "a store" "$EVOKE" extract -m "$MODEL" -d queries.json -o s.h5 --sites resid_post,resid_mid,attn_out,mlp_out,attn_proj --span query -q
runs "vectors" "$EVOKE" ev s.h5 -o v.h5 --json
steered() { "$EVOKE" generate -m "$MODEL" -p "Hi" -n 6 --temp 0 --ignore-eos --json --ev v.h5 "$@"; }
logprobs() { python3 -c "import json, sys; print(*json.load(open(sys.argv[1]))['logprobs'])" "$1"; }
differ() { test "$(logprobs "$1")" != "$(logprobs "$2")"; }

runs "unsteered" "$EVOKE" generate -m "$MODEL" -p "Hi" -n 6 --temp 0 --ignore-eos --json
cp out plain.json
for site in resid_post resid_mid attn_out mlp_out attn_proj; do
    for mode in add relative renorm ablate clamp; do
        runs "$mode at $site" steered --alpha joy=3 --steer-mode $mode --site $site --positions response
        json "says so" "(r['steering']['mode'], r['steering']['site'], r['steering']['positions']) == ('$mode', '$site', 'response')"
        holds "$mode at $site changes the result" differ plain.json out
    done
done

# ---- ramps and decay ----
runs "a ramp over layers" steered --alpha joy=0:30
json "is told" "r['steering']['alpha'] == {'joy': [0, 30]} and 'joy=0:30 over the layers' in r['steering']['text']"
cp out ramp.json
runs "the whole strength" steered --alpha joy=30
cp out whole.json
holds "is not the ramp" differ ramp.json out
runs "a ramp over tokens" steered --alpha joy=0:30 --ramp 3
json "is told, and begins unsteered" "r['steering']['ramp_tokens'] == 3 and r['logprobs'][0] == json.load(open('plain.json'))['logprobs'][0]"
json "and then is not" "r['logprobs'] != json.load(open('plain.json'))['logprobs']"
runs "decay" steered --alpha joy=30 --decay 1
json "begins with all of it" "r['steering']['half_life'] == 1 and r['logprobs'][0] == json.load(open('whole.json'))['logprobs'][0]"
holds "and ends with less" differ whole.json out

# ---- several EVs, each in its own way ----
runs "two files in their own ways" steered --alpha joy=2 --steer-mode clamp --site resid_post --layers 1 \
    --ev v.h5 --alpha fear=1 --steer-mode ablate --site mlp_out --layers 0-2 --positions all
json "each is told" "[(e['mode'], e['site'], e['layers'], e['positions'], e['alpha']) for e in r['steering']['edits']] == [('clamp', 'resid_post', [1], 'all', {'joy': 2}), ('ablate', 'mlp_out', [0, 1, 2], 'all', {'fear': 1})]"
runs "the same on three threads, reference kernels" steered --alpha joy=1 --ev v.h5 --alpha joy=1 --steer-mode add --steer-mode add -t 3 --isa ref --compute exact
cp out twice.json
runs "twice 1" steered --alpha joy=2 -t 3 --isa ref --compute exact
json "is 2" "all(abs(a - b) < 1e-4 for a, b in zip(r['logprobs'], json.load(open('twice.json'))['logprobs']))"
fails 2 "a detail for some of the files" "--site is given 2 times for 3 --ev" steered --ev v.h5 --ev v.h5 --alpha joy=1 --site attn_out --site resid_post

# ---- what changes nothing ----
remarks "one alpha 0" 'changes nothing: fear: alpha is 0$' steered --alpha joy=1,fear=0
remarks "ablation at alpha 0" 'changes nothing: joy: alpha is 0$' steered --alpha joy=0 --steer-mode ablate
remarks "a ramp where no token is" 'never rises at positions prompt' steered --alpha joy=0:1 --ramp 4 --positions prompt
remarks "decay where no token is" 'decay: no generated token' steered --alpha joy=1 --decay 4 --positions prompt
remarks "a ramp over one token" 'no second token' "$EVOKE" trace -m "$MODEL" -p Hi --ev v.h5 --alpha joy=1:2 --ramp 4 -o t.h5
cp v.h5 second.h5
remarks "vectors that no strength is for" 'second.h5 changes nothing: no --alpha is for' steered --alpha joy=1 --ev second.h5
runs "vectors to ablate beside others" steered --alpha joy=1 --ev second.h5 --steer-mode add --steer-mode ablate
json "need no strength" "[e['mode'] for e in r['steering']['edits']] == ['add', 'ablate']"
runs "-q says none of it" steered --alpha joy=0 -q
echo "{\"0\": [[$(seq -s, 96)]]}" >few.json
fails 1 "a layer beyond the vectors" 'nothing for layer 2' "$EVOKE" generate -m "$MODEL" -p Hi --ev few.json --alpha 1 --layers 2
fails 1 "clamp without the classes" 'needs where the neutral class lies.*evoke ev' "$EVOKE" generate -m "$MODEL" -p Hi --ev few.json --alpha 1 --steer-mode clamp
fails 2 "--ramp without a range" 'no --alpha is a range' steered --alpha joy=1 --ramp 4
fails 2 "a ramp of an ablation" 'ablate takes out' steered --alpha joy=0:1 --steer-mode ablate
fails 2 "a range that is none" '--alpha' steered --alpha joy=0:x
fails 2 "a decay that is none" '--decay' steered --alpha joy=1 --decay 0
fails 2 "a site without layers" 'cannot be steered' steered --alpha joy=1 --site final_norm
