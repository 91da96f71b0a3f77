#!/usr/bin/env bash
# Includes point one way: core <- layers <- emotion, theory <- experiments. The program uses the public header alone. No model
# family is named outside layers/families, not even in a comment of what a forward pass runs. The library neither prints nor
# exits.
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
# What families call themselves, by their descriptors: general.architecture and model_type. Tokenizers have names of their own.
families=$(grep -ohE '\.(gguf_arch|hf_type|hf_alias) = "[^"]+"' layers/families/*.c | grep -oE '"[^"]+"' | tr -d '"' |
    sort -u | paste -sd'|')
count() { cat layers/families/*.c | grep -c "$1"; }
nameless() { [ "$(count '\.hf_type = "')" -eq "$(count '^const evk_family evk')" ] || echo "$families"; }
named() {
    grep -rniE "\"($families)\"" core layers emotion theory experiments --include='*.[ch]' |
        grep -vE '^layers/(families|tokenizers)/'
}
# All of layers/ but what reads the files of the paper's authors, whose names hold a model's.
mentioned() { find layers -maxdepth 1 -name '*.[ch]' ! -name vectors_authors.c -exec grep -nwiE "$families" {} +; }
none "a descriptor whose model_type is not found here" nameless
none "a family is named outside layers/families" named
none "the forward pass mentions a family" mentioned
none "the library prints or exits" grep -rnE '(^|[^a-zA-Z_])(exit|abort|printf|puts|perror|putenv|setenv)\(|fprintf\((stderr|stdout)' core layers emotion theory --include='*.[ch]'
printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
