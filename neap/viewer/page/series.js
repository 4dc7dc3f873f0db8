// Measurements as lines over a common axis, with the numbers in a table: accuracy over sparsity, time over size.

// As many colours as there are lines, far from each other.
const lineColour = (i) => ({"--own": `hsl(${(205 + 137.5 * i) % 360} ${i % 2 ? 55 : 75}% ${i % 3 === 2 ? 58 : 42}%)`});

function seriesSection(report) {
  const charts = (report.series ?? []).filter((chart) => (chart.lines ?? []).some((line) => line.points?.length));
  if (!charts.length) return null;
  return section("series", "Compared", charts.map((chart) => el("figure", {}, el("figcaption", {}, chart.title,
    legend(chart.lines.map((line, i) => [line.name, "own", lineColour(i)]))),
    drawToWidth(el("div", {class: "host"}, []), (width) => lineChart({
      width,
      height: 320,
      xLabel: chart.x,
      yLabel: chart.y,
      xFormat: chart.x_percent ? (value) => formatPercent(value, 0) : undefined,
      yFormat: chart.y_percent ? (value) => formatPercent(value) : formatPlain,
      dots: true,
      series: chart.lines.map((line, i) => ({name: line.name, points: line.points, class: "own", style: lineColour(i)}))
    })),
    seriesTable(chart))));
}

function seriesTable(chart) {
  const rows = chart.lines.flatMap((line) => line.points.map(([x, y, note]) => ({name: line.name, x, y, note})));
  const text = (value, percent) => (percent ? formatPercent(value) : formatPlain(value));
  return dataTable({
    rows,
    sortBy: "x",
    descending: false,
    limit: 40,
    columns: [
      {key: "name", title: "what", text: (row) => row.name}, {key: "x", title: chart.x, number: true, value: (row) => row.x, text: (row) => text(row.x, chart.x_percent)},
      {key: "y", title: chart.y, number: true, value: (row) => row.y, text: (row) => text(row.y, chart.y_percent)},
      {key: "note", title: "", text: (row) => row.note ?? ""}
    ]
  }).element;
}
