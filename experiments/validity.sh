#!/usr/bin/env bash
# What the offline judges of `evoke eval` are worth: their agreement with texts that people labelled, beside chance. The lines
# that nothing was tuned on: GoEmotions' test split and the odd lines of ISEAR.
#
#   experiments/validity.sh EVOKE LABELS_DIR JUDGE_MODEL MINILM_DIR [TEXTS_PER_LABEL]
set -euo pipefail
# shellcheck source=experiments/setup.sh
. "$(dirname "$0")/setup.sh"
help_wanted "$@"
[ $# -ge 4 ] || { echo "usage: experiments/validity.sh EVOKE LABELS_DIR JUDGE_MODEL MINILM_DIR [TEXTS_PER_LABEL]" >&2; exit 2; }
EVOKE=$1 LABELS=$2 JUDGE=$3 MINILM=$4 LIMIT=${5:-100}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
awk 'NR % 2 == 1' "$LABELS/isear.jsonl" >"$WORK/isear-odd.jsonl"
cp "$LABELS/goemotions-test.jsonl" "$WORK/"
for file in goemotions-test.jsonl isear-odd.jsonl; do
    "$EVOKE" eval --human "$WORK/$file" --limit "$LIMIT" --judge-model "$JUDGE" --embed-model "$MINILM" -q
done
