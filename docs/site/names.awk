# The reference's search list, for find.js: of Doxygen's tag file, every class and every member, with its page. Usage: awk -f names.awk TAGS
function plain(text) { gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&amp;/, "\\&", text); return text }
function put(name, page) { if (!seen[name, page]++) printf "[\"%s\",\"%s\"],\n", plain(name), page }
BEGIN { FS = "[<>]"; print "const names = [" }
/<compound kind=/ { kind = $2; named = kind ~ /"(class|struct|concept|union)"/; listed = named || kind ~ /"namespace"/ }
/^ +<name>/ && !member { scope = $3; sub(/^vitrail(::)?/, "", scope) }
/^ +<filename>/ && named { page = $3; sub(/(\.html)?$/, ".html", page); put(scope, page) }
/<member kind=/ { member = 1 }
/^ +<name>/ && member { name = $3 }
/^ +<anchorfile>/ { page = $3 }
/^ +<anchor>/ { anchor = $3 }
/<\/member>/ { member = 0; if (listed) put((scope == "" ? "" : scope "::") name, page "#" anchor) }
END { print "];" }
