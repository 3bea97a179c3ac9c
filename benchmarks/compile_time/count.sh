#!/bin/sh
# Counts the templates that clang++ instantiates for README's program and for program.cpp here. The counts do not depend on the machine, and
# compile time follows them. Fails where a count is more than 3 % above the one on record for this compiler, where 24 blocks cost 5 % more
# than 12, or where a second objective costs a third of the first. Usage: count.sh ROOT RECORD CLANG++ [FLAGS...]
set -eu
root=$1 record=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$("$1" -dumpversion)

# count NAME FILE FLAGS... : appends "NAME classes functions" to the counts.
count() {
  name=$1 file=$2
  shift 2
  "$@" -std=c++20 -I"$root/include" -c -emit-llvm -Xclang -disable-llvm-passes -ftime-trace -ftime-trace-granularity=0 "$file" -o "$work/out.bc"
  for kind in InstantiateClass InstantiateFunction; do grep -o "\"name\":\"$kind\"" "$work/out.json" | wc -l; done | paste -sd' ' \
    | sed "s/^/$name /" >> "$work/counts"
}
awk '/^```cpp$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$root/README.md" > "$work/readme.cpp"
program=$root/benchmarks/compile_time/program.cpp
count headers "$program" "$@" -DSTEPS=0
count splitmask_12_blocks "$program" "$@" -DSTEPS=1 -DBLOCKS=12
count splitmask_24_blocks "$program" "$@" -DSTEPS=1 -DBLOCKS=24
count and_beit "$program" "$@" -DSTEPS=2 -DBLOCKS=12
count readme "$work/readme.cpp" "$@"
count readme_with_compiled "$work/readme.cpp" "$@" -DVITRAIL_COMPILED

sed "s/^/clang++-$version /" "$work/counts" | awk -v record="$record" '
  BEGIN { while ((getline line < record) > 0) if (split(line, f, " ") == 4 && line !~ /^#/) known[f[1] " " f[2]] = f[3] " " f[4] }
  function above(found, limit, what) { if (found > limit) { print "  " what; bad = 1 } }
  {
    classes[$2] = $3; functions[$2] = $4
    printf "%s %s: %d classes, %d functions", $1, $2, $3, $4
    if (($1 " " $2) in known) {
      split(known[$1 " " $2], k, " ")
      printf " (on record: %d, %d)\n", k[1], k[2]
      above($3, 1.03 * k[1], "more classes than on record: find out why, or put the new count on record with the reason in the commit")
      above($4, 1.03 * k[2], "more functions than on record: find out why, or put the new count on record with the reason in the commit")
    } else print " (nothing on record for this compiler)"
  }
  END {
    n = classes["splitmask_12_blocks"] + functions["splitmask_12_blocks"]
    first = n - classes["headers"] - functions["headers"]
    second = classes["and_beit"] + functions["and_beit"] - n
    above(1 - first, 0, "nothing was counted: does this clang++ write InstantiateClass and InstantiateFunction with -ftime-trace?")
    if (first < 1) exit 1
    blocks = classes["splitmask_24_blocks"] + functions["splitmask_24_blocks"] - n
    printf "24 blocks instead of 12: %+.2f %% (at most 5)\n", 100 * blocks / n
    above(blocks, 0.05 * n, "the encoder is compiled block by block")
    printf "a second objective: %.1f %% of the first (less than 33.3)\n", 100 * second / first
    above(second, first / 3, "objectives share too little")
    exit bad
  }'
