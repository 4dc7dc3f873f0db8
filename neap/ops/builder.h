// Writes graphs: calls by name with checked shapes, and arithmetic on values.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "neap/ops/operator.h"

namespace neap {

// A value of the graph that a builder writes. Arithmetic on it appends calls; numbers become constants of its dtype.
class Var {
 public:
  Var() = default;
  Var(Builder* build, ValueId id) : build_(build), id_(id) {}
  explicit operator bool() const { return id_ != no_value; }
  ValueId id() const { return id_; }
  Builder& build() const { return *build_; }
  const Type& type() const;
  const Shape& shape() const { return type().shape; }
  const Dim& size(int axis) const;  // negative axes count from the end
  DType dtype() const { return type().dtype; }
  int rank() const { return type().rank(); }

 private:
  Builder* build_ = nullptr;
  ValueId id_ = no_value;
};

class Builder {
 public:
  explicit Builder(Graph& graph) : graph_(&graph) {}

  Graph& graph() { return *graph_; }
  Var input(std::string name, Type type, Role role = Role::input);
  Var constant(Array elements);
  Var constant(DType dtype, double value);  // rank 0; the same number is made once
  Var zeros_like(const Var& like);
  Var full(DType dtype, const Shape& shape, double value);

  // Calls an operator; empty Vars are absent optional operands. Error, with the call described, if it does not fit.
  Var call(std::string_view op, const std::vector<Var>& inputs, Attributes attributes = {});
  std::vector<Var> calls(std::string_view op, const std::vector<Var>& inputs, Attributes attributes = {});
  // Appends a copy of `body`, its inputs bound to `inputs`; gives its outputs.
  std::vector<Var> inline_graph(const Graph& body, const std::vector<Var>& inputs);
  // Writes a composite's definition out in place of a call.
  std::vector<Var> expand(const Call& call, const std::vector<Var>& inputs);
  Var map(Map map, Type type, const std::vector<Var>& inputs);  // a map with one output

  Var wrap(ValueId id) { return {this, id}; }
  // Names what is written from here on: "block3/depthwise"; a node's origin is "scope: operator".
  void set_scope(std::string scope) { scope_ = std::move(scope); }
  const std::string& scope() const { return scope_; }
  void set_origin(std::vector<std::string> origin) { origin_ = std::move(origin); }  // overrides; empty: from scope and operator

 private:
  Graph* graph_;
  std::string scope_;
  std::vector<std::string> origin_;
  std::map<std::pair<int, double>, ValueId> numbers_;
};

Var operator+(const Var& a, const Var& b);
Var operator-(const Var& a, const Var& b);
Var operator*(const Var& a, const Var& b);
Var operator/(const Var& a, const Var& b);
Var operator-(const Var& a);
Var operator+(const Var& a, double b);
Var operator-(const Var& a, double b);
Var operator*(const Var& a, double b);
Var operator/(const Var& a, double b);
Var operator+(double a, const Var& b);
Var operator-(double a, const Var& b);
Var operator*(double a, const Var& b);
Var operator/(double a, const Var& b);
Var unary(std::string_view op, const Var& x);  // "exp", "tanh", ...
Var exp(const Var& x);
Var log(const Var& x);
Var sqrt(const Var& x);
Var tanh(const Var& x);
Var sigmoid(const Var& x);
Var sum(const Var& x, const std::vector<std::int64_t>& axes, bool keep = false);
Var mean(const Var& x, const std::vector<std::int64_t>& axes, bool keep = false);
Var max(const Var& x, const std::vector<std::int64_t>& axes, bool keep = false);
Var reshape(const Var& x, const Shape& shape);
Var transpose(const Var& x, const std::vector<std::int64_t>& permutation);
Var expand(const Var& x, const Shape& shape);     // broadcasts to the shape
Var reduce_to(const Var& x, const Shape& shape);  // the transpose of a broadcast: sums to the shape
Var cast(const Var& x, DType dtype);
Var matmul(const Var& a, const Var& b);
Var where(const Var& condition, const Var& a, const Var& b);

// Walks a graph of calls and writes out every composite, to primitives only (nested ones too); `keep` says which calls stay.
Graph expand_composites(const Graph& graph, const std::function<bool(const Node&)>& keep = nullptr);
// Every primitive call becomes its map; calls with an implementation stay.
Graph lower_to_maps(const Graph& graph);

}  // namespace neap
