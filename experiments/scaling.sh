#!/usr/bin/env bash
# How speed and memory grow with threads, queries, context and width: one table, also in results/scaling.txt.
#
#   experiments/scaling.sh [--quick] [MODEL.gguf]       default: SmolLM2-135M-Instruct Q4_1
#
# Takes half an hour (--quick, which only shows that it works: a minute), needs numpy and gguf (installed into the tests'
# virtual environment), and should run when nothing else does: it says so where the machine is busy.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=experiments/setup.sh
. experiments/setup.sh
help_wanted "$@"

QUICK=()
[ "${1:-}" != --quick ] || { QUICK=(--quick); shift; }
models_there "$@"
# shellcheck disable=SC2086
install_packages $PACKAGES
build build --buildtype=release
[ $# -gt 0 ] || { get_model; set -- "$MODEL"; }
PYTHON=$CACHE/venv/bin/python
"$PYTHON" -c 'import gguf, numpy' 2>/dev/null || {
    python3 -m venv "$CACHE/venv"
    "$PYTHON" -m pip install --quiet gguf numpy
}
mkdir -p results
"$PYTHON" experiments/scaling.py build/evoke "$1" "${QUICK[@]}" | tee results/scaling.txt
