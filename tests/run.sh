#!/usr/bin/env bash
# Every test, after the same set-up as quickstart.sh. Ends in `N passed, N failed, N skipped`; fails if a test fails.
#
#   tests/run.sh [WORD]      only the parts whose name holds WORD
#
# The random parts of the checks draw from EVOKE_TEST_SEED, 1 by default, so that two runs test the same; empty, from a fresh seed.
# Python references (scikit-learn, tokenizers, Jinja2, h5py) run in a virtual environment in the user's cache. Reference
# data in ../shared is used where it is present; a compact set lies in tests/golden.
set -uo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=experiments/setup.sh
. experiments/setup.sh
help_wanted "$@"

ONLY=${1:-} JOBS=$(nproc) N_PARTS=0
WORK=$(mktemp -d)

# Every part is a process group of its own, so that its tests of signals see the usual ones; they all end with this script.
set -m
stop() {
    local job
    for job in $(jobs -p); do kill -TERM -- "-$job" 2>/dev/null; done
    rm -rf "$WORK"
}
trap stop EXIT
trap 'exit 130' INT TERM HUP

# Those that compare times: nothing runs beside them.
TIMED=" core/test_measure_kernels.c layers/tokenizers/test_models.c cli_bench "

# part NAME COMMAND...: runs it beside others, as many as there are cores.
part() {
    local name=$1 most=$JOBS
    shift
    [[ $name == *"$ONLY"* ]] || return 0
    [[ $TIMED == *" ${name##* } "* ]] && most=1
    while [ "$(jobs -rp | wc -l)" -ge "$most" ]; do wait -n; done
    N_PARTS=$((N_PARTS + 1))
    run_part "$WORK/part.$N_PARTS" "$name" "$@" </dev/null &
    [ "$most" -gt 1 ] || wait
}

# Runs a part, shows what is not ok and its last line `N passed, N failed, N skipped`, and leaves the three and a bad part's name in
# files whose names begin with the first argument.
run_part() {
    local file=$1 name=$2 log=$1.log began=$SECONDS status=0 last shown
    shift 2
    ("$@") >"$log" 2>&1 || status=$?    # in a subshell: a function's variables are its own
    last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
    shown=$(grep -E '^skip ' "$log")
    set -- 0 0 0
    [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]] && set -- "${BASH_REMATCH[@]:1}"
    if [[ $status -ne 0 || -z $last ]]; then
        [ "$2" -gt 0 ] || set -- "$1" 1 "$3"
        echo "$name" >"$file.bad"
        shown=$(printf 'FAILED %s (status %d)\n' "$name" "$status"; tail -n 40 "$log")
    else
        shown=${shown:+$shown$'\n'}$(printf '%-46s %s, %d s' "$name" "$last" $((SECONDS - began)))
    fi
    echo "$*" >"$file.sum"
    printf '%s\n' "$shown"
}

# The unit and fuzz tests of one build. Those of other CPUs, which compile for themselves, need one build only.
unit_tests() {
    local folder=$1 suite=$2 name command
    while IFS=$'\t' read -r name command; do
        # shellcheck disable=SC2086
        part "$suite $name" $command
    done < <(python3 -c '
import json, subprocess, sys
for t in json.loads(subprocess.check_output(["meson", "introspect", "--tests", sys.argv[1]])):
    if sys.argv[2] == "unit" or not t["cmd"][0].endswith(".sh"):
        print(t["name"], " ".join(t["cmd"]), sep="\t")' "$folder" "$suite")
}

# The virtual environment of the Python references; false, with the reason, where its packages cannot be had.
python_references() {
    PYTHON=$CACHE/venv/bin/python
    "$PYTHON" -c 'import h5py, jinja2, numpy, sklearn, tokenizers' 2>/dev/null && return
    say "making a virtual environment for the Python references in $CACHE/venv"
    python3 -m venv "$CACHE/venv" && "$PYTHON" -m pip install --quiet numpy h5py scikit-learn tokenizers jinja2
}

# What runs the notebook of `report`, in the same environment; without it that test is skipped and says so.
python_notebook() {
    "$PYTHON" -c 'import ipykernel, matplotlib, nbconvert' 2>/dev/null ||
        "$PYTHON" -m pip install --quiet ipykernel matplotlib nbconvert || true
}

# The whole main job on 20 queries an emotion, in a folder of its own.
quickstart() {
    local work status=0 file
    work=$(mktemp -d)
    EVOKE_RESULTS=$work experiments/quickstart.sh --quick >"$work/log" 2>&1 || status=1
    for file in activations.h5 vectors.h5 texts.jsonl fisher.h5; do [ -s "$work/$file" ] || { echo "not ok quickstart: no $file"; status=1; }; done
    [ $status -eq 0 ] && echo "1 passed, 0 failed, 0 skipped" || { tail -n 20 "$work/log"; echo "0 passed, 1 failed, 0 skipped"; }
    rm -rf "$work"
    return $status
}

skipped_part() {
    printf 'skip %s\n0 passed, 0 failed, 1 skipped\n' "$1"
}

# shellcheck disable=SC2086
install_packages $PACKAGES
# To test the kernels of other CPUs by emulation, drawing, pages, and work divided; the tests are skipped, and say so, where these
# cannot be installed.
# shellcheck disable=SC2086
for packages in "$EMULATION" "$DRAWING $BROWSER" "$READERS" "$CLUSTER"; do (install_packages $packages) 2>/dev/null || true; done
say "building"
build build --buildtype=release
build build-asan --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false
get_model
export EVOKE_TEST_SEED=${EVOKE_TEST_SEED-1} EVOKE_TEST_MODEL=$MODEL OMP_WAIT_POLICY=passive
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

say "tests"
part "layering" tests/layering.sh
part "data" python3 tests/data/test_queries.py
unit_tests build unit
unit_tests build-asan sanitized
for file in tests/experiments/cli_*.sh; do
    name=$(basename "$file" .sh)
    part "command line $name" tests/experiments/run_cli_tests.sh build "$name"
done
part "install" tests/install.sh build
part "quickstart" quickstart
if python_references; then
    python_notebook
    for check in tests/python/check_*.py; do
        part "python $(basename "$check" .py)" "$PYTHON" "$check" build/evoke
    done
else
    part python skipped_part "the Python references: their packages could not be installed"
fi
wait

[ "$N_PARTS" -eq 0 ] || read -r PASSED FAILED SKIPPED <<<"$(cat "$WORK"/part.*.sum | awk '{ p += $1; f += $2; s += $3 } END { print p, f, s }')"
cat "$WORK"/part.*.bad 2>/dev/null | sed '1s/^/\nfailed:\n/'
n_lost=$((N_PARTS - $(cat "$WORK"/part.*.sum 2>/dev/null | wc -l)))
[ "$n_lost" -eq 0 ] || printf '\nnot ok: %d of %d parts left no figures\n' "$n_lost" "$N_PARTS"
FAILED=$((${FAILED:-0} + n_lost))
printf '\n%d passed, %d failed, %d skipped\n' "${PASSED:-0}" "$FAILED" "${SKIPPED:-0}"
[ "$FAILED" -eq 0 ] && [ "${PASSED:-0}" -gt 0 ]
