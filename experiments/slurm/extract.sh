#!/usr/bin/env bash
# One job of the array that chain.sh submits. Warned (USR1) before its time is over, evoke keeps what is done and ends with 130; the
# job then puts itself back into the queue and goes on from there.
#SBATCH --job-name=evoke-extract
set -uo pipefail
n=$1 folder=$2 model=$3 dataset=$4 i=$SLURM_ARRAY_TASK_ID
shift 4
"${EVOKE:-evoke}" extract -m "$model" -d "$dataset" -o "$folder/acts-$i.h5" --shard "$i/$n" "$@" &
job=$!
warned=no status=0
trap 'warned=yes; kill -USR1 $job' USR1 TERM
wait $job || status=$?
if [ $warned = yes ]; then              # the trap ended the wait, not the program
    status=0
    wait $job || status=$?
fi
[ $status -ne 130 ] || scontrol requeue "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}_$i"
exit $status
