#!/usr/bin/env bash
# The paper's table of perplexity and topic consistency by strength; common.sh says how it is called.
# shellcheck source=experiments/paper/common.sh
. "$(dirname "$0")/common.sh"
table fluency
