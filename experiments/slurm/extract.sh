#!/usr/bin/env bash
# A job of chain.sh: one of its array, which does a shard, or one of several tasks, which MPI's ranks share. Warned (USR1) before its
# time is over, evoke keeps what is done and ends with 130; the job then puts itself back into the queue and goes on from there.
#SBATCH --job-name=evoke-extract
set -uo pipefail
n=$1 folder=$2 model=$3 dataset=$4
shift 4
if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    me=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}_$SLURM_ARRAY_TASK_ID
    run=("${EVOKE:-evoke}" extract -o "$folder/acts-$SLURM_ARRAY_TASK_ID.h5" --shard "$SLURM_ARRAY_TASK_ID/$n")
else
    me=$SLURM_JOB_ID
    run=(mpirun -q -n "$n" "${EVOKE:-evoke}" extract -o "$folder/acts.h5")
fi
"${run[@]}" -m "$model" -d "$dataset" "$@" &
job=$!
warned=no status=0
trap 'warned=yes; kill -USR1 $job' USR1 TERM
wait $job || status=$?
if [ $warned = yes ]; then              # the trap ended the wait, not the program
    status=0
    wait $job || status=$?
fi
[ $status -ne 130 ] || scontrol requeue "$me"
exit $status
