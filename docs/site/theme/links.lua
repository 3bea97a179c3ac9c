-- Links of the Markdown pages, which are written for the source tree, made to fit the site: other pages become pages, examples their pages,
-- pictures lie under the same names, and other files of the tree, which the site does not have, become plain text.
-- Metadata: source (the page, from the root of the tree), root (from the page's place on the site to its top), known (source=page lines).
local source, root, known = "", ".", {}

local function resolved(target)
  local parts = {}
  for part in (source:match("^(.*)/[^/]*$") or ""):gmatch("[^/]+") do table.insert(parts, part) end
  for part in target:gmatch("[^/]+") do
    if part == ".." then table.remove(parts)
    elseif part ~= "." then table.insert(parts, part) end
  end
  return table.concat(parts, "/")
end

local function Meta(meta)
  source, root = pandoc.utils.stringify(meta.source), pandoc.utils.stringify(meta.root)
  for line in io.lines(pandoc.utils.stringify(meta.known)) do
    local from, to = line:match("^(.-)=(.*)$")
    if to ~= "" then known[from] = to end
  end
end

local function Link(link)
  if link.target:match("^%a[%w+.-]*:") or link.target:match("^#") then return nil end
  local path, anchor = link.target:match("^([^#]*)(.*)$")
  local page = known[resolved(path)]
  if page then
    link.target = root .. "/" .. page .. anchor
    return link
  end
  return link.content
end

local function Image(image)
  if not image.src:match("^%a[%w+.-]*:") then image.src = root .. "/" .. resolved(image.src):gsub("^docs/", "") end
  return image
end

-- Tables and pictures wider than a phone scroll by themselves.
local function Table(table)
  return pandoc.Div({table}, {class = "table"})
end

return {{Meta = Meta}, {Link = Link, Image = Image, Table = Table}}
