#include "neap/ir/expr_hash.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace neap {

std::uint64_t ExprHasher::number(int axis) {
  const auto found = std::find(axes_.begin(), axes_.end(), axis);
  const auto at = static_cast<std::uint64_t>(found - axes_.begin());
  if (found == axes_.end()) axes_.push_back(axis);
  return at;
}

void ExprHasher::feed(Hasher& hasher, const std::vector<Axis>& axes) {
  hasher.add(axes.size());
  for (const Axis& axis : axes) {
    axis.extent.feed(hasher);
    hasher.add(axis.ragged != nullptr ? 1 : 0);
    if (axis.ragged != nullptr) {
      feed(hasher, axis.ragged->first);
      feed(hasher, axis.ragged->second);
    }
    hasher.add(number(axis.id));
  }
}

void ExprHasher::feed(Hasher& hasher, const Expr& root) {
  const Hash hash = of(root);
  hasher.add(hash.low).add(hash.high);
}

Hash ExprHasher::of(const Expr& root) {
  const Expr::Node& node = *root;
  // What only one holder refers to is met once.
  const bool shared = !node.args.empty() && root.node().use_count() > 1;
  if (shared) {
    const auto found = shared_.find(&node);
    if (found != shared_.end()) return found->second;
  }
  Hasher hasher;
  hasher.add(static_cast<std::uint64_t>(node.op) | static_cast<std::uint64_t>(node.dtype) << 8 |
             static_cast<std::uint64_t>(node.reduction) << 16 | static_cast<std::uint64_t>(node.rank) << 32);
  switch (node.op) {
    case Scalar::constant:
      hasher.add(is_float(node.dtype)
                     ? std::bit_cast<std::uint64_t>(std::isnan(node.number) ? std::numeric_limits<double>::quiet_NaN() : node.number)
                     : static_cast<std::uint64_t>(node.integer));
      break;
    case Scalar::size:
      node.dim.feed(hasher);
      break;
    case Scalar::axis:
      hasher.add(number(static_cast<int>(node.integer)));
      break;
    case Scalar::read:
      hasher.add(static_cast<std::uint64_t>(node.integer));
      break;
    case Scalar::reduce:
      feed(hasher, node.axes);
      break;
    default:
      break;
  }
  hasher.add(node.args.size());
  for (const Expr& arg : node.args) feed(hasher, arg);
  const Hash hash = hasher.finish();
  if (shared) shared_.emplace(&node, hash);
  return hash;
}

}  // namespace neap
