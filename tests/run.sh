#!/bin/sh
# Builds and runs all tests, after setting up what they need. Usage: tests/run.sh [more arguments of cmake]
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$root/cmake/setup.sh"

need_basics
say "building"
configure "$root/build" -DCMAKE_BUILD_TYPE=Release --log-level=WARNING "$@"
compile "$root/build"
say "testing"
check "$root/build"
