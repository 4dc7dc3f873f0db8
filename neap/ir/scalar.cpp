#include "neap/ir/scalar.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "neap/base/error.h"

namespace neap {
namespace {

double floor_mod(double a, double b) {
  const double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

std::int64_t floor_quotient(std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return static_cast<std::int64_t>(-static_cast<std::uint64_t>(a));
  const std::int64_t q = a / b;
  return (a % b != 0 && (a % b < 0) != (b < 0)) ? q - 1 : q;
}

double nan_min(double a, double b) { return std::isnan(a) || std::isnan(b) ? a + b : std::min(a, b); }
double nan_max(double a, double b) { return std::isnan(a) || std::isnan(b) ? a + b : std::max(a, b); }

double unary_real(Scalar op, double x) {
  switch (op) {
    case Scalar::neg:
      return -x;
    case Scalar::abs:
      return std::fabs(x);
    case Scalar::sign:
      return std::isnan(x) ? x : static_cast<double>((x > 0) - (x < 0));
    case Scalar::reciprocal:
      return 1 / x;
    case Scalar::sqrt:
      return std::sqrt(x);
    case Scalar::rsqrt:
      return 1 / std::sqrt(x);
    case Scalar::exp:
      return std::exp(x);
    case Scalar::expm1:
      return std::expm1(x);
    case Scalar::log:
      return std::log(x);
    case Scalar::log1p:
      return std::log1p(x);
    case Scalar::sin:
      return std::sin(x);
    case Scalar::cos:
      return std::cos(x);
    case Scalar::tan:
      return std::tan(x);
    case Scalar::asin:
      return std::asin(x);
    case Scalar::acos:
      return std::acos(x);
    case Scalar::atan:
      return std::atan(x);
    case Scalar::sinh:
      return std::sinh(x);
    case Scalar::cosh:
      return std::cosh(x);
    case Scalar::asinh:
      return std::asinh(x);
    case Scalar::acosh:
      return std::acosh(x);
    case Scalar::atanh:
      return std::atanh(x);
    case Scalar::tanh:
      return std::tanh(x);
    case Scalar::sigmoid:
      return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
    case Scalar::erf:
      return std::erf(x);
    case Scalar::floor:
      return std::floor(x);
    case Scalar::ceil:
      return std::ceil(x);
    case Scalar::round:
      return std::nearbyint(x);
    case Scalar::trunc:
      return std::trunc(x);
    default:
      internal_error(__FILE__, __LINE__, "not a real function");
  }
}

std::int64_t unary_integer(Scalar op, std::int64_t x) {
  switch (op) {
    case Scalar::neg:
      return static_cast<std::int64_t>(-static_cast<std::uint64_t>(x));
    case Scalar::abs:
      return x < 0 ? static_cast<std::int64_t>(-static_cast<std::uint64_t>(x)) : x;
    case Scalar::sign:
      return (x > 0) - (x < 0);
    case Scalar::bit_not:
      return ~x;
    case Scalar::floor:
    case Scalar::ceil:
    case Scalar::round:
    case Scalar::trunc:
      return x;
    default:
      internal_error(__FILE__, __LINE__, "not an integer function");
  }
}

double binary_real(Scalar op, double a, double b) {
  switch (op) {
    case Scalar::add:
      return a + b;
    case Scalar::sub:
      return a - b;
    case Scalar::mul:
      return a * b;
    case Scalar::div:
      return a / b;
    case Scalar::floor_div:
      return std::floor(a / b);
    case Scalar::mod:
      return floor_mod(a, b);
    case Scalar::pow:
      return std::pow(a, b);
    case Scalar::min:
      return nan_min(a, b);
    case Scalar::max:
      return nan_max(a, b);
    case Scalar::atan2:
      return std::atan2(a, b);
    default:
      internal_error(__FILE__, __LINE__, "not real arithmetic");
  }
}

std::int64_t power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 != 0 ? -1 : 1) : 0;
  std::uint64_t result = 1, factor = static_cast<std::uint64_t>(base);
  for (; exponent > 0; exponent >>= 1, factor *= factor) {
    if ((exponent & 1) != 0) result *= factor;
  }
  return static_cast<std::int64_t>(result);
}

std::int64_t binary_integer(Scalar op, std::int64_t a, std::int64_t b) {
  const auto ua = static_cast<std::uint64_t>(a), ub = static_cast<std::uint64_t>(b);
  switch (op) {
    case Scalar::add:
      return static_cast<std::int64_t>(ua + ub);
    case Scalar::sub:
      return static_cast<std::int64_t>(ua - ub);
    case Scalar::mul:
      return static_cast<std::int64_t>(ua * ub);
    case Scalar::div:
      return b == 0 ? 0 : b == -1 ? static_cast<std::int64_t>(-ua) : a / b;
    case Scalar::floor_div:
      return floor_quotient(a, b);
    case Scalar::mod:
      return b == 0 ? 0 : static_cast<std::int64_t>(ua - static_cast<std::uint64_t>(floor_quotient(a, b)) * ub);
    case Scalar::pow:
      return power(a, b);
    case Scalar::min:
      return std::min(a, b);
    case Scalar::max:
      return std::max(a, b);
    case Scalar::bit_and:
      return a & b;
    case Scalar::bit_or:
      return a | b;
    case Scalar::bit_xor:
      return a ^ b;
    case Scalar::shift_left:
      return b < 0 || b > 63 ? 0 : static_cast<std::int64_t>(ua << ub);
    case Scalar::shift_right:
      return b < 0 || b > 63 ? 0 : a >> b;
    default:
      internal_error(__FILE__, __LINE__, "not integer arithmetic");
  }
}

template <class T>
bool compare(Scalar op, T a, T b) {
  switch (op) {
    case Scalar::equal:
      return a == b;
    case Scalar::not_equal:
      return a != b;
    case Scalar::less:
      return a < b;
    case Scalar::less_equal:
      return a <= b;
    case Scalar::greater:
      return a > b;
    case Scalar::greater_equal:
      return a >= b;
    default:
      internal_error(__FILE__, __LINE__, "not a comparison");
  }
}

}  // namespace

ScalarKind kind(Scalar op) {
  switch (op) {
    case Scalar::constant:
    case Scalar::size:
    case Scalar::axis:
      return ScalarKind::leaf;
    case Scalar::neg:
    case Scalar::abs:
    case Scalar::sign:
    case Scalar::floor:
    case Scalar::ceil:
    case Scalar::round:
    case Scalar::trunc:
      return ScalarKind::unary_any;
    case Scalar::logical_not:
    case Scalar::is_nan:
    case Scalar::is_inf:
      return ScalarKind::unary_bool;
    case Scalar::bit_not:
    case Scalar::bit_and:
    case Scalar::bit_or:
    case Scalar::bit_xor:
    case Scalar::shift_left:
    case Scalar::shift_right:
      return ScalarKind::bitwise;
    case Scalar::add:
    case Scalar::sub:
    case Scalar::mul:
    case Scalar::div:
    case Scalar::floor_div:
    case Scalar::mod:
    case Scalar::pow:
    case Scalar::min:
    case Scalar::max:
    case Scalar::atan2:
      return ScalarKind::arithmetic;
    case Scalar::equal:
    case Scalar::not_equal:
    case Scalar::less:
    case Scalar::less_equal:
    case Scalar::greater:
    case Scalar::greater_equal:
      return ScalarKind::comparison;
    case Scalar::logical_and:
    case Scalar::logical_or:
    case Scalar::logical_xor:
      return ScalarKind::logical;
    case Scalar::read:
    case Scalar::cast:
    case Scalar::select:
    case Scalar::random_bits:
    case Scalar::reduce:
      return ScalarKind::other;
    default:
      return ScalarKind::unary_float;
  }
}

int arity(Scalar op) {
  switch (kind(op)) {
    case ScalarKind::leaf:
      return 0;
    case ScalarKind::unary_float:
    case ScalarKind::unary_any:
    case ScalarKind::unary_bool:
      return 1;
    case ScalarKind::arithmetic:
    case ScalarKind::comparison:
    case ScalarKind::logical:
      return 2;
    case ScalarKind::bitwise:
      return op == Scalar::bit_not ? 1 : 2;
    case ScalarKind::other:
      break;
  }
  if (op == Scalar::cast || op == Scalar::reduce) return 1;
  return op == Scalar::read ? -1 : 3;
}

Number round_to(DType dtype, Number value) {
  switch (dtype) {
    case DType::f64:
      break;
    case DType::f32:
      value.real = static_cast<double>(static_cast<float>(value.real));
      break;
    case DType::bf16:
      value.real = static_cast<float>(BFloat16(static_cast<float>(value.real)));
      break;
    case DType::f16:
      value.real = static_cast<float>(Float16(static_cast<float>(value.real)));
      break;
    case DType::i8:
      value.integer = static_cast<std::int8_t>(value.integer);
      break;
    case DType::i16:
      value.integer = static_cast<std::int16_t>(value.integer);
      break;
    case DType::i32:
      value.integer = static_cast<std::int32_t>(value.integer);
      break;
    case DType::u8:
      value.integer = static_cast<std::uint8_t>(value.integer);
      break;
    case DType::boolean:
      value.integer = value.integer != 0 ? 1 : 0;
      break;
    case DType::i64:
      break;
  }
  return value;
}

bool is_true(Number value, DType dtype) { return is_float(dtype) ? value.real != 0 : value.integer != 0; }

Number convert(Number value, DType from, DType to) {
  if (to == DType::boolean) return {0, is_true(value, from) ? 1 : 0};
  if (is_float(to)) {
    if (!is_float(from)) value.real = static_cast<double>(value.integer);
    return round_to(to, value);
  }
  if (is_float(from)) {
    constexpr double limit = 9223372036854775808.0;
    const double x = value.real;
    value.integer = std::isnan(x) ? 0
                    : x >= limit  ? std::numeric_limits<std::int64_t>::max()
                    : x <= -limit ? std::numeric_limits<std::int64_t>::min()
                                  : static_cast<std::int64_t>(x);
  }
  return round_to(to, value);
}

Number evaluate(Scalar op, DType result, std::span<const Number> args, std::span<const DType> dtypes) {
  const DType dtype = dtypes[0];
  switch (kind(op)) {
    case ScalarKind::unary_bool:
      if (op == Scalar::logical_not) return {0, is_true(args[0], dtype) ? 0 : 1};
      if (!is_float(dtype)) return {0, 0};
      return {0, (op == Scalar::is_nan ? std::isnan(args[0].real) : std::isinf(args[0].real)) ? 1 : 0};
    case ScalarKind::comparison:
      return {0, is_float(dtype) ? compare(op, args[0].real, args[1].real) : compare(op, args[0].integer, args[1].integer)};
    case ScalarKind::logical: {
      const bool a = is_true(args[0], dtype), b = is_true(args[1], dtype);
      return {0, op == Scalar::logical_and ? a && b : op == Scalar::logical_or ? a || b : a != b};
    }
    case ScalarKind::unary_float:
    case ScalarKind::unary_any:
      if (is_float(dtype)) return round_to(result, {unary_real(op, args[0].real), 0});
      return round_to(result, {0, unary_integer(op, args[0].integer)});
    case ScalarKind::arithmetic:
    case ScalarKind::bitwise:
      if (op == Scalar::bit_not) return round_to(result, {0, unary_integer(op, args[0].integer)});
      if (is_float(dtype)) return round_to(result, {binary_real(op, args[0].real, args[1].real), 0});
      return round_to(result, {0, binary_integer(op, args[0].integer, args[1].integer)});
    default:
      break;
  }
  if (op == Scalar::cast) return convert(args[0], dtype, result);
  if (op == Scalar::select) return is_true(args[0], dtype) ? args[1] : args[2];
  if (op == Scalar::random_bits) {
    return {0, philox(static_cast<std::uint64_t>(args[0].integer), static_cast<std::uint64_t>(args[1].integer),
                      static_cast<std::uint64_t>(args[2].integer))};
  }
  internal_error(__FILE__, __LINE__, "not a function of numbers alone");
}

Number identity(Reduction reduction, DType dtype) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto lowest = [&]() -> std::int64_t {
    switch (dtype) {
      case DType::i8:
        return std::numeric_limits<std::int8_t>::min();
      case DType::i16:
        return std::numeric_limits<std::int16_t>::min();
      case DType::i32:
        return std::numeric_limits<std::int32_t>::min();
      case DType::i64:
        return std::numeric_limits<std::int64_t>::min();
      default:
        return 0;
    }
  };
  const auto highest = [&]() -> std::int64_t {
    switch (dtype) {
      case DType::i8:
        return std::numeric_limits<std::int8_t>::max();
      case DType::i16:
        return std::numeric_limits<std::int16_t>::max();
      case DType::i32:
        return std::numeric_limits<std::int32_t>::max();
      case DType::i64:
        return std::numeric_limits<std::int64_t>::max();
      case DType::u8:
        return 255;
      default:
        return 1;
    }
  };
  switch (reduction) {
    case Reduction::sum:
      return {0, 0};
    case Reduction::prod:
      return {1, 1};
    case Reduction::max:
      return {-infinity, lowest()};
    case Reduction::min:
      return {infinity, highest()};
    case Reduction::any:
      return {0, 0};
    case Reduction::all:
      return {0, 1};
    case Reduction::argmax:
    case Reduction::argmin:
      return {0, -1};
  }
  return {};
}

Number fold(Reduction reduction, DType dtype, Number so_far, Number element) {
  switch (reduction) {
    case Reduction::sum:
      return {so_far.real + element.real, binary_integer(Scalar::add, so_far.integer, element.integer)};
    case Reduction::prod:
      return {so_far.real * element.real, binary_integer(Scalar::mul, so_far.integer, element.integer)};
    case Reduction::max:
      return {nan_max(so_far.real, element.real), std::max(so_far.integer, element.integer)};
    case Reduction::min:
      return {nan_min(so_far.real, element.real), std::min(so_far.integer, element.integer)};
    case Reduction::any:
      return {0, so_far.integer != 0 || is_true(element, dtype)};
    case Reduction::all:
      return {0, so_far.integer != 0 && is_true(element, dtype)};
    default:
      internal_error(__FILE__, __LINE__, "arg reductions need positions");
  }
}

std::uint32_t philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter) {
  std::uint32_t c0 = static_cast<std::uint32_t>(counter), c1 = static_cast<std::uint32_t>(counter >> 32);
  std::uint32_t c2 = static_cast<std::uint32_t>(stream), c3 = static_cast<std::uint32_t>(stream >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0, p1 = std::uint64_t{0xCD9E8D57u} * c2;
    const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0, n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<std::uint32_t>(p1);
    c3 = static_cast<std::uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c0;
}

}  // namespace neap
