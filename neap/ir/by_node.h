// A table by the nodes of an expression, for walks over it.
#pragma once
#include <array>
#include <cstdint>
#include <iterator>
#include <vector>

#include "neap/ir/expr.h"

namespace neap {

// What has been met, by address: a table of open addressing. Most expressions have some ten nodes, for which no memory is asked.
template <class T>
class ByNode {
 public:
  // Null where it is not known.
  T* find(const Expr::Node* node) {
    for (std::size_t at = place(node);; at = (at + 1) & (capacity_ - 1)) {
      if (keys()[at] == node) return &values()[at];
      if (keys()[at] == nullptr) return nullptr;
    }
  }
  // False where it was known already.
  bool add(const Expr::Node* node, T value) {
    if (2 * (count_ + 1) > capacity_) grow();
    std::size_t at = place(node);
    for (; keys()[at] != nullptr; at = (at + 1) & (capacity_ - 1)) {
      if (keys()[at] == node) return false;
    }
    keys()[at] = node;
    values()[at] = std::move(value);
    ++count_;
    return true;
  }

 private:
  static constexpr std::size_t few = 64;
  std::size_t place(const Expr::Node* node) const {
    const auto mixed = (reinterpret_cast<std::uintptr_t>(node) >> 4) * 0x9E3779B97F4A7C15ull;
    return static_cast<std::size_t>(mixed >> 40) & (capacity_ - 1);
  }
  const Expr::Node** keys() { return many_keys_.empty() ? few_keys_.data() : many_keys_.data(); }
  T* values() { return many_keys_.empty() ? few_values_.data() : many_values_.data(); }
  void grow() {
    std::vector<const Expr::Node*> old_keys(keys(), keys() + capacity_);
    std::vector<T> old_values(std::make_move_iterator(values()), std::make_move_iterator(values() + capacity_));
    capacity_ *= 4;
    count_ = 0;
    many_keys_.assign(capacity_, nullptr);
    many_values_.assign(capacity_, T{});
    for (std::size_t i = 0; i < old_keys.size(); ++i) {
      if (old_keys[i] != nullptr) add(old_keys[i], std::move(old_values[i]));
    }
  }

  std::size_t capacity_ = few, count_ = 0;
  std::array<const Expr::Node*, few> few_keys_{};
  std::array<T, few> few_values_{};
  std::vector<const Expr::Node*> many_keys_;
  std::vector<T> many_values_;
};

// As `visit`, for walks that are made often: known to the compiler, and without a table for a leaf.
template <class F>
void visit_nodes(const Expr& root, const F& f) {
  if (root->args.empty() && root->axes.empty()) {
    f(root);
    return;
  }
  ByNode<char> seen;
  const auto walk = [&](const auto& self, const Expr& e) -> void {
    const bool met_once = e.node().use_count() == 1;  // only its one parent refers to it
    if (!met_once && !seen.add(e.node().get(), 1)) return;
    for (const Expr& arg : e->args) self(self, arg);
    for (const Axis& axis : e->axes) {
      if (axis.ragged == nullptr) continue;
      self(self, axis.ragged->first);
      self(self, axis.ragged->second);
    }
    f(e);
  };
  walk(walk, root);
}

}  // namespace neap
