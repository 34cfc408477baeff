// Filters the table of rules by what its own cells say. Without scripts the whole table is shown.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("rule-filter");
  const table = place && place.parentElement.querySelector("table");
  if (!table) return;
  const rows = [...table.tBodies[0].rows];
  const text = (row, column) => row.cells[column].textContent.trim();
  const filters = [
    { label: "Family", column: 1, words: (row) => [text(row, 1)] },
    { label: "Severity", column: 2, words: (row) => [text(row, 2)] },
    { label: "Framework", column: 3, words: (row) => text(row, 3).split(", ") },
  ];
  const count = document.createElement("output");

  function apply() {
    let shown = 0;
    for (const row of rows) {
      row.hidden = filters.some(({ select, words }) => select.value && !words(row).includes(select.value));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${rows.length}`;
  }

  for (const filter of filters) {
    filter.select = document.createElement("select");
    filter.select.append(new Option("all", ""));
    for (const word of [...new Set(rows.flatMap(filter.words))].sort()) {
      filter.select.append(new Option(word, word));
    }
    filter.select.addEventListener("change", apply);
    const label = document.createElement("label");
    label.append(`${filter.label} `, filter.select);
    place.append(label);
  }
  place.append(count);
  apply();
});
