// Making elements. Text only ever enters the page as text nodes and attribute values, never as markup.

const svgNamespace = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

// el("p", {class: "note", click: handler}, "text", otherElement)
function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(svgNamespace, tag), attributes, children);
}

// A row of buttons of which one is pressed: [[value, text], ...].
function choice(label, options, chosen, onChoose) {
  const buttons = options.map(([value, text]) =>
    el("button", {type: "button", "aria-pressed": String(value === chosen), click: () => {
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(options[i][0] === value)));
      onChoose(value);
    }}, text));
  return el("div", {class: "choice", role: "group", "aria-label": label}, buttons);
}

// Draws now and again whenever the element's width changes, so that text keeps its size on any screen.
function drawToWidth(host, draw) {
  let width = 0;
  const redraw = () => requestAnimationFrame(() => {
    const now = Math.floor(host.clientWidth);
    if (now === width || now === 0) return;
    width = now;
    host.replaceChildren(draw(width));
  });
  new ResizeObserver(redraw).observe(host);
  return host;
}

// The one tooltip of the page. rows: [[label, value], ...].
function showTip(title, rows, x, y) {
  const tip = document.getElementById("tip");
  tip.replaceChildren(el("strong", {}, title),
    el("dl", {}, rows.filter(([, value]) => value !== undefined).map(([label, value]) => [el("dt", {}, label), el("dd", {}, value)])));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 16 + box.width > innerWidth ? x - box.width - 12 : x + 16;
  const top = y + 16 + box.height > innerHeight ? y - box.height - 12 : y + 16;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, top)}px`;
}

function hideTip() {
  document.getElementById("tip").hidden = true;
}

// Attributes to spread into svg() or el(). Marks are hundreds, so the keyboard does not stop at each: what their tooltips say, tables and the
// panel say too.
function tipFor(title, rows) {
  return {pointermove: (event) => showTip(title, rows(), event.clientX, event.clientY), pointerleave: hideTip};
}
