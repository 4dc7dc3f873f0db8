// Elementwise operators that ONNX has no name for, written as what they compute: one node for each scalar operation.
#include <array>
#include <cmath>
#include <unordered_map>

#include "neap/onnx/tensor.h"
#include "neap/onnx/writer.h"

namespace neap {
namespace {

// Scalar operations with an operator of the same meaning.
const std::map<Scalar, const char*>& names() {
  static const std::map<Scalar, const char*> all{
      {Scalar::neg, "Neg"},         {Scalar::abs, "Abs"},
      {Scalar::sign, "Sign"},       {Scalar::reciprocal, "Reciprocal"},
      {Scalar::sqrt, "Sqrt"},       {Scalar::exp, "Exp"},
      {Scalar::log, "Log"},         {Scalar::sin, "Sin"},
      {Scalar::cos, "Cos"},         {Scalar::tan, "Tan"},
      {Scalar::asin, "Asin"},       {Scalar::acos, "Acos"},
      {Scalar::atan, "Atan"},       {Scalar::sinh, "Sinh"},
      {Scalar::cosh, "Cosh"},       {Scalar::asinh, "Asinh"},
      {Scalar::acosh, "Acosh"},     {Scalar::atanh, "Atanh"},
      {Scalar::tanh, "Tanh"},       {Scalar::sigmoid, "Sigmoid"},
      {Scalar::erf, "Erf"},         {Scalar::floor, "Floor"},
      {Scalar::ceil, "Ceil"},       {Scalar::round, "Round"},
      {Scalar::is_nan, "IsNaN"},    {Scalar::is_inf, "IsInf"},
      {Scalar::logical_not, "Not"}, {Scalar::add, "Add"},
      {Scalar::sub, "Sub"},         {Scalar::mul, "Mul"},
      {Scalar::div, "Div"},         {Scalar::pow, "Pow"},
      {Scalar::min, "Min"},         {Scalar::max, "Max"},
      {Scalar::equal, "Equal"},     {Scalar::less, "Less"},
      {Scalar::greater, "Greater"}, {Scalar::less_equal, "LessOrEqual"},
      {Scalar::logical_and, "And"}, {Scalar::greater_equal, "GreaterOrEqual"},
      {Scalar::logical_or, "Or"},   {Scalar::logical_xor, "Xor"},
      {Scalar::select, "Where"},
  };
  return all;
}

class ExpressionWriter {
 public:
  ExpressionWriter(OnnxCall& call, const Map& map) : call_(call), map_(map) {}

  // A node for each operation: first all are looked at, so that nothing is written where one does not fit.
  bool fits(const Expr& e) {
    if (const auto [at, fresh] = seen_.emplace(e.node().get(), true); !fresh) return at->second;
    const bool good = fits_here(e);
    return seen_[e.node().get()] = good;
  }

  std::string write(const Expr& e) {
    const auto found = written_.find(e.node().get());
    if (found != written_.end()) return found->second;
    return written_[e.node().get()] = write_here(e);
  }

 private:
  // Reads operand[..., i, j] at the last axes of the map, in order; 0 where the operand has size 1.
  bool reads_elementwise(const Expr& e) const {
    if (e->integer < 0 || static_cast<int>(e->args.size()) != e->rank) return false;
    const std::size_t extra = map_.axes.size() - static_cast<std::size_t>(e->rank);
    if (static_cast<std::size_t>(e->rank) > map_.axes.size()) return false;
    const Shape& shape = call_.call().input(static_cast<int>(e->integer)).shape;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const Expr& at = e->args[i];
      const bool same = at->op == Scalar::axis && at->integer == map_.axes[extra + i].id;
      const bool first = at->op == Scalar::constant && at->integer == 0 && shape[i] == Dim(1);
      if (!same && !first) return false;
    }
    return true;
  }

  bool fits_here(const Expr& e) {
    switch (e->op) {
      case Scalar::read:
        return reads_elementwise(e);
      case Scalar::constant:
      case Scalar::size:
        return true;
      case Scalar::cast:
      case Scalar::rsqrt:
      case Scalar::expm1:
      case Scalar::log1p:
      case Scalar::trunc:
      case Scalar::not_equal:
      case Scalar::floor_div:
      case Scalar::mod:
        break;
      default:
        if (names().count(e->op) == 0) return false;
    }
    for (const Expr& argument : e->args) {
      if (!fits(argument)) return false;
    }
    return true;
  }

  std::string number(const Expr& like, double value) const { return call_.number(like.dtype(), value); }

  std::string quotient_down(const Expr& e, const std::string& a, const std::string& b) const {
    if (is_float(e.dtype())) return call_.emit("Floor", {call_.emit("Div", {a, b})});
    return call_.emit("Div", {call_.emit("Sub", {a, call_.emit("Mod", {a, b})}), b});
  }

  std::string write_here(const Expr& e) {
    if (e->op == Scalar::read) return call_.input(static_cast<int>(e->integer));
    if (e->op == Scalar::constant) {
      Array value = Array::zeros(e.dtype(), {});
      is_float(e.dtype()) || e.dtype() == DType::boolean ? value.set(0, e->number) : value.set_int(0, e->integer);
      return call_.constant(value);
    }
    if (e->op == Scalar::size) return call_.emit("Reshape", {call_.size(e->dim), call_.integers({})});
    std::vector<std::string> x;
    for (const Expr& argument : e->args) x.push_back(write(argument));
    switch (e->op) {
      case Scalar::cast:
        return call_.emit("Cast", x, {{"to", std::int64_t{onnx_of_dtype(e.dtype())}}});
      case Scalar::rsqrt:
        return call_.emit("Reciprocal", {call_.emit("Sqrt", x)});
      case Scalar::expm1:
        return call_.emit("Sub", {call_.emit("Exp", x), number(e, 1)});
      case Scalar::log1p:
        return call_.emit("Log", {call_.emit("Add", {x[0], number(e, 1)})});
      case Scalar::trunc:
        return call_.emit("Mul", {call_.emit("Sign", x), call_.emit("Floor", {call_.emit("Abs", x)})});
      case Scalar::not_equal:
        return call_.emit("Not", {call_.emit("Equal", x)});
      case Scalar::floor_div:
        return quotient_down(e, x[0], x[1]);
      case Scalar::mod:
        if (!is_float(e.dtype())) return call_.emit("Mod", x);
        return call_.emit("Sub", {x[0], call_.emit("Mul", {quotient_down(e, x[0], x[1]), x[1]})});
      default:
        return call_.emit(names().at(e->op), x);
    }
  }

  OnnxCall& call_;
  const Map& map_;
  std::unordered_map<const Expr::Node*, bool> seen_;
  std::unordered_map<const Expr::Node*, std::string> written_;
};

// Whether the whole shape comes out by broadcasting the operands that are read.
bool covers_shape(const OnnxCall& call, const Map& map) {
  for (std::size_t i = 0; i < map.axes.size(); ++i) {
    const std::size_t from_end = map.axes.size() - i;
    bool covered = false;
    for (int k = 0; k < call.call().input_count(); ++k) {
      if (!call.call().has(k)) continue;
      const Shape& shape = call.call().input(k).shape;
      covered |= shape.size() >= from_end && shape[shape.size() - from_end] == map.axes[i].extent;
    }
    if (!covered) return false;
  }
  return true;
}

}  // namespace

bool write_expression(OnnxCall& call, const Map& map) {
  if (map.stages.size() != 1 || !map.locals.empty() || map.stages[0].accumulate != Accumulate::none || !map.stages[0].axes.empty())
    return false;
  const Stage& stage = map.stages[0];
  for (std::size_t i = 0; i < map.axes.size(); ++i) {
    if (map.axes[i].ragged != nullptr || stage.index[i]->op != Scalar::axis || stage.index[i]->integer != map.axes[i].id) return false;
  }
  if (!covers_shape(call, map)) return false;
  ExpressionWriter writer(call, map);
  if (!writer.fits(stage.value)) return false;
  std::string result = writer.write(stage.value);
  // An operand or a number itself is no output yet.
  if (stage.value->op == Scalar::read || stage.value->op == Scalar::constant) result = call.emit("Identity", {result});
  call.give(std::move(result));
  return true;
}

}  // namespace neap
