// What is known of the selected node or box, below the panes.

function costRows(item) {
  const rows = [["bytes (modelled)", formatBytes(item.bytes)]];
  if (isNumber(item.flops)) rows.push(["flops", formatFlops(item.flops)]);
  if (isNumber(item.ms)) {
    rows.push(["time (measured)", formatMs(item.ms)]);
    if (item.ms > 0) rows.push(["rate", rateText(item)]);
  }
  if (isNumber(item.gap)) rows.push(["over the roofline", `${digits(item.gap)}×`]);
  return rows;
}

const rateText = (item) => `${digits((item.bytes ?? 0) / item.ms / 1e6)} GB/s, ${digits((item.flops ?? 0) / item.ms / 1e6)} GF/s`;
const edgeRows = (edge) => [["moves", formatBytes(edge.bytes)], ["shape", edge.shape], ["layout", edge.layout]];
const facts = (rows) =>
    el("dl", {class: "facts"}, rows.filter(([, value]) => value).map(([key, value]) => [el("dt", {}, key), el("dd", {}, value)]));

function graphPanel(item, view, rates) {
  if (!item)
    return el(
        "p", {class: "hint"},
        "Select a node to see its text, where it came from, its bytes against its time, and the code that runs. Click + to open a box.");
  return item.nodes ? groupPanel(item, view) : nodePanel(item, view, rates);
}

function groupPanel(group, view) {
  const heaviest = [...group.nodes].sort((a, b) => (b.ms ?? 0) - (a.ms ?? 0) || (b.bytes ?? 0) - (a.bytes ?? 0)).slice(0, 8);
  return el(
      "div", {class: "details"},
      el("div", {}, el("h3", {}, `${nameOfBox(group)}, ${group.stage}`),
         facts([["nodes", formatCount(group.nodes.length)], ...costRows(group)])),
      el("div", {}, el("h4", {}, "Heaviest nodes"),
         el("ul", {class: "plain"},
            heaviest.map(
                (node) => el(
                    "li", {}, nodeLink(node, view), ` ${formatBytes(node.bytes)}${isNumber(node.ms) ? `, ${formatMs(node.ms)}` : ""}`)))));
}

const nodeLink = (node, view) => el("button", {type: "button", class: "link", click: () => view.select(node, true)}, titleOf(node));

function nodePanel(node, view, rates) {
  const ends = (edges, key, none) => el("ul", {class: "plain"}, edges.map((edge) => el("li", {},
    edge[key] ? nodeLink(edge[key], view) : el("span", {class: "muted"}, none), " ",
    el("code", {}, [edge.tensor, edge.shape, edge.layout].filter(Boolean).join(" ")), ` ${formatBytes(edge.bytes)}`)));
  return el(
      "div", {class: "details"},
      el("div", {}, el("h3", {}, titleOf(node)), facts([
           ["name", node.name], ["kind", node.kind], ["operator", node.op], ["runs as", node.impl], ["shape", node.shape], ...costRows(node)
         ]),
         rates && isNumber(node.ms) && roofBars(node, rates)),
      el("div", {}, el("h4", {}, "Reads"), node.in.length ? ends(node.in, "source", "input") : el("p", {class: "muted"}, "nothing"),
         el("h4", {}, "Writes"), node.out.length ? ends(node.out, "target", "output") : el("p", {class: "muted"}, "nothing that is kept"),
         node.from?.length && [el("h4", {}, "Came from"), el("ul", {class: "plain"}, node.from.map((name) => el("li", {}, name)))]),
      (node.text || node.code) &&
          el("div", {class: "wide"}, node.text && [el("h4", {}, "In the graph's text"), el("pre", {}, node.text)],
             node.code && [el("h4", {}, "Generated C++"), el("pre", {class: "code"}, colouredCode(node.code))]));
}

// The measured time beside what the bytes and the flops alone would take.
function roofBars(node, rates) {
  const bars = [
    ["measured", node.ms, "as-time"], ["bytes at copy rate", (1000 * (node.bytes ?? 0)) / rates.copy_bytes_per_second, "as-bytes"],
    ["flops at peak", (1000 * (node.flops ?? 0)) / rates.peak_flops, "as-flops"]
  ];
  const most = Math.max(...bars.map(([, value]) => value));
  return el("div", {class: "bars"}, bars.map(([name, value, kind]) => [el("span", {}, name),
    el("i", {class: kind, style: {"--part": `${(100 * value) / most}%`}}), el("b", {}, formatMs(value))]));
}

const keywords = "auto bool const constexpr double else extern float for if inline int long namespace restrict return static struct " +
    "unsigned using void while";
const codePattern = new RegExp(`(//[^\\n]*|/\\*[\\s\\S]*?\\*/)|\\b(${keywords.replaceAll(" ", "|")})\\b|\\b(\\d[\\w.]*)\\b`, "g");

function colouredCode(code) {
  const parts = [];
  let end = 0;
  for (const match of code.matchAll(codePattern)) {
    parts.push(code.slice(end, match.index), el("span", {class: match[1] ? "comment" : match[2] ? "keyword" : "constant"}, match[0]));
    end = match.index + match[0].length;
  }
  return [...parts, code.slice(end)];
}
