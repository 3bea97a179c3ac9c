#!/bin/sh
# Usage: alone.sh FOLDER LEFT_OUT COMPILER FLAGS... : compiles every header of the folder by itself; a warning is an error.
# Headers whose path matches LEFT_OUT, an extended regular expression, need a library that is not here ('^$': none does).
set -eu
folder=$1 left_out=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/one.sh" <<'END'
#!/bin/sh
# one.sh HEADER COMPILER FLAGS...
header=$1
shift
printf '#include "%s"\n#include "%s"\n' "$header" "$header" > "$0.$$.cpp"
if ! "$@" -Werror -fsyntax-only "$0.$$.cpp"; then
  echo "FAILED: $header does not compile by itself" >&2
  exit 1
fi
END

find "$folder" -name '*.hpp' | sort | grep -E -v -e "$left_out" > "$work/headers" || true
count=$(wc -l < "$work/headers")
[ "$count" -gt 0 ] || { echo "FAILED: there is no header in $folder" >&2; exit 1; }
xargs -P 2 -I '{}' sh "$work/one.sh" '{}' "$@" < "$work/headers"
echo "$count headers compile by themselves"
