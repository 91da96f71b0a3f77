#!/usr/bin/env bash
# The authors' own responses of Qwen2.5-7B, scored here, beside the values that they published. -a DIR names them; the first
# MODEL is whose perplexity is taken. common.sh says how it is called.
# shellcheck source=experiments/paper/common.sh
. "$(dirname "$0")/common.sh"
[ -d "$AUTHORS/results" ] || fail "$0: -a DIR should name the authors' folder, with results/ and EmotionQuery+.json"
{
    set_up
    mkdir -p "$OUT/authors"
    score "$OUT/authors" "$AUTHORS/results" --queries "$AUTHORS/EmotionQuery+.json" --ppl-model "${MODELS[0]}"
} >&2
python3 experiments/paper/tables.py authors "$OUT/authors/scores.json"
