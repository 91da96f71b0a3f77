#!/usr/bin/env bash
# evoke beside what a user would pick instead, on this machine: the same model file, prompts and threads.
#
#   experiments/compare_speed.sh [MODEL.gguf]        default: SmolLM2-135M-Instruct Q4_1
#
# Peers come from PyPI into a virtual environment of their own (3 GB): llama-cpp-python, built for this CPU; transformers,
# repeng and steering-vectors on the weights as float32. Ends in one table, also results/compare_speed.txt. Takes 20 minutes the
# first time. Run it when nothing else runs: it says so where the machine is busy.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=experiments/setup.sh
. experiments/setup.sh
help_wanted "$@"
models_there "$@"

# shellcheck disable=SC2086
install_packages $PACKAGES g++ cmake
build build --buildtype=release
[ $# -gt 0 ] || get_model
get_peers
mkdir -p results
"$PEERS/bin/python" experiments/compare_speed.py build/evoke "${1:-$MODEL}" | tee results/compare_speed.txt
