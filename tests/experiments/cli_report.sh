# shellcheck shell=bash disable=SC2154
# The report from outside: which files it takes, what it leaves out, what it refuses; tests/python/check_report.py reads the page.
MODEL=$GOLDEN/gguf/llama_f32/model.gguf
cd "$WORK" || exit 1
ln -s "$ROOT/data" data
echo '{"joy": ["I passed the test.", "We won!"], "fear": ["It is dark.", "Who is there?"], "anger": ["No!", "Go away."]}' >queries.json
echo '{"joy": ["glad"], "fear": ["afraid"]}' >lexicon.json
runs "a store" "$EVOKE" extract -m "$MODEL" -d queries.json -o s.h5 --sites resid_post -q
runs "vectors" "$EVOKE" ev s.h5 -o v.h5 -q
runs "a sweep" "$EVOKE" sweep -m "$MODEL" -f queries.json --ev v.h5 --site resid_post --alphas 0,1,2 --temp 0 -n 4 -o w.jsonl -q
runs "an evaluation" "$EVOKE" eval w.jsonl --lexicon lexicon.json --json
cp out e.json

# ---- what is shown ----
runs "a report of a store" "$EVOKE" report s.h5 -o s.html
holds "says where it and its notebook are" grep -q 'notebooks-out/s.ipynb' out
holds "has the vectors of the store" grep -q 'Norm of the vectors by layer, resid_post' s.html
holds "says what is left out" grep -q 'by layer: needs a theory file (evoke theory --stats)' s.html
runs "of vectors, no notebook" "$EVOKE" report v.h5 -o v.html --notebook none -q
holds "wrote none" test ! -e notebooks-out/v.ipynb
holds "prints nothing when quiet" test ! -s out
holds "the same figures" test "$(grep -c '<figure>' s.html)" -eq 3 -a "$(grep -c '<figure>' v.html)" -eq 3
holds "the command that made them" grep -q "evoke ev s.h5 -o v.h5 -q</pre>" v.html
runs "of a sweep and its evaluation" "$EVOKE" report w.jsonl e.json -o t.html --limit 2 --notebook t.ipynb
holds "two queries" test "$(grep -c '<div class="columns">' t.html)" -eq 2
holds "says how many are not" grep -q '2 queries; [0-9]* of the file' t.html
holds "a table of words" grep -q '<h4>lex</h4>' t.html
holds "the notebook asked for" python3 -c 'import json; json.load(open("t.ipynb"))'
cp t.html before.html
runs "again" "$EVOKE" report w.jsonl e.json -o t.html --limit 2 --notebook t.ipynb
holds "is the same page" cmp -s t.html before.html

# ---- what is refused ----
fails 2 "no page" 'report: .*--output' "$EVOKE" report v.h5
fails 2 "no file" 'report' "$EVOKE" report -o x.html
fails 2 "a file that is read" 'v.h5' "$EVOKE" report v.h5 -o v.h5
fails 1 "a missing file" 'nothing.h5' "$EVOKE" report nothing.h5 -o x.html
fails 1 "a dataset" 'neither what eval --json prints nor a sweep' "$EVOKE" report queries.json -o x.html
fails 1 "a model" 'model.gguf' "$EVOKE" report "$MODEL" -o x.html
head -c 3000 v.h5 >cut.h5
fails 1 "half a file" 'cut.h5' "$EVOKE" report cut.h5 -o x.html
"$EVOKE" trace -m "$MODEL" --ids "1 2" -o trace.h5 -q >/dev/null 2>&1
fails 1 "a trace" "format 'evoke-trace' is neither" "$EVOKE" report trace.h5 -o x.html
fails 1 "a folder that is not there" 'nowhere' "$EVOKE" report v.h5 -o nowhere/x.html --notebook none
fails 1 "a notebook that cannot be" 'nowhere' "$EVOKE" report v.h5 -o x.html --notebook nowhere/x.ipynb
mkdir elsewhere
# Away from data/ the template is the installed one; where there is none, that is said.
holds "a template, or what to do without" sh -c 'cd elsewhere && { "$0" report ../v.h5 -o y.html -q 2>err || grep -q "notebook none leaves it out" err; }' "$EVOKE"
holds "none of them left a page" sh -c '! ls | grep -q "^x.html"'
