// The section that shows the program before and after optimisation: two panes, how they are coloured, search, and the details.

function graphsSection(report) {
  const graphs = report.graphs ?? {};
  const sides = [["before", "As written"], ["after", "Optimised"]].filter(([side]) => graphs[side]?.nodes?.length);
  if (!sides.length) return null;
  const models = Object.fromEntries(sides.map(([side]) => [side, graphModel(graphs[side], report.roofline)]));
  const limits = sharedLimits(Object.values(models));
  const shadingNames = Object.keys(shadings).filter((name) => limits.node[name] > 0);
  let shading = shadingNames.includes("bytes") ? "bytes" : shadingNames[0] ?? "bytes";

  const panel = el("div", {class: "panel", "aria-live": "polite"}, graphPanel(null));
  const views = sides.map(([side, title]) => new GraphView(models[side], {title, shading, limits, onSelect: (item, view) => {
    views.forEach((other) => { if (other !== view && other.selected) { other.selected = null; other.mark(); } });
    panel.replaceChildren(graphPanel(item, view, report.roofline));
  }}));

  const panes = el("div", {class: "panes"}, views.map((view) => view.element));
  const show = (which) => {
    views.forEach((view, i) => { view.element.hidden = which !== "both" && sides[i][0] !== which; });
    panes.classList.toggle("both", which === "both");
  };
  const scale = el("p", {class: "scale"});
  const shade = (name) => {
    shading = name;
    views.forEach((view) => view.shade(name));
    const {title, text} = shadings[name];
    if (!shadingNames.length) return;
    scale.replaceChildren(
        `${title}: low`, el("i", {class: "ramp"}), `${text(limits.node[name])} a node, ${text(limits.group[name])} a box`);
  };
  shade(shading);
  const first = sides.length > 1 && innerWidth >= 1000 ? "both" : sides.at(-1)[0];
  show(first);

  const trained = models[sides[0][0]].stages.length > 1;
  const count = el("span", {class: "muted"});
  const search = el("input", {
    type: "search",
    placeholder: "Search name, operator, shape",
    "aria-label": "Search nodes",
    input: () => {
      const found = views.map((view) => view.find(search.value));
      count.textContent = search.value.trim() ? `${found.join(" and ")} found; Enter goes through them` : "";
    },
    keydown: (event) => {
      if (event.key === "Enter") views.findLast((view) => !view.element.hidden && view.found?.size)?.selectNextFound();
    }
  });
  const button = (text, label, act) =>
      el("button", {type: "button", "aria-label": label, title: label, click: () => views.forEach(act)}, text);

  return section(
      "graph", "The program",
      [
        el("p", {class: "lead"}, `${trained ? "One training step" : "The network"} as a graph. `,
           "A box is a layer; an edge is as wide as the bytes it carries. ",
           trained && "Forward runs down, backward runs up: what runs sideways is what the backward pass keeps."),
        el("div", {class: "tools"}, sides.length > 1 && choice("Which graph", [...sides, ["both", "Side by side"]], first, show),
           shadingNames.length > 1 && choice("Colour by", shadingNames.map((name) => [name, shadings[name].title]), shading, shade),
           el("div", {class: "choice"}, button("+", "Zoom in", (view) => view.zoomBy(1.25)),
              button("−", "Zoom out", (view) => view.zoomBy(0.8)),
              button(
                  "Fit", "Fit into the pane",
                  (view) => {
                    view.touched = false;
                    view.fit();
                  }),
              button("Open all", "Open every box", (view) => view.openAll(true)),
              button("Close all", "Close every box", (view) => view.openAll(false))),
           search, count),
        panes,
        el("div", {class: "under"}, scale,
           el("ul", {class: "legend kinds"}, el("li", {}, el("i", {class: "kind call"}), "operator call"),
              el("li", {}, el("i", {class: "kind library"}), "library call"),
              el("li", {}, el("i", {class: "kind map"}), "map (generated loop)")),
           el("p", {class: "muted"}, "Drag to move; click into a pane, then the wheel zooms and arrow keys follow edges.")),
        panel,
      ],
      "full");
}

function sharedLimits(models) {
  const most = (items, name) => items.reduce((high, item) => Math.max(high, shadings[name].of(item) ?? 0), 0);
  const nodes = models.flatMap((model) => model.nodes), groups = models.flatMap((model) => model.groups);
  const limitsOf = (items) => Object.fromEntries(Object.keys(shadings).map((name) => [name, most(items, name)]));
  const link = models.flatMap((model) => [...model.links, ...model.edges]).reduce((high, one) => Math.max(high, one.bytes ?? 0), 0);
  return {node: limitsOf(nodes), group: limitsOf(groups), link};
}
