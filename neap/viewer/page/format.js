// Numbers as people read them, and the scales and ticks of axes.

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

// Three significant digits, without an exponent and without zeros that say nothing.
function digits(value, significant = 3) {
  if (value === 0) return "0";
  const places = Math.max(0, significant - 1 - Math.floor(Math.log10(Math.abs(value)) + 1e-9));
  const text = places > 8 ? value.toExponential(1) : value.toFixed(places).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
  return text.replace("-", "\u2212");
}

function withUnit(value, base, units) {
  if (!isNumber(value)) return "–";
  let i = 0;
  for (let size = Math.abs(value); i + 1 < units.length && size >= base * 0.9995; size /= base) i++;
  return `${digits(value / base ** i)}\u00a0${units[i]}`;
}

const formatBytes = (value) => withUnit(value, 1000, ["B", "kB", "MB", "GB", "TB"]);
const formatCapacity = (value) => withUnit(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);  // caches and memory come in powers of two
const formatFlops = (value) => withUnit(value, 1000, ["flop", "kflop", "Mflop", "Gflop", "Tflop"]);
const formatCount = (value) => (isNumber(value) ? value.toLocaleString("en") : "–");
const formatPercent = (value, places = 1) => (isNumber(value) ? `${(100 * value).toFixed(places)}\u00a0%` : "–");
const formatPlain = (value) => (isNumber(value) ? digits(value) : "–");

function formatMs(value) {
  if (!isNumber(value)) return "–";
  if (value >= 60000) return `${Math.floor(value / 60000)} min ${Math.round((value % 60000) / 1000)} s`;
  if (value >= 1000) return `${digits(value / 1000)}\u00a0s`;
  if (value >= 1 || value === 0) return `${digits(value)}\u00a0ms`;
  return value >= 0.001 ? `${digits(value * 1000)}\u00a0µs` : `${digits(value * 1e6)}\u00a0ns`;
}

// What became of a cost: {text, better}. Never flatters: an increase is called one.
function change(before, after, lessWord, moreWord) {
  if (!isNumber(before) || !isNumber(after) || before <= 0 || after <= 0) return {text: "", better: true};
  const ratio = before / after;
  if (Math.abs(ratio - 1) < 0.005) return {text: "the same", better: true};
  return ratio > 1 ? {text: `${digits(ratio)}× ${lessWord}`, better: true} : {text: `${digits(1 / ratio)}× ${moreWord}`, better: false};
}

function linearScale(low, high, from, to) {
  const span = high - low || 1;
  const scale = (value) => from + ((value - low) / span) * (to - from);
  scale.invert = (position) => low + ((position - from) / (to - from)) * span;
  scale.ticks = (count) => linearTicks(low, high, count);
  return scale;
}

function logScale(low, high, from, to) {
  const inner = linearScale(Math.log10(low), Math.log10(high), from, to);
  const scale = (value) => inner(Math.log10(value));
  scale.invert = (position) => 10 ** inner.invert(position);
  scale.ticks = () => logTicks(low, high);
  return scale;
}

function linearTicks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((multiple) => multiple * power >= rough * 0.999) * power;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.ceil(Math.log10(low) - 1e-9); power <= Math.log10(high) + 1e-9; power++) ticks.push(10 ** power);
  return ticks;
}
