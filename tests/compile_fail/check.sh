#!/bin/sh
# Usage: check.sh FILE COMPILER FLAGS... : checks that the compiler refuses a mistake in the words that we promise.
#
# The file must compile as it stands, and must be refused with -DBAD. Each comment "// expect: ERE" in it is an extended
# regular expression that a line of the first error must match, which goes from the line that says "error:" to the next such
# line ("// expect anywhere: ERE": a line of any error); and the first error must not be longer than 25 lines, so that it can
# be read without scrolling.
set -eu
limit=25
file=$1
shift
LC_ALL=C
export LC_ALL
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "FAILED: $file: $1" >&2
  sed 's/^/  | /' "$work/out" >&2
  exit 1
}

sed -n 's|^ *// expect: *||p' "$file" > "$work/expected"
sed -n 's|^ *// expect anywhere: *||p' "$file" > "$work/expected_anywhere"
: > "$work/out"
[ -s "$work/expected" ] || [ -s "$work/expected_anywhere" ] || fail "there is no '// expect:' line in it"

"$@" -fsyntax-only -fno-diagnostics-color "$file" > "$work/out" 2>&1 || fail "the good variant does not compile"
if "$@" -fsyntax-only -fno-diagnostics-color -DBAD "$file" > "$work/out" 2>&1; then
  fail "the bad variant (-DBAD) compiles"
fi
awk '/error:/ { if (seen++) exit } seen' "$work/out" > "$work/first"
while IFS= read -r expression; do
  grep -E -q -e "$expression" "$work/first" || fail "no line of the first error matches: $expression"
done < "$work/expected"
while IFS= read -r expression; do
  grep -E -q -e "$expression" "$work/out" || fail "no line of the message matches: $expression"
done < "$work/expected_anywhere"

lines=$(wc -l < "$work/first")
[ "$lines" -gt 0 ] || fail "the compiler stopped without an error message"
[ "$lines" -le "$limit" ] || fail "the first error has $lines lines; $limit are allowed"
echo "refused as promised, first error $lines lines, $(grep -c 'error:' "$work/out") error(s)"
