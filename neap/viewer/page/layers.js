// Layered drawing of a directed acyclic graph, after Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical
// system structures" (1981): longest-path ranks, barycenter order, and positions that are the least-squares fit to the neighbours'
// positions under the order (isotonic regression by pooling adjacent violators).

const layerGap = {x: 22, y: 34};
const laneWidth = 10;  // room that a long edge takes in each layer it passes

// nodes: [{w, h}], edges: [[from, to]] by index, from before to (others are drawn but do not shape the layers).
// Returns {at: [{x, y}] top left corners, routes: [[{x, y}...]] a way for each edge, width, height}.
function layeredLayout(nodes, edges) {
  if (nodes.length === 0) return {at: [], routes: [], width: 0, height: 0};
  const rank = longestPathRanks(nodes.length, edges);
  const items = nodes.map((node, i) => ({...node, rank: rank[i], above: [], below: [], weight: 1}));
  const chains = edges.map(([from, to]) => chainOf(items, from, to));
  const layers = [];
  for (const item of items) (layers[item.rank] ??= []).push(item);
  orderLayers(layers);
  placeLayers(layers);
  return shifted(items.slice(0, nodes.length), chains, layers);
}

function longestPathRanks(count, edges) {
  const rank = new Array(count).fill(0);
  const into = Array.from({length: count}, () => []), out = Array.from({length: count}, () => []);
  for (const [from, to] of edges) if (from < to) { into[to].push(from); out[from].push(to); }
  for (let i = 0; i < count; i++) for (const from of into[i]) rank[i] = Math.max(rank[i], rank[from] + 1);
  // A source sits right above its first user, not at the top of the page.
  for (let i = count - 1; i >= 0; i--) {
    if (into[i].length === 0 && out[i].length) rank[i] = Math.min(...out[i].map((to) => rank[to])) - 1;
  }
  const first = Math.min(...rank);
  return rank.map((r) => r - first);
}

// The items that an edge runs through: its ends, and a lane in each layer between them. Edges of one source share their lanes.
function chainOf(items, from, to) {
  const [source, target] = [items[from], items[to]];
  const chain = [source];
  for (let r = source.rank + 1; r < target.rank; r++) {
    source.lanes ??= [];
    const before = chain.at(-1);
    let lane = source.lanes[r];
    if (!lane) {
      lane = source.lanes[r] = {w: laneWidth, h: 0, rank: r, above: [before], below: [], weight: 4, lane: true};
      before.below.push(lane);
      items.push(lane);
    }
    chain.push(lane);
  }
  if (source.rank < target.rank) {
    chain.at(-1).below.push(target);
    target.above.push(chain.at(-1));
  }
  return [...chain, target];
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function orderLayers(layers) {
  const number = (layer) => layer.forEach((item, i) => { item.order = i; });
  layers.forEach(number);
  for (let sweep = 0; sweep < 10; sweep++) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      for (const item of layer) {
        const neighbours = down ? item.above : item.below;
        item.key = neighbours.length ? mean(neighbours.map((other) => other.order)) : item.order;
      }
      layer.sort((a, b) => a.key - b.key);
      number(layer);
    }
  }
}

function placeLayers(layers) {
  for (const layer of layers) {
    const width = layer.reduce((sum, item) => sum + item.w + layerGap.x, -layerGap.x);
    let x = -width / 2;
    for (const item of layer) { item.x = x + item.w / 2; x += item.w + layerGap.x; }  // x: the middle
  }
  for (let sweep = 0; sweep < 12; sweep++) {
    for (const layer of sweep % 2 === 0 ? layers : [...layers].reverse()) {
      for (const item of layer) {
        const neighbours = [...item.above, ...item.below];
        item.wanted = neighbours.length ? mean(neighbours.map((other) => other.x)) : item.x;
      }
      fitInOrder(layer);
    }
  }
}

// Minimises sum weight * (x - wanted)^2 with neighbours at least a gap apart.
function fitInOrder(layer) {
  const offset = [0];
  for (let i = 1; i < layer.length; i++) offset[i] = offset[i - 1] + (layer[i - 1].w + layer[i].w) / 2 + layerGap.x;
  const pools = [];
  layer.forEach((item, i) => {
    let pool = {sum: item.weight * (item.wanted - offset[i]), weight: item.weight, count: 1};
    while (pools.length && pools.at(-1).sum / pools.at(-1).weight > pool.sum / pool.weight) {
      const last = pools.pop();
      pool = {sum: pool.sum + last.sum, weight: pool.weight + last.weight, count: pool.count + last.count};
    }
    pools.push(pool);
  });
  let i = 0;
  for (const pool of pools) for (let k = 0; k < pool.count; k++, i++) layer[i].x = pool.sum / pool.weight + offset[i];
}

function shifted(items, chains, layers) {
  let y = 0;
  for (const layer of layers) {
    const height = Math.max(...layer.map((item) => item.h));
    for (const item of layer) item.y = y + (height - item.h) / 2;
    y += height + layerGap.y;
  }
  const all = layers.flat();
  const left = Math.min(...all.map((item) => item.x - item.w / 2));
  const right = Math.max(...all.map((item) => item.x + item.w / 2));
  const routes = chains.map((chain) => chain.map((item, i) => ({
    x: item.x - left,
    y: item.lane ? item.y : i === 0 ? item.y + item.h : item.y,
  })));
  return {at: items.map((item) => ({x: item.x - item.w / 2 - left, y: item.y})), routes, width: right - left, height: y - layerGap.y};
}
