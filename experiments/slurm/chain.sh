#!/usr/bin/env bash
# Submits to Slurm: extract as an array of N jobs, then merge, ev and theory when all of them are done.
#
#   experiments/slurm/chain.sh N FOLDER MODEL DATASET [extract's options...]
#
# FOLDER gets acts-1.h5 ... acts-N.h5, acts.h5, ev.h5, directions.h5 and the jobs' logs. EVOKE is the program (default: evoke). More
# for sbatch, as --partition or --cpus-per-task: SBATCH_... variables, see its manual.
set -euo pipefail
[ $# -ge 4 ] || { echo "usage: $0 N FOLDER MODEL DATASET [options of extract]" >&2; exit 2; }
HERE=$(cd "$(dirname "$0")" && pwd)
n=$1 folder=$(realpath "$2") model=$(realpath "$3") dataset=$(realpath "$4")
shift 4
export EVOKE=${EVOKE:-evoke}
array=$(sbatch --parsable --array="1-$n" --requeue --open-mode=append --signal=B:USR1@60 --output="$folder/extract-%a.log" \
    "$HERE/extract.sh" "$n" "$folder" "$model" "$dataset" "$@")
sbatch --parsable --dependency="afterok:${array%%;*}" --output="$folder/merge.log" "$HERE/after.sh" "$n" "$folder"
