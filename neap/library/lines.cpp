#include "neap/library/lines.h"

#include <algorithm>

namespace neap {
namespace {

constexpr std::int64_t typical = 128;  // size of a symbol

}  // namespace

Lines::Lines(const Type& type, int axis, const Symbols& symbols) {
  const std::vector<std::int64_t> sizes = evaluate(type.shape, symbols);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    std::int64_t& part = static_cast<int>(i) < axis ? outer : static_cast<int>(i) == axis ? size : inner;
    part *= sizes[i];
  }
}

std::string refuses_lines(const Call&, const std::vector<Type>& inputs, const std::vector<Type>& outputs) {
  const auto row_major = [](const Type& type) { return type.layout.row_major(); };
  if (!row_major(inputs[0]) || !std::all_of(outputs.begin(), outputs.end(), row_major)) return "takes row-major values only";
  return "";
}

double typical_line(const Call& call, const Type& x) {
  const Dim& size = x.shape[static_cast<std::size_t>(call.axis("axis", x.rank()))];
  return static_cast<double>(std::max<std::int64_t>(2, size.evaluate({}, typical)));
}

double line_efficiency(const Call& call, const Type& x, double cycles) {
  constexpr double peak = 32;  // flops a cycle
  const Map map = define(call).map;
  const double all = static_cast<double>(element_count(x.shape).evaluate({}, typical));
  const double of_element = static_cast<double>(flops(map.stages[0].value, map.axes).evaluate({}, typical)) / std::max(1.0, all);
  return of_element / (peak * cycles);
}

}  // namespace neap
