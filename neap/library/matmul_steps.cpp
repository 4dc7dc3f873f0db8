#include "neap/library/matmul_steps.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "neap/base/machine.h"

namespace neap::onednn {
namespace {

using dnnl::memory;
using Primitive = dnnl::matmul::primitive_desc;

Primitive primitive(const Matmul& m) {
  return {dnnl::matmul::desc(m.a.desc, m.b.desc, m.y.desc), attributes(m.ops, m.y.desc, m.vector_axis), engine()};
}

std::vector<Steps::Argument> arguments(const Matmul& m) {
  std::vector<Steps::Argument> made;
  for (const auto& [name, operand] : {std::pair{DNNL_ARG_SRC, &m.a}, {DNNL_ARG_WEIGHTS, &m.b}, {DNNL_ARG_DST, &m.y}})
    made.push_back({name, operand->place, operand->desc, 0, operand->begin});
  add_operands(made, m.ops, m.first_operand, m.y.desc, m.vector_axis);
  return made;
}

int rank(const Matmul& m) { return m.y.desc.data.ndims; }
std::int64_t extent(const memory::desc& desc, int axis) { return desc.data.dims[axis]; }
std::int64_t terms(const Matmul& m) { return extent(m.a.desc, rank(m) - 1); }

bool is_by(const Primitive& chosen, std::string_view driver) {
  return std::string_view(chosen.impl_info_str()).find(driver) != std::string_view::npos;
}
// What is not by one of these goes through plain loops.
bool is_quick(const Primitive& chosen) { return is_by(chosen, "gemm") || is_by(chosen, "brg"); }

// Whether the number of threads says in which order terms are added. All instruction sets below AVX-512 get the general driver, which
// splits products along the sum, too. AVX-512's own splits long sums, of which the first operand has one column behind the other.
bool is_split_by_threads(const Matmul& m, const Primitive& chosen) {
  constexpr std::int64_t long_sum = 2048;
  return !is_by(chosen, "brg") || (terms(m) >= long_sum && m.a.desc.data.format_desc.blocking.strides[rank(m) - 1] != 1);
}

// Parts along one axis, as many as `count` of `size` elements each, and what is left behind them.
struct Cut {
  int axis = 0;  // of the result; -1: of the sum
  std::int64_t count = 1, size = 0, left = 0;
};

// Of the numbers of parts between half of `most` and that: the one that leaves the least.
Cut cut_of(int axis, std::int64_t extent, std::int64_t most) {
  Cut best{axis, 1, extent, 0};
  for (std::int64_t count = most; count > 1 && 2 * count >= most; --count) {
    if (best.count == 1 || extent % count < best.left) best = {axis, count, extent / count, extent % count};
  }
  return best;
}

// Few parts of little work, more of much: by rows, eight take up to 7 % longer than one (oneDNN 2.6, AVX2).
std::int64_t parts_of(double flops) {
  constexpr double little = 2e6, much = 1.6e7;  // of a part: some tens and some hundreds of microseconds
  return static_cast<std::int64_t>(std::max({1.0, std::min(flops / little, 8.0), std::min(flops / much, 64.0)}));
}

// The least rows, or columns, of a part. Below some hundreds the driver does not copy what it multiplies, and takes twice as long where
// rows are whole pages apart, whose lines displace each other; narrow parts always take longer.
std::int64_t least_extent(const memory::desc& y, bool columns) {
  constexpr std::int64_t page = 4096;
  const std::int64_t* strides = y.data.format_desc.blocking.strides;
  if (strides[y.data.ndims - 2] * static_cast<std::int64_t>(memory::data_type_size(y.data_type())) % page == 0) return 384;
  return columns ? 128 : 64;
}

// The axis of an operand that a cut divides; nothing where it takes all of it in each part.
std::optional<int> axis_of(const Cut& cut, const Matmul& m, int name) {
  const int row = rank(m) - 2, column = rank(m) - 1;
  if (cut.axis < 0) return name == DNNL_ARG_SRC ? std::optional(column) : name == DNNL_ARG_WEIGHTS ? std::optional(row) : std::nullopt;
  if (name == DNNL_ARG_SRC && cut.axis == column) return std::nullopt;
  if (name == DNNL_ARG_WEIGHTS && cut.axis == row) return std::nullopt;
  return cut.axis;
}

// Bytes from one part of an operand to the next.
std::int64_t part_bytes(const memory::desc& desc, std::optional<int> axis, std::int64_t size) {
  if (!axis || extent(desc, *axis) == 1) return 0;
  return desc.data.format_desc.blocking.strides[*axis] * size * static_cast<std::int64_t>(memory::data_type_size(desc.data_type()));
}

memory::desc part_of(const memory::desc& desc, std::optional<int> axis, std::int64_t size) {
  if (!axis || extent(desc, *axis) == 1) return desc;
  memory::dims sizes = desc.dims(),
               strides(desc.data.format_desc.blocking.strides, desc.data.format_desc.blocking.strides + desc.data.ndims);
  sizes[static_cast<std::size_t>(*axis)] = size;
  return {sizes, desc.data_type(), strides};
}

Matmul part_of(const Matmul& whole, const Cut& cut, std::int64_t size) {
  Matmul part = whole;
  part.a.desc = part_of(whole.a.desc, axis_of(cut, whole, DNNL_ARG_SRC), size);
  part.b.desc = part_of(whole.b.desc, axis_of(cut, whole, DNNL_ARG_WEIGHTS), size);
  part.y.desc = part_of(whole.y.desc, axis_of(cut, whole, DNNL_ARG_DST), size);
  return part;
}

// The general driver takes some post-operations only where the result's rows stand one behind the other. What takes its place, plain loops,
// takes hundreds of times as long.
bool stays_quick(const Matmul& whole, const Cut& cut) {
  bool is = false;
  on_one_thread([&] { is = is_quick(primitive(part_of(whole, cut, cut.size))); });
  return is;
}

Cut choose_cut(const Matmul& m) {
  constexpr std::int64_t least_terms = 256;  // of a part
  double flops = 2.0 * static_cast<double>(terms(m));
  for (int axis = 0; axis < rank(m); ++axis) flops *= static_cast<double>(extent(m.y.desc, axis));
  const std::int64_t wanted = parts_of(flops);
  Cut best{0, 1, extent(m.y.desc, 0), 0};
  for (int axis = 0; axis < rank(m); ++axis) {
    const std::int64_t least = axis < rank(m) - 2 ? 1 : least_extent(m.y.desc, axis == rank(m) - 1);
    const std::int64_t most = extent(m.y.desc, axis) / least;
    const Cut cut = cut_of(axis, extent(m.y.desc, axis), std::min(wanted, most));
    if (cut.count > best.count && stays_quick(m, cut)) best = cut;
  }
  if (m.y.desc.data_type() != memory::data_type::f32) return best;  // parts of a sum would be rounded
  // Sums of parts are written and read again. One term at least is left, whose product takes the sum of the others up.
  const std::size_t budget = (m.a.desc.get_size() + m.b.desc.get_size()) / 4 / std::max<std::size_t>(m.y.desc.get_size(), 1);
  const std::int64_t most = std::min<std::int64_t>({wanted, terms(m) / least_terms, static_cast<std::int64_t>(budget)});
  if (const Cut cut = cut_of(-1, terms(m) - 1, most); cut.count > best.count) return {-1, cut.count, cut.size, cut.left + 1};
  return best;
}

// Adds the products of `count` parts of `size` elements each, from element `begin` of the cut's axis on.
void add_parts(Steps& steps, const Matmul& whole, const Cut& cut, std::int64_t size, std::int64_t count, std::int64_t begin) {
  const Matmul part = part_of(whole, cut, size);
  // Both are made on one thread: of another number oneDNN would take what it has kept of the description for the primitive's own.
  std::optional<Primitive> chosen;
  dnnl::matmul made;
  on_one_thread([&] {
    chosen = primitive(part);
    made = dnnl::matmul(*chosen);
  });
  std::vector<Steps::Argument> all = arguments(part), of_whole = arguments(whole);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::optional<int> axis = axis_of(cut, whole, all[i].name);
    all[i].slice_bytes = part_bytes(of_whole[i].desc, axis, size);
    all[i].offset += part_bytes(of_whole[i].desc, axis, begin);
    if (!axis && all[i].name == DNNL_ARG_DST) all[i].slice_bytes = static_cast<std::int64_t>(part.y.desc.get_size());  // sums side by side
  }
  steps.add(made, chosen->scratchpad_desc(), std::move(all), static_cast<int>(count));
}

// The sum in parts: the last of them adds the sum of the others to its own ahead of the post-operations.
void add_parts_of_sum(Steps& steps, const Matmul& m, const Cut& cut) {
  Matmul parts = m, last = m;
  const Place sum = steps.inner(m.y.desc);
  parts.y = {m.y.desc, steps.inner(m.y.desc, static_cast<int>(cut.count))};
  parts.ops.clear();
  add_parts(steps, parts, cut, cut.size, cut.count, 0);
  steps.add_sum(m.y.desc, parts.y.place, static_cast<int>(cut.count), sum);
  last.ops.insert(last.ops.begin(), PostOp{.algorithm = dnnl::algorithm::binary_add, .operand = 0, .place = sum});
  add_parts(steps, last, cut, cut.left, 1, cut.count * cut.size);
}

}  // namespace

Steps matmul_steps(const Matmul& m) {
  Steps steps;
  if (const Primitive chosen = primitive(m); !deterministic() || !is_quick(chosen) || !is_split_by_threads(m, chosen)) {
    steps.add(dnnl::matmul(chosen), chosen.scratchpad_desc(), arguments(m));
    return steps;
  }
  const Cut cut = choose_cut(m);
  if (cut.axis < 0) {
    add_parts_of_sum(steps, m, cut);
    return steps;
  }
  add_parts(steps, m, cut, cut.size, cut.count, 0);
  if (cut.left > 0) add_parts(steps, m, cut, cut.left, 1, cut.count * cut.size);
  return steps;
}

}  // namespace neap::onednn
