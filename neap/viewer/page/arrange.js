// Where boxes and nodes go. A training graph is a U: forward down the first column, backward up the second, updates in the third, so that
// what runs sideways is what the backward pass keeps. A graph of one stage is drawn in layers.

const nodeSize = {w: 176, h: 40};
const groupSize = {w: 190, h: 58};
const boxPadding = {side: 14, top: 34, bottom: 14};
const cellGap = {x: 110, y: 40};

const isOpen = (group, open) => group.nodes.length === 1 || open.has(group);

function arrange(model, open) {
  for (const group of model.groups) measure(group, open, model.stages.indexOf(group.stage) === 1);
  const placed = model.stages.length > 1 ? arrangeColumns(model) : arrangeLayers(model);
  for (const group of model.groups) {
    if (!isOpen(group, open)) continue;
    const single = group.nodes.length === 1;
    group.nodes.forEach((node, i) => {
      node.x = group.x + (single ? 0 : boxPadding.side + group.layout.at[i].x);
      node.y = group.y + (single ? 0 : boxPadding.top + group.layout.at[i].y);
    });
  }
  return placed;
}

function measure(group, open, upward) {
  if (group.nodes.length === 1) Object.assign(group, nodeSize);
  else if (!open.has(group)) Object.assign(group, groupSize);
  else {
    const index = new Map(group.nodes.map((node, i) => [node, i]));
    group.inner = group.nodes.flatMap((node) => node.out.filter((edge) => index.has(edge.target) && edge.target !== node));
    if (!group.layout) {
      group.layout =
          layeredLayout(group.nodes.map(() => nodeSize), group.inner.map((edge) => [index.get(edge.source), index.get(edge.target)]));
      if (upward) turnUpward(group.layout);
    }
    group.w = Math.max(groupSize.w, group.layout.width + 2 * boxPadding.side);
    group.h = group.layout.height + boxPadding.top + boxPadding.bottom;
  }
}

function turnUpward(layout) {
  for (const corner of layout.at) corner.y = layout.height - corner.y - nodeSize.h;
  for (const point of layout.routes.flat()) point.y = layout.height - point.y;
}

function arrangeLayers(model) {
  const layout = layeredLayout(model.groups, model.links.map((link) => [link.source.index, link.target.index]));
  model.groups.forEach((group, i) => Object.assign(group, layout.at[i]));
  model.links.forEach((link, i) => { link.route = layout.routes[i]; });
  return {width: layout.width, height: layout.height, columns: []};
}

function arrangeColumns(model) {
  let x = 0;
  const columns = model.stages.map((stage) => {
    const groups = model.groups.filter((group) => group.stage === stage);
    const column = {stage, x, w: Math.max(...groups.map((group) => group.w)), groups};
    x += column.w + cellGap.x;
    return column;
  });
  const main = columns.slice(0, 2).flatMap((column) => column.groups);
  const rows = [...new Set(main.map((group) => group.layer))];
  // A later stage with no layer of the first two (one optimiser for all) stands at half height, near all that it reads.
  const apart = columns.filter((column) => !column.groups.some((group) => rows.includes(group.layer)));
  const aligned = columns.filter((column) => !apart.includes(column));
  rows.push(...new Set(aligned.flatMap((column) => column.groups.map((group) => group.layer)).filter((layer) => !rows.includes(layer))));

  let y = 0;
  for (const row of rows) {
    // The backward pass runs upwards: of two boxes in one cell, the later is the higher.
    const cells = aligned.map((column) => ({column, groups: column.groups.filter((group) => group.layer === row)}));
    for (const cell of cells) if (cell.column === columns[1]) cell.groups.reverse();
    const height = Math.max(...cells.map((cell) => stackHeight(cell.groups)));
    for (const cell of cells) stack(cell.groups, cell.column, y + (height - stackHeight(cell.groups)) / 2);
    y += height + cellGap.y;
  }
  const height = Math.max(y - cellGap.y, ...apart.map((column) => stackHeight(column.groups)));
  for (const column of apart) stack(column.groups, column, (height - stackHeight(column.groups)) / 2);
  model.links.forEach((link) => { link.route = undefined; });
  return {width: x - cellGap.x, height, columns};
}

const stackHeight = (groups) => groups.reduce((sum, group) => sum + group.h + layerGap.y, -layerGap.y);

function stack(groups, column, y) {
  for (const group of groups) {
    group.x = column.x + (column.w - group.w) / 2;
    group.y = y;
    y += group.h + layerGap.y;
  }
}

// The way from box to box (or node to node) where the layout gave none.
function connector(a, b) {
  const across = b.x > a.x + a.w ? 1 : b.x + b.w < a.x ? -1 : 0;
  if (across) {
    const from = {x: across > 0 ? a.x + a.w : a.x, y: a.y + a.h / 2}, to = {x: across > 0 ? b.x : b.x + b.w, y: b.y + b.h / 2};
    const bend = Math.max(30, Math.abs(to.x - from.x) / 2) * across;
    return `M${from.x} ${from.y}C${from.x + bend} ${from.y} ${to.x - bend} ${to.y} ${to.x} ${to.y}`;
  }
  const down = b.y >= a.y;
  const from = {x: a.x + a.w / 2, y: down ? a.y + a.h : a.y}, to = {x: b.x + b.w / 2, y: down ? b.y : b.y + b.h};
  const distance = Math.abs(to.y - from.y);
  if (distance > 90) {  // past other boxes of the column: around them
    const side = down ? Math.min(a.x, b.x) : Math.max(a.x + a.w, b.x + b.w);
    const out = side + (down ? -1 : 1) * Math.min(70, 18 + distance / 14);
    const [fromX, toX] = down ? [a.x, b.x] : [a.x + a.w, b.x + b.w];
    return `M${fromX} ${a.y + a.h / 2}C${out} ${a.y + a.h / 2} ${out} ${b.y + b.h / 2} ${toX} ${b.y + b.h / 2}`;
  }
  const bend = (down ? 1 : -1) * distance / 2;
  return `M${from.x} ${from.y}C${from.x} ${from.y + bend} ${to.x} ${to.y - bend} ${to.x} ${to.y}`;
}

function routePath(points, dx = 0, dy = 0) {
  let path = `M${points[0].x + dx} ${points[0].y + dy}`;
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    const bend = (b.y - a.y) / 2;
    path += `C${a.x + dx} ${a.y + dy + bend} ${b.x + dx} ${b.y + dy - bend} ${b.x + dx} ${b.y + dy}`;
  }
  return path;
}
