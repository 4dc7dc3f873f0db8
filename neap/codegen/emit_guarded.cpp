// Reads under a condition, as windows over a border make them: what is outside is no memory of the operand.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "neap/base/error.h"
#include "neap/codegen/emitter.h"

namespace neap {
namespace {

constexpr std::int64_t longest_fill = 16384;  // elements of a row that stands for what is outside

bool is_zero(const Expr& e) { return e->op == Scalar::constant && e->number == 0 && e->integer == 0 && !std::signbit(e->number); }

}  // namespace

std::string Emitter::fill_row(const Type& type, const Expr& outside, const Dim& span) {
  if (!span.is_constant() || span.constant() > longest_fill) return "";
  if (!is_zero(outside) && span.constant() > 4096) return "";
  const std::string number = literal(type.dtype, outside->number, outside->integer), stored = storage_type(type.dtype);
  std::string& fill = fills_[stored + number];
  if (!fill.empty()) return fill;
  fill = fresh("fill");
  if (is_zero(outside)) {
    setup_ += fmt::format("static const {} {}[{}] = {{}};\n", stored, fill, longest_fill + 64);
  } else {
    setup_ += fmt::format("{0} {1}[{2}];\nfor (i64 i = 0; i < {2}; ++i) {1}[i] = narrow<{0}>({3});\n", stored, fill, 4096 + 64, number);
  }
  return fill;
}

// A read with conditions: where one fails it gives what is outside. If the conditions are known in an outer loop, a pointer is chosen
// there, once: to the elements, or to a row of what is outside.
Term Emitter::guarded_read(LoopLevel& here, const Expr& e, int part, const std::vector<Expr>& conditions) {
  const Type type = operand_type(e->integer);
  const Expr outside = has_outside(e) ? e->args.back() : is_float(e.dtype()) ? constant(e.dtype(), 0) : constant_int(e.dtype(), 0);
  kept_.push_back(outside);
  std::vector<std::string> tests;
  int test_depth = depth_of_buffer(here, operand_name(e->integer));
  Expr ahead;  // what a condition reads is there where those ahead of it hold
  for (const Expr& condition : conditions) {
    if (condition->op == Scalar::constant) return value(here, outside, part);  // never inside
    kept_.push_back(condition);
    const Term test = value(here, condition, part, ahead);
    ahead = guard_and(ahead, condition);
    test_depth = std::max(test_depth, test.depth);
    tests.push_back(test.text);
  }
  std::string all;
  for (const std::string& test : tests) all += (all.empty() ? "" : " & ") + test;
  const std::vector<Expr> index = index_of(e);
  const bool in_lanes = depends(e, here.lanes.axis), from_data = std::any_of(index.begin(), index.end(), has_read);
  const auto steps = strides(type);
  if (steps && outside->op == Scalar::constant && !from_data) {
    // Dimensions known where the tests are choose the pointer, the others run along the row; so do constant ones, so that places in one
    // row share a pointer.
    Expr far(0), near(0);
    Dim span = 1;
    int far_depth = test_depth;
    std::vector<int> depths;
    const auto room = [&](std::size_t i) { return (type.shape[i] - Dim(1)) * (*steps)[i]; };
    for (std::size_t i = 0; i < index.size(); ++i) {
      depths.push_back(0);
      for (const int axis : axes_of(index[i])) depths[i] = std::max(depths[i], depth_of_axis(here, axis));
      if (depths[i] > test_depth) span += room(i);
    }
    for (std::size_t i = 0; i < index.size(); ++i) {
      const Dim wider = span + room(i);
      const bool fits = depths[i] == 0 && test_depth > 0 && wider.is_constant() && wider.constant() <= longest_fill;
      if (fits) span = wider;
      if (fits || depths[i] > test_depth) {
        near = near + index[i] * Expr((*steps)[i]);
      } else {
        far = far + index[i] * Expr((*steps)[i]);
        far_depth = std::max(far_depth, depths[i]);
      }
    }
    kept_.push_back(near);
    const Affine rest = affine(near), pointed = affine(far);
    const bool free_of_lanes = !depends(far, here.lanes.axis);
    kept_.push_back(far);
    const std::string fill =
        rest.affine && pointed.affine && free_of_lanes && !rest.coefficients.empty() ? fill_row(type, outside, span) : "";
    if (!fill.empty()) {
      LoopLevel& home = ancestor(here, far_depth);
      std::vector<std::string> terms;
      for (const auto& [axis, coefficient] : pointed.coefficients) {
        terms.push_back(times(axis_name(axis), coefficient));
      }
      if (!(pointed.rest == Dim(0))) terms.push_back(dim(pointed.rest));
      const std::string base = operand_name(e->integer);
      const std::string chosen =
          define(home, "q", "const " + storage_type(type.dtype) + "*", fmt::format("{} ? {} + {} : {}", all, base, sum_text(terms), fill));
      // The rest of the address, as for an operand of its own that is one row.
      Place at;
      at.depth = far_depth;
      std::vector<std::string> ahead, behind;
      int ahead_depth = 0;
      for (const auto& [axis, coefficient] : rest.coefficients) {
        if (axis == here.lanes.axis) {
          at.lane_stride = coefficient;
          const int step = first_lane(here.lanes, part);
          const std::string lane = step == 0 ? axis_name(axis) : fmt::format("{} + {}", axis_name(axis), step);
          behind.push_back(coefficient == Dim(1) ? lane : fmt::format("({}) * {}", lane, dim(coefficient)));
        } else {
          ahead.push_back(times(axis_name(axis), coefficient));
          ahead_depth = std::max(ahead_depth, depth_of_axis(here, axis));
        }
        at.depth = std::max(at.depth, depth_of_axis(here, axis));
      }
      if (!(rest.rest == Dim(0))) behind.push_back(dim(rest.rest));
      at.pointer = chosen;
      if (!ahead.empty()) {
        at.pointer = define(ancestor(here, std::max(ahead_depth, far_depth)), "p", "const " + storage_type(type.dtype) + "*",
                            chosen + " + " + sum_text(ahead));
      }
      at.offset = sum_text(behind);
      const Form form = at.lane_stride == Dim(0) ? Form::scalar : Form::vector;
      LoopLevel& where = ancestor(here, at.depth);
      return {define(where, "t", compute_type(form == Form::vector ? here.lanes.dtype : type.dtype, form),
                     load_text(here, at, type.dtype, part)),
              at.depth, form};
    }
  }
  // The element is read only where it is there.
  ancestor(here, test_depth).guards = true;
  const Place at = place(here, operand_name(e->integer), type, index, part, from_data && !has_outside(e), {all, test_depth});
  const Term other = value(here, outside, part);
  const Form form = in_lanes || other.form == Form::vector ? Form::vector : Form::scalar;
  const int depth = std::max({at.depth, test_depth, other.depth, depth_of_buffer(here, operand_name(e->integer))});
  const std::string otherwise = form == Form::vector ? lanes_of(here, other, type.dtype) : other.text;
  std::string loaded = load_text(here, at, type.dtype, part);
  if (form == Form::vector && at.lane_stride == Dim(0)) loaded = lanes_of(here, {loaded, 0, Form::scalar}, type.dtype);
  return {define(ancestor(here, depth), "t", compute_type(form == Form::vector ? here.lanes.dtype : type.dtype, form),
                 fmt::format("{} ? {} : {}", all, loaded, otherwise)),
          depth, form};
}

}  // namespace neap
