// A table by the nodes of an expression, for walks over it.
#pragma once
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "neap/ir/expr.h"

namespace neap {

// Nodes that have been met, numbered in the order in which they were, by address: a table of open addressing. Most expressions have some
// ten nodes, for which no memory is asked.
class NodeNumbers {
 public:
  // -1 where it is not known.
  int find(const Expr::Node* node) const {
    const std::size_t at = place(node);
    return keys()[at] == node ? numbers()[at] : -1;
  }
  // False where it was known already.
  bool add(const Expr::Node* node) {
    if (2 * (count_ + 1) > capacity_) grow();
    const std::size_t at = place(node);
    if (keys()[at] == node) return false;
    keys()[at] = node;
    numbers()[at] = static_cast<int>(count_++);
    return true;
  }

 private:
  static constexpr std::size_t few = 64;
  // Where it is, or would be.
  std::size_t place(const Expr::Node* node) const {
    const auto mixed = (reinterpret_cast<std::uintptr_t>(node) >> 4) * 0x9E3779B97F4A7C15ull;
    std::size_t at = static_cast<std::size_t>(mixed >> 40) & (capacity_ - 1);
    while (keys()[at] != nullptr && keys()[at] != node) at = (at + 1) & (capacity_ - 1);
    return at;
  }
  const Expr::Node* const* keys() const { return many_keys_.empty() ? few_keys_.data() : many_keys_.data(); }
  const Expr::Node** keys() { return many_keys_.empty() ? few_keys_.data() : many_keys_.data(); }
  const int* numbers() const { return many_numbers_.empty() ? few_numbers_.data() : many_numbers_.data(); }
  int* numbers() { return many_numbers_.empty() ? few_numbers_.data() : many_numbers_.data(); }
  void grow() {
    const std::vector<const Expr::Node*> old_keys(keys(), keys() + capacity_);
    const std::vector<int> old_numbers(numbers(), numbers() + capacity_);
    capacity_ *= 4;
    many_keys_.assign(capacity_, nullptr);
    many_numbers_.resize(capacity_);
    for (std::size_t i = 0; i < old_keys.size(); ++i) {
      if (old_keys[i] == nullptr) continue;
      const std::size_t at = place(old_keys[i]);
      many_keys_[at] = old_keys[i];
      many_numbers_[at] = old_numbers[i];
    }
  }

  std::size_t capacity_ = few, count_ = 0;
  std::array<const Expr::Node*, few> few_keys_{};
  std::array<int, few> few_numbers_{};
  std::vector<const Expr::Node*> many_keys_;
  std::vector<int> many_numbers_;
};

// What has been found of each.
template <class T>
class ByNode {
 public:
  const T* find(const Expr::Node* node) const {
    const int number = numbers_.find(node);
    return number < 0 ? nullptr : &values_[static_cast<std::size_t>(number)];
  }
  void add(const Expr::Node* node, T value) {
    constexpr std::size_t few = 16;
    if (values_.empty()) values_.reserve(few);
    if (numbers_.add(node)) values_.push_back(std::move(value));
  }

 private:
  NodeNumbers numbers_;
  std::vector<T> values_;
};

// As `visit`, for walks that are made often: known to the compiler, and without a table for a leaf.
template <class F>
void visit_nodes(const Expr& root, const F& f) {
  if (root->args.empty() && root->axes.empty()) {
    f(root);
    return;
  }
  NodeNumbers seen;
  const auto walk = [&](const auto& self, const Expr& e) -> void {
    const bool met_once = e.node().use_count() == 1;  // only its one parent refers to it
    if (!met_once && !seen.add(e.node().get())) return;
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
