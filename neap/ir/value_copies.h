// The values of one graph in another, into which nodes are copied.
#pragma once
#include <map>

#include "neap/ir/graph.h"

namespace neap {

class ValueCopies {
 public:
  ValueCopies(const Graph& from, Graph& to) : from_(from), to_(to) {}
  void bind(ValueId from, ValueId to) { copies_[from] = to; }
  bool has(ValueId from) const { return copies_.contains(from); }
  // The value there: a copy with its type, name and constant where there is none yet. no_value stays what it is.
  ValueId of(ValueId from);
  Node of(const Node& node);  // with its values there

 private:
  const Graph& from_;
  Graph& to_;
  std::map<ValueId, ValueId> copies_;
};

}  // namespace neap
