#!/bin/sh
# Usage: alone.sh FOLDER WITH_IO COMPILER FLAGS... : compiles every header of the folder by itself; a warning is an error.
# Without io (WITH_IO = 0) the headers of io/, and the one that includes everything, are left out.
set -eu
folder=$1 with_io=$2
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

find "$folder" -name '*.hpp' | sort > "$work/headers"
if [ "$with_io" = 0 ]; then
  grep -v -e '/io/' -e '/vitrail\.hpp$' "$work/headers" > "$work/kept" || true
  mv "$work/kept" "$work/headers"
fi
count=$(wc -l < "$work/headers")
[ "$count" -gt 0 ] || { echo "FAILED: there is no header in $folder" >&2; exit 1; }
xargs -P 2 -I '{}' sh "$work/one.sh" '{}' "$@" < "$work/headers"
echo "$count headers compile by themselves"
