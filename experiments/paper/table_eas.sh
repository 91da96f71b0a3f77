#!/usr/bin/env bash
# The paper's table of EAS of each emotion; common.sh says how it is called.
. "$(dirname "$0")/common.sh"
table eas
