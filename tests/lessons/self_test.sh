#!/bin/sh
# Usage: self_test.sh : check.sh must accept a page that is right, and refuse it with one thing changed, for the reason given.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/01_a.cpp" << 'END'
int main() {
  // [answer]
  const int x = 42;
  if (x)
    return x;
  // [/answer]
}
END
printf 'first\nsecond\nthird\n' > "$work/01_a.txt"
cat > "$work/right" << 'END'
See [the program](01_a.cpp).
<!-- 01_a.cpp: answer -->
```cpp
const int x = 42;
if (x)
  return x;
```
<!-- output: 01_a -->
```text
first
third
```
END
cp "$work/right" "$work/01_a.md"
sh "$here/check.sh" "$work" "$work" > "$work/log" 2>&1 || { echo "FAILED: the page that is right was refused:"; cat "$work/log"; exit 1; }

refuses() {  # REASON SED_SCRIPT
  sed "$2" "$work/right" > "$work/01_a.md"
  if sh "$here/check.sh" "$work" "$work" > "$work/log" 2>&1; then echo "FAILED: accepted after $2"; exit 1; fi
  grep -q -e "$1" "$work/log" || { echo "FAILED: refused for another reason after $2:"; cat "$work/log"; exit 1; }
}
refuses "is not the region" 's/= 42/= 43/'
refuses "is not the region" 's/^  return x/return x/'
refuses "is not the region" '/^if (x)$/d'
refuses "no region" 's/: answer/: question/'
refuses "does not print, in this place: fourth" 's/^third/fourth/'
refuses "does not print, in this place: second" 's/^third/third\nsecond/'
refuses "nothing is known of" 's/output: 01_a/output: 01_b/'
refuses "expected a block" 's/^```cpp/```c/'
refuses "there is no" 's/(01_a.cpp)/(02_a.cpp)/'
refuses "nothing on this page" '2,$d'
rm "$work/01_a.md"
if sh "$here/check.sh" "$work" "$work" > /dev/null 2>&1; then echo "FAILED: a folder without pages was accepted"; exit 1; fi
echo "1 page accepted, 11 refused"
