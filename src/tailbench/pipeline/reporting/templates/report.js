"use strict";

const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function keyOf(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.v === undefined) return cell.textContent.trim();
  return cell.dataset.v === "" ? null : Number(cell.dataset.v.replace("inf", "Infinity"));
}

function compare(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : words.compare(String(a), String(b));
}

function sortBy(table, header) {
  const falling = header.getAttribute("aria-sort") === "ascending";
  const sign = falling ? -1 : 1;
  const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row, header.cellIndex), row]);
  // Cells without a value come last in either order.
  rows.sort(([a], [b]) =>
    a === null || b === null ? (a === null) - (b === null) : sign * compare(a, b));
  table.tBodies[0].append(...rows.map(([, row]) => row));
  for (const other of header.parentElement.cells) other.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", falling ? "descending" : "ascending");
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const header of table.tHead.rows[0].cells) {
    header.querySelector("button").addEventListener("click", () => sortBy(table, header));
  }
}

for (const bar of document.querySelectorAll(".filters")) {
  const rows = [...document.getElementById(bar.dataset.for).tBodies[0].rows];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const apply = () => {
    const needle = bar.querySelector("input").value.trim().toLowerCase();
    const selects = [...bar.querySelectorAll("select")].filter((select) => select.value);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !texts.get(row).includes(needle)
        || selects.some((select) => row.dataset[select.dataset.key] !== select.value);
      shown += !row.hidden;
    }
    bar.querySelector("output").textContent = `${shown} of ${rows.length} rows`;
  };
  bar.addEventListener("input", apply);
  bar.addEventListener("change", apply);
  apply();
}

const viewer = document.getElementById("viewer");
for (const button of document.querySelectorAll(".zoom")) {
  button.addEventListener("click", () => {
    viewer.replaceChildren(button.querySelector("img").cloneNode());
    viewer.showModal();
  });
}
viewer.addEventListener("click", () => viewer.close());
viewer.addEventListener("close", () => viewer.replaceChildren());

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    let done = true;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const part of closed) part.open = true;
});
addEventListener("afterprint", () => {
  for (const part of closed) part.open = false;
});
