// Positions in vectors, as far as they choose between values: the class that a label names, the part of a row that a mask leaves.
#include <fmt/format.h>

#include <algorithm>

#include "neap/codegen/emitter.h"
#include "neap/ir/scalar.h"

namespace neap {

bool Emitter::tests_position(const Expr& e, int axis) {
  if (kind(e->op) != ScalarKind::comparison || e->args[0].dtype() != DType::i64 || !depends(e, axis)) return false;
  const bool first = depends(e->args[0], axis);
  return !(first && depends(e->args[1], axis)) && coefficient_of(e->args[first ? 0 : 1], axis) == Dim(1);
}

// The lane's number against how far the other side lies from the vector's first lane, which vectors' integers hold once it is past them.
Term Emitter::position_test(LoopLevel& here, const Expr& e, int part, const Expr& guard) {
  const int axis = here.lanes.axis, depth = depth_of_axis(here, axis), step = first_lane(here.lanes, part);
  const std::size_t side = depends(e->args[0], axis) ? 0 : 1;
  const int first = new_position(ancestor(here, depth), axes_.at(axis).extent, fmt::format("{} + {}l", axis_name(axis), step));
  const Expr away = e->args[1 - side] - substitute_axes(e->args[side], {{axis, axis_position(axes_.at(first))}});
  kept_.push_back(away);
  const Term at = value(here, away, part, guard);
  const std::string lanes = here.lanes.dtype == DType::f64 ? "i64v" : "i32v";
  const std::string number = fmt::format("lane_index<{}>()", lanes),
                    other = fmt::format("splat<{0}>((element_of<{0}>)max(min({1}, 64l), -1l))", lanes, at.text);
  Term made{"", std::max(at.depth, depth), Form::mask};
  std::vector<std::string> sides{other, other};
  sides[side] = number;
  made.text = define(ancestor(here, made.depth), "t", compute_type(here.lanes.dtype, Form::mask),
                     call_text(e, sides, Form::mask, here.lanes.dtype));
  return made;
}

}  // namespace neap
