// What the optimiser did, edit by edit, and what it left alone and why.

const levelNames = {0: "what running needs", 1: "inside an operator", 2: "between neighbours", 3: "across a region", 4: "whole program"};

function editsSection(report) {
  const edits = report.edits ?? [], refused = report.refused ?? [];
  if (!edits.length && !refused.length) return null;
  const levels = [...new Set([...edits, ...refused].map((edit) => edit.level))].filter(isNumber).sort();
  const predicted = sumOf(edits, "bytes_saved_predicted"), seen = edits.filter((e) => isNumber(e.bytes_before) && isNumber(e.bytes_after));
  const saved = seen.length ? seen[0].bytes_before - seen.at(-1).bytes_after : undefined;
  const children =
      [el("p", {class: "lead"}, `${formatCount(edits.length)} edits taken, ${formatCount(refused.length)} looked at and refused. `,
          isNumber(saved) && `Bytes moved went down by ${formatBytes(saved)}`,
          isNumber(saved) && isNumber(predicted) && `; the edits predicted ${formatBytes(predicted)}`, isNumber(saved) && ".")];
  if (seen.length > 1) {
    children.push(legend([...levels.map((level) => [`level ${level}: ${levelNames[level] ?? ""}`, `level${level}`]),
      ...(seen.some((edit) => edit.bytes_after > edit.bytes_before) ? [["more bytes for a while", "rise"]] : [])]),
      drawToWidth(el("div", {class: "host"}), (width) => waterfall(width, seen)));
  }
  children.push(...editTables(edits, refused, levels));
  return section("edits", "The edits", children);
}

function waterfall(width, edits) {
  const top = Math.max(...edits.flatMap((edit) => [edit.bytes_before, edit.bytes_after]));
  const frame = chartFrame({
    width,
    height: 320,
    label: "Bytes moved, after each edit",
    x: {
      scale: (a, b) => linearScale(-0.5, edits.length + 1.5, a, b),
      format: (tick) => (tick >= 1 && tick <= edits.length ? formatCount(tick) : ""),
      label: "edit",
      count: wholeCount(0, edits.length + 2, width)
    },
    y: {scale: (a, b) => linearScale(0, top * 1.05, a, b), format: formatBytes, label: "bytes moved"}
  });
  const slot = frame.x(1) - frame.x(0);
  const bar = (position, from, to, kind, title, rows) => {
    const [y0, y1] = [frame.y(Math.max(from, to)), frame.y(Math.min(from, to))];
    frame.plot.append(svg("rect", {
      class: kind,
      x: frame.x(position) - slot * 0.42,
      width: Math.max(1, slot * 0.84),
      y: y0,
      height: Math.max(1.5, y1 - y0),
      ...tipFor(title, () => rows)
    }));
  };
  bar(0, 0, edits[0].bytes_before, "written", "As written", [["bytes", formatBytes(edits[0].bytes_before)]]);
  edits.forEach((edit, i) => {
    bar(i + 1, edit.bytes_before, edit.bytes_after, edit.bytes_after > edit.bytes_before ? "rise" : `level${edit.level}`, edit.name, [
      ["step", edit.step], ["level", edit.level], ["place", shorten(edit.place ?? "", 60)],
      ["predicted", formatBytes(edit.bytes_saved_predicted)], ["saved", formatBytes(edit.bytes_before - edit.bytes_after)],
      ["left", formatBytes(edit.bytes_after)]
    ]);
    if (i + 1 < edits.length) {
      frame.plot.append(
          svg("line",
              {class: "step", x1: frame.x(i + 1), x2: frame.x(i + 2), y1: frame.y(edit.bytes_after), y2: frame.y(edit.bytes_after)}));
    }
  });
  const last = edits.at(-1).bytes_after;
  bar(edits.length + 1, 0, last, "optimised", "Optimised", [["bytes", formatBytes(last)]]);
  return frame.root;
}

function editTables(edits, refused, levels) {
  const seen = edits.filter((edit) => isNumber(savedBy(edit)));
  const place = {key: "place", title: "place", text: (edit) => edit.place ?? "", class: "place"};
  const level = {
    key: "level",
    title: "level",
    number: true,
    text: (edit) => edit.level,
    mark: (edit) => el("i", {class: `swatch level${edit.level}`})
  };
  const name = {key: "name", title: "edit", text: (edit) => edit.name ?? ""};
  const taken = dataTable({
    rows: edits,
    sortBy: seen.length ? "saved" : "step",
    descending: seen.length > 0,
    limit: 12,
    columns: [
      {key: "step", title: "step", number: true, text: (edit) => edit.step}, level, name, place, {
        key: "predicted",
        title: "predicted",
        number: true,
        bar: true,
        value: (edit) => edit.bytes_saved_predicted,
        text: (edit) => formatBytes(edit.bytes_saved_predicted)
      },
      {key: "saved", title: "saved", number: true, bar: true, value: savedBy, text: (edit) => formatBytes(savedBy(edit))},
      {key: "note", title: "note", text: noteOf, class: "note"}
    ]
  });
  const left = dataTable({rows: refused, sortBy: "level", descending: true, limit: 12, columns: [level, name, place,
    {key: "reason", title: "why not", text: (edit) => edit.reason ?? "", class: "note"}]});
  let wanted = "all";
  const search =
      el("input", {type: "search", placeholder: "Filter by name, place or reason", "aria-label": "Filter edits", input: () => filter()});
  const filter = () => {
    const text = search.value.toLowerCase();
    const fits = (edit) => (wanted === "all" || edit.level === wanted) &&
        [edit.name, edit.place, noteOf(edit), edit.reason].join(" ").toLowerCase().includes(text);
    taken.setRows(edits.filter(fits));
    left.setRows(refused.filter(fits));
  };
  return [
    el("div", {class: "tools"},
       choice(
           "Level", [["all", "All levels"], ...levels.map((one) => [one, `Level ${one}`])], "all",
           (level) => {
             wanted = level;
             filter();
           }),
       search),
    edits.length > 0 && [el("h3", {}, "Taken"), taken.element], refused.length > 0 && [el("h3", {}, "Refused, and why"), left.element]
  ];
}

// What is said of the edit, then what decided at each place of a pass over the whole graph, a line each.
const noteOf = (edit) =>
    [edit.note, ...(edit.places ?? []).map((one) => `${one.place ?? ""}: ${one.reason ?? ""}`)].filter(Boolean).join("\n");
const savedBy = (edit) => (isNumber(edit.bytes_before) && isNumber(edit.bytes_after) ? edit.bytes_before - edit.bytes_after : undefined);
