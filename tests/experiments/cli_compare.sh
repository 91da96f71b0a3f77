# shellcheck shell=bash disable=SC2154
# Two stores or vectors against each other: what is shown and refused. The figures themselves: tests/python/check_compare.py.
MODEL=$GOLDEN/gguf/llama_f32/model.gguf
cd "$WORK" || exit 1
echo '{"joy": ["I passed the test.", "We won!", "Sun at last."], "fear": ["It is dark.", "Who is there?"]}' >q.json
echo '{"joy": ["I passed the test.", "We lost!", "Sun at last."], "fear": ["It is dark.", "Who is there?"]}' >other.json
extract() { "$EVOKE" extract -m "$MODEL" -t 1 -q "$@"; }
runs "a store" extract -d q.json -o a.h5 --sites resid_post,attn_out
runs "by the portable kernels" extract -d q.json -o b.h5 --sites resid_post,attn_out --isa ref
runs "of another query" extract -d other.json -o other.h5 --sites resid_post,attn_out
runs "vectors of one" "$EVOKE" ev a.h5 -o va.h5 -q
runs "vectors of the other" "$EVOKE" ev b.h5 -o vb.h5 -q

runs "what the columns are" "$EVOKE" compare --help
holds "each is defined" grep -qE 'Fisher change +J of B over J of A' "$WORK/out"
runs "a store and itself" "$EVOKE" compare a.h5 a.h5
holds "table" grep -qE '^resid_post fisher_change +1\.000 +1\.000 +1\.000$' "$WORK/out"
runs "two stores" "$EVOKE" compare a.h5 b.h5 --json -q
json "kernels change nothing that matters" "all(s['summary'][f]['least'] > 0.999 for s in r['sites'].values() for f in ('cosine', 'norm_ratio', 'fisher_change'))"
json "both are named" "r['kind'] == 'stores' and r['same_prompts'] and r['a']['file'] == 'a.h5' and len(r['b']['sha256']) == 64"
runs "its settings the other way round" "$EVOKE" query a.h5 -o turned.h5 --setting emotion,neutral -q
runs "are the same" "$EVOKE" compare a.h5 turned.h5 --json -q
json "and so are the prompts" "r['same_prompts'] and all(s['summary']['cosine']['least'] > 0.999999 for s in r['sites'].values())"
runs "two vectors" "$EVOKE" compare va.h5 vb.h5 --json
json "have no scatter" "r['kind'] == 'vectors' and r['sites']['attn_out']['layers'][2]['emotions']['fear']['fisher_a'] is None"

fails 1 "other queries" 'query 1 is of another text in the other \(other.h5\)' "$EVOKE" compare a.h5 other.h5 -q
fails 1 "a store and vectors" 'the first is a store, the other are vectors' "$EVOKE" compare a.h5 vb.h5 -q
fails 1 "no such file" 'nothing.h5' "$EVOKE" compare a.h5 nothing.h5 -q
fails 1 "no vectors" 'q.json' "$EVOKE" compare va.h5 q.json -q
fails 2 "one file" 'compare' "$EVOKE" compare a.h5
