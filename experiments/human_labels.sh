#!/usr/bin/env bash
# The project's emotion vectors and Fisher directions on texts that people labelled: GoEmotions and ISEAR (theory/README.md).
#
#   experiments/human_labels.sh [FOLDER [MODEL.gguf]]
#
# FOLDER has goemotions-dev.jsonl, goemotions-test.jsonl and isear.jsonl, objects with id, text and labels or emotion (default:
# ../shared/human-labels). Span and layer are chosen on goemotions-dev and on 150 texts of each emotion of isear's even lines;
# goemotions-test and isear's odd lines are reported once. Ends in results/human_labels/report.txt; half an hour on two cores.
# The stores stay there, and are continued.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=experiments/setup.sh
. experiments/setup.sh
help_wanted "$@"

FOLDER=${1:-../shared/human-labels} OUT=results/human_labels
for file in goemotions-dev goemotions-test isear; do
    [ -r "$FOLDER/$file.jsonl" ] || fail "There are no texts that people labelled: $FOLDER/$file.jsonl is missing. Name their folder:
    experiments/human_labels.sh FOLDER"
done
# shellcheck disable=SC2086
install_packages $PACKAGES
build build --buildtype=release
[ $# -gt 1 ] || get_model
M=${2:-$MODEL}
mkdir -p "$OUT"
awk 'NR % 2 == 0' "$FOLDER/isear.jsonl" >"$OUT/isear-even.jsonl"
awk 'NR % 2 == 1' "$FOLDER/isear.jsonl" >"$OUT/isear-odd.jsonl"
cp "$FOLDER"/goemotions-{dev,test}.jsonl "$OUT"

run_texts() {       # NAME [options]: texts as they are
    local name=$1
    shift
    say "running $name"
    build/evoke extract -m "$M" -d "$OUT/$name.jsonl" --settings data/settings_text.json --span query,last -o "$OUT/$name.h5" "$@"
}
judge() {           # NAME [options]: the queries' directions on them
    local name=$1 labels=()
    shift
    case $name in goemotions-*) labels=(--labels "$OUT/$name.jsonl") ;; esac
    build/evoke theory "$OUT/queries.h5" --labelled "$OUT/$name.h5" "${labels[@]}" -q "$@"
}

say "running the project's own queries"
build/evoke extract -m "$M" -d data/queries_extraction.jsonl --settings data/settings.json --span response,query -n 32 \
    -o "$OUT/queries.h5"
run_texts goemotions-dev
run_texts isear-even --limit 150
for span in query response; do
    for text_span in query last; do
        for name in goemotions-dev isear-even; do
            judge "$name" --span $span --text-span $text_span --bootstrap 0 --json >"$OUT/tune-$span-$text_span-$name.json"
        done
    done
done
python3 experiments/human_labels.py "$OUT"/tune-*.json | tee "$OUT/chosen.txt"

run_texts goemotions-test
run_texts isear-odd
{
    cat "$OUT/chosen.txt"
    cut -d' ' -f2-4 "$OUT/chosen.txt" | sort -u | while read -r span text_span layer; do
        for labels in "goemotions-test --label-key labels" "goemotions-test --label-key ekman" isear-odd; do
            printf '\n== %s\n' "$labels"
            # shellcheck disable=SC2086
            judge $labels --span "$span" --text-span "$text_span" --layers "$layer"
        done
    done
    printf '\n== goemotions-test, all layers\n'
    judge goemotions-test --span query --text-span query
} | tee "$OUT/report.txt"
