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
  if (!ceil_mode) return floor_div(room, strides[i]) + 1;
  const Dim size_and_begin = size + Dim(begins[i]), more = Dim(ends[i] + strides[i]) - reach(axis);
  if (!more.is_constant()) call.fail("ceil_mode with a window of unknown size", "give the window's size");
  return ceil_div(size_and_begin + Dim(std::min<std::int64_t>(more.constant(), 0)), strides[i]);
}

Expr Window::index(int axis, const Expr& o, const Expr& r) const {
  const auto i = static_cast<std::size_t>(axis);
  return o * Expr(strides[i]) + r * Expr(dilations[i]) - Expr(begins[i]);
}

bool Window::padded() const {
  const auto positive = [](std::int64_t pad) { return pad > 0; };
  return ceil_mode || std::any_of(begins.begin(), begins.end(), positive) || std::any_of(ends.begin(), ends.end(), positive);
}

Taps::Taps(Definition& d, const Window& window, int spatial, const Expr& i) {
  const auto at = static_cast<std::size_t>(spatial);
  const std::int64_t stride = window.strides[at], dilation = window.dilations[at], begin = window.begins[at];
  const Dim& kernel = window.kernel[at];
  const Expr m = i + Expr(begin);
  const bool by_phase = stride > 1 && dilation == 1;
  axis = d.over(fmt::format("r{}", spatial), by_phase ? ceil_div(kernel, stride) : kernel);
  o_outside = stride > 1 || begin > 0 || window.ends[at] > 0 || !(kernel == Dim(1));
  r_outside = by_phase && !(floor_div(kernel, stride) * Dim(stride) == kernel);
  r = d.at(axis);
  if (by_phase) {
    r = d.at(axis) * Expr(stride) + make(Scalar::mod, {m, Expr(stride)});
    o = make(Scalar::floor_div, {m, Expr(stride)}) - d.at(axis);
  } else {
    o = m - d.at(axis) * Expr(dilation);
    if (stride == 1) return;
    exact = make(Scalar::mod, {o, Expr(stride)}) == Expr(0);
    o = make(Scalar::floor_div, {o, Expr(stride)});
  }
}

Shape spatial_sizes(const Type& type) {
  if (type.rank() < 2) return {};  // no such value: what is compared with it says so
  return {type.shape.begin() + 2, type.shape.end()};
}

Attributes attributes_of(const Call& call, const std::vector<AttributeSpec>& specs) {
  Attributes attributes;
  for (const AttributeSpec& spec : specs) attributes[spec.name] = call.attributes().find(spec.name)->second;
  return attributes;
}

std::vector<Axis> axes_over(Definition& d, std::string_view prefix, const Shape& sizes) {
  std::vector<Axis> axes;
  for (const Dim& size : sizes) axes.push_back(d.over(fmt::format("{}{}", prefix, axes.size()), size));
  return axes;
}

}  // namespace neap
