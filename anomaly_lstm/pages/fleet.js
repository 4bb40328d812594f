"use strict";
// Sorts and filters the table of assets. The rows stand in the page; without this script they are all there.
(() => {
  const root = document.documentElement;
  const table = document.getElementById("assets");
  const tools = document.getElementById("tools");
  if (!table || !tools) return;
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows];
  const search = tools.querySelector("input");
  const choices = [...tools.querySelectorAll("select[data-by]")];
  const order = tools.querySelector("select[data-order]");
  const count = document.getElementById("count");
  const none = document.getElementById("none");
  const number = new Intl.NumberFormat(root.lang, { useGrouping: "always" });
  const compare = new Intl.Collator(root.lang, { numeric: true, sensitivity: "base" }).compare;
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const texts = rows.map((row) => plain(row.textContent));
  let sorted = { column: "", down: false };

  // What a row is sorted by: a number where the cell has one, else its text; what is empty comes last either way.
  const value = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    return cell.textContent.trim() || null;
  };

  const sort = () => {
    const column = heads.findIndex((head) => head.dataset.name === sorted.column);
    const way = sorted.down ? -1 : 1;
    const keyed = rows.map((row, place) => ({ row, place, key: column < 0 ? place : value(row, column) }));
    keyed.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || a.place - b.place;
      const ahead = typeof a.key === "number" && typeof b.key === "number" ? a.key - b.key : compare(a.key, b.key);
      return ahead * way || a.place - b.place;
    });
    body.append(...keyed.map((one) => one.row));
    heads.forEach((head, place) => {
      if (place === column) head.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    if (order) order.value = sorted.column;
  };

  const filter = () => {
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, place) => {
      const fits = words.every((word) => texts[place].includes(word)) && choices.every((choice) => {
        if (!choice.value) return true;
        if (choice.dataset.by === "severity") return row.dataset.s.split(" ").includes(choice.value);
        const column = heads.findIndex((head) => head.dataset.name === choice.dataset.by);
        return row.cells[column].textContent === choice.value;
      });
      row.hidden = !fits;
      shown += fits;
    });
    count.textContent = count.dataset.words.replace("{shown}", number.format(shown)).replace("{all}", number.format(rows.length));
    none.hidden = shown > 0;
  };

  // The address keeps what is looked at, so that it can be kept as a bookmark or sent.
  const kept = () => {
    const found = new URLSearchParams();
    if (search.value) found.set("find", search.value);
    for (const choice of choices) if (choice.value) found.set(choice.dataset.by, choice.value);
    if (sorted.column) found.set("sort", sorted.column);
    if (sorted.down) found.set("down", "1");
    return found.toString();
  };
  const keep = () => {
    const now = kept();
    if (location.hash.slice(1) !== now && (now || location.hash.includes("="))) location.replace(`#${now}`);
  };
  const recall = () => {
    if (!location.hash.includes("=") || location.hash.slice(1) === kept()) return;
    const found = new URLSearchParams(location.hash.slice(1));
    search.value = found.get("find") || "";
    for (const choice of choices) {
      choice.value = found.get(choice.dataset.by) || "";
      if (choice.selectedIndex < 0) choice.value = "";
    }
    const column = found.get("sort") || "";
    sorted = { column: heads.some((head) => head.dataset.name === column) ? column : "", down: found.has("down") };
    sort();
    filter();
  };

  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const again = sorted.column === head.dataset.name;
      sorted = { column: head.dataset.name, down: again && !sorted.down };
      sort();
      keep();
    });
  }
  const changed = () => {
    filter();
    keep();
  };
  search.addEventListener("input", changed);
  for (const choice of choices) choice.addEventListener("change", changed);
  if (order) {
    order.addEventListener("change", () => {
      sorted = { column: order.value, down: false };
      sort();
      keep();
    });
  }
  tools.querySelector("button").addEventListener("click", () => {
    search.value = "";
    for (const choice of choices) choice.value = "";
    sorted = { column: "", down: false };
    sort();
    changed();
    search.focus();
  });
  document.addEventListener("keydown", (event) => {
    const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    }
    if (event.key === "Escape" && event.target === search) {
      search.value = "";
      changed();
    }
  });
  window.addEventListener("hashchange", recall);
  tools.hidden = false;
  recall();
  filter();
  root.dataset.drawn = Math.round(performance.now());
})();
