#!/bin/sh
# Compiles the interactive page's model to WebAssembly, in one JavaScript file. Usage: compile.sh OUTPUT.js [more flags of emcc]
# Debian's emscripten 3.1.6 finds its parser where Debian's node looks, which other builds of node do not: NODE_PATH.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P)
output=$1
shift
NODE_PATH=${NODE_PATH:-/usr/share/nodejs} emcc -std=c++20 -O3 -msimd128 -fexceptions -I "$here/../../../include" \
  -isystem "${EIGEN:-/usr/include/eigen3}" -idirafter /usr/include "$here/model.cpp" --no-entry -o "$output" \
  -s MODULARIZE=1 -s EXPORT_NAME=vitrail -s SINGLE_FILE=1 -s ENVIRONMENT=web -s FILESYSTEM=0 -s INITIAL_MEMORY=64MB \
  -s ALLOW_MEMORY_GROWTH=1 -s EXPORTED_RUNTIME_METHODS=UTF8ToString "$@"
