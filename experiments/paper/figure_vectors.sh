#!/usr/bin/env bash
# The paper's figure of the vectors: how long they are in each layer, and how alike; common.sh says how it is called.
# shellcheck source=experiments/paper/common.sh
. "$(dirname "$0")/common.sh"
{ set_up; for model in "${MODELS[@]}"; do respond "$model"; done; } >&2
for model in "${MODELS[@]}"; do
    printf '%s\n' "$(name_of "$model")"
    "$EVOKE" inspect "$OUT/$(name_of "$model")/vectors.h5"
done
