#!/bin/sh
# Builds the web site: the Markdown pages of this tree, the examples as pages, the reference from the headers' comments, and the
# interactive page. Usage: docs/site/build.sh [FOLDER, by default build/site]. Needs pandoc and doxygen, and for the interactive page
# emscripten and the headers of Eigen and nlohmann/json (Debian: pandoc doxygen emscripten libeigen3-dev nlohmann-json3-dev).
# Reading it needs no server and no network.
set -eu
site=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P)
root=$(cd "$site/../.." && pwd -P)
out=${1:-$root/build/site}
for tool in pandoc doxygen; do
  command -v $tool > /dev/null 2>&1 || { echo "site: $tool is missing (Debian: apt-get install $tool)" >&2; exit 1; }
done
rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"
version=$(sed -n 's/^#define VITRAIL_VERSION_[A-Z]* \([0-9]*\)$/\1/p' include/vitrail/core/config.hpp | paste -sd.)

# Every page of the list: section|source|page|title. Titles are the first headings.
title_of() {
  case $1 in
    *.md) sed -n 's/^# \(.*\)$/\1/p;/^# /q' "$1" ;;
    *) basename "$1" .cpp | tr _ ' ' ;;
  esac
}
# add SECTION SOURCE PAGE [TITLE]
add() { [ -f "$2" ] && printf '%s|%s|%s|%s\n' "$1" "$2" "$3" "${4:-$(title_of "$2")}" >> "$work/pages" || true; }
add Start docs/site/home.md index.html Home
add Start README.md readme.html "Read me first"
add Start docs/in_one_page.md in_one_page.html
add Start docs/site/interactive/page.md interactive/index.html "Try it: SplitMask, live"
for page in docs/lessons/*.md; do add Lessons "$page" "${page#docs/}"; done
for page in examples/0*.cpp; do add Tutorial "$page" "${page%.cpp}.html"; done
for page in docs/how_to/*.md; do add "How to" "$page" "${page#docs/}"; done
add Reference docs/ops.md ops.html
add Reference docs/layout.md layout.html
for page in results performance; do add Measured docs/$page.md $page.html; done
for page in docs/decisions/*.md; do add Decisions "$page" "${page#docs/}"; done
add Project CONTRIBUTING.md contributing.html
add Project CHANGELOG.md changelog.html
sed 's/\.md\(|[^|]*\)$/.html\1/' "$work/pages" > "$work/list"
awk -F'|' '{ print $2 "=" $3 }' "$work/list" > "$work/known"
: > "$work/unlisted"
# The lessons' programs are pages too, which the lessons link to; the list would be twice as long with them.
for program in docs/lessons/*.cpp docs/lessons/*/*.cpp examples/lessons/*.cpp; do
  [ -f "$program" ] || continue
  name=$(printf %s "${program#*/lessons/}" | tr / _)
  printf '|%s|%s|%s\n' "$program" "lessons/$name.html" "$(title_of "$program")" >> "$work/unlisted"
done
awk -F'|' '{ print $2 "=" $3 }' "$work/unlisted" >> "$work/known"
printf '%s\n' examples=examples/01_shapes.html docs/decisions=decisions/0001-where-the-code-differs-from-the-first-design.html \
  docs/lessons=lessons/README.html >> "$work/known"

# bar ROOT: the bar on top of every page. pages ROOT PAGE: the list of pages, this one marked.
bar() {
  printf '<header class="bar"><a class="brand" href="%s/index.html">%s<span>vitrail</span></a>' "$1" "$(cat "$site/theme/mark.svg")"
  printf '<nav class="links"><a href="%s/readme.html">Start</a><a href="%s/interactive/index.html">Try it</a>' "$1" "$1"
  printf '<a href="%s/api/index.html">Reference</a></nav>' "$1"
  printf '<button id="theme" type="button" aria-label="Light or dark colours" title="Light or dark">◐</button></header>\n'
}
pages() {
  printf '<nav class="pages" aria-label="Pages"><details><summary>All pages</summary>\n'
  awk -F'|' -v root="$1" -v here="$2" '
    function item(page, title) {
      printf "<li><a%s href=\"%s/%s\">%s</a></li>\n", page == here ? " aria-current=\"page\"" : "", root, page, title
    }
    $1 != section {
      if (section != "") print "</ul>"
      printf "<h2>%s</h2>\n<ul>\n", section = $1
      if (section == "Reference") item("api/index.html", "All classes and functions")
    }
    { gsub(/&/, "\\&amp;", $4); gsub(/</, "\\&lt;", $4); item($3, $4) }
    END { print "</ul>" }' "$work/list"
  printf '</details></nav>\n'
}

# page SOURCE PAGE TITLE
page() {
  case $2 in */*) up=.. ;; *) up=. ;; esac
  bar $up > "$work/bar"
  pages $up "$2" > "$work/nav"
  case $1 in
    *.cpp)
      { printf '# %s\n\nThe file `%s`, as the tests compile it.\n\n```cpp\n' "$3" "$1"; cat "$1"; printf '```\n'; } > "$work/text.md" ;;
    *) cp "$1" "$work/text.md" ;;
  esac
  set -- "$1" "$2" "$3" -V "bar=$(cat "$work/bar")" -V "pages=$(cat "$work/nav")"
  case $1 in
    docs/site/home.md) set -- "$@" -V home=yes ;;
    docs/site/interactive/*) set -- "$@" -V wide=yes -V style=page.css -V script=weights.js -V script=model.js -V script=page.js ;;
  esac
  mkdir -p "$(dirname "$out/$2")"
  from=$1 to=$2 title=$3
  shift 3
  pandoc "$work/text.md" -f gfm+tex_math_dollars-emoji -t html5 --mathml --template "$site/theme/page.html" \
    --lua-filter "$site/theme/links.lua" -M source="$from" -M root="$up" -M known="$work/known" -M pagetitle="$title" \
    -V root="$up" -V version="$version" "$@" -o "$out/$to"
}
while IFS='|' read -r _ from to title; do page "$from" "$to" "$title"; done < "$work/list"
while IFS='|' read -r _ from to title; do page "$from" "$to" "$title"; done < "$work/unlisted"

cp "$site/theme/site.css" "$site/theme/site.js" "$site/theme/find.js" "$out/"
sed 's/<svg /<svg xmlns="http:\/\/www.w3.org\/2000\/svg" /' "$site/theme/mark.svg" > "$out/mark.svg"
cp -R docs/pictures "$out/pictures"

# The reference.
mkdir -p "$out/api"
bar .. > "$work/bar"
pages .. api/index.html > "$work/nav"
awk -v bar="$work/bar" -v nav="$work/nav" '
  function put(file,   line) { while ((getline line < file) > 0) print line; close(file) }
  /@BAR@/ { put(bar); next } /@PAGES@/ { put(nav); next } { print }' "$site/theme/api_header.html" > "$work/header.html"
sed "s/@VERSION@/$version/" "$site/theme/api_footer.html" > "$work/footer.html"
{
  cat "$site/Doxyfile"
  printf 'PROJECT_NUMBER = %s\nOUTPUT_DIRECTORY = "%s"\nHTML_OUTPUT = api\n' "$version" "$out"
  printf 'HTML_HEADER = "%s"\nHTML_FOOTER = "%s"\n' "$work/header.html" "$work/footer.html"
  printf 'HTML_STYLESHEET = "%s"\n' "$site/theme/api.css"
  printf 'GENERATE_TAGFILE = "%s"\n' "$work/tags"
  printf 'INPUT_FILTER = "awk -f %s"\n' "$site/comments.awk"
} > "$work/Doxyfile"
doxygen "$work/Doxyfile" > "$work/doxygen.log" 2>&1 || { tail -n 20 "$work/doxygen.log" >&2; exit 1; }
# Doxygen's own furniture, which the theme does without; and its links to lists of nested classes that it then leaves out.
rm -f "$out"/api/*.js "$out"/api/*.png "$out"/api/*.svg
find "$out/api" -name '*.html' -exec sed -i 's/<img src="closed.png"[^>]*>//g; s/ onclick="javascript:[^"]*"//g' {} +
grep -l 'href="#nested-classes"' "$out"/api/*.html | xargs -r grep -L 'name="nested-classes"' |
  xargs -r sed -i 's/<a href="#nested-classes">Classes<\/a>\( &#124;\)*//'
awk -f "$site/names.awk" "$work/tags" > "$out/api/names.js"

# The interactive page, and its model.
cp "$site/interactive/page.css" "$site/interactive/page.js" "$out/interactive/"
weights=$site/interactive/weights.safetensors
{ printf 'const weightsInBase64 = "'; base64 "$weights" | tr -d '\n'; printf '";\n'; } > "$out/interactive/weights.js"
if command -v emcc > /dev/null 2>&1; then
  "$site/interactive/compile.sh" "$out/interactive/model.js"
else
  echo "site: emcc is missing (Debian: emscripten); the interactive page will say so" >&2
  echo 'const vitrail = undefined;' > "$out/interactive/model.js"
fi
echo "site: $out/index.html"
