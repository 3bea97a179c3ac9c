#!/bin/sh
# The main job: pre-trains a small ViT with SplitMask, evaluates it and writes a report. Sets up what it needs first.
# Usage: examples/run.sh [arguments of the program pretrain, such as --data DIR; --help lists them]
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$root/cmake/setup.sh"

started=$(mktemp)
trap 'rm -f "$started"' EXIT
need_basics
say "building"
configure "$root/build" -DCMAKE_BUILD_TYPE=Release --log-level=WARNING
compile "$root/build" pretrain
say "running pretrain $*"
"$root/build/examples/pretrain" "$@"

# The program says where its run folder is; the report is repeated here so that it is the last thing on the screen.
if [ -d runs ]; then
  report=$(find "$PWD/runs" -name report.html -newer "$started" | sort | tail -n 1)
  [ -z "$report" ] || say "report: $report"
fi
