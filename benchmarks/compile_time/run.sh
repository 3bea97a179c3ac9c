#!/bin/sh
# Measures what compiling costs: seconds of the processor and the most memory, for a header of the core, all headers, README's program, and
# program.cpp with 12 and 24 blocks and with a second objective; each as it is, and for files that link vitrail::compiled; and for that
# target's own files. Usage: run.sh [REPETITIONS, by default 3] [COMPILER, by default g++] [FLAGS]
# Needs /usr/bin/time (Debian: time), Eigen, nlohmann/json, libjpeg, libpng and zlib. Prints medians, and the lowest and highest of the seconds.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
repetitions=${1:-3} compiler=${2:-g++}
[ $# -gt 2 ] && shift 2 || set -- -isystem /usr/include/eigen3
[ -x /usr/bin/time ] || { echo "run.sh: /usr/bin/time is missing (Debian: apt-get install time)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk '/^```cpp$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$root/README.md" > "$work/readme.cpp"
echo '#include <vitrail/nn/transformer.hpp>' > "$work/core.cpp"
echo '#include <vitrail/fwd.hpp>' > "$work/fwd.cpp"
printf '#include <vitrail/vitrail.hpp>\n#include <vitrail/io.hpp>\n' > "$work/all.cpp"

# measure NAME FILE FLAGS... : one more line "NAME seconds megabytes".
measure() {
  name=$1
  shift
  /usr/bin/time -f "%U %S %M" -o "$work/time" "$compiler" -std=c++20 -O2 -I"$root/include" "$@" -c -o "$work/out.o"
  awk -v name="$name" '{ printf "%s %.2f %.0f\n", name, $1 + $2, $3 / 1000 }' "$work/time" >> "$work/measured"
}
for i in $(seq "$repetitions"); do  # interleaved, so that a busy minute does not fall on one of them
  for way in plain compiled; do
    [ $way = plain ] && flags= || flags=-DVITRAIL_COMPILED
    measure forward-declarations.$way $flags "$@" "$work/fwd.cpp"
    measure transformer-header.$way $flags "$@" "$work/core.cpp"
    measure library-headers.$way $flags "$@" -DSTEPS=0 "$here/program.cpp"
    measure library-and-io-headers.$way $flags "$@" "$work/all.cpp"
    measure splitmask-12-blocks.$way $flags "$@" -DSTEPS=1 -DBLOCKS=12 "$here/program.cpp"
    measure splitmask-24-blocks.$way $flags "$@" -DSTEPS=1 -DBLOCKS=24 "$here/program.cpp"
    measure splitmask-and-beit.$way $flags "$@" -DSTEPS=2 -DBLOCKS=12 "$here/program.cpp"
    measure readme.$way $flags "$@" "$work/readme.cpp"
  done
  for part in core float double io; do measure "vitrail::compiled/$part.cpp" -DVITRAIL_COMPILED "$@" "$root/cmake/compiled/$part.cpp"; done
done
echo "$("$compiler" --version | head -n 1), -O2, $repetitions repetitions, processor seconds (lowest to highest) and MB:"
for name in $(awk '!seen[$1]++ { print $1 }' "$work/measured"); do
  awk -v name="$name" '$1 == name { print $2, $3 }' "$work/measured" | sort -n | awk -v name="$name" '
    { seconds[NR] = $1; if ($2 > memory) memory = $2 }
    END { printf "%-34s %6.1f  (%.1f to %.1f)  %5d\n", name, seconds[int((NR + 1) / 2)], seconds[1], seconds[NR], memory }'
done
