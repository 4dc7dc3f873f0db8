// A table that sorts by any column, with bars behind numbers, and shows the first rows until asked for all.
// columns: [{key, title, text(row), value(row)?, number?, bar?, mark?(row)}]; value sorts; bar: drawn against the largest.

function dataTable({columns, rows, sortBy, descending = true, limit = 20, caption, onRow}) {
  let shown = rows, showAll = false, key = sortBy, down = descending;
  const body = el("tbody");
  const foot = el("p", {class: "more"});
  const valueOf = (column, row) => (column.value ? column.value(row) : column.text(row));

  const heads = columns.map((column) => el("th", {scope: "col", class: column.number ? "number" : "", title: column.about},
    el("button", {type: "button", click: () => {
      down = key === column.key ? !down : Boolean(column.number);
      key = column.key;
      draw();
    }}, column.title)));

  function sorted() {
    const column = columns.find((one) => one.key === key);
    if (!column) return shown;
    const sign = down ? -1 : 1;
    return [...shown].sort((a, b) => {
      const [x, y] = [valueOf(column, a), valueOf(column, b)];
      if (x === y) return 0;
      if (x === undefined || x === null) return 1;
      if (y === undefined || y === null) return -1;
      return sign * (typeof x === "string" ? x.localeCompare(y, "en", {numeric: true}) : x - y);
    });
  }

  function cell(column, row, largest) {
    const attributes = {class: `${column.number ? "number" : ""} ${column.class ?? ""}`};
    if (column.bar && largest > 0) {
      attributes.class += " bar";
      attributes.style = {"--part": `${(100 * Math.max(0, valueOf(column, row) || 0)) / largest}%`};
    }
    return el("td", attributes, column.mark?.(row), column.text(row));
  }

  function draw() {
    heads.forEach((head, i) => head.setAttribute("aria-sort", columns[i].key === key ? (down ? "descending" : "ascending") : "none"));
    const largest =
        new Map(columns.filter((c) => c.bar).map((c) => [c, rows.reduce((most, row) => Math.max(most, valueOf(c, row) || 0), 0)]));
    const visible = showAll ? sorted() : sorted().slice(0, limit);
    body.replaceChildren(...visible.map((row) => el("tr", onRow ? {class: "link", click: () => onRow(row)} : {},
      columns.map((column) => cell(column, row, largest.get(column))))));
    foot.replaceChildren(
        shown.length > limit ? el("button", {
          type: "button",
          click: () => {
            showAll = !showAll;
            draw();
          }
        },
                                  showAll ? `Show the first ${limit}` : `Show all ${formatCount(shown.length)}`) :
                               "");
    if (shown.length === 0) body.replaceChildren(el("tr", {}, el("td", {colspan: columns.length, class: "empty"}, "Nothing matches.")));
  }

  draw();
  const element = el("div", {class: "table"}, el("div", {class: "scroll"},
    el("table", {}, caption && el("caption", {}, caption), el("thead", {}, el("tr", {}, heads)), body)), foot);
  return {element, setRows(next) { shown = next; draw(); }};
}
