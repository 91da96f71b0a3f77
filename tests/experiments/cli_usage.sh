# shellcheck shell=bash disable=SC2154
# Help, versions, and everything that is wrong usage: exit status 2 and a line that says what.
MODEL=$GOLDEN/gguf/llama_f32/model.gguf
runs "help" "$EVOKE" help
holds "help lists the commands" grep -q '^  extract ' "$WORK/out"
runs "--version" "$EVOKE" --version
holds "the version" grep -qx 'evoke [0-9.]*' "$WORK/out"
for command in families inspect tokenize trace extract query ev convert generate theory eval bench classify embed; do
    runs "$command --help" "$EVOKE" $command --help
    holds "$command --help has usage and examples" grep -qE "^Usage: evoke $command " "$WORK/out"
    holds "$command --help has examples" grep -qE "^  evoke ($command|generate) " "$WORK/out"
    runs "$command --version" "$EVOKE" $command --version
    fails 2 "$command: unknown option" '--frobnicate' "$EVOKE" $command --frobnicate
done
runs "help COMMAND" "$EVOKE" help ev
fails 2 "no command" 'none given' "$EVOKE"
fails 2 "unknown command" "'sing'" "$EVOKE" sing
fails 2 "help on an unknown command" "'frob'" "$EVOKE" help frob
fails 2 "a value is missing" 'value is missing' "$EVOKE" generate -m
fails 2 "one argument too many" 'too many' "$EVOKE" ev a.h5 b.h5 -o c.h5
fails 2 "ev without -o" '--output is missing' "$EVOKE" ev a.h5
fails 2 "generate without a model" '--model is missing' "$EVOKE" generate -p Hi
fails 2 "generate without a prompt" 'give a prompt' "$EVOKE" generate -m "$MODEL"
fails 2 "generate with -p and -f" 'one of the two' "$EVOKE" generate -m "$MODEL" -p Hi -f x
fails 2 "trace without ids" 'something to run' "$EVOKE" trace -m "$MODEL" -o "$WORK/t.h5"
for bad in 1x '' nan -1 1e3 99999999999999999999999 0x10; do
    fails 2 "-n $bad" '--n-predict' "$EVOKE" generate -m "$MODEL" -p Hi --raw -n "$bad"
done
for bad in nan inf -1 1,5 0x1p3 '' '1 '; do
    fails 2 "--temp '$bad'" '--temp' "$EVOKE" generate -m "$MODEL" -p Hi --raw --temp "$bad"
done
fails 2 "--top-p 1.5" '--top-p' "$EVOKE" generate -m "$MODEL" -p Hi --raw --top-p 1.5
fails 2 "--seed -3" '--seed' "$EVOKE" generate -m "$MODEL" -p Hi --raw --seed -3
fails 2 "--alpha without --ev" 'no vectors' "$EVOKE" generate -m "$MODEL" -p Hi --raw --alpha joy=1
fails 2 "--compare without --ev" '--ev' "$EVOKE" generate -m "$MODEL" -p Hi --raw --compare
fails 2 "an empty --stop" 'empty' "$EVOKE" generate -m "$MODEL" -p Hi --raw --stop ''
fails 2 "--raw with --system" '--raw' "$EVOKE" generate -m "$MODEL" -p Hi --raw --system S
fails 2 "unknown span" "'nose'" "$EVOKE" extract -m "$MODEL" -d x.json -o "$WORK/s.h5" --span nose
fails 2 "unknown site" "'nose'" "$EVOKE" extract -m "$MODEL" -d x.json -o "$WORK/s.h5" --sites resid_post,nose
fails 2 "an empty name" 'empty name' "$EVOKE" extract -m "$MODEL" -d x.json -o "$WORK/s.h5" --sites resid_post,,
fails 2 "--layers backwards" 'backwards' "$EVOKE" extract -m "$MODEL" -d x.json -o "$WORK/s.h5" --layers 3-1
fails 2 "--store nose" "'nose'" "$EVOKE" extract -m "$MODEL" -d x.json -o "$WORK/s.h5" --store nose
fails 2 "--float16 without tokens" '--float16' "$EVOKE" extract -m "$MODEL" -d x.json -o "$WORK/s.h5" --float16
fails 2 "--isa that is none" 'nose' "$EVOKE" trace -m "$MODEL" --ids 1 --isa nose -o "$WORK/t.h5"
fails 2 "bench without a model" '--model is missing' "$EVOKE" bench
fails 2 "bench --kernels with a model" 'no model' "$EVOKE" bench --kernels -m "$MODEL"
fails 2 "bench --kernels --isa that is none" 'nose' "$EVOKE" bench --kernels --isa nose
fails 2 "--metrics that is none" "'nose'" "$EVOKE" eval x.jsonl --metrics nose
fails 2 "ppl without a model" 'ppl-model' "$EVOKE" eval x.jsonl --metrics ppl
holds "nothing was written" test -z "$(ls "$WORK" | grep -vxE 'out|err')"
