// A part of a tensor: start, stop and step along axes, as numpy's x[start:stop:step].
#include <algorithm>
#include <limits>

#include "neap/ops/builder.h"

namespace neap::slice_operator {
namespace {

constexpr std::int64_t far_away = std::numeric_limits<std::int32_t>::max();  // a start or stop beyond it means the end

// One axis of a slice: element i of the result is element start + i * step.
struct Range {
  Dim start = 0, count = 0;
  std::int64_t step = 1;
};

// Negative positions count from the end, and known ones are moved into the axis. Sizes that are symbols cannot be compared: positions are
// then taken as they are.
Dim settle(const Dim& given, const Dim& size, bool forwards) {
  Dim low = forwards ? 0 : -1, high = forwards ? size : size - Dim(1);
  if (!given.is_constant()) return given;
  const std::int64_t position = given.constant();
  if (position >= far_away) return high;
  if (position <= -far_away) return low;
  Dim settled = position < 0 ? size + Dim(position) : given;
  if (!settled.is_constant() || !size.is_constant()) return settled;
  return std::clamp(settled.constant(), low.constant(), high.constant());
}

std::vector<Range> ranges(const Call& call) {
  const Type& x = call.input(0);
  const Shape &starts = call.dims("starts"), &stops = call.dims("stops");
  std::vector<std::int64_t> axes = call.integers("axes"), steps = call.integers("steps");
  if (axes.empty()) {
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (axes.size() != starts.size() || stops.size() != starts.size() || steps.size() != starts.size())
    call.fail(fmt::format("{} axes, {} starts, {} stops and {} steps", axes.size(), starts.size(), stops.size(), steps.size()),
              "give one of each an axis");
  std::vector<Range> all;
  for (const Dim& size : x.shape) all.push_back({0, size, 1});
  std::vector<bool> seen(all.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = axes[i] < 0 ? axes[i] + x.rank() : axes[i];
    if (axis < 0 || axis >= x.rank()) call.fail(fmt::format("axis {} of rank {}", axes[i], x.rank()));
    const auto at = static_cast<std::size_t>(axis);
    if (seen[at]) call.fail(fmt::format("axes names axis {} twice", axis));
    seen[at] = true;
    const std::int64_t step = steps[i];
    if (step == 0 || std::abs(step) > far_away) call.fail(fmt::format("a step of {}", step), "steps are not 0 and fit 31 bits");
    Range& range = all[at];
    range.step = step;
    range.start = settle(starts[i], x.shape[at], step > 0);
    const Dim stop = settle(stops[i], x.shape[at], step > 0);
    range.count = step > 0 ? ceil_div(stop - range.start, step) : ceil_div(range.start - stop, -step);
    if (range.count.is_constant() && range.count.constant() < 0) range.count = 0;
  }
  return all;
}

// The elements go back to where they came from: turned round where the step was negative, with gaps of step - 1 zeros.
std::vector<Var> slice_gradient(const GradientContext& g) {
  Var dx = g.cotangents[0];
  Shape before, after;
  std::vector<std::int64_t> gaps, turned;
  const std::vector<Range> all = ranges(g.call);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Range& range = all[i];
    const std::int64_t step = std::abs(range.step);
    const Dim reach = range.count == Dim(0) ? Dim(0) : (range.count - Dim(1)) * Dim(step);
    const Dim first = range.count == Dim(0) ? Dim(0) : range.step > 0 ? range.start : range.start - reach;
    if (range.step < 0) turned.push_back(static_cast<std::int64_t>(i));
    before.push_back(first);
    after.push_back(g.inputs[0].shape()[i] - first - reach - (range.count == Dim(0) ? Dim(0) : Dim(1)));
    gaps.push_back(step - 1);
  }
  if (!turned.empty()) dx = g.build.call("flip", {dx}, {{"axes", turned}});
  return {g.build.call("pad", {dx}, {{"before", before}, {"after", after}, {"gaps", gaps}})};
}

const Register slice_operator{{.name = "slice",
                               .about = "x[start : stop : step] along axes; negative positions count from the end",
                               .inputs = {{"x"}},
                               .attributes = {{"starts", Shape{}, "first element, one an axis", true},
                                              {"stops", Shape{}, "the element after the last (2^31 - 1 or more: the end)", true},
                                              {"axes", std::vector<std::int64_t>{}, "which axes; none: the first ones in order"},
                                              {"steps", std::vector<std::int64_t>{}, "distance between elements, also negative; none: 1"}},
                               .define =
                                   [](Definition& d) {
                                     std::vector<Axis> axes;
                                     std::vector<Expr> index;
                                     for (const Range& range : ranges(d.call())) {
                                       axes.push_back(d.axis(fmt::format("i{}", axes.size()), range.count));
                                       index.push_back(Expr(range.start) + axis_position(axes.back()) * Expr(range.step));
                                     }
                                     d.output(d.dtype(0), axes, d.read(0, index));
                                   },
                               .gradient = slice_gradient}};

}  // namespace
}  // namespace neap::slice_operator
