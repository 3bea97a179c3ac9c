#!/bin/sh
# The check must see what it looks for: a site with one of each mistake. Usage: self_test.sh CHROMIUM
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/site"
cat > "$work/site/index.html" << 'END'
<!DOCTYPE html>
<html lang="en"><head><meta name="viewport" content="width=device-width"><title>bad</title></head><body><main>
<h1>One of each mistake that a page can make</h1>
<p>A formula left as its source, $x^2$, and a <a href="nowhere.html">broken link</a>, and a <a href="#nothing">broken anchor</a>.</p>
<img src="missing.png" alt=""><div style="width: 900px">wider than a phone</div>
</main></body></html>
END
if sh "$here/check.sh" "$work/site" "$1" links pages > "$work/said"; then
  echo "FAILED: the check passes a site full of mistakes" && cat "$work/said" && exit 1
fi
for words in "links to nowhere.html, which is not there" "links to #nothing, which has no such place" \
  "links to missing.png, which is not there" "does not show missing.png" "shows a formula's source" "pixels wide on a phone of 360"; do
  grep -q "$words" "$work/said" || { echo "FAILED: the check does not say: $words" && cat "$work/said" && exit 1; }
done
echo "the check sees all six"
