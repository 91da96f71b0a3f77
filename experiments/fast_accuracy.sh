#!/usr/bin/env bash
# What --compute fast costs in accuracy, beside llama.cpp: logits on 5,000 tokens, and emotion vectors.
#
#   experiments/fast_accuracy.sh [MODEL.gguf...]        default: SmolLM2-135M-Instruct, Q4_1 and requantised to Q8_0
#
# Ends in results/fast_accuracy.txt. Takes about five minutes a model, after the peers' installation (see compare_speed.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=experiments/setup.sh
. experiments/setup.sh
help_wanted "$@"
models_there "$@"

# shellcheck disable=SC2086
install_packages $PACKAGES g++ cmake
build build --buildtype=release
[ $# -gt 0 ] || { get_model; set -- "$MODEL"; }
get_peers
mkdir -p results
"$PEERS/bin/python" experiments/fast_accuracy.py build/evoke "$@" | tee results/fast_accuracy.txt
