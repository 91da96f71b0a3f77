#!/usr/bin/env bash
# What follows the extraction of chain.sh: one store, its emotion vectors, its Fisher directions and their figures, a page.
#SBATCH --job-name=evoke-after
set -euo pipefail
n=$1 folder=$2 shards=()
for ((i = 1; i <= n; i++)); do shards+=("$folder/acts-$i.h5"); done
[ "$n" -eq 0 ] || "${EVOKE:-evoke}" merge "${shards[@]}" -o "$folder/acts.h5"
"${EVOKE:-evoke}" ev "$folder/acts.h5" -o "$folder/ev.h5"
"${EVOKE:-evoke}" theory "$folder/acts.h5" --ev "$folder/ev.h5" -o "$folder/directions.h5" --stats "$folder/theory.h5"
"${EVOKE:-evoke}" report "$folder/acts.h5" "$folder/ev.h5" "$folder/theory.h5" -o "$folder/report.html" --notebook none
