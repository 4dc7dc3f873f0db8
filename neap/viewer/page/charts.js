// What every chart shares: a frame with axes, grid and titles, and a line chart with a readout.

// A frame of `width` x `height`; x and y: {scale: (from, to) => scale, format, label, count}.
// Returns {root, plot, x, y, area}: draw into `plot` with the scales.
function chartFrame({width, height, x, y, label, left = 62}) {
  const area = {left, top: 30, right: width - 14, bottom: height - 42};
  const xScale = x.scale(area.left, area.right);
  const yScale = y.scale(area.bottom, area.top);
  const root = svg("svg", {class: "chart", viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": label});
  const grid = svg("g", {class: "axis"});
  for (const tick of yScale.ticks(y.count ?? 5)) {
    const at = yScale(tick);
    grid.append(svg("line", {x1: area.left, x2: area.right, y1: at, y2: at}),
      svg("text", {x: area.left - 8, y: at + 4, "text-anchor": "end"}, y.format(tick)));
  }
  const ticks = xScale.ticks(x.count ?? Math.max(2, Math.floor(width / 90)));
  for (const tick of ticks) {
    grid.append(svg("line", {x1: xScale(tick), x2: xScale(tick), y1: area.bottom, y2: area.bottom + 5, class: "mark"}),
      svg("text", {x: xScale(tick), y: area.bottom + 18, "text-anchor": "middle"}, x.format(tick)));
  }
  grid.append(svg("line", {x1: area.left, x2: area.right, y1: area.bottom, y2: area.bottom, class: "mark"}),
    svg("text", {x: (area.left + area.right) / 2, y: height - 6, "text-anchor": "middle", class: "title"}, x.label),
    svg("text", {x: 2, y: 13, class: "title"}, y.label));
  const plot = svg("g");
  root.append(grid, plot);
  return {root, plot, x: xScale, y: yScale, area};
}

const pathOf = (points, x, y) => points.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");

// At most two points (lowest and highest) a pixel: the same picture from ten thousand steps as from five hundred.
function thinned(points, pixels) {
  if (points.length <= 2 * pixels) return points;
  const kept = [];
  const chunk = points.length / pixels;
  for (let i = 0; i < pixels; i++) {
    const part = points.slice(Math.floor(i * chunk), Math.floor((i + 1) * chunk));
    const low = part.reduce((a, b) => (b[1] < a[1] ? b : a));
    const high = part.reduce((a, b) => (b[1] > a[1] ? b : a));
    kept.push(...(low[0] <= high[0] ? [low, high] : [high, low]));
  }
  return kept;
}

const extent = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);

// Index of the point nearest to x; points are sorted by x.
function nearest(points, x) {
  let low = 0, high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < x) low = middle + 1; else high = middle;
  }
  return low > 0 && x - points[low - 1][0] < points[low][0] - x ? low - 1 : low;
}

// series: [{name, points: [[x, y]...], class, format?}]; the last one is read out first. fromZero: y starts at 0.
function lineChart({width, height = 240, series, xLabel, yLabel, xFormat, yFormat = formatPlain, fromZero = false, dots = false}) {
  const all = series.flatMap((one) => one.points);
  const [x0, x1] = extent(all.map((p) => p[0]));
  const [low, high] = extent(all.map((p) => p[1]));
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  const y0 = fromZero ? 0 : low - margin;
  const frame = chartFrame({width, height, label: `${yLabel} over ${xLabel}`,
    x: {scale: (a, b) => linearScale(x0, x1, a, b), format: xFormat ?? formatCount, label: xLabel,
      count: xFormat ? undefined : wholeCount(x0, x1, width)},
    y: {scale: (a, b) => linearScale(y0, high + margin, a, b), format: yFormat, label: yLabel}});
  for (const one of series) {
    frame.plot.append(svg("path", {class: `line ${one.class}`, style: one.style, d: pathOf(thinned(one.points, width), frame.x, frame.y)}));
    if (dots)
      one.points.forEach(([a, b]) => frame.plot.append(svg("circle", {class: `dot ${one.class}`, style: one.style, cx: frame.x(a), cy: frame.y(b), r: 3.5})));
  }
  addReadout(frame, series, xLabel, xFormat ?? formatCount, yFormat);
  return frame.root;
}

// How many ticks: steps and epochs are whole, so never ticks between them.
function wholeCount(low, high, width) {
  const most = Math.max(2, Math.floor(width / 70)), span = Math.max(1, high - low);
  const step = [1, 2, 5, 10].find((one) => span / one <= most);
  return step ? span / step : most;
}

// A crosshair that follows the pointer or the arrow keys.
function addReadout(frame, series, xLabel, xFormat, yFormat) {
  const longest = series.reduce((a, b) => (b.points.length > a.points.length ? b : a)).points;
  const cross = svg("line", {class: "cross", y1: frame.area.top, y2: frame.area.bottom, visibility: "hidden"});
  frame.plot.append(cross);
  let current = 0;
  const read = (index, clientX, clientY) => {
    current = Math.min(longest.length - 1, Math.max(0, index));
    const at = longest[current][0];
    cross.setAttribute("x1", frame.x(at));
    cross.setAttribute("x2", frame.x(at));
    cross.setAttribute("visibility", "visible");
    const box = frame.root.getBoundingClientRect();
    showTip(
        `${xLabel} ${xFormat(at)}`, series.map((one) => [one.name, (one.format ?? yFormat)(one.points[nearest(one.points, at)][1])]),
        clientX ?? box.left + frame.x(at), clientY ?? box.top + frame.area.top);
  };
  const leave = () => { cross.setAttribute("visibility", "hidden"); hideTip(); };
  fill(frame.root, {tabindex: 0,
    pointermove: (event) => {
      const box = frame.root.getBoundingClientRect();
      const inside = (event.clientX - box.left) * (frame.root.viewBox.baseVal.width / box.width);
      read(nearest(longest, frame.x.invert(inside)), event.clientX, event.clientY);
    },
    pointerleave: leave, blur: leave,
    keydown: (event) => {
      const step = {ArrowRight: 1, ArrowLeft: -1, PageDown: 20, PageUp: -20}[event.key];
      if (step) { event.preventDefault(); read(current + step); }
    }}, []);
}

// [text, class, style?] as a key below or above a chart.
function legend(entries) {
  return el("ul", {class: "legend"}, entries.map(([text, name, style]) => el("li", {}, el("i", {class: `swatch ${name}`, style}), text)));
}
