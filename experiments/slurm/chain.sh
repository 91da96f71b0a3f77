#!/usr/bin/env bash
# Submits to Slurm: extract as an array of N jobs, or as one job of N MPI ranks, then merge, ev, theory and report when it is done.
#
#   experiments/slurm/chain.sh N|mpi:N FOLDER MODEL DATASET [extract's options...]
#
# FOLDER gets acts-1.h5 ... acts-N.h5 (not by MPI), acts.h5, ev.h5, directions.h5, theory.h5, report.html and the jobs' logs. Says the
# two jobs' numbers. EVOKE is the program (default: evoke). More for sbatch, as --partition or --cpus-per-task: SBATCH_... variables,
# see its manual.
set -euo pipefail
[ $# -ge 4 ] || { echo "usage: $0 N|mpi:N FOLDER MODEL DATASET [options of extract]" >&2; exit 2; }
HERE=$(cd "$(dirname "$0")" && pwd)
n=${1#mpi:} folder=$(realpath "$2") model=$(realpath "$3") dataset=$(realpath "$4")
shape=(--array="1-$n" --output="$folder/extract-%a.log") shards=$n
[[ $1 != mpi:* ]] || { shape=(--ntasks="$n" --output="$folder/extract.log") shards=0; }
shift 4
export EVOKE=${EVOKE:-evoke}
job=$(sbatch --parsable "${shape[@]}" --requeue --open-mode=append --signal=B:USR1@60 "$HERE/extract.sh" "$n" "$folder" "$model" "$dataset" "$@")
after=$(sbatch --parsable --dependency="afterok:${job%%;*}" --output="$folder/after.log" "$HERE/after.sh" "$shards" "$folder")
echo "${job%%;*} ${after%%;*}"
