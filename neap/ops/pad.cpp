// More elements around a tensor, and between its elements.
#include "neap/ops/builder.h"

namespace neap::pad_operator {
namespace {

struct Padding {
  Dim before, after;
  std::int64_t gap = 0;
  bool any() const { return !(before == Dim(0)) || !(after == Dim(0)) || gap != 0; }
};

std::vector<Padding> paddings(const Call& call) {
  const auto rank = static_cast<std::size_t>(call.input(0).rank());
  const Shape &before = call.dims("before"), &after = call.dims("after");
  std::vector<std::int64_t> gaps = call.integers("gaps");
  if (gaps.empty()) gaps.assign(rank, 0);
  if (before.size() != rank || after.size() != rank || gaps.size() != rank)
    call.fail(fmt::format("{} sizes before, {} after and {} gaps for {} axes", before.size(), after.size(), gaps.size(), rank),
              "give one of each an axis");
  std::vector<Padding> all;
  for (std::size_t i = 0; i < rank; ++i) {
    if (gaps[i] < 0) call.fail(fmt::format("a gap of {}", gaps[i]));
    all.push_back({before[i], after[i], gaps[i]});
  }
  return all;
}

Dim padded_size(const Call& call, const Dim& size, const Padding& padding) {
  const Dim spread = size == Dim(0) ? size : size + (size - Dim(1)) * Dim(padding.gap);
  Dim result = spread + padding.before + padding.after;
  if (result.is_constant() && result.constant() < 0)
    call.fail(fmt::format("a size of {} is left of {}", result.to_string(), size.to_string()), "take less off");
  return result;
}

void pad_constant(Definition& d, const std::vector<Padding>& all, const std::vector<Axis>& axes) {
  const Expr fill = constant(d.dtype(0), d.call().number("value"));
  std::vector<Expr> index;
  Expr on_element;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Expr at = axis_position(axes[i]) - Expr(all[i].before);
    if (all[i].gap > 0) {
      const Expr distance(all[i].gap + 1);
      const Expr hit = make(Scalar::mod, {at, distance}) == Expr(0);
      on_element = on_element ? on_element && hit : hit;
      at = make(Scalar::floor_div, {at, distance});
    }
    index.push_back(at);
  }
  const Expr x = d.read(0, index, fill);
  d.output(d.dtype(0), axes, on_element ? select(on_element, x, fill) : x);
}

// Positions outside stand for one inside: the nearest, the mirror image (the border once), or the other end.
Expr inside(const std::string& mode, const Expr& at, const Dim& size) {
  if (mode == "edge") return min(max(at, Expr(0)), Expr(size - Dim(1)));
  if (mode == "wrap") return make(Scalar::mod, {at, Expr(size)});
  const Expr period(Dim(2) * (size - Dim(1)));
  const Expr within = make(Scalar::mod, {at, period});
  return min(within, period - within);
}

void pad_copies(Definition& d, const std::vector<Padding>& all, const std::vector<Axis>& axes) {
  const std::string& mode = d.call().text("mode");
  if (mode != "edge" && mode != "wrap" && mode != "reflect")
    d.call().fail("mode is none of constant, edge, reflect, wrap", "use one of these");
  std::vector<Expr> index;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Dim& size = d.call().input(0).shape[i];
    if (all[i].gap != 0) d.call().fail("gaps need the mode constant");
    if (all[i].any() && size == Dim(0)) d.call().fail(fmt::format("axis {} has no elements to copy", i), "use the mode constant");
    const Expr at = axis_position(axes[i]) - Expr(all[i].before);
    index.push_back(all[i].any() ? inside(mode, at, size) : at);
  }
  d.output(d.dtype(0), axes, d.read(0, index));
}

std::vector<Var> constant_gradient(const GradientContext& g) {
  Var dx = g.cotangents[0];
  const std::vector<Padding> all = paddings(g.call);
  const Shape& shape = g.inputs[0].shape();
  Shape before, after, starts, stops;
  std::vector<std::int64_t> steps;
  // What was cut off comes back as zeros; what was added is cut off.
  const auto negative = [](const Dim& size) { return size.is_constant() && size.constant() < 0; };
  bool cut = false, thinned = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    before.push_back(negative(all[i].before) ? Dim(0) - all[i].before : Dim(0));
    after.push_back(negative(all[i].after) ? Dim(0) - all[i].after : Dim(0));
    starts.push_back(negative(all[i].before) ? Dim(0) : all[i].before);
    const Dim reach = shape[i] == Dim(0) ? Dim(0) : (shape[i] - Dim(1)) * Dim(all[i].gap + 1) + Dim(1);
    stops.push_back(starts.back() + reach);
    steps.push_back(all[i].gap + 1);
    cut |= !(before.back() == Dim(0)) || !(after.back() == Dim(0));
    thinned |= all[i].gap > 0 || !(starts.back() == Dim(0)) || !(stops.back() == dx.shape()[i] + before.back() + after.back());
  }
  if (cut) dx = g.build.call("pad", {dx}, {{"before", before}, {"after", after}});
  if (thinned) dx = g.build.call("slice", {dx}, {{"starts", starts}, {"stops", stops}, {"steps", steps}});
  return {dx};
}

// Each element gets the sum of what its copies got.
std::vector<Var> copies_gradient(const GradientContext& g) {
  return {g.build.call("pad_transposed", {g.cotangents[0]},
                       {{"shape", g.inputs[0].shape()}, {"before", g.call.dims("before")}, {"mode", g.call.text("mode")}})};
}

const Register pad_operator{
    {.name = "pad",
     .about = "x with elements before and after along each axis; negative sizes cut off",
     .inputs = {{"x"}},
     .attributes = {{"before", Shape{}, "elements ahead of each axis", true},
                    {"after", Shape{}, "elements behind each axis", true},
                    {"mode", std::string("constant"), "constant, edge, reflect (the border once) or wrap"},
                    {"value", 0.0, "of new elements, in the mode constant"},
                    {"gaps", std::vector<std::int64_t>{}, "new elements between two neighbours along each axis; none: 0"}},
     .define =
         [](Definition& d) {
           const std::vector<Padding> all = paddings(d.call());
           std::vector<Axis> axes;
           for (const Padding& padding : all)
             axes.push_back(
                 d.axis(fmt::format("i{}", axes.size()), padded_size(d.call(), d.size(0, static_cast<int>(axes.size())), padding)));
           d.call().text("mode") == "constant" ? pad_constant(d, all, axes) : pad_copies(d, all, axes);
         },
     .gradient = [](const GradientContext& g) { return g.call.text("mode") == "constant" ? constant_gradient(g) : copies_gradient(g); }}};

// The transpose of padding by copies, which is the gradient: dx[inside(i)] += dy[i].
const Register pad_transposed_operator{{.name = "pad_transposed",
                                        .about = "sums the elements of dy that padding copied from one element of x",
                                        .inputs = {{"dy"}},
                                        .attributes = {{"shape", Shape{}, "of x", true},
                                                       {"before", Shape{}, "elements ahead of each axis", true},
                                                       {"mode", std::string("edge"), "edge, reflect or wrap", true}},
                                        .define = [](Definition& d) {
                                          const Shape &shape = d.call().dims("shape"), &before = d.call().dims("before");
                                          const std::vector<Axis> axes = d.axes_like(0);
                                          if (shape.size() != axes.size() || before.size() != axes.size())
                                            d.call().fail("shape, before and dy differ in rank");
                                          std::vector<Expr> index;
                                          for (std::size_t i = 0; i < axes.size(); ++i) {
                                            const bool same_size = shape[i] == axes[i].extent && before[i] == Dim(0);
                                            const Expr at = axis_position(axes[i]) - Expr(before[i]);
                                            index.push_back(same_size ? at : inside(d.call().text("mode"), at, shape[i]));
                                          }
                                          d.scatter({d.dtype(0), shape, {}}, index, d.read(0, positions(axes)), Accumulate::sum);
                                        }}};

}  // namespace
}  // namespace neap::pad_operator
