// Pointer, wheel and keys of a graph's pane.

function addNavigation(view) {
  const {canvas} = view;
  const zoom = (factor, x, y) => {
    const {view: at} = view;
    const k = Math.min(4, Math.max(0.04, at.k * factor));
    view.touched = true;
    view.move(x - ((x - at.x) * k) / at.k, y - ((y - at.y) * k) / at.k, k);
  };
  view.zoomBy = (factor) => zoom(factor, canvas.clientWidth / 2, canvas.clientHeight / 2);

  // A plain wheel scrolls the page until the pane has the focus.
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas) return;
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - box.left, event.clientY - box.top);
  }, {passive: false});

  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.focus({preventScroll: true});
    drag = {x: event.clientX - view.view.x, y: event.clientY - view.view.y, startX: event.clientX, startY: event.clientY, moved: false};
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag || event.buttons === 0) return;
    if (!drag.moved && Math.hypot(event.clientX - drag.startX, event.clientY - drag.startY) < 4) return;
    if (!drag.moved) canvas.setPointerCapture(event.pointerId);
    drag.moved = view.touched = true;
    hideTip();
    view.move(event.clientX - drag.x, event.clientY - drag.y, view.view.k);
  });
  canvas.addEventListener("pointerup", () => { drag = null; });
  canvas.addEventListener("keydown", (event) => {
    if (followKey(view, event.key)) event.preventDefault();
  });
}

function followKey(view, key) {
  const {selected, model} = view;
  const select = (item) => { if (item) view.select(item, true); return true; };
  switch (key) {
    case "+": case "=": view.zoomBy(1.25); return true;
    case "-": view.zoomBy(0.8); return true;
    case "0": view.touched = false; view.fit(); return true;
    case "Escape": view.select(null); return true;
    case "Enter": if (selected) view.toggle(selected.nodes ? selected : selected.group); return true;
    case "ArrowUp": case "ArrowDown": case "ArrowLeft": case "ArrowRight": return select(neighbour(view, model, selected, key));
    default: return false;
  }
}

// Up and down follow the largest edge; left and right go through the order in which nodes (or boxes) run.
function neighbour(view, model, selected, key) {
  if (!selected) return isOpen(model.groups[0], view.open) ? model.nodes[0] : model.groups[0];
  const list = selected.nodes ? model.groups : model.nodes;
  if (key === "ArrowLeft" || key === "ArrowRight") return list[selected.index + (key === "ArrowRight" ? 1 : -1)];
  const up = key === "ArrowUp";
  const edges = selected.nodes ? model.links.filter((link) => (up ? link.target : link.source) === selected) :
      up                       ? selected.in :
                                 selected.out;
  const ends = edges.filter((edge) => edge.source && edge.target).sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0));
  return ends.length ? (up ? ends[0].source : ends[0].target) : undefined;
}
