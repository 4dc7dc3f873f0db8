// The figures first: what was reached, what it cost as written and optimised, and whether the two agree.

function summarySection(report) {
  const s = report.summary ?? {};
  const figure = (name, value, note) =>
      value && el("div", {class: "figure"}, el("dt", {}, name), el("dd", {}, value), note && el("p", {}, note));
  const figures = [
    isNumber(s.test_accuracy) && figure("test accuracy", formatPercent(s.test_accuracy, 2), onnxNote(s)),
    isNumber(s.step_ms?.optimised) &&
        figure(
            "training step", formatMs(s.step_ms.optimised),
            change(s.step_ms.as_written, s.step_ms.optimised, "faster than as written", "slower than as written").text),
    isNumber(s.bytes?.optimised) &&
        figure(
            "bytes moved a step", formatBytes(s.bytes.optimised),
            change(s.bytes.as_written, s.bytes.optimised, "less, modelled", "more, modelled").text),
    isNumber(s.epoch_s) && figure("an epoch", formatMs(1000 * s.epoch_s)),
    isNumber(s.parameters) && figure("parameters", formatCount(s.parameters)),
  ].filter(Boolean);
  const pairs = [
    ["Time of a training step", s.step_ms, formatMs, "faster", "slower", "measured, median"],
    ["Bytes moved in a step", s.bytes, formatBytes, "less", "more", "modelled from the graph"],
    ["Memory arena", s.arena_bytes, formatBytes, "smaller", "larger", "from the memory plan"]
  ].filter(([, pair]) => isNumber(pair?.as_written) && isNumber(pair?.optimised));
  return el(
      "section", {id: "summary", "aria-labelledby": "summary-title"}, el("h1", {id: "summary-title"}, report.title || "Neap report"),
      (report.command || report.created) &&
          el("p", {class: "command"}, report.command && el("code", {}, report.command), report.created && el("time", {}, report.created)),
      figures.length > 0 && el("dl", {class: "figures"}, figures), pairs.length > 0 && el("div", {class: "pairs"}, pairs.map(costPair)),
      report.checks?.length > 0 && checks(report.checks));
}

function onnxNote(summary) {
  if (!isNumber(summary.onnx_test_accuracy)) return undefined;
  return summary.onnx_test_accuracy === summary.test_accuracy ? "the same from the ONNX file"
    : el("span", {class: "worse"}, `but ${formatPercent(summary.onnx_test_accuracy, 2)} from the ONNX file`);
}

function costPair([title, pair, format, lessWord, moreWord, about]) {
  const most = Math.max(pair.as_written, pair.optimised);
  const bar =
      (name, value,
       kind) => [el("span", {}, name), el("i", {class: kind, style: {"--part": `${(100 * value) / most}%`}}), el("b", {}, format(value))];
  const {text, better} = change(pair.as_written, pair.optimised, lessWord, moreWord);
  return el(
      "div", {class: "pair"}, el("h3", {}, title, el("em", {class: better ? "" : "worse"}, text)),
      el("div", {class: "bars"}, bar("as written", pair.as_written, "written"), bar("optimised", pair.optimised, "optimised")),
      el("p", {class: "muted"}, about));
}

function checks(list) {
  return el(
      "ul", {class: "checks"},
      list.map(
          (check) =>
              el("li", {class: check.passed ? "passed" : "failed"}, el("b", {}, check.passed ? "✓ holds" : "✗ fails"), " ", check.name,
                 check.detail && el("span", {class: "muted"}, ` — ${check.detail}`))));
}

function dataSection(report) {
  if (!report.data) return null;
  const {name, version, about} = report.data;
  return section("data", "Data", facts([["name", name], ["version", version], ...Object.entries(about ?? {})]));
}

function machineSection(report) {
  const {cpu, cores, isa, caches, memory, ...others} = report.machine ?? {};
  const sizes = (value) =>
      (typeof value === "object" && value ?
           Object.entries(value).map(([name, size]) => `${name} ${isNumber(size) ? formatCapacity(size) : size}`).join(", ") :
           value);
  const rows = [
    ["processor", cpu], ["cores", cores], ["instruction set", isa], ["caches", sizes(caches)],
    ["memory", isNumber(memory) ? formatCapacity(memory) : memory],
    ...Object.entries(others).map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)])
  ];
  const versions = Object.entries(report.versions ?? {});
  if (!report.machine && !versions.length) return null;
  return section("machine", "Machine and versions", el("div", {class: "columns"},
    report.machine && facts(rows), versions.length > 0 && facts(versions)));
}
