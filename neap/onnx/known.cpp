#include "neap/onnx/known.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "neap/base/error.h"

namespace neap {
namespace {

using Number = std::optional<KnownNumber>;

KnownNumber reduced(Dim numerator, Dim denominator) {
  if (denominator.is_constant() && denominator.constant() < 0) return reduced(Dim(0) - numerator, Dim(0) - denominator);
  Dim quotient;
  if (!(denominator == Dim(0)) && Dim::divide_exactly(numerator, denominator, quotient)) return {quotient, 1};
  if (numerator.is_constant() && denominator.is_constant()) {
    std::int64_t a = numerator.constant(), b = denominator.constant();
    const std::int64_t common = a == INT64_MIN ? 1 : std::gcd(a, b);
    if (common != 0) return {a / common, b / common};
  }
  return {std::move(numerator), std::move(denominator)};
}

// -1, 0 or 1 where the sign is the same for all values of the symbols, which are 1 or more.
std::optional<int> sign(const Dim& dim) {
  if (dim.is_constant()) return dim.constant() > 0 ? 1 : dim.constant() < 0 ? -1 : 0;
  if (dim.to_string().find('-') != std::string::npos) return std::nullopt;
  Symbols ones;  // without a minus, in floors neither, it grows with each symbol
  for (const std::string& symbol : dim.symbols()) ones[symbol] = 1;
  return dim.evaluate(ones) > 0 ? std::optional<int>(1) : std::nullopt;
}

// Rounds a quotient down, or up.
Number rounded(const KnownNumber& x, bool up) {
  if (!x.denominator.is_constant()) return std::nullopt;
  const std::int64_t divisor = x.denominator.constant();
  if (divisor == 0 || divisor == std::numeric_limits<std::int64_t>::min()) return std::nullopt;
  const Dim numerator = divisor < 0 ? Dim(0) - x.numerator : x.numerator;
  const std::int64_t positive = divisor < 0 ? -divisor : divisor;
  return KnownNumber{up ? ceil_div(numerator, positive) : floor_div(numerator, positive), 1};
}

// Towards zero, as integers divide and floats are cast.
Number truncated(const KnownNumber& x) {
  const std::optional<int> above = sign(x.numerator), below = sign(x.denominator);
  if (!above || !below || *below == 0) return std::nullopt;
  return rounded(x, *above * *below < 0);
}

Number compared(const KnownNumber& a, const KnownNumber& b, int wanted, bool or_equal) {
  const std::optional<int> order = sign(a.numerator * b.denominator - b.numerator * a.denominator);
  if (!order || sign(a.denominator) != 1 || sign(b.denominator) != 1) return std::nullopt;
  return KnownNumber{*order == wanted || (or_equal && *order == 0) ? 1 : 0, 1};
}

Number binary(const std::string& operation, const KnownNumber& a, const KnownNumber& b, bool integers) {
  if (operation == "Add") return reduced(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
  if (operation == "Sub") return reduced(a.numerator * b.denominator - b.numerator * a.denominator, a.denominator * b.denominator);
  if (operation == "Mul") return reduced(a.numerator * b.numerator, a.denominator * b.denominator);
  if (operation == "Div") {
    if (b.numerator == Dim(0)) return std::nullopt;
    const KnownNumber quotient = reduced(a.numerator * b.denominator, a.denominator * b.numerator);
    return integers ? truncated(quotient) : quotient;
  }
  if (operation == "Mod" && integers) {
    if (!b.is_constant() || b.numerator.constant() <= 0) return std::nullopt;
    return KnownNumber{a.numerator - floor_div(a.numerator, b.numerator.constant()) * b.numerator, 1};
  }
  if (operation == "Equal") return compared(a, b, 0, false);
  if (operation == "Less") return compared(a, b, -1, false);
  if (operation == "Greater") return compared(a, b, 1, false);
  if (operation == "LessOrEqual") return compared(a, b, -1, true);
  if (operation == "GreaterOrEqual") return compared(a, b, 1, true);
  if (operation == "And" || operation == "Or") {
    if (!a.is_constant() || !b.is_constant()) return std::nullopt;
    const bool x = a.numerator.constant() != 0, y = b.numerator.constant() != 0;
    return KnownNumber{(operation == "And" ? x && y : x || y) ? 1 : 0, 1};
  }
  if (operation == "Min" || operation == "Max") {
    if (a == b) return a;
    const Number larger = compared(a, b, 1, true);
    if (!larger) return std::nullopt;
    return (larger->numerator == Dim(1)) == (operation == "Max") ? a : b;
  }
  return std::nullopt;
}

Number unary(const std::string& operation, const KnownNumber& x, DType from, DType to) {
  if (operation == "Identity") return x;
  if (operation == "Neg") return KnownNumber{Dim(0) - x.numerator, x.denominator};
  if (operation == "Floor") return rounded(x, false);
  if (operation == "Ceil") return rounded(x, true);
  if (operation == "Abs" && sign(x.numerator).value_or(-1) >= 0 && sign(x.denominator) == 1) return x;
  if (operation == "Not" && x.is_constant()) return KnownNumber{x.numerator.constant() == 0 ? 1 : 0, 1};
  if (operation == "Cast") {
    if (to == DType::boolean) {
      const std::optional<int> nonzero = sign(x.numerator);
      return nonzero ? Number(KnownNumber{*nonzero != 0 ? 1 : 0, 1}) : std::nullopt;
    }
    return is_float(from) && !is_float(to) ? truncated(x) : x;
  }
  return std::nullopt;
}

// The sizes that all operands broadcast to; nothing where they do not.
std::optional<Sizes> broadcast(const std::vector<KnownTensor>& operands) {
  Sizes sizes;
  for (const KnownTensor& operand : operands) {
    if (operand.sizes.size() > sizes.size()) sizes.insert(sizes.begin(), operand.sizes.size() - sizes.size(), 1);
    for (std::size_t i = 0; i < operand.sizes.size(); ++i) {
      std::int64_t& mine = sizes[sizes.size() - operand.sizes.size() + i];
      if (mine == 1) mine = operand.sizes[i];
      if (operand.sizes[i] != 1 && operand.sizes[i] != mine) return std::nullopt;
    }
  }
  return sizes;
}

// The element of an operand that broadcasts to position `flat` of `sizes`.
const KnownNumber& element(const KnownTensor& tensor, const Sizes& sizes, std::int64_t flat) {
  std::int64_t at = 0, stride = 1;
  for (std::size_t i = 0; i < tensor.sizes.size(); ++i) {
    const std::size_t mine = tensor.sizes.size() - 1 - i, theirs = sizes.size() - 1 - i;
    const std::int64_t position = flat % sizes[theirs];
    flat /= sizes[theirs];
    if (tensor.sizes[mine] != 1) at += position * stride;
    stride *= tensor.sizes[mine];
  }
  return tensor.elements[static_cast<std::size_t>(at)];
}

std::optional<KnownTensor> reduce_all(const std::string& operation, const KnownTensor& x, DType result) {
  KnownTensor made{result, {}, {KnownNumber{operation == "Mul" ? 1 : 0, 1}}};
  for (const KnownNumber& number : x.elements) {
    const Number next = binary(operation, made.elements[0], number, !is_float(x.dtype));
    if (!next) return std::nullopt;
    made.elements[0] = *next;
  }
  return made;
}

Number apply(const std::string& operation, const std::vector<KnownNumber>& x, DType from, DType to) {
  if (x.size() == 1) return unary(operation, x[0], from, to);
  if (operation == "Where" && x.size() == 3) return x[0].is_constant() ? Number(x[0].numerator == Dim(0) ? x[2] : x[1]) : std::nullopt;
  Number total = x[0];
  for (std::size_t i = 1; i < x.size() && total; ++i) total = binary(operation == "Sum" ? "Add" : operation, *total, x[i], !is_float(from));
  return total;
}

}  // namespace

bool KnownTensor::is_constant() const {
  return std::all_of(elements.begin(), elements.end(), [](const KnownNumber& x) { return x.is_constant(); });
}

std::optional<KnownTensor> known_tensor(const Array& array) {
  if (array.count() > most_known_elements) return std::nullopt;
  KnownTensor made{array.dtype(), array.sizes(), {}};
  for (std::int64_t i = 0; i < array.count(); ++i) {
    if (!is_float(array.dtype())) {
      made.elements.push_back({array.get_int(i), 1});
      continue;
    }
    constexpr double grid = 1 << 24;
    const double scaled = array.get(i) * grid;
    if (!(std::abs(scaled) < 9e15) || scaled != std::floor(scaled)) return std::nullopt;
    made.elements.push_back(reduced(static_cast<std::int64_t>(scaled), static_cast<std::int64_t>(grid)));
  }
  return made;
}

Array array_of(const KnownTensor& tensor) {
  Array made(tensor.dtype, tensor.sizes);
  for (std::int64_t i = 0; i < made.count(); ++i) {
    const KnownNumber& x = tensor.elements[static_cast<std::size_t>(i)];
    if (is_float(tensor.dtype)) {
      made.set(i, static_cast<double>(x.numerator.constant()) / static_cast<double>(x.denominator.constant()));
    } else {
      made.set_int(i, x.numerator.constant());
    }
  }
  return made;
}

std::optional<KnownTensor> known_arithmetic(const std::string& operation, const std::vector<KnownTensor>& operands, DType result) {
  if (operands.empty()) return std::nullopt;
  const DType from = operands.back().dtype;
  if (operation == "ReduceProd") return reduce_all("Mul", operands[0], result);
  if (operation == "ReduceSum") return reduce_all("Add", operands[0], result);
  const std::optional<Sizes> sizes = broadcast(operands);
  if (!sizes || element_count(*sizes) > most_known_elements) return std::nullopt;
  KnownTensor made{result, *sizes, {}};
  for (std::int64_t i = 0; i < element_count(*sizes); ++i) {
    std::vector<KnownNumber> x;
    for (const KnownTensor& operand : operands) x.push_back(element(operand, *sizes, i));
    Number value = apply(operation, x, from, result);
    if (!value) return std::nullopt;
    made.elements.push_back(std::move(*value));
  }
  return made;
}

}  // namespace neap
