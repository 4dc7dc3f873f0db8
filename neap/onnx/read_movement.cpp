// Operators that move elements: Reshape, Transpose, Concat, Slice, Split, Pad, Squeeze, ... They move sizes as well.
#include <algorithm>
#include <limits>

#include "neap/onnx/reader.h"

namespace neap::read_movement_onnx {
namespace {

using Integers = std::vector<std::int64_t>;

// Of an input where the opset has it as one, else of an attribute; nothing where neither is there.
std::optional<Integers> axes_of(OnnxNode& node, int input, const char* attribute, int input_since) {
  if (node.opset() < input_since) return node.has(attribute) ? std::optional(node.integers(attribute, {})) : std::nullopt;
  return node.has(input) ? std::optional(node.integers(input)) : std::nullopt;
}

// 0 keeps the input's size (but for allowzero), -1 takes what is left.
Shape reshaped(OnnxNode& node, Shape wanted, bool zero_is_zero) {
  const Shape from = node.type(0).shape;
  Dim known = 1;
  auto unknown = wanted.end();
  for (auto size = wanted.begin(); size != wanted.end(); ++size) {
    const auto at = static_cast<std::size_t>(size - wanted.begin());
    if (*size == Dim(0) && !zero_is_zero) {
      if (at >= from.size()) node.fail(fmt::format("size {} is 0, which stands for an axis that {} does not have", at, to_string(from)));
      *size = from[at];
    }
    if (*size == Dim(-1)) {
      if (unknown != wanted.end()) node.fail("two sizes are -1", "at most one can be inferred");
      unknown = size;
    } else {
      known *= *size;
    }
  }
  if (unknown == wanted.end()) return wanted;
  const Dim count = element_count(from);
  if (known == Dim(0) || !Dim::divide_exactly(count, known, *unknown))
    node.fail(fmt::format("{} does not reshape to {}", to_string(from), to_string(wanted)), "");
  return wanted;
}

void read_reshape(OnnxNode& node) {
  Shape wanted;
  if (node.opset() < 5) {
    for (const std::int64_t size : node.integers("shape", {})) wanted.emplace_back(size);
  } else {
    wanted = node.sizes(1);
  }
  node.give(reshape(node.input(0), reshaped(node, std::move(wanted), node.flag("allowzero", false))));
}

void read_flatten(OnnxNode& node) {
  const Shape shape = node.type(0).shape;
  const std::int64_t given = node.integer("axis", 1), axis = given < 0 ? given + node.rank(0) : given;
  if (axis < 0 || axis > node.rank(0)) node.fail(fmt::format("axis {} of rank {}", given, node.rank(0)));
  const auto middle = shape.begin() + axis;
  node.give(reshape(node.input(0), {element_count(Shape(shape.begin(), middle)), element_count(Shape(middle, shape.end()))}));
}

void read_squeeze(OnnxNode& node) {
  const Shape from = node.type(0).shape;
  std::optional<Integers> axes = axes_of(node, 1, "axes", 13);
  if (axes) axes = node.axes(*axes, node.rank(0));
  Shape shape;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const bool named = axes && std::find(axes->begin(), axes->end(), static_cast<std::int64_t>(i)) != axes->end();
    if (named && !(from[i] == Dim(1))) node.fail(fmt::format("axis {} has size {}, not 1", i, from[i].to_string()));
    if (!named && (axes || !(from[i] == Dim(1)))) shape.push_back(from[i]);
  }
  node.give(reshape(node.input(0), shape));
}

void read_unsqueeze(OnnxNode& node) {
  const std::optional<Integers> given = axes_of(node, 1, "axes", 13);
  if (!given) node.fail("the axes are missing");
  const int rank = node.rank(0) + static_cast<int>(given->size());
  const Integers axes = node.axes(*given, rank);
  Shape shape;
  const Shape from = node.type(0).shape;
  std::size_t at = 0;
  for (int i = 0; i < rank; ++i) shape.push_back(std::find(axes.begin(), axes.end(), i) != axes.end() ? Dim(1) : from[at++]);
  node.give(reshape(node.input(0), shape));
}

// Numpy's rule: both sides broadcast to the larger shape.
void read_expand(OnnxNode& node) {
  Shape wanted = node.sizes(1);
  const Shape from = node.type(0).shape;
  if (wanted.size() < from.size()) wanted.insert(wanted.begin(), from.size() - wanted.size(), Dim(1));
  for (std::size_t i = 0; i < from.size(); ++i) {
    Dim& size = wanted[wanted.size() - from.size() + i];
    if (size == Dim(1)) size = from[i];
  }
  node.give(expand(node.input(0), wanted));
}

void read_tile(OnnxNode& node) {
  Shape repeats;
  if (node.opset() < 6) {  // a number and an axis
    repeats.assign(static_cast<std::size_t>(node.rank(0)), Dim(1));
    repeats[static_cast<std::size_t>(node.axis(node.integers(2).at(0), node.rank(0)))] = node.sizes(1).at(0);
  } else {
    repeats = node.sizes(1);
  }
  if (static_cast<int>(repeats.size()) != node.rank(0)) node.fail(fmt::format("{} repeats for {} axes", repeats.size(), node.rank(0)));
  node.give(node.build().call("tile", {node.input(0)}, {{"repeats", repeats}}));
}

void read_concat(OnnxNode& node) {
  const std::int64_t axis = node.integer("axis", node.opset() < 4 ? 1 : 0);
  node.give(node.build().call("concat", node.inputs(), {{"axis", std::int64_t{node.axis(axis, node.rank(0))}}}));
}

void read_transpose(OnnxNode& node) {
  node.give(node.build().call("transpose", {node.input(0)}, {{"permutation", node.integers("perm", {})}}));
}

void read_slice(OnnxNode& node) {
  Shape starts, stops;
  Integers axes, steps;
  if (node.opset() < 10) {
    for (const std::int64_t start : node.integers("starts", {})) starts.emplace_back(start);
    for (const std::int64_t stop : node.integers("ends", {})) stops.emplace_back(stop);
    axes = node.integers("axes", {});
  } else {
    starts = node.sizes(1);
    stops = node.sizes(2);
    if (node.has(3)) axes = node.integers(3);
    if (node.has(4)) steps = node.integers(4);
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (steps.size() != starts.size() || stops.size() != starts.size())
    node.fail(fmt::format("{} starts, {} ends and {} steps", starts.size(), stops.size(), steps.size()));
  // An end of -1 with a negative step is the last element; far below stands for "before the first".
  for (std::int64_t& step : steps)
    step = std::clamp<std::int64_t>(step, -std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::max());
  node.give(node.build().call("slice", {node.input(0)}, {{"starts", starts}, {"stops", stops}, {"axes", axes}, {"steps", steps}}));
}

void read_split(OnnxNode& node) {
  const int axis = node.axis(node.integer("axis", 0), node.rank(0));
  Shape sizes;
  if (node.opset() < 13) {
    for (const std::int64_t size : node.integers("split", {})) sizes.emplace_back(size);
    if (node.opset() < 2 && node.has(1)) node.fail("sizes as an input are not supported in this opset");
  } else if (node.has(1)) {
    sizes = node.sizes(1);
  }
  const std::int64_t parts = node.integer("num_outputs", node.output_count());
  if (sizes.empty()) {  // equal parts; the last is smaller where they do not come out even (since opset 18)
    const Dim whole = node.type(0).shape[static_cast<std::size_t>(axis)], part = ceil_div(whole, std::max<std::int64_t>(parts, 1));
    if (parts < 1 || parts > 100'000) node.fail(fmt::format("{} parts", parts));
    for (std::int64_t i = 0; i + 1 < parts; ++i) sizes.push_back(part);
    sizes.push_back(whole - part * Dim(parts - 1));
    if (node.opset() < 18 && !(sizes.back() == part))
      node.fail(fmt::format("{} elements do not divide into {} parts", whole.to_string(), parts));
  }
  for (const Var& part : node.build().calls("split", {node.input(0)}, {{"axis", std::int64_t{axis}}, {"sizes", sizes}})) node.give(part);
}

void read_pad(OnnxNode& node) {
  const auto rank = static_cast<std::size_t>(node.rank(0));
  Shape pads;
  double value = 0;
  if (node.opset() < 11) {
    for (const std::int64_t pad : node.integers(node.opset() < 2 ? "paddings" : "pads", {})) pads.emplace_back(pad);
    value = node.number("value", 0);
  } else {
    pads = node.sizes(1);
    if (node.has(2)) value = node.numbers(2).at(0);
  }
  Shape before(rank, Dim(0)), after(rank, Dim(0));
  Integers axes;
  for (std::size_t i = 0; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (node.has(3)) axes = node.axes(node.integers(3), node.rank(0));
  if (pads.size() != 2 * axes.size()) node.fail(fmt::format("{} pads for {} axes", pads.size(), axes.size()));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    before[static_cast<std::size_t>(axes[i])] = pads[i];
    after[static_cast<std::size_t>(axes[i])] = pads[axes.size() + i];
  }
  const std::string mode = node.text("mode", "constant");
  node.give(node.build().call("pad", {node.input(0)}, {{"before", before}, {"after", after}, {"mode", mode}, {"value", value}}));
}

const RegisterOnnx readers[] = {
    RegisterOnnx{{.type = "Reshape", .read = read_reshape, .moves = 0}},
    RegisterOnnx{{.type = "Flatten", .read = read_flatten, .moves = 0}},
    RegisterOnnx{{.type = "Squeeze", .read = read_squeeze, .moves = 0}},
    RegisterOnnx{{.type = "Unsqueeze", .read = read_unsqueeze, .moves = 0}},
    RegisterOnnx{{.type = "Expand", .since = 8, .read = read_expand, .moves = 0}},
    RegisterOnnx{{.type = "Tile", .read = read_tile, .moves = 0}},
    RegisterOnnx{{.type = "Concat", .read = read_concat, .moves = -1}},
    RegisterOnnx{{.type = "Transpose", .read = read_transpose, .moves = 0}},
    RegisterOnnx{{.type = "Slice", .read = read_slice, .moves = 0}},
    RegisterOnnx{{.type = "Split", .read = read_split, .moves = 0}},
    RegisterOnnx{{.type = "Pad", .read = read_pad}},
};

}  // namespace
}  // namespace neap::read_movement_onnx
