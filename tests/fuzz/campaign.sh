#!/bin/sh
# tests/fuzz/campaign.sh: the fuzz targets under clang's libFuzzer, with the address and undefined-behaviour sanitizers.
#
#     tests/fuzz/campaign.sh [RUNS [TARGET...]]         200,000 runs of every target, one after the other
#
# Builds into $BUILD (build-fuzz), starts from the target's own seeds (fuzz_seed), tests/fuzz/seeds/TARGET, the inputs
# kept in tests/fuzz/TARGET and small golden files, and keeps what it grew in $BUILD/corpus/TARGET for the next time. One
# line a target; a finding ends it with status 1, and its input is $BUILD/TARGET-crash-... (make it small with
# -minimize_crash=1, then keep it in tests/fuzz/TARGET). MERGE=1: puts the smallest inputs (up to 4 kB) that together reach
# what the corpus reaches into tests/fuzz/seeds/TARGET, where the tests find them.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
runs=${1:-200000}
[ $# -gt 0 ] && shift
targets=${*:-gguf safetensors json_config template model hdf5 tokenizer vectors}
build=${BUILD:-$root/build-fuzz}
golden=$root/tests/golden
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:allocator_may_return_null=1} UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

[ -d "$build" ] || CC=clang meson setup "$build" "$root" -Dfuzzer=true -Db_sanitize=address,undefined -Db_lundef=false \
    -Dbuildtype=debugoptimized > /dev/null
programs=
for target in $targets; do programs="$programs tests/fuzz/fuzz_$target"; done
ninja -j2 -C "$build" $programs > "$build/ninja.log" || { cat "$build/ninja.log"; exit 1; }

# Golden files to start from, and the longest input: large ones are slow, and say little more.
golden_of() {
    case $1 in
    json_config) echo "$golden/families/llama/config.json $golden/families/phi3_longrope/config.legacy.json" ;;
    tokenizer)   echo "$golden/tiny-llama/tokenizer.json" ;;
    vectors)     find "$golden/interop" -type f ;;
    esac
}
longest() {
    case $1 in hdf5 | tokenizer) echo 32768 ;; *) echo 8192 ;; esac
}
# The words of the format: the texts in the code that reads it.
words_of() {
    cd "$root"
    case $1 in
    template)  cat layers/chat_template/*.c ;;
    tokenizer) cat layers/tokenizers/*.c ;;
    vectors)   cat layers/vector_files/*.c ;;
    *)         cat core/files/*.c layers/config.c layers/model.c layers/families/*.c layers/tokenizers/tokenizer_gguf.c ;;
    esac | grep -oE '"[][A-Za-z0-9_.|{}#+<>=~*/-]{2,40}"' | sort -u
}

failed=0
for target in $targets; do
    program=$build/tests/fuzz/fuzz_$target corpus=$build/corpus/$target log=$build/$target.log
    mkdir -p "$corpus"
    FUZZ_SEEDS=$corpus "$program" > /dev/null 2>&1
    for file in $(golden_of "$target"); do cp "$file" "$corpus/golden-$(basename "$(dirname "$file")")-$(basename "$file")"; done
    for folder in "$root/tests/fuzz/$target" "$root/tests/fuzz/seeds/$target"; do
        [ -d "$folder" ] && cp "$folder"/* "$corpus/"
    done
    words_of "$target" > "$build/$target.dict"
    if "$program" -dict="$build/$target.dict" -runs="$runs" -max_len="$(longest "$target")" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/$target-" "$corpus" > "$log" 2>&1; then
        echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs without a report," \
             "$(ls "$corpus" | wc -l) inputs kept, coverage $(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -c6-)"
    else
        echo "$target: a finding, $log:"; grep -m1 -A12 -E 'ERROR|runtime error|expected|libFuzzer:' "$log" || tail -5 "$log"
        failed=1
    fi
    if [ "${MERGE:-0}" = 1 ] && [ $failed = 0 ]; then
        mkdir -p "$root/tests/fuzz/seeds/$target"
        find "$root/tests/fuzz/seeds/$target" -type f -delete
        "$program" -merge=1 -max_len=4096 "$root/tests/fuzz/seeds/$target" "$corpus" > "$log.merge" 2>&1
    fi
done
exit $failed
