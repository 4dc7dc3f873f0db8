// Scalar expressions as they are built: dtypes checked, constants folded, neutral elements dropped.
#include "neap/ir/expr.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "neap/base/error.h"
#include "neap/ir/scalar.h"

namespace neap {
namespace {

Expr leaf(Scalar op, DType dtype) {
  auto node = std::make_shared<Expr::Node>();
  node->op = op;
  node->dtype = dtype;
  return Expr(std::move(node));
}

Expr number(DType dtype, Number value) {
  auto node = std::make_shared<Expr::Node>();
  node->dtype = dtype;
  value = round_to(dtype, value);
  node->number = is_float(dtype) ? value.real : 0;
  node->integer = is_float(dtype) ? 0 : value.integer;
  return Expr(std::move(node));
}

bool is_constant(const Expr& e) { return e->op == Scalar::constant; }
Number number_of(const Expr& e) { return {e->number, e->integer}; }
bool is_value(const Expr& e, double value) {
  return is_constant(e) && (is_float(e.dtype()) ? e->number == value : static_cast<double>(e->integer) == value);
}

// A constant beside an argument of another dtype takes that argument's dtype, so that `x * 2` means what it says.
void unify(Scalar op, Expr& a, Expr& b) {
  if (a.dtype() == b.dtype()) return;
  if (is_constant(a) && !is_constant(b)) {
    a = cast(a, b.dtype());
  } else if (is_constant(b)) {
    b = cast(b, a.dtype());
  } else {
    throw Error(fmt::format("{} of {} and {}", name(op), name(a.dtype()), name(b.dtype())), "scalar expression", "cast one of the two");
  }
}

// Casts that the builders make for their callers.
void fit(Scalar op, std::vector<Expr>& args) {
  switch (kind(op)) {
    case ScalarKind::arithmetic:
    case ScalarKind::comparison:
      return unify(op, args[0], args[1]);
    case ScalarKind::bitwise:
      if (args.size() == 2) unify(op, args[0], args[1]);
      return;
    case ScalarKind::logical:
      for (Expr& arg : args) arg = cast(arg, DType::boolean);
      return;
    default:
      break;
  }
  if (op == Scalar::select) {
    args[0] = cast(args[0], DType::boolean);
    unify(op, args[1], args[2]);
  } else if (op == Scalar::random_bits) {
    for (Expr& arg : args) arg = cast(arg, DType::i64);
  }
}

// x + 0, x * 1 and the like; empty when there is nothing to drop.
Expr neutral(Scalar op, const std::vector<Expr>& args) {
  const bool exact = !is_float(args[0].dtype());
  switch (op) {
    case Scalar::add:
      if (is_value(args[0], 0)) return args[1];
      if (is_value(args[1], 0)) return args[0];
      break;
    case Scalar::sub:
      if (is_value(args[1], 0)) return args[0];
      break;
    case Scalar::mul:
      if (is_value(args[0], 1)) return args[1];
      if (is_value(args[1], 1)) return args[0];
      if (exact && (is_value(args[0], 0) || is_value(args[1], 0))) return constant_int(args[0].dtype(), 0);
      break;
    case Scalar::div:
    case Scalar::floor_div:
      if (is_value(args[1], 1) && (exact || op == Scalar::div)) return args[0];
      break;
    case Scalar::pow:
      if (is_value(args[1], 1)) return args[0];
      if (is_value(args[1], 2)) return args[0] * args[0];
      break;
    case Scalar::select:
      if (is_constant(args[0])) return args[0]->integer != 0 ? args[1] : args[2];
      if (same(args[1], args[2])) return args[1];
      break;
    case Scalar::logical_and:
      if (is_constant(args[0])) return args[0]->integer != 0 ? args[1] : args[0];
      if (is_constant(args[1])) return args[1]->integer != 0 ? args[0] : args[1];
      break;
    case Scalar::logical_or:
      if (is_constant(args[0])) return args[0]->integer != 0 ? args[0] : args[1];
      if (is_constant(args[1])) return args[1]->integer != 0 ? args[1] : args[0];
      break;
    default:
      break;
  }
  return {};
}

}  // namespace

DType Expr::dtype() const { return node_->dtype; }
Expr::Expr(double value) : Expr(constant(DType::f32, value)) {}
Expr::Expr(int value) : Expr(constant_int(DType::i64, value)) {}
Expr::Expr(std::int64_t value) : Expr(constant_int(DType::i64, value)) {}
Expr::Expr(const Dim& size) {
  if (size.is_constant()) {
    *this = constant_int(DType::i64, size.constant());
    return;
  }
  auto node = std::make_shared<Node>();
  node->op = Scalar::size;
  node->dtype = DType::i64;
  node->dim = size;
  node_ = std::move(node);
}

Expr constant(DType dtype, double value) {
  return number(dtype, is_float(dtype) ? Number{value, 0} : convert({value, 0}, DType::f64, dtype));
}
Expr constant_int(DType dtype, std::int64_t value) {
  return number(dtype, is_float(dtype) ? Number{static_cast<double>(value), 0} : Number{0, value});
}

Expr axis_position(const Axis& axis) {
  Expr e = leaf(Scalar::axis, DType::i64);
  std::const_pointer_cast<Expr::Node>(e.node())->integer = axis.id;
  return e;
}

DType result_type(Scalar op, const std::vector<Expr>& args) {
  NEAP_ASSERT(static_cast<int>(args.size()) == arity(op), " of {}", name(op));
  const DType first = args[0].dtype();
  const auto want = [&](bool fits) {
    if (fits) return;
    std::string given;
    for (const Expr& arg : args) given += fmt::format("{}{}", given.empty() ? "" : " and ", name(arg.dtype()));
    throw Error(fmt::format("{} is not defined on {}", name(op), given), "scalar expression", "cast the argument");
  };
  const bool alike = std::all_of(args.begin(), args.end(), [&](const Expr& arg) { return arg.dtype() == first; });
  switch (kind(op)) {
    case ScalarKind::unary_float:
      want(is_float(first));
      return first;
    case ScalarKind::unary_any:
      want(first != DType::boolean);
      return first;
    case ScalarKind::unary_bool:
      return DType::boolean;
    case ScalarKind::arithmetic:
      want(alike && first != DType::boolean && (op != Scalar::atan2 || is_float(first)));
      return first;
    case ScalarKind::comparison:
      want(alike);
      return DType::boolean;
    case ScalarKind::logical:
      want(alike && first == DType::boolean);
      return DType::boolean;
    case ScalarKind::bitwise:
      want(alike && !is_float(first) &&
           (first != DType::boolean || op == Scalar::bit_and || op == Scalar::bit_or || op == Scalar::bit_xor));
      return first;
    default:
      break;
  }
  if (op == Scalar::select) {
    want(first == DType::boolean && args[1].dtype() == args[2].dtype());
    return args[1].dtype();
  }
  NEAP_ASSERT(op == Scalar::random_bits, " {} has no result of its arguments alone", name(op));
  want(alike && first == DType::i64);
  return DType::i64;
}

Expr make(Scalar op, std::vector<Expr> args) {
  NEAP_ASSERT(static_cast<int>(args.size()) == arity(op), " of {}", name(op));
  fit(op, args);
  const DType dtype = result_type(op, args);
  if (std::all_of(args.begin(), args.end(), is_constant)) {
    std::array<Number, 3> numbers;
    std::array<DType, 3> dtypes{};
    for (std::size_t i = 0; i < args.size(); ++i) {
      numbers[i] = number_of(args[i]);
      dtypes[i] = args[i].dtype();
    }
    return number(dtype, evaluate(op, dtype, {numbers.data(), args.size()}, {dtypes.data(), args.size()}));
  }
  if (Expr simpler = neutral(op, args)) return simpler;
  auto node = std::make_shared<Expr::Node>();
  node->op = op;
  node->dtype = dtype;
  node->args = std::move(args);
  return Expr(std::move(node));
}

Expr cast(const Expr& value, DType dtype) {
  if (value.dtype() == dtype) return value;
  if (is_constant(value)) return number(dtype, convert(number_of(value), value.dtype(), dtype));
  auto node = std::make_shared<Expr::Node>();
  node->op = Scalar::cast;
  node->dtype = dtype;
  node->args = {value};
  return Expr(std::move(node));
}

Expr read(int operand, DType dtype, std::vector<Expr> indices, Expr outside) {
  auto node = std::make_shared<Expr::Node>();
  node->op = Scalar::read;
  node->dtype = dtype;
  node->integer = operand;
  node->rank = static_cast<int>(indices.size());
  for (Expr& index : indices) index = cast(index, DType::i64);
  node->args = std::move(indices);
  if (outside) node->args.push_back(cast(outside, dtype));
  return Expr(std::move(node));
}

Expr select(const Expr& condition, const Expr& yes, const Expr& no) { return make(Scalar::select, {condition, yes, no}); }

Expr reduce(Reduction reduction, std::vector<Axis> axes, const Expr& value) {
  auto node = std::make_shared<Expr::Node>();
  node->op = Scalar::reduce;
  const bool position = reduction == Reduction::argmax || reduction == Reduction::argmin;
  const bool logical = reduction == Reduction::any || reduction == Reduction::all;
  NEAP_ASSERT(!position || axes.size() == 1, " arg reductions run over one axis");
  if (!position && !logical && value.dtype() == DType::boolean) {
    throw Error(fmt::format("{} is not defined on bool", name(reduction)), "scalar expression", "cast the argument, or use any or all");
  }
  if (axes.empty()) return logical ? cast(value, DType::boolean) : value;
  node->dtype = position ? DType::i64 : logical ? DType::boolean : value.dtype();
  node->reduction = reduction;
  node->axes = std::move(axes);
  node->args = {logical ? cast(value, DType::boolean) : value};
  return Expr(std::move(node));
}

Expr operator+(const Expr& a, const Expr& b) { return make(Scalar::add, {a, b}); }
Expr operator-(const Expr& a, const Expr& b) { return make(Scalar::sub, {a, b}); }
Expr operator*(const Expr& a, const Expr& b) { return make(Scalar::mul, {a, b}); }
Expr operator/(const Expr& a, const Expr& b) { return make(Scalar::div, {a, b}); }
Expr operator-(const Expr& a) { return make(Scalar::neg, {a}); }
Expr operator<(const Expr& a, const Expr& b) { return make(Scalar::less, {a, b}); }
Expr operator<=(const Expr& a, const Expr& b) { return make(Scalar::less_equal, {a, b}); }
Expr operator>(const Expr& a, const Expr& b) { return make(Scalar::greater, {a, b}); }
Expr operator>=(const Expr& a, const Expr& b) { return make(Scalar::greater_equal, {a, b}); }
Expr operator==(const Expr& a, const Expr& b) { return make(Scalar::equal, {a, b}); }
Expr operator&&(const Expr& a, const Expr& b) { return make(Scalar::logical_and, {a, b}); }
Expr operator||(const Expr& a, const Expr& b) { return make(Scalar::logical_or, {a, b}); }
Expr min(const Expr& a, const Expr& b) { return make(Scalar::min, {a, b}); }
Expr max(const Expr& a, const Expr& b) { return make(Scalar::max, {a, b}); }
Expr exp(const Expr& a) { return make(Scalar::exp, {a}); }
Expr log(const Expr& a) { return make(Scalar::log, {a}); }
Expr sqrt(const Expr& a) { return make(Scalar::sqrt, {a}); }
Expr tanh(const Expr& a) { return make(Scalar::tanh, {a}); }
Expr sigmoid(const Expr& a) { return make(Scalar::sigmoid, {a}); }

std::string_view name(Scalar op) {
  static constexpr std::array<std::string_view, 55> names = {
      "constant",   "size",      "axis",          "read",        "cast",      "neg",    "abs",    "sign",    "reciprocal", "sqrt",
      "rsqrt",      "exp",       "expm1",         "log",         "log1p",     "sin",    "cos",    "tan",     "asin",       "acos",
      "atan",       "sinh",      "cosh",          "asinh",       "acosh",     "atanh",  "tanh",   "sigmoid", "erf",        "floor",
      "ceil",       "round",     "trunc",         "logical_not", "bit_not",   "is_nan", "is_inf", "add",     "sub",        "mul",
      "div",        "floor_div", "mod",           "pow",         "min",       "max",    "atan2",  "equal",   "not_equal",  "less",
      "less_equal", "greater",   "greater_equal", "logical_and", "logical_or"};
  static constexpr std::array<std::string_view, 9> rest = {"logical_xor", "bit_and", "bit_or",      "bit_xor", "shift_left",
                                                           "shift_right", "select",  "random_bits", "reduce"};
  const auto i = static_cast<std::size_t>(op);
  return i < names.size() ? names[i] : rest[i - names.size()];
}

std::string_view name(Reduction reduction) {
  static constexpr std::array<std::string_view, 8> names = {"sum", "prod", "max", "min", "any", "all", "argmax", "argmin"};
  return names[static_cast<std::size_t>(reduction)];
}

}  // namespace neap
