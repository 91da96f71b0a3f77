#!/usr/bin/env bash
# The paper's table of EV beside a prompt, a random vector, and prompt and EV; common.sh says how it is called.
# shellcheck source=experiments/paper/common.sh
. "$(dirname "$0")/common.sh"
table baselines
