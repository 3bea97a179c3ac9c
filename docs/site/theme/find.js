// The reference's search: names (names.js, made by build.sh) that hold what is typed; those that begin with it come first.
"use strict";
(() => {
  const field = document.getElementById("find"), found = document.getElementById("found");
  const rank = (name, text) => {
    const last = name.slice(name.lastIndexOf(":") + 1).toLowerCase();
    return last === text ? 0 : last.startsWith(text) ? 1 : last.includes(text) ? 2 : name.toLowerCase().includes(text) ? 3 : 4;
  };
  const show = () => {
    const text = field.value.trim().toLowerCase();
    const hits = text ? names.map(([name, page]) => ({name, page, rank: rank(name, text)})).filter(hit => hit.rank < 4) : [];
    hits.sort((a, b) => a.rank - b.rank || a.name.length - b.name.length || (a.name < b.name ? -1 : 1));
    found.replaceChildren(...hits.slice(0, 12).map(hit => {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = hit.page, link.textContent = hit.name;
      item.append(link);
      return item;
    }));
    found.hidden = !hits.length;
  };
  field.addEventListener("input", show);
  field.addEventListener("keydown", event => {
    if (event.key === "Enter" && found.firstChild) location.href = found.firstChild.firstChild.href;
    if (event.key === "Escape") field.value = "", show();
  });
})();
