/* Tables that sort, filter and copy, for every page: `equip` gives the tools to a box with a table.
   Text of others reaches the document as textContent alone. */
"use strict";
window.lanebenchTables = (() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "class") made.className = value;
      else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  const UNITS = { ms: 1e-3, s: 1, min: 60, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

  function sortKey(text) {
    const moment = text.match(/^\s*(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d))?/);
    if (moment) return Date.parse(`${moment[1]}T${moment[2] ?? "00:00"}`);
    const share = text.match(/^\s*(\d+)\s*(?:\/|of)\s*(\d+)/);
    if (share) return Number(share[1]) / Math.max(1, Number(share[2]));
    const found = text.trim().match(/^([<>~]?)([+-]?[\d,]*\.?\d+)\s*(ms|s|min|KiB|MiB|GiB)?\b/);
    if (!found) return null;
    const beyond = { "<": -1e-9, ">": 1e-9 }[found[1]] ?? 0;
    return Number(found[2].replaceAll(",", "")) * (UNITS[found[3]] || 1) + beyond;
  }

  function sortRows(table, column, descending) {
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row) => [row.cells[column].textContent.trim(), row]);
    keyed.sort(([a], [b]) => {
      const [x, y] = [sortKey(a), sortKey(b)];
      if (x === null && y === null) return a.localeCompare(b) * (descending ? -1 : 1);
      // What has no value stays below, in both directions.
      if (x === null || y === null) return x === null ? 1 : -1;
      return (x - y) * (descending ? -1 : 1);
    });
    body.append(...keyed.map(([, row]) => row));
  }

  function markdown(table) {
    const escape = (text) => text.trim().replace(/\s+/g, " ").replace(/[\\`*_{}[\]<>#|~&]/g, (char) => `\\${char}`);
    const rows = [...table.rows].filter((row) => !row.hidden);
    const lines = rows.map((row) => `| ${[...row.cells].map((cell) => escape(cell.textContent)).join(" | ")} |`);
    lines.splice(1, 0, `|${" --- |".repeat(table.tHead.rows[0].cells.length)}`);
    return `${lines.join("\n")}\n`;
  }

  async function copy(text, button) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = element("textarea");
      area.value = text;
      button.after(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  }

  /* The search of a page and the filter of a table both leave rows out; what neither leaves out is shown. */
  function leaveOut(part, by, isOut) {
    part.toggleAttribute(`data-out-${by}`, isOut);
    part.hidden = part.matches("[data-out-search], [data-out-filter]");
  }

  function equip(box) {
    const table = box.querySelector("table");
    all("thead th", table).forEach((header, column) => {
      const label = header.textContent;
      const button = element("button", { type: "button" }, label);
      button.addEventListener("click", () => {
        const descending = header.getAttribute("aria-sort") === "ascending";
        all("th[aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
        header.setAttribute("aria-sort", descending ? "descending" : "ascending");
        sortRows(table, column, descending);
      });
      header.replaceChildren(button);
    });
    const button = element("button", { type: "button" }, "Copy as Markdown");
    button.addEventListener("click", () => copy(markdown(table), button));
    const tools = element("div", { class: "tools" });
    if (table.tBodies[0].rows.length > 6) {
      const filter = element("input", { type: "search", placeholder: "Filter", "aria-label": `Filter: ${box.dataset.name}` });
      filter.addEventListener("input", () => {
        const wanted = filter.value.toLowerCase();
        for (const row of table.tBodies[0].rows) {
          leaveOut(row, "filter", !row.textContent.toLowerCase().includes(wanted));
        }
      });
      tools.append(filter);
    }
    tools.append(button);
    box.prepend(tools);
  }

  return { all, element, equip, leaveOut };
})();
