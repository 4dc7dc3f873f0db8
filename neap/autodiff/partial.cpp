// Derivatives of the scalar operations, from any calculus book.
#include <cmath>
#include <numbers>

#include "neap/autodiff/gradient.h"
#include "neap/base/error.h"
#include "neap/ir/scalar.h"

namespace neap {
namespace {

Expr one_argument(const Expr& y, const Expr& x) {
  const DType dtype = y.dtype();
  const auto number = [&](double value) { return constant(dtype, value); };
  switch (y->op) {
    case Scalar::neg:
      return number(-1);
    case Scalar::abs:
      return make(Scalar::sign, {x});
    case Scalar::reciprocal:
      return -(y * y);
    case Scalar::sqrt:
      return number(0.5) / y;
    case Scalar::rsqrt:
      return number(-0.5) * y * y * y;
    case Scalar::exp:
      return y;
    case Scalar::expm1:
      return y + number(1);
    case Scalar::log:
      return number(1) / x;
    case Scalar::log1p:
      return number(1) / (x + number(1));
    case Scalar::sin:
      return make(Scalar::cos, {x});
    case Scalar::cos:
      return -make(Scalar::sin, {x});
    case Scalar::tan:
      return number(1) + y * y;
    case Scalar::asin:
      return make(Scalar::rsqrt, {number(1) - x * x});
    case Scalar::acos:
      return -make(Scalar::rsqrt, {number(1) - x * x});
    case Scalar::atan:
      return number(1) / (number(1) + x * x);
    case Scalar::sinh:
      return make(Scalar::cosh, {x});
    case Scalar::cosh:
      return make(Scalar::sinh, {x});
    case Scalar::asinh:
      return make(Scalar::rsqrt, {x * x + number(1)});
    case Scalar::acosh:
      return make(Scalar::rsqrt, {x * x - number(1)});
    case Scalar::atanh:
      return number(1) / (number(1) - x * x);
    case Scalar::tanh:
      return number(1) - y * y;
    case Scalar::sigmoid:
      return y * (number(1) - y);
    case Scalar::erf:
      return number(2 / std::sqrt(std::numbers::pi)) * exp(-(x * x));
    default:
      return {};  // sign, floor, ceil, round, trunc: flat where they are smooth
  }
}

// min and max send half to each side on a tie, as PyTorch does.
Expr extreme(const Expr& chosen, const Expr& other, bool largest) {
  const DType dtype = chosen.dtype();
  const Expr wins = largest ? chosen > other : chosen < other;
  return select(wins, constant(dtype, 1), select(chosen == other, constant(dtype, 0.5), constant(dtype, 0)));
}

Expr two_arguments(const Expr& y, std::size_t argument) {
  const Expr &a = y->args[0], &b = y->args[1];
  const DType dtype = y.dtype();
  const bool first = argument == 0;
  switch (y->op) {
    case Scalar::add:
      return constant(dtype, 1);
    case Scalar::sub:
      return constant(dtype, first ? 1 : -1);
    case Scalar::mul:
      return first ? b : a;
    case Scalar::div:
      return first ? constant(dtype, 1) / b : -(y / b);
    case Scalar::pow: {
      if (first) return b * make(Scalar::pow, {a, b - constant(dtype, 1)});
      // 0^b has no slope in b; log(0) would make it NaN.
      return select(a == constant(dtype, 0), constant(dtype, 0), y * log(a));
    }
    case Scalar::min:
    case Scalar::max:
      return first ? extreme(a, b, y->op == Scalar::max) : extreme(b, a, y->op == Scalar::max);
    case Scalar::mod:
      return first ? constant(dtype, 1) : -make(Scalar::floor_div, {a, b});
    case Scalar::atan2: {
      const Expr square = a * a + b * b;
      return first ? b / square : -(a / square);
    }
    default:
      return {};
  }
}

}  // namespace

Expr partial(const Expr& call, std::size_t argument) {
  if (!is_float(call.dtype())) return {};
  switch (kind(call->op)) {
    case ScalarKind::unary_float:
    case ScalarKind::unary_any:
      return one_argument(call, call->args[0]);
    case ScalarKind::arithmetic:
      return two_arguments(call, argument);
    default:
      break;
  }
  if (call->op == Scalar::select) {
    const Expr one = constant(call.dtype(), 1), zero = constant(call.dtype(), 0);
    if (argument == 0) return {};
    return argument == 1 ? select(call->args[0], one, zero) : select(call->args[0], zero, one);
  }
  return {};
}

}  // namespace neap
