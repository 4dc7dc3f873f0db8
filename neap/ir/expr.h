// Scalar expressions: the body of a map. Immutable, shared, and pure: an expression is a function of the axes around it.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "neap/base/dtype.h"
#include "neap/ir/dim.h"

namespace neap {

enum class Scalar : std::uint8_t {
  constant,  // a number of the expression's dtype
  size,      // a Dim, as i64
  axis,      // the position on an axis, as i64
  read,      // operand[indices...]; an optional last argument is the value outside of the operand's bounds
  cast,      // to the expression's dtype (float to integer truncates; to bool: != 0)
  // one argument
  neg,
  abs,
  sign,
  reciprocal,
  sqrt,
  rsqrt,
  exp,
  expm1,
  log,
  log1p,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  asinh,
  acosh,
  atanh,
  tanh,
  sigmoid,
  erf,
  floor,
  ceil,
  round,
  trunc,
  logical_not,
  bit_not,
  is_nan,
  is_inf,
  // two arguments of one dtype
  add,
  sub,
  mul,
  div,
  floor_div,
  mod,
  pow,
  min,
  max,
  atan2,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  logical_and,
  logical_or,
  logical_xor,
  bit_and,
  bit_or,
  bit_xor,
  shift_left,
  shift_right,
  // three
  select,       // condition ? a : b; only the chosen side needs to be in bounds
  random_bits,  // 32 random bits (as i64, 0 .. 2^32-1) of (seed, stream, counter): Philox4x32-10, the same for every thread count and block
                // size
  // over axes of its own
  reduce,
};
// Rules: min/max give NaN if an argument is NaN; div and mod of integers by zero give 0; floor_div and mod round towards minus
// infinity (mod of floats is Python's); round is to nearest even; sign(NaN) is NaN; comparisons and is_* give bool.

enum class Reduction : std::uint8_t { sum, prod, max, min, any, all, argmax, argmin };
// Over no elements: 0, 1, lowest (-inf), highest (+inf), false, true, -1, -1. max/min propagate NaN; argmax/argmin give the first, and
// count NaN as the extreme. Sums of f16/bf16/f32 are taken in f32 or better, of integers in i64.

class Expr;

// One axis of an iteration space. `id` is unique within a map. A dense axis runs over [0, extent). A ragged axis runs over
// [begin, end), expressions of axes outside of it (entries of a CSR row: offsets[row] .. offsets[row + 1]); `extent` is then the
// number of all its entries.
struct Axis {
  int id = 0;
  std::string name;
  Dim extent;
  std::shared_ptr<const std::pair<Expr, Expr>> ragged;  // null: dense
};

class Expr {
 public:
  struct Node;
  Expr() = default;
  explicit Expr(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  Expr(double value);        // NOLINT: f32 constant; it takes the dtype of the other argument in arithmetic
  Expr(int value);           // NOLINT: i64 constant; likewise
  Expr(std::int64_t value);  // NOLINT
  Expr(const Dim& size);     // NOLINT

  explicit operator bool() const { return node_ != nullptr; }
  const Node* operator->() const { return node_.get(); }
  const Node& operator*() const { return *node_; }
  const std::shared_ptr<const Node>& node() const { return node_; }
  DType dtype() const;

 private:
  std::shared_ptr<const Node> node_;
};

struct Expr::Node {
  Scalar op = Scalar::constant;
  DType dtype = DType::f32;
  std::vector<Expr> args;
  double number = 0;  // constant of a float or bool dtype
  std::int64_t integer =
      0;         // constant of an integer dtype; axis: its id; read: the operand (>= 0: the node's input; -1 - k: the map's local k)
  int rank = 0;  // read: how many of the args are indices
  Dim dim;       // size
  Reduction reduction{};   // reduce
  std::vector<Axis> axes;  // reduce: its own axes, outermost first
};

// Builders: they check dtypes (Error), fold constants, and drop neutral elements.
Expr make(Scalar op, std::vector<Expr> args);
Expr constant(DType dtype, double value);
Expr constant_int(DType dtype, std::int64_t value);
Expr axis_position(const Axis& axis);
Expr cast(const Expr& value, DType dtype);
Expr read(int operand, DType dtype, std::vector<Expr> indices, Expr outside = {});
Expr select(const Expr& condition, const Expr& yes, const Expr& no);
Expr reduce(Reduction reduction, std::vector<Axis> axes, const Expr& value);
Expr operator+(const Expr& a, const Expr& b);
Expr operator-(const Expr& a, const Expr& b);
Expr operator*(const Expr& a, const Expr& b);
Expr operator/(const Expr& a, const Expr& b);
Expr operator-(const Expr& a);
Expr operator<(const Expr& a, const Expr& b);
Expr operator<=(const Expr& a, const Expr& b);
Expr operator>(const Expr& a, const Expr& b);
Expr operator>=(const Expr& a, const Expr& b);
Expr operator==(const Expr& a, const Expr& b);  // an expression, not a comparison of handles: see `same`
Expr operator&&(const Expr& a, const Expr& b);
Expr operator||(const Expr& a, const Expr& b);
Expr min(const Expr& a, const Expr& b);
Expr max(const Expr& a, const Expr& b);
Expr exp(const Expr& a);
Expr log(const Expr& a);
Expr sqrt(const Expr& a);
Expr tanh(const Expr& a);
Expr sigmoid(const Expr& a);

// The dtype of an operation on these arguments as they stand; Error if their dtypes do not fit. Not for leaves, reads, casts, reductions.
DType result_type(Scalar op, const std::vector<Expr>& args);

std::string_view name(Scalar op);
std::string_view name(Reduction reduction);
bool same(const Expr& a, const Expr& b);  // structurally equal (axis ids compared as they are)

// Rebuilds bottom-up: f returns a replacement for a node whose arguments are already rebuilt, or an empty Expr to keep it.
Expr rewrite(const Expr& root, const std::function<Expr(const Expr&)>& f);
void visit(const Expr& root, const std::function<void(const Expr&)>& f);  // each distinct node once, arguments first; also axes' bounds
Expr substitute_axes(const Expr& root,
                     const std::map<int, Expr>& values);  // axis id -> expression (reductions' own axes too, only by another axis)
int highest_axis(const Expr& root);                       // largest axis id in it, its own reductions' too; -1 if none
bool uses_axis(const Expr& root, int axis);
bool is_axis(const Expr& e, int axis);  // its position, and nothing else

// value = sum of coefficient * axis + rest, with Dim coefficients; `affine` is false when the expression is not of this form.
struct Affine {
  bool affine = false;
  std::map<int, Dim> coefficients;  // axis id -> coefficient, without zeros
  Dim rest;
};
Affine affine(const Expr& index);

// Points of an iteration space. A ragged axis counts all its entries once, in place of the axes that its bounds depend on.
Dim points(const std::vector<Axis>& space);

// Flops of one evaluation (transcendental functions by their own cost, see expr.cpp), not counting index arithmetic; with `space`, of an
// evaluation at each of its points.
Dim flops(const Expr& root);
Dim flops(const Expr& root, const std::vector<Axis>& space);

}  // namespace neap
