# shellcheck shell=bash disable=SC2154
# `evoke bench`: the machine and a small model, and each kernel by instruction set. What is measured is checked for sense alone.
runs "bench --kernels" "$EVOKE" bench --kernels --isa ref
holds "it says where operands lie" grep -qE '^ 2048 floats, L1$' "$WORK/out"
holds "and how far from the bound each is" grep -qE '^  axpy .* [0-9]+ % of (floats|L1 (read|write))$' "$WORK/out"
runs "bench --kernels --json" "$EVOKE" bench --kernels --isa ref --json
json "rates of all kernels" "len(r['kernels']) > 100 and all(0 < k['rate'] < math.inf and k['times_ref'] == 1 for k in r['kernels'])"
json "shares of bounds" "all(0 < k['share'] <= 1.3 and abs(k['rate'] / k['bound_rate'] - k['share']) < 1e-3 for k in r['kernels'])"
json "peaks and caches" "r['peaks'][0]['isa'] == 'ref' and r['peaks'][0]['integers_gops'] > 0 and r['caches_gb_s']['l1_read'] > 0"
runs "bench of a model with a short context" "$EVOKE" bench -m "$GOLDEN/gguf/llama_q4_1/model.gguf" -t 1 --json
json "takes shorter queries" "r['extract']['what'] == 'extraction' and 'left_out' not in r and any(w['steered'] for w in r['work'])"
runs "bench of a model without a tokenizer" "$EVOKE" bench -m "$GOLDEN/families/llama" -t 1 --json
json "says what it leaves out" "'extract' not in r and 'no tokenizer' in r['left_out'] and r['generate']['tokens_per_s'] > 0"
cp -r "$GOLDEN/families/llama" "$WORK/short"
chmod -R u+w "$WORK/short"
sed -i 's/"max_position_embeddings": *[0-9]*/"max_position_embeddings": 2/' "$WORK/short/config.json"
runs "bench of a model with a context of two tokens" "$EVOKE" bench -m "$WORK/short" -t 1 --json
json "says that nothing is generated" "'generate' not in r and 'generation, as' in r['left_out'] and r['prompt']['tokens_per_s'] > 0"
if [ -f "${EVOKE_TEST_MODEL:-}" ]; then
    runs "bench of a model" "$EVOKE" bench -m "$EVOKE_TEST_MODEL" -t 1 --json
    json "its work" "{w['compute'] for w in r['work']} == {'exact', 'fast'} and all(0 < w['share'] <= 1.3 for w in r['work'])"
    json "the integer peak" "r['machines'][-1]['integer_gops'] > 0"
else
    skip "bench of a model" "EVOKE_TEST_MODEL does not name one"
fi
