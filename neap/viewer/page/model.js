// A graph of the document as the drawing needs it: nodes in boxes by layer, edges between boxes summed up.

const layerOf = (node) => (node.from?.[0] ?? node.name ?? "").split(/[/:]/)[0].replace(" (gradient)", "").trim();
const stageOf = (node) => node.stage ?? (node.from?.some((name) => name.endsWith("(gradient)")) ? "backward" : "forward");

function graphModel(graph, rates) {
  const nodes =
      graph.nodes.map((node, index) => ({...node, index, layer: layerOf(node), stage: stageOf(node), gap: rooflineGap(node, rates)}));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const edges = (graph.edges ?? []).map((edge) => ({...edge, source: byId.get(edge.from), target: byId.get(edge.to)}));
  const inner = edges.filter((edge) => edge.source && edge.target && edge.source !== edge.target);
  for (const node of nodes) { node.in = []; node.out = []; }
  for (const edge of edges) { edge.source?.out.push(edge); edge.target?.in.push(edge); }
  const groups = groupNodes(nodes, rates);
  return {nodes, byId, edges: inner, groups, links: linksBetween(inner), stages: [...new Set(nodes.map((node) => node.stage))]};
}

// How many times longer a node took than its bytes and flops need at this machine's measured rates.
function rooflineGap(node, rates) {
  if (!rates || !isNumber(node.ms)) return undefined;
  const floor = rooflineMs(node, rates);
  return floor > 0 ? node.ms / floor : undefined;
}

function rooflineMs(node, rates) {
  return 1000 * Math.max((node.bytes ?? 0) / rates.copy_bytes_per_second, (node.flops ?? 0) / rates.peak_flops);
}

// Boxes of one layer and stage each. A node joins the newest box of its kind unless that would close a cycle of boxes;
// nodes come in an order in which they can run, so the boxes do too.
function groupNodes(nodes, rates) {
  const groups = [], newest = new Map();
  for (const node of nodes) {
    const key = `${node.stage}\n${node.layer}`;
    const sources = new Set(node.in.map((edge) => edge.source?.group).filter(Boolean));
    let group = newest.get(key);
    if (!group || [...sources].some((source) => source !== group && reaches(group, source))) {
      group = {layer: node.layer, stage: node.stage, nodes: [], out: new Set()};
      groups.push(group);
      newest.set(key, group);
    }
    node.group = group;
    group.nodes.push(node);
    for (const source of sources) if (source !== group) source.out.add(group);
  }
  for (const group of groups) {
    for (const cost of ["bytes", "flops", "ms"]) group[cost] = sumOf(group.nodes, cost);
    group.gap = rooflineGap(group, rates);
  }
  return inOrder(groups);
}

function reaches(from, to, seen = new Set()) {
  if (from === to) return true;
  seen.add(from);
  for (const next of from.out) if (!seen.has(next) && reaches(next, to, seen)) return true;
  return false;
}

function inOrder(groups) {
  const done = new Set(), order = [];
  const visit = (group) => {
    if (done.has(group)) return;
    done.add(group);
    for (const next of [...group.out].reverse()) visit(next);
    order.push(group);
  };
  [...groups].reverse().forEach(visit);
  order.reverse().forEach((group, index) => { group.index = index; });
  return order;
}

// One link for each pair of boxes; a tensor that several nodes of a box read moves there once.
function linksBetween(edges) {
  const links = new Map();
  for (const edge of edges) {
    const [source, target] = [edge.source.group, edge.target.group];
    if (source === target) continue;
    const key = `${source.index} ${target.index}`;
    if (!links.has(key)) links.set(key, {source, target, bytes: 0, tensors: new Map()});
    links.get(key).tensors.set(edge.tensor ?? `${edge.from}`, edge);
  }
  for (const link of links.values()) for (const edge of link.tensors.values()) link.bytes += edge.bytes ?? 0;
  return [...links.values()];
}

// What colours a node: {title, of(node), text(value), scale}.
const shadings = {
  ms: {title: "time", of: (item) => item.ms, text: formatMs, curve: Math.sqrt},
  bytes: {title: "bytes", of: (item) => item.bytes, text: formatBytes, curve: Math.sqrt},
  gap: {
    title: "distance from the roofline",
    of: (item) => item.gap,
    text: (value) => `${digits(value)}×`,
    curve: (value) => Math.log2(Math.max(1, value))
  },
};

const sumOf = (items, key) =>
    (items.some((item) => isNumber(item[key])) ? items.reduce((sum, item) => sum + (item[key] ?? 0), 0) : undefined);
