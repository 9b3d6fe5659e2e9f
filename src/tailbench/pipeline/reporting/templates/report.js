"use strict";

const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function keyOf(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.v === undefined) return cell.textContent.trim();
  return cell.dataset.v === "" ? null : Number(cell.dataset.v.replace("inf", "Infinity"));
}

// What a number in a packed table is, by how it is written.
function valueOf(text) {
  const number = Number(text.replace("−", "-").replace("∞", "Infinity").split(" ")[0]);
  return Number.isNaN(number) ? "" : String(number).replace("Infinity", "inf");
}

function cell(row, text, kind, number) {
  const made = row.insertCell();
  if (kind === "code") made.append(Object.assign(document.createElement("code"), { textContent: text }));
  else made.textContent = text;
  if (number) {
    made.className = "n";
    made.dataset.v = text === "identical" ? "0" : valueOf(text);
  }
  return made;
}

// On a narrow screen a row is a block, and each of its cells says what it is.
function name(table) {
  const heads = [...table.tHead.rows[0].cells].map((head) => head.textContent.trim());
  for (const row of [...table.tBodies].flatMap((body) => [...body.rows]).concat(
    table.tFoot ? [...table.tFoot.rows] : [])) {
    for (const own of row.cells) {
      if (own.cellIndex && own.colSpan === 1) own.dataset.l = heads[own.cellIndex];
    }
  }
  table.classList.add("cards");
}
document.querySelectorAll("table").forEach(name);

const unfit = new Set(packed.unfit.map(String));

// The long tables are made of their short form when they are first opened.
function fill(table, rows, names, best) {
  const body = document.createElement("tbody");
  for (const values of rows) {
    const row = body.insertRow();
    const mark = unfit.has(String(values.slice(0, 2))) ? " †" : "";
    cell(row, packed.datasets[values[0]]);
    cell(row, packed.metrics[values[1]] + mark);
    for (let i = 2; i < 2 + names; i++) cell(row, packed.names[values[i]], "code");
    const last = best ? values.length - 1 : values.length;
    for (let i = 2 + names; i < last; i++) {
      cell(row, values[i], "", !["yes", "no"].includes(values[i]));
    }
    if (best && values[last]) row.cells[2 + names].classList.add("best");
    row.keys = [packed.datasets[values[0]], packed.metrics[values[1]]];
  }
  table.tBodies[0].replaceWith(body);
  name(table);
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

function filter(bar, table) {
  const rows = [...table.tBodies[0].rows];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const apply = () => {
    const needle = bar.querySelector("input").value.trim().toLowerCase();
    const selects = [...bar.querySelectorAll("select")].filter((select) => select.value);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !texts.get(row).includes(needle)
        || selects.some((select) => row.keys[select.dataset.key] !== select.value);
      shown += !row.hidden;
    }
    bar.querySelector("output").textContent = `${shown} of ${rows.length} rows`;
  };
  bar.addEventListener("input", apply);
  bar.addEventListener("change", apply);
  apply();
}

for (const [id, rows, names, best] of [
  ["results", packed.results, 1, true], ["comparisons", packed.comparisons, 2, false],
]) {
  const table = document.getElementById(id);
  if (!table) continue;
  table.closest("details").addEventListener("toggle", () => {
    fill(table, rows, names, best);
    filter(document.querySelector(`[data-for="${id}"]`), table);
  }, { once: true });
}

for (const bar of document.querySelectorAll("[data-risks]")) {
  const dataset = bar.dataset.risks;
  const table = document.querySelector(`table[data-name="${CSS.escape(dataset)}"]`);
  const order = [0, 1, 4, 2, 3, 5]; // the packed form has both places at its end
  bar.addEventListener("change", () => {
    const [column, tail, level] = [...bar.querySelectorAll("select")].map((s) => Number(s.value));
    const view = packed.risks[dataset][column][tail][level];
    [...table.tBodies[0].rows].forEach((row, i) => {
      order.forEach((from, to) => { row.cells[to + 1].textContent = view[i][from]; });
    });
  });
}

for (const box of document.querySelectorAll(".toggles input")) {
  box.addEventListener("change", () => {
    for (const mark of document.querySelectorAll(`.m${box.dataset.method}`)) {
      mark.classList.toggle("off", !box.checked);
    }
  });
}

// A link to what is folded opens it.
function unfold() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const fold = target && target.querySelector(":scope > details");
  if (!fold || !target.classList.contains("folded")) return;
  fold.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();

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
