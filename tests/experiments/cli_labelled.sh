# shellcheck shell=bash disable=SC2154
# theory --labelled: directions of queries on texts that people labelled, on a model of three layers; and what it refuses.
MODEL=$GOLDEN/gguf/llama_f32/model.gguf
ROOT=$PWD
cat >"$WORK/queries.json" <<'END'
{"joy": ["I passed the test.", "We won!", "A letter came.", "The sun is out."],
 "fear": ["It is dark.", "Who is there?", "I hear steps.", "The bridge shakes."]}
END
cat >"$WORK/texts.jsonl" <<'END'
{"id": "a", "text": "What a day!", "said": ["joy"], "coarse": "good"}
{"id": "b", "text": "They laughed all night.", "said": ["joy", "surprise"], "coarse": "good"}
{"id": "c", "text": "Something moved.", "said": ["fear", "surprise"], "coarse": "good"}
{"id": "d", "text": "Do not open it.", "said": "fear", "coarse": "good"}
{"id": "e", "text": "The bus is at ten.", "said": ["neutral"], "coarse": "good"}
{"id": "f", "text": "A chair has four legs.", "said": ["neutral"], "coarse": "good"}
END
cd "$WORK" || exit 1
TEXT=$ROOT/data/settings_text.json RATINGS=(--ratings "$ROOT/data/valence_arousal.json")
runs "queries" "$EVOKE" extract -m "$MODEL" -d queries.json -o q.h5 --sites resid_post,attn_out --span query,last -q
runs "texts as they are" "$EVOKE" extract -m "$MODEL" -d texts.jsonl --settings "$TEXT" -o t.h5 --span query -q
runs "inspect settings of texts" "$EVOKE" inspect "$TEXT" --json
json "they are raw" "r['raw'] is True and r['settings'] == ['text']"
ON=("$EVOKE" theory q.h5 --labelled t.h5 --labels texts.jsonl --label-key said "${RATINGS[@]}" --span query)
runs "theory --labelled" "${ON[@]}" --bootstrap 50 --stats l.h5
holds "the table names its parts" grep -q 'class by' out
runs "as JSON" "${ON[@]}" --bootstrap 50 --json -t 1
json "texts may have several labels" "r['n_label'] == {'joy': 2, 'surprise': 2, 'fear': 2} and r['n_emotion'] == {'joy': 2, 'fear': 2}"
json "all layers, directions and emotions" "[l['layer'] for l in r['layers']] == [0, 1, 2] and all(0 <= l['auc'][a][e] <= 1 for l in r['layers'] for a in ('ev', 'w', 'rest_ev', 'rest_w') for e in ('joy', 'fear'))"
cp out one.json
runs "on three threads" "${ON[@]}" --bootstrap 50 --json -t 3
holds "threads change nothing" cmp out one.json
grep -v neutral texts.jsonl | sed 's/"said"/"emotion"/; s/, "surprise"//; s/\["joy"\]/"joy"/; s/\["fear"\]/"fear"/' >own.jsonl
runs "texts with emotions of their own" "$EVOKE" extract -m "$MODEL" -d own.jsonl --settings "$TEXT" -o own.h5 --span query,last -q
runs "no neutral texts: against all" "$EVOKE" theory q.h5 --labelled own.h5 "${RATINGS[@]}" --span query --text-span last --bootstrap 0 --json
json "against all, of another span" "r['against'] == 'all' and r['text_span'] == 'last' and r['span'] == 'query'"
if command -v gnuplot >/dev/null; then
    runs "drawings" "${ON[@]}" --bootstrap 20 --figures drawn
    holds "four of them" test "$(find drawn -name '*.svg' -size +1k | wc -l)" -eq 4
else
    skip "drawings" "gnuplot is not installed"
fi
fails 1 "labels that all have" "all have the label 'joy'" "$EVOKE" theory q.h5 --labelled t.h5 --labels <(sed 's/"good"/"joy"/' texts.jsonl) --label-key coarse "${RATINGS[@]}" --span query
fails 1 "no emotion in common" 'none of their labels .good' "$EVOKE" theory q.h5 --labelled t.h5 --labels texts.jsonl --label-key coarse "${RATINGS[@]}" --span query
fails 1 "texts without labels" 'have none' "$EVOKE" theory q.h5 --labelled t.h5 "${RATINGS[@]}"
fails 1 "a key that is not there" '"mood".*entry 1' "$EVOKE" theory q.h5 --labelled t.h5 --labels texts.jsonl --label-key mood "${RATINGS[@]}"
head -3 texts.jsonl >half.jsonl
fails 1 "a text that nobody labelled" "'d'" "$EVOKE" theory q.h5 --labelled t.h5 --labels half.jsonl --label-key said "${RATINGS[@]}"
fails 1 "two settings" '2 settings' "$EVOKE" theory q.h5 --labelled q.h5 "${RATINGS[@]}"
fails 1 "a site that the texts lack" 'attn_out' "${ON[@]}" --site attn_out
fails 1 "a span that the texts lack" 'span last' "${ON[@]}" --text-span last
fails 2 "a span that there is not" 'text-span' "${ON[@]}" --text-span middle
fails 2 "a key without a file" 'label-key' "$EVOKE" theory q.h5 --labelled t.h5 --label-key said "${RATINGS[@]}"
fails 2 "directions of the texts" 'leave --labelled out' "${ON[@]}" -o w.h5
fails 2 "figures that would replace the texts" 'replace an input' "${ON[@]}" --stats t.h5
runs "a narrower model's texts" "$EVOKE" extract -m "$GOLDEN/gguf/llama_q4_1/model.gguf" -d texts.jsonl --settings "$TEXT" -o narrow.h5 -q
fails 1 "another width" '64 wide.*96' "$EVOKE" theory q.h5 --labelled narrow.h5 --labels texts.jsonl --label-key said "${RATINGS[@]}" --span query
if python3 -c 'import h5py' 2>/dev/null; then
    cp t.h5 other.h5
    python3 -c 'import h5py; f = h5py.File("other.h5", "a"); f.attrs["model_sha256"] = "0" * 64; f.close()'
    fails 1 "another model" 'another model' "$EVOKE" theory q.h5 --labelled other.h5 --labels texts.jsonl --label-key said "${RATINGS[@]}"
else
    skip "another model" "h5py is not installed"
fi
echo '{"ratings": {"joy": {"valence": "high"}}}' >bad.json
fails 1 "ratings that are none" "'joy'.*bad.json" "$EVOKE" theory q.h5 --labelled t.h5 --labels texts.jsonl --label-key said --ratings bad.json
holds "nothing half-written" test -z "$(ls | grep -E '^w\.h5|partial|tmp')"
cd "$ROOT" || exit 1
