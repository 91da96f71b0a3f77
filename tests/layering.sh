#!/usr/bin/env bash
# Includes point one way: core <- layers <- emotion, theory <- experiments. The program uses the public header alone. No model
# family is named outside layers/families. The library neither prints nor exits.
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0

# none WHAT COMMAND...: passes where the command finds nothing.
none() {
    local what=$1 found
    shift
    found=$("$@")
    if [ -z "$found" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); printf 'not ok %s\n%s\n' "$what" "$found"; fi
}
upward() { grep -rnE "#include \"($2)/" "$1" --include='*.[ch]'; }

none "core looks up" upward core 'layers|emotion|theory|experiments'
none "layers look up" upward layers 'emotion|theory|experiments'
none "emotion looks up or sideways" upward emotion 'theory|experiments'
none "theory looks up or sideways" upward theory 'emotion|experiments'
none "the program looks behind evoke.h" sh -c "grep -rnE '#include \"(core|layers|emotion|theory)/' experiments --include='*.[ch]' | grep -v '\"core/evoke.h\"'"
none "a family is named outside layers/families" sh -c "grep -rniE '\"(llama|qwen2?3?|gemma[23]?|phi3|gpt_neox|baichuan|minicpm3?|mistral|olmo2)\"' core layers emotion theory experiments --include='*.[ch]' | grep -v '^layers/families/' | grep -v '^layers/tokenizers/'"
none "the library prints or exits" grep -rnE '(^|[^a-zA-Z_])(exit|abort|printf|puts|perror|putenv|setenv)\(|fprintf\((stderr|stdout)' core layers emotion theory --include='*.[ch]'
printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
