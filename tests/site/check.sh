#!/bin/sh
# Opens check.html, which checks the built site, in headless Chromium.
# Usage: check.sh SITE CHROMIUM PART..., where parts are links, pages and interactive.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P)
site=$(cd "$1" && pwd -P)
chromium=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/check.html" "$here/check.js" "$work/"
{
  printf 'const site = "file://%s/", parts = "%s", files = [\n' "$site" "$*"
  (cd "$site" && find . -type f | sed 's/^\.\/\(.*\)$/"\1",/')
  echo '];'
} > "$work/files.js"
# Pages from files are one origin here, so that the check may look into them.
HOME=$work "$chromium" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --allow-file-access-from-files \
  --window-size=1280,900 --user-data-dir="$work/profile" --dump-dom "file://$work/check.html" > "$work/dom" 2> "$work/log" ||
  { cat "$work/log" >&2; exit 1; }
sed -n '/<pre id="report">/,/<\/pre>/p' "$work/dom" | sed 's/.*<pre id="report">//; s/<\/pre>.*//' | head -n 200
if ! grep -q 'checks hold\|checks fail' "$work/dom"; then
  echo "the check did not come to its end"
  tail -n 5 "$work/log"
fi
grep -q '^all [0-9]* checks hold' "$work/dom"
