// What a reader of the page can do: sort and filter tables, choose an encoding, switch between light and dark.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);

  // Theme: the system's until the reader says otherwise. Charts take their colour from the text.
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // Sorting: a header is a button. Numbers go down first, names up first; what has no value comes last.
  const value = (row, column) => {
    const text = row.cells[column].dataset.v ?? "";
    const number = Number(text);
    return text === "" ? null : Number.isNaN(number) ? text : number;
  };
  const sort = (table, column, direction) => {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const sign = direction === "ascending" ? 1 : -1;
    rows.sort((a, b) => {
      const [x, y] = [value(a, column), value(b, column)];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
    });
    body.append(...rows);
    [...table.tHead.rows[0].cells].forEach((cell, i) => {
      if (i === column) cell.setAttribute("aria-sort", direction);
      else cell.removeAttribute("aria-sort");
    });
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".sortable thead button");
    if (!button) return;
    const cell = button.parentElement;
    const first = cell.classList.contains("name") ? "ascending" : "descending";
    const other = first === "ascending" ? "descending" : "ascending";
    sort(cell.closest("table"), cell.cellIndex, cell.getAttribute("aria-sort") === first ? other : first);
  });

  // Charts are as wide as their place, and as high as their `bands` together.
  const embed = (id, spec, rows, bands) => {
    const height = spec.height.step ? Math.max(1, bands) * spec.height.step : spec.height;
    const sized = { ...spec, width: "container", height };
    sized.autosize = { type: "fit-x", contains: "padding" };
    sized.datasets = { ...spec.datasets, rows };
    return vegaEmbed(byId(id), sized, { renderer: "svg", actions: false, tooltip: { theme: "dark" } });
  };

  for (const { id, spec, values } of data.charts ?? []) embed(id, spec, values, values.length);
  if (data.cost) embed("cost-chart", data.cost.spec, data.cost.values, data.cost.values.length);

  // What does not fit its frame says so: a phone shows no scroll bar.
  const hint = () => {
    for (const frame of document.querySelectorAll(".scroll")) {
      frame.classList.toggle("wide", frame.scrollWidth > frame.clientWidth + 1);
    }
  };
  addEventListener("resize", hint);
  addEventListener("load", hint);
  hint();

  const premium = data.premium;
  if (!premium) return;
  const [PREMIUM, LOW, HIGH] = [0, 1, 2];
  const names = premium.languages.map(([code, name]) => name || code);
  const keys = premium.languages.map(([code, name]) => `${name} ${code}`.trim().toLowerCase());

  if (byId("spread-chart")) embed("spread-chart", premium.spread, premium.encodings.flatMap((encoding) =>
    premium.measures[encoding].map((row, i) => ({
      language: names[i], encoding, premium: row[PREMIUM], other: !premium.own.includes(premium.languages[i][0]),
    }))),
    premium.encodings.length);

  const COLUMNS = [
    ["Premium", (v) => v.toFixed(3)], ["Low", (v) => v.toFixed(3)], ["High", (v) => v.toFixed(3)],
    ["Tokens", (v) => v.toLocaleString("en")], ["Bytes", (v) => v.toLocaleString("en")],
    ["Byte premium", (v) => v.toFixed(2)], ["Bytes/token", (v) => v.toFixed(2)],
    ["Density ratio", (v) => v.toFixed(2)], ["STRR", (v) => v.toFixed(2)], ["Rank", (v) => String(v)],
  ];
  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const header = (text, className) =>
    element("th", { scope: "col", className }, element("button", { type: "button", textContent: text }));

  const showMeasures = (encoding) => {
    const rows = premium.measures[encoding].map((row, i) => {
      const [code, name] = premium.languages[i];
      const label = element("th", { scope: "row" }, name || code, ...(name ? [" ", element("small", { textContent: code })] : []));
      label.dataset.v = keys[i];
      const cells = row.map((v, column) => {
        const cell = element("td", { textContent: v === null ? "–" : COLUMNS[column][1](v) });
        cell.dataset.v = v === null ? "" : v;
        return cell;
      });
      const made = element("tr", {}, label, ...cells);
      made.dataset.key = keys[i];
      return made;
    });
    const table = byId("measures");
    table.replaceChildren(
      element("caption", { textContent: `Measures under ${encoding}` }),
      element("thead", {}, element("tr", {}, header("Language", "name"), ...COLUMNS.map(([text]) => header(text, "")))),
      element("tbody", {}, ...rows),
    );
    sort(table, 1 + PREMIUM, "descending");
    hint();
  };

  const wanted = () => byId("filter").value.trim().toLowerCase();
  const showIntervals = (encoding) => {
    const rows = [];
    premium.measures[encoding].forEach((row, i) => {
      if (!keys[i].includes(wanted())) return;
      rows.push({
        language: names[i], encoding, premium: row[PREMIUM], low: row[LOW] ?? row[PREMIUM], high: row[HIGH] ?? row[PREMIUM],
      });
    });
    embed("interval-chart", premium.intervals, rows, rows.length);
  };
  const filter = () => {
    const text = wanted();
    let shown = 0;
    for (const row of document.querySelectorAll("tr[data-key]")) {
      row.hidden = !row.dataset.key.includes(text);
    }
    for (const key of keys) shown += key.includes(text);
    byId("matches").textContent = text ? `${shown} of ${keys.length} languages` : `${keys.length} languages`;
  };
  const choose = () => {
    const encoding = byId("encoding").value;
    showMeasures(encoding);
    filter();
    showIntervals(encoding);
  };

  let pending;
  byId("filter").addEventListener("input", () => {
    filter();
    clearTimeout(pending);
    pending = setTimeout(() => showIntervals(byId("encoding").value), 150);
  });
  byId("intervals").addEventListener("change", (event) =>
    byId("heat-map").classList.toggle("with-intervals", event.target.checked));
  byId("encoding").addEventListener("change", choose);
  choose();
})();
