// Functions of two elements, with numpy's broadcasting.
#include "neap/ops/builder.h"
#include "neap/ops/elementwise.h"

namespace neap::binary_operator {
namespace {

struct Entry {
  const char* name;
  const char* about;
  Scalar op;
  const char* onnx = nullptr;
  int since = 7;
};

const Entry table[] = {
    {"add", "a + b", Scalar::add, "Add"},
    {"sub", "a - b", Scalar::sub, "Sub"},
    {"mul", "a * b", Scalar::mul, "Mul"},
    {"div", "a / b; integers are cut towards zero", Scalar::div, "Div"},
    {"floor_div", "a / b rounded down", Scalar::floor_div},
    {"mod", "a - b * floor(a / b)", Scalar::mod},
    {"pow", "a to the power of b", Scalar::pow, "Pow"},
    {"minimum", "the smaller; NaN where one is NaN", Scalar::min, "Min", 8},
    {"maximum", "the larger; NaN where one is NaN", Scalar::max, "Max", 8},
    {"atan2", "angle of the point (b, a)", Scalar::atan2},
    {"equal", "a == b", Scalar::equal, "Equal"},
    {"not_equal", "a != b", Scalar::not_equal},
    {"less", "a < b", Scalar::less, "Less"},
    {"less_equal", "a <= b", Scalar::less_equal, "LessOrEqual", 12},
    {"greater", "a > b", Scalar::greater, "Greater"},
    {"greater_equal", "a >= b", Scalar::greater_equal, "GreaterOrEqual", 12},
    {"logical_and", "a and b", Scalar::logical_and, "And"},
    {"logical_or", "a or b", Scalar::logical_or, "Or"},
    {"logical_xor", "a or b, not both", Scalar::logical_xor, "Xor"},
    {"bit_and", "a & b", Scalar::bit_and, "BitwiseAnd", 18},
    {"bit_or", "a | b", Scalar::bit_or, "BitwiseOr", 18},
    {"bit_xor", "a ^ b", Scalar::bit_xor, "BitwiseXor", 18},
    {"shift_left", "a << b", Scalar::shift_left},
    {"shift_right", "a >> b", Scalar::shift_right},
};

using Pair = std::pair<Var, Var>;
Pair binary_gradient(Scalar op, const Var& a, const Var& b, const Var& y, const Var& dy) {
  switch (op) {
    case Scalar::add:
      return {dy, dy};
    case Scalar::sub:
      return {dy, -dy};
    case Scalar::mul:
      return {dy * b, dy * a};
    case Scalar::div:
      return {dy / b, -(dy * y / b)};
    default:
      return {};
  }
}

Operator binary_operator(const Entry& entry) {
  Operator op;
  op.name = entry.name;
  op.about = entry.about;
  op.inputs = {{"a"}, {"b"}};
  op.define = [scalar = entry.op](Definition& d) {
    if (d.dtype(0) != d.dtype(1))
      d.call().fail(fmt::format("operands are {} and {}", name(d.dtype(0)), name(d.dtype(1))), "cast one of them");
    define_elementwise(d, [&](const std::vector<Expr>& x) { return make(scalar, {x[0], x[1]}); });
  };
  op.differentiable = entry.op < Scalar::equal || entry.op > Scalar::greater_equal;
  if (entry.op >= Scalar::logical_and && entry.op <= Scalar::shift_right) op.differentiable = false;
  if (entry.op >= Scalar::add && entry.op <= Scalar::div) {
    op.gradient = [scalar = entry.op](const GradientContext& g) {
      const auto [da, db] = binary_gradient(scalar, g.inputs[0], g.inputs[1], g.outputs[0], g.cotangents[0]);
      return std::vector<Var>{reduce_to(da, g.inputs[0].shape()), reduce_to(db, g.inputs[1].shape())};
    };
  }
  if (entry.onnx != nullptr) op.onnx = {{entry.onnx, entry.since, {}}};
  return op;
}

const bool registered = [] {
  for (const Entry& entry : table) Register{binary_operator(entry)};
  return true;
}();

const Register where_operator{
    {.name = "where",
     .about = "condition ? a : b",
     .inputs = {{"condition"}, {"a"}, {"b"}},
     .define = [](Definition& d) { define_elementwise(d, [](const std::vector<Expr>& x) { return select(x[0], x[1], x[2]); }); },
     .gradient =
         [](const GradientContext& g) {
           const Var zero = g.build.constant(g.cotangents[0].dtype(), 0);
           return std::vector<Var>{Var(), reduce_to(where(g.inputs[0], g.cotangents[0], zero), g.inputs[1].shape()),
                                   reduce_to(where(g.inputs[0], zero, g.cotangents[0]), g.inputs[2].shape())};
         },
     .onnx = {{"Where", 9, {}}}}};

}  // namespace
}  // namespace neap::binary_operator
