// One graph drawn in a pane: boxes that open, zoom, pan, search, hover, and the arrow keys along its edges.

const shorten = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
const titleOf = (node) => node.label || node.op || node.name || String(node.id);
const nameOfBox = (group) => group.layer || "(no layer)";

class GraphView {
  // limits: {node: {ms, bytes, gap}, group: ..., link}: the darkest and widest, shared by both panes so that they compare.
  constructor(model, {title, shading, limits, onSelect}) {
    Object.assign(this, {model, shading, limits, onSelect, open: new Set(), selected: null, found: null, view: {x: 0, y: 0, k: 1}});
    this.world = svg("g");
    this.canvas = svg("svg", {class: "graph", tabindex: 0, role: "application",
      "aria-label": `${title}: arrow keys follow edges, Enter opens a box, plus and minus zoom, 0 fits`}, this.world);
    this.element =
        el("figure", {class: "pane"},
           el("figcaption", {}, title,
              el("span", {},
                 `${formatCount(model.nodes.length)} nodes · ${formatBytes(sumOf(model.nodes, "bytes"))} · ${
                     formatMs(sumOf(model.nodes, "ms"))}`)),
           this.canvas);
    if (model.nodes.length <= 24 || model.groups.length === model.nodes.length) model.groups.forEach((group) => this.open.add(group));
    this.draw();
    addNavigation(this);
    new ResizeObserver(() => { if (!this.touched) this.fit(); }).observe(this.canvas);
  }

  draw() {
    const {model, open} = this;
    this.size = arrange(model, open);
    this.canvas.style.maxHeight = `${Math.max(300, 1.1 * this.size.height + 120)}px`;  // no taller than a small graph needs
    this.marks = new Map();
    const heads = this.size.columns.map(
        (column) => svg("text", {class: "stage", x: column.x + column.w / 2, y: -22, "text-anchor": "middle"}, shorten(column.stage, 24)));
    const links = model.links.map((link) => this.drawLink(link));
    const items = model.groups.map((group) => (isOpen(group, open) ? this.drawOpen(group) : this.drawClosed(group)));
    this.hot = svg("g", {class: "hot"});
    this.world.replaceChildren(...heads, ...links, ...items, this.hot);
    this.shade(this.shading);
    this.mark();
  }

  drawLink(link) {
    const path = link.route ? routePath(link.route) : connector(link.source, link.target);
    const rows = () => [
        ["moves", formatBytes(link.bytes)], ["tensors", link.tensors.size],
        ...[...link.tensors.values()].slice(0, 6).map(
            (edge) => [shorten(edge.tensor ?? "", 28), [edge.shape, edge.layout].filter(Boolean).join(" ")])];
    return svg("path", {class: "edge", d: path, "stroke-width": this.widthOf(link.bytes),
      ...tipFor(`${nameOfBox(link.source)} → ${nameOfBox(link.target)}`, rows)});
  }

  widthOf(bytes) {
    return 1 + 9 * Math.sqrt((bytes ?? 0) / (this.limits.link || 1));
  }

  drawOpen(group) {
    if (group.nodes.length === 1) return this.drawNode(group.nodes[0]);
    const corner = {dx: group.x + boxPadding.side, dy: group.y + boxPadding.top};
    return svg("g", {class: "box"},
      svg("rect", {x: group.x, y: group.y, width: group.w, height: group.h, rx: 10}),
      svg("text", {class: "handle", x: group.x + 14, y: group.y + 21, click: () => this.toggle(group)}, `▾ ${nameOfBox(group)}`),
      group.inner.map((edge, i) => svg("path", {class: "edge", d: routePath(group.layout.routes[i], corner.dx, corner.dy),
        "stroke-width": this.widthOf(edge.bytes), ...tipFor(edge.tensor ?? "", () => edgeRows(edge))})),
      group.nodes.map((node) => this.drawNode(node)));
  }

  drawClosed(group) {
    const mark =
        svg("g", {
          class: "item group",
          transform: `translate(${group.x} ${group.y})`,
          click: () => this.select(group),
          dblclick: () => this.toggle(group),
          ...tipFor(`${nameOfBox(group)}, ${group.stage}`, () => costRows(group))
        },
            svg("rect", {x: 4, y: 4, width: group.w, height: group.h, rx: 9, class: "shadow"}),
            svg("rect", {width: group.w, height: group.h, rx: 9, class: "body"}),
            svg("text", {x: 14, y: 24, class: "name"}, shorten(nameOfBox(group), 20)),
            svg("text", {x: 14, y: 43, class: "small"},
                `${group.nodes.length} nodes · ${formatBytes(group.bytes)}${isNumber(group.ms) ? ` · ${formatMs(group.ms)}` : ""}`),
            svg("g", {
              class: "opener",
              click: (event) => {
                event.stopPropagation();
                this.toggle(group);
              }
            },
                svg("rect", {x: group.w - 30, y: 6, width: 24, height: 24, rx: 6}),
                svg("text", {x: group.w - 18, y: 23, "text-anchor": "middle"}, "+")));
    this.marks.set(group, mark);
    return mark;
  }

  drawNode(node) {
    const corner = {map: 2, library: 8}[node.kind] ?? 18;
    const alone = node.group.nodes.length === 1 && this.size.columns.length > 0 && !titleOf(node).startsWith(node.layer);
    const mark =
        svg("g", {
          class: `item node ${node.kind ?? ""}`,
          transform: `translate(${node.x} ${node.y})`,
          click: () => this.select(node),
          ...tipFor(titleOf(node), () => [["shape", node.shape], ...costRows(node), ["runs as", node.impl]])
        },
            svg("rect", {width: nodeSize.w, height: nodeSize.h, rx: corner, class: "body"}),
            node.kind === "library" && svg("path", {d: `M6 7v${nodeSize.h - 14}`, class: "spine"}),
            svg("text", {x: 14, y: 17, class: "name"}, shorten(alone ? `${node.layer}: ${titleOf(node)}` : titleOf(node), 21)),
            svg("text", {x: 14, y: 32, class: "small"}, shorten([node.shape, formatBytes(node.bytes)].filter(Boolean).join(" · "), 27)));
    this.marks.set(node, mark);
    return mark;
  }

  shade(shading) {
    this.shading = shading;
    const {of, curve} = shadings[shading];
    for (const [item, mark] of this.marks) {
      const most = this.limits[item.nodes ? "group" : "node"][shading];
      const part = isNumber(of(item)) && most > 0 ? Math.min(1, curve(of(item)) / (curve(most) || 1)) : 0;
      mark.style.setProperty("--part", `${(100 * part).toFixed(1)}%`);
      mark.classList.toggle("strong", part > 0.6);
    }
  }

  toggle(group) {
    if (group.nodes.length === 1) return;
    const before = {x: group.x, y: group.y};
    this.touched = true;
    if (!this.open.delete(group)) this.open.add(group);
    this.draw();
    // The box stays under the pointer.
    this.move(this.view.x + (before.x - group.x) * this.view.k, this.view.y + (before.y - group.y) * this.view.k, this.view.k);
  }

  openAll(all) {
    this.open = new Set(all ? this.model.groups : []);
    this.touched = all;
    this.draw();
    this.fit(all ? 0.4 : undefined);  // opened, a large graph starts at its top, to be read, not at a glance
  }

  // item: a node, a group or nothing. A node in a closed box opens it.
  select(item, reveal = false) {
    this.selected = item;
    if (item && !item.nodes && !isOpen(item.group, this.open)) { this.open.add(item.group); this.draw(); }
    this.mark();
    if (reveal && item) this.show(item);
    this.onSelect(item, this);
  }

  mark() {
    for (const [item, mark] of this.marks) {
      mark.classList.toggle("selected", item === this.selected);
      mark.classList.toggle("faint", this.found !== null && !(item.nodes ?? [item]).some((node) => this.found.has(node)));
    }
    const node = this.selected?.nodes ? null : this.selected;
    const end = (one) => (this.marks.has(one) ? {x: one.x, y: one.y, ...nodeSize} : one.group);
    const paths = !node ?
        [] :
        [...node.in, ...node.out]
            .filter((edge) => edge.source && edge.target && edge.source !== edge.target)
            .map(
                (edge) =>
                    svg("path", {d: connector(end(edge.source), end(edge.target)), "stroke-width": Math.max(2, this.widthOf(edge.bytes))}));
    this.hot.replaceChildren(...paths);
  }

  find(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const textOf = (node) => [node.name, node.op, node.label, node.impl, node.shape, ...(node.from ?? [])].join(" ").toLowerCase();
    this.found = words.length ? new Set(this.model.nodes.filter((node) => words.every((word) => textOf(node).includes(word)))) : null;
    this.mark();
    return this.found?.size ?? 0;
  }

  selectNextFound() {
    const found = this.model.nodes.filter((node) => this.found?.has(node));
    if (found.length) this.select(found[(found.indexOf(this.selected) + 1) % found.length], true);
  }

  move(x, y, k) {
    this.view = {x, y, k};
    this.world.setAttribute("transform", `translate(${x} ${y}) scale(${k})`);
  }

  fit(smallest = 0.04) {
    const {clientWidth: width, clientHeight: height} = this.canvas;
    if (!width || !this.size.width) return;
    const k = Math.min(1.1, Math.max(smallest, Math.min((width - 40) / this.size.width, (height - 100) / this.size.height)));
    this.move(Math.max(20, (width - this.size.width * k) / 2), 76, k);
  }

  show(item) {
    const {clientWidth: width, clientHeight: height} = this.canvas;
    const k = Math.max(0.8, this.view.k);
    this.touched = true;
    this.move(width / 2 - (item.x + nodeSize.w / 2) * k, height / 2 - (item.y + nodeSize.h / 2) * k, k);
  }
}
