// Operators that move elements, as ONNX writes them: sizes are inputs.
#include <algorithm>
#include <limits>

#include "neap/onnx/tensor.h"
#include "neap/onnx/writer.h"

namespace neap::write_movement_onnx {
namespace {

using Integers = std::vector<std::int64_t>;
constexpr std::int64_t end_of_axis = std::numeric_limits<std::int64_t>::max(), before_axis = std::numeric_limits<std::int64_t>::min() + 1;

// One unknown size is left to the reader (-1), sizes of the operand are kept (0); what is left is computed.
bool write_reshape(OnnxCall& c) {
  const Shape &from = c.call().input(0).shape, &to = c.output_type(0).shape;
  Shape wanted = to;
  const bool empty = std::find(to.begin(), to.end(), Dim(0)) != to.end();
  int unknown = -1;
  bool simple = !empty;
  for (std::size_t i = 0; simple && i < to.size(); ++i) {
    if (to[i].is_constant()) continue;
    if (i < from.size() && from[i] == to[i]) {
      wanted[i] = 0;
    } else if (unknown < 0) {
      unknown = static_cast<int>(i);
      wanted[i] = -1;
    } else {
      simple = false;
    }
  }
  OnnxAttributes attributes;
  if (empty) attributes.push_back({"allowzero", std::int64_t{1}});
  c.give(c.emit("Reshape", {c.input(0), c.sizes(simple ? wanted : to)}, attributes));
  return true;
}

bool write_expand(OnnxCall& c) {
  c.give(c.emit("Expand", {c.input(0), c.sizes(c.output_type(0).shape)}));
  return true;
}

// Ends that a number cannot say (before the first element of a reversed axis) are far away.
bool write_slice(OnnxCall& c) {
  const Call& call = c.call();
  Integers axes = call.integers("axes"), steps = call.integers("steps");
  const Shape& starts = call.dims("starts");
  if (starts.empty()) {
    c.give(c.emit("Identity", {c.input(0)}));
    return true;
  }
  if (axes.empty()) {
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  c.give(c.emit("Slice", {c.input(0), c.sizes(starts), c.sizes(call.dims("stops")), c.integers(axes), c.integers(steps)}));
  return true;
}

bool write_flip(OnnxCall& c) {
  Integers axes;
  for (const int axis : c.call().axes("axes", c.call().input(0).rank())) axes.push_back(axis);
  const Integers ends(axes.size(), before_axis), minus(axes.size(), -1);
  c.give(axes.empty() ? c.emit("Identity", {c.input(0)})
                      : c.emit("Slice", {c.input(0), c.integers(minus), c.integers(ends), c.integers(axes), c.integers(minus)}));
  return true;
}

bool write_roll(OnnxCall& c) {
  std::string x = c.input(0);
  const Integers &shifts = c.call().integers("shifts"), &axes = c.call().integers("axes");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const Dim& size = c.call().size(0, static_cast<int>(axes[i]));
    if (!size.is_constant() || size.constant() == 0) return false;
    const std::int64_t n = size.constant(), cut = ((-shifts[i]) % n + n) % n;
    const auto piece = [&](std::int64_t from, std::int64_t to) {
      return c.emit("Slice", {x, c.integers({from}), c.integers({to}), c.integers({axes[i]})});
    };
    x = c.emit("Concat", {piece(cut, end_of_axis), piece(0, cut)}, {{"axis", axes[i]}});
  }
  c.give(axes.empty() ? c.emit("Identity", {x}) : x);
  return true;
}

bool write_pad(OnnxCall& c) {
  const Call& call = c.call();
  const Integers& gaps = call.integers("gaps");
  if (std::any_of(gaps.begin(), gaps.end(), [](std::int64_t gap) { return gap != 0; })) return false;
  const std::string& mode = call.text("mode");
  if (mode == "wrap") return false;  // since opset 19
  Shape pads = call.dims("before");
  const Shape& after = call.dims("after");
  pads.insert(pads.end(), after.begin(), after.end());
  std::vector<std::string> inputs{c.input(0), c.sizes(pads)};
  if (mode == "constant") inputs.push_back(c.number(call.input(0).dtype, call.number("value")));
  c.give(c.emit("Pad", inputs, {{"mode", mode}}));
  return true;
}

bool write_split(OnnxCall& c) {
  const std::int64_t axis = c.call().axis("axis", c.call().input(0).rank());
  Shape sizes;
  for (int i = 0; i < c.output_count(); ++i) sizes.push_back(c.output_type(i).shape[static_cast<std::size_t>(axis)]);
  for (std::string& part : c.emit_many("Split", {c.input(0), c.sizes(sizes)}, c.output_count(), {{"axis", axis}})) c.give(std::move(part));
  return true;
}

// Without negative axes.
bool write_transpose(OnnxCall& c) {
  const int rank = c.call().input(0).rank();
  Integers order = c.call().integers("permutation");
  for (std::int64_t& axis : order) axis += axis < 0 ? rank : 0;
  OnnxAttributes attributes;
  if (!order.empty()) attributes.push_back({"perm", order});
  c.give(c.emit("Transpose", {c.input(0)}, attributes));
  return true;
}

bool write_tile(OnnxCall& c) {
  const Shape& repeats = c.call().dims("repeats");
  if (static_cast<int>(repeats.size()) != c.call().input(0).rank()) return false;
  c.give(c.emit("Tile", {c.input(0), c.sizes(repeats)}));
  return true;
}

bool write_cast(OnnxCall& c) {
  c.give(c.emit("Cast", {c.input(0)}, {{"to", std::int64_t{onnx_of_dtype(c.call().dtype("dtype"))}}}));
  return true;
}

bool write_triangle(OnnxCall& c, bool upper) {
  c.give(c.emit("Trilu", {c.input(0), c.constant(Array::scalar(c.call().integer("diagonal")))}, {{"upper", std::int64_t{upper ? 1 : 0}}}));
  return true;
}

bool write_embedding(OnnxCall& c) {
  c.give(c.emit("Gather", {c.input(0), c.input(1)}, {{"axis", std::int64_t{0}}}));
  return true;
}

// TopK's values and positions of `count`; it takes no flags.
std::vector<std::string> best_of(OnnxCall& c, const std::string& count, bool largest) {
  const Type& x = c.call().input(0);
  const auto cast_to = [&](const std::string& value, DType dtype) {
    return c.emit("Cast", {value}, {{"to", std::int64_t{onnx_of_dtype(dtype)}}});
  };
  const bool is_flag = x.dtype == DType::boolean;
  const std::string from = is_flag ? cast_to(c.input(0), DType::u8) : c.input(0);
  const OnnxAttributes attributes{{"axis", std::int64_t{c.call().axis("axis", x.rank())}}, {"largest", std::int64_t{largest ? 1 : 0}}};
  std::vector<std::string> best = c.emit_many("TopK", {from, count}, 2, attributes);
  if (is_flag) best[0] = cast_to(best[0], DType::boolean);
  return best;
}

bool write_top_k(OnnxCall& c) {
  for (std::string& output : best_of(c, c.sizes(c.call().dims("k")), c.call().flag("largest"))) c.give(std::move(output));
  return true;
}

std::string line_size(OnnxCall& c) { return c.size(c.call().size(0, static_cast<int>(c.call().axis("axis", c.call().input(0).rank())))); }

// Sorting is the best of all of them.
bool write_sorted(OnnxCall& c, std::size_t output) {
  c.give(best_of(c, line_size(c), c.call().flag("descending"))[output]);
  return true;
}

// Where each stands among all: of their positions in order, the order.
std::string ranks(OnnxCall& c, bool descending) {
  const std::string count = line_size(c), places = best_of(c, count, descending)[1];
  const std::int64_t axis = c.call().axis("axis", c.call().input(0).rank());
  return c.emit_many("TopK", {places, count}, 2, {{"axis", axis}, {"largest", std::int64_t{0}}})[1];
}

bool write_rank(OnnxCall& c) {
  c.give(ranks(c, c.call().flag("descending")));
  return true;
}

bool write_largest(OnnxCall& c) {
  c.give(c.emit("Less", {ranks(c, true), c.input(1)}));
  return true;
}

bool write_resize(OnnxCall& c) {
  const Call& call = c.call();
  const Type &x = call.input(0), &y = c.output_type(0);
  const std::string& coordinates = call.text("coordinates");
  OnnxAttributes attributes{{"mode", call.text("mode")}, {"coordinate_transformation_mode", coordinates}};
  if (call.text("mode") == "nearest") attributes.push_back({"nearest_mode", call.text("rounding")});
  const std::vector<double>& given = call.numbers("scales");
  if (given.empty()) {
    c.give(c.emit("Resize", {c.input(0), "", "", c.sizes(y.shape)}, attributes));
    return true;
  }
  std::vector<float> scales(static_cast<std::size_t>(x.rank()) - given.size(), 1.0f);
  for (const double scale : given) scales.push_back(static_cast<float>(scale));
  c.give(c.emit("Resize", {c.input(0), "", c.constant(Array::of(scales))}, attributes));
  return true;
}

const RegisterOnnxWriter writers[] = {
    {"reshape", write_reshape},
    {"expand", write_expand},
    {"slice", write_slice},
    {"flip", write_flip},
    {"roll", write_roll},
    {"pad", write_pad},
    {"split", write_split},
    {"transpose", write_transpose},
    {"tile", write_tile},
    {"cast", write_cast},
    {"triu", [](OnnxCall& c) { return write_triangle(c, true); }},
    {"tril", [](OnnxCall& c) { return write_triangle(c, false); }},
    {"embedding", write_embedding},
    {"top_k", write_top_k},
    {"sort", [](OnnxCall& c) { return write_sorted(c, 0); }},
    {"argsort", [](OnnxCall& c) { return write_sorted(c, 1); }},
    {"rank", write_rank},
    {"largest", write_largest},
    {"resize", write_resize},
};

}  // namespace
}  // namespace neap::write_movement_onnx
