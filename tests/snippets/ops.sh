#!/bin/sh
# Usage: ops.sh ROOT : docs/ops.md names every operation of include/vitrail/ops, and no header that is not there.
set -eu
root=$1
missing=0 seen=0
for name in $(cat "$root"/include/vitrail/ops/*.hpp | awk '/^namespace detail/ { inside = 1 } /^}.*namespace detail/ { inside = 0 }
    !inside && match($0, /constexpr auto [a-z_0-9]+\(/) { print substr($0, RSTART + 15, RLENGTH - 16) }' | sort -u); do
  seen=$((seen + 1))
  grep -q "\`$name[\`(<]" "$root/docs/ops.md" && continue
  [ "$name" = add ] && continue  # a + b
  echo "FAILED: docs/ops.md does not name $name" >&2
  missing=1
done
for header in $(sed -n 's/.*](\.\.\/\(include[^)]*\)).*/\1/p' "$root/docs/ops.md"); do
  [ -f "$root/$header" ] || { echo "FAILED: docs/ops.md names $header, which is not there" >&2; missing=1; }
done
[ "$seen" -gt 50 ] || { echo "FAILED: found $seen operations below $root" >&2; exit 1; }
[ "$missing" -eq 0 ] || exit 1
echo "$seen operations are in docs/ops.md"
