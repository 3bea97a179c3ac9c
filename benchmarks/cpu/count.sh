#!/bin/sh
# Counts the instructions of one training step under valgrind, which do not depend on the machine's mood, and compares the count with
# the one on record for this compiler. Usage: count.sh PROGRAM COMPILER_VERSION RECORD [all]   (RECORD: lines "version/instructions/blocks count")
set -eu
program=$1 version=$2 record=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! valgrind --tool=callgrind --callgrind-out-file="$work/out" --collect-atstart=no --toggle-collect=vitrail_counted_step \
  "$program" "$@" > "$work/isa" 2> "$work/log"; then
  cat "$work/log" >&2
  echo "count.sh: the counted step failed under valgrind" >&2
  exit 1
fi
found=$(sed -n 's/^summary: //p; s/^totals: //p' "$work/out" | head -n 1)
isa=$(cat "$work/isa")
case $found in
  '' | 0) echo "count.sh: valgrind counted nothing; is the function vitrail_counted_step still there?" >&2; exit 1 ;;
esac
known=$(awk -v key="$version/$isa" '$1 == key { print $2 }' "$record")
if [ -z "$known" ]; then
  echo "$version/$isa: $found instructions; no count is on record for this compiler and processor, so nothing is compared"
  exit 0
fi
awk -v found="$found" -v known="$known" -v key="$version/$isa" 'BEGIN {
  change = 100 * (found / known - 1)
  printf "%s: %d instructions, %+.2f %% against the record of %d\n", key, found, change, known
  if (change > 3) { print "more than 3 % above the record: find out why, or put the new count on record with the reason in the commit"; exit 1 }
  if (change < -3) print "more than 3 % below the record: put the new count on record"
}'
