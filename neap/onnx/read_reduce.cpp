// Reductions, positions of extremes, cumulative sums, and the family of softmax.
#include "neap/onnx/reader.h"

namespace neap::read_reduce_onnx {
namespace {

using Integers = std::vector<std::int64_t>;

// All operators of this family: first a function of the elements, then a reduction, then a function of the result.
struct Kind {
  const char* type;
  const char* before;
  const char* op;
  const char* after;
  int axes_as_input_since = 18;
};
constexpr Kind kinds[] = {
    {"ReduceSum", nullptr, "sum", nullptr, 13},
    {"ReduceMean", nullptr, "mean", nullptr},
    {"ReduceMax", nullptr, "max", nullptr},
    {"ReduceMin", nullptr, "min", nullptr},
    {"ReduceProd", nullptr, "prod", nullptr},
    {"ReduceL1", "abs", "sum", nullptr},
    {"ReduceL2", "square", "sum", "sqrt"},
    {"ReduceLogSum", nullptr, "sum", "log"},
    {"ReduceLogSumExp", nullptr, "logsumexp", nullptr},
    {"ReduceSumSquare", "square", "sum", nullptr},
};

void read_reduction(OnnxNode& node, const Kind& kind) {
  Integers axes;
  if (node.opset() < kind.axes_as_input_since) axes = node.integers("axes", {});
  if (node.opset() >= kind.axes_as_input_since && node.has(1)) axes = node.integers(1);
  axes = node.axes(axes, node.rank(0));
  const bool keep = node.flag("keepdims", true);
  if (node.flag("noop_with_empty_axes", false) && axes.empty()) return node.give(unary("identity", node.input(0)));
  Var x = node.input(0);
  const DType dtype = x.dtype();
  if (dtype == DType::boolean) x = cast(x, DType::u8);  // whose least is false, of no elements too
  if (!is_float(dtype) && std::string_view(kind.op) == "logsumexp") node.fail("takes floating-point values");
  if (kind.before != nullptr) x = unary(kind.before, x);
  Var y = node.build().call(kind.op, {x}, {{"axes", axes}, {"keep", keep}});
  if (kind.after != nullptr) y = unary(kind.after, y);
  node.give(cast(y, dtype));
}

const bool registered = [] {
  for (const Kind& kind : kinds) RegisterOnnx{{.type = kind.type, .read = [&kind](OnnxNode& node) { read_reduction(node, kind); }}};
  return true;
}();

std::function<void(OnnxNode&)> position_of(const char* op) {
  return [op](OnnxNode& node) {
    const std::int64_t axis = node.axis(node.integer("axis", 0), node.rank(0));
    const bool keep = node.flag("keepdims", true);
    Var x = node.input(0);
    if (!node.flag("select_last_index", false)) return node.give(node.build().call(op, {x}, {{"axis", axis}, {"keep", keep}}));
    const Dim last = x.size(static_cast<int>(axis)) - Dim(1);
    const Var from_end =
        node.build().call(op, {node.build().call("flip", {x}, {{"axes", Integers{axis}}})}, {{"axis", axis}, {"keep", keep}});
    node.give(node.build().call("size_value", {}, {{"size", Shape{last}}, {"dtype", DType::i64}}) - from_end);
  };
}

void read_cumulative_sum(OnnxNode& node) {
  const std::int64_t axis = node.axis(node.integers(1).at(0), node.rank(0));
  node.give(node.build().call("cumulative_sum", {node.input(0)},
                              {{"axis", axis}, {"exclusive", node.flag("exclusive", false)}, {"reverse", node.flag("reverse", false)}}));
}

// From the end where `reverse` is set; exclusive: without the element itself.
void read_cumulative_product(OnnxNode& node) {
  Builder& build = node.build();
  Var x = node.input(0);
  const std::int64_t axis = node.axis(node.integers(1).at(0), x.rank());
  const bool reverse = node.flag("reverse", false);
  const auto turned = [&](const Var& value) { return reverse ? build.call("flip", {value}, {{"axes", Integers{axis}}}) : value; };
  x = turned(x);
  if (node.flag("exclusive", false)) {
    Shape first = x.shape();
    first[static_cast<std::size_t>(axis)] = 1;
    const Var one = build.full(x.dtype(), first, 1);
    const Attributes without_last{
        {"starts", Shape{0}}, {"stops", Shape{x.size(static_cast<int>(axis)) - Dim(1)}}, {"axes", Integers{axis}}};
    x = build.call("concat", {one, build.call("slice", {x}, without_last)}, {{"axis", axis}});
  }
  node.give(turned(build.call("cumulative_product", {x}, {{"axis", axis}})));
}

// Before opset 13, all axes from `axis` on count as one.
Var along(OnnxNode& node, const std::function<Var(const Var&, std::int64_t)>& f) {
  const Var x = node.input(0);
  const bool flat = node.opset() < 13;
  const std::int64_t given = node.integer("axis", flat ? 1 : -1);
  if (!flat) return f(x, node.axis(given, x.rank()));
  const std::int64_t axis = given == x.rank() ? given : node.axis(given, x.rank());
  if (axis == x.rank() - 1) return f(x, axis);
  Shape shape(x.shape().begin(), x.shape().begin() + axis);
  shape.push_back(element_count(Shape(x.shape().begin() + axis, x.shape().end())));
  return reshape(f(reshape(x, shape), axis), x.shape());
}

std::function<void(OnnxNode&)> softmax_like(const char* op) {
  return [op](OnnxNode& node) {
    node.give(along(node, [&](const Var& x, std::int64_t axis) { return node.build().call(op, {x}, {{"axis", axis}}); }));
  };
}

// 1 at the first largest, 0 elsewhere.
void read_hardmax(OnnxNode& node) {
  node.give(along(node, [&](const Var& x, std::int64_t axis) {
    const Var best = node.build().call("argmax", {x}, {{"axis", axis}, {"keep", true}});
    Shape row(static_cast<std::size_t>(x.rank()), Dim(1));
    row[static_cast<std::size_t>(axis)] = x.size(static_cast<int>(axis));
    const Var positions =
        reshape(node.build().call("arange", {}, {{"size", Shape{x.size(static_cast<int>(axis))}}, {"dtype", DType::i64}}), row);
    return cast(node.build().call("equal", {positions, best}), x.dtype());
  }));
}

const RegisterOnnx argmax{{.type = "ArgMax", .read = position_of("argmax")}};
const RegisterOnnx argmin{{.type = "ArgMin", .read = position_of("argmin")}};
const RegisterOnnx cumsum{{.type = "CumSum", .since = 11, .read = read_cumulative_sum}};
const RegisterOnnx cumprod{{.type = "CumProd", .since = 26, .read = read_cumulative_product}};
const RegisterOnnx softmax{{.type = "Softmax", .read = softmax_like("softmax")}};
const RegisterOnnx log_softmax{{.type = "LogSoftmax", .read = softmax_like("log_softmax")}};
const RegisterOnnx hardmax{{.type = "Hardmax", .read = read_hardmax}};

}  // namespace
}  // namespace neap::read_reduce_onnx
