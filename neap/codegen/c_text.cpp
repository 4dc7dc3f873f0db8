#include "neap/codegen/c_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "neap/base/error.h"
#include "neap/ir/scalar.h"

namespace neap {

std::string storage_type(DType dtype) { return dtype == DType::boolean ? "boolean" : std::string(name(dtype)); }
std::string compute_type(DType dtype, Form form) {
  if (form == Form::mask) return dtype == DType::f64 ? "i64v" : "i32v";
  if (form == Form::vector) return dtype == DType::f64 ? "f64v" : "f32v";
  return dtype == DType::bf16 || dtype == DType::f16 ? "f32" : storage_type(dtype);
}

std::string literal(DType dtype, double number, std::int64_t integer) {
  if (!is_float(dtype)) {
    if (dtype == DType::i64 && integer == INT64_MIN) return "(-9223372036854775807l - 1)";
    return dtype == DType::i64 ? fmt::format("{}l", integer) : fmt::format("({}){}", storage_type(dtype), integer);
  }
  const bool wide = dtype == DType::f64;
  if (std::isnan(number)) return wide ? "__builtin_nan(\"\")" : "__builtin_nanf(\"\")";
  if (std::isinf(number)) return fmt::format("({}{})", number < 0 ? "-" : "", wide ? "__builtin_inf()" : "__builtin_inff()");
  std::string text = wide ? fmt::format("{}", number) : fmt::format("{}", static_cast<float>(number));
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  if (!wide) text += "f";
  return number < 0 || std::signbit(number) ? "(" + text + ")" : text;
}

std::string identity_literal(Reduction reduction, DType dtype) {
  const Number start = identity(reduction, dtype);
  return literal(dtype, start.real, start.integer);
}

std::string dim_text(const Dim& dim, const std::vector<std::string>& symbols) {
  if (dim.is_constant()) return fmt::format("{}l", dim.constant());
  const std::string from = dim.to_string();
  std::string to = "(";
  for (std::size_t i = 0; i < from.size();) {
    if (std::isalpha(static_cast<unsigned char>(from[i])) != 0) {
      std::size_t end = i;
      while (end < from.size() && (std::isalnum(static_cast<unsigned char>(from[end])) != 0 || from[end] == '_')) ++end;
      const std::string word = from.substr(i, end - i);
      if (word == "floor") {
        to += "floordiv";
      } else {
        const auto at = std::find(symbols.begin(), symbols.end(), word);
        NEAP_ASSERT(at != symbols.end(), " size {} is not a size of the inputs", word);
        to += fmt::format("n{}", at - symbols.begin());
      }
      i = end;
      continue;
    }
    to += from[i] == '/' ? ',' : from[i];
    ++i;
  }
  return to + ")";
}

namespace {
std::string cast_text(const std::string& value, DType from, DType to) {
  if (to == DType::boolean) return fmt::format("(boolean)({} != 0)", value);
  if (to == DType::bf16 || to == DType::f16) return fmt::format("round_to_{}((f32){})", storage_type(to), value);
  if (is_float(from) && !is_float(to)) return fmt::format("({})to_integer({})", storage_type(to), value);
  return fmt::format("({}){}", compute_type(to), value);
}
}  // namespace

std::string fold_text(Reduction reduction, DType dtype, const std::string& a, const std::string& b) {
  const bool narrow = !is_float(dtype) && dtype != DType::i64;
  const std::string cast = narrow ? "(" + storage_type(dtype) + ")" : "";
  switch (reduction) {
    case Reduction::sum:
      return fmt::format("{}({} + {})", cast, a, b);
    case Reduction::prod:
      return fmt::format("{}({} * {})", cast, a, b);
    case Reduction::max:
      return fmt::format("max({}, {})", a, b);
    case Reduction::min:
      return fmt::format("min({}, {})", a, b);
    case Reduction::any:
      return fmt::format("(boolean)({} | {})", a, b);
    case Reduction::all:
      return fmt::format("(boolean)({} & {})", a, b);
    default:
      internal_error(__FILE__, __LINE__, "arg reductions have loops of their own");
  }
}

std::string fold_function(Reduction reduction, DType dtype) {
  return fmt::format("[](auto a, auto b) {{ return {}; }}", fold_text(reduction, dtype, "a", "b"));
}

namespace {

std::string scalar_text(const Expr& call, const std::vector<std::string>& a) {
  const DType dtype = call.dtype(), first = call->args[0].dtype();
  const std::string type = compute_type(dtype);
  const auto infix = [&](const char* sign) {
    const bool narrow = !is_float(dtype) && dtype != DType::i64;
    return narrow ? fmt::format("({})({} {} {})", type, a[0], sign, a[1]) : fmt::format("{} {} {}", a[0], sign, a[1]);
  };
  const auto whole = [&](const char* function) { return fmt::format("({}){}((i64){}, (i64){})", type, function, a[0], a[1]); };
  switch (call->op) {
    case Scalar::cast:
      return cast_text(a[0], first, dtype);
    case Scalar::neg:
      return is_float(dtype) ? "-" + a[0] : fmt::format("({})(0l - (i64){})", type, a[0]);
    case Scalar::abs:
      return is_float(dtype) ? fmt::format("absolute({})", a[0]) : fmt::format("({})absolute((i64){})", type, a[0]);
    case Scalar::sign:
      return is_float(dtype) ? fmt::format("sign({})", a[0]) : fmt::format("({})sign((i64){})", type, a[0]);
    case Scalar::reciprocal:
      return fmt::format("1 / {}", a[0]);
    case Scalar::rsqrt:
      return fmt::format("1 / sqrt({})", a[0]);
    case Scalar::floor:
    case Scalar::ceil:
    case Scalar::round:
    case Scalar::trunc:
      if (!is_float(dtype)) return a[0];
      break;
    case Scalar::logical_not:
      return fmt::format("(boolean)({} == 0)", a[0]);
    case Scalar::bit_not:
      return fmt::format("({})~{}", type, a[0]);
    case Scalar::is_nan:
      return is_float(first) ? fmt::format("(boolean)({0} != {0})", a[0]) : "(boolean)0";
    case Scalar::is_inf:
      return is_float(first) ? fmt::format("(boolean)is_infinite({})", a[0]) : "(boolean)0";
    case Scalar::add:
      return infix("+");
    case Scalar::sub:
      return infix("-");
    case Scalar::mul:
      return infix("*");
    case Scalar::div:
      return is_float(dtype) ? infix("/") : whole("quotient");
    case Scalar::floor_div:
      return is_float(dtype) ? fmt::format("floor({} / {})", a[0], a[1]) : whole("floordiv");
    case Scalar::mod:
      return is_float(dtype) ? fmt::format("floormod({}, {})", a[0], a[1]) : whole("floormod");
    case Scalar::pow:
      return is_float(dtype) ? fmt::format("pow({}, {})", a[0], a[1]) : whole("power");
    case Scalar::min:
      return fmt::format("min({}, {})", a[0], a[1]);
    case Scalar::max:
      return fmt::format("max({}, {})", a[0], a[1]);
    case Scalar::atan2:
      return fmt::format("atan2({}, {})", a[0], a[1]);
    case Scalar::equal:
      return fmt::format("(boolean)({} == {})", a[0], a[1]);
    case Scalar::not_equal:
      return fmt::format("(boolean)({} != {})", a[0], a[1]);
    case Scalar::less:
      return fmt::format("(boolean)({} < {})", a[0], a[1]);
    case Scalar::less_equal:
      return fmt::format("(boolean)({} <= {})", a[0], a[1]);
    case Scalar::greater:
      return fmt::format("(boolean)({} > {})", a[0], a[1]);
    case Scalar::greater_equal:
      return fmt::format("(boolean)({} >= {})", a[0], a[1]);
    case Scalar::logical_and:
    case Scalar::bit_and:
      return infix("&");
    case Scalar::logical_or:
    case Scalar::bit_or:
      return infix("|");
    case Scalar::logical_xor:
    case Scalar::bit_xor:
      return infix("^");
    case Scalar::shift_left:
      return whole("shift_left");
    case Scalar::shift_right:
      return whole("shift_right");
    case Scalar::select:
      return fmt::format("{} ? {} : {}", a[0], a[1], a[2]);
    case Scalar::random_bits:
      return fmt::format("random_bits({}, {}, {})", a[0], a[1], a[2]);
    default:
      break;
  }
  return fmt::format("{}({})", name(call->op), a[0]);
}

// Vectors: comparisons give masks, masks are combined bit by bit.
std::string vector_text(const Expr& call, const std::vector<std::string>& a, DType lanes) {
  const auto infix = [&](const char* sign) { return fmt::format("{} {} {}", a[0], sign, a[1]); };
  const bool masks = call->op != Scalar::select && !call->args.empty() && call->args[0].dtype() == DType::boolean;
  switch (call->op) {
    case Scalar::cast: {
      const std::string vector = compute_type(lanes, Form::vector);
      if (masks) return fmt::format("select({0}, splat<{1}>(1), splat<{1}>(0))", a[0], vector);
      if (call.dtype() == DType::bf16 || call.dtype() == DType::f16)
        return fmt::format("round_to_{}({})", storage_type(call.dtype()), a[0]);
      return a[0];
    }
    case Scalar::neg:
      return "-" + a[0];
    case Scalar::abs:
      return fmt::format("absolute({})", a[0]);
    case Scalar::reciprocal:
      return "1 / " + a[0];
    case Scalar::add:
      return infix("+");
    case Scalar::sub:
      return infix("-");
    case Scalar::mul:
      return infix("*");
    case Scalar::div:
      return infix("/");
    case Scalar::floor_div:
      return fmt::format("floor({} / {})", a[0], a[1]);
    case Scalar::mod:
      return fmt::format("floormod({}, {})", a[0], a[1]);
    case Scalar::pow:
    case Scalar::min:
    case Scalar::max:
    case Scalar::atan2:
      return fmt::format("{}({}, {})", name(call->op), a[0], a[1]);
    case Scalar::equal:
      return masks ? fmt::format("~({} ^ {})", a[0], a[1]) : infix("==");
    case Scalar::not_equal:
      return masks ? infix("^") : infix("!=");
    case Scalar::less:
      return infix("<");
    case Scalar::less_equal:
      return infix("<=");
    case Scalar::greater:
      return infix(">");
    case Scalar::greater_equal:
      return infix(">=");
    case Scalar::logical_and:
      return infix("&");
    case Scalar::logical_or:
      return infix("|");
    case Scalar::logical_xor:
      return infix("^");
    case Scalar::logical_not:
      return masks ? "~" + a[0] : fmt::format("{} == 0", a[0]);
    case Scalar::is_nan:
      return fmt::format("{0} != {0}", a[0]);
    case Scalar::is_inf:
      return fmt::format("absolute({}) == {}", a[0], literal(lanes, HUGE_VAL, 0));
    case Scalar::select:
      return fmt::format("select({}, {}, {})", a[0], a[1], a[2]);
    default:
      return fmt::format("{}({})", name(call->op), a[0]);
  }
}

}  // namespace

bool has_vector_form(Scalar op) {
  switch (kind(op)) {
    case ScalarKind::unary_float:
    case ScalarKind::unary_any:
    case ScalarKind::unary_bool:
    case ScalarKind::arithmetic:
    case ScalarKind::comparison:
    case ScalarKind::logical:
      return true;
    default:
      return op == Scalar::select || op == Scalar::cast || op == Scalar::is_nan || op == Scalar::is_inf;
  }
}

std::string call_text(const Expr& call, const std::vector<std::string>& arguments, Form form, DType lanes) {
  return form == Form::scalar ? scalar_text(call, arguments) : vector_text(call, arguments, lanes);
}

std::string sum_text(const std::vector<std::string>& terms) {
  std::string text;
  for (const std::string& term : terms) text += (text.empty() ? "" : " + ") + term;
  return text.empty() ? "0l" : text;
}

std::string comment_text(const std::string& name) {
  std::string safe;
  for (const char c : name) {
    const bool good = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '/' || c == ':' || c == '.' || c == ' ' ||
                      c == '(' || c == ')';
    if (good && !(c == '/' && !safe.empty() && (safe.back() == '/' || safe.back() == '*'))) safe += c;
  }
  return safe.substr(0, 80);
}

}  // namespace neap
