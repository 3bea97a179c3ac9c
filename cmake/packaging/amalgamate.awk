# Makes one header of many: what a header includes with quotes is put in its place, each file once. With only Eigen beside it, the
# result compiles as the tree does. Usage: awk -v version=X -v license=FILE -v to=FILE -f amalgamate.awk HEADER

function fail(sentence) {
  print "amalgamate: " sentence > "/dev/stderr"
  failed = 1
  exit 1
}
function folder_of(path) {
  sub(/\/[^\/]*$/, "", path)
  return path
}
function without_steps_back(path) {
  while (match(path, /\/[^\/]+\/\.\.\//)) path = substr(path, 1, RSTART) substr(path, RSTART + RLENGTH)
  return path
}
function put(path, open, bodies, line, status, name) {  # all but the first are local
  if (path in seen) return
  seen[path] = 1
  open = bodies = 0
  while ((status = (getline line < path)) > 0) {
    # One header holds all bodies: there is no vitrail::compiled to have them elsewhere.
    if (line ~ /^#if VITRAIL_(KERNELS|BODIES|IO_BODIES)$/) {
      bodies = 1
      continue
    }
    if (bodies && !open && line ~ /^#endif$/) {
      bodies = 0
      continue
    }
    if (line ~ /^[ \t]*#[ \t]*if/) open++
    if (line ~ /^[ \t]*#[ \t]*endif/) open--
    if (line ~ /^[ \t]*#[ \t]*pragma once/) continue
    if (line !~ /^[ \t]*#[ \t]*include[ \t]*"/) {
      text = text line "\n"
      continue
    }
    # A file that stands once, and there conditionally, would be missing elsewhere.
    if (open > 0) fail(path " includes within an #if: " line)
    name = line
    sub(/^[^"]*"/, "", name)
    sub(/".*/, "", name)
    put(without_steps_back(folder_of(path) "/" name))
  }
  if (status < 0) fail("cannot read " path)
  close(path)
}

BEGIN {
  text = "// vitrail " version " as one header, which needs Eigen 3.4 and C++20 only. Generated: its sources are easier to read.\n//\n"
  while ((getline line < license) > 0) text = text (line == "" ? "//\n" : "// " line "\n")
  text = text "#pragma once\n"
  put(without_steps_back(ARGV[1]))
  printf "%s", text > to
  exit failed
}
