// Going through expressions, each distinct node once: visiting, rebuilding, comparing.
#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "neap/base/error.h"
#include "neap/ir/by_node.h"
#include "neap/ir/scalar.h"

namespace neap {
namespace {

using Memo = ByNode<Expr>;

// Whether an operation on other arguments is surely the same operation: there is nothing to check, to fold or to drop. (What can be dropped
// beside a constant was, when the operation was made; two equal sides of a select may be new.)
bool stays_as_it_is(const Expr& root, const std::vector<Expr>& args) {
  if (root->op == Scalar::select) return false;
  if (kind(root->op) == ScalarKind::other) return true;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i].dtype() != root->args[i].dtype() || (args[i]->op == Scalar::constant && args[i].node() != root->args[i].node()))
      return false;
  }
  return true;
}

Expr rewrite_with(const Expr& root, const std::function<Expr(const Expr&)>& f, Memo& memo) {
  if (root->args.empty() && root->axes.empty()) {
    if (Expr replaced = f(root)) return replaced;
    return root;
  }
  const bool met_once = root.node().use_count() == 1;  // only its one parent refers to it
  if (const Expr* known = met_once ? nullptr : memo.find(root.node().get())) return *known;
  bool changed = false;
  std::vector<Expr> args;  // from the first that changes on
  for (std::size_t i = 0; i < root->args.size(); ++i) {
    Expr arg = rewrite_with(root->args[i], f, memo);
    if (!changed && arg.node() == root->args[i].node()) continue;
    if (!changed) {
      args.reserve(root->args.size());
      args.assign(root->args.begin(), root->args.begin() + static_cast<std::ptrdiff_t>(i));
    }
    changed = true;
    args.push_back(std::move(arg));
  }
  std::vector<Axis> axes;  // where their bounds change
  for (std::size_t i = 0; i < root->axes.size(); ++i) {
    const auto& ragged = root->axes[i].ragged;
    if (ragged == nullptr) continue;
    auto bounds = std::make_pair(rewrite_with(ragged->first, f, memo), rewrite_with(ragged->second, f, memo));
    if (bounds.first.node() == ragged->first.node() && bounds.second.node() == ragged->second.node()) continue;
    if (axes.empty()) axes = root->axes;
    axes[i].ragged = std::make_shared<const std::pair<Expr, Expr>>(std::move(bounds));
    changed = true;
  }
  Expr rebuilt = root;
  if (changed) {
    if (args.empty()) args = root->args;
    if (stays_as_it_is(root, args)) {
      auto node = std::make_shared<Expr::Node>();
      node->op = root->op;
      node->dtype = root->dtype;
      node->args = std::move(args);
      node->number = root->number;
      node->integer = root->integer;
      node->rank = root->rank;
      node->dim = root->dim;
      node->reduction = root->reduction;
      node->axes = axes.empty() ? root->axes : axes;
      rebuilt = Expr(std::move(node));
    } else {
      std::array<const Expr::Node*, 3> rewritten{};
      for (std::size_t i = 0; i < args.size(); ++i) rewritten[i] = args[i].node().get();
      rebuilt = make(root->op, std::move(args));
      // What `make` simplifies to one of the arguments has been through `f` already.
      if (std::find(rewritten.begin(), rewritten.end(), rebuilt.node().get()) != rewritten.end()) {
        if (!met_once) memo.add(root.node().get(), rebuilt);
        return rebuilt;
      }
    }
  }
  if (Expr replaced = f(rebuilt)) rebuilt = std::move(replaced);
  if (!met_once) memo.add(root.node().get(), rebuilt);
  return rebuilt;
}

bool same_number(double a, double b) { return (a == b && std::signbit(a) == std::signbit(b)) || (std::isnan(a) && std::isnan(b)); }

class Comparison {
 public:
  bool same(const Expr& a, const Expr& b) {
    if (a.node() == b.node()) return true;
    if (!a || !b) return false;
    if (a->op != b->op || a->dtype != b->dtype || !same_number(a->number, b->number) || a->integer != b->integer || a->rank != b->rank ||
        a->args.size() != b->args.size() || a->axes.size() != b->axes.size() || a->reduction != b->reduction || !(a->dim == b->dim)) {
      return false;
    }
    if (a->args.empty() && a->axes.empty()) return true;
    // Without this, parts that both share with others would be compared once for each path to them.
    const bool shared = a.node().use_count() > 1 && b.node().use_count() > 1;
    if (shared && equal_.count({a.node().get(), b.node().get()}) != 0) return true;
    for (std::size_t i = 0; i < a->axes.size(); ++i) {
      const Axis &x = a->axes[i], &y = b->axes[i];
      if (x.id != y.id || !(x.extent == y.extent) || (x.ragged == nullptr) != (y.ragged == nullptr)) return false;
      if (x.ragged != nullptr && (!same(x.ragged->first, y.ragged->first) || !same(x.ragged->second, y.ragged->second))) return false;
    }
    for (std::size_t i = 0; i < a->args.size(); ++i) {
      if (!same(a->args[i], b->args[i])) return false;
    }
    if (shared) equal_.emplace(a.node().get(), b.node().get());
    return true;
  }

 private:
  std::set<std::pair<const Expr::Node*, const Expr::Node*>> equal_;
};

}  // namespace

bool same(const Expr& a, const Expr& b) { return Comparison().same(a, b); }

Expr rewrite(const Expr& root, const std::function<Expr(const Expr&)>& f) {
  if (root->args.empty() && root->axes.empty()) {
    if (Expr replaced = f(root)) return replaced;
    return root;
  }
  Memo memo;
  return rewrite_with(root, f, memo);
}

void visit(const Expr& root, const std::function<void(const Expr&)>& f) { visit_nodes(root, f); }

Expr substitute_axes(const Expr& root, const std::map<int, Expr>& values) {
  return rewrite(root, [&](const Expr& e) -> Expr {
    if (e->op == Scalar::axis) {
      const auto found = values.find(static_cast<int>(e->integer));
      return found == values.end() ? Expr() : found->second;
    }
    if (e->op != Scalar::reduce) return {};
    std::vector<Axis> axes = e->axes;
    bool changed = false;
    for (Axis& axis : axes) {
      const auto found = values.find(axis.id);
      if (found == values.end()) continue;
      NEAP_ASSERT(found->second->op == Scalar::axis, " a reduction's own axis can only be renamed");
      axis.id = static_cast<int>(found->second->integer);
      changed = true;
    }
    return changed ? reduce(e->reduction, std::move(axes), e->args[0]) : Expr();
  });
}

int highest_axis(const Expr& root) {
  int highest = -1;
  visit_nodes(root, [&](const Expr& e) {
    if (e->op == Scalar::axis) highest = std::max(highest, static_cast<int>(e->integer));
    for (const Axis& axis : e->axes) highest = std::max(highest, axis.id);
  });
  return highest;
}

bool is_axis(const Expr& e, int axis) { return e->op == Scalar::axis && e->integer == axis; }

bool uses_axis(const Expr& root, int axis) {
  bool found = false;
  visit_nodes(root, [&](const Expr& e) { found |= e->op == Scalar::axis && e->integer == axis; });
  return found;
}

}  // namespace neap
