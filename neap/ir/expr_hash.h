// Hashes of scalar expressions that do not depend on how axes are numbered or on which parts are shared.
#pragma once
#include <unordered_map>
#include <vector>

#include "neap/base/hash.h"
#include "neap/ir/expr.h"

namespace neap {

// Of the expressions of one map. Axes count by the order in which they are first met: feed them from the outermost on.
class ExprHasher {
 public:
  void feed(Hasher& hasher, const std::vector<Axis>& axes);
  void feed(Hasher& hasher, const Expr& root);
  std::uint64_t number(int axis);  // a new one where the axis has none yet
  Hash of(const Expr& root);

 private:
  std::vector<int> axes_;                               // id of each number
  std::unordered_map<const Expr::Node*, Hash> shared_;  // of nodes that more than one expression may hold
};

}  // namespace neap
