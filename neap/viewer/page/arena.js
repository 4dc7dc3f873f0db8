// The memory plan: each buffer a rectangle over the nodes during which it lives, at its place in the arena.

function arenaSection(report) {
  const buffers = report.arena ?? [];
  if (!buffers.length) return null;
  const size = Math.max(...buffers.map((buffer) => buffer.offset + buffer.bytes));
  const live = liveBytes(buffers);
  const peak = Math.max(...live.map(([, bytes]) => bytes));
  return section("arena", "Memory over a step", [
    el("p", {class: "lead"},
       `${formatCount(buffers.length)} buffers share an arena of ${formatBytes(size)}. At most ${formatBytes(peak)} are in use at once: `,
       `${
           peak < size ? formatPercent(1 - peak / size) :
                         "nothing"} of the arena is lost to fit. The darker, the longer a buffer lives; the line is what is in use.`),
    drawToWidth(el("div", {class: "host"}), (width) => arenaPlot(width, buffers, live, size))
  ]);
}

// [[node, bytes of the arena in use]...] from the first node to the last. A result that is written over an operand is in use once.
function liveBytes(buffers) {
  const last = Math.max(...buffers.map((buffer) => buffer.last));
  const byPlace = [...buffers].sort((a, b) => a.offset - b.offset);
  return Array.from({length: last + 1}, (_, node) => {
    let bytes = 0, end = 0;
    for (const buffer of byPlace) {
      if (buffer.first > node || buffer.last < node) continue;
      bytes += Math.max(0, buffer.offset + buffer.bytes - Math.max(end, buffer.offset));
      end = Math.max(end, buffer.offset + buffer.bytes);
    }
    return [node, bytes];
  });
}

function arenaPlot(width, buffers, live, size) {
  const steps = live.length;
  const frame = chartFrame({width, height: 360, label: "Buffers in the arena over the nodes of a step",
    x: {scale: (a, b) => linearScale(0, steps, a, b), format: formatCount, label: "node, in the order they run"},
    y: {scale: (a, b) => linearScale(0, size, a, b), format: formatBytes, label: "place in the arena"}});
  for (const buffer of buffers) {
    const part = (buffer.last - buffer.first + 1) / steps;
    const y = frame.y(buffer.offset + buffer.bytes);
    frame.plot.append(svg("rect", {
      class: "buffer",
      style: {"--part": `${(100 * Math.sqrt(part)).toFixed(1)}%`},
      x: frame.x(buffer.first),
      y,
      width: Math.max(1, frame.x(buffer.last + 1) - frame.x(buffer.first)),
      height: Math.max(0.5, frame.y(buffer.offset) - y),
      ...tipFor(
          buffer.name,
          () => [
              ["size", formatBytes(buffer.bytes)], ["place", formatBytes(buffer.offset)],
              ["lives", `node ${buffer.first} to ${buffer.last}`]])
    }));
  }
  const outline = live.flatMap(([i, bytes]) => [[i, bytes], [i + 1, bytes]]);
  frame.plot.append(svg("path", {class: "line live", d: pathOf(outline, frame.x, frame.y)}));
  return frame.root;
}
