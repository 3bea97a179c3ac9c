# What the scripts beside this one share. They are called with the folder of the programs, and work in a folder of their own.
# Sourced: expects $1, leaves $bin, and is in an empty folder.
bin=$(CDPATH= cd -- "$1" && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  echo "FAILED: $1" >&2
  [ ! -f "$work/out" ] || sed 's/^/  | /' "$work/out" >&2
  exit 1
}
# run PROGRAM ARGUMENTS... : must end well; what it says is in $work/out
run() {
  program=$1
  shift
  "$bin/$program" "$@" > "$work/out" 2>&1 || fail "$program $* ended with $?"
}
# refused WORDS PROGRAM ARGUMENTS... : must end with an error in one sentence that has these words, and must leave no run folder
refused() {
  words=$1 program=$2
  shift 2
  if timeout 20 "$bin/$program" "$@" --out refused > "$work/all" 2> "$work/out"; then fail "$program $* was not refused"; fi
  grep -q -e "$words" "$work/out" || fail "$program $*: expected an error with the words: $words"
  [ "$(wc -l < "$work/out")" -eq 1 ] || fail "$program $*: expected an error of one line"
  [ ! -e refused ] || fail "$program $* left a folder behind"
}
said() { grep -q -e "$1" "$work/out" || fail "$program did not say: $1"; }
there() {
  for file in "$@"; do [ -s "$file" ] || fail "$program did not write $file"; done
}
