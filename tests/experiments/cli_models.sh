# shellcheck shell=bash disable=SC2154
# Models: traces against transformers' greedy ids (tests/golden), what inspect says, and files that are no good.
MODEL=$GOLDEN/gguf/llama_f32/model.gguf
runs "trace" "$EVOKE" trace -m "$MODEL" --ids "[118, 210, 159, 41, 185, 282, 189]" -n 16 -o "$WORK/t.h5"
if command -v h5dump >/dev/null; then
    h5dump -y -w 1000 -d /generated "$WORK/t.h5" 2>/dev/null | tr -d ' \n' >"$WORK/dump"
    holds "greedy ids are transformers'" grep -q '183,206,24,217,217,217,30,161,235,217,128,163,217,269,107,175' "$WORK/dump"
else
    skip "greedy ids against transformers" "h5dump is not installed"
fi
printf '118 210,159\n' >"$WORK/ids"
runs "ids from a file" "$EVOKE" trace -m "$MODEL" --ids "@$WORK/ids" --sites resid_post -o "$WORK/t2.h5" --json
json "ids were read" "r['ids'] == [118, 210, 159]"
runs "inspect a trace" "$EVOKE" inspect "$WORK/t.h5"
holds "a trace is told" grep -q 'evoke-trace' "$WORK/out"
runs "inspect a GGUF" "$EVOKE" inspect "$MODEL" --json
json "shapes and types" "r['kind'] == 'model' and r['family'] == 'llama' and r['model']['n_layer'] == 3 and r['model']['d_model'] == 96 and r['types']['F32']['tensors'] == 30 and r['template']"
runs "inspect a folder" "$EVOKE" inspect "$GOLDEN/families/llama" --json
json "of safetensors" "r['kind'] == 'model' and r['runs'] and r['tokenizer'] is None"
runs "inspect blocks alone" "$EVOKE" inspect "$GOLDEN/quants/quants.gguf" --json
json "weights-level" "r['runs'] is False and r['n_tensors'] > 5 and r['unusual']"
runs "export a tensor" "$EVOKE" inspect "$MODEL" --tensor blk.0.attn_q.weight -o "$WORK/q.h5"
holds "the export is there" test -s "$WORK/q.h5"
fails 1 "no such tensor" "nose" "$EVOKE" inspect "$MODEL" --tensor nose -o "$WORK/n.h5"
fails 2 "--tensor without -o" '--output' "$EVOKE" inspect "$MODEL" --tensor blk.0.attn_q.weight
runs "families" "$EVOKE" families
holds "decoders and encoders" grep -qE '^decoder +Qwen3 +qwen3 +qwen3$' "$WORK/out"
runs "families for programs" "$EVOKE" families --json
json "with every name" "{'llama', 'Yi', 'mistral', 'gemma3_text', 'bert', 'bart'} <= {c for f in r for c in f['config']} and all(f['kind'] in ('decoder', 'encoder') for f in r)"
runs "inspect an encoder" "$EVOKE" inspect "$GOLDEN/encoders/bert" --json
json "as one that runs" "r['runs'] and r['family'] == 'bert' and len(r['model']['labels']) > 1"
runs "inspect a decoder's settings" "$EVOKE" inspect "$MODEL" --json
json "in words" "'RMSNorm' in r['model']['settings']['norm'] and 'rotary' in r['model']['settings']['positions']"
runs "inspect a dataset" "$EVOKE" inspect data/queries_extraction.jsonl --json
json "counts" "r['kind'] == 'dataset' and r['queries'] == sum(r['emotions'].values())"

fails 1 "ids out of range" '3000' "$EVOKE" trace -m "$MODEL" --ids "1 3000" -o "$WORK/x.h5"
fails 2 "more ids than positions" 'context of 128' "$EVOKE" trace -m "$MODEL" --ids "$(seq -s ' ' 1 200)" -o "$WORK/x.h5"
fails 2 "no ids" 'no token' "$EVOKE" trace -m "$MODEL" --ids "" -o "$WORK/x.h5"
fails 1 "no model" 'none.gguf' "$EVOKE" trace -m "$WORK/none.gguf" --ids 1 -o "$WORK/x.h5"
head -c 20000 "$MODEL" >"$WORK/cut.gguf"
fails 1 "a cut model" 'cut.gguf' "$EVOKE" trace -m "$WORK/cut.gguf" --ids 1 -o "$WORK/x.h5"
sed 's/general\.architecture\(.\{12\}\)llama/general.architecture\1lxxma/' "$MODEL" >"$WORK/family.gguf"
fails 1 "an unknown family" 'lxxma' "$EVOKE" trace -m "$WORK/family.gguf" --ids 1 -o "$WORK/x.h5"
runs "is inspected all the same" "$EVOKE" inspect "$WORK/family.gguf" --json
json "by its weights" "r['family'] == 'lxxma' and r['runs'] is False and r['n_tensors'] == 30"
sed 's/blk\.1\.attn_q\.weight/blk.1.attn_x.weight/' "$MODEL" >"$WORK/missing.gguf"
fails 1 "a missing tensor" 'attn_q' "$EVOKE" trace -m "$WORK/missing.gguf" --ids 1 -o "$WORK/x.h5"
mkdir "$WORK/hf" && cp "$GOLDEN/families/llama/model.safetensors" "$WORK/hf/" && sed 's/"hidden_size": [0-9]*/"hidden_size": 48/' "$GOLDEN/families/llama/config.json" >"$WORK/hf/config.json"
fails 1 "wrong shapes" '' "$EVOKE" trace -m "$WORK/hf" --ids 1 -o "$WORK/x.h5"
printf '{"model_type": "llama",\n' >"$WORK/hf/config.json"
fails 1 "a broken config.json" 'config.json' "$EVOKE" trace -m "$WORK/hf" --ids 1 -o "$WORK/x.h5"
: >"$WORK/zero"
fails 1 "an empty file" 'empty' "$EVOKE" inspect "$WORK/zero"
head -c 4096 /dev/urandom | tr '[{"GH\211' 'xxxxxx' >"$WORK/noise"
fails 1 "noise" 'noise' "$EVOKE" inspect "$WORK/noise"
fails 1 "nothing there" 'No such file' "$EVOKE" inspect "$WORK/nothing"
fails 1 "a folder that is no model" '' "$EVOKE" inspect "$WORK/hf/.."
holds "nothing half-written" test -z "$(ls "$WORK" | grep -E '^x\.h5|partial|tmp')"
