# Doxygen's filter: our plain comments as documentation. A comment that fills its lines documents what follows at once, one behind a
# member's semicolon or comma documents that member, behind a struct's opening brace the struct, and a header's first comment the header,
# and the class that it names.
function escaped(text,   parts, n, i, out) {
  n = split(text, parts, "`")
  for (i = 1; i <= n; ++i) {
    if (i % 2 == 1 || n == i) {
      gsub(/&/, "\\&amp;", parts[i]); gsub(/</, "\\&lt;", parts[i]); gsub(/>/, "\\&gt;", parts[i])
      gsub(/[@\\]/, "\\\\&", parts[i]); gsub(/#/, "\\#", parts[i])
    }
    out = out (i > 1 ? "`" : "") parts[i]
  }
  return out
}
# What is kept of a comment until it is known what follows: its lines as they are, and as documentation.
function put(documents,   i) {
  for (i = 1; i <= count; ++i) print documents ? documented[i] : plain[i]
  count = 0
}
NR == 1 && /^\/\/ / {
  heads = 1
  if (match($0, /^\/\/ [A-Z][A-Za-z]+: /)) of = substr($0, 4, RLENGTH - 5)
}
/^(template .*)?(struct|class) .*\{  *\/\/ / {
  put(1)
  at = match($0, /\{  *\/\/ /)
  opening = substr($0, 1, at)
  print "/// " escaped(substr($0, at + RLENGTH))
  next
}
opening != "" && /^ *\/\/ / { sub(/^ *\/\/ /, ""); print "/// " escaped($0); next }
opening != "" { print opening; opening = "" }
/^ *\/\/( |$)/ {
  match($0, /^ *\/\/ ?/)
  text = substr($0, RLENGTH + 1)
  match($0, /^ */)
  margin = substr($0, 1, RLENGTH)
  list = text ~ /^ *- / || (list && text ~ /^  /)
  plain[++count] = $0
  if (behind && length(margin) > 4) documented[count] = margin "///< " escaped(text)
  else if (text ~ /^  / && !list) documented[count] = margin "///     " text
  else documented[count] = margin "/// " escaped(text)
  next
}
heads {
  print "/// \\file"
  for (i = 1; i <= count; ++i) print documented[i]
  if (of != "") {  # "Tape: ...", which is of the class too
    print "\n/// \\class vitrail::" of
    for (i = 1; i <= count; ++i) print documented[i]
  }
  print ""
  count = heads = 0
}
{ put(behind || $0 !~ /^ *$/) }
/^  ?[^ \/#].*[;,]  *\/\/ / && !/^ *(return|const auto|\*)/ {
  at = match($0, /[;,]  *\/\/ /)
  print substr($0, 1, at) " ///< " escaped(substr($0, at + RLENGTH))
  behind = 1
  next
}
{ behind = 0; print }
END { put(0) }
