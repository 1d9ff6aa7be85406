/* The script of a site's pages: gives every table its tools, and lets one search field filter all that is shown. */
"use strict";
(() => {
  const { all, equip, leaveOut } = window.lanebenchTables;
  all(".tool").forEach(equip);
  const search = document.getElementById("search");
  if (search) {
    search.hidden = false;
    search.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\s+/).filter((word) => word);
      for (const part of all("tbody tr, .cards > .card")) {
        const text = part.textContent.toLowerCase();
        leaveOut(part, "search", !words.every((word) => text.includes(word)));
      }
    });
  }
  document.documentElement.dataset.ready = "true";
})();
