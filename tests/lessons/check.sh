#!/bin/sh
# Usage: check.sh LESSONS OUTPUTS : holds the pages LESSONS/0*.md against the programs beside them. A block of C++ after the line
# "<!-- FILE: region -->" must be what stands between "// [region]" and "// [/region]" in FILE, wherever it is indented. Each line of a
# block of text after "<!-- output: STEM -->" must stand in OUTPUTS/STEM.txt, what the program printed, in the same order. Pictures
# and files that a page links to must be there.
set -eu
lessons=$1 outputs=$2 pages=0
for page in "$lessons"/0*.md; do
  [ -e "$page" ] || continue
  pages=$((pages + 1))
  awk -v lessons="$lessons" -v outputs="$outputs" '
    function fail(what) { print "FAILED: " FILENAME ":" FNR ": " what; failed = 1; exit 1 }
    function without_indent(line) { return substr(line, 1, indent) ~ /^ *$/ ? substr(line, indent + 1) : line }
    function put(text, line) {  # the first line of a block sets its indentation
      if (text == "") { match(line, /^ */); indent = RLENGTH }
      return text without_indent(line) "\n"
    }
    function region(file, name,    line, inside, found, text) {
      while ((getline line < file) > 0) {
        match(line, /^ */)
        if (substr(line, RLENGTH + 1) == "// [/" name "]") inside = 0
        if (inside) text = put(text, line)
        if (substr(line, RLENGTH + 1) == "// [" name "]") inside = found = 1
      }
      close(file)
      if (!found) fail("no region [" name "] in " file)
      if (inside) fail("the region [" name "] of " file " has no end")
      return text
    }
    function compare(    line, found) {
      if (kind == "cpp") {
        if (block != region(lessons "/" source, name)) fail("the block above is not the region [" name "] of " source)
        return
      }
      if ((getline line < (outputs "/" source ".txt")) < 0) fail("nothing is known of what " source " prints")
      close(outputs "/" source ".txt")
      for (i = 1; i <= lines; ++i) {
        found = 0
        while (!found && (getline line < (outputs "/" source ".txt")) > 0) found = line == wanted[i]
        if (!found) fail(source " does not print, in this place: " wanted[i])
      }
      close(outputs "/" source ".txt")
    }
    inside && /^```$/ { inside = 0; compare(); kind = ""; ++blocks; next }
    inside { block = put(block, $0); wanted[++lines] = $0; next }
    kind != "" {
      if ($0 != "```" kind) fail("expected a block that begins with ```" kind)
      inside = 1; block = ""; lines = 0; next
    }
    /^<!-- output: [^ ]+ -->$/ { kind = "text"; source = $3; next }
    /^<!-- [^ ]+\.cpp: .+ -->$/ { kind = "cpp"; source = substr($2, 1, length($2) - 1); name = $0; sub(/^<!-- [^ ]+ /, "", name); sub(/ -->$/, "", name); next }
    {
      rest = $0
      while (match(rest, /\]\([^)#:]+\)/)) {
        file = lessons "/" substr(rest, RSTART + 2, RLENGTH - 3)
        if ((getline line < file) < 0) fail("there is no " file)
        close(file)
        rest = substr(rest, RSTART + RLENGTH)
      }
    }
    END {
      if (!failed && kind != "") fail("the last block has no end")
      if (!failed && blocks == 0) fail("nothing on this page comes from a program")
    }' "$page"
done
[ "$pages" -gt 0 ] || { echo "FAILED: there is no page 0*.md in $lessons" >&2; exit 1; }
echo "$pages pages say what their programs say"
