#!/usr/bin/env bash
# From nothing to a first emotion vector: installs what is missing, builds, gets the default model, runs the main job.
#
#   experiments/quickstart.sh [--quick]      --quick: 20 queries an emotion instead of 100
#
# extract (500 queries x 2 settings, all layers) -> ev -> generate (unsteered and under each emotion) -> theory.
# A second run reuses all that is there; remove the folder results/ to begin anew. EVOKE_RESULTS names another folder.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=experiments/setup.sh
. experiments/setup.sh
help_wanted "$@"

LIMIT=() OUT=results/quickstart
case ${1:-} in
--quick) LIMIT=(--limit 20) OUT=results/quickstart-quick ;;
"") ;;
*) fail "usage: experiments/quickstart.sh [--quick]" ;;
esac
OUT=${EVOKE_RESULTS:-$OUT}

# shellcheck disable=SC2086
install_packages $PACKAGES
say "building into build/"
build build --buildtype=release
get_model
mkdir -p "$OUT"
EVOKE=build/evoke STORE=$OUT/activations.h5 VECTORS=$OUT/vectors.h5 TEXTS=$OUT/texts.jsonl DIRECTIONS=$OUT/fisher.h5
BEGIN=$SECONDS

say "1 extract: each query neutrally and in its emotion, through the model ($STORE)"
"$EVOKE" extract -m "$MODEL" -d data/queries_extraction.jsonl -o "$STORE" --settings data/settings.json \
    --sites attn_out,resid_post --span response,query -n 32 "${LIMIT[@]}"

say "2 ev: the mean shift between the two is the emotion vector ($VECTORS)"
[ "$VECTORS" -nt "$STORE" ] || "$EVOKE" ev "$STORE" --span response -o "$VECTORS"

# 2.1 times the vector less 1.7 times EVbase, what all five emotions have in common: found on other prompts than these.
STEER=(--ev "$VECTORS" --compare --alpha 2.1,base=-1.7 --site attn_out --temp 0.7 --top-p 0.9 --seed 1)
say "3 generate: everyday prompts, unsteered and under each emotion ($TEXTS)"
[ "$TEXTS" -nt "$VECTORS" ] || {      # an interrupted generate keeps what it has, which is not all
    "$EVOKE" generate -m "$MODEL" -f data/prompts_heldout.jsonl "${STEER[@]}" -n 60 --json -o "$TEXTS.part"
    mv "$TEXTS.part" "$TEXTS"
}
"$EVOKE" generate -m "$MODEL" -p "Describe a morning at a street market in a small town." "${STEER[@]}" -n 60

say "4 eval: how emotional the texts are, and what it costs"
"$EVOKE" eval "$TEXTS" --metrics lexicon,degeneration,ppl --ppl-model "$MODEL" --lexicon data/lexicon.json

say "5 theory: is the emotion vector the best direction? ($DIRECTIONS)"
"$EVOKE" theory "$STORE" --site resid_post --span query --layers 5-29 --shrinkage lw -o "$DIRECTIONS"

say "done in $((SECONDS - BEGIN)) s"
file() { printf '  %-40s %s\n' "$1" "$2"; }
echo "Files:"
file "$STORE" "activations: h5py, R, Julia and h5dump read it"
file "$VECTORS" "five emotion vectors and EVbase, [emotion, layer, width]"
file "$TEXTS" "the 120 texts, one JSON object a line"
file "$DIRECTIONS" "Fisher directions, in the form of emotion vectors"
cat <<TEXT
Try next:
  build/evoke inspect $VECTORS
  build/evoke generate -m $MODEL --ev $VECTORS --alpha joy=2.1,base=-1.7 -p "How was your day?"
  build/evoke generate -m $MODEL --ev $VECTORS --alpha fear=1,sadness=1 -p "Describe the sea."
  build/evoke extract --help
TEXT
