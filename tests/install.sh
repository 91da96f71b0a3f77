#!/usr/bin/env bash
# `meson install` puts program, libraries, header and pkg-config file in place, and the C example of tests/example.c builds
# and runs against nothing else:  tests/install.sh BUILD_FOLDER
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ok() {
    local what=$1
    shift
    if "$@" >"$work/log" 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)); printf 'not ok %s\n' "$what"; tail -n 5 "$work/log"; fi
}

ok "meson install" meson install -C "$1" --no-rebuild --destdir "$work/root"
prefix=$(find "$work/root" -type d -path '*/include' -printf '%h\n' | head -n 1)
library=$(dirname "$(find "$work/root" -name libevoke.so | head -n 1)")
ok "program" test -x "$prefix/bin/evoke"
ok "header" test -f "$prefix/include/evoke.h"
ok "shared library" test -e "$library/libevoke.so"
ok "static library" test -f "$library/libevoke.a"
ok "pkg-config file" test -f "$library/pkgconfig/evoke.pc"
export PKG_CONFIG_PATH=$library/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work/root
# shellcheck disable=SC2046
ok "example compiles, shared" cc -std=c17 -Wall -Wextra -Werror -Wpedantic tests/example.c -o "$work/example" $(pkg-config --cflags --libs evoke)
ok "example runs, shared" env LD_LIBRARY_PATH="$library" "$work/example" tests/golden/gguf/llama_f32/model.gguf
# shellcheck disable=SC2046
ok "example links, static" cc -std=c17 tests/example.c -o "$work/example-static" $(pkg-config --cflags evoke) "$library/libevoke.a" \
    $(PKG_CONFIG_SYSROOT_DIR='' pkg-config --static --libs evoke | tr ' ' '\n' | grep -vE 'levoke|^-L/usr/local') -fopenmp
ok "example runs, static" "$work/example-static" tests/golden/gguf/llama_f32/model.gguf
ok "installed program runs" env LD_LIBRARY_PATH="$library" "$prefix/bin/evoke" --version
printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
