# shellcheck shell=bash disable=SC2154
# tune on a model of three layers: what it searches, what it keeps beside the vectors, and how generate takes it over.
MODEL=$GOLDEN/gguf/llama_f32/model.gguf
cat >"$WORK/queries.json" <<'END'
{"joy": ["I passed the test.", "We won!"], "fear": ["It is dark.", "Who is there?"]}
END
cat >"$WORK/words.json" <<'END'
{"joy": ["a", "e", "glad"], "fear": ["o", "u", "afraid"]}
END
printf 'one\ntwo\nthree\nfour\nfive\nsix\n' >"$WORK/prompts.txt"
cd "$WORK" || exit 1
OTHER=$WORK/other.gguf          # the same but for one bit of one weight
python3 -c "
import sys
b = bytearray(open(sys.argv[1], 'rb').read()); b[-4] ^= 1; open(sys.argv[2], 'wb').write(b)" "$MODEL" "$OTHER"
runs "a store" "$EVOKE" extract -m "$MODEL" -d queries.json -o s.h5 --sites resid_post,attn_out --span query -q
runs "vectors" "$EVOKE" ev s.h5 -o v.h5 --json
tune() { "$EVOKE" tune -m "$MODEL" --ev v.h5 -f prompts.txt --lexicon words.json -n 4 -q "$@"; }
generate() { "$EVOKE" generate -p "Hi" -n 6 --temp 0 --ignore-eos --json --ev v.h5 --alpha joy=0.5 "$@"; }

runs "before it" generate -m "$MODEL"
cp out plain.json
runs "tune" tune --json
json "is kept beside the vectors" "r['file'] == 'v.h5.tune.json'"
json "tried two sites, two rules, two shares of EVbase" "(len({t['site'] for t in r['trials']}), len({t['positions'] for t in r['trials']}), {t['base_share'] for t in r['trials']}) == (2, 2, {0, 0.8})"
json "and measured each" "all(t['n'] > 0 and t['ppl'] > 0 and 0 <= t['hit'] <= 1 for t in r['trials'])"
json "the best keeps the limits, or is said not to" "r['best']['within'] == r['within'] and r['safe'][0] <= 0 <= r['safe'][1]"
json "judged on prompts not tuned on" "[(t['strength'], t['n_prompts']) for t in r['validation']] == [(s, 2) for s in (-2, -1, -0.5, 0.5, 1, 1.5)]"
cp out tuned.json
runs "again, on three threads, in other batches" tune --json -t 3 -b 5
same_trials() { python3 -c "import json, sys; a, b = (json.load(open(f)) for f in ('out', 'tuned.json')); sys.exit(a['trials'] != b['trials'] or a['best'] != b['best'])"; }
holds "finds the same" same_trials
runs "the table" tune
holds "fits 100 columns" test "$(wc -L <out)" -le 100

# ---- what generate makes of it ----
remarks "generate says that it is tuned" 'as tuned for this model, alpha 1 is .*v.h5.tune.json; --no-tuned' generate -m "$MODEL"
json "and how" "r['steering']['tuned_alpha'] > 0 and r['alpha'] == 0.5"
cp out steered.json
by_hand() {
    python3 - <<'PYTHON'
import json
t = json.load(open("v.h5.tune.json"))["models"][0]
a = 0.5 * t["alpha"]["joy"]
print("--alpha", f"joy={a:.9g},base={-a * t['base_share']:.9g}", "--site", t["site"], "--positions", t["positions"], "--layers", ",".join(map(str, t["layers"])))
PYTHON
}
# shellcheck disable=SC2046
runs "the same by hand" "$EVOKE" generate -m "$MODEL" -p "Hi" -n 6 --temp 0 --ignore-eos --json --ev v.h5 $(by_hand)
json "is the same" "all(abs(a - b) < 1e-4 for a, b in zip(r['logprobs'], json.load(open('steered.json'))['logprobs']))"
runs "--no-tuned" generate -m "$MODEL" --no-tuned
json "is as before" "r['logprobs'] == json.load(open('plain.json'))['logprobs'] and 'tuned_alpha' not in r['steering']"
runs "a detail of one's own" generate -m "$MODEL" --positions last
json "is as before too" "r['logprobs'] == json.load(open('plain.json'))['logprobs']"
runs "another model is not steered by it" generate -m "$OTHER"
json "is plain" "'tuned_alpha' not in r['steering']"
remarks "a ramp goes with it" 'as tuned' "$EVOKE" generate -m "$MODEL" -p "Hi" -n 6 --json --ev v.h5 --alpha joy=0:1 --ramp 3
remarks "compare" 'as tuned' "$EVOKE" generate -m "$MODEL" -p "Hi" -n 3 --ev v.h5 --compare
runs "tuning for another model" "$EVOKE" tune -m "$OTHER" --ev v.h5 -f prompts.txt --lexicon words.json -n 4 -q --emotions joy,fear --site attn_out --layers 0-1 --positions last
json_file() { python3 -c "import json, sys; r = json.load(open('v.h5.tune.json')); sys.exit(len(r['models']) != 2 or r['models'][1]['layers'] != [0, 1])"; }
holds "stands beside the first" json_file
remarks "and holds for it" 'attn_out, layers 0 to 1, positions last' generate -m "$OTHER"
runs "other vectors under that name" "$EVOKE" ev s.h5 -o v.h5
runs "the same vectors again" generate -m "$MODEL" -q
json "are tuned" "'tuned_alpha' in r['steering']"
echo '{"joy": ["I passed."], "fear": ["It is dark."]}' >fewer.json
runs "another store" "$EVOKE" extract -m "$MODEL" -d fewer.json -o s2.h5 --sites resid_post,attn_out --span query -q
runs "its vectors" "$EVOKE" ev s2.h5 -o v.h5
runs "are not tuned" generate -m "$MODEL"
json "and steer plainly" "'tuned_alpha' not in r['steering']"
runs "elsewhere" tune -o there.json --max-loss 0.5 --emotions joy
holds "is kept there" test -s there.json
python3 -c "
import json
r = json.load(open('v.h5.tune.json')); r['models'][0]['layers'] = [-1]; json.dump(r, open('v.h5.tune.json', 'w'))"
fails 1 "a damaged entry" 'damaged.*v.h5.tune.json' generate -m "$MODEL"
echo '[1]' >v.h5.tune.json
fails 1 "a file that is none" 'no file of evoke tune .v.h5.tune.json' generate -m "$MODEL"
fails 1 "and is not written over" 'no file of evoke tune' tune
holds "it is as it was" grep -qx '\[1\]' v.h5.tune.json
rm v.h5.tune.json

# ---- what cannot be ----
fails 2 "no vectors" '--ev is missing' "$EVOKE" tune -m "$MODEL"
printf 'one\ntwo\n' >few.txt
fails 1 "too few prompts" '2 prompts are too few' "$EVOKE" tune -m "$MODEL" --ev v.h5 -f few.txt --lexicon words.json
fails 1 "an emotion that is not held" "'envy'" tune --emotions envy
echo '{"joy": ["glad"]}' >half.json
fails 1 "an emotion without words" "no words of 'fear'.*--lexicon" "$EVOKE" tune -m "$MODEL" --ev v.h5 -f prompts.txt --lexicon half.json -n 4
fails 1 "a site that is not held" 'mlp_out' tune --site mlp_out
fails 1 "layers that the vectors lack" 'nothing for layer 3 .v.h5' tune --layers 1-5
fails 2 "layers with a gap" 'one range' tune --layers 0,2
fails 2 "a loss below 0" '--max-loss' tune --max-loss -1
holds "nothing was kept" test ! -e v.h5.tune.json
