# shellcheck shell=bash
# shellcheck disable=SC2034      # QUICK, LENGTH, JUDGES: of the scripts that source this
# experiments/paper/common.sh: what the scripts of this folder share; sourced by each with its own arguments:
#
#   SCRIPT [--quick] [-t THREADS] [-q QUERIES] [-n TOKENS] [-a AUTHORS] [MODEL...] [-- OPTIONS OF EVAL]
#
#   --quick   8 queries an emotion for the vectors, one of each label to answer, 32 tokens: shows that all works, in minutes
#   -q FILE   queries to answer (default: data/queries_evaluation.jsonl, 400; the authors' EmotionQuery+.json is read too)
#   -n N      tokens of a response at most (default: 256; --quick: 32)
#   -a DIR    what the authors published: results/Qwen2_5, results/base-qwen2.5, EmotionQuery+.json (table_authors.sh)
#   MODEL     GGUF files or Hugging Face folders (default: SmolLM2-135M-Instruct)
#   OPTIONS   which judges are asked: --nli-model DIR, --embed-model DIR, --judge-model FILE, ... (evoke eval --help;
#             default: the embeddings of all-MiniLM-L6-v2 where the cache has that folder)
#
# Each model has a folder under results/paper (results/paper-quick): store, vectors, responses, scores. The scripts share them:
# what is there already is used again, what was interrupted goes on, and a table takes seconds once the scores are there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=experiments/setup.sh
. experiments/setup.sh

OUT=results/paper QUERIES=data/queries_evaluation.jsonl TOKENS=256 AUTHORS=''
QUICK=() FEW=() SOME=() THREADS=() LENGTH=() MODELS=() JUDGES=()
while [ $# -gt 0 ]; do
    case $1 in
    --quick) QUICK=(--quick) OUT=results/paper-quick TOKENS=32 FEW=(--limit 8) SOME=(--limit 1) ;;
    -t) THREADS=(-t "${2:?-t wants a number}"); shift ;;
    -q) QUERIES=${2:?-q wants a file}; shift ;;
    -n) TOKENS=${2:?-n wants a number} LENGTH=(-n "$2"); shift ;;
    -a) AUTHORS=${2:?-a wants a folder}; shift ;;
    --) shift; JUDGES=("$@"); break ;;
    -*) fail "usage: $0 [--quick] [-t THREADS] [-q QUERIES] [-n TOKENS] [-a AUTHORS] [MODEL...] [-- OPTIONS OF EVAL]" ;;
    *) MODELS+=("$1") ;;
    esac
    shift
done
MINILM=$CACHE/all-MiniLM-L6-v2
[ ${#JUDGES[@]} -gt 0 ] || [ ! -d "$MINILM" ] || JUDGES=(--embed-model "$MINILM")
OUT=${EVOKE_RESULTS:-$OUT} EVOKE=${EVOKE:-build/evoke}

# The program, and the default model where none is named.
set_up() {
    if [ "$EVOKE" = build/evoke ]; then
        # shellcheck disable=SC2086
        install_packages $PACKAGES
        build build --buildtype=release
    fi
    [ ${#MODELS[@]} -gt 0 ] || { get_model; MODELS=("$MODEL"); }
}

# name_of MODEL: of its folder here.
name_of() { basename "$1" .gguf; }

# settings_of MODEL: how it is asked; a model without a chat template is given plain text to go on with.
settings_of() {
    if "$EVOKE" inspect "$1" --json -q 2>/dev/null | grep -q '"template": false'; then echo experiments/paper/settings_base.json
    else echo data/settings.json; fi
}

# respond MODEL: store, vectors and the paper's grid with its baselines.
respond() {
    local model=$1 folder settings
    folder=$OUT/$(name_of "$1")
    settings=$(settings_of "$model")
    mkdir -p "$folder"
    say "$(name_of "$model"): vectors ($folder/vectors.h5)"
    "$EVOKE" extract -m "$model" -d data/queries_extraction.jsonl -o "$folder/store.h5" --settings "$settings" "${FEW[@]}" \
        --sites attn_out --span response -n 32 "${THREADS[@]}"
    [ "$folder/vectors.h5" -nt "$folder/store.h5" ] || "$EVOKE" ev "$folder/store.h5" -o "$folder/vectors.h5"
    say "$(name_of "$model"): responses ($folder/responses.jsonl)"
    "$EVOKE" sweep -m "$model" -f "$QUERIES" "${SOME[@]}" --ev "$folder/vectors.h5" --settings "$settings" -n $TOKENS \
        --baselines none,prompt,random,both "${THREADS[@]}" -o "$folder/responses.jsonl"
}

# score FOLDER WHAT... : eval of responses to FOLDER/scores.json; anew where they, or what they are scored by, are others.
score() {
    local folder=$1 what
    shift
    what="$* ${JUDGES[*]}"
    [ "$folder/scores.json" -nt "$1" ] && [ "$(cat "$folder/scored.txt")" = "$what" ] && return
    say "scores ($folder/scores.json)"
    "$EVOKE" eval "$@" --json "${THREADS[@]}" "${JUDGES[@]}" >"$folder/scores.json.part"
    mv "$folder/scores.json.part" "$folder/scores.json"
    echo "$what" >"$folder/scored.txt"
}

# respond_and_score MODEL
respond_and_score() {
    respond "$1"
    score "$OUT/$(name_of "$1")" "$OUT/$(name_of "$1")/responses.jsonl" --ppl-model "$1"
}

# table NAME: of all models, on stdout; what was done for it, on stderr.
table() {
    local model scores=()
    { set_up; for model in "${MODELS[@]}"; do respond_and_score "$model"; done; } >&2
    for model in "${MODELS[@]}"; do scores+=("$OUT/$(name_of "$model")/scores.json"); done
    python3 experiments/paper/tables.py "$1" "${scores[@]}"
}
