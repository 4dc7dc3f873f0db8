// The same elements, in row-major order, under other sizes.
#include <algorithm>

#include "neap/ops/builder.h"

namespace neap::reshape_operator {
namespace {

// `shape` with a -1 replaced by the size that is left over.
Shape wanted_shape(const Call& call) {
  Shape shape = call.dims("shape");
  const Dim count = element_count(call.input(0).shape);
  Dim known = 1;
  auto unknown = shape.end();
  for (auto size = shape.begin(); size != shape.end(); ++size) {
    if (!(*size == Dim(-1))) {
      if (size->is_constant() && size->constant() < 0) call.fail(fmt::format("size {} is negative", size->to_string()));
      known *= *size;
    } else if (unknown != shape.end()) {
      call.fail("two sizes are -1", "at most one can be inferred");
    } else {
      unknown = size;
    }
  }
  if (unknown != shape.end()) {
    if (known == Dim(0) || !Dim::divide_exactly(count, known, *unknown))
      call.fail(fmt::format("{} elements do not divide by {}", count.to_string(), known.to_string()), "give the size in place of -1");
  } else if (!(known == count)) {
    call.fail(fmt::format("{} has {} elements, not {}", to_string(shape), known.to_string(), count.to_string()));
  }
  return shape;
}

// Walks both shapes from their ends. While one size divides the other, the smaller becomes a loop of its own and both sides' positions are
// sums of strides times loops; what is left over (6,4 to 4,6) is found by division from the position within it.
class Refinement {
 public:
  Refinement(Definition& d, Shape from, Shape to) : d_(d), from_(std::move(from)), to_(std::move(to)) {
    for (const Dim& size : to_) write_.push_back(size == Dim(1) ? Expr(0) : Expr());
    for (const Dim& size : from_) read_.push_back(size == Dim(1) ? Expr(0) : Expr());
    std::size_t first = 0;
    while (first < from_.size() && first < to_.size() && from_[first] == to_[first]) {
      const Axis axis = d.axis(fmt::format("i{}", first), to_[first]);
      read_[first] = write_[first] = axis_position(axis);
      ++first;
    }
    first_ = static_cast<int>(first);
    walk();
  }

  const std::vector<Expr>& read_at() const { return read_; }
  const std::vector<Expr>& write_at() const { return write_; }

 private:
  struct Side {
    int axis;        // the one being taken apart, from the last to `first_`
    Dim left;        // what is left of its size
    Dim stride;      // of the next loop in it
    Expr* position;  // null: no axis left
  };

  Side side(Shape& shape, std::vector<Expr>& positions, int axis) const {
    while (axis >= first_ && shape[static_cast<std::size_t>(axis)] == Dim(1)) --axis;
    if (axis < first_) return {axis, 1, 1, nullptr};
    return {axis, shape[static_cast<std::size_t>(axis)], 1, &positions[static_cast<std::size_t>(axis)]};
  }

  static void add(Side& side, const Expr& loop, const Dim& extent) {
    const Expr term = loop * Expr(side.stride);
    *side.position = *side.position ? term + *side.position : term;
    side.stride *= extent;
  }

  void walk() {
    Side from = side(from_, read_, static_cast<int>(from_.size()) - 1), to = side(to_, write_, static_cast<int>(to_.size()) - 1);
    // Axes are made from the innermost on; the map's order is the reverse.
    while (from.position != nullptr && to.position != nullptr) {
      Dim quotient;
      const bool whole = Dim::divide_exactly(to.left, from.left, quotient);
      if (!whole && !Dim::divide_exactly(from.left, to.left, quotient)) break;
      const Dim extent = whole ? from.left : to.left;
      const Axis axis = d_.axis(fmt::format("k{}", loops_++), extent);
      add(from, axis_position(axis), extent);
      add(to, axis_position(axis), extent);
      (whole ? to : from).left = quotient;
      (whole ? from : to).left = 1;
      if (from.left == Dim(1)) from = side(from_, read_, from.axis - 1);
      if (to.left == Dim(1)) to = side(to_, write_, to.axis - 1);
    }
    if (to.position != nullptr) by_division(from, to);
  }

  void by_division(Side from, Side to) {
    Expr flat(0);
    Dim stride = 1;
    for (; to.position != nullptr; to = side(to_, write_, to.axis - 1)) {
      const Axis axis = d_.axis(fmt::format("k{}", loops_++), to.left);
      flat = axis_position(axis) * Expr(stride) + flat;
      stride *= to.left;
      add(to, axis_position(axis), to.left);
    }
    while (from.position != nullptr) {
      const Side outer = side(from_, read_, from.axis - 1);
      const Expr here = outer.position == nullptr ? flat : make(Scalar::mod, {flat, Expr(from.left)});
      if (outer.position != nullptr) flat = make(Scalar::floor_div, {flat, Expr(from.left)});
      add(from, here, from.left);
      from = outer;
    }
  }

  Definition& d_;
  Shape from_, to_;
  std::vector<Expr> read_, write_;
  int first_ = 0, loops_ = 0;
};

const Register reshape_operator{
    {.name = "reshape",
     .about = "the same elements, in row-major order, as another shape",
     .inputs = {{"x"}},
     .attributes = {{"shape", Shape{}, "the sizes wanted; one may be -1: what is left over", true}},
     .define =
         [](Definition& d) {
           const Type type{d.dtype(0), wanted_shape(d.call()), {}};
           if (element_count(type.shape) == Dim(0)) {
             std::vector<Axis> axes;
             for (const Dim& size : type.shape) axes.push_back(d.axis(fmt::format("i{}", axes.size()), size));
             d.output(type.dtype, axes, constant(type.dtype, 0));
             return;
           }
           const Refinement refinement(d, d.call().input(0).shape, type.shape);
           d.scatter(type, refinement.write_at(), d.read(0, refinement.read_at()), Accumulate::none);
         },
     .gradient = [](const GradientContext& g) { return std::vector<Var>{reshape(g.cotangents[0], g.inputs[0].shape())}; }}};

}  // namespace
}  // namespace neap::reshape_operator
