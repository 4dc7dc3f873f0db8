// Whole numbers with a scale and a zero point: quantizing, and products and convolutions of what was quantized.
#include "neap/onnx/reader.h"

namespace neap::read_quantize_onnx {
namespace {

Var call(const OnnxNode& node, const char* op, const std::vector<Var>& inputs, Attributes attributes = {}) {
  return node.build().call(op, inputs, std::move(attributes));
}

std::pair<double, double> range(const OnnxNode& node, DType dtype) {
  if (dtype == DType::u8) return {0, 255};
  if (dtype == DType::i8) return {-128, 127};
  node.fail(fmt::format("quantizing to {} is not supported", name(dtype)), "u8 and i8 are");
}

// A value for each slice along an axis, or one for all.
Var along(const Var& value, int axis, int rank) {
  if (value.rank() == 0 || element_count(value.shape()) == Dim(1)) return reshape(value, {});
  Shape shape(static_cast<std::size_t>(rank), Dim(1));
  shape[static_cast<std::size_t>(axis)] = value.size(0);
  return reshape(value, shape);
}

// saturate(round(x / scale) + zero)
Var quantized(const OnnxNode& node, const Var& x, const Var& scale, const Var& zero, DType dtype) {
  const auto [low, high] = range(node, dtype);
  Var y = unary("round", x / scale);
  if (zero) y = y + cast(zero, x.dtype());
  return cast(call(node, "clip", {y}, {{"low", low}, {"high", high}}), dtype);
}

int channel_axis(const OnnxNode& node) {
  const std::int64_t given = node.integer("axis", 1);
  const bool whole = node.rank(1) == 0 || element_count(node.type(1).shape) == Dim(1);
  return whole ? 0 : node.axis(given, node.rank(0));
}

void read_quantize(OnnxNode& node) {
  node.ignore("saturate");
  const int axis = channel_axis(node);
  const Var x = cast(node.input(0), node.type(1).dtype);
  const Var zero = node.has(2) ? along(node.input(2), axis, x.rank()) : Var();
  node.give(quantized(node, x, along(node.input(1), axis, x.rank()), zero, node.has(2) ? node.type(2).dtype : DType::u8));
}

void read_dequantize(OnnxNode& node) {
  const int axis = channel_axis(node);
  const Var scale = along(node.input(1), axis, node.rank(0));
  Var x = cast(node.input(0), scale.dtype());
  if (node.has(2)) x = x - cast(along(node.input(2), axis, node.rank(0)), scale.dtype());
  node.give(x * scale);
}

// The range of x, with zero in it, on 0 to 255.
void read_dynamic_quantize(OnnxNode& node) {
  const Var x = node.input(0), zero = node.build().constant(x.dtype(), 0);
  const Var low = call(node, "minimum", {call(node, "min", {x}), zero}), high = call(node, "maximum", {max(x, {}), zero});
  const Var scale = (high - low) / 255;
  const Var point = unary("round", call(node, "clip", {-low / scale}, {{"low", 0.0}, {"high", 255.0}}));
  const Var zero_point = cast(point, DType::u8);
  node.give(quantized(node, x, scale, zero_point, DType::u8));
  node.give(scale);
  node.give(zero_point);
}

// The input as i32 without its zero point; one for each row of a left, each column of a right operand.
Var centred(const OnnxNode& node, int input, int zero, int axis) {
  const Var x = cast(node.input(input), DType::i32);
  if (!node.has(zero)) return x;
  return x - cast(along(node.input(zero), axis < 0 ? axis + x.rank() : axis, x.rank()), DType::i32);
}

void read_matmul_integer(OnnxNode& node) { node.give(matmul(centred(node, 0, 2, -2), centred(node, 1, 3, -1))); }

Attributes window_of(const OnnxNode& node, const Var& w) {
  if (node.text("auto_pad", "NOTSET") != "NOTSET") node.fail("auto_pad is not supported here");
  std::vector<std::int64_t> kernel;
  for (int axis = 2; axis < w.rank(); ++axis) kernel.push_back(w.size(axis).constant());
  if (node.integers("kernel_shape", kernel) != kernel) node.fail("kernel_shape is not that of the weights");
  return {{"strides", node.integers("strides", {})},
          {"pads", node.integers("pads", {})},
          {"dilations", node.integers("dilations", {})},
          {"groups", node.integer("group", 1)}};
}

void read_conv_integer(OnnxNode& node) {
  const Var w = centred(node, 1, 3, 0);
  node.give(call(node, "conv", {centred(node, 0, 2, 0), w}, window_of(node, w)));
}

// Sums are exact in i32; then they are scaled, and quantized for the next layer.
void give_requantized(OnnxNode& node, const Var& sums, const Var& scale, int scale_out, int zero_out) {
  node.give(quantized(node, cast(sums, scale.dtype()) * scale, reshape(node.input(scale_out), {}), reshape(node.input(zero_out), {}),
                      node.type(zero_out).dtype));
}

void read_qlinear_matmul(OnnxNode& node) {
  const Var a = centred(node, 0, 2, -2), b = centred(node, 3, 5, -1);
  const Var scale = along(node.input(1), a.rank() - 2, a.rank()) * along(node.input(4), b.rank() - 1, b.rank());
  give_requantized(node, matmul(a, b), scale, 6, 7);
}

void read_qlinear_conv(OnnxNode& node) {
  const Var x = centred(node, 0, 2, 0), w = centred(node, 3, 5, 0);
  std::vector<Var> operands{x, w};
  if (node.has(8)) operands.push_back(node.input(8));
  const Var scale = reshape(node.input(1), {}) * along(node.input(4), 1, x.rank());
  give_requantized(node, call(node, "conv", operands, window_of(node, w)), scale, 6, 7);
}

const RegisterOnnx readers[] = {
    RegisterOnnx{{.type = "QuantizeLinear", .since = 10, .read = read_quantize}},
    RegisterOnnx{{.type = "DequantizeLinear", .since = 10, .read = read_dequantize}},
    RegisterOnnx{{.type = "DynamicQuantizeLinear", .since = 11, .read = read_dynamic_quantize}},
    RegisterOnnx{{.type = "MatMulInteger", .since = 10, .read = read_matmul_integer}},
    RegisterOnnx{{.type = "ConvInteger", .since = 10, .read = read_conv_integer}},
    RegisterOnnx{{.type = "QLinearMatMul", .since = 10, .read = read_qlinear_matmul}},
    RegisterOnnx{{.type = "QLinearConv", .since = 10, .read = read_qlinear_conv}},
};

}  // namespace
}  // namespace neap::read_quantize_onnx
