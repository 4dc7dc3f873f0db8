// ops/: what can be computed. One file an operator; each registers itself at start-up. An operator is its definition: either index
// expressions (a primitive) or a graph of other operators (a composite). Shape rule, interpreter, bytes, flops, loop nest and,
// where it is mechanical, the gradient follow from it.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "neap/base/error.h"
#include "neap/ir/graph.h"

namespace neap {

class Builder;
class Var;
struct Operator;

// A call as its operator sees it: types of the operands and attributes with the defaults filled in.
class Call {
 public:
  // Error (naming operator and shapes) for a wrong number of operands, an unknown attribute or one of another kind, or a missing required
  // one.
  Call(const Operator& op, std::vector<Type> inputs, std::vector<bool> present, Attributes attributes);

  const Operator& op() const { return *op_; }
  int input_count() const { return static_cast<int>(inputs_.size()); }  // trailing absent optional operands are counted as absent
  bool has(int input) const { return input < input_count() && present_[static_cast<std::size_t>(input)]; }
  const Type& input(int index) const;          // Error if absent
  const Dim& size(int input, int axis) const;  // negative axes count from the end
  const Attributes& attributes() const { return attributes_; }

  bool flag(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  const std::vector<std::int64_t>& integers(std::string_view name) const;
  const std::vector<double>& numbers(std::string_view name) const;
  const std::vector<Dim>& dims(std::string_view name) const;
  DType dtype(std::string_view name) const;
  int axis(std::string_view name, int rank) const;               // an axis attribute, made non-negative and checked
  std::vector<int> axes(std::string_view name, int rank) const;  // sorted, checked for repetition; an empty attribute means all

  std::string describe() const;                                                              // "matmul(f32[2,3], f32[4,5])"
  [[noreturn]] void fail(const std::string& problem, const std::string& remedy = "") const;  // Error at this call

 private:
  const Operator* op_;
  std::vector<Type> inputs_;
  std::vector<bool> present_;
  Attributes attributes_;
};

// What a primitive's definition makes: one map and the types of its outputs.
struct Primitive {
  Map map;
  std::vector<Type> outputs;
};

// The words in which a primitive is defined.
//   auto i = d.axis("i", d.size(0, 0)), k = d.axis("k", d.size(1, 1));  auto j = d.over("j", d.size(0, 1));
//   d.output(d.dtype(0), {i, k}, d.sum({j}, d.read(0, {i, j}) * d.read(1, {j, k})));
class Definition {
 public:
  explicit Definition(const Call& call) : call_(call) {}
  const Call& call() const { return call_; }
  const Dim& size(int input, int axis) const { return call_.size(input, axis); }
  DType dtype(int input) const { return call_.input(input).dtype; }

  Axis axis(std::string name, Dim extent);  // a parallel axis; the map's axes in order of creation
  Axis over(std::string name, Dim extent);  // an axis for a reduction
  Axis over_ragged(std::string name, Dim extent, Expr begin, Expr end);
  Axis axis_ragged(std::string name, Dim extent, Expr begin, Expr end);   // parallel; inside the axes that its bounds depend on
  std::vector<Axis> axes_like(int input, std::string_view prefix = "i");  // one parallel axis for each axis of an operand

  Expr read(int input, const std::vector<Expr>& index, Expr outside = {}) const;  // Error unless the rank fits
  Expr at(const Axis& axis) const { return axis_position(axis); }
  Expr sum(const std::vector<Axis>& axes, const Expr& value) const { return reduce(Reduction::sum, axes, value); }

  void output(DType dtype, const std::vector<Axis>& axes, const Expr& value);  // one element a point: output[axes...] = value
  void scatter(Type type, const std::vector<Expr>& index, const Expr& value, Accumulate accumulate);
  Primitive finish();

 private:
  const Call& call_;
  Primitive made_;
  int next_axis_ = 0;
};
std::vector<Expr> positions(const std::vector<Axis>& axes);

struct InputSpec {
  enum Kind { required, optional, variadic };  // variadic: the last, any number from one
  std::string name;
  Kind kind = required;
};
struct AttributeSpec {
  std::string name;
  Attribute default_value;
  std::string about;
  bool required = false;
};
// The ONNX operator that is the same computation, where attributes carry over by name (`attributes`: ONNX name -> ours). What needs
// more than renaming is written in onnx/.
struct OnnxName {
  std::string name;
  int since = 1;
  std::map<std::string, std::string> attributes;
};

struct GradientContext {
  Builder& build;
  const Call& call;
  const std::vector<Var>& inputs;  // absent operands are empty
  const std::vector<Var>& outputs;
  const std::vector<Var>& cotangents;  // one an output; empty where the loss does not depend on it
};

struct Operator {
  std::string name;
  std::string about;  // one line: the formula
  std::vector<InputSpec> inputs;
  std::vector<AttributeSpec> attributes;
  // Exactly one of the two.
  std::function<void(Definition&)> define;
  std::function<std::vector<Var>(Builder&, const std::vector<Var>&, const Call&)> compose;
  // One cotangent an input (empty: none flows). Without it the gradient is derived from the definition.
  std::function<std::vector<Var>(const GradientContext&)> gradient;
  bool differentiable = true;                           // false: no gradient flows through (comparisons, integers, rounding)
  std::function<std::vector<Type>(const Call&)> shape;  // composites only, where building the graph to see its shape would be slow
  std::vector<OnnxName> onnx;
};

// Static objects of this type put operators into the registry: `static const Register relu{{.name = "relu", ...}};`
struct Register {
  explicit Register(Operator op);
};
const Operator& find_operator(std::string_view name);  // Error with the nearest names
const Operator* find_operator_or_null(std::string_view name);
std::vector<const Operator*> all_operators();  // sorted by name

Call make_call(const Graph& graph, const Node& node);
std::vector<Type> types_of(const Graph& graph, const std::vector<ValueId>& values);  // an empty type for an absent one
Primitive define(const Call& call);                                                  // of a primitive
std::vector<Type> infer(const Call& call);                                           // types of the outputs, row-major

}  // namespace neap
