// Passes that write a graph of calls anew, node by node, with other nodes in place of some.
#pragma once
#include <functional>
#include <unordered_map>
#include <vector>

#include "neap/ops/builder.h"

namespace neap {

class Rebuild {
 public:
  explicit Rebuild(Graph& graph) : graph_(graph), build_(graph) {}

  // Goes through the nodes in order. `instead` is given each with its operands as they are now; what it builds and gives stands for the
  // node's one result, an empty Var leaves the node as it is. Gives the number of nodes replaced; dead ones are removed.
  int run(const std::function<Var(const Node&)>& instead);

  Builder& build() { return build_; }
  const Graph& graph() const { return graph_; }
  // The node written so far that makes a value; null for inputs and constants.
  const Node* maker(ValueId value);
  // The same if it is a call of this operator that no library has claimed.
  const Node* maker(ValueId value, std::string_view op);
  // The result of a composite call with one result, written out; the same each time for the same value.
  Var written_out(ValueId result);

 private:
  ValueId resolve(ValueId id) const;

  Graph& graph_;
  Builder build_;
  std::size_t known_ = 0;  // of the nodes written so far, whose makers are noted
  std::unordered_map<ValueId, NodePtr> makers_;
  std::unordered_map<ValueId, ValueId> replaced_;
  std::unordered_map<ValueId, Var> written_out_;
};

}  // namespace neap
