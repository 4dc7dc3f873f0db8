// The roofline of Williams, Waterman and Patterson (2009): what bytes and flops allow, and where each node stands.

function rooflineSection(report) {
  const data = report.roofline;
  const points = (data?.points ?? []).filter((point) => point.bytes > 0 && point.flops > 0 && point.seconds > 0)
    .map((point) => ({...point, intensity: point.flops / point.bytes, rate: point.flops / point.seconds}));
  if (!points.length || !(data.peak_flops > 0) || !(data.copy_bytes_per_second > 0)) return null;
  return section("roofline", "Roofline", [
    el("p", {class: "lead"},
       `Left of the ridge a node can be no faster than memory (${
           formatBytes(data.copy_bytes_per_second)}/s, measured copy); right of it, no faster than arithmetic (${
           formatFlops(data.peak_flops)}/s, measured). `,
       "The larger the mark, the longer the node runs. Above the roof: its data came from cache."),
    legend([["as written", "ring written"], ["optimised", "optimised round"]]),
    drawToWidth(el("div", {class: "host"}), (width) => rooflinePlot(width, data, points))
  ]);
}

function rooflinePlot(width, data, points) {
  const [i0, i1] = extent([...points.map((p) => p.intensity), data.peak_flops / data.copy_bytes_per_second]);
  const [r0, r1] = extent([...points.map((p) => p.rate), data.peak_flops]);
  const [low, high] = [i0 / 2, i1 * 3];
  const frame = chartFrame({width, height: 420, label: "Roofline plot",
    x: {scale: (a, b) => logScale(low, high, a, b), format: (tick) => digits(tick), label: "flops a byte (modelled)"},
    y: {scale: (a, b) => logScale(r0 / 2, r1 * 2, a, b), format: (tick) => `${digits(tick / 1e9)}`, label: "Gflop/s (measured)"}});
  const roof =
      [low, data.peak_flops / data.copy_bytes_per_second, high].map((x) => [x, Math.min(data.peak_flops, x * data.copy_bytes_per_second)]);
  const clip = roof[0][1] < r0 / 2 ? [[r0 / 2 / data.copy_bytes_per_second, r0 / 2], ...roof.slice(1)] : roof;
  frame.plot.append(
      svg("path", {class: "line roof", d: pathOf(clip, frame.x, frame.y)}),
      svg("text", {class: "label", x: frame.area.right - 6, y: frame.y(data.peak_flops) - 8, "text-anchor": "end"},
          `${formatFlops(data.peak_flops)}/s`));
  const longest = Math.max(...points.map((point) => point.seconds));
  for (const point of [...points].sort((a, b) => b.seconds - a.seconds)) {
    const attainable = Math.min(data.peak_flops, point.intensity * data.copy_bytes_per_second);
    frame.plot.append(svg("circle", {
      class: point.which === "optimised" ? "point optimised" : "point written ring",
      cx: frame.x(point.intensity),
      cy: frame.y(point.rate),
      r: 3 + 13 * Math.sqrt(point.seconds / longest),
      ...tipFor(
          point.name,
          () => [
              ["graph", point.which === "optimised" ? "optimised" : "as written"], ["time", formatMs(1000 * point.seconds)],
              ["bytes", formatBytes(point.bytes)], ["flops", formatFlops(point.flops)], ["rate", `${formatFlops(point.rate)}/s`],
              ["of the roof", formatPercent(point.rate / attainable, 0)]])
    }));
  }
  return frame.root;
}
