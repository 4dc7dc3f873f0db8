// Reductions, products of matrices, bounds, filled tensors and recurrent layers, as ONNX writes them.
#include <algorithm>
#include <cmath>

#include "neap/onnx/tensor.h"
#include "neap/onnx/writer.h"

namespace neap::write_math_onnx {
namespace {

using Integers = std::vector<std::int64_t>;

OnnxWrite reduction(const char* type) {
  return [type](OnnxCall& c) {
    const Call& call = c.call();
    const Integers& axes = call.integers("axes");
    OnnxAttributes attributes{{"keepdims", std::int64_t{call.flag("keep") ? 1 : 0}}};
    std::vector<std::string> inputs{c.input(0)};
    if (!axes.empty() && std::string_view(type) == "ReduceSum")
      inputs.push_back(c.integers(axes));  // an input since opset 13, others since 18
    if (!axes.empty() && inputs.size() == 1) attributes.push_back({"axes", axes});
    c.give(c.emit(type, inputs, attributes));
    return true;
  };
}

// Truth values are counted: one is true, or none is false.
OnnxWrite of_bools(bool all) {
  return [all](OnnxCall& c) {
    const std::int64_t counted = onnx_of_dtype(DType::i32), boolean = onnx_of_dtype(DType::boolean);
    std::string x = c.emit("Cast", {c.input(0)}, {{"to", boolean}});
    if (all) x = c.emit("Not", {x});
    std::vector<std::string> inputs{c.emit("Cast", {x}, {{"to", counted}})};
    if (!c.call().integers("axes").empty()) inputs.push_back(c.integers(c.call().integers("axes")));
    const std::string count = c.emit("ReduceSum", inputs, {{"keepdims", std::int64_t{c.call().flag("keep") ? 1 : 0}}});
    const std::string one = c.emit("Greater", {count, c.number(DType::i32, 0)});
    c.give(all ? c.emit("Not", {one}) : one);
    return true;
  };
}

OnnxWrite position(const char* type) {
  return [type](OnnxCall& c) {
    const std::int64_t axis = c.call().axis("axis", c.call().input(0).rank());
    c.give(c.emit(type, {c.input(0)}, {{"axis", axis}, {"keepdims", std::int64_t{c.call().flag("keep") ? 1 : 0}}}));
    return true;
  };
}

bool write_cumulative_sum(OnnxCall& c) {
  const std::int64_t axis = c.call().axis("axis", c.call().input(0).rank());
  c.give(c.emit(
      "CumSum", {c.input(0), c.constant(Array::scalar(axis))},
      {{"exclusive", std::int64_t{c.call().flag("exclusive") ? 1 : 0}}, {"reverse", std::int64_t{c.call().flag("reverse") ? 1 : 0}}}));
  return true;
}

std::string swapped(const OnnxCall& c, int operand) {
  Integers order;
  for (int axis = 0; axis < c.call().input(operand).rank(); ++axis) order.push_back(axis);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return c.emit("Transpose", {c.input(operand)}, {{"perm", order}});
}

bool write_matmul(OnnxCall& c) {
  const bool a = c.call().flag("transpose_a"), b = c.call().flag("transpose_b");
  if ((a || b) && c.call().input(0).rank() == 2 && c.call().input(1).rank() == 2 && is_float(c.call().input(0).dtype)) {
    c.give(c.emit("Gemm", {c.input(0), c.input(1)}, {{"transA", std::int64_t{a ? 1 : 0}}, {"transB", std::int64_t{b ? 1 : 0}}}));
    return true;
  }
  c.give(c.emit("MatMul", {a ? swapped(c, 0) : c.input(0), b ? swapped(c, 1) : c.input(1)}));
  return true;
}

// A layer on vectors of one batch axis is one Gemm.
bool write_linear(OnnxCall& c) {
  if (c.call().input(0).rank() != 2) return false;
  std::vector<std::string> inputs{c.input(0), c.input(1)};
  if (c.call().has(2)) inputs.push_back(c.input(2));
  c.give(c.emit("Gemm", inputs, {{"transB", std::int64_t{1}}}));
  return true;
}

bool write_clip(OnnxCall& c) {
  const double low = c.call().number("low"), high = c.call().number("high");
  const DType dtype = c.call().input(0).dtype;
  if (!is_float(dtype)) return false;
  const auto bound = [&](double value) { return std::isinf(value) ? std::string() : c.number(dtype, value); };
  c.give(c.emit("Clip", {c.input(0), low == -HUGE_VAL ? "" : bound(low), high == HUGE_VAL ? "" : bound(high)}));
  return true;
}

std::int64_t onnx_of(DType dtype) { return onnx_of_dtype(dtype); }

std::string scalar(const OnnxCall& c, const Dim& size) { return c.emit("Reshape", {c.size(size), c.integers({})}); }

bool write_size_value(OnnxCall& c) {
  c.give(c.emit("Cast", {scalar(c, c.call().dims("size")[0])}, {{"to", onnx_of(c.output_type(0).dtype)}}));
  return true;
}

bool write_fill(OnnxCall& c) {
  const Array value = Array::full(c.output_type(0).dtype, {1}, c.call().number("value"));
  c.give(c.emit("ConstantOfShape", {c.sizes(c.output_type(0).shape)}, {{"value", value}}));
  return true;
}

// Counted in whole numbers, then scaled.
bool write_arange(OnnxCall& c) {
  const DType dtype = c.output_type(0).dtype;
  const Array zero = Array::scalar(std::int64_t{0}), one = Array::scalar(std::int64_t{1});
  const std::string counted = c.emit("Range", {c.constant(zero), scalar(c, c.call().dims("size")[0]), c.constant(one)});
  const std::string cast = c.emit("Cast", {counted}, {{"to", onnx_of(dtype)}});
  const std::string scaled = c.emit("Mul", {cast, c.number(dtype, c.call().number("step"))});
  c.give(c.emit("Add", {scaled, c.number(dtype, c.call().number("start"))}));
  return true;
}

bool write_one_hot(OnnxCall& c) {
  const Call& call = c.call();
  const DType dtype = call.dtype("dtype");
  Array values = Array::zeros(dtype, {2});
  values.set(0, call.number("off"));
  values.set(1, call.number("on"));
  // ONNX counts negative indices from the end; ours are nowhere: they are moved behind it.
  const DType index = call.input(0).dtype;
  const std::string zero = c.number(index, 0), nowhere = c.emit("Cast", {scalar(c, call.dims("depth")[0])}, {{"to", onnx_of(index)}});
  const std::string safe = c.emit("Where", {c.emit("Less", {c.input(0), zero}), nowhere, c.input(0)});
  c.give(c.emit("OneHot", {safe, c.size(call.dims("depth")[0]), c.constant(values)}, {{"axis", call.integer("axis")}}));
  return true;
}

bool write_layer_norm(OnnxCall& c) {
  if (!c.call().has(1)) return false;
  const std::int64_t axis = c.call().integer("axis");
  std::vector<std::string> inputs{c.input(0), c.input(1)};
  if (c.call().has(2)) inputs.push_back(c.input(2));
  c.give(c.emit("LayerNormalization", inputs, {{"axis", axis}, {"epsilon", c.call().number("epsilon")}}));
  return true;
}

// Scale and bias are ones and zeros where ours are absent.
bool write_instance_norm(OnnxCall& c) {
  const Dim& channels = c.call().size(0, 1);
  if ((!c.call().has(1) || !c.call().has(2)) && !channels.is_constant()) return false;
  const auto operand = [&](int i, double otherwise) {
    return c.call().has(i) ? c.input(i) : c.constant(Array::full(c.call().input(0).dtype, {channels.constant()}, otherwise));
  };
  c.give(c.emit("InstanceNormalization", {c.input(0), operand(1, 1), operand(2, 0)}, {{"epsilon", c.call().number("epsilon")}}));
  return true;
}

// Other activations than the usual ones are written step by step.
OnnxWrite recurrent(const char* type, int states) {
  return [type, states](OnnxCall& c) {
    const Call& call = c.call();
    const Dim& hidden = call.size(2, 2);
    if (!hidden.is_constant()) return false;
    OnnxAttributes attributes{{"hidden_size", hidden.constant()}, {"direction", call.text("direction")}};
    for (const auto& [name, usual] : {std::pair{"activation", "tanh"}, {"gate_activation", "sigmoid"}, {"output_activation", "tanh"}}) {
      if (call.attributes().count(name) != 0 && call.text(name) != usual) return false;
    }
    for (const auto& [ours, theirs] : {std::pair{"linear_before_reset", "linear_before_reset"}, {"coupled", "input_forget"}}) {
      if (call.attributes().count(ours) != 0) attributes.push_back({theirs, std::int64_t{call.flag(ours) ? 1 : 0}});
    }
    if (call.number("clip") > 0) attributes.push_back({"clip", call.number("clip")});
    const auto operand = [&](int i) { return call.has(i) ? c.input(i) : std::string(); };
    std::vector<std::string> inputs;
    for (int i = 0; i < 4; ++i) inputs.push_back(operand(i));
    const int lengths = 4 + states;
    inputs.push_back(call.has(lengths) ? c.emit("Cast", {c.input(lengths)}, {{"to", onnx_of(DType::i32)}}) : "");
    for (int i = 0; i < states; ++i) inputs.push_back(operand(4 + i));
    if (states > 1) inputs.push_back(operand(lengths + 1));
    while (inputs.back().empty()) inputs.pop_back();
    for (std::string& output : c.emit_many(type, inputs, c.output_count(), attributes)) c.give(std::move(output));
    return true;
  };
}

// Elements after the diagonal give way to a number.
bool write_causal_mask(OnnxCall& c) {
  const Type& x = c.call().input(0);
  const std::string ones = c.emit("ConstantOfShape", {c.sizes(x.shape)}, {{"value", Array::full(DType::f32, {1}, 1)}});
  const std::string seen = c.emit("Trilu", {ones}, {{"upper", std::int64_t{0}}});
  const std::string mask = c.emit("Cast", {seen}, {{"to", onnx_of(DType::boolean)}});
  c.give(c.emit("Where", {mask, c.input(0), c.number(x.dtype, c.call().number("value"))}));
  return true;
}

bool write_eye(OnnxCall& c) {
  const std::string like = c.emit("ConstantOfShape", {c.sizes(c.output_type(0).shape)}, {{"value", Array::full(DType::f32, {1}, 0)}});
  c.give(c.emit("EyeLike", {like}, {{"k", c.call().integer("diagonal")}, {"dtype", onnx_of(c.output_type(0).dtype)}}));
  return true;
}

// The remainder of the dividend's sign, and for whole numbers that of the divisor's too.
std::string remainder(const OnnxCall& c) { return c.emit("Mod", {c.input(0), c.input(1)}, {{"fmod", std::int64_t{1}}}); }

bool write_mod(OnnxCall& c) {
  const DType dtype = c.call().input(0).dtype;
  if (!is_float(dtype)) {
    c.give(c.emit("Mod", {c.input(0), c.input(1)}));
    return true;
  }
  const std::string rest = remainder(c), zero = c.number(dtype, 0);
  const std::string apart = c.emit("Xor", {c.emit("Less", {rest, zero}), c.emit("Less", {c.input(1), zero})});
  const std::string some = c.emit("Not", {c.emit("Equal", {rest, zero})});
  c.give(c.emit("Where", {c.emit("And", {some, apart}), c.emit("Add", {rest, c.input(1)}), rest}));
  return true;
}

bool write_fmod(OnnxCall& c) {
  c.give(remainder(c));
  return true;
}

const RegisterOnnxWriter writers[] = {
    {"causal_mask", write_causal_mask},
    {"eye", write_eye},
    {"mod", write_mod},
    {"fmod", write_fmod},
    {"sum", reduction("ReduceSum")},
    {"mean", reduction("ReduceMean")},
    {"max", reduction("ReduceMax")},
    {"min", reduction("ReduceMin")},
    {"prod", reduction("ReduceProd")},
    {"logsumexp", reduction("ReduceLogSumExp")},
    {"any", of_bools(false)},
    {"all", of_bools(true)},
    {"argmax", position("ArgMax")},
    {"argmin", position("ArgMin")},
    {"cumulative_sum", write_cumulative_sum},
    {"matmul", write_matmul},
    {"linear", write_linear},
    {"clip", write_clip},
    {"size_value", write_size_value},
    {"fill", write_fill},
    {"arange", write_arange},
    {"one_hot", write_one_hot},
    {"layer_norm", write_layer_norm},
    {"instance_norm", write_instance_norm},
    {"lstm", recurrent("LSTM", 2)},
    {"gru", recurrent("GRU", 1)},
    {"rnn", recurrent("RNN", 1)},
};

}  // namespace
}  // namespace neap::write_math_onnx
