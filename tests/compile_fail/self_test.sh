#!/bin/sh
# Usage: self_test.sh COMPILER FLAGS... : check.sh must accept passes.cpp of self_test/ and refuse every other file
# there, each for the reason that its first line gives after "// must fail:".
set -eu
here=$(cd "$(dirname "$0")" && pwd)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
count=0
for file in "$here"/self_test/*.cpp; do
  count=$((count + 1))
  reason=$(sed -n '1s|^// must fail: *||p' "$file")
  if sh "$here/check.sh" "$file" "$@" > "$log" 2>&1; then
    [ -z "$reason" ] || { echo "FAILED: $file was accepted; it must fail because $reason"; exit 1; }
  else
    [ -n "$reason" ] || { echo "FAILED: $file was refused:"; cat "$log"; exit 1; }
    grep -q -e "$reason" "$log" || { echo "FAILED: $file was refused for another reason:"; cat "$log"; exit 1; }
  fi
done
[ "$count" -ge 7 ] || { echo "FAILED: only $count files in self_test/"; exit 1; }
echo "$count planted files judged correctly"
