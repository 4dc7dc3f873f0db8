#include "neap/ops/window.h"

#include <algorithm>

namespace neap {
namespace {

std::vector<std::int64_t> list(const Call& call, std::string_view name, std::size_t length, std::int64_t lowest, std::int64_t missing) {
  std::vector<std::int64_t> values = call.integers(name);
  if (values.empty()) values.assign(length, missing);
  if (values.size() != length) {
    call.fail(fmt::format("{} has {} numbers, not {}", name, values.size(), length), "give one for each spatial axis (pads: two)");
  }
  for (const std::int64_t value : values) {
    if (value < lowest || value > INT32_MAX) call.fail(fmt::format("{} of {}", name, value), fmt::format("at least {}", lowest));
  }
  return values;
}

}  // namespace

std::vector<AttributeSpec> window_attributes() {
  return {{"strides", std::vector<std::int64_t>{}, "step of the window, one a spatial axis; empty: 1"},
          {"pads", std::vector<std::int64_t>{}, "elements added before each spatial axis, then after each; empty: 0"},
          {"dilations", std::vector<std::int64_t>{}, "distance of the window's taps; empty: 1"}};
}

Window::Window(const Call& call, std::vector<Dim> sizes) : kernel(std::move(sizes)) {
  const std::size_t n = kernel.size();
  strides = list(call, "strides", n, 1, 1);
  dilations = list(call, "dilations", n, 1, 1);
  const std::vector<std::int64_t> pads = list(call, "pads", 2 * n, 0, 0);
  begins.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(n));
  ends.assign(pads.begin() + static_cast<std::ptrdiff_t>(n), pads.end());
  for (const Dim& size : kernel) {
    if (size.is_constant() && size.constant() < 1) call.fail(fmt::format("a window of {} elements", size.to_string()));
  }
}

Dim Window::reach(int axis) const {
  const auto i = static_cast<std::size_t>(axis);
  return (kernel[i] - 1) * Dim(dilations[i]) + 1;
}

Dim Window::output_size(const Call& call, int axis, const Dim& size) const {
  const auto i = static_cast<std::size_t>(axis);
  const Dim room = size + Dim(begins[i]) + Dim(ends[i]) - reach(axis);
  if (room.is_constant() && room.constant() < 0) {
    call.fail(fmt::format("a window that reaches over {} elements does not fit in {} with padding {} and {}", reach(axis).to_string(),
                          size.to_string(), begins[i], ends[i]),
              "pad more, or use a smaller window or dilation");
  }
  return floor_div(room, strides[i]) + 1;
}

Expr Window::index(int axis, const Expr& o, const Expr& r) const {
  const auto i = static_cast<std::size_t>(axis);
  return o * Expr(strides[i]) + r * Expr(dilations[i]) - Expr(begins[i]);
}

bool Window::padded() const {
  const auto positive = [](std::int64_t pad) { return pad > 0; };
  return std::any_of(begins.begin(), begins.end(), positive) || std::any_of(ends.begin(), ends.end(), positive);
}

}  // namespace neap
