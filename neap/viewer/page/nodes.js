// Every node's bytes and time as a table, before and after.

function nodesSection(report) {
  const sides = [["before", "As written"], ["after", "Optimised"]].filter(
      ([side]) => report.graphs?.[side]?.nodes?.some((node) => isNumber(node.ms) || isNumber(node.bytes)));
  if (!sides.length) return null;
  const host = el("div");
  const show = (side) => host.replaceChildren(nodeTable(report.graphs[side].nodes, report.roofline));
  const first = sides.at(-1)[0];
  show(first);
  return section("nodes", "Node by node", [
    el("p", {class: "lead"}, "Bytes are modelled from the graph; times are measured. The share is of the measured time of all nodes."),
    sides.length > 1 && el("div", {class: "tools"}, choice("Which graph", sides, first, show)), host]);
}

function nodeTable(nodes, rates) {
  const total = sumOf(nodes, "ms");
  const rate = (node, key) => (isNumber(node[key]) && node.ms > 0 ? node[key] / node.ms / 1e6 : undefined);
  const timed = total > 0;
  const column = (key, title, value, text, extra = {}) => ({key, title, number: true, value, text: (node) => text(value(node)), ...extra});
  return dataTable({
           rows: nodes,
           sortBy: timed ? "ms" : "bytes",
           limit: 15,
           columns: [
             {key: "name", title: "node", text: (node) => node.name || titleOf(node), class: "place"},
             {key: "op", title: "kind", text: (node) => [node.kind, node.impl].filter(Boolean).join(", ")},
             column("bytes", "bytes", (node) => node.bytes, formatBytes, {bar: true}),
             ...(timed ?
                     [
                       column("ms", "time", (node) => node.ms, formatMs, {bar: true, class: "time"}),
                       column("share", "share", (node) => node.ms / total, formatPercent),
                       column("gbs", "GB/s", (node) => rate(node, "bytes"), formatPlain),
                       column("gfs", "GF/s", (node) => rate(node, "flops"), formatPlain)
                     ] :
                     []),
             ...(timed && rates ? [column(
                                      "gap", "over roofline", (node) => rooflineGap(node, rates),
                                      (value) => (isNumber(value) ? `${digits(value)}×` : "–"))] :
                                  []),
           ]
         })
      .element;
}
