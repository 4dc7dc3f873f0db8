// Operators on single elements that are more than another name: numbers of operands, attributes, old rules of broadcasting.
#include <algorithm>
#include <cmath>

#include "neap/onnx/reader.h"

namespace neap::read_elementwise_onnx {
namespace {

Var call(const OnnxNode& node, const char* op, const std::vector<Var>& inputs, Attributes attributes = {}) {
  return node.build().call(op, inputs, std::move(attributes));
}

// Before opset 7 the second operand lies along the axes of the first from `axis` on, where `broadcast` is set.
Var aligned(OnnxNode& node, const Var& a, const Var& b) {
  const bool broadcast = node.flag("broadcast", false);
  const std::int64_t given = node.integer("axis", -1);
  node.ignore("consumed_inputs");
  if (!broadcast || given < 0 || given + b.rank() >= a.rank()) return b;
  Shape shape = b.shape();
  shape.resize(static_cast<std::size_t>(a.rank() - given), Dim(1));
  return reshape(b, shape);
}

std::function<void(OnnxNode&)> old_binary(const char* op) {
  return [op](OnnxNode& node) {
    const Var a = node.input(0);
    node.give(call(node, op, {a, aligned(node, a, node.input(1))}));
  };
}

std::function<void(OnnxNode&)> fold_operands(const char* op, bool mean) {
  return [op, mean](OnnxNode& node) {
    node.ignore("consumed_inputs");
    Var total = node.input(0);
    for (int i = 1; i < node.input_count(); ++i) total = call(node, op, {total, node.input(i)});
    node.give(mean ? total / static_cast<double>(node.input_count()) : total);
  };
}

// The result has the dtype of the base; whole numbers to a broken power are computed in the power's dtype.
void read_pow(OnnxNode& node) {
  const Var x = node.input(0), y = node.input(1);
  if (is_float(x.dtype()) || !is_float(y.dtype())) return node.give(call(node, "pow", {x, cast(y, x.dtype())}));
  node.give(cast(call(node, "pow", {cast(x, y.dtype()), y}), x.dtype()));
}

// With `fmod` the result has the sign of the dividend, as in C.
void read_mod(OnnxNode& node) {
  const Var a = node.input(0), b = node.input(1);
  if (!node.flag("fmod", false)) return node.give(call(node, "mod", {a, b}));
  node.give(call(node, "fmod", {a, b}));
}

void read_clip(OnnxNode& node) {
  node.ignore("consumed_inputs");
  Var x = node.input(0);
  std::optional<double> low, high;
  if (node.opset() < 11) {
    low = node.number("min", std::numeric_limits<float>::lowest());
    high = node.number("max", std::numeric_limits<float>::max());
  } else {
    if (node.has(1) && node.constant_or_none(1)) low = node.constant(1).get(0);
    if (node.has(2) && node.constant_or_none(2)) high = node.constant(2).get(0);
  }
  if (is_float(x.dtype()) && (low.has_value() || !node.has(1)) && (high.has_value() || !node.has(2)))
    return node.give(call(node, "clip", {x}, {{"low", low.value_or(-HUGE_VAL)}, {"high", high.value_or(HUGE_VAL)}}));
  if (node.has(1)) x = call(node, "maximum", {x, reshape(node.input(1), {})});
  if (node.has(2)) x = call(node, "minimum", {x, reshape(node.input(2), {})});
  node.give(x);
}

void read_cast(OnnxNode& node) {
  node.ignore("saturate");
  if (node.opset() >= 6) return node.give(cast(node.input(0), node.dtype("to", DType::f32)));
  static const std::map<std::string, DType> names{{"FLOAT", DType::f32}, {"DOUBLE", DType::f64}, {"FLOAT16", DType::f16},
                                                  {"INT8", DType::i8},   {"INT16", DType::i16},  {"INT32", DType::i32},
                                                  {"INT64", DType::i64}, {"UINT8", DType::u8},   {"BOOL", DType::boolean}};
  const auto found = names.find(node.text("to", "FLOAT"));
  if (found == names.end()) node.fail("a cast to a type that is not supported");
  node.give(cast(node.input(0), found->second));
}

// Only the type of the second operand counts: what is known stays known.
void read_cast_like(OnnxNode& node) {
  node.ignore("saturate");
  const DType dtype = node.type(1).dtype;
  if (const std::optional<Array> elements = node.constant_or_none(0)) return node.give(elements->cast(dtype));
  node.give(cast(node.input(0), dtype));
}

// The slope lies along the channels where it has one axis and the opset knows no numpy broadcasting.
void read_prelu(OnnxNode& node) {
  node.ignore("consumed_inputs");
  const Var x = node.input(0);
  Var slope = node.input(1);
  if (node.opset() < 7 && slope.rank() == 1 && x.rank() > 1 && !(slope.size(0) == Dim(1))) {
    Shape shape(static_cast<std::size_t>(x.rank()) - 1, Dim(1));
    shape[0] = slope.size(0);
    slope = reshape(slope, shape);
  }
  node.give(call(node, "prelu", {x, slope}));
}

// x < -lambd ? x + bias : x > lambd ? x - bias : 0
void read_shrink(OnnxNode& node) {
  const Var x = node.input(0), zero = node.build().constant(x.dtype(), 0);
  const double bias = node.number("bias", 0), lambd = node.number("lambd", 0.5);
  const Var above = call(node, "greater", {x, node.build().constant(x.dtype(), lambd)});
  const Var below = call(node, "less", {x, node.build().constant(x.dtype(), -lambd)});
  node.give(where(below, x + bias, where(above, x - bias, zero)));
}

void read_is_inf(OnnxNode& node) {
  const Var x = node.input(0), zero = node.build().constant(x.dtype(), 0);
  Var found = unary("is_inf", x);
  if (!node.flag("detect_positive", true)) found = call(node, "logical_and", {found, call(node, "less", {x, zero})});
  if (!node.flag("detect_negative", true)) found = call(node, "logical_and", {found, call(node, "greater", {x, zero})});
  node.give(found);
}

void read_gelu(OnnxNode& node) {
  const std::string way = node.text("approximate", "none");
  if (way != "none" && way != "tanh") node.fail("approximate is neither none nor tanh");
  node.give(unary(way == "tanh" ? "gelu_tanh" : "gelu", node.input(0)));
}

// x * sigmoid(alpha x)
void read_swish(OnnxNode& node) {
  const Var x = node.input(0);
  const double alpha = node.number("alpha", 1);
  node.give(alpha == 1 ? unary("swish", x) : x * sigmoid(x * alpha));
}

// By the width or more, or by less than nothing, all bits leave; to the right the sign comes after them.
void read_bit_shift(OnnxNode& node) {
  const std::string direction = node.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") node.fail("direction is neither LEFT nor RIGHT");
  const Var x = node.input(0), by = node.input(1);
  if (direction == "LEFT") return node.give(call(node, "shift_left", {x, by}));
  if (x.dtype() == DType::u8) return node.give(call(node, "shift_right", {x, by}));
  const Var most = node.build().constant(by.dtype(), 8.0 * static_cast<double>(size_of(x.dtype())) - 1);
  const Var within = call(node, "logical_and",
                          {call(node, "greater_equal", {by, node.build().constant(by.dtype(), 0)}), call(node, "less_equal", {by, most})});
  node.give(call(node, "shift_right", {x, where(within, by, most)}));
}

// Sequences too.
void read_identity(OnnxNode& node) {
  if (node.value(0).is_sequence) return node.give(node.value(0));
  node.give(unary("identity", node.input(0)));
}

// Without training nothing drops out. In training Neap's own random numbers decide (read_random.cpp).
void read_dropout(OnnxNode& node) {
  node.ignore("consumed_inputs");
  const double ratio = node.opset() < 12 ? node.number("ratio", 0.5) : node.has(1) ? node.numbers(1).at(0) : 0.5;
  bool training = false;
  if (node.opset() < 7) training = !node.flag("is_test", false);
  if (node.opset() >= 12 && node.has(2)) training = node.constant(2).get(0) != 0;
  const Var x = node.input(0);
  const DType mask = node.opset() < 10 ? x.dtype() : DType::boolean;
  const std::int64_t given = node.integer("seed", 0);
  const RandomSource source = random_source(node, node.has("seed") ? std::optional(given) : std::nullopt);
  if (!training || ratio == 0) {
    node.give(unary("identity", x));
    if (node.wants(1)) node.give(node.build().full(mask, x.shape(), 1));
    return;
  }
  const auto drop = [&](const Var& from) {
    return call(node, "dropout", {from, source.seed}, {{"rate", ratio}, {"stream", source.stream}});
  };
  node.give(drop(x));
  if (!node.wants(1)) return;
  const Var kept = drop(node.build().full(x.dtype(), x.shape(), 1));  // the same draws: the same seed, stream and positions
  node.give(cast(call(node, "not_equal", {kept, node.build().constant(x.dtype(), 0)}), mask));
}

const RegisterOnnx readers[] = {
    RegisterOnnx{{.type = "Add", .read = old_binary("add")}},
    RegisterOnnx{{.type = "Sub", .read = old_binary("sub")}},
    RegisterOnnx{{.type = "Mul", .read = old_binary("mul")}},
    RegisterOnnx{{.type = "Div", .read = old_binary("div")}},
    RegisterOnnx{{.type = "And", .read = old_binary("logical_and")}},
    RegisterOnnx{{.type = "Or", .read = old_binary("logical_or")}},
    RegisterOnnx{{.type = "Xor", .read = old_binary("logical_xor")}},
    RegisterOnnx{{.type = "Equal", .read = old_binary("equal")}},
    RegisterOnnx{{.type = "Less", .read = old_binary("less")}},
    RegisterOnnx{{.type = "Greater", .read = old_binary("greater")}},
    RegisterOnnx{{.type = "Pow", .read = old_binary("pow")}},
    RegisterOnnx{{.type = "Pow", .since = 7, .read = read_pow}},
    RegisterOnnx{{.type = "Sum", .read = fold_operands("add", false)}},
    RegisterOnnx{{.type = "Mean", .read = fold_operands("add", true)}},
    RegisterOnnx{{.type = "Max", .read = fold_operands("maximum", false)}},
    RegisterOnnx{{.type = "Min", .read = fold_operands("minimum", false)}},
    RegisterOnnx{{.type = "Mod", .since = 10, .read = read_mod}},
    RegisterOnnx{{.type = "Clip", .read = read_clip}},
    RegisterOnnx{{.type = "Cast", .read = read_cast}},
    RegisterOnnx{{.type = "CastLike", .since = 15, .read = read_cast_like}},
    RegisterOnnx{{.type = "PRelu", .read = read_prelu}},
    RegisterOnnx{{.type = "Shrink", .since = 9, .read = read_shrink}},
    RegisterOnnx{{.type = "IsInf", .since = 10, .read = read_is_inf}},
    RegisterOnnx{{.type = "Gelu", .since = 20, .read = read_gelu}},
    RegisterOnnx{{.type = "Swish", .since = 24, .read = read_swish}},
    RegisterOnnx{{.type = "BitShift", .since = 11, .read = read_bit_shift}},
    RegisterOnnx{{.type = "Identity", .read = read_identity, .moves = 0}},
    RegisterOnnx{{.type = "Dropout", .read = read_dropout, .fold = false}},
};

}  // namespace
}  // namespace neap::read_elementwise_onnx
