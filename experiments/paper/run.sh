#!/usr/bin/env bash
# The paper's evaluation from end to end: extract, ev, sweep, eval for each model, then every table and figure, also in
# results/paper/tables.txt; common.sh says how it is called.
# shellcheck source=experiments/paper/common.sh
. "$(dirname "$0")/common.sh"
ARGUMENTS=("${QUICK[@]}" "${THREADS[@]}" "${LENGTH[@]}" -q "$QUERIES" "${MODELS[@]}" -- "${JUDGES[@]}")
mkdir -p "$OUT"
for script in figure_vectors table_fluency table_eps table_eas table_tec table_baselines; do
    experiments/paper/$script.sh "${ARGUMENTS[@]}"
    echo
done | tee "$OUT/tables.txt"
