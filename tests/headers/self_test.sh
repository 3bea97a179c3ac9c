#!/bin/sh
# Usage: self_test.sh COMPILER FLAGS... : alone.sh must accept a good header and refuse three kinds of bad ones.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
good='#pragma once
#include <vector>
inline int length(const std::vector<int>& v) { return static_cast<int>(v.size()); }'

check() {  # check EXPECTED NAME TEXT: one folder with the good header and this one
  mkdir "$work/$2"
  printf '%s\n' "$good" > "$work/$2/good.hpp"
  printf '%s\n' "$3" > "$work/$2/other.hpp"
  found=accepted
  sh "$here/alone.sh" "$work/$2" '^$' $command > "$work/log" 2>&1 || found=refused
  [ "$found" = "$1" ] || { echo "FAILED: the header '$2' was $found"; cat "$work/log"; exit 1; }
  [ "$found" = accepted ] || grep -q "FAILED: .*other.hpp" "$work/log" || { echo "FAILED: '$2' is not named"; exit 1; }
}
command="$*"
check accepted good "$good"
check refused forgets_an_include '#pragma once
inline std::vector<int> none() { return {}; }'
check refused has_no_guard 'struct Twice {};'
check refused warns '#pragma once
inline int unused() { int nothing; return 0; }'
sh "$here/alone.sh" "$work/warns" '/other\.hpp$' $command > /dev/null || { echo "FAILED: a header was not left out"; exit 1; }
mkdir "$work/empty"
if sh "$here/alone.sh" "$work/empty" '^$' $command > /dev/null 2>&1; then echo "FAILED: an empty folder passed"; exit 1; fi
echo "the header check accepts what is good and refuses what is bad"
