#!/usr/bin/env bash
# The program from outside: exit statuses, one-line errors, results against other programs' numbers, whole files.
#
#   tests/experiments/run_cli_tests.sh BUILD_DIR [PART]     ends in `N passed, N failed, N skipped`
#
# Each file cli_*.sh is a part (all of them where none is named), run here with these at hand: $EVOKE, $GOLDEN, $WORK (a scratch
# folder of its own), and
#   runs NAME COMMAND...                exit status 0, nothing on stderr
#   remarks NAME PATTERN COMMAND...     exit status 0, PATTERN on stderr
#   fails STATUS NAME PATTERN COMMAND...  that exit status; stderr is one line, "evoke: ...", and matches PATTERN
#   holds NAME COMMAND...               any other condition
#   json NAME EXPRESSION                the last command's stdout, parsed as `r` (a list of values where there are several
#                                       lines), makes the Python expression true
# The last command's output is in $WORK/out and $WORK/err.
set -uo pipefail
cd "$(dirname "$0")/../.."
BUILD=${1:?usage: run_cli_tests.sh BUILD_DIR [PART]}
EVOKE=$(realpath "$BUILD")/evoke
ROOT=$PWD
GOLDEN=$ROOT/tests/golden
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} LC_ALL=C.UTF-8
PASSED=0 FAILED=0 SKIPPED=0

pass() { PASSED=$((PASSED + 1)); }
bad() {
    FAILED=$((FAILED + 1))
    printf 'not ok %s: %s\n' "$PART" "$1"
    head -c 600 "$WORK/err" 2>/dev/null | sed 's/^/    /'
}
skip() {
    SKIPPED=$((SKIPPED + 1))
    printf 'skip %s: %s\n' "$1" "$2"
}

status_of() {
    "$@" >"$WORK/out" 2>"$WORK/err" </dev/null
}

runs() {
    local name=$1 status=0
    shift
    status_of "$@" || status=$?
    if [ $status -ne 0 ]; then bad "$name: exit status $status"
    elif [ -s "$WORK/err" ]; then bad "$name: it wrote to stderr"
    else pass; fi
}

remarks() {
    local name=$1 pattern=$2 status=0
    shift 2
    status_of "$@" || status=$?
    if [ $status -ne 0 ]; then bad "$name: exit status $status"
    elif ! grep -qE -- "$pattern" "$WORK/err"; then bad "$name: stderr does not say '$pattern'"
    else pass; fi
}

fails() {
    local want=$1 name=$2 pattern=$3 status=0
    shift 3
    status_of "$@" || status=$?
    if [ $status -ne "$want" ]; then bad "$name: exit status $status, not $want"
    elif [ "$(wc -l <"$WORK/err")" -ne 1 ] || ! grep -q '^evoke: ' "$WORK/err"; then bad "$name: stderr is not one line of evoke's"
    elif ! grep -qE -- "$pattern" "$WORK/err"; then bad "$name: the error does not say '$pattern'"
    else pass; fi
}

holds() {
    local name=$1
    shift
    if "$@"; then pass; else bad "$name"; fi
}

json() {
    local name=$1 expression=$2
    if python3 - "$WORK/out" "$expression" 2>"$WORK/err" <<'PYTHON'
import json, math, sys
lines = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8") if line.strip()]
r = lines[0] if len(lines) == 1 else lines
sys.exit(0 if eval(sys.argv[2], {"r": r, "lines": lines, "math": math, "json": json}) else 1)
PYTHON
    then pass; else bad "$name: not $expression"; fi
}

for part in tests/experiments/${2:-cli_*}.sh; do
    PART=$(basename "$part" .sh)
    WORK=$(mktemp -d)
    # shellcheck source=/dev/null
    . "$part"
    cd "$ROOT" || exit 1                # a part may have gone to its scratch folder
    chmod -R u+w "$WORK"
    rm -rf "$WORK"
done
printf '%d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
[ "$FAILED" -eq 0 ]
