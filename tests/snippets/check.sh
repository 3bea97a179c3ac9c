#!/bin/sh
# Usage: check.sh ROOT COMPILER FLAGS... : compiles every block of C++ in README.md and docs/. A block that includes nothing
# itself stands behind the umbrella header and its namespace. What a lesson shows of its program is compiled there.
set -eu
root=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
blocks=0
for page in "$root/README.md" "$root"/docs/*.md "$root"/docs/*/*.md; do
  rm -f "$work"/*.cpp
  awk -v to="$work" '{ part = shown; shown = /^<!-- [^ ]+\.cpp: .+ -->$/ }
    /^```cpp$/ && !part { inside = 1; n++; text = ""; alone = 0; next }
    /^```$/ && inside { inside = 0; file = to "/" n ".cpp"
      if (!alone) printf "#include <vitrail/vitrail.hpp>\nusing namespace vitrail;\n" > file
      printf "%s", text > file; close(file) }
    inside { text = text $0 "\n"; if ($0 ~ /^#include/) alone = 1 }' "$page"
  for block in "$work"/*.cpp; do
    [ -e "$block" ] || continue
    blocks=$((blocks + 1))
    if ! "$@" -fsyntax-only "$block"; then
      echo "FAILED: block $(basename "$block" .cpp) of $page does not compile" >&2
      exit 1
    fi
  done
done
[ "$blocks" -gt 0 ] || { echo "FAILED: no block of C++ was found below $root" >&2; exit 1; }
echo "$blocks blocks compile"
