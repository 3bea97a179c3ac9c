// Light or dark: what the reader chose, or else what the system says. Runs in the head, before anything is drawn.
"use strict";
(() => {
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const apply = () => { root.dataset.theme = stored() || (system.matches ? "dark" : "light"); };
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("click", event => {
    if (!event.target.closest("#theme")) return;
    try { localStorage.setItem("theme", root.dataset.theme === "dark" ? "light" : "dark"); } catch { /* without memory, one page only */ }
    apply();
  });
  // The list of pages is open where it stands beside the text.
  document.addEventListener("DOMContentLoaded", () => {
    const list = document.querySelector(".pages details"), wide = matchMedia("(min-width: 60.01rem)");
    const fold = () => { if (list) list.open = wide.matches; };
    fold();
    wide.addEventListener("change", fold);
  });
})();
