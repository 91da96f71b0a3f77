#!/usr/bin/env bash
# The paper's table of EAS of each emotion; common.sh says how it is called.
# shellcheck source=experiments/paper/common.sh
. "$(dirname "$0")/common.sh"
table eas
