// Values that stand in the model, and those of sizes: Constant, ConstantOfShape, Shape, Size, Range, EyeLike.
#include <onnx.pb.h>

#include <cmath>

#include "neap/onnx/reader.h"

namespace neap::read_constants_onnx {
namespace {

void read_constant(OnnxNode& node) {
  if (std::optional<Array> value = node.tensor("value")) return node.give(std::move(*value));
  if (node.has("value_float")) return node.give(Array::scalar(static_cast<float>(node.number("value_float", 0))));
  if (node.has("value_int")) return node.give(Array::scalar(node.integer("value_int", 0)));
  if (node.has("value_ints")) return node.give(Array::of(node.integers("value_ints", {})));
  if (node.has("value_floats")) {
    const std::vector<double> values = node.numbers("value_floats", {});
    return node.give(Array::of(std::vector<float>(values.begin(), values.end())));
  }
  node.fail("only dense tensors and numbers are supported as constants");
}

void give_filled(OnnxNode& node, const Array& value, const Shape& shape) {
  const Dim count = element_count(shape);
  if (count.is_constant() && count.constant() <= most_known_elements) {
    Sizes sizes;
    for (const Dim& size : shape) sizes.push_back(size.constant());
    Array filled(value.dtype(), sizes);
    for (std::int64_t i = 0; i < filled.count(); ++i)
      is_float(value.dtype()) ? filled.set(i, value.get(0)) : filled.set_int(i, value.get_int(0));
    return node.give(std::move(filled));
  }
  node.give(expand(node.build().constant(value.reshape({})), shape));
}

void read_constant_of_shape(OnnxNode& node) {
  const Array value = node.tensor("value").value_or(Array::scalar(0.0f));
  if (value.count() != 1) node.fail(fmt::format("the value has {} elements, not one", value.count()));
  const Shape shape = node.sizes(0);
  for (const Dim& size : shape) {
    if (size.is_constant() && size.constant() < 0) node.fail(fmt::format("size {} is negative", size.to_string()));
  }
  give_filled(node, value, shape);
}

// Shape has `start` and `end` since opset 15; older models have no such attributes.
void read_shape(OnnxNode& node) {
  const Shape shape = node.type(0).shape;
  const auto rank = static_cast<std::int64_t>(shape.size());
  const auto position = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const std::int64_t start = position(node.integer("start", 0)), end = position(node.integer("end", rank));
  KnownTensor known{DType::i64, {std::max<std::int64_t>(end - start, 0)}, {}};
  for (std::int64_t i = start; i < end; ++i) known.elements.push_back({shape[static_cast<std::size_t>(i)], 1});
  node.give(std::move(known));
}

void read_size(OnnxNode& node) { node.give(KnownTensor{DType::i64, {}, {{element_count(node.type(0).shape), 1}}}); }

// start, start + delta, ...: as many as there are below the limit.
void read_range(OnnxNode& node) {
  const DType dtype = node.type(0).dtype;
  if (!is_float(dtype)) {
    const Dim start = node.sizes(0).at(0), limit = node.sizes(1).at(0);
    const std::int64_t delta = node.integers(2).at(0);
    constexpr std::int64_t most_step = std::int64_t{1} << 53;  // which a double holds
    if (delta == 0 || delta > most_step || delta < -most_step) node.fail(fmt::format("the step is {}", delta));
    Dim count = delta > 0 ? ceil_div(limit - start, delta) : ceil_div(start - limit, -delta);
    if (count.is_constant() && count.constant() < 0) count = 0;
    if (count.is_constant() && count.constant() <= most_known_elements) {
      KnownTensor known{dtype, {count.constant()}, {}};
      for (std::int64_t i = 0; i < count.constant(); ++i) known.elements.push_back({start + Dim(i * delta), 1});
      return node.give(std::move(known));
    }
    const Var steps = node.build().call("arange", {}, {{"size", Shape{count}}, {"step", static_cast<double>(delta)}, {"dtype", dtype}});
    return node.give(steps + node.input(0));
  }
  const double start = node.numbers(0).at(0), limit = node.numbers(1).at(0), delta = node.numbers(2).at(0);
  const double count = std::ceil((limit - start) / delta);
  if (!(count < 1e15)) node.fail(fmt::format("a range from {} to {} by {}", start, limit, delta));
  const Shape shape{static_cast<std::int64_t>(std::max(count, 0.0))};
  node.give(node.build().call("arange", {}, {{"size", shape}, {"start", start}, {"step", delta}, {"dtype", dtype}}));
}

// A matrix with ones on a diagonal, of the input's sizes.
void read_eye_like(OnnxNode& node) {
  const Type like = node.type(0);
  if (like.rank() != 2) node.fail("takes a matrix");
  const Attributes attributes{{"rows", Shape{like.shape[0]}},
                              {"columns", Shape{like.shape[1]}},
                              {"diagonal", node.integer("k", 0)},
                              {"dtype", node.dtype("dtype", like.dtype)}};
  node.give(node.build().call("eye", {}, attributes));
}

const RegisterOnnx constant_reader{{.type = "Constant", .read = read_constant}};
const RegisterOnnx constant_of_shape{{.type = "ConstantOfShape", .since = 9, .read = read_constant_of_shape}};
const RegisterOnnx shape_reader{{.type = "Shape", .read = read_shape}};
const RegisterOnnx size_reader{{.type = "Size", .read = read_size}};
const RegisterOnnx eye_like{{.type = "EyeLike", .since = 9, .read = read_eye_like}};
const RegisterOnnx range_reader{{.type = "Range", .since = 11, .read = read_range}};

}  // namespace
}  // namespace neap::read_constants_onnx
