// Images of other sizes. Positions are worked out in integers, so that they are exact and sizes may be symbols: the element of the result
// at i looks at position numerator(i) / denominator of x.
#include <cmath>
#include <numeric>

#include "neap/ops/builder.h"

namespace neap::resize_operator {
namespace {

// Size of x to size of the result, as a fraction.
struct Ratio {
  Dim from = 1, to = 1;
};

// The fraction with the smallest denominator that rounds to this scale (continued fractions).
Ratio fraction(const Call& call, double scale) {
  if (!(scale > 1e-6 && scale < 1e6)) call.fail(fmt::format("a scale of {}", scale));
  std::int64_t p0 = 0, q0 = 1, p1 = 1, q1 = 0;
  double rest = scale;
  while (q1 == 0 || std::abs(static_cast<double>(p1) / static_cast<double>(q1) - scale) > 1e-7 * scale) {
    const auto whole = static_cast<std::int64_t>(std::floor(rest));
    p0 = std::exchange(p1, whole * p1 + p0);
    q0 = std::exchange(q1, whole * q1 + q0);
    rest = 1 / (rest - std::floor(rest));
  }
  return {q1, p1};
}

struct Position {
  Expr numerator, denominator;
};

Position position(const Call& call, const Expr& i, const Ratio& ratio, const Dim& from, const Dim& to) {
  const std::string& mode = call.text("coordinates");
  if (mode == "asymmetric") return {i * Expr(ratio.from), Expr(ratio.to)};
  if (mode == "align_corners") return {i * Expr(from - Dim(1)), max(Expr(to - Dim(1)), Expr(1))};
  Position half{(Expr(2) * i + Expr(1)) * Expr(ratio.from) - Expr(ratio.to), Expr(Dim(2) * ratio.to)};
  if (mode == "half_pixel") return half;
  if (mode == "pytorch_half_pixel") return {select(Expr(to) == Expr(1), Expr(0), half.numerator), half.denominator};
  call.fail("coordinates are none of half_pixel, pytorch_half_pixel, asymmetric, align_corners", "use one of these");
}

Expr divide(const Expr& a, const Expr& b) { return make(Scalar::floor_div, {a, b}); }
Expr inside(const Expr& at, const Dim& size) { return max(min(at, Expr(size - Dim(1))), Expr(0)); }

Expr nearest(const Call& call, const Position& p, const Dim& size) {
  const std::string& rounding = call.text("rounding");
  const Expr &a = p.numerator, &b = p.denominator;
  if (rounding == "floor") return inside(divide(a, b), size);
  if (rounding == "ceil") return inside(divide(a + b - Expr(1), b), size);
  if (rounding == "round_prefer_floor") return inside(divide(Expr(2) * a + b - Expr(1), Expr(2) * b), size);
  if (rounding == "round_prefer_ceil") return inside(divide(Expr(2) * a + b, Expr(2) * b), size);
  call.fail("rounding is none of round_prefer_floor, round_prefer_ceil, floor, ceil", "use one of these");
}

void define_resize(Definition& d) {
  const Call& call = d.call();
  const Type& x = call.input(0);
  const std::string& mode = call.text("mode");
  if (mode != "nearest" && mode != "linear") call.fail("mode is neither nearest nor linear", "use one of these");
  if (mode == "linear" && !is_float(x.dtype)) call.fail("mode linear needs a floating-point dtype", "cast x");
  const std::vector<double>& scales = call.numbers("scales");
  const Shape& sizes = call.dims("sizes");
  const std::size_t given = scales.empty() ? sizes.size() : scales.size();
  if (scales.empty() == sizes.empty() || given > x.shape.size())
    call.fail("takes scales or sizes, one for each of the last axes", "give one of the two");
  std::vector<Axis> axes;
  std::vector<Expr> index;
  struct Resized {
    std::size_t axis;
    Position position;
  };
  std::vector<Resized> resized;
  for (std::size_t i = 0; i < x.shape.size(); ++i) {
    const std::size_t first = x.shape.size() - given;
    Ratio ratio;
    Dim size = x.shape[i];
    if (i >= first && !scales.empty()) {
      ratio = fraction(call, scales[i - first]);
      size = floor_div(size * ratio.to, ratio.from.constant());
    } else if (i >= first) {
      ratio = {size, sizes[i - first]};
      size = sizes[i - first];
    }
    axes.push_back(d.axis(fmt::format("i{}", i), size));
    index.push_back(axis_position(axes.back()));
    if (ratio.from == ratio.to) continue;
    if (x.shape[i] == Dim(0)) call.fail(fmt::format("axis {} has no elements", i));
    resized.push_back({i, position(call, index.back(), ratio, x.shape[i], size)});
  }
  // Along each resized axis: one element, or two with weights.
  const auto value = [&](const auto& self, std::size_t k) -> Expr {
    if (k == resized.size()) return d.read(0, index);
    const auto& [axis, p] = resized[k];
    const Dim& size = x.shape[axis];
    if (mode == "nearest") {
      index[axis] = nearest(call, p, size);
      return self(self, k + 1);
    }
    const DType wide = x.dtype == DType::f64 ? DType::f64 : DType::f32;
    const Expr low = divide(p.numerator, p.denominator);
    const Expr weight = cast(cast(make(Scalar::mod, {p.numerator, p.denominator}), wide) / cast(p.denominator, wide), x.dtype);
    index[axis] = inside(low, size);
    const Expr first = self(self, k + 1);
    index[axis] = inside(low + Expr(1), size);
    const Expr second = self(self, k + 1);
    return first * (constant(x.dtype, 1) - weight) + second * weight;
  };
  d.output(x.dtype, axes, value(value, 0));
}

const Register resize_operator{
    {.name = "resize",
     .about = "x sampled at other sizes along its last axes",
     .inputs = {{"x"}},
     .attributes = {{"sizes", Shape{}, "of the last axes of the result"},
                    {"scales", std::vector<double>{}, "sizes of the last axes, as a multiple of x's, rounded down"},
                    {"mode", std::string("nearest"), "nearest or linear"},
                    {"coordinates", std::string("half_pixel"), "half_pixel, pytorch_half_pixel, asymmetric or align_corners"},
                    {"rounding", std::string("round_prefer_floor"),
                     "of the nearest: round_prefer_floor, round_prefer_ceil, floor or ceil"}},
     .define = define_resize}};

}  // namespace
}  // namespace neap::resize_operator
