# shellcheck shell=bash disable=SC2154
# From a dataset to scores: extract, ev, theory, generate, eval on a model of three layers; and what each refuses.
MODEL=$GOLDEN/gguf/llama_f32/model.gguf
OTHER=$GOLDEN/tiny-llama
cat >"$WORK/queries.json" <<'END'
{"joy": ["I passed the test.", "We won!", "A letter came.", "The sun is out."],
 "fear": ["It is dark.", "Who is there?", "I hear steps.", "The bridge shakes."]}
END
cat >"$WORK/lexicon.json" <<'END'
{"joy": ["glad", "happy"], "fear": ["afraid", "scared"]}
END
cd "$WORK" || exit 1

# ---- extract ----
runs "extract" "$EVOKE" extract -m "$MODEL" -d queries.json -o s.h5 --sites resid_post,attn_out --span query --span last -q
holds "the summary says what next" grep -q '^next        evoke ev s.h5' out
runs "extract again" "$EVOKE" extract -m "$MODEL" -d queries.json -o s.h5 --sites resid_post,attn_out --span query,last -q --json
json "everything was done before" "r['n_prompts'] == 16 and r['n_done_before'] == 16 and r['n_tokens_run'] == 0"
fails 1 "another extraction's store" 's.h5' "$EVOKE" extract -m "$MODEL" -d queries.json -o s.h5 --sites resid_post -q
runs "--limit" "$EVOKE" extract -m "$MODEL" -d queries.json -o few.h5 --limit 1 -q --json
json "one query of each emotion" "r['n_prompts'] == 4"
runs "inspect a store" "$EVOKE" inspect s.h5 --json -q
json "a store's shape" "r['kind'] == 'store' and (r['n_query'], r['n_setting'], r['n_layer'], r['d_model']) == (8, 2, 3, 96)"
json "a store's parts" "sorted(r['sites']) == ['attn_out', 'resid_post'] and sorted(r['sites']['attn_out']) == ['last', 'query'] and r['complete']"
echo '[]' >empty.json
fails 1 "an empty dataset" 'empty.json' "$EVOKE" extract -m "$MODEL" -d empty.json -o e.h5
printf '{"text": "a", "emotion": "joy"}\n{"text": \n' >broken.jsonl
fails 1 "a broken line is named" 'line 2' "$EVOKE" extract -m "$MODEL" -d broken.jsonl -o e.h5
fails 1 "layers out of range" 'layer 3' "$EVOKE" extract -m "$MODEL" -d queries.json -o e.h5 --layers 1-7
echo '{"settings": {}}' >half.json
fails 1 "settings that are none" 'half.json' "$EVOKE" extract -m "$MODEL" -d queries.json --settings half.json -o e.h5
fails 1 "a folder that is not there" 'nowhere' "$EVOKE" extract -m "$MODEL" -d queries.json -o nowhere/e.h5
holds "no store of these is left" test -z "$(ls | grep '^e\.h5')"

# ---- ev ----
runs "ev" "$EVOKE" ev s.h5 -o v.h5 --span query --json
json "counts" "r['count'] == {'joy': 4, 'fear': 4} and r['n_left_out'] == 0 and r['span'] == 'query'"
runs "inspect vectors" "$EVOKE" inspect v.h5 --json
json "vectors' shape" "r['kind'] == 'vectors' and (r['n_layer'], r['d_model']) == (3, 96) and r['method'] == 'mean_difference'"
json "norms and cosines" "all(x > 0 for x in r['sites']['resid_post']['norms']['joy']) and abs(r['sites']['resid_post']['cosines']['fear']['fear'] - 1) < 1e-6"
fails 1 "a span that is not held" 'response' "$EVOKE" ev s.h5 -o x.h5 --span response
fails 1 "no such store" 'none.h5' "$EVOKE" ev none.h5 -o x.h5
fails 1 "a store that is none" 'queries.json' "$EVOKE" ev queries.json -o x.h5
fails 1 "vectors are no store" 'v.h5' "$EVOKE" ev v.h5 -o x.h5
head -c 3000 s.h5 >cut.h5
fails 1 "a cut store" 'cut.h5' "$EVOKE" ev cut.h5 -o x.h5
mkdir locked && chmod a-w locked
if [ -w locked ]; then
    skip "a folder that cannot be written" "this user may write everywhere"
else
    fails 1 "a folder that cannot be written" 'locked' "$EVOKE" ev s.h5 -o locked/x.h5
fi
cp s.h5 kept.h5 && ln -s s.h5 link.h5
fails 2 "the output is the input" 'replace an input .s.h5' "$EVOKE" ev s.h5 -o ./s.h5 --span query
fails 2 "the output is a link to the input" 'replace an input' "$EVOKE" ev s.h5 -o link.h5 --span query
holds "the input is as it was" cmp s.h5 kept.h5
rm kept.h5 link.h5
holds "nothing half-written" test -z "$(ls . locked | grep -E '^x\.h5|partial|tmp')"

# ---- theory ----
runs "theory" "$EVOKE" theory s.h5 --span query --json -o f.h5
json "layers and emotions" "[l['layer'] for l in r['layers']] == [0, 1, 2] and sorted(r['layers'][0]['emotions']) == ['fear', 'joy']"
json "the figures named in the contract" "set('cosine whitened_cosine fisher_ratio_ev fisher_ratio_w efficiency dprime_ev dprime_w auc_ev auc_w shrinkage'.split()) <= set(r['layers'][0]['emotions']['joy'])"
json "efficiency is the whitened cosine's square" "all(abs(e['efficiency'] - e['whitened_cosine'] ** 2) < 1e-9 for l in r['layers'] for e in l['emotions'].values())"
runs "theory with vectors, one range, a fixed shrinkage" "$EVOKE" theory s.h5 --span query --ev v.h5 --layers 1-2 --shrinkage 0.5 --json
json "range and shrinkage" "[l['layer'] for l in r['layers']] == [1, 2] and r['layers'][0]['emotions']['joy']['shrinkage'] == 0.5"
runs "theory's table" "$EVOKE" theory s.h5 --span query
holds "fits 100 columns" test "$(wc -L <out)" -le 100
if python3 -c 'import h5py' 2>/dev/null; then
    cp s.h5 unfinished.h5
    python3 -c "import h5py; h5py.File('unfinished.h5', 'r+')['/progress/done'][0, 1] = 0"
    remarks "theory tells what it leaves out" '1 of 16 prompts' "$EVOKE" theory unfinished.h5 --span query
    rm unfinished.h5
else
    skip "theory of an unfinished store" "h5py is not installed"
fi
runs "theory's figures, files and directions" "$EVOKE" theory s.h5 --span query --json -t 1 --bootstrap 50 --stats t.h5 --save offset=wd.h5 --save discriminants=wk.h5 --save rest=wr.h5 --save component=pc.h5
json "each with its interval" "all(len(e['efficiency_interval']) == 2 and 'held_out_auc_ev' in e and 'hotelling_p' in e and 'kantorovich_bound' in e for l in r['layers'] for e in l['emotions'].values())"
json "depth and discriminants" "set(r['depth']) == {'fear', 'joy'} and len(r['layers'][0]['discriminant_eigenvalue']) == 1"
cp out one.json
runs "theory on three threads" "$EVOKE" theory s.h5 --span query --json -t 3 --bootstrap 50
holds "gives the same figures" cmp -s out one.json
for kind in wd wk wr pc; do runs "vectors $kind" "$EVOKE" inspect $kind.h5 --json; done
runs "an offset direction steers" "$EVOKE" generate -m "$MODEL" -p "Hi" -n 4 --temp 0 --ev wd.h5 --alpha joy=4 --site resid_post --json
runs "theory without what costs time" "$EVOKE" theory s.h5 --span query --bootstrap 0 --controls 0 --permutations 0 --folds 0
fails 2 "a kind of directions that there is not" 'KIND=FILE' "$EVOKE" theory s.h5 --span query --save best=x.h5
fails 2 "directions that would replace the store" 'replace an input' "$EVOKE" theory s.h5 --span query --save offset=s.h5
fails 2 "--raw without directions" '--raw' "$EVOKE" theory s.h5 --span query --raw
if command -v gnuplot >/dev/null; then
    runs "theory draws" "$EVOKE" theory s.h5 --span query --bootstrap 20 --figures drawn
    holds "seven figures" test "$(ls drawn/*.svg | wc -l)" -eq 7
else
    skip "theory's drawings" "gnuplot is not installed"
fi
mkdir no_gnuplot
fails 1 "no gnuplot is told" 'gnuplot is not installed' env PATH="$PWD/no_gnuplot" "$EVOKE" theory s.h5 --span query --bootstrap 0 --figures drawn2
fails 2 "--shrinkage 2" '--shrinkage' "$EVOKE" theory s.h5 --shrinkage 2
fails 2 "--layers with a gap" 'one range' "$EVOKE" theory s.h5 --layers 0,2
fails 1 "a singular Sw is told" '' "$EVOKE" theory s.h5 --span query --shrinkage 0
runs "directions are vectors" "$EVOKE" inspect f.h5 --json
json "by Fisher" "r['method'] == 'fisher'"

# ---- generate ----
runs "generate" "$EVOKE" generate -m "$MODEL" -p "Hi" -n 6 --temp 0
runs "generate, JSON" "$EVOKE" generate -m "$MODEL" -p "Hi" -n 6 --temp 0 --json
json "its fields" "set('index prompt text ids logprobs stop n_prompt steering time_s'.split()) <= set(r) and 0 < r['first_token_s'] <= r['time_s'] and len(r['ids']) == len(r['logprobs']) <= 6 and r['steering'] is None"
cp out plain.jsonl
runs "one thread, reference kernels" "$EVOKE" generate -m "$MODEL" -p "Hi" -n 6 --temp 0 --json -t 1 --isa ref
json "give the same ids" "r['ids'] == json.load(open('plain.jsonl'))['ids']"
runs "steered" "$EVOKE" generate -m "$MODEL" -p "Hi" -n 6 --temp 0 --ev v.h5 --alpha joy=40 --json
json "says how" "r['steering']['alpha'] == {'joy': 40} and r['steering']['site'] == 'attn_out' and r['steering']['positions'] == 'last' and (r['emotion'], r['alpha']) == ('joy', 40)"
json "and changes something" "r['logprobs'] != json.load(open('plain.jsonl'))['logprobs']"
runs "Fisher's directions steer" "$EVOKE" generate -m "$MODEL" -p "Hi" -n 3 --ev f.h5 --alpha fear=1
remarks "alpha 0 is told" 'changes nothing: joy: alpha is 0' "$EVOKE" generate -m "$MODEL" -p "Hi" -n 6 --temp 0 --ev v.h5 --alpha joy=0 --json
json "and moves nothing" "r['logprobs'] == json.load(open('plain.jsonl'))['logprobs']"
runs "compare" "$EVOKE" generate -m "$MODEL" -f queries.json -n 5 --ev v.h5 --compare --alpha 2 --json -q -o r.jsonl --seed 7
holds "nothing on stdout with -o" test ! -s out
cp r.jsonl out
json "each prompt unsteered and under each emotion" "len(lines) == 24 and [(l['index'], l['emotion'], l['alpha']) for l in lines[:4]] == [(0, '', 0), (0, 'joy', 2), (0, 'fear', 2), (1, '', 0)]"
runs "other batches" "$EVOKE" generate -m "$MODEL" -f queries.json -n 5 --ev v.h5 --compare --alpha 2 --json -q --seed 7 -b 3
json "the same responses" "[l['ids'] for l in lines] == [json.loads(l)['ids'] for l in open('r.jsonl')]"
runs "samples" "$EVOKE" generate -m "$MODEL" -p Hi -n 8 --n-samples 3 --temp 2 --top-p 1 --json --seed 5 -q
json "differ" "len({json.dumps(l['ids']) for l in lines}) == 3"
cp out samples.jsonl
runs "one sample" "$EVOKE" generate -m "$MODEL" -p Hi -n 8 --temp 2 --top-p 1 --json --seed 5 -q
json "is the first of three" "r['ids'] == json.loads(open('samples.jsonl').readline())['ids']"
printf 'one\n\n  \ntwo\r\n' >prompts.txt
runs "a prompt a line" "$EVOKE" generate -m "$MODEL" -f prompts.txt --raw -n 2 --json -q
json "two prompts" "[l['prompt'] for l in lines] == ['one', 'two']"
runs "the text before a stop string" "$EVOKE" generate -m "$MODEL" -p "the quick" --raw -n 12 --temp 0 --json
STOP=$(python3 -c "import json; print(next(c for c in json.load(open('out'))['text'][3:] if c.isascii() and c.isprintable() and c != ' '))")
cp out whole.json
runs "a stop string" "$EVOKE" generate -m "$MODEL" -p "the quick" --raw -n 12 --temp 0 --json --stop "$STOP"
json "cuts exactly" "r['stop'] == 'string' and r['text'] == json.load(open('whole.json'))['text'].split('$STOP')[0]"
runs "the same, shown as it comes" "$EVOKE" generate -m "$MODEL" -p "the quick" --raw -n 12 --temp 0 --stop "$STOP"
json_text() { python3 -c "import json, sys; sys.exit(open('out', newline='').read() != json.load(open('whole.json'))['text'].split('$STOP')[0] + '\n')"; }
holds "and shows the same text" json_text
fails 1 "unknown emotion" "'rage'.*joy, fear" "$EVOKE" generate -m "$MODEL" -p Hi --ev v.h5 --alpha rage=1
fails 2 "a number alone for two vectors" 'NAME=2' "$EVOKE" generate -m "$MODEL" -p Hi --ev v.h5 --alpha 2
fails 2 "a strength given twice" "'joy' is given twice" "$EVOKE" generate -m "$MODEL" -p Hi --ev v.h5 --alpha joy=1,fear=1 --alpha joy=2
fails 2 "no strength" '--alpha' "$EVOKE" generate -m "$MODEL" -p Hi --ev v.h5
python3 -c "import json; json.dump({'0': [[3e38] * 96]}, open('strong.json', 'w')); json.dump({'0': [[1e39] * 96]}, open('beyond.json', 'w'))"
fails 1 "steering beyond float32 is told" 'not finite' "$EVOKE" generate -m "$MODEL" -p Hi -n 3 --ev strong.json --alpha 1e6
fails 1 "vectors beyond float32" 'beyond float32 .beyond.json' "$EVOKE" generate -m "$MODEL" -p Hi -n 3 --ev beyond.json --alpha 1
fails 1 "a site that is not held" 'mlp_out' "$EVOKE" generate -m "$MODEL" -p Hi --ev v.h5 --alpha joy=1 --site mlp_out
fails 1 "steering layers out of range" 'layer 3' "$EVOKE" generate -m "$MODEL" -p Hi --ev v.h5 --alpha joy=1 --layers 0-9
fails 1 "no vectors" 'queries.json' "$EVOKE" generate -m "$MODEL" -p Hi --ev queries.json --alpha joy=1
fails 1 "a context too small" 'context' "$EVOKE" generate -m "$MODEL" -p "A longer prompt than that" -c 4
fails 2 "the responses would replace the prompts" 'replace an input' "$EVOKE" generate -m "$MODEL" -f prompts.txt --raw -n 2 -o prompts.txt
fails 2 "an output without a name" '--output is empty' "$EVOKE" generate -m "$MODEL" -p Hi -n 2 -o ''
mkfifo pipe
fails 1 "a pipe or a device is not replaced" 'not a file .pipe' "$EVOKE" generate -m "$MODEL" -p Hi -n 2 -o pipe
holds "the pipe is still one" test -p pipe
rm pipe
fails 1 "no prompt in the file" 'empty.json' "$EVOKE" generate -m "$MODEL" -f empty.json
fails 1 "vectors of another width" 'wide|width' "$EVOKE" trace -m "$GOLDEN/families/llama" --ids "1 2" --ev v.h5 --alpha joy=1 -o x.h5

# ---- eval ----
runs "eval" "$EVOKE" eval r.jsonl --lexicon lexicon.json --ppl-model "$MODEL" --json -q -o scores.jsonl
json "cells: unsteered once an emotion, steered each" "sorted((c['emotion'], c['alpha'], c['baseline']) for c in r['cells']) == [('fear', 0, 'none'), ('fear', 2, ''), ('joy', 0, 'none'), ('joy', 2, '')]"
json "metrics with intervals" "all(c[m]['low'] <= c[m]['mean'] <= c[m]['high'] for c in r['cells'] for m in ('ppl', 'distinct2', 'hit', 'lex', 'other')) and all(c['n'] + c['left_out'] == 8 for c in r['cells'])"
holds "scores: a line a response" test "$(wc -l <scores.jsonl)" -eq 24
runs "ppl of greedy text" "$EVOKE" generate -m "$MODEL" -p "Hi" -n 6 --temp 0 --json -o g.jsonl
runs "its score" "$EVOKE" eval g.jsonl --metrics ppl --ppl-model "$MODEL" --json -q
json "is exp of its own mean log-probability" "(lambda g: abs(math.log(r['cells'][0]['ppl']['mean']) + sum(g['logprobs']) / len(g['logprobs'])) < 1e-4)(json.load(open('g.jsonl')))"
cat >hand.jsonl <<'END'
{"prompt": "p", "text": "I am glad and happy", "emotion": "joy", "alpha": 1}
{"prompt": "p", "text": "a b a b a", "emotion": "joy", "alpha": 1}
{"prompt": "p", "text": "   ", "emotion": "joy", "alpha": 1}
{"prompt": "p", "text": "so afraid", "emotion": "", "alpha": 0}
END
runs "by hand" "$EVOKE" eval hand.jsonl --lexicon lexicon.json --json
json "joy by hand" "(lambda c: (c['n'], c['left_out'], c['hit']['mean'], c['lex']['mean'], c['other']['mean'], c['distinct2']['mean']) == (2, 1, 0.5, 1, 0, 0.75))([c for c in r['cells'] if c['alpha'] == 1][0])"
json "unsteered fear by hand" "[c['hit']['mean'] for c in r['cells'] if c['alpha'] == 0] == [0, 1] and r['cells'][-1]['hit']['low'] is not None"
runs "eval's table" "$EVOKE" eval hand.jsonl --lexicon lexicon.json
printf '{"prompt": "p", "text": "x"}\n\n{"text": 3}\n' >odd.jsonl
fails 1 "a response without text" 'response 2' "$EVOKE" eval odd.jsonl --lexicon lexicon.json
printf '{"text": "x"}\n{"text"\n' >odd.jsonl
fails 1 "a broken line of responses" 'line 2' "$EVOKE" eval odd.jsonl --lexicon lexicon.json
fails 1 "no responses" 'none.jsonl' "$EVOKE" eval none.jsonl
cd - >/dev/null || exit 1
