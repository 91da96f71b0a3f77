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

ONLY=${1:-} PASSED=0 FAILED=0 SKIPPED=0 BAD=()

# part NAME COMMAND...: runs it, shows what is not ok, adds its last line `N passed, N failed, N skipped` to the sum.
part() {
    local name=$1 log status=0 last began=$SECONDS
    shift
    [[ $name == *"$ONLY"* ]] || return 0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
    grep -E '^skip ' "$log"
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        PASSED=$((PASSED + BASH_REMATCH[1])) FAILED=$((FAILED + BASH_REMATCH[2])) SKIPPED=$((SKIPPED + BASH_REMATCH[3]))
    fi
    if [[ $status -ne 0 || -z $last ]]; then
        [[ ${BASH_REMATCH[2]:-0} -eq 0 || -z $last ]] && FAILED=$((FAILED + 1))
        BAD+=("$name")
        printf 'FAILED %s (status %d)\n' "$name" "$status"
        tail -n 40 "$log"
    else
        printf '%-46s %s, %d s\n' "$name" "$last" $((SECONDS - began))
    fi
    rm -f "$log"
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
    local work status=0
    work=$(mktemp -d)
    EVOKE_RESULTS=$work experiments/quickstart.sh --quick >"$work/log" 2>&1 || status=1
    for file in activations.h5 vectors.h5 texts.jsonl fisher.h5; do [ -s "$work/$file" ] || { echo "not ok quickstart: no $file"; status=1; }; done
    [ $status -eq 0 ] && echo "1 passed, 0 failed, 0 skipped" || { tail -n 20 "$work/log"; echo "0 passed, 1 failed, 0 skipped"; }
    rm -rf "$work"
    return $status
}

skipped_part() {
    printf 'skip %s: %s\n' "$1" "$2"
    SKIPPED=$((SKIPPED + 1))
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
part "command line" tests/experiments/run_cli_tests.sh build
part "install" tests/install.sh build
part "quickstart" quickstart
if python_references; then
    python_notebook
    for check in tests/python/check_*.py; do
        part "python $(basename "$check" .py)" "$PYTHON" "$check" build/evoke
    done
else
    skipped_part python "its packages could not be installed"
fi

[ ${#BAD[@]} -eq 0 ] || printf '\nfailed: %s\n' "${BAD[*]}"
printf '\n%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
[ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
